"""Compare: what a connection should hold of a record against what it is known to hold. The difference is the edit.

A field is in step when the tool holds the wanted form, or a form that means the same, or its own spelling of what
we last told it. Reconcile and agreement measure with the same yardstick.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from core.decide.filtering import Past, has_left, outward, refusals
from core.decide.keys import PROVING, keys_of
from core.flow.drift.lines import unwritten
from core.flow.filters.doors import drops, held_by_the_tool
from core.flow.hub import Connection, Hub, Stream
from core.flow.refs import referred, towards
from core.mapping import paths
from core.model.values import Json, Values, is_blank
from core.ports import Fields
from core.store import Tx, bindings, history, keys, records, reviews
from core.store.bindings import Bound
from core.store.bindings import State as BindingState
from core.store.history import Entry
from core.store.records import Record, State


class Step(StrEnum):
    """What is to be done about one record in one connection."""

    NOTHING = "nothing"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    CUT = "cut"
    """Its filter no longer lets the record in: it is neither heard nor written there from now on."""
    TIE = "tie"
    """What was cut off fits again: what the tool shows now is heard, and the record is written there as before."""


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
    """Fields under an open question, or whose lines rest: neither agreed nor to be written."""
    asked: Collection[str] = ()
    """What a person was asked about when it was compared."""
    incarnation: int = 0
    """How many records this connection has had for it before."""
    double: bool = False
    """The connection holds the record under another id too, and that one has the better right to its address."""
    left_out: bool = False
    """A filter leaves the record out there: nothing but refusals of consent is told."""
    ask: bool = False
    """A person must do there what the policy says and the tool cannot do by interface."""

    @property
    def archives(self) -> bool:
        """Whether a record is deleted there because a filter no longer lets it in."""
        return self.step is Step.DELETE and self.left_out

    @property
    def takes_back(self) -> bool:
        """Whether our own create is deleted, because what it came from was undone."""
        wanted = self.bound is not None and bool(self.bound.wish.get("gone"))
        return self.step is Step.DELETE and wanted and not self.erases

    @property
    def erases(self) -> bool:
        """Whether it is deleted because the person asked to be erased: whatever was edited there since."""
        return self.record.state == State.ERASED


def differences(
    hub: Hub, tx: Tx, connection: Connection, found: Mapping[int, Record], *, held: Sequence[Bound] | None = None
) -> list[Difference]:
    """The difference of each record; six statements, whatever their number.

    `held` are the connection's bindings of these records, where they are known to be other than the stored ones.
    """
    if held is None:
        held = bindings.of_records(tx, list(found), connection.stream_ids)
    values = {id_: record.values for id_, record in found.items()}
    known = _look_up(hub, tx, [connection], found, values)
    return _differences(hub, tx, connection, found, values, held, known)


def everywhere(
    hub: Hub, tx: Tx, record: Record, held: Sequence[Bound], undecided: set[str]
) -> dict[str, list[Difference]]:
    """Connection → the differences of one record; four statements, and some more for connections with filters.

    Its bindings are known, and the fields about which somebody is asked.
    """
    found, values, every = {record.id: record}, {record.id: record.values}, list(hub.connections.values())
    known = _look_up(hub, tx, every, found, values, {record.id: undecided})
    return {
        one.name: _differences(
            hub, tx, one, found, values, [row for row in held if row.stream_id in one.stream_ids], known
        )
        for one in every
    }


class _Known(NamedTuple):
    """What comparing looks up beside records and bindings."""

    erased: Collection[int]
    forward: Mapping[int, int]
    remote_ids: Mapping[int, Mapping[int, str]]
    """Connection → record id → its id there."""
    undecided: Mapping[int, set[str]]
    resting: Mapping[int, Collection[str]]


def _look_up(
    hub: Hub,
    tx: Tx,
    connections: Sequence[Connection],
    found: Mapping[int, Record],
    values: Mapping[int, dict[str, Json]],
    undecided: Mapping[int, set[str]] | None = None,
) -> _Known:
    targets = {one for id_, record in found.items() for one in referred(hub, record.kind, values[id_])}
    erased = records.erased(tx, targets)
    targets -= erased
    forward = records.merged_into(tx, targets) if targets else {}
    remote_ids = _remote_ids(tx, connections, targets, forward) if targets else {}
    if undecided is None:
        undecided = reviews.undecided(tx, list(found))
    resting = unwritten(tx, {id_ for one in connections for id_ in one.stream_ids})
    return _Known(erased, forward, remote_ids, undecided, resting)


def _differences(
    hub: Hub,
    tx: Tx,
    connection: Connection,
    found: Mapping[int, Record],
    values: Mapping[int, dict[str, Json]],
    held: Sequence[Bound],
    known: _Known,
) -> list[Difference]:
    by_record: dict[int, list[Bound]] = {}
    for bound in held:
        by_record.setdefault(bound.record_id, []).append(bound)
    result: list[Difference] = []
    for id_, record in found.items():
        asked = known.undecided.get(id_, frozenset[str]())
        for difference in _steps(connection, record, values[id_], by_record.get(id_, []), asked):
            difference.asked = asked
            result.append(difference)
            if difference.step is Step.CREATE and "" in asked:
                difference.step = Step.NOTHING
    _heed_filters(hub, tx, connection, result)
    to_read: dict[int, list[Difference]] = {}
    for difference in result:
        if difference.step in (Step.CREATE, Step.UPDATE):
            to_read.setdefault(difference.stream.id, []).append(difference)
    remote_ids = known.remote_ids.get(connection.id, {})
    for group in to_read.values():
        resting = known.resting.get(group[0].stream.id, frozenset())
        _compare(hub, group, values, remote_ids, known.erased, known.undecided, resting)
    for difference in result if known.forward else ():
        # What was merged away gets there as the one it went into.
        difference.missing = {known.forward.get(id_, id_) for id_ in difference.missing}
    return result


def _heed_filters(hub: Hub, tx: Tx, connection: Connection, found: Sequence[Difference]) -> None:
    """What the filters need to look up; nothing where there are none."""
    if any(stream.only_in is not None for stream in connection.streams):
        _hold_back(hub, tx, connection, [one for one in found if one.step is Step.CREATE])
    for one in found:
        # What is cut off by the filter of what comes in is not tied again by what stands here.
        if one.step is Step.TIE and one.bound is not None and _is_outside(one.stream, one.bound):
            one.step, one.left_out = refusing(one.stream, one.record), True
    leaving = [one for one in found if one.left_out and one.step in (Step.CUT, Step.DELETE)]
    past: dict[int, list[Entry]] = {}
    for entry in history.of_records(tx, {one.record.id for one in leaving}) if leaving else ():
        past.setdefault(entry.record_id, []).append(entry)
    for one in leaving:
        told = reversed(past.get(one.record.id, ()))
        if not has_left(one.stream.gets, one.record.values, (_past(entry, one.bound) for entry in told)):
            one.step, one.ask = refusing(one.stream, one.record), False


def _is_outside(stream: Stream, bound: Bound) -> bool:
    if stream.only_in is None:
        return False
    (reading,) = stream.translator.read([held_by_the_tool(bound)])
    return drops(stream, bound, reading)


def _past(entry: Entry, bound: Bound | None) -> Past:
    delta = entry.delta
    first = entry.what == "seen" and bound is not None and entry.binding_id == bound.id and "from" not in delta
    return Past(delta.get("set", {}), first)


def _hold_back(hub: Hub, tx: Tx, connection: Connection, creates: Sequence[Difference]) -> None:
    """What the tool holds already, though a filter keeps that from coming in, is not created there a second time.

    Such a record of the tool is found by the keys it would have, filed under its binding's id below zero.
    """
    by_key: dict[int, list[Difference]] = {}
    for one in creates:
        for key in keys_of(one.record.kind, one.record.values, hub.blocks):
            if key.tier != "weak":
                by_key.setdefault(key.digest, []).append(one)
    found = [(digest, -id_) for digest, id_ in keys.find(tx, by_key) if id_ < 0] if by_key else []
    strangers = {
        bound.id
        for bound in (bindings.of_ids(tx, {id_ for _, id_ in found}) if found else ())
        if bound.state == BindingState.FILTERED and not bound.record_id and bound.stream_id in connection.stream_ids
    }
    for digest, id_ in found:
        for one in by_key[digest] if id_ in strangers else ():
            one.step, one.left_out = Step.NOTHING, True


def _remote_ids(
    tx: Tx, connections: Sequence[Connection], targets: Collection[int], forward: Mapping[int, int]
) -> dict[int, dict[int, str]]:
    """Connection → record id → its id there; a record that was merged away is told as the one it went into."""
    whose = {stream_id: one.id for one in connections for stream_id in one.stream_ids}
    found: dict[int, dict[int, str]] = {one.id: {} for one in connections}
    for stream_id, record_id, remote_id in bindings.places_of(tx, whose, {*targets, *forward.values()}):
        found[whose[stream_id]][record_id] = remote_id
    for there in found.values():
        there |= {id_: there[into] for id_, into in forward.items() if into in there}
    return found


def _steps(
    connection: Connection, record: Record, values: Values, held: Sequence[Bound], asked: Collection[str]
) -> list[Difference]:
    """One step a live binding (a tool may hold a record twice), or the step that makes the first one.

    None at all for a record that the connection does not take: it is neither in step nor out of it.
    """
    streams = {stream.id: stream for stream in connection.streams if stream.policy.writes}
    if record.state == State.ERASED:
        going = [(streams[one.stream_id], one) for one in held if one.stream_id in streams and one.wish.get("gone")]
        return [Difference(record, stream, Step.DELETE, bound) for stream, bound in going]
    live = [bound for bound in held if bound.state in bindings.THERE]
    if live:
        found = [(streams[bound.stream_id], bound) for bound in live if bound.stream_id in streams]
        steps = [_held(stream, record, values, bound, asked) for stream, bound in found]
        for place, one in enumerate(steps):
            one.double = place > 0
        return steps
    if record.state != State.LIVE or (target := connection.home(record.kind, values)) is None:
        return []
    if not target.gets(values):
        return [Difference(record, target, Step.NOTHING, left_out=True)]
    # What was deleted there, merged away there or cut off by a person is not put back unasked.
    closed = any(bound.state != BindingState.RELEASED for bound in held)
    return [Difference(record, target, Step.NOTHING if closed else Step.CREATE, incarnation=len(held))]


def _held(stream: Stream, record: Record, values: Values, bound: Bound, asked: Collection[str]) -> Difference:
    """What is to be done about a record that the stream holds."""
    cut = bound.state == BindingState.FILTERED
    if stream.only_out is None and not cut:
        return Difference(record, stream, _step(stream, record, bound), bound)
    # While it is asked what a field should be, nothing leaves because of it.
    open_ = not cut and stream.only_out is not None and not stream.only_out.fields.isdisjoint(asked)
    can_delete = stream.manifest.deletes
    verdict = outward(stream.policy.leaves, fits=open_ or stream.gets(values), cut=cut, can_delete=can_delete)
    if verdict is None:
        return Difference(record, stream, _step(stream, record, bound), bound)
    match verdict.act:
        case "tie":
            step = Step.TIE if record.state == State.LIVE else Step.NOTHING
        case "cut":
            step = Step.CUT
        case "delete":
            step = Step.DELETE
        case "leave":
            step = refusing(stream, record)
    return Difference(record, stream, step, bound, left_out=verdict.act != "tie", ask=verdict.ask)


def refusing(stream: Stream, record: Record) -> Step:
    """Nothing, but that a refusal of consent is told."""
    refuses = any(name.startswith("consent.") for name in stream.translator.out_fields)
    return Step.UPDATE if refuses and record.state == State.LIVE and stream.manifest.updates else Step.NOTHING


def _step(stream: Stream, record: Record, bound: Bound) -> Step:
    if record.state == State.LIVE:
        return Step.UPDATE if stream.manifest.updates else Step.NOTHING
    if record.state == State.DELETED and bound.wish.get("gone"):
        # Our own create, taken back: no policy about what others delete speaks of that.
        return Step.DELETE if stream.manifest.deletes else Step.NOTHING
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
    erased: Collection[int],
    undecided: Mapping[int, set[str]],
    resting: Collection[str],
) -> None:
    translator = group[0].stream.translator
    expected = [held_by_the_tool(one.bound) if one.bound else {} for one in group]
    readings = translator.read(expected)
    _leave_addresses(group, [reading.values for reading in readings], values)
    for one, held, reading in zip(group, expected, readings, strict=True):
        creating = one.bound is None
        wanted, one.missing = towards(
            hub, one.record.kind, values[one.record.id], remote_ids, told=translator.out_fields, erased=erased
        )
        unknown = _unknown(one.bound, reading.values, wanted, translator.refs) if one.bound and translator.refs else ()
        written = translator.write(wanted, creating=creating)
        open_fields = undecided.get(one.record.id, set())
        told = one.bound.told if one.bound else {}
        unsaid = {name for name in translator.refs if name in values[one.record.id] and name not in wanted}
        unsaid.update(unknown)
        # Of two that are one here, a tool keeps each under its own address until it has merged them too.
        kept_apart = PROVING.get(one.record.kind, ()) if one.double else ()
        told_all_the_same = refusals(wanted, reading.values) if one.left_out else ()
        out: Fields = {}
        for path, value in written.fields.items():
            name = written.source.get(path, path)
            made_of = translator.drawn.get(name, frozenset((name,)))
            if one.left_out and made_of.isdisjoint(told_all_the_same):
                continue
            if not made_of.isdisjoint(unsaid) or not made_of.isdisjoint(kept_apart):
                continue
            one.compared += 1
            # What the stream says by itself is no reading of the tool's field.
            meant = None if name in translator.fixed else reading.values.get(name)
            unreadable = not creating and name in translator.in_fields and name not in reading.said
            if not made_of.isdisjoint(open_fields) or unreadable or name in resting:
                # What a person wrote there and nobody can read is shown as a problem, never written over.
                one.undecided += 1
            elif creating:
                if not is_blank(value):
                    out[path] = value
            elif _differs(path, value, held, told, wanted.get(name), meant):
                out[path] = value
        for path, value in (one.bound.wish.get("fields", {}) if one.bound else {}).items():
            # What stands goes before a wish; about what a person is asked nothing stands.
            stands = path in written.fields and written.source.get(path, path) not in open_fields
            if not stands and paths.get(held, path) != value:
                out[path] = value
        one.fields = out
        if not creating and not out:
            one.step = Step.NOTHING


def _leave_addresses(
    group: Sequence[Difference], shown: Sequence[Values], values: Mapping[int, dict[str, Json]]
) -> None:
    """Of several that are one here, the standing address is for the one that has it already, else for the oldest."""
    copies: dict[int, list[tuple[Difference, Values]]] = {}
    for one, read in zip(group, shown, strict=True):
        copies.setdefault(one.record.id, []).append((one, read))
    for record_id, several in copies.items():
        proving = [name for name in PROVING.get(several[0][0].record.kind, ()) if name in values[record_id]]
        if len(several) == 1 or not proving:
            continue
        has_it = (one for one, read in several if all(read.get(name) == values[record_id][name] for name in proving))
        if (first := next(has_it, None)) is not None:
            for one, _ in several:
                one.double = one is not first


def _unknown(bound: Bound, shown: Values, wanted: dict[str, Json], refs: Collection[str]) -> set[str]:
    """The refs by which the tool means a record that the hub does not know: they are not written over, nor cleared.

    In a list of them such a one simply stays.
    """
    held_back = set()
    for name in refs:
        words, told = shown.get(name), wanted.get(name)
        listed = words if isinstance(words, list) else [words]
        said = {str(word) for word in (told if isinstance(told, list) else [told])}
        lost = [word for word in listed if word is not None and str(word) not in said]
        claim = bound.claims.get(name) if lost else None
        if claim is None:
            continue
        parts = claim.value if isinstance(claim.value, list) else [claim.value]
        unknown = {part["id"] for part in parts if isinstance(part, dict)}
        if kept := [word for word in lost if word in unknown]:
            if isinstance(words, list):
                wanted[name] = sorted([*(told or ()), *kept], key=str)
            else:
                held_back.add(name)
    return held_back


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
