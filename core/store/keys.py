"""Keys: digests by which records are found when a newcomer is matched; new ones settle (`core.store.settling`)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, func, literal_column, select

from core.store import database, settling
from core.store.database import among
from core.store.records import State
from core.store.tables import key, new_key, record

_SETTLE_AT = 100_000
"""So many new keys are enough: some for every page of the large index, and few enough to be found quickly."""
_COLUMNS = ("digest", "record_id")
_part = new_key.c.digest.op(">>")(literal_column("62"))
"""Which quarter of all digests one is in: the index settles by quarters, so no step is long or needs much memory."""


def find(tx: Connection, digests: Collection[int]) -> list[tuple[int, int]]:
    """(digest, record id) of every record found by one of these digests; one statement."""
    settled, new = (
        select(table.c.digest, table.c.record_id).where(among(tx, table.c.digest, digests)) for table in (key, new_key)
    )
    return [(row[0], row[1]) for row in tx.execute(settled.union(new))]


def live_holders(tx: Connection, digests: Collection[int]) -> list[tuple[int, int]]:
    """(digest, record id) of every live record found by one of these digests; one statement."""
    settled, new = (
        select(table.c.digest, table.c.record_id).where(among(tx, table.c.digest, digests)) for table in (key, new_key)
    )
    held = settled.union(new).subquery()
    query = select(held.c.digest, held.c.record_id).join(record, record.c.id == held.c.record_id)
    return [(row[0], row[1]) for row in tx.execute(query.where(record.c.state == State.LIVE))]


def add(tx: Connection, rows: Sequence[tuple[int, int]]) -> None:
    """Add (digest, record id) keys; one that is there already stays."""
    if not rows:
        return
    database.insert(tx, new_key, _COLUMNS, rows, otherwise="ON CONFLICT DO NOTHING")
    if tx.execute(select(func.count()).select_from(new_key)).scalar_one() >= _SETTLE_AT:
        settle(tx, _fullest(tx))


def drop(tx: Connection, rows: Sequence[tuple[int, int]]) -> None:
    """Remove (digest, record id) keys."""
    for table in (key, new_key):
        database.delete(tx, table, _COLUMNS, rows)


def settle(tx: Connection, part: int | None = None) -> None:
    """Move new keys into the large index: those of one quarter, or all."""
    settling.settle(tx, new_key, key, None if part is None else _part == part)


def _fullest(tx: Connection) -> int:
    """The quarter with most new keys."""
    counted = select(_part, func.count()).group_by(_part).order_by(func.count().desc()).limit(1)
    return int(tx.execute(counted).one()[0])
