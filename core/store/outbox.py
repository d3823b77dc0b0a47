"""The outbox: which records are out of step in which connection. Level-triggered; a row is a wake-up, not an edit.

A row's `mark` grows each time the record is marked again, so that settling an older look at it leaves the newer
mark standing. Claiming takes a lease; a killed worker's rows are taken over when it ends.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Select,
    Update,
    and_,
    bindparam,
    func,
    or_,
    select,
    true,
)

from core.decide.brake import Leave
from core.decide.route import Lane
from core.model.instant import Instant
from core.store import database
from core.store.bindings import State
from core.store.database import among
from core.store.prepared import Among, Prepared, prepared
from core.store.records import State as RecordState
from core.store.tables import binding, outbox, record, stream


class Mark(NamedTuple):
    """A record to look at in a connection: in which lane, and in which order inside it (companies first)."""

    connection_id: int
    record_id: int
    lane: int
    rank: int
    due_at: Instant


class Claimed(NamedTuple):
    """A leased row."""

    record_id: int
    lane: int
    rank: int
    mark: int
    attempts: int
    released: bool = False
    """A person lets it out, or it follows from what a person did."""


class Waiting(NamedTuple):
    """Rows that the brake weighs, counted: of one kind, in or not in a first load's lane, by what becomes of them."""

    rank: int
    backfill: bool
    stream_id: int | None
    """Where the connection holds the record; None where it does not."""
    deleted: bool
    number: int


class Later(NamedTuple):
    """A row put back: when it is due again, and why."""

    record_id: int
    due_at: Instant
    attempts: int
    note: str | None


_RELEASED = func.coalesce(outbox.c.released, 0) == outbox.c.mark
_WEIGHED = func.coalesce(outbox.c.weighed, 0) == outbox.c.mark
_HELD_THERE = (
    select(binding.c.id)
    .where(
        binding.c.record_id == outbox.c.record_id,
        binding.c.state == State.BOUND,
        binding.c.stream_id.in_(select(stream.c.id).where(stream.c.connection_id == outbox.c.connection_id)),
    )
    .exists()
)
_LEAVE: dict[Leave, ColumnElement[bool]] = {
    Leave.ALL: true(),
    Leave.WEIGHED: or_(_WEIGHED, _RELEASED),
    Leave.NARROWING: or_(outbox.c.lane == Lane.CONSENT, _RELEASED),
    Leave.LIVE: and_(outbox.c.lane.in_((Lane.FIRST_RESPONSE, Lane.LIVE)), _HELD_THERE),
    Leave.REFUSALS: outbox.c.lane == Lane.CONSENT,
}

_AGAIN = (
    "ON CONFLICT (connection_id, record_id) DO UPDATE SET mark = outbox.mark + 1, due_at = excluded.due_at, "
    "attempts = 0, lane = CASE WHEN excluded.lane < outbox.lane THEN excluded.lane ELSE outbox.lane END"
)


def mark(tx: Connection, marks: Iterable[Mark]) -> None:
    """Mark records; one that is marked already gets a newer mark, the more urgent lane and a fresh start."""
    columns = ("connection_id", "record_id", "lane", "rank", "due_at", "mark", "attempts", "lease_until")
    database.insert(tx, outbox, columns, [(*row, 1, 0, 0) for row in marks], otherwise=_AGAIN)


def claim(
    tx: Connection,
    connection_id: int,
    *,
    now: Instant,
    until: Instant,
    limit: int,
    ranks: Collection[int] | None = None,
    leave: Leave = Leave.ALL,
) -> list[Claimed]:
    """Lease the most urgent due rows of a connection until `until`, of those that have leave to go out."""
    said: dict[str, Any] = {"connection_id": connection_id, "now": now, "limit": limit}
    said |= {"ranks": ranks} if ranks is not None else {}
    rows = [Claimed(*row) for row in _claimable(leave, ranks is not None)(tx, **said)]
    leases = [(until, connection_id, row.record_id) for row in rows]
    database.update(tx, outbox, ("connection_id", "record_id"), ("lease_until",), leases)
    return rows


@cache
def _claimable(leave: Leave, ranked: bool) -> Prepared:
    def due(among: Among) -> Select[Any]:
        c = outbox.c
        query = select(c.record_id, c.lane, c.rank, c.mark, c.attempts, _RELEASED).where(*_due_now(), _LEAVE[leave])
        query = query.where(among(c.rank, "ranks")) if ranked else query
        query = query.order_by(c.lane, c.rank, c.record_id).limit(bindparam("limit"))
        return query.with_for_update(skip_locked=True)

    return prepared(due)


def settle(tx: Connection, connection_id: int, rows: Iterable[Claimed]) -> None:
    """Take rows out that were not marked again meanwhile; the others lose their lease and are due again."""
    found = list(rows)
    database.delete(
        tx,
        outbox,
        ("connection_id", "record_id", "mark"),
        [(connection_id, row.record_id, row.mark) for row in found],
    )
    database.update(
        tx,
        outbox,
        ("connection_id", "record_id"),
        ("lease_until",),
        [(0, connection_id, row.record_id) for row in found],
    )


def put_back(tx: Connection, connection_id: int, rows: Sequence[Later]) -> None:
    """Give rows back for later."""
    values = [(row.due_at, row.attempts, row.note, 0, connection_id, row.record_id) for row in rows]
    database.update(tx, outbox, ("connection_id", "record_id"), ("due_at", "attempts", "note", "lease_until"), values)


def pending(tx: Connection) -> dict[int, int]:
    """Connection id → rows in its outbox."""
    query = select(outbox.c.connection_id, func.count()).group_by(outbox.c.connection_id)
    return {row[0]: row[1] for row in tx.execute(query)}


def next_due(tx: Connection, connection_id: int) -> Instant | None:
    """When the next row of a connection is due; None for an empty outbox."""
    c = outbox.c
    due = func.min(c.due_at)
    query = select(due).where(c.connection_id == connection_id)
    found: Instant | None = tx.execute(query).scalar()
    return found


def forget(tx: Connection, connection_id: int) -> None:
    """Drop every row of a removed connection."""
    tx.execute(outbox.delete().where(outbox.c.connection_id == connection_id))


def due_records(tx: Connection, record_ids: Collection[int]) -> set[tuple[int, int]]:
    """(connection id, record id) of these records that are marked."""
    c = outbox.c
    query = select(c.connection_id, c.record_id).where(among(tx, c.record_id, record_ids))
    return {(row[0], row[1]) for row in tx.execute(query)}


def marked(tx: Connection) -> set[tuple[int, int]]:
    """(connection id, record id) of everything in the outbox."""
    return {(row[0], row[1]) for row in tx.execute(select(outbox.c.connection_id, outbox.c.record_id))}


def hasten(tx: Connection, connection_id: int, *, now: Instant, record_ids: Collection[int] | None = None) -> int:
    """Make waiting rows of a connection due at once; gives how many."""
    c = outbox.c
    query = outbox.update().where(c.connection_id == connection_id, or_(c.due_at > now, c.attempts > 0))
    if record_ids is not None:
        query = query.where(among(tx, c.record_id, record_ids))
    return int(tx.execute(query.values(due_at=now, attempts=0)).rowcount)


def most_urgent(
    tx: Connection, connection_id: int, *, now: Instant, ranks: Collection[int], leave: Leave = Leave.ALL
) -> int | None:
    """The rank of the most urgent due row among these ranks that has leave to go out, None when nothing is due."""
    found: int | None = _most_urgent(leave)(tx, connection_id=connection_id, now=now, ranks=ranks).scalar()
    return found


@cache
def _most_urgent(leave: Leave) -> Prepared:
    def first(among: Among) -> Select[Any]:
        c = outbox.c
        due = (*_due_now(), among(c.rank, "ranks"), _LEAVE[leave])
        return select(c.rank).where(*due).order_by(c.lane, c.rank, c.record_id).limit(1)

    return prepared(first)


def _due_now() -> tuple[ColumnElement[bool], ...]:
    """Of `connection_id`, due at `now`, and nobody's."""
    c = outbox.c
    now: BindParameter[int] = bindparam("now")
    return c.connection_id == bindparam("connection_id"), c.due_at <= now, c.lease_until <= now


def unlease(tx: Connection, connection_id: int) -> None:
    """Free every leased row of a connection; only for whoever holds the connection's own lease."""
    _unlease(tx, connection=connection_id)


@prepared
def _unlease(_among: Among) -> Update:
    c = outbox.c
    leased = outbox.update().where(c.connection_id == bindparam("connection"), c.lease_until > 0)
    return leased.values(lease_until=0)


# The brake.


def look(tx: Connection, connection_id: int) -> None:
    """Note which marks of a connection are weighed now: what is marked later waits until it is weighed, too."""
    c = outbox.c
    tx.execute(outbox.update().where(c.connection_id == connection_id, ~_WEIGHED).values(weighed=c.mark))


def is_due(tx: Connection, connection_id: int, now: Instant) -> bool:
    """Whether anything of a connection is due."""
    return _due(tx, connection_id=connection_id, now=now).first() is not None


@prepared
def _due(_among: Among) -> Select[Any]:
    c = outbox.c
    due = (c.connection_id == bindparam("connection_id"), c.due_at <= bindparam("now"))
    return select(c.record_id).where(*due).limit(1)


def has_refusals(tx: Connection, connection_id: int, now: Instant) -> bool:
    """Whether something of the first lane is due."""
    return _refusal_due(tx, connection_id=connection_id, now=now).first() is not None


@prepared
def _refusal_due(_among: Among) -> Select[Any]:
    return select(outbox.c.record_id).where(*_due_now(), outbox.c.lane == Lane.CONSENT).limit(1)


def live(tx: Connection, connection_id: int, now: Instant, *, most: int) -> int:
    """How many records that the connection holds are due because somebody changed them a moment ago; up to `most`."""
    found: int = _live_due(tx, connection_id=connection_id, now=now, most=most).scalar_one()
    return found


@prepared
def _live_due(_among: Among) -> Select[Any]:
    some = select(outbox.c.record_id).where(*_due_now(), _LEAVE[Leave.LIVE]).limit(bindparam("most"))
    return select(func.count()).select_from(some.subquery())


def overtaken(tx: Connection, connection_id: int, rows: Collection[Claimed]) -> set[int]:
    """Those of these rows that were marked again since they were claimed, and are in the first lane by now."""
    marks = {row.record_id: row.mark for row in rows}
    found = _refusals_among(tx, connection_id=connection_id, record_ids=marks)
    return {row[0] for row in found if row[1] != marks[row[0]]}


@prepared
def _refusals_among(among: Among) -> Select[Any]:
    c = outbox.c
    return select(c.record_id, c.mark).where(
        c.connection_id == bindparam("connection_id"), c.lane == Lane.CONSENT, among(c.record_id, "record_ids")
    )


def fingerprint(tx: Connection, connection_id: int) -> list[int]:
    """How many rows wait, and all their marks: something else after any new mark."""
    query = select(func.count(), func.coalesce(func.sum(outbox.c.mark), 0)).where(
        outbox.c.connection_id == connection_id
    )
    rows, marks = tx.execute(query).one()
    return [int(rows), int(marks)]


def waiting(tx: Connection, connection_id: int, stream_ids: Collection[int]) -> list[Waiting]:
    """What is weighed, counted; `stream_ids` are all of the connection's. One that a tool holds twice counts twice.

    What was deleted there or cut off is left out, because it is not put back unasked.
    """
    c, b = outbox.c, binding.c
    backfill = (c.lane == Lane.BACKFILL).label("backfill")
    deleted = (record.c.state == RecordState.DELETED).label("deleted")
    held = and_(b.record_id == c.record_id, among(tx, b.stream_id, stream_ids), b.state != State.RELEASED)
    query = (
        select(c.rank, backfill, b.stream_id, deleted, func.count())
        .join_from(outbox, record, record.c.id == c.record_id)
        .join(binding, held, isouter=True)
        .where(*_weighing(connection_id), or_(b.state.is_(None), b.state == State.BOUND))
        .where(among(tx, record.c.state, (RecordState.LIVE, RecordState.DELETED)))
        .group_by(c.rank, backfill, b.stream_id, deleted)
    )
    return [Waiting(row[0], bool(row[1]), row[2], bool(row[3]), row[4]) for row in tx.execute(query)]


def weighed_after(
    tx: Connection,
    connection_id: int,
    rank: int,
    last_id: int,
    limit: int,
    *,
    held_in: Collection[int] | None = None,
    every: int = 1,
) -> list[tuple[int, int]]:
    """(record id, lane) of what is weighed of a kind, the next in id order.

    With `held_in` (streams) only live records that the tool holds; with `every` only one in so many.
    """
    c = outbox.c
    query = select(c.record_id, c.lane).where(*_weighing(connection_id), c.rank == rank, c.record_id > last_id)
    if held_in is not None:
        query = query.join_from(outbox, record, and_(record.c.id == c.record_id, record.c.state == RecordState.LIVE))
        query = query.where(_held(tx, held_in))
    if every > 1:
        # Ids of a kind may all be odd, or end alike: the one in so many is taken from their scattered order.
        query = query.where((c.record_id * 2_654_435_761 // 65_536) % every == 0)
    return [(row[0], row[1]) for row in tx.execute(query.order_by(c.record_id).limit(limit))]


def some(
    tx: Connection, connection_id: int, rank: int, stream_ids: Collection[int], *, deleted: bool, limit: int
) -> list[int]:
    """A few of what is weighed of a kind: of what would be deleted, or of what would be made."""
    c = outbox.c
    state = RecordState.DELETED if deleted else RecordState.LIVE
    there = _held(tx, stream_ids)
    query = (
        select(c.record_id)
        .join_from(outbox, record, and_(record.c.id == c.record_id, record.c.state == state))
        .where(*_weighing(connection_id), c.rank == rank, there if deleted else ~there)
    )
    return list(tx.execute(query.order_by(c.record_id).limit(limit)).scalars())


def _held(tx: Connection, stream_ids: Collection[int]) -> ColumnElement[bool]:
    """Whether a tool holds what a row is about."""
    b = binding.c
    there = (b.record_id == outbox.c.record_id, b.state == State.BOUND, among(tx, b.stream_id, stream_ids))
    return select(b.id).where(*there).correlate(outbox).exists()


def release(tx: Connection, connection_id: int, record_ids: Collection[int] | None = None) -> None:
    """Let out what was weighed, all of it or these records; what is marked again later is weighed again."""
    c = outbox.c
    query = outbox.update().where(c.connection_id == connection_id, _WEIGHED)
    if record_ids is not None:
        query = query.where(among(tx, c.record_id, record_ids))
    tx.execute(query.values(released=c.mark))


def let_out(tx: Connection, record_id: int, connection_ids: Collection[int]) -> None:
    """Let a record's present marks out unweighed: a person has given the word."""
    c = outbox.c
    query = outbox.update().where(c.record_id == record_id, among(tx, c.connection_id, connection_ids))
    tx.execute(query.values(weighed=c.mark, released=c.mark))


def withdraw(tx: Connection, connection_id: int) -> None:
    """Nothing of a connection has leave to go out any more."""
    tx.execute(outbox.update().where(outbox.c.connection_id == connection_id).values(released=None))


def _weighing(connection_id: int) -> tuple[ColumnElement[bool], ...]:
    return (outbox.c.connection_id == connection_id, _WEIGHED, ~_RELEASED)
