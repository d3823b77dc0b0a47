"""Contrast: what tells the sides of a question apart, for many questions at once and in few words.

A list of questions can be answered from where each one shows who says what. One question with everything that can be
compared is `duplicates.compared`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from core.flow.hub import Hub
from core.model.instant import Instant, iso
from core.model.values import Values, is_blank
from core.store import Tx, bindings, records
from core.store.bindings import Bound, State
from core.store.records import Record
from core.store.reviews import Review

ASKED = ("ambiguous", "duplicate")
"""The questions that have sides."""


class Side(NamedTuple):
    """One of those that may be the same: who holds it, since when it is so, and its own words."""

    called: str
    held_by: tuple[str, ...]
    at: Instant
    """For a record, when it was last changed here; for a tool's copy, when that was read or changed."""
    values: Values

    def to_json(self) -> dict[str, Any]:
        """As `--json` shows it."""
        return {"called": self.called, "held_by": list(self.held_by), "at": iso(self.at), "values": dict(self.values)}


class Contrast(NamedTuple):
    """The sides with the values that tell them apart, and the fields in which all are alike."""

    sides: tuple[Side, ...]
    alike: tuple[str, ...]


def contrasts(hub: Hub, tx: Tx, asked: Iterable[Review]) -> dict[int, Contrast]:
    """Review → its sides, looked up for all at once. Left out is what has no two sides any more."""
    subjects = {one.id: (one, _records_of(one)) for one in asked if one.what in ASKED}
    wanted = {id_ for _, ids in subjects.values() for id_ in ids}
    if not wanted:
        return {}
    # One that was merged since is now the record it went into.
    forward = records.merged_into(tx, wanted)
    wanted = {forward.get(id_, id_) for id_ in wanted}
    there, held = records.load(tx, wanted), _held(hub, tx, wanted)
    found = {}
    for number, (review, ids) in subjects.items():
        now = dict.fromkeys(forward.get(id_, id_) for id_ in ids)
        if review.connection_id:
            sides = _copies(hub, review, held.get(next(iter(now)), ()))
        else:
            sides = [_side(hub, there[id_], held.get(id_, ())) for id_ in now if id_ in there]
        if len(sides) > 1:
            kind = there[next(iter(now))].kind
            found[number] = _contrast(sides, tuple(hub.shapes[kind].fields))
    return found


def _records_of(review: Review) -> tuple[int, ...]:
    subject = review.subject
    others = subject.get("candidates") or ([subject["of"]] if subject.get("of") else [])
    return (review.record_id, *others)


def _held(hub: Hub, tx: Tx, ids: Iterable[int]) -> Mapping[int, list[Bound]]:
    held: dict[int, list[Bound]] = {}
    for row in bindings.of_records(tx, set(ids)):
        if row.state == State.BOUND and row.stream_id not in hub.own_streams:
            held.setdefault(row.record_id, []).append(row)
    return held


def _copies(hub: Hub, review: Review, held: Iterable[Bound]) -> list[Side]:
    """What a tool holds of one record."""
    connection = next((one for one in hub.connections.values() if one.id == review.connection_id), None)
    streams = {stream.id: stream for stream in connection.streams} if connection is not None else {}
    sides = []
    for row in held:
        if (stream := streams.get(row.stream_id)) is not None:
            (reading,) = stream.translator.read([row.expected])
            name = f"{stream.source} {row.remote_id}"
            sides.append(Side(name, (), row.modified_at or row.read_at, reading.values))
    return sides


def _side(hub: Hub, record: Record, held: Iterable[Bound]) -> Side:
    names = tuple(f"{hub.sources[row.stream_id]} {row.remote_id}" for row in held)
    return Side(f"{record.kind} {record.id}", names, record.updated_at, record.values)


def _contrast(sides: Sequence[Side], fields: Sequence[str]) -> Contrast:
    said = [name for name in fields if any(not is_blank(one.values.get(name)) for one in sides)]
    first = sides[0].values
    alike = tuple(name for name in said if all(one.values.get(name) == first.get(name) for one in sides))
    apart = [name for name in said if name not in alike]
    return Contrast(tuple(one._replace(values={name: one.values.get(name) for name in apart}) for one in sides), alike)
