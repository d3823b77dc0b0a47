"""The scorecard: how open records stand by the four elements, the records behind a number, and a click that mends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response
from markupsafe import Markup

from api.auditing import Behind, Mends, Word, behind, drawing, figures
from api.console.desk import PLACE, hidden
from api.console.people import Role, Visitor
from api.masking import masked
from core.decide.leads import Posted
from core.errors import ConcordError
from core.flow.movement.mending import mend

if TYPE_CHECKING:
    from api.console.desk import Desk

HERE = f"{PLACE}/scorecard"
RECORDS, MENDING = f"{HERE}/records", f"{HERE}/mend"


def routes(desk: Desk) -> APIRouter:
    """The card, the lists behind it, and the button beside a finding."""
    router = APIRouter()

    @router.get("/scorecard")
    def card(request: Request, visitor: Visitor = desk.for_viewers, by: Word = "stage") -> Response:
        """The five tests, over all and by groups."""
        try:
            shown = figures(desk.installation, by, RECORDS, fresh=False)
        except ConcordError as error:
            return desk.refused(request, visitor, error, status=404)
        return desk.page(request, visitor, "scorecard.html", **{**drawing(RECORDS, None), **shown})

    @router.get("/scorecard/records")
    def records(  # noqa: PLR0913, PLR0917 - each is a word of the address
        request: Request, visitor: Visitor = desk.for_viewers, missing: Word = "", only: Word = "", stage: Word = "",
        source: Word = "", owner: Word = "", kind: Word = "", week: Word = "", tool: Word = "", none: Word = "",
        step: Word = "",
    ) -> Response:  # fmt: skip
        """The records behind a number."""
        asked = Behind(missing, only, stage, source, owner, kind, week, tool, none, step)
        try:
            shown = behind(desk.installation, asked, fresh=False)
        except ConcordError as error:
            return desk.refused(request, visitor, error, status=404)

        def carries(record: int, what: str) -> Markup:
            return hidden(form_key=visitor.form_key, record=record, what=what)

        may = visitor.may(Role.OPERATOR)
        drawn = drawing(
            RECORDS, Mends(MENDING, carries) if may else None, personal=None if may else masked, page=f"{PLACE}/records"
        )
        return desk.page(request, visitor, "scorecard.html", **{"card": None, **drawn, **shown})

    @router.post("/scorecard/mend")
    def press(request: Request, visitor: Visitor = desk.for_operators, said: Posted = desk.from_form) -> Response:
        """Moves the stage, or gives the owner a task."""
        record, what, how = int(said.get("record") or 0), said.get("what", ""), said.get("how", "")
        try:
            mend(desk.installation.hub(), record, what, by_task=how == "task")
        except ConcordError as error:
            return desk.refused(request, visitor, error)
        desk.note(visitor, "mend a finding", {"record": record, "what": what, "by": how or "stage"})
        return desk.done(f"{RECORDS}?only=unreal", "It is mended; the tools hear of it at once.")

    return router
