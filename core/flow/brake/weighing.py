"""Weighing: what waits for a connection, counted and compared; the reading half of `core.flow.brake.braking`.

Creates and deletes are counted where they wait. What the connection holds is compared as a delivery would do it,
page by page, and of very much of it only a part that stands for the whole. The same measure counts what was written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from core.decide import brake
from core.decide.brake import Excess, Held, Load, Normal
from core.decide.route import Lane
from core.flow.hub import Connection, Hub, Stream
from core.flow.outward.compare import Difference, Step, differences, load_found
from core.mapping import paths
from core.model.instant import DAY, HOUR, Instant
from core.model.shapes import KIND_ORDER
from core.model.values import is_blank
from core.ports import Fields
from core.store import Tx, bindings, deliveries, outbox, runs
from core.store.codec import dumps, loads
from core.store.deliveries import Written
from core.store.outbox import Waiting
from core.store.records import Record

PAGE = 1_000
COMPARED = 250
"""Rows that are compared between two looks at what cannot wait."""
SAMPLE = 10_000
"""Of more rows of one kind than this, so many are compared and the rest is taken to be alike."""
PAYLOADS = 1_000
"""Records from which it is told how many have a value in which field."""
_AWAY = "connection {} was away"

SHOWN = 10
"""Examples that are kept of each thing that may be too much."""
WEEKS = 28 * DAY
"""How far back the brake looks for what is usual."""


@dataclass(slots=True)
class Found:
    """What waits for a connection, weighed."""

    excess: list[Excess] = field(default_factory=list)
    loads: dict[str, Load] = field(default_factory=dict)
    samples: dict[tuple[str, str, str], list[dict[str, Any]]] = field(default_factory=dict)
    """(kind, case, field) → a few records of which it is true."""


class Item(NamedTuple):
    """One update, made or to be made: what the tool holds, and the fields that are written over it."""

    one: Difference
    held: Fields
    fields: Fields
    live: bool


def weigh(hub: Hub, connection: Connection, now: Instant, between: Callable[[], object] = lambda: None) -> Found:
    """What waits for a connection and has not been agreed to, held against its limits.

    Comparing takes its time where much waits; `between` is what must not wait for it.
    """
    found = Found()
    with hub.store.reading() as tx:
        waiting = outbox.waiting(tx, connection.id, connection.stream_ids)
        log = deliveries.written_since(tx, connection.id, (now - WEEKS) // HOUR)
        days = _days_away(tx, connection, now)
    streams = {stream.id: stream for stream in connection.streams if stream.policy.writes}
    for rank in sorted({row.rank for row in waiting}):
        kind, rows = KIND_ORDER[rank], [row for row in waiting if row.rank == rank]
        load, normal = _counted(rows, streams), _normal(log, kind, now, days)
        updates = sum(row.number for row in rows if row.stream_id in streams and not row.deleted)
        if not brake.could_pass(load, updates, normal, connection.limits):
            continue
        _compare(hub, connection, rank, updates, load, found, between, first=normal.first)
        found.loads[kind] = load
        found.excess += _judged(hub, connection, kind, load, normal)
    return found


def _counted(rows: Sequence[Waiting], streams: Mapping[int, Stream]) -> Load:
    """What needs no comparing: creates that no first load brings, and deletes."""
    creates = sum(row.number for row in rows if row.stream_id is None and not row.deleted and not row.backfill)
    going = {id_ for id_, stream in streams.items() if _deletes(stream)}
    return Load(creates=creates, deletes=sum(row.number for row in rows if row.deleted and row.stream_id in going))


def note_away(tx: Tx, connection_id: int, since: Instant, until: Instant) -> None:
    """The tool answers again after so long: what has gathered meanwhile is the work of several days."""
    if until - since >= DAY:
        runs.put_fact(tx, _AWAY.format(connection_id), dumps([since, until]))


def _days_away(tx: Tx, connection: Connection, now: Instant) -> int:
    kept = runs.fact(tx, _AWAY.format(connection.id))
    since, until = loads(kept) if kept else (now, now)
    return 1 + (until - since) // DAY if until > now - DAY else 1


def _deletes(stream: Stream) -> bool:
    return stream.manifest.deletes and stream.policy.deletes_out in ("propagate", "archive")


def _normal(log: Sequence[Written], kind: str, now: Instant, days_away: int) -> Normal:
    """What was written in the last day, and on a usual day before that."""
    lately, days = Load(), dict[int, Load]()
    since = (now - DAY) // HOUR
    for row in log:
        if row.kind != kind:
            continue
        if row.hour > since:
            lately.put(row.what, row.unasked)
        else:
            days.setdefault((since - row.hour) // 24, Load()).put(row.what, row.number)
    return Normal(lately, brake.usual_of(list(days.values())), first=not days, days=days_away)


def _compare(
    hub: Hub,
    connection: Connection,
    rank: int,
    updates: int,
    load: Load,
    found: Found,
    between: Callable[[], object],
    *,
    first: bool,
) -> None:
    """Compare what the connection holds of a kind with what it should hold, page by page."""
    every, last = -(-updates // SAMPLE) or 1, 0
    changed = Load()
    while updates:
        with hub.store.reading() as tx:
            ids = connection.stream_ids
            page = outbox.weighed_after(tx, connection.id, rank, last, COMPARED, held_in=ids, every=every)
            if not page:
                break
            lanes = dict(page)
            last = page[-1][0]
            steps = differences(hub, tx, connection, load_found(tx, list(lanes)))
        for one, part in _measured(steps, lanes):
            changed.add(part)
            _sample(hub, found, one, part, first=first)
        between()
    load.add(changed, every)


def _measured(steps: Sequence[Difference], lanes: Mapping[int, int]) -> Iterator[tuple[Difference, Load]]:
    """Each step on what the connection holds, with what it would do."""
    items = [
        Item(one, one.bound.expected, one.fields or {}, lanes[one.record.id] != Lane.BACKFILL)
        for one in steps
        if one.step is Step.UPDATE and one.bound is not None
    ]
    yield from ((item.one, part) for item, part in measured(items))
    yield from ((one, Load(deletes=1)) for one in steps if one.step is Step.DELETE)


def measured(items: Sequence[Item]) -> Iterator[tuple[Item, Load]]:
    """What each update does to what was there."""
    groups: dict[int, list[Item]] = {}
    for item in items:
        groups.setdefault(item.one.stream.id, []).append(item)
    for group in groups.values():
        names, wider = _names(group[0].one.stream), _widened(group)
        for item, widened in zip(group, wider, strict=True):
            load = Load(widened=widened)
            before = {names.get(path, path): paths.get(item.held, path) for path in item.fields}
            after = {names.get(path, path): value for path, value in item.fields.items()}
            load.update(before, after, live=item.live)
            yield item, load


def _names(stream: Stream) -> dict[str, str]:
    """The tool's field → what it is called here: the canonical field, where it alone makes that up."""
    lines = [line for line in stream.translator.lines if line.direction != "in"]
    return {line.writes[0]: line.field for line in lines if len(line.writes) == 1}


def consents(stream: Stream) -> dict[str, str]:
    """The tool's field → the consent that is written there."""
    lines = (line for line in stream.translator.lines if line.field.startswith("consent."))
    return {path: line.field for line in lines if line.direction != "in" for path in line.writes}


def _widened(group: Sequence[Item]) -> list[int]:
    """How many permissions each of these updates makes wider; all are of one stream."""
    stream = group[0].one.stream
    fields = consents(stream)
    if not any(path in fields for item in group for path in item.fields):
        return [0] * len(group)
    readings = stream.translator.read([item.held for item in group])
    return [
        sum(
            brake.widens(was.values.get(name), item.one.record.values.get(name), live=item.live)
            for name in {fields[path] for path in item.fields if path in fields}
        )
        for item, was in zip(group, readings, strict=True)
    ]


def _judged(hub: Hub, connection: Connection, kind: str, load: Load, normal: Normal) -> list[Excess]:
    """The verdict on a kind; what is there is counted no further than it must be."""
    ids = [stream.id for stream in connection.streams if stream.kind == kind and stream.policy.writes]
    most = None if load.blanks or normal.first else brake.enough(load, normal, connection.limits)
    with hub.store.reading() as tx:
        held = _there(hub, tx, ids, most)
        found = brake.weigh(kind, load, held, normal, connection.limits)
        if found and most is not None:
            found = brake.weigh(kind, load, _there(hub, tx, ids, None), normal, connection.limits)
    return found


def _there(hub: Hub, tx: Tx, stream_ids: Sequence[int], most: int | None) -> Held:
    """How many records there are, at `most` so many; without an end, also how many have a value in which field."""
    total = bindings.count(tx, stream_ids, at_most=most)
    if most is not None:
        return Held(total)
    sample = bindings.payloads(tx, stream_ids, limit=PAYLOADS)
    values: Counter[str] = Counter()
    known = {id_: stream for id_ in stream_ids if (stream := hub.stream(id_)) is not None}
    fields = {id_: {path: _names(one).get(path, path) for path in _written(one)} for id_, one in known.items()}
    for stream_id, expected in sample:
        for path, name in fields.get(stream_id, {}).items():
            values[name] += not is_blank(paths.get(expected, path))
    return Held(total, {name: count * total // len(sample) for name, count in values.items()} if sample else {})


def _written(stream: Stream) -> set[str]:
    return {path for line in stream.translator.lines if line.direction != "in" for path in line.writes}


def _sample(hub: Hub, found: Found, one: Difference, part: Load, *, first: bool) -> None:
    for case, name in part.parts(first=first):
        kept = found.samples.setdefault((one.record.kind, case, name), [])
        if len(kept) < SHOWN:
            held, fields = (one.bound.expected if one.bound else {}), one.fields or {}
            would = {path: [paths.get(held, path), value] for path, value in fields.items()}
            kept.append({**title(hub, one.record), "step": str(one.step), "fields": would})


def title(hub: Hub, record: Record) -> dict[str, Any]:
    """A record by number, kind and name."""
    return {"record": record.id, "kind": record.kind, "title": hub.shapes[record.kind].name_of(record.values)}


def note_written(tx: Tx, connection_id: int, kind: str, *, asked: Load, unasked: Load, now: Instant) -> None:
    """Write down what was done to a connection, for the next time that it is weighed."""
    free = unasked.counts()
    asked.add(unasked)
    rows = [(kind, what, number, free.get(what, 0)) for what, number in asked.counts().items()]
    deliveries.note_written(tx, connection_id, rows, at=now)
