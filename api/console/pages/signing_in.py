"""Signing in and out, and the one-time links by which somebody becomes one of the people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response

from api.console.desk import COOKIE, PLACE, inside, secure
from api.console.people import LASTING, SHORTEST, Turned, Visitor
from core.decide.leads import Posted
from core.errors import ConcordError
from core.model.instant import SECOND
from core.store import people as stored

if TYPE_CHECKING:
    from api.console.desk import Desk


def let_in(desk: Desk, request: Request, token: str, to: str) -> Response:
    """On to a page, with the token of a visit."""
    answer = desk.done(to)
    answer.set_cookie(
        COOKIE, token, max_age=LASTING // SECOND, path=PLACE, httponly=True, samesite="lax",
        secure=secure(request, desk.installation.settings),
    )  # fmt: skip
    return answer


def ask(
    desk: Desk,
    request: Request,
    to: str,
    email: str = "",
    turned: Turned | None = None,
    error: ConcordError | None = None,
) -> Response:
    """The page that asks who somebody is; `turned` or `error` says why they were not let in."""
    with desk.installation.store.reading() as tx:
        empty = stored.is_empty(tx)
    status = 200 if turned is None and error is None else 403
    return desk.page(
        request, None, "sign_in.html", status=status, to=inside(to), email=email, turned=turned, empty=empty,
        error=error and error.to_json(), provider=desk.provider and desk.provider.name,
        passwords=desk.installation.settings.passwords,
    )  # fmt: skip


def routes(desk: Desk) -> APIRouter:
    """The pages that are there for who is not signed in, and the way out."""
    router = APIRouter()

    @router.get("/sign-in")
    def sign_in_page(request: Request, to: str = "") -> Response:
        """Asks for address and password."""
        return desk.done(inside(to)) if desk.maybe(request) is not None else ask(desk, request, to)

    @router.post("/sign-in")
    def sign_in(request: Request, said: Posted = desk.from_outside) -> Response:
        """Lets somebody in, or says why not."""
        email, to = said.get("email", ""), said.get("to", "")
        found = desk.people.come_in(email, said.get("password", ""), said.get("code", ""), asker=desk.asker(request))
        return (
            ask(desk, request, to, email, found)
            if isinstance(found, Turned)
            else let_in(desk, request, found, inside(to))
        )

    @router.post("/sign-out")
    def sign_out(visitor: Visitor = desk.for_viewers, _: Posted = desk.from_form) -> Response:
        """Ends the visit."""
        desk.people.leave(visitor)
        answer = desk.done(f"{PLACE}/sign-in")
        answer.delete_cookie(COOKIE, path=PLACE)
        return answer

    def greet(request: Request, token: str, given: Posted | None = None, error: ConcordError | None = None) -> Response:
        try:
            invitation = desk.people.invited(token)
        except ConcordError as gone:
            return desk.refused(request, None, gone, status=404)
        shown = {"email": "", "name": "", **(given or {})}
        return desk.page(
            request, None, "welcome.html", status=200 if error is None else 400, invitation=invitation, given=shown,
            error=error and error.to_json(), shortest=SHORTEST,
        )  # fmt: skip

    @router.get("/welcome/{token}")
    def welcome(request: Request, token: str) -> Response:
        """Asks who somebody is who came by a one-time link."""
        return greet(request, token)

    @router.post("/welcome/{token}")
    def begin(request: Request, token: str, said: Posted = desk.from_outside) -> Response:
        """Makes them one of the people, and lets them in."""
        try:
            visit = desk.people.accept(
                token, email=said.get("email", ""), name=said.get("name", ""), password=said.get("password", "")
            )
        except ConcordError as error:
            return greet(request, token, said, error)
        return let_in(desk, request, visit, f"{PLACE}/")

    return router
