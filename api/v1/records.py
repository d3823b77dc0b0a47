"""Records: found, listed, told why, followed as they change; made and changed as a person does in the hub."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from api.console.people import Role
from api.listing import Asked, below_of, log_of, title
from api.record import whole
from api.v1.hushing import hushed_for
from api.v1.keys import Caller, Scope
from api.v1.problems import Declined, missing
from api.v1.reading import Cursor, Fields, Limit, Number, Page, Told, after_number, chosen, wrong
from core.flow.asking import search
from core.flow.entering import enter, known_as
from core.flow.saying import normal, say
from core.model.instant import iso
from core.store import history, records
from core.store.records import Record, State

if TYPE_CHECKING:
    from api.v1.door import Door

SCANNED = 1_000
"""Steps of history that one page of the change feed looks through at most."""
Standing = Literal["live", "deleted", "merged", "archived", "erased"]
_STANDING: dict[int, Standing] = {
    State.LIVE: "live", State.DELETED: "deleted", State.MERGED: "merged", State.ARCHIVED: "archived",
    State.ERASED: "erased",
}  # fmt: skip
Event = Literal["created", "updated", "deleted", "merged", "archived", "erased"]


class RecordOut(Told):
    """A canonical record."""

    id: int
    kind: str
    name: str = Field(description="What it is called.")
    state: Standing
    version: int = Field(description="Grows with every change; also its ETag.")
    merged_into: int | None = Field(description="The record that stands for it since a merge.")
    created_at: str
    updated_at: str
    values: dict[str, JsonValue] = Field(description="Field → value that stands. Masked for keys of the role viewer.")


class Said(Told):
    """What one source says of a field."""

    source: str
    value: JsonValue
    why_not: str = Field(description="Why it does not stand.")


class WhyOut(Told):
    """Why a value stands."""

    field: str
    value: JsonValue
    sentence: str
    rule: str
    winner: str | None = Field(description="The source whose word stands; null for a set from several.")
    others: list[Said]


class PlaceOut(Told):
    """A record in one stream of one connection."""

    connection: str
    stream: str
    remote_id: str | None
    state: str = Field(description="bound, gone, missing (it is to be made there) and the like.")
    step: str = Field(description="What the next delivery does there; blank for nothing.")
    differs: list[str] = Field(description="Fields of the tool that do not hold what they should.")
    problems: list[str]


class ChangeOut(Told):
    """A change of a record."""

    id: str = Field(description="Another one for every change; grows.")
    event: Event
    at: str
    record: RecordOut


class Written(Told):
    """What came of a request that writes."""

    run: int = Field(description="The run by which it can be undone.")
    again: bool = Field(description="Whether this very request was answered before.")
    record: RecordOut


Clear = Annotated[
    list[Annotated[str, Field(max_length=200)]],
    Field(max_length=500, description="Fields to clear, for senders that leave blank ones out, as Zapier does."),
]


class NewRecord(BaseModel):
    """A record to be made."""

    model_config = ConfigDict(extra="forbid")

    kind: str = Field(max_length=100)
    values: dict[str, JsonValue] = Field(min_length=1, max_length=500)
    clear_fields: Clear = Field(default_factory=list)
    known: Literal["refuse", "update"] = Field(
        default="refuse", description="Where one with the same address is known: refuse (409), or say the values of it."
    )


class Change(BaseModel):
    """Some values of a record."""

    model_config = ConfigDict(extra="forbid")

    values: dict[str, JsonValue] = Field(
        default_factory=dict, max_length=500, description="null clears a field. Something is to be said or cleared."
    )
    clear_fields: Clear = Field(default_factory=list)

    @model_validator(mode="after")
    def _something(self) -> Change:
        if not self.values and not self.clear_fields:
            raise ValueError("name at least one value, or one field to clear")
        return self


def routes(door: Door) -> APIRouter:
    """The operations."""
    router = APIRouter(tags=["records"])
    showing = Showing(door)
    _reading(router, door, showing)
    _following(router, door, showing)
    _writing(router, door, showing)
    return router


def _reading(router: APIRouter, door: Door, showing: Showing) -> None:
    at = door.installation

    @router.get("/records")
    def list_records(
        q: Annotated[
            str, Query(max_length=200, description="An email, phone, domain, id in a tool, name or number.")
        ] = "",
        kind: Annotated[list[str] | None, Query(max_length=20)] = None,
        after: Cursor = "",
        limit: Limit = 50,
        fields: Fields = "",
        caller: Caller = door[Scope.RECORDS_READ],
    ) -> Page[RecordOut]:
        """Those that are known by `q`, best first; without it all live ones, in the order of their numbers."""
        kinds = showing.kinds(kind)
        if q.strip():
            found = search(at.hub(), kinds, q.strip())[:limit]
            return Page(items=[showing.record(caller, one, fields) for one in found], next=None)
        with at.store.reading() as tx:
            page = records.after(tx, after_number(after), kinds, limit + 1)
        more = str(page[limit - 1].id) if len(page) > limit else None
        return Page(items=[showing.record(caller, one, fields) for one in page[:limit]], next=more)

    @router.get("/records/{id}", responses={304: {"description": "It is as you know it.", "model": None}})
    def one_record(
        id: Number,
        request: Request,
        response: Response,
        fields: Fields = "",
        caller: Caller = door[Scope.RECORDS_READ],
    ) -> RecordOut:
        """A record by its number, with its ETag."""
        record = showing.find(id)
        tag = _tag(record)
        if tag in [one.strip() for one in request.headers.get("if-none-match", "").split(",")]:
            raise NotModified(tag)
        response.headers["ETag"] = tag
        return showing.record(caller, record, fields)

    @router.get("/records/{id}/why")
    def why(
        id: Number,
        field: Annotated[str, Query(max_length=200, description="Only this field.")] = "",
        caller: Caller = door[Scope.RECORDS_READ],
    ) -> list[WhyOut]:
        """Why each value stands: the winner, the others, the rule."""
        record = showing.find(id)
        found = whole(at, record, veil=showing.veil(caller))
        return [showing.why(caller, record.kind, one) for one in found.lines if not field or one.field.name == field]

    @router.get("/records/{id}/places")
    def places(id: Number, caller: Caller = door[Scope.RECORDS_READ]) -> list[PlaceOut]:
        """Where it is held, and what differs there."""
        found = whole(at, showing.find(id), veil=showing.veil(caller))
        return [
            PlaceOut(
                connection=one.connection, stream=one.stream, state=one.state, step=one.step,
                remote_id=one.bound.remote_id if one.bound is not None else None,
                differs=[apart.path for apart in one.apart], problems=showing.sentences(caller, one.problems),
            )
            for one in found.places
        ]  # fmt: skip

    @router.get("/records/{id}/history")
    def happened(
        id: Number,
        after: Cursor = "",
        limit: Limit = 50,
        caller: Caller = door[Scope.RECORDS_READ],
    ) -> Page[dict[str, JsonValue]]:
        """What happened to it, newest first, as the sync log tells it."""
        asked = Asked(record=showing.find(id).id, limit=limit)
        asked = asked._replace(below=below_of(after)) if after else asked
        told = log_of(at, asked, veil=showing.veil(caller))
        items = [hushed_for(caller, one) for one in told]
        return Page(items=items, next=told[-1]["older"] if len(told) == limit else None)


def _following(router: APIRouter, door: Door, showing: Showing) -> None:
    at = door.installation

    @router.get("/changes")
    def changes(
        after: Cursor = "",
        kind: Annotated[list[str] | None, Query(max_length=20)] = None,
        limit: Limit = 50,
        caller: Caller = door[Scope.RECORDS_READ],
    ) -> Page[ChangeOut]:
        """What has changed, oldest first, each record once with its newest change: to be polled with the last `next`.

        `next` is never null here. Where nothing is new it stays as it was.
        """
        kinds, place = showing.kinds(kind), after_number(after)
        with at.store.reading() as tx:
            steps = history.steps_after(tx, place, SCANNED)
            known = records.load(tx, {one.record_id for one in steps})
        items: list[ChangeOut] = []
        for step in steps:
            if len(items) == limit:
                break
            place = step.id
            items += showing.change(caller, step, known.get(step.record_id), kinds)
        return Page(items=items, next=str(place))

    @router.get("/changes/newest")
    def newest(
        kind: Annotated[list[str] | None, Query(max_length=20)] = None,
        limit: Limit = 50,
        caller: Caller = door[Scope.RECORDS_READ],
    ) -> list[ChangeOut]:
        """The newest changes, newest first, as an array: for pollers that remember the ids they have seen."""
        kinds = showing.kinds(kind)
        with at.store.reading() as tx:
            steps = history.newest_steps(tx, SCANNED)
            known = records.load(tx, {one.record_id for one in steps})
        found = (one for step in steps for one in showing.change(caller, step, known.get(step.record_id), kinds))
        return [one for _, one in zip(range(limit), found, strict=False)]


def _writing(router: APIRouter, door: Door, showing: Showing) -> None:
    at = door.installation

    @router.post("/records", status_code=201)
    def make(
        said: NewRecord, request: Request, response: Response, caller: Caller = door[Scope.RECORDS_WRITE]
    ) -> Written:
        """Make a record; the tools that take such records are given it."""
        showing.kinds([said.kind])

        def act() -> dict[str, int]:
            known = _known(said) if said.known == "update" else []
            if len(known) == 1:
                values = {**said.values, **dict.fromkeys(said.clear_fields)}
                return {"record": known[0], "run": say(at.hub(), known[0], values, key=caller.key.id), "made": 0}
            id_, run = enter(at.hub(), said.kind, said.values, key=caller.key.id)
            return {"record": id_, "run": run, "made": 1}

        told, again = door.once(request, caller, said.model_dump(), act)
        response.status_code = 201 if told["made"] else 200
        return _written(caller, response, "make a record", told, again=again)

    @router.patch("/records/{id}")
    def change(
        id: Number,
        said: Change,
        request: Request,
        response: Response,
        caller: Caller = door[Scope.RECORDS_WRITE],
    ) -> Written:
        """Say values of a record, as a person does in the hub: by the same rules, and undone by its run."""
        showing.find(id)
        values = {**said.values, **dict.fromkeys(said.clear_fields)}

        def act() -> dict[str, int]:
            record = showing.find(id)
            if record.state != State.LIVE:
                words = f"Record {id} is not live any more."
                raise Declined(409, "record.state", words, "Change the one that it became.")
            version = _expected(request, record)
            return {"record": id, "run": say(at.hub(), id, values, version=version, key=caller.key.id)}

        # Whether it was done before goes before whether it is as the caller knows it: what was done has changed that.
        told, again = door.once(request, caller, said.model_dump(), act)
        return _written(caller, response, "change values", told, again=again)

    def _known(said: NewRecord) -> list[int]:
        hub = at.hub()
        with at.store.reading() as tx:
            return known_as(hub, tx, said.kind, normal(hub, said.kind, said.values))

    def _written(caller: Caller, response: Response, what: str, told: dict[str, int], *, again: bool) -> Written:
        record = showing.find(told["record"])
        if not again:
            door.keys.note(caller, what, {"record": record.id, "kind": record.kind, "run": told["run"]})
            at.bell.ring()
        response.headers["ETag"] = _tag(record)
        response.headers["Location"] = f"/v1/records/{record.id}"
        return Written(run=told["run"], again=again, record=showing.record(caller, record, ""))


class NotModified(Exception):
    """A record is as the caller knows it."""

    def __init__(self, tag: str) -> None:
        """`tag` is its ETag."""
        super().__init__(tag)
        self.tag = tag


class Showing:
    """Records as a caller may see them."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def kinds(self, asked: Sequence[str] | None) -> list[str]:
        """The kinds that are asked for; all where none is."""
        known = list(self._door.installation.hub().shapes)
        if unknown := sorted(set(asked or ()) - set(known)):
            raise wrong("kind", f"There is no kind '{unknown[0][:60]}'; there are {', '.join(known)}.")
        return list(asked) if asked else known

    def find(self, id_: int) -> Record:
        """A record; a problem where there is none."""
        with self._door.installation.store.reading() as tx:
            found = records.load(tx, [id_]).get(id_)
        if found is None:
            raise missing(f"record {id_}", "Look for it by `GET /v1/records?q=`.")
        return found

    def veil(self, caller: Caller) -> Any:
        """What masks a value for a caller."""
        return lambda kind, name, value: self._door.shown(caller, kind, {name: value})[name]

    def sentences(self, caller: Caller, said: Sequence[str]) -> list[str]:
        """What was said; for viewers without words that may name people."""
        return list(said) if caller.role.may(Role.OPERATOR) else [one.partition(":")[0] for one in said]

    def record(self, caller: Caller, record: Record, fields: str) -> RecordOut:
        """A record as a caller may see it."""
        values = record.values if record.state != State.ERASED else {}
        veiled = self._door.shown(caller, record.kind, values)
        hub = self._door.installation.hub()
        name = title(hub.shapes, record._replace(raw=records.raw(veiled))) if values else ""
        return RecordOut(
            id=record.id, kind=record.kind, name=name, state=_STANDING[record.state], version=record.version,
            merged_into=record.merged_into, created_at=iso(record.created_at), updated_at=iso(record.updated_at),
            values=chosen(veiled, fields),
        )  # fmt: skip

    def change(
        self, caller: Caller, step: history.Step, record: Record | None, kinds: Sequence[str]
    ) -> list[ChangeOut]:
        """The change that a step tells of; none where nothing that stands was changed by it, or was again since."""
        if record is None or record.kind not in kinds or record.updated_at != step.at:
            return []
        told = self.record(caller, record, "")
        event: Event = "created" if record.created_at == step.at else "updated"
        event = event if told.state == "live" else told.state
        return [ChangeOut(id=str(step.id), event=event, at=iso(step.at), record=told)]

    def why(self, caller: Caller, kind: str, one: Any) -> WhyOut:
        """Why a value stands."""
        why, name = one.why, one.field.name
        seen = self.veil(caller)
        others = [
            Said(source=lost.source, value=seen(kind, name, lost.value), why_not=lost.reason) for lost in why.losers
        ]
        sentence = why.sentence if caller.role.may(Role.OPERATOR) else ""
        return WhyOut(
            field=name, value=seen(kind, name, why.value), sentence=sentence, rule=str(why.rule),
            winner=why.winner.source if why.winner is not None else None, others=others,
        )  # fmt: skip


def _tag(record: Record) -> str:
    return f'"{record.version}"'


def _expected(request: Request, record: Record) -> int | None:
    """The version that the caller has seen; None where it does not say."""
    said = request.headers.get("if-match")
    if said is None or said.strip() == "*":
        return None
    tags = [one.strip() for one in said.split(",")]
    if _tag(record) not in tags:
        raise Declined(
            412, "record.changed", f"Record {record.id} has been changed meanwhile: its ETag is {_tag(record)}.",
            "Read it again, and say it again if it is still to be so.",
        )  # fmt: skip
    return record.version
