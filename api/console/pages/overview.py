"""The overview: how the hub stands, and what needs a person today."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response

from api.console.people import Visitor
from api.scorecard import scorecard
from api.snapshot import snapshot
from core.decide.movement.audit import ELEMENTS
from core.errors import ConcordError

if TYPE_CHECKING:
    from api.console.desk import Desk


def routes(desk: Desk) -> APIRouter:
    """The page."""
    router = APIRouter()

    @router.get("/")
    def show(request: Request, visitor: Visitor = desk.for_viewers) -> Response:
        """How everything stands."""
        try:
            state, card = snapshot(desk.installation), _card(desk)
        except ConcordError as error:
            return desk.refused(request, visitor, error)
        return desk.page(
            request, visitor, "overview.html", state=state, card=card, elements=ELEMENTS, broken=desk.trouble
        )

    return router


def _card(desk: Desk) -> dict[str, Any] | None:
    """The four elements over all open records; None where no policy asks for them."""
    if not desk.installation.hub().movement.stages:
        return None
    whole: dict[str, Any] = scorecard(desk.installation, "stage")["whole"]
    return whole
