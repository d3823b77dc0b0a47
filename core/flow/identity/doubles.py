"""Doubles: the records that one tool holds of the same, ranked, with what the survivor would have and how to mend it.

A record that several others refer to, that is filled and has its address, is the one to keep; what it lacks it gets
from the others. The hub proposes, a person decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.decide.fold import fold
from core.decide.keys import PROVING
from core.decide.match import weigh
from core.flow.asking import voices_of
from core.flow.hub import Connection, Hub, Stream
from core.flow.identity.mending import by_hand, can_merge
from core.model.values import Json, Values, is_blank
from core.store import Tx, bindings
from core.store.bindings import Bound, State

PAGE = 1_000

Group = tuple[int, ...]
"""The records here that a tool holds twice: one of which it has several, or two that it may hold of the same."""


@dataclass(slots=True)
class Copy:
    """One of the records that a tool holds of the same."""

    bound: Bound
    values: Values
    has_key: bool
    """Whether it has the address or domain by which it is known."""
    filled: int
    referred: int = 0
    """How many records of the tool refer to it."""

    @property
    def rank(self) -> tuple[bool, int, int, int]:
        """The more, the rather it survives; between equal ones the older binding does."""
        return self.has_key, self.filled, self.referred, -self.bound.id


@dataclass(slots=True)
class Duplicate:
    """One person, company and so on that a tool holds more than once, the one that should survive first."""

    connection: str
    stream: Stream
    record_ids: Group
    copies: list[Copy]
    review_id: int | None = None
    by_command: bool = False
    """Whether the tool lets us merge them."""
    speaks_for: tuple[str, ...] = ()
    speaks_against: tuple[str, ...] = ()
    values: Mapping[str, Json] = field(default_factory=dict)
    """What the survivor would have, once it is merged and in step."""

    @property
    def because(self) -> tuple[str, ...]:
        """Why the first one should survive, in words."""
        best, others = self.copies[0], self.copies[1:]
        proving = " or ".join(PROVING.get(self.stream.kind, ()))
        reasons = {
            f"it has the {proving}": best.has_key and not all(one.has_key for one in others),
            "it is filled more": all(best.filled > one.filled for one in others),
            "more records refer to it": all(best.referred > one.referred for one in others),
        }
        found = tuple(words for words, is_so in reasons.items() if is_so)
        return found or ("it has been known longer",)

    @property
    def how(self) -> tuple[str, ...]:
        """How to mend it: a command, or words for a person, for each one that goes."""
        survivor = self.copies[0].bound.remote_id
        others = [one.bound.remote_id for one in self.copies[1:]]
        if not self.by_command:
            return tuple(by_hand(self.stream, survivor, one) for one in others)
        named = f"concord merge --in {self.connection} --stream {self.stream.name}"
        return tuple(f"{named} {_quoted(survivor)} {_quoted(one)}" for one in others)

    def to_json(self) -> dict[str, Any]:
        """The form in which `--json` shows it."""
        return {
            "connection": self.connection,
            "stream": self.stream.name,
            "kind": self.stream.kind,
            "records": list(self.record_ids),
            "review": self.review_id,
            "copies": [
                {
                    "id": one.bound.remote_id,
                    "record": one.bound.record_id,
                    "filled": one.filled,
                    "referred": one.referred,
                    "has_key": one.has_key,
                    "values": dict(one.values),
                }
                for one in self.copies
            ],
            "for": list(self.speaks_for),
            "against": list(self.speaks_against),
            "survivor": self.copies[0].bound.remote_id,
            "because": list(self.because),
            "values": dict(self.values),
            "by_command": self.by_command,
            "how": list(self.how),
        }


def groups(hub: Hub, tx: Tx, connection: Connection, wanted: Mapping[Group, int | None]) -> list[Duplicate]:
    """The doubles among groups of records that a connection is said to hold twice; each with its open review."""
    held: dict[int, list[Bound]] = {}
    for row in bindings.of_records(tx, {id_ for group in wanted for id_ in group}, connection.stream_ids):
        if row.state == State.BOUND:
            held.setdefault(row.record_id, []).append(row)
    found = []
    for group, number in wanted.items():
        by_stream: dict[int, list[Bound]] = {}
        for row in (row for id_ in group for row in held.get(id_, ())):
            by_stream.setdefault(row.stream_id, []).append(row)
        for stream in connection.streams:
            if len(rows := by_stream.get(stream.id, ())) > 1:
                found.append(_duplicate(hub, stream, group, rows, number))
    _count_references(tx, connection, found)
    for one in found:
        one.copies.sort(key=lambda copy: copy.rank, reverse=True)
    _fill_in(hub, tx, found)
    return found


def _duplicate(hub: Hub, stream: Stream, group: Group, rows: Sequence[Bound], number: int | None) -> Duplicate:
    readings = stream.translator.read([row.expected for row in rows])
    proving = PROVING.get(stream.kind, ())
    copies = [
        Copy(
            row,
            reading.values,
            any(not is_blank(reading.values.get(name)) for name in proving),
            sum(not is_blank(value) for value in reading.values.values()),
        )
        for row, reading in zip(rows, readings, strict=True)
    ]
    return Duplicate(stream.source, stream, group, copies, number, by_command=can_merge(hub, stream))


def _count_references(tx: Tx, connection: Connection, found: Sequence[Duplicate]) -> None:
    """How many records of the tool refer to each copy: one look through the streams that may."""
    copies = {(one.stream.name, copy.bound.remote_id): copy for one in found for copy in one.copies}
    if not copies:
        return
    streams = {name for name, _ in copies}
    for stream in connection.streams:
        refs = {name: to for name, to in stream.translator.refs.items() if not streams.isdisjoint(to)}
        for page in _pages(tx, stream) if refs else ():
            counted = _referred(page, stream, refs)
            for place, copy in copies.items():
                copy.referred += counted[place]


def _pages(tx: Tx, stream: Stream) -> Iterator[list[Bound]]:
    last = 0
    while page := bindings.after(tx, stream.id, last, PAGE):
        last = page[-1].id
        yield [row for row in page if row.state == State.BOUND]


def _referred(page: Sequence[Bound], stream: Stream, refs: Mapping[str, Iterable[str]]) -> Counter[tuple[str, str]]:
    counted: Counter[tuple[str, str]] = Counter()
    for reading in stream.translator.read([row.expected for row in page]):
        for name, targets in refs.items():
            word = reading.values.get(name)
            for one in word if isinstance(word, list) else (word,):
                counted.update((target, one) for target in targets if isinstance(one, str))
    return counted


def _fill_in(hub: Hub, tx: Tx, found: Sequence[Duplicate]) -> None:
    """What the survivors would have, and what speaks for and against their being one; one statement."""
    every: dict[int, list[Bound]] = {}
    ids = {id_ for one in found for id_ in one.record_ids}
    for row in bindings.of_records(tx, ids) if ids else ():
        every.setdefault(row.record_id, []).append(row)
    for one in found:
        voices = voices_of(hub, [row for id_ in one.record_ids for row in every.get(id_, ())])
        one.values = fold(one.stream.shape, hub.rules, tuple(voices)).values
        first, *others = one.copies
        weighed = [weigh(one.stream.kind, first.values, other.values, blocks=hub.blocks) for other in others]
        one.speaks_for = tuple(dict.fromkeys(words for each in weighed for words in each.speaks_for))
        one.speaks_against = tuple(dict.fromkeys(words for each in weighed for words in each.speaks_against))


def _quoted(word: str) -> str:
    return word if word.replace("-", "").replace("_", "").isalnum() else "'" + word.replace("'", "'\\''") + "'"
