"""Events: what history tells, as webhooks and pollers are told of it.

    a step of history ▶ contact.created, deal.stage_changed, consent.changed … ▶ with the record as it is now

An event is known by its record, its moment and its name, so whoever asks for it or is sent it twice sees the same id.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from pydantic import Field

from api.v1.reading import Told
from api.v1.records import SCANNED, RecordOut, Showing
from core.model.instant import Instant, iso
from core.store import Tx, history, records, runs
from core.store.records import Record, State

if TYPE_CHECKING:
    from api.v1.keys import Caller
    from core.model.shape import Shape
    from core.store.runs import Run

CONSENT, LEAD = "consent.changed", "lead.captured"
WHATS = ("created", "updated", "deleted", "merged", "archived", "erased")
_MOVED = {State.DELETED: "deleted", State.MERGED: "merged", State.ARCHIVED: "archived"}
_STAGES = ("stage", "lifecycle_stage")


class DataOut(Told):
    """What an event is about."""

    occurred_at: str
    version: int = Field(description="The record's: of two events, the one with the higher version is the newer.")
    changed: list[str] = Field(description="Fields whose values changed by it; empty for what was made or has gone.")
    record: RecordOut


class EventOut(Told):
    """An event, as Standard Webhooks have it."""

    id: str = Field(description="The same whenever it is told; also the header `webhook-id`.")
    type: str
    timestamp: str = Field(description="When it happened.")
    data: DataOut


class Event(NamedTuple):
    """Something that happened to a record that is known."""

    place: int
    """Its step in history; 0 for one that is made up."""
    name: str
    at: Instant
    record: Record
    changed: Collection[str]
    key: int | None
    """That of the program that did it."""

    @property
    def id(self) -> str:
        """The same whenever it is told."""
        return f"evt_{self.record.id}_{self.at}_{self.name.replace('.', '_')}"

    def shown(self, showing: Showing, caller: Caller) -> EventOut:
        """As this caller may see it."""
        data = DataOut(
            occurred_at=iso(self.at), version=self.record.version, changed=sorted(self.changed),
            record=showing.record(caller, self.record, ""),
        )  # fmt: skip
        return EventOut(id=self.id, type=self.name, timestamp=iso(self.at), data=data)


def about(name: str) -> str:
    """The kind of record that an event is about."""
    return "contact" if name in (CONSENT, LEAD) else name.partition(".")[0]


def names(shapes: Mapping[str, Shape]) -> list[str]:
    """The names of all events."""
    found = [CONSENT, LEAD]
    for kind, shape in shapes.items():
        found += [f"{kind}.{one}" for one in WHATS]
        found += [f"{kind}.stage_changed"] if any(one in shape.fields for one in _STAGES) else []
    return found


def after(tx: Tx, place: int, limit: int = SCANNED) -> tuple[list[Event], int]:
    """The events of the next steps of history, oldest first, and where these end."""
    told = history.entries_after(tx, place, limit)
    return _events(tx, told), told[-1].id if told else place


def newest(tx: Tx) -> list[Event]:
    """Those of the newest steps, newest first."""
    return _events(tx, history.newest_entries(tx, SCANNED))


def _events(tx: Tx, told: Sequence[history.Told]) -> list[Event]:
    known = records.load(tx, {one.entry.record_id for one in told})
    acts = runs.by_ids(tx, {one.entry.run_id for one in told if one.entry.run_id is not None})
    found: dict[str, Event] = {}
    for one in told:
        record = known.get(one.entry.record_id)
        if record is not None:
            for event in _of_step(one, record, acts.get(one.entry.run_id or 0)):
                # What comes from two tools at once is made once.
                found.setdefault(event.id, event)
    return list(found.values())


def _of_step(told: history.Told, record: Record, run: Run | None) -> Iterator[Event]:
    entry, kind = told.entry, record.kind
    key = run.subject.get("key") if run is not None else None
    if record.state == State.ERASED:
        whats: Iterable[str] = [f"{kind}.erased"] if entry.what == "erased" else []
        yield from (Event(told.id, one, entry.at, record, (), key) for one in whats)
        return
    delta = entry.delta
    changed, moved = delta.get("set", {}), delta.get("state")
    if entry.what == "seen" and entry.at == record.created_at:
        yield Event(told.id, f"{kind}.created", entry.at, record, (), key)
        changed = {name: one for name, one in record.values.items() if name.startswith("consent.")}
    elif moved is not None and moved[1] in _MOVED:
        yield Event(told.id, f"{kind}.{_MOVED[State(moved[1])]}", entry.at, record, changed, key)
    elif changed or moved is not None:
        yield Event(told.id, f"{kind}.updated", entry.at, record, changed, key)
        if any(one in changed for one in _STAGES):
            yield Event(told.id, f"{kind}.stage_changed", entry.at, record, changed, key)
    if any(one.startswith("consent.") for one in changed):
        yield Event(told.id, CONSENT, entry.at, record, changed, key)
    if run is not None and run.what == "capture" and entry.what == "seen" and kind == about(LEAD):
        yield Event(told.id, LEAD, entry.at, record, (), key)


def sample(name: str, shapes: Mapping[str, Shape], at: Instant) -> Event:
    """An event of this name about nobody, made of the examples of the fields."""
    kind = about(name)
    values = {one.name: one.example for one in shapes[kind].fields.values() if one.example is not None}
    state = {f"{kind}.{what}": state for state, what in [*_MOVED.items(), (State.ERASED, "erased")]}.get(name, 0)
    record = Record(1, kind, records.raw(values), int(state), 2 if state == State.MERGED else None, 1, at, at)
    return Event(0, name, at, record, (), None)
