"""People: who may come in, as what, and the links that make them somebody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response

from api.console.desk import PLACE
from api.console.people import INVITED, Role, Visitor, address_of, role_of
from core.decide.leads import Posted
from core.errors import ConcordError
from core.store import people as stored

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.console.desk import Desk


def routes(desk: Desk) -> APIRouter:
    """The page and its forms, for admins."""
    router = APIRouter()

    def show(request: Request, visitor: Visitor, **given: Any) -> Response:
        now = desk.installation.clock()
        with desk.installation.store.reading() as tx:
            everybody, invitations = stored.everybody(tx), stored.invitations(tx, now)
            tied = {one.person_id: one for one in stored.accounts(tx)}
        known = {
            "everybody": everybody, "invitations": invitations, "roles": list(Role), "ends": now + INVITED,
            "tied": tied, "provider": desk.provider and desk.provider.name,
            "passwords": desk.installation.settings.passwords,
        }  # fmt: skip
        return desk.page(request, visitor, "people.html", **{**known, "link": None, "error": None, **given})

    def tried(request: Request, visitor: Visitor, act: Callable[[], None], done: str) -> Response:
        try:
            act()
        except ConcordError as error:
            return show(request, visitor, status=400, error=error.to_json())
        return desk.done(f"{PLACE}/people", done)

    @router.get("/people")
    def page(request: Request, visitor: Visitor = desk.for_admins) -> Response:
        """Everybody."""
        return show(request, visitor)

    @router.post("/people")
    def invite(
        request: Request,
        visitor: Visitor = desk.for_admins,
        said: Posted = desk.from_form,
    ) -> Response:
        """A one-time link, shown once."""
        try:
            email = address_of(said.get("email", ""))
            token = desk.people.invite(email, role_of(said.get("role", "")), by=visitor)
        except ConcordError as error:
            return show(request, visitor, status=400, error=error.to_json())
        if not desk.installation.settings.passwords:
            # The link would let somebody in past the provider; only who is at the machine itself can make such a one.
            return desk.done(f"{PLACE}/people", f"{email} may come in by the provider for a day.")
        return show(request, visitor, link=f"{desk.origin(request)}{PLACE}/welcome/{token}", linked=email)

    @router.post("/people/uninvite")
    def uninvite(
        request: Request,
        visitor: Visitor = desk.for_admins,
        said: Posted = desk.from_form,
    ) -> Response:
        """Takes a link back."""
        email = said.get("email", "")
        return tried(request, visitor, lambda: desk.people.uninvite(email, by=visitor), "The link is good no more.")

    @router.post("/people/{id_}/role")
    def role(
        request: Request,
        id_: int,
        visitor: Visitor = desk.for_admins,
        said: Posted = desk.from_form,
    ) -> Response:
        """Another role."""
        return tried(
            request,
            visitor,
            lambda: desk.people.give_role(id_, role_of(said.get("role", "")), by=visitor),
            "They have it.",
        )

    @router.post("/people/{id_}/untie")
    def untie(
        request: Request,
        id_: int,
        visitor: Visitor = desk.for_admins,
        _: Posted = desk.from_form,
    ) -> Response:
        """Forgets their account of the provider."""
        done = "They are signed out; the next account of the provider with their address is theirs."
        return tried(request, visitor, lambda: desk.people.untie(id_, by=visitor), done)

    @router.post("/people/{id_}/{how}")
    def shut(
        request: Request,
        id_: int,
        how: str,
        visitor: Visitor = desk.for_admins,
        _: Posted = desk.from_form,
    ) -> Response:
        """Shuts somebody out, or lets them in again."""
        out = how == "shut"
        done = "They are signed out, and cannot come in any more." if out else "They may come in again."
        return tried(request, visitor, lambda: desk.people.shut_out(id_, shut=out, by=visitor), done)

    return router
