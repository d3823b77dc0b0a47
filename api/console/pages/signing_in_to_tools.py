"""Signing in to a tool again, and the way back from it; for admins. Who connects a tool begins at its form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response

from api.building import ConnectionSpec
from api.connecting import as_chosen, kept_settings, mapping_for
from api.console.connection_form import read_form
from api.console.desk import PLACE
from api.console.pages.connecting import begun, changed, fresh, in_force, show
from api.console.pages.connections import row_of
from api.console.people import Visitor
from api.console.tool_sign_in import awaited, gained, offer
from connectors._kit.catalogue import entry
from connectors._kit.sign_in import kept
from core.decide.leads import Posted
from core.errors import ConcordError

if TYPE_CHECKING:
    from api.console.desk import Desk


def routes(desk: Desk) -> APIRouter:
    """Both ways."""
    router = APIRouter()
    at = desk.installation

    @router.post("/connections/{name}/sign-in")
    def leave(
        request: Request,
        name: str,
        visitor: Visitor = desk.for_admins,
        _: Posted = desk.from_form,
    ) -> Response:
        """Leads to the tool of a connection; all else of it stays as it is."""
        try:
            tool = entry(row_of(desk, name).connector)
            return offer(desk, request, visitor, tool, kept_settings(at, tool.name, name), name=name, said=None)
        except ConcordError as error:
            return desk.refused(request, visitor, error)

    @router.get("/connect/back")
    def come_back(request: Request, visitor: Visitor = desk.for_admins) -> Response:
        """Keeps what the tool gave, and goes on to the connection's check."""
        carried: dict[str, Any] = {}
        try:
            carried = awaited(desk, request, visitor)
            if carried["said"] is None:
                return _again(desk, request, visitor, carried)
            return _on(desk, request, visitor, carried)
        except ConcordError as error:
            _note(desk, visitor, "sign in to a tool, refused", carried, why=error.message)
            return desk.refused(request, visitor, error)

    return router


def _again(desk: Desk, request: Request, visitor: Visitor, carried: dict[str, Any]) -> Response:
    """Put a connection in force with what was gained."""
    at, name = desk.installation, carried["name"]
    tool = entry(row_of(desk, name).connector)
    settings = kept_settings(at, tool.name, name)
    settings = kept(tool.manifest, settings, gained(desk, request, tool, settings, carried))
    text, file = mapping_for(at, tool, name, {})
    at.put_connection(as_chosen(at, ConnectionSpec(name, tool.name, settings, text, file)))
    _note(desk, visitor, "sign in to a tool", carried)
    at.bell.ring()
    return desk.done(f"{PLACE}/connections/{name}/check", f"{name} is signed in to {tool.manifest.title}.")


def _on(desk: Desk, request: Request, visitor: Visitor, carried: dict[str, Any]) -> Response:
    """Go on with the form that was filled in before."""
    at, said, name = desk.installation, carried["said"], carried["name"]
    before = in_force(desk, name) if name else fresh(desk, carried["connector"])
    tool, new = before.tool, not name
    form = read_form(at, said, visitor, tool, before, new=new)
    try:
        found = gained(desk, request, tool, form.settings, carried)
    except ConcordError as error:
        _note(desk, visitor, "sign in to a tool, refused", carried, why=error.message)
        form.faults = {}
        return show(desk, request, visitor, form, status=400, new=new, error=error.to_json())
    _note(desk, visitor, "sign in to a tool", {**carried, "name": form.name})
    said = {**said, **_as_typed(tool.manifest.sign_in.clears if tool.manifest.sign_in else (), found)}
    form = read_form(at, said, visitor, tool, before, new=new)
    act = begun if new else changed
    return act(desk, request, visitor, form, said, to="/check")


def _as_typed(cleared: tuple[str, ...], found: Any) -> dict[str, str]:
    """What was gained, as if it had been typed."""
    blank = {f"set.{name}": "" for name in cleared} | {f"forget.{name}": "yes" for name in cleared}
    return {**blank, **{f"set.{name}": value for name, value in found.items()}}


def _note(desk: Desk, visitor: Visitor, what: str, carried: dict[str, Any], **more: str) -> None:
    about = {"connection": carried.get("name", ""), "tool": carried.get("connector", ""), **more}
    desk.note(visitor, what, {key: value for key, value in about.items() if value})
