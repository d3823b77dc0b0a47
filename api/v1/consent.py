"""Consent: may somebody be contacted, and why; what was said about it, and the proof."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from api.console.people import Role
from api.told import entry, head, permission
from api.v1.keys import Caller, Scope
from api.v1.problems import missing
from api.v1.reading import Number, Told
from core.flow.asking import find
from core.flow.consent import proving
from core.flow.consent.checking import Who, check_all
from core.flow.saying import say
from core.store import ledger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api.v1.door import Door

MOST = 10_000
"""So many addresses are answered at once."""
Row = dict[str, JsonValue]


class ManyAsked(BaseModel):
    """The question about a list."""

    model_config = ConfigDict(extra="forbid")

    addresses: Annotated[list[str | Number], Field(max_length=MOST)]
    """Email addresses, phone numbers, or numbers of people in the hub."""
    channel: str = "email"
    topic: str | None = None


class Verdicts(Told):
    """The answers to a list."""

    allowed: int = Field(description="How many of them may be contacted.")
    answers: list[Row]


class Said(BaseModel):
    """What somebody said about being contacted."""

    model_config = ConfigDict(extra="forbid")

    record: Number
    channel: str = Field(max_length=50)
    topic: str | None = Field(default=None, max_length=100)
    status: str = Field(max_length=50, description="granted, denied, and what else the field takes.")


class Entered(Told):
    """What came of it."""

    run: int
    again: bool
    verdict: Row = Field(description="Whether they may be contacted now.")


def routes(door: Door) -> APIRouter:
    """The operations."""
    router = APIRouter(prefix="/consent", tags=["consent"])
    at = door.installation

    def verdicts(caller: Caller, whom: Sequence[Who], channel: str, topic: str | None) -> list[Row]:
        found = [permission(one) for one in check_all(at.hub(), whom, channel, topic)]
        if caller.role.may(Role.OPERATOR):
            return found
        # They have asked by the address; what decided it may name another one.
        return [{**one, "why": "", "decided_by": []} for one in found]

    @router.get("/check")
    def check_one(
        address: Annotated[str, Query(min_length=1, max_length=500)],
        channel: str = "email",
        topic: str | None = None,
        caller: Caller = door[Scope.CONSENT_READ],
    ) -> Row:
        """Whether one person may be contacted, and why."""
        return verdicts(caller, [address], channel, topic)[0]

    @router.post("/check")
    def check_many(asked: ManyAsked, caller: Caller = door[Scope.CONSENT_READ]) -> Verdicts:
        """The same about a list, in its order."""
        found = verdicts(caller, asked.addresses, asked.channel, asked.topic)
        return Verdicts(allowed=sum(bool(one["allowed"]) for one in found), answers=found)

    @router.post("")
    def record(said: Said, request: Request, caller: Caller = door[Scope.CONSENT_WRITE]) -> Entered:
        """Write down what somebody said; it goes into the ledger, and to every tool, refusals before anything else."""
        field = ".".join(one for one in ("consent", said.channel, said.topic) if one)

        def act() -> dict[str, int]:
            return {"run": say(at.hub(), said.record, {field: said.status}, key=caller.key.id)}

        told, again = door.once(request, caller, said.model_dump(), act)
        if not again:
            about = {"record": said.record, "field": field, "status": said.status, "run": told["run"]}
            door.keys.note(caller, "record a consent", about)
            at.bell.ring()
        (verdict,) = verdicts(caller, [said.record], said.channel, said.topic)
        return Entered(run=told["run"], again=again, verdict=verdict)

    @router.get("/entries")
    def entries(
        who: Annotated[str, Query(min_length=1, max_length=320, description="An address, or a record's number.")],
        caller: Caller = door[Scope.CONSENT_WRITE],
    ) -> list[Row]:
        """Everything that was ever said about somebody's consent, oldest first."""
        found = find(at.hub(), "contact", who)
        if not found:
            raise missing("person of whom that is known", "Look for them by `GET /v1/records?q=`.")
        door.keys.note(caller, "read consent entries", {"records": [one.id for one in found]})
        with at.store.reading() as tx:
            return [entry(row) for row in ledger.of_records(tx, [one.id for one in found])]

    @router.get("/entries/{place}/proof")
    def proof(place: Annotated[int, Path(ge=0, le=2**62)], caller: Caller = door[Scope.CONSENT_WRITE]) -> Row:  # noqa: ARG001
        """The proof that an entry stands in the signed ledger; it shows no other entry."""
        found = proving.prove(at.hub(), place)
        return {
            "entry": entry(found.row), "leaf": found.row.leaf.hex(), "path": [one.hex() for one in found.path],
            "head": head(found.head), "hub": at.hub().installation,
        }  # fmt: skip

    return router
