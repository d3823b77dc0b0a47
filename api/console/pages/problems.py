"""Problems: what tools hold and the hub cannot read or translate. It is kept and listed, never dropped or invented."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response

from api.console.people import Visitor
from api.console.veil import veil_of
from api.listing import problems_page
from core.errors import ConcordError

if TYPE_CHECKING:
    from api.console.desk import Desk

SHOWN = 50
"""Records on a page, and places that could not be read."""


def routes(desk: Desk) -> APIRouter:
    """The page."""
    router = APIRouter()

    @router.get("/problems")
    def page(request: Request, visitor: Visitor = desk.for_viewers, connection: str = "", after: str = "") -> Response:
        """What could not be read or translated."""
        try:
            found = problems_page(desk.installation, connection or None, after=after or None, limit=SHOWN)
        except ConcordError as error:
            return desk.refused(request, visitor, error)
        names = sorted(one.name for one in desk.installation.hub().connections.values())
        return desk.page(
            request, visitor, "problems.html", found=found, connection=connection, names=names, veil=veil_of(visitor)
        )

    return router
