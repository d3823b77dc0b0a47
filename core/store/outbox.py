"""The outbox: which records are out of step in which connection. Level-triggered; a row is a wake-up, not an edit.

A row's `mark` grows each time the record is marked again, so that settling an older look at it leaves the newer
mark standing. Claiming takes a lease; a killed worker's rows are taken over when it ends.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, func, or_, select

from core.model.instant import Instant
from core.store import database
from core.store.database import among
from core.store.tables import outbox


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


class Later(NamedTuple):
    """A row put back: when it is due again, and why."""

    record_id: int
    due_at: Instant
    attempts: int
    note: str | None


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
) -> list[Claimed]:
    """Lease the most urgent due rows of a connection until `until`."""
    c = outbox.c
    query = (
        select(c.record_id, c.lane, c.rank, c.mark, c.attempts)
        .where(c.connection_id == connection_id, c.due_at <= now, c.lease_until <= now)
        .order_by(c.lane, c.rank, c.record_id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    if ranks is not None:
        query = query.where(among(tx, c.rank, ranks))
    rows = [Claimed(*row) for row in tx.execute(query)]
    leases = [(until, connection_id, row.record_id) for row in rows]
    database.update(tx, outbox, ("connection_id", "record_id"), ("lease_until",), leases)
    return rows


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


def hasten(tx: Connection, connection_id: int, *, now: Instant, record_ids: Collection[int] | None = None) -> int:
    """Make waiting rows of a connection due at once; gives how many."""
    c = outbox.c
    query = outbox.update().where(c.connection_id == connection_id, or_(c.due_at > now, c.attempts > 0))
    if record_ids is not None:
        query = query.where(among(tx, c.record_id, record_ids))
    return int(tx.execute(query.values(due_at=now, attempts=0)).rowcount)


def most_urgent(tx: Connection, connection_id: int, *, now: Instant, ranks: Collection[int]) -> int | None:
    """The rank of the most urgent due row among these ranks, None when nothing is due."""
    c = outbox.c
    query = (
        select(c.rank)
        .where(c.connection_id == connection_id, c.due_at <= now, c.lease_until <= now, among(tx, c.rank, ranks))
        .order_by(c.lane, c.rank, c.record_id)
        .limit(1)
    )
    found: int | None = tx.execute(query).scalar()
    return found


def unlease(tx: Connection, connection_id: int) -> None:
    """Free every leased row of a connection; only for whoever holds the connection's own lease."""
    c = outbox.c
    tx.execute(outbox.update().where(c.connection_id == connection_id, c.lease_until > 0).values(lease_until=0))
