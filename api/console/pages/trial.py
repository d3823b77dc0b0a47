"""Trying a tool with its sandbox: a connection that is to be, one that is there, or a draft of its mapping; for admins.

An errand, one at a time for each person: it can be broken off, and leaves nothing but what its page shows.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from fastapi import APIRouter, Request, Response

from api.console.desk import PLACE
from api.console.pages.activating import draft_key, text_of
from api.console.people import Visitor
from api.drafting import in_force
from api.errands import Progress
from api.mappings import load
from api.trial.asked import of_connection, of_tool
from api.trial.running import Trial
from connectors._kit.catalogue import entry
from core.decide.leads import Posted
from core.errors import ConcordError, ConfigError
from core.mapping import Problem
from core.store import runs

if TYPE_CHECKING:
    from api.console.desk import Desk
    from api.trial.asked import Asked

HERE = f"{PLACE}/trial"
_ENDING = 5.0
"""Seconds that a page waits for what it has broken off."""


class Begun(NamedTuple):
    """What a trial is of."""

    trial: Trial
    title: str
    """What the tool is called."""
    tool: str
    connection: str = ""
    """Blank where nobody has connected the tool, or the trial is not of a connection."""
    draft: str | None = None
    """The text of a draft, where it is one."""


def routes(desk: Desk) -> APIRouter:
    """The page and its forms."""
    router = APIRouter()

    @router.get("/trial")
    def tried(request: Request, visitor: Visitor = desk.for_admins) -> Response:
        """What came of it, or how far it has come."""
        errand = desk.errands.of(_named(visitor))
        report = errand.result if errand is not None else None
        problems = [Problem(**one) for one in report["mapping"]] if report is not None else []
        return desk.page(
            request, visitor, "trial.html", errand=errand, begun=errand.subject if errand is not None else None,
            report=report, mapping_problems=problems,
        )  # fmt: skip

    @router.post("/trial")
    def begin(request: Request, visitor: Visitor = desk.for_admins, said: Posted = desk.from_form) -> Response:
        """Tries a tool, or a connection with the mapping in force there or the draft that comes along."""
        try:
            if said.get("connection"):
                draft = text_of(said) if "text" in said else None
                return begin_of_connection(desk, visitor, said["connection"], draft)
            return _begin(desk, visitor, of_tool(said.get("tool", ""), desk.installation))
        except ConcordError as error:
            return desk.refused(request, visitor, error)

    @router.post("/trial/cancel")
    def cancel(request: Request, visitor: Visitor = desk.for_admins, said: Posted = desk.from_form) -> Response:  # noqa: ARG001
        """Breaks it off."""
        errand = desk.errands.of(_named(visitor))
        if errand is None or not errand.under_way:
            none = ConfigError("No trial of yours is under way.", remedy="Look at what came of it.")
            return desk.refused(request, visitor, none)
        errand.subject.trial.cancel()
        desk.note(visitor, "break off a trial", {"tool": errand.subject.tool})
        errand.waited(_ENDING)
        return desk.done(HERE)

    return router


def begin_of_connection(desk: Desk, visitor: Visitor, name: str, draft: str | None = None) -> Response:
    """Try a connection's mapping, or a draft of it, which is kept for its writer; raises what stands in the way."""
    if draft is not None and draft.strip() == in_force(desk.installation, name).strip():
        draft = None
    asked = of_connection(name, desk.installation, draft)
    if draft is not None:
        load(draft, file=asked.mapping_file)
        with desk.installation.store.writing() as tx:
            runs.put_fact(tx, draft_key(visitor, f"mappings/{name}"), draft)
    return _begin(desk, visitor, asked, name, draft)


def _begin(desk: Desk, visitor: Visitor, asked: Asked, connection: str = "", draft: str | None = None) -> Response:
    trial, progress = Trial(asked), Progress()
    begun = Begun(trial, entry(asked.tool).manifest.title, asked.tool, connection, draft)
    errand = desk.errands.begin_mine(
        _named(visitor), "try", partial(trial.run, progress.tell), subject=begun, progress=progress
    )
    about = {"tool": asked.tool, "connection": connection, "draft": draft is not None}
    desk.note(visitor, "try a tool with its sandbox", about)
    errand.waited()
    return desk.done(HERE)


def _named(visitor: Visitor) -> str:
    return f"sandbox of {visitor.person.id}"
