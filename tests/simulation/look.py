"""The hub and the tools as they stand when all is at rest, loaded once for every law."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from connectors._kit.mischief import Switch
from core.decide.why import Why, explain
from core.flow.asking import voices_of
from core.flow.hub import HUB, Stream
from core.flow.outward.outbound import FRESH
from core.flow.undo.replay import folded_again
from core.model.instant import SECOND, Instant
from core.model.values import Json, is_blank
from core.ports import Fields
from core.store import bindings, reviews
from core.store.bindings import Bound
from core.store.bindings import State as BindingState
from core.store.records import Record, State
from tests.simulation.erased import of_the_others
from tests.simulation.people import stream_of
from tests.simulation.plot import TOOLS, Plot

if TYPE_CHECKING:
    from tests.simulation.play import Stage

WINDOW = FRESH + SECOND
"""How long an edit may be overlooked in a tool that compares no versions, and a second for the calls themselves."""

KINDS = {"contact": "contacts", "company": "companies", "owner": "owners", "activity": "activities"}


def kinds_of(plot: Plot) -> dict[str, str]:
    """Kind → its stream, of those that the tools of a plot hold."""
    more = {"company": plot.companies, "owner": plot.follows, "activity": plot.follows}
    return {kind: stream for kind, stream in KINDS.items() if more.get(kind, True)}


def who_is(held: Fields) -> str | None:
    """Who or which company is held; None for what is about somebody else."""
    if "asked" in held:
        return str(held["asked"])
    return f"company {held['domain']}" if "domain" in held else held.get("email")


class Look:
    """Everything a law may ask."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.lab, self.ledger = stage, stage.lab, stage.ledger
        kinds = kinds_of(stage.plot)
        self.records = {one.id: one for kind in kinds for one in self.lab.records(kind)}
        with self.lab.hub.store.reading() as tx:
            self.bound = bindings.of_records(tx, list(self.records))
            self.undecided = reviews.undecided(tx, list(self.records))
            self.folded = folded_again(self.lab.hub, tx, list(self.records))
        self.reviews = self.lab.reviews()
        self.doubtful = {
            id_
            for one in self.reviews
            if one.what in ("ambiguous", "duplicate")
            for id_ in (one.record_id, one.subject.get("of"), *one.subject.get("candidates", ()))
        }
        self.letters = {(one.connection_id, one.record_id): one for one in self.lab.dead_letters()}
        self.braked = {self.lab.hub.connections[one.connection_id].name for one in self.reviews if one.what == "brake"}
        self.held = {
            name: {id_: held for stream in kinds.values() for id_, held in tool.all(stream).items()}
            for name, tool in self.lab.tools.items()
        }

        self.ledger = of_the_others(self)

    @cached_property
    def by_place(self) -> dict[tuple[int, str], Bound]:
        """(stream id, remote id) → binding."""
        return {(one.stream_id, one.remote_id): one for one in self.bound}

    @cached_property
    def by_record(self) -> dict[int, list[Bound]]:
        """Record id → its bindings."""
        found: dict[int, list[Bound]] = {}
        for one in self.bound:
            found.setdefault(one.record_id, []).append(one)
        return found

    def stream(self, name: str, kind: str) -> Stream:
        """A tool's stream of a kind."""
        return self.lab.stream(name, KINDS[kind])

    def bindings_of(self, record: Record, name: str) -> list[Bound]:
        """The bindings of a record in a tool."""
        stream = self.stream(name, record.kind).id
        return [one for one in self.by_record.get(record.id, ()) if one.stream_id == stream]

    def live(self, record: Record, name: str) -> list[Bound]:
        """Those of them that the hub takes for live."""
        return [one for one in self.bindings_of(record, name) if one.state == BindingState.BOUND]

    def binding(self, name: str, remote_id: str) -> Bound | None:
        """The binding of a tool's record, or of what was said in the hub."""
        if name == HUB:
            found = (self.by_place.get((id_, remote_id)) for id_ in self.lab.hub.own_streams)
            return next(filter(None, found), None)
        return self.by_place.get((self.lab.stream(name, stream_of(remote_id)).id, remote_id))

    def end(self, record_id: int) -> Record:
        """The record that stands for one which may have been merged."""
        record = self.records[record_id]
        while record.merged_into is not None:
            record = self.records[record.merged_into]
        return record

    def person(self, record: Record) -> str:
        """Who it is."""
        return str(record.values.get("asked") or record.values.get("domain"))

    def was_merged(self, record: Record) -> bool:
        """Whether people merged somebody here with somebody else, in some tool."""
        ours = [(self.lab.hub.sources[one.stream_id], one.remote_id) for one in self.by_record.get(record.id, ())]
        return any(self.ledger.made.get(place) in self.ledger.merged for place in ours) or (
            self.person(record) in self.ledger.merged
        )

    def why(self, record: Record, field: str) -> Why:
        """The hub's own reason for a value."""
        voices = voices_of(self.lab.hub, self.by_record.get(record.id, []))
        return explain(self.lab.hub.shapes[record.kind], self.lab.hub.rules, voices, field)

    def reads(self, name: str, kind: str, field: str, value: Json) -> Json:
        """What a tool's value means."""
        stream = self.stream(name, kind)
        path = next(line.remote for line in stream.translator.lines if line.field == field)
        (reading,) = stream.translator.read([{path or field: value}])
        found: Json = reading.values.get(field)
        return found

    def field(self, kind: str, path: str) -> str:
        """The canonical field of a tool's field; they are mapped alike everywhere."""
        lines = self.stream(TOOLS[0], kind).translator.lines
        return next(line.field for line in lines if line.remote == path)

    def overwritten(self, name: str, remote_id: str, path: str, at: Instant) -> bool:
        """Whether the hub wrote over a word in the window that remains where no version is compared."""
        if name == HUB or self.stage.plot.habits[TOOLS.index(name)].versions:
            return False
        tool = self.lab.tools[name]
        with tool.open() as world:
            states = world.states[stream_of(remote_id)].get(remote_id, [])
            later = [(one.committed_at - tool.skew, one.fields.get(path)) for one in states]
        held = [value for moment, value in later if moment <= at][-1:]
        over = [moment for moment, value in later if moment > at and [value] != held]
        began = [moment for moment in self.stage.watch.writes.get(name, ()) if over and moment <= over[0]]
        return bool(began) and max(began) <= at + WINDOW

    def lied(self, name: str) -> bool:
        """Whether a tool showed less than it held, so that somebody may have been made there who was there already."""
        happened = self.lab.tools[name].mischief.happened
        return any(happened[one] for one in (Switch.LAGGING, Switch.HALF, Switch.EMPTY))

    def changed_at(self, name: str, remote_id: str) -> list[Instant]:
        """When a tool's record was changed, by true time; the last times only."""
        tool = self.lab.tools[name]
        with tool.open() as world:
            states = world.states[stream_of(remote_id)].get(remote_id, [])
            return [state.committed_at - tool.skew for state in states]


def same(one: Json, other: Json) -> bool:
    """Equal, or both blank, or the same elements."""
    if isinstance(one, list) and isinstance(other, list):
        return sorted(map(str, one)) == sorted(map(str, other))
    return one == other or (is_blank(one) and is_blank(other))


def stands(record: Record) -> bool:
    """Whether a record is live."""
    return record.state == State.LIVE
