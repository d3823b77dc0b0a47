"""Plans of a connection: what its first sync or a change of it would do, and agreeing to that."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response

from api.changes import Changes
from api.console.desk import PLACE
from api.console.pages.connecting import carry_out
from api.console.pages.connections import row_of
from api.console.people import Visitor
from api.errands import Progress
from api.planning import make_plan
from core.decide.leads import Posted
from core.errors import ConcordError, ConfigError

if TYPE_CHECKING:
    from api.console.desk import Desk
    from api.errands import Errand


def routes(desk: Desk) -> APIRouter:
    """The page and its forms."""
    router = APIRouter()
    at = desk.installation

    @router.get("/connections/{name}/plan")
    def planned(request: Request, name: str, visitor: Visitor = desk.for_operators) -> Response:
        """What was foreseen, or that it is under way."""
        try:
            row = row_of(desk, name)
        except ConcordError as error:
            return desk.refused(request, visitor, error, status=404)
        errand = desk.errands.of(name)
        return desk.page(request, visitor, "connection_plan.html", row=row, errand=errand, told=_outcome(errand))

    @router.post("/connections/{name}/plan")
    def plan(
        request: Request,
        name: str,
        visitor: Visitor = desk.for_operators,
        _: Posted = desk.from_form,
    ) -> Response:
        """Reads the tool, and foresees what would be written everywhere."""
        try:
            row = row_of(desk, name)
            with at.store.writing() as tx:
                desk.people.note(tx, visitor, "plan", {"connection": name})
        except ConcordError as error:
            return desk.refused(request, visitor, error)
        begins = name if row.state == "paused" else ""
        progress = Progress()
        work = partial(make_plan, at, None, Changes(), read=bool(begins), begins=begins, tell=progress.tell)
        desk.errands.begin(name, "first" if begins else "next", work, progress=progress).waited()
        return desk.done(f"{PLACE}/connections/{name}/plan")

    @router.post("/connections/{name}/apply")
    def agree(
        request: Request,
        name: str,
        visitor: Visitor = desk.for_admins,
        said: Posted = desk.from_form,
    ) -> Response:
        """Puts a planned change in force."""
        errand = desk.errands.of(name)
        if errand is None or errand.result is None or str(errand.began_at) != said.get("of"):
            gone = ConfigError("This plan is not there any more.", remedy="Change the connection again.")
            return desk.refused(request, visitor, gone)
        carry_out(desk, visitor, errand).waited()
        return desk.done(f"{PLACE}/connections/{name}/plan")

    @router.post("/connections/{name}/leave")
    def leave(
        name: str,
        visitor: Visitor = desk.for_admins,
        _: Posted = desk.from_form,
    ) -> Response:
        """Drops a planned change."""
        desk.errands.forget(name)
        with at.store.writing() as tx:
            desk.people.note(tx, visitor, "drop a planned change", {"connection": name})
        return desk.done(f"{PLACE}/connections/{name}", "Nothing was changed.")

    return router


def _outcome(errand: Errand | None) -> dict[str, Any] | None:
    """What an errand has given, as it is shown."""
    if errand is None or errand.result is None:
        return None
    told: dict[str, Any] = errand.result.to_json()
    return told
