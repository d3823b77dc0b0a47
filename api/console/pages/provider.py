"""Signing in by the identity provider: the way there, and the way back."""

from __future__ import annotations

from secrets import token_urlsafe
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response

from api.console import away
from api.console.away import Leaving
from api.console.desk import AWAY, PLACE, inside, secure
from api.console.pages.signing_in import ask, let_in
from core.errors import ConcordError, ConfigError
from core.model.instant import SECOND

if TYPE_CHECKING:
    from api.console.desk import Desk
    from api.console.oidc import Identity, Provider

BACK = f"{PLACE}/sign-in/back"
"""Where the provider sends people back to."""
_WHAT = "sign in"


def routes(desk: Desk) -> APIRouter:
    """Both ways."""
    router = APIRouter()
    at = desk.installation

    @router.get("/sign-in/provider")
    def leave(request: Request, to: str = "") -> Response:
        """Sends somebody to the provider."""
        leaving, browser = Leaving.new(), token_urlsafe(32)
        try:
            provider = _provider(desk)
            desk.people.count_try(desk.asker(request))
            place = provider.address(f"{desk.origin(request)}{BACK}", leaving)
            away.begin(at, _WHAT, browser, leaving, {"to": inside(to)})
        except ConcordError as error:
            return ask(desk, request, to, error=error)
        answer = desk.done(place)
        # The way back begins at another site, so that a strict cookie would stay behind.
        answer.set_cookie(
            AWAY, browser, max_age=away.LASTING // SECOND, path=BACK, httponly=True, samesite="lax",
            secure=secure(request, at.settings),
        )  # fmt: skip
        return answer

    @router.get("/sign-in/back")
    def come_back(request: Request) -> Response:
        """Lets somebody in whom the provider sends back, or says why not."""
        asker, by, to = desk.asker(request), "", ""
        try:
            provider = _provider(desk)
            by = provider.name
            desk.people.count_try(asker)
            kept = away.back(at, _WHAT, request.cookies.get(AWAY, ""), request.query_params.get("state", ""))
            to = kept["to"]
            told = _asked(desk, request, provider, kept)
            token = desk.people.come_in_from(told, by=by, asker=asker)
        except ConcordError as error:
            desk.people.turned_away(error, by=by, asker=asker)
            return ask(desk, request, to, error=error)
        answer = let_in(desk, request, token, to)
        answer.delete_cookie(AWAY, path=BACK)
        return answer

    return router


def _asked(desk: Desk, request: Request, provider: Provider, kept: dict[str, str]) -> Identity:
    said = dict(request.query_params)
    return provider.identity(
        f"{desk.origin(request)}{BACK}", said, verifier=kept["verifier"], nonce=kept["nonce"]
    )  # fmt: skip


def _provider(desk: Desk) -> Provider:
    """The identity provider; `ConfigError` where there is none."""
    if desk.provider is None:
        raise ConfigError("No identity provider is set here.", remedy="Sign in with your password.")
    return desk.provider
