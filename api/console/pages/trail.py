"""The trail: what people did in the console, newest first, and whether its chain holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response

from api.console.people import Visitor
from core.store import trail

if TYPE_CHECKING:
    from api.console.desk import Desk

SHOWN = 100
"""Entries on a page."""


def routes(desk: Desk) -> APIRouter:
    """The page, for admins."""
    router = APIRouter()

    @router.get("/trail")
    def page(request: Request, visitor: Visitor = desk.for_admins, below: int | None = None) -> Response:
        """What was done."""
        with desk.installation.store.reading() as tx:
            steps = trail.steps(tx, below=below, limit=SHOWN)
            broken = trail.broken(tx, since=steps[-1].id if steps else 0)
        older = steps[-1].id if len(steps) == SHOWN and steps[-1].id > 1 else None
        return desk.page(request, visitor, "trail.html", steps=steps, broken=broken, older=older)

    return router
