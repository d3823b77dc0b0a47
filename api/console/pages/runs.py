"""Runs: what the hub and its people did, each run with its entries and its error, and undoing it after a look."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from fastapi import APIRouter, Request, Response

from api import runs, undoing
from api.console.desk import PLACE
from api.console.people import Role, Visitor
from api.console.veil import veil_of
from api.listing import Asked as Wanted
from api.listing import log_of
from core.decide.leads import Posted
from core.errors import ConcordError, ConfigError

if TYPE_CHECKING:
    from api.console.desk import Desk
    from api.errands import Errand

SHOWN = 50
"""Runs on a page, and lines of each list of an undo."""
ENTRIES = 20
"""Entries of the log that a run shows; the log has all of them."""


def routes(desk: Desk) -> APIRouter:
    """The list, each run, and undoing it."""
    router = APIRouter()
    _looking(desk, router)
    _undoing(desk, router)
    return router


def _looking(desk: Desk, router: APIRouter) -> None:
    @router.get("/runs")
    def listed(request: Request, visitor: Visitor = desk.for_viewers, below: int | None = None) -> Response:
        """The newest runs."""
        given = {name: request.query_params.get(name) or None for name in ("connection", "what", "stream")}
        asked = runs.Asked(**given, failed=bool(request.query_params.get("failed")))
        try:
            page = runs.listed(desk.installation, asked, below=below, limit=SHOWN)
        except ConcordError as error:
            return desk.refused(request, visitor, error)
        every = desk.installation.hub().connections.values()
        return desk.page(
            request, visitor, "runs.html", page=page, asked_for=asked, whats=runs.WHATS, veil=veil_of(visitor),
            connections=sorted(one.name for one in every),
            streams=sorted({stream.name for one in every for stream in one.streams}),
        )  # fmt: skip

    @router.get("/runs/{id_}")
    def one(request: Request, id_: int, visitor: Visitor = desk.for_viewers) -> Response:
        """One run."""
        told = runs.one(desk.installation, id_)
        if told is None:
            return _missing(desk, request, visitor, id_)
        entries = log_of(desk.installation, Wanted(run=id_, limit=ENTRIES))
        return desk.page(
            request, visitor, "run.html", run=told, entries=entries, full=len(entries) == ENTRIES,
            can=visitor.may(Role.OPERATOR), whole=visitor.may(Role.OPERATOR), veil=veil_of(visitor),
        )  # fmt: skip


class Rehearsed(NamedTuple):
    """What an undo would do; `stale` says why it is shown again."""

    found: undoing.Foreseen
    stale: ConcordError | None = None


def _undoing(desk: Desk, router: APIRouter) -> None:
    @router.get("/runs/{id_}/undo")
    def look(request: Request, id_: int, visitor: Visitor = desk.for_operators) -> Response:
        """What undoing it would do, exactly, or how far that look has come; nothing is changed."""
        return _for_admins(desk, request, visitor, id_) or _show(desk, request, visitor, id_)

    @router.post("/runs/{id_}/rehearse")
    def rehearse(
        request: Request, id_: int, visitor: Visitor = desk.for_operators, _: Posted = desk.from_form
    ) -> Response:
        """Finds out what undoing it would do."""
        if refused := _for_admins(desk, request, visitor, id_):
            return refused
        desk.note(visitor, "look at an undo", {"run": id_})
        errand = desk.errands.begin(_named(id_), "rehearse", lambda: Rehearsed(undoing.foresee(desk.installation, id_)))
        return _ended(desk, request, visitor, id_, errand)

    @router.post("/runs/{id_}/undo")
    def undo(
        request: Request, id_: int, visitor: Visitor = desk.for_operators, said: Posted = desk.from_form
    ) -> Response:
        """Undoes it as it was shown."""
        if refused := _for_admins(desk, request, visitor, id_):
            return refused
        work = partial(_carry_out, desk, visitor, id_, said.get("mark", ""))
        try:
            errand = desk.errands.begin_mine(_named(id_), "undo", work)
        except ConcordError as error:
            return desk.refused(request, visitor, error, status=409)
        return _ended(desk, request, visitor, id_, errand)


def _named(run_id: int) -> str:
    return f"undo of {run_id}"


def _carry_out(desk: Desk, visitor: Visitor, run_id: int, mark: str) -> int | Rehearsed:
    """The number of the undo; what it would do by now, where that is something else than was agreed to."""
    try:
        done = undoing.carry_out(desk.installation, run_id, mark)
    except ConcordError as error:
        if error.error_code != undoing.STALE:
            raise
        return Rehearsed(undoing.foresee(desk.installation, run_id), error)
    desk.note(visitor, "undo a run", {"run": run_id, "undone_by": done})
    return done


def _ended(desk: Desk, request: Request, visitor: Visitor, run_id: int, errand: Errand) -> Response:
    """On to what has come of it; why it cannot be undone is told at once."""
    errand.waited()
    if errand.error is not None:
        desk.errands.forget(_named(run_id))
        return _not_undone(desk, request, visitor, run_id, errand.error)
    if isinstance(errand.result, int):
        desk.errands.forget(_named(run_id))
        words = f"Run {run_id} is undone. The background writes what follows from it."
        return desk.done(f"{PLACE}/runs/{errand.result}", words)
    return desk.done(f"{PLACE}/runs/{run_id}/undo")


def _show(desk: Desk, request: Request, visitor: Visitor, run_id: int) -> Response:
    """What an undo would do, with the button; that it is under way; or what has come of it."""
    errand = desk.errands.of(_named(run_id))
    if errand is not None and errand.error is not None:
        return _not_undone(desk, request, visitor, run_id, errand.error)
    rehearsed = errand.result if errand is not None and isinstance(errand.result, Rehearsed) else None
    return desk.page(
        request, visitor, "run_undo.html", run_id=run_id, errand=errand, shown=SHOWN,
        found=rehearsed.found if rehearsed is not None else None,
        error=rehearsed.stale.to_json() if rehearsed is not None and rehearsed.stale is not None else None,
    )  # fmt: skip


def _for_admins(desk: Desk, request: Request, visitor: Visitor, run_id: int) -> Response | None:
    """A page that refuses who may not change the configuration to undo a change of it; None for everybody else."""
    told = runs.one(desk.installation, run_id)
    if told is None:
        return _missing(desk, request, visitor, run_id)
    if told["what"] != "apply" or visitor.may(Role.ADMIN):
        return None
    words = f"Run {run_id} put a configuration in force; only admins change that."
    return desk.refused(request, visitor, ConfigError(words, remedy="Ask an admin to undo it."), status=403)


def _not_undone(desk: Desk, request: Request, visitor: Visitor, run_id: int, error: ConcordError) -> Response:
    """Why a run cannot be undone, beside the run itself."""
    told: dict[str, Any] | None = runs.one(desk.installation, run_id)
    return desk.page(request, visitor, "run_not_undone.html", status=409, run=told, error=error.to_json())


def _missing(desk: Desk, request: Request, visitor: Visitor, run_id: int) -> Response:
    error = ConfigError(f"There is no run {run_id}, or it is not kept any more.", remedy="Open the list of runs.")
    return desk.refused(request, visitor, error, status=404)
