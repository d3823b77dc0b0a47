"""Keys of the API: which there are, one more, shown this once, and an end to one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response

from api.console.desk import PLACE
from api.console.people import Role, Visitor, role_of
from api.v1.keys import LEAST, Keys, Scope
from core.decide.leads import Posted
from core.errors import ConcordError, ConfigError
from core.model.instant import DAY, Instant

if TYPE_CHECKING:
    from api.console.desk import Desk

LONGEST = 3650
"""Days after which a key ends at the latest, if it is to end at all."""
LETS = {
    Scope.RECORDS_READ: "read records, why, where, what happened, what changes",
    Scope.RECORDS_WRITE: "make and change records",
    Scope.CONSENT_READ: "ask whether somebody may be contacted",
    Scope.CONSENT_WRITE: "write down what somebody said about it; read the ledger",
    Scope.WORK_READ: "read runs, log, dead letters, reviews, connections",
    Scope.WORK_ACT: "answer reviews, try again, pause, resume",
    Scope.SETUP_READ: "read mappings and other settings",
    Scope.SETUP_WRITE: "plan changes of mappings and other settings, and put them in force",
    Scope.HOOKS: "have webhooks sent by the hub",
}
"""Scope → what it lets a program do."""


def routes(desk: Desk) -> APIRouter:
    """The page and its forms, for admins."""
    router = APIRouter()
    keys = Keys(desk.installation)

    def show(request: Request, visitor: Visitor, **given: Any) -> Response:
        known = {
            "keys": keys.every(), "roles": list(Role), "lets": LETS, "longest": LONGEST, "tried": {},
            "may": {scope: [role for role in Role if role.may(LEAST[scope])] for scope in Scope},
            "chosen": None, "role": Role.OPERATOR, "token": None, "error": None,
        }  # fmt: skip
        return desk.page(request, visitor, "keys.html", **{**known, **given})

    @router.get("/keys")
    def page(request: Request, visitor: Visitor = desk.for_admins) -> Response:
        """All keys."""
        return show(request, visitor)

    @router.post("/keys")
    def make(request: Request, visitor: Visitor = desk.for_admins, said: Posted = desk.from_form) -> Response:
        """A new key, which this answer alone shows."""
        chosen = said.get("scope", "").replace(" ", "").split(",") if said.get("scope") else []
        try:
            ends_at = _end(said.get("days", ""), desk.installation.clock())
            token, _ = keys.make(
                said.get("name", ""), role_of(said.get("role", "")), chosen, ends_at=ends_at, by=visitor
            )
        except ConcordError as error:
            typed = {"tried": said, "chosen": chosen, "role": said.get("role", "")}
            return show(request, visitor, status=400, error=error.to_json(), **typed)
        return show(request, visitor, token=token, named=said["name"].strip())

    @router.post("/keys/{id_}/shut")
    def shut(request: Request, id_: int, visitor: Visitor = desk.for_admins, _: Posted = desk.from_form) -> Response:
        """Ends one at once."""
        try:
            keys.shut(id_, by=visitor)
        except ConcordError as error:
            return show(request, visitor, status=400, error=error.to_json())
        return desk.done(f"{PLACE}/keys", "The key is good no more.")

    return router


def _end(days: str, now: Instant) -> Instant | None:
    """When a key ends that is to be good for so many days; None for one without an end."""
    text = days.strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= LONGEST):
        raise ConfigError(
            "These are no days until a key ends.", remedy=f"Write a number from 1 to {LONGEST}, or leave it blank."
        )
    return now + int(text) * DAY
