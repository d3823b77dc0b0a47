"""Disconnecting a tool: what becomes of the data is said first, and agreed to by typing the name."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response

from api.applying import apply_plan
from api.changes import Changes
from api.config import Config
from api.console.desk import PLACE
from api.console.pages.connections import row_of, told_of
from api.console.people import Visitor
from api.planning import Plan
from core.decide.leads import Posted
from core.errors import ConcordError, ConfigError
from core.flow.plan.planning import Foreseen
from core.store import reviews

if TYPE_CHECKING:
    from api.console.desk import Desk


def routes(desk: Desk) -> APIRouter:
    """The page and its form."""
    router = APIRouter()
    at = desk.installation

    def asked(request: Request, visitor: Visitor, name: str, error: ConcordError | None = None) -> Response:
        try:
            row = row_of(desk, name)
            told = told_of(desk, row)
        except ConcordError as gone:
            return desk.refused(request, visitor, gone, status=404)
        with at.store.reading() as tx:
            questions = reviews.number_about(tx, row.id)
        return desk.page(
            request, visitor, "connection_end.html", row=row, error=error and error.to_json(), questions=questions,
            status=200 if error is None else 400, **told,
        )  # fmt: skip

    @router.get("/connections/{name}/disconnect")
    def ending(request: Request, name: str, visitor: Visitor = desk.for_admins) -> Response:
        """Says what becomes of the data."""
        return asked(request, visitor, name)

    @router.post("/connections/{name}/disconnect")
    def disconnect(
        request: Request,
        name: str,
        visitor: Visitor = desk.for_admins,
        said: Posted = desk.from_form,
    ) -> Response:
        """Ends it."""
        if said.get("name", "").strip() != name:
            wrong = ConfigError(
                "The name is another one; nothing was done.", remedy=f"Type `{name}` to disconnect it."
            )  # fmt: skip
            return asked(request, visitor, name, wrong)
        try:
            row_of(desk, name)
            with at.store.writing() as tx:
                desk.people.note(tx, visitor, "disconnect", {"connection": name})
        except ConcordError as error:
            return desk.refused(request, visitor, error)
        errand = desk.errands.begin(f"end of {name}", "disconnect", partial(_ended, desk, name))
        errand.waited(10)
        if errand.error is not None:
            return desk.refused(request, visitor, errand.error)
        undone = f" Run {errand.result} can be undone." if errand.result else ""
        return desk.done(f"{PLACE}/connections", f"{name} is disconnected.{undone}")

    return router


def _ended(desk: Desk, name: str) -> int:
    """Put in force that it is no more, as `remove: true` in a file does; gives the run that can be undone."""
    change = Changes(removed=[name])
    done = apply_plan(desk.installation, Config("console", removed=[name]), Plan(change, Foreseen(), []))
    desk.errands.forget(name)
    desk.installation.bell.ring()
    return done.run_id
