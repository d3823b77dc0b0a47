"""What somebody sets for themselves: name, time zone, password, one-time codes."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import available_timezones

import pyotp
from fastapi import APIRouter, Request, Response

from api.console.desk import PLACE
from api.console.people import SHORTEST, Visitor
from core.decide.leads import Posted
from core.errors import ConcordError

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.console.desk import Desk


@cache
def _zones() -> list[str]:
    """What a day may be counted in; they are files, and many."""
    return sorted(available_timezones())


def routes(desk: Desk) -> APIRouter:
    """The page and its forms."""
    router = APIRouter()
    zones = _zones()

    def show(request: Request, visitor: Visitor, error: ConcordError | None = None, secret: str = "") -> Response:
        secret = secret or pyotp.random_base32()
        uri = pyotp.TOTP(secret).provisioning_uri(name=visitor.person.email, issuer_name="Concord")
        return desk.page(
            request, visitor, "me.html", status=200 if error is None else 400, zones=zones, shortest=SHORTEST,
            secret=secret, uri=uri, error=error and error.to_json(), passwords=desk.installation.settings.passwords,
            provider=desk.provider.name if desk.provider else "an identity provider",
        )  # fmt: skip

    def tried(request: Request, visitor: Visitor, act: Callable[[], None], done: str, secret: str = "") -> Response:
        try:
            act()
        except ConcordError as error:
            return show(request, visitor, error, secret)
        return desk.done(f"{PLACE}/me", done)

    @router.get("/me")
    def page(request: Request, visitor: Visitor = desk.for_viewers) -> Response:
        """How things are set."""
        return show(request, visitor)

    @router.post("/me")
    def introduce(
        request: Request,
        visitor: Visitor = desk.for_viewers,
        said: Posted = desk.from_form,
    ) -> Response:
        """Another name or zone."""

        def act() -> None:
            desk.people.introduce(visitor, name=said.get("name", ""), zone=said.get("zone", "UTC"))

        return tried(request, visitor, act, "Kept.")

    @router.post("/me/password")
    def password(
        request: Request,
        visitor: Visitor = desk.for_viewers,
        said: Posted = desk.from_form,
    ) -> Response:
        """Another password."""

        def act() -> None:
            desk.people.choose_password(visitor, said.get("old", ""), said.get("new", ""))

        return tried(request, visitor, act, "The password is changed.")

    @router.post("/me/codes")
    def codes(
        request: Request,
        visitor: Visitor = desk.for_viewers,
        said: Posted = desk.from_form,
    ) -> Response:
        """Codes from now on, or none any more."""
        secret = said.get("secret") or None

        def act() -> None:
            desk.people.choose_codes(visitor, secret, said.get("code", ""))

        done = "A code is asked for from now on." if secret else "No code is asked for any more."
        return tried(request, visitor, act, done, secret or "")

    return router
