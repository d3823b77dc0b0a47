"""Keys: digests by which records are found when a newcomer is matched.

A digest falls anywhere, so in one large index nearly every new key would touch a page of its own, and a load would
cost more the more is there already. New keys therefore gather in a small table and settle in the large one together,
in its order.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, func, insert, select

from core.store import database
from core.store.database import among
from core.store.tables import key, new_key

_SETTLE_AT = 100_000
"""New keys that settle at once: some for every page of the large index, and few enough to be found quickly."""
_COLUMNS = ("digest", "record_id")


def find(tx: Connection, digests: Collection[int]) -> list[tuple[int, int]]:
    """(digest, record id) of every record found by one of these digests; one statement."""
    settled, new = (
        select(table.c.digest, table.c.record_id).where(among(tx, table.c.digest, digests)) for table in (key, new_key)
    )
    return [(row[0], row[1]) for row in tx.execute(settled.union(new))]


def add(tx: Connection, rows: Sequence[tuple[int, int]]) -> None:
    """Add (digest, record id) keys; one that is there already stays."""
    if not rows:
        return
    database.insert(tx, new_key, _COLUMNS, rows, otherwise="ON CONFLICT DO NOTHING")
    if tx.execute(select(func.count()).select_from(new_key)).scalar_one() >= _SETTLE_AT:
        settle(tx)


def drop(tx: Connection, rows: Sequence[tuple[int, int]]) -> None:
    """Remove (digest, record id) keys."""
    for table in (key, new_key):
        database.delete(tx, table, _COLUMNS, rows)


def settle(tx: Connection) -> None:
    """Move all new keys into the large index."""
    # A key that was added again may stand in both.
    known = select(key.c.digest).where(key.c.digest == new_key.c.digest, key.c.record_id == new_key.c.record_id)
    fresh = select(new_key.c.digest, new_key.c.record_id).where(~known.exists())
    tx.execute(insert(key).from_select(_COLUMNS, fresh.order_by(new_key.c.digest, new_key.c.record_id)))
    tx.execute(new_key.delete())
