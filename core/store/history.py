"""History: what was heard, in order, so that the present can be folded from it again.

An entry's delta is packed claims (`core.model.claim`), with `set` beside them where a standing value changed:
field → [before, after]. A first sight needs no `set`: what it claims is what stands.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from core.model.instant import Instant
from core.store import database
from core.store.codec import unpack
from core.store.database import among
from core.store.tables import history


class Entry(NamedTuple):
    """One thing that happened to a record."""

    record_id: int
    at: Instant
    run_id: int | None
    binding_id: int | None
    what: str
    """`seen` first sight · `heard` an edit · `gone` deleted there · `unlinked` · `merged` ·
    `mapped` read again by a new mapping · `ruled` folded by new rules."""
    packed: bytes

    @property
    def delta(self) -> dict[str, Any]:
        """The delta, unpacked."""
        found: dict[str, Any] = unpack(self.packed)
        return found


_COLUMNS = ("record_id", "at", "run_id", "binding_id", "what", "delta")


def append(tx: Connection, entries: Sequence[Entry]) -> None:
    """Add entries at the end."""
    database.insert(tx, history, _COLUMNS, entries)


def of_records(tx: Connection, record_ids: Collection[int]) -> list[Entry]:
    """Every entry of these records, oldest first."""
    c = history.c
    query = select(c.record_id, c.at, c.run_id, c.binding_id, c.what, c.delta).where(among(tx, c.record_id, record_ids))
    return [Entry(*row) for row in tx.execute(query.order_by(c.id))]


def recent(tx: Connection, *, limit: int = 50, run_id: int | None = None) -> list[Entry]:
    """The newest entries, newest first; of one run where given."""
    c = history.c
    query = select(c.record_id, c.at, c.run_id, c.binding_id, c.what, c.delta).order_by(c.id.desc()).limit(limit)
    if run_id is not None:
        query = query.where(c.run_id == run_id)
    return [Entry(*row) for row in tx.execute(query)]


def edits_since(tx: Connection, record_ids: Collection[int], since: Instant) -> list[Entry]:
    """Edits of these records after a moment, oldest first."""
    c = history.c
    query = select(c.record_id, c.at, c.run_id, c.binding_id, c.what, c.delta).where(
        among(tx, c.record_id, record_ids), c.at >= since, c.what == "heard"
    )
    return [Entry(*row) for row in tx.execute(query.order_by(c.id))]
