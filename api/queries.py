"""Counts and lists that the doors show: reading statements over the store's tables, each of a fixed number.

What the trips need is in `core.store`; here is only what people look at.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, Table, case, func, or_, select

from core.model.instant import DAY, MINUTE, SECOND, Instant
from core.store import Tx
from core.store.bindings import State
from core.store.codec import loads, unpack
from core.store.database import among
from core.store.tables import binding, dead_letter, delivery, history, notice, outbox, review, run, unread


class Wait(NamedTuple):
    """A connection's outbox: how many rows, when the oldest was or will be due, how often tried."""

    rows: int
    oldest: Instant | None
    tried: int


def bound_by_stream(tx: Tx) -> dict[int, int]:
    """Stream id → records it holds."""
    c = binding.c
    query = select(c.stream_id, func.count()).where(c.state == State.BOUND).group_by(c.stream_id)
    return {row[0]: row[1] for row in tx.execute(query)}


def filtered_by_stream(tx: Tx) -> dict[int, tuple[int, int]]:
    """Stream id → what its filters keep out of the hub, and what they cut off from a record of the hub."""
    c = binding.c
    kept = func.sum(case((c.record_id == 0, 1), else_=0))
    query = select(c.stream_id, kept, func.count()).where(c.state == State.FILTERED).group_by(c.stream_id)
    return {row[0]: (int(row[1]), row[2] - int(row[1])) for row in tx.execute(query)}


def problems_by_stream(tx: Tx) -> dict[int, int]:
    """Stream id → records of which something could not be read or translated."""
    c = binding.c
    query = select(c.stream_id, func.count()).where(c.problems.is_not(None)).group_by(c.stream_id)
    return {row[0]: row[1] for row in tx.execute(query)}


def unread_by_stream(tx: Tx) -> dict[int, int]:
    """Stream id → places that could not be read at all."""
    query = select(unread.c.stream_id, func.count()).group_by(unread.c.stream_id)
    return {row[0]: row[1] for row in tx.execute(query)}


def dead_by_connection(tx: Tx) -> dict[int, int]:
    """Connection id → dead letters."""
    query = select(dead_letter.c.connection_id, func.count()).group_by(dead_letter.c.connection_id)
    return {row[0]: row[1] for row in tx.execute(query)}


def waits(tx: Tx) -> dict[int, Wait]:
    """Connection id → what waits in its outbox."""
    c = outbox.c
    query = select(c.connection_id, func.count(), func.min(c.due_at), func.max(c.attempts)).group_by(c.connection_id)
    return {row[0]: Wait(row[1], row[2], row[3]) for row in tx.execute(query)}


def samples(tx: Tx, stream_id: int, limit: int) -> list[dict[str, Any]]:
    """Some of a stream's records as its tool is known to hold them."""
    c = binding.c
    query = select(c.expected).where(c.stream_id == stream_id, c.state == State.BOUND).order_by(c.id).limit(limit)
    return [unpack(packed) for packed in tx.execute(query).scalars()]


class In(NamedTuple):
    """Something that came in: one history entry, and where from."""

    id: int
    at: Instant
    run_id: int | None
    record_id: int
    what: str
    stream_id: int | None
    remote_id: str | None
    packed: bytes

    @property
    def delta(self) -> dict[str, Any]:
        """Claims, and `set` beside them where a standing value changed."""
        found: dict[str, Any] = unpack(self.packed)
        return found


class Out(NamedTuple):
    """Something that went out: one delivery with the tool's answer."""

    id: int
    at: Instant
    run_id: int | None
    record_id: int
    connection_id: int
    remote_id: str | None
    verb: str
    outcome: str
    code: str | None
    raw_fields: str
    note: str | None

    @property
    def fields(self) -> list[str]:
        """The remote fields written."""
        found: list[str] = loads(self.raw_fields)
        return found


class Below(NamedTuple):
    """Where a page of the log goes on: below these numbers of history, deliveries and runs. None begins at the top."""

    came_in: int | None = None
    went_out: int | None = None
    run: int | None = None


class Search(NamedTuple):
    """What the log is asked for; None asks for everything."""

    stream_ids: Collection[int] | None = None
    connection_id: int | None = None
    record_ids: Collection[int] | None = None
    run_id: int | None = None
    code: str | None = None
    since: Instant | None = None
    limit: int = 50
    below: Below = Below()
    own_id: int = 0
    """The hub's own connection: people's acts are its runs."""


_LATE = 15 * MINUTE
"""Numbers ascend with time but for transactions that overlap; none lasts as long."""
_LONGEST = 2 * DAY
"""A run that is looked into began at most so long before what is asked for."""
_RUNS, _TOGETHER, _OWN_RUNS = 400, 20, 60
"""So many of a connection's runs are looked through for what it brought, so many at once, and of people's acts."""
_NEARBY = 1_000
_LOOKS, _ASKED = 4, 64
"""Sixteen million entries are narrowed down to one by so many looks for so many numbers each."""


def _first_since(tx: Tx, table: Table, at: ColumnElement[Instant], since: Instant) -> int:
    """A number below which nothing of a table is as late as a moment; found by narrowing, so that no index is needed.

    Each look asks for some numbers that stand evenly apart. One that is gone tells nothing, and the answer is lower.
    """
    # Apart, each is found at its end of the index; together they would be looked for everywhere.
    ends = (select(find(table.c.id)).scalar_subquery() for find in (func.min, func.max))
    low, high = (end or 0 for end in tx.execute(select(*ends)).one())
    for _ in range(_LOOKS):
        apart = (high - low) // _ASKED
        if apart < 1:
            break
        asked = range(low, high + 1, apart)
        # Sorted here: told to give them in order, a database may walk the whole table for that.
        for id_, found in sorted(tx.execute(select(table.c.id, at).where(among(tx, table.c.id, asked))).tuples()):
            if found >= since - _LATE:
                high = id_
                break
            low = id_
    return int(low)


def came_in(tx: Tx, asked: Search) -> list[In]:
    """What came in, newest first. A code belongs to an answer, so with one nothing came in."""
    if asked.code is not None:
        return []
    first = _first_since(tx, history, history.c.at, asked.since) if asked.since is not None else None
    if asked.stream_ids is None or asked.record_ids is not None or asked.run_id is not None:
        return [In(*row) for row in tx.execute(_came_in(tx, asked, first))]
    return _brought(tx, asked, first)


def _came_in(tx: Tx, asked: Search, first: int | None, runs: Collection[int] | None = None) -> Select[Any]:
    """`runs`: only what belongs to these; an empty set means to none."""
    h, b = history.c, binding.c
    query = select(h.id, h.at, h.run_id, h.record_id, h.what, b.stream_id, b.remote_id, h.delta)
    query = query.join_from(history, binding, b.id == h.binding_id, isouter=True).limit(asked.limit)
    if asked.stream_ids is not None:
        query = query.where(among(tx, b.stream_id, asked.stream_ids))
    if asked.record_ids is not None:
        query = query.where(among(tx, h.record_id, asked.record_ids))
    if asked.run_id is not None:
        query = query.where(h.run_id == asked.run_id)
    if runs is not None:
        query = query.where(h.run_id.in_(runs) if runs else h.run_id.is_(None))
    if asked.since is not None:
        query = query.where(h.at >= asked.since, h.id >= first)
    if asked.below.came_in is not None:
        query = query.where(h.id < asked.below.came_in)
    few = asked.record_ids is not None or asked.run_id is not None or runs is not None
    # What is few is found first and then sorted: walking all entries from the newest would find it last.
    return query.order_by((h.id + 0).desc() if few else h.id.desc())


def _brought(tx: Tx, asked: Search, first: int | None) -> list[In]:
    """What a connection brought, by its runs: the newest of them that bring enough.

    Entries do not say whose they are, and walking all of them would take long for a connection that is quiet. Where a
    long run and short ones of the same connection overlap, what the long one brought may come with a later page.
    """
    found: list[In] = []
    ids = _runs_of(tx, asked)
    for start in range(0, len(ids), _TOGETHER):
        if len(found) >= asked.limit:
            break
        found += [In(*row) for row in tx.execute(_came_in(tx, asked, first, ids[start : start + _TOGETHER]))]
    # People's acts concern any connection, and what is found again after a crash belongs to no run.
    for others in (_own_runs(tx, asked), ()):
        found += [In(*row) for row in tx.execute(_came_in(tx, asked, first, others))]
    return sorted(set(found), key=lambda one: -one.id)[: asked.limit]


def _runs_of(tx: Tx, asked: Search) -> list[int]:
    """The connection's runs that may have brought something, newest first."""
    c = run.c
    query = select(c.id).where(c.connection_id == asked.connection_id, c.what != "deliver")
    if asked.since is not None:
        query = query.where(c.id >= _first_since(tx, run, c.began_at, asked.since - _LONGEST))
    if (below := asked.below.came_in) is not None:
        h = history.c
        top = tx.execute(select(func.max(h.run_id)).where(h.id < below, h.id >= below - _NEARBY)).scalar_one()
        query = query.where(c.id <= top) if top is not None else query
    return list(tx.execute(query.order_by(c.id.desc()).limit(_RUNS)).scalars())


def _own_runs(tx: Tx, asked: Search) -> list[int]:
    query = select(run.c.id).where(run.c.connection_id == asked.own_id)
    return list(tx.execute(query.order_by(run.c.id.desc()).limit(_OWN_RUNS)).scalars()) or [0]


def went_out(tx: Tx, asked: Search) -> list[Out]:
    """What went out and what the tool answered, newest first."""
    d = delivery.c
    query = select(
        d.id, d.at, d.run_id, d.record_id, d.connection_id, d.remote_id, d.verb, d.outcome, d.code, d.fields, d.note
    ).limit(asked.limit)
    if asked.connection_id is not None:
        query = query.where(d.connection_id == asked.connection_id)
    if asked.record_ids is not None:
        query = query.where(among(tx, d.record_id, asked.record_ids))
    if asked.run_id is not None:
        query = query.where(d.run_id == asked.run_id)
    if asked.code is not None:
        query = query.where(d.code == asked.code)
    if asked.since is not None:
        query = query.where(d.at >= asked.since, d.id >= _first_since(tx, delivery, d.at, asked.since))
    if asked.below.went_out is not None:
        query = query.where(d.id < asked.below.went_out)
    few = asked.record_ids is not None or asked.run_id is not None
    return [Out(*row) for row in tx.execute(query.order_by((d.id + 0).desc() if few else d.id.desc()))]


def failed_runs(tx: Tx, asked: Search) -> list[tuple[int, Instant, int, str | None, str, str, str | None]]:
    """(id, when, connection id, stream, what, code, message) of runs that ended in an error, newest first."""
    c = run.c
    query = (
        select(c.id, c.began_at, c.connection_id, c.stream, c.what, c.code, c.message)
        .where(c.code.is_not(None))
        .order_by(c.id.desc())
        .limit(asked.limit)
    )
    if asked.connection_id is not None:
        query = query.where(c.connection_id == asked.connection_id)
    if asked.run_id is not None:
        query = query.where(c.id == asked.run_id)
    if asked.code is not None:
        query = query.where(c.code == asked.code)
    if asked.since is not None:
        query = query.where(c.began_at >= asked.since)
    if asked.below.run is not None:
        query = query.where(c.id < asked.below.run)
    return [tuple(row) for row in tx.execute(query)]


def echoes(tx: Tx, since: Instant) -> dict[int, int]:
    """Connection id → readings spelt otherwise than expected, and known to be no edit by what they mean."""
    c = run.c
    pulls = (c.began_at >= since, c.what == "pull", c.counts.contains('"echoes"'))
    query = select(c.connection_id, c.counts).where(*pulls)
    found: dict[int, int] = {}
    for connection_id, counts in tx.execute(query):
        found[connection_id] = found.get(connection_id, 0) + loads(counts).get("echoes", 0)
    return found


def pace(tx: Tx, connection_id: int) -> float | None:
    """Seconds that a write to a connection took, over its latest deliveries; None before there was one."""
    c = run.c
    query = (
        select(c.began_at, c.ended_at, c.counts)
        .where(c.connection_id == connection_id, c.what == "deliver", c.ended_at.is_not(None))
        .order_by(c.id.desc())
        .limit(20)
    )
    seconds, writes = 0.0, 0
    for began_at, ended_at, counts in tx.execute(query):
        done = loads(counts)
        seconds += (ended_at - began_at) / SECOND
        writes += sum(done.get(verb, 0) for verb in ("created", "updated", "deleted"))
    return seconds / writes if writes else None


class Lane(NamedTuple):
    """One lane of a connection's outbox: how many rows, and when the oldest was or will be due."""

    connection_id: int
    lane: int
    rows: int
    oldest: Instant


def lanes(tx: Tx) -> list[Lane]:
    """What waits in all outboxes, by lane."""
    c = outbox.c
    query = select(c.connection_id, c.lane, func.count(), func.min(c.due_at)).group_by(c.connection_id, c.lane)
    return [Lane(*row) for row in tx.execute(query)]


class Questions(NamedTuple):
    """Open reviews of one kind about one connection, 0 for none: how many, and how many of them are late."""

    what: str
    connection_id: int
    open: int
    late: int


def questions(tx: Tx, now: Instant) -> list[Questions]:
    """Open reviews, counted by kind and connection."""
    c = review.c
    late = func.sum(case((or_(c.due_at <= now, c.escalated_at.is_not(None)), 1), else_=0))
    query = select(c.what, c.connection_id, func.count(), late).where(c.closed_at.is_(None))
    return [
        Questions(row[0], row[1], row[2], int(row[3])) for row in tx.execute(query.group_by(c.what, c.connection_id))
    ]


def unheard(tx: Tx) -> dict[int, tuple[int, Instant]]:
    """Connection id → what came by webhook and waits to be heard: how many, and when the oldest came."""
    c = notice.c
    query = select(c.connection_id, func.count(), func.min(c.at)).where(c.heard_at.is_(None)).group_by(c.connection_id)
    return {row[0]: (row[1], row[2]) for row in tx.execute(query)}
