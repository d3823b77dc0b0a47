"""When held fields are to be let go: a wake-up, and nothing else; what is held is among the claims."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, delete, select

from core.model.instant import Instant
from core.store import database
from core.store.database import among
from core.store.tables import hold


def put(tx: Connection, record_id: int, field: str, until: Instant) -> None:
    """Look at a field then."""
    again = "ON CONFLICT (record_id, field, until) DO NOTHING"
    database.insert(tx, hold, ("record_id", "field", "until"), [(record_id, field, until)], otherwise=again)


def due(tx: Connection, now: Instant, limit: int) -> list[tuple[int, Instant]]:
    """(record id, until) of those that are to be looked at now, the oldest first."""
    query = select(hold.c.record_id, hold.c.until).where(hold.c.until <= now).order_by(hold.c.until).limit(limit)
    return [(row[0], row[1]) for row in tx.execute(query)]


def drop(tx: Connection, rows: Collection[tuple[int, Instant]]) -> None:
    """These were looked at."""
    database.delete(tx, hold, ("record_id", "until"), sorted(set(rows)))


def forget(tx: Connection, record_ids: Collection[int]) -> int:
    """Leave nothing of these records."""
    return int(tx.execute(delete(hold).where(among(tx, hold.c.record_id, record_ids))).rowcount)
