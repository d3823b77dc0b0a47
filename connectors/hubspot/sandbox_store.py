"""The sandbox's records of one type, with the indexes that keep a hundred thousand of them quick.

A record keeps its last states, so that a late index or a lagging reading can show an older one.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from core.model.instant import Instant

_KEPT_STATES = 16


class State(NamedTuple):
    """A record from one change to the next. `properties` is never changed in place."""

    properties: Mapping[str, str]
    modified_at: Instant
    """What the tool says."""
    seen_at: Instant
    """When it could first be seen."""
    archived_at: Instant | None = None
    gone: bool = False
    """Merged into another or erased: in no list any more."""

    @property
    def live(self) -> bool:
        """Whether it is neither archived nor gone."""
        return self.archived_at is None and not self.gone


@dataclass(slots=True)
class Record:
    """One record, its present state, and the last ones before it, oldest first."""

    id: int
    created_at: Instant
    state: State
    past: tuple[State, ...] = ()

    def at(self, until: Instant | None) -> State | None:
        """The state as of a moment; None if it was not there yet. A moment of None is now."""
        if until is None or self.state.seen_at <= until:
            return self.state
        return next((state for state in reversed(self.past) if state.seen_at <= until), None)


class Table:
    """All records of one type. Everything is written by `put`."""

    def __init__(self, unique: Iterable[str]) -> None:
        self.records: dict[int, Record] = {}
        self.ids: dict[bool, list[int]] = {False: [], True: []}
        """By archived: the ids in order."""
        self.by_stamp: list[tuple[Instant, int]] = []
        """(modified at, id) of the live ones, in order."""
        self.unique: dict[str, dict[str, int]] = {name: {} for name in unique}
        self.moved: dict[int, int] = {}
        """Merged id → the record it went into."""
        self.changes = 0
        self._log: list[tuple[Instant, int]] = []

    def put(self, id_: int, created_at: Instant, state: State) -> Record:
        """Give a record a new state, or make it."""
        record = self.records.get(id_)
        if record is None:
            record = self.records[id_] = Record(id_, created_at, state)
        else:
            self._unlist(record)
            record.past = (*record.past[1 - _KEPT_STATES :], record.state)
            record.state = state
        self._enlist(record)
        self._log.append((state.seen_at, id_))
        self.changes += 1
        return record

    def find(self, id_: int) -> Record | None:
        """A record by its id or, after a merge, by an id it had before."""
        while id_ in self.moved:
            id_ = self.moved[id_]
        return self.records.get(id_)

    def by_value(self, name: str, value: str) -> Record | None:
        """The live record with a unique value."""
        id_ = self.unique[name].get(_folded(name, value))
        return None if id_ is None else self.records[id_]

    def make_unique(self, name: str) -> None:
        """Begin to keep an index of a property."""
        self.unique[name] = {}
        for id_ in self.ids[False]:
            for value in _keys(name, self.records[id_].state.properties):
                self.unique[name][value] = id_

    def settled(self, until: Instant | None) -> int:
        """How many changes there were up to a moment."""
        return self.changes if until is None else bisect_right(self._log, until, key=lambda entry: entry[0])

    def unsettled(self, until: Instant | None) -> set[int]:
        """The ids of records that changed after a moment."""
        return {id_ for _, id_ in self._log[self.settled(until) :]}

    def walk(self, after: int, archived: bool, until: Instant | None = None) -> Iterator[tuple[Record, State]]:
        """The records behind an id, in the order of their ids, as of a moment."""
        unsettled = self.unsettled(until)
        ids: Iterable[int] = self.ids[archived]
        start = bisect_right(self.ids[archived], after)
        if not unsettled:
            ids = (self.ids[archived][place] for place in range(start, len(self.ids[archived])))
        else:
            ids = sorted({*self.ids[archived][start:], *(id_ for id_ in unsettled if id_ > after)})
        for id_ in ids:
            record = self.records[id_]
            state = record.at(until)
            if state is not None and not state.gone and (state.archived_at is not None) == archived:
                yield record, state

    def stamped(self, low: Instant, high: Instant) -> range:
        """The places in `by_stamp` of the records modified from `low` to `high`, both included."""
        return range(bisect_left(self.by_stamp, (low, 0)), bisect_right(self.by_stamp, (high, 1 << 62)))

    def _enlist(self, record: Record) -> None:
        state = record.state
        if state.gone:
            return
        ids = self.ids[state.archived_at is not None]
        if ids and record.id < ids[-1]:
            insort(ids, record.id)
        else:
            ids.append(record.id)
        if state.live:
            insort(self.by_stamp, (state.modified_at, record.id))
            for name, index in self.unique.items():
                for value in _keys(name, state.properties):
                    index[value] = record.id

    def _unlist(self, record: Record) -> None:
        state = record.state
        if state.gone:
            return
        ids = self.ids[state.archived_at is not None]
        del ids[bisect_left(ids, record.id)]
        if state.live:
            del self.by_stamp[bisect_left(self.by_stamp, (state.modified_at, record.id))]
            for name, index in self.unique.items():
                for value in _keys(name, state.properties):
                    if index.get(value) == record.id:
                        del index[value]


def _keys(name: str, properties: Mapping[str, str]) -> list[str]:
    """The values under which a record is found; a contact also by the addresses it had before a merge."""
    values = [properties.get(name, "")]
    if name == "email":
        values += properties.get("hs_additional_emails", "").split(";")
    return [_folded(name, value) for value in values if value]


def _folded(name: str, value: str) -> str:
    return value.strip().lower() if name == "email" else value
