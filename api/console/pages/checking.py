"""Checking a connection: what its tool allows and has, what is missing there, and making it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response

from api.checkup import Checked, check_connection, fixes_of, prepare
from api.console.pages.connections import row_of
from api.console.people import Visitor
from connectors._kit.catalogue import entry
from core.decide.leads import Posted
from core.errors import ConcordError

if TYPE_CHECKING:
    from api.console.desk import Desk


def routes(desk: Desk) -> APIRouter:
    """The page and its forms."""
    router = APIRouter()
    at = desk.installation

    @router.get("/connections/{name}/check")
    def checking(request: Request, name: str, visitor: Visitor = desk.for_operators) -> Response:
        """Says what a check does."""
        try:
            row = row_of(desk, name)
        except ConcordError as error:
            return desk.refused(request, visitor, error, status=404)
        return desk.page(request, visitor, "connection_check.html", row=row, checked=None, made=[], fixes={}, scopes={})

    @router.post("/connections/{name}/check")
    def check(
        request: Request,
        name: str,
        visitor: Visitor = desk.for_operators,
        _: Posted = desk.from_form,
    ) -> Response:
        """Asks the tool."""
        return looked(request, visitor, name, "")

    @router.post("/connections/{name}/fix")
    def fix(
        request: Request,
        name: str,
        visitor: Visitor = desk.for_admins,
        said: Posted = desk.from_form,
    ) -> Response:
        """Makes in the tool what is missing there."""
        return looked(request, visitor, name, said.get("fix", ""))

    def looked(request: Request, visitor: Visitor, name: str, fix: str) -> Response:
        """Look at the tool, after making what is to be made there, and show what was found."""
        try:
            row, what = row_of(desk, name), "make in a tool" if fix else "check a connection"
            with at.store.writing() as tx:
                desk.people.note(tx, visitor, what, {"connection": name, **({"fix": fix} if fix else {})})
            found = check_connection(at, name)
            made = _made(desk, found, fix) if fix else []
            if made:
                found = check_connection(at, name)
        except ConcordError as error:
            return desk.refused(request, visitor, error)
        return desk.page(
            request, visitor, "connection_check.html", row=row, checked=found.to_json(), made=made,
            fixes=fixes_of(found), scopes=entry(row.connector).manifest.scopes,
        )  # fmt: skip

    return router


def _made(desk: Desk, found: Checked, fix: str) -> list[dict[str, Any]]:
    """What became of one fix, of those that the check asks for."""
    if fix not in fixes_of(found):
        return []
    found.findings = [one for one in found.findings if one["fix"] == fix]
    return [one.to_json() for one in prepare(desk.installation, found)]
