"""Compare: what a connection should hold of a record against what it is known to hold. The difference is the edit.

A field is in step when the tool holds the wanted form, or a form that means the same, or its own spelling of what
we last told it. Reconcile and agreement measure with the same yardstick.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from core.decide.keys import PROVING
from core.flow.hub import Connection, Hub, Stream
from core.flow.refs import referred, towards
from core.mapping import paths
from core.model.values import Json, Values, is_blank
from core.ports import Fields
from core.store import Tx, bindings, records, reviews
from core.store.bindings import Bound
from core.store.bindings import State as BindingState
from core.store.records import Record, State


class Step(StrEnum):
    """What is to be done about one record in one connection."""

    NOTHING = "nothing"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(slots=True)
class Difference:
    """One record in one connection: what to do, with which fields."""

    record: Record
    stream: Stream
    step: Step
    bound: Bound | None = None
    fields: Fields | None = None
    """Remote path → wanted value, of fields out of step only."""
    missing: Collection[int] = ()
    """Records it refers to that the connection does not hold yet."""
    compared: int = 0
    undecided: int = 0
    """Fields under an open question: neither agreed nor to be written."""
    incarnation: int = 0
    """How many records this connection has had for it before."""
    double: bool = False
    """The connection holds the record in an older binding too."""


def differences(hub: Hub, tx: Tx, connection: Connection, found: Mapping[int, Record]) -> list[Difference]:
    """The difference of each record; four statements, whatever their number."""
    held = bindings.of_records(tx, list(found), connection.stream_ids)
    by_record: dict[int, list[Bound]] = {}
    for bound in held:
        by_record.setdefault(bound.record_id, []).append(bound)
    values = {id_: record.values for id_, record in found.items()}
    targets = {one for id_, record in found.items() for one in referred(hub, record.kind, values[id_])}
    remote_ids = _remote_ids(tx, connection, targets) if targets else {}
    undecided = reviews.undecided(tx, list(found))
    result: list[Difference] = []
    to_read: dict[int, list[Difference]] = {}
    for id_, record in found.items():
        for difference in _steps(connection, record, values[id_], by_record.get(id_, [])):
            result.append(difference)
            if difference.step is Step.CREATE and "" in undecided.get(id_, ()):
                difference.step = Step.NOTHING
            if difference.step in (Step.CREATE, Step.UPDATE):
                to_read.setdefault(difference.stream.id, []).append(difference)
    for group in to_read.values():
        _compare(hub, group, values, remote_ids, undecided)
    return result


def _remote_ids(tx: Tx, connection: Connection, targets: Collection[int]) -> dict[int, str]:
    """Record id → its id in this connection; a record that was merged away is told as the one it went into."""
    forward = records.merged_into(tx, targets)
    found = bindings.remote_ids_of(tx, connection.stream_ids, {*targets, *forward.values()})
    return found | {id_: found[into] for id_, into in forward.items() if into in found}


def _steps(connection: Connection, record: Record, values: Values, held: Sequence[Bound]) -> list[Difference]:
    """One step a live binding (a tool may hold a record twice), or the step that makes the first one.

    None at all for a record that the connection does not take: it is neither in step nor out of it.
    """
    streams = {stream.id: stream for stream in connection.streams if stream.policy.writes}
    live = [bound for bound in held if bound.state == BindingState.BOUND]
    if live:
        found = [(streams[bound.stream_id], bound) for bound in live if bound.stream_id in streams]
        return [
            Difference(record, stream, _step(stream, record), bound, double=place > 0)
            for place, (stream, bound) in enumerate(found)
        ]
    if record.state != State.LIVE or (target := connection.stream_for(record.kind, values)) is None:
        return []
    # What was deleted there, merged away there or cut off by a person is not put back unasked.
    closed = any(bound.state != BindingState.RELEASED for bound in held)
    return [Difference(record, target, Step.NOTHING if closed else Step.CREATE, incarnation=len(held))]


def _step(stream: Stream, record: Record) -> Step:
    if record.state == State.LIVE:
        return Step.UPDATE if stream.manifest.updates else Step.NOTHING
    return _delete(stream) if record.state == State.DELETED else Step.NOTHING


def _delete(stream: Stream) -> Step:
    if stream.manifest.deletes and stream.policy.deletes_out in ("propagate", "archive"):
        return Step.DELETE
    return Step.NOTHING


def _compare(
    hub: Hub,
    group: Sequence[Difference],
    values: Mapping[int, dict[str, Json]],
    remote_ids: Mapping[int, str],
    undecided: Mapping[int, set[str]],
) -> None:
    translator = group[0].stream.translator
    expected = [one.bound.expected if one.bound else {} for one in group]
    readings = translator.read(expected)
    for one, held, reading in zip(group, expected, readings, strict=True):
        creating = one.bound is None
        wanted, one.missing = towards(hub, one.record.kind, values[one.record.id], remote_ids)
        written = translator.write(wanted, creating=creating)
        open_fields = undecided.get(one.record.id, set())
        told = one.bound.told if one.bound else {}
        unsaid = {name for name in translator.refs if name in values[one.record.id] and name not in wanted}
        # Of two that are one here, a tool keeps each under its own address until it has merged them too.
        kept_apart = PROVING.get(one.record.kind, ()) if one.double else ()
        out: Fields = {}
        for path, value in written.fields.items():
            name = written.source.get(path, path)
            made_of = translator.drawn.get(name, frozenset((name,)))
            if not made_of.isdisjoint(unsaid) or not made_of.isdisjoint(kept_apart):
                continue
            one.compared += 1
            # What the stream says by itself is no reading of the tool's field.
            meant = None if name in translator.fixed else reading.values.get(name)
            unreadable = not creating and name in translator.in_fields and name not in reading.said
            if not made_of.isdisjoint(open_fields) or unreadable:
                # What a person wrote there and nobody can read is shown as a problem, never written over.
                one.undecided += 1
            elif creating:
                if not is_blank(value):
                    out[path] = value
            elif _differs(path, value, held, told, wanted.get(name), meant):
                out[path] = value
        one.fields = out
        if not creating and not out:
            one.step = Step.NOTHING


def _differs(path: str, value: Json, held: Fields, told: Fields, wanted: Json, meant: Json) -> bool:
    there = paths.get(held, path)
    if there == value or (is_blank(there) and is_blank(value)):
        return False
    if path in told and told[path] == value:
        return False
    # Another spelling of the same: the tool's form is its own business.
    return is_blank(wanted) or wanted != meant


def load_found(tx: Tx, ids: Collection[int]) -> dict[int, Record]:
    """Records by id, those that are merged into others left out."""
    return {id_: record for id_, record in records.load(tx, ids).items() if record.state != State.MERGED}
