"""History: what was heard, in order, so that the present can be folded from it again.

An entry's delta is packed claims (`core.model.claim`), with `set` beside them where a standing value changed:
field → [before, after]. A first sight needs no `set`: what it claims is what stands. Further words, where they apply:
`state` [before, after] of the record · `from` the record that a merge took the binding from (its claims are told again
for the reader, and not counted twice) · `into` where a merged record went · `dropped` fields that a new mapping no
longer reads · `run` what an undo takes back, with `bindings` [id, state before, after], `closed` and `keeps`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

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
    """`seen` first sight · `heard` an edit · `gone` deleted there · `merged` into another record ·
    `mapped` read again by a new mapping · `ruled` folded by new rules · `decided` by a person, whether it lives ·
    `undone` what a run said no longer counts."""
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


def oldest(tx: Connection) -> Instant | None:
    """When the oldest entry that is kept was made; None where there is none."""
    found: Instant | None = tx.execute(select(history.c.at).order_by(history.c.id).limit(1)).scalar()
    return found


def sightings(tx: Connection, record_id: int) -> list[Entry]:
    """Where a record was first seen, and what a merge brought it, oldest first."""
    c = history.c
    query = select(c.record_id, c.at, c.run_id, c.binding_id, c.what, c.delta).where(
        c.record_id == record_id, c.what == "seen"
    )
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


def records_of_run(tx: Connection, run_id: int) -> list[int]:
    """Ids of the records that a run said something about, ascending."""
    query = select(history.c.record_id).where(history.c.run_id == run_id).distinct()
    return list(tx.execute(query.order_by(history.c.record_id)).scalars())


def runs_behind(tx: Connection, record_ids: Collection[int], until: Instant) -> dict[int, int]:
    """Run id → of how many of these records it had the last word at a moment; the most first."""
    c = history.c
    last = (
        select(func.max(c.id))
        .where(among(tx, c.record_id, record_ids), c.at <= until, c.run_id.is_not(None), c.what.in_(_NEWS))
        .group_by(c.record_id)
    )
    count = func.count()
    query = select(c.run_id, count).where(c.id.in_(last)).group_by(c.run_id).order_by(count.desc(), c.run_id)
    return {row[0]: row[1] for row in tx.execute(query)}


_NEWS = ("seen", "heard", "merged", "mapped", "ruled", "decided", "undone")
"""What changes what stands; `gone` may be a delete of our own that was carried out."""


class Step(NamedTuple):
    """That something happened to a record, without what."""

    id: int
    record_id: int
    at: Instant


def steps_after(tx: Connection, last_id: int, limit: int) -> list[Step]:
    """The next steps in their order, which is that of the transactions that change records."""
    c = history.c
    query = select(c.id, c.record_id, c.at).where(c.id > last_id).order_by(c.id).limit(limit)
    return [Step(*row) for row in tx.execute(query)]


def newest_steps(tx: Connection, limit: int) -> list[Step]:
    """The newest steps, newest first."""
    c = history.c
    query = select(c.id, c.record_id, c.at).order_by(c.id.desc()).limit(limit)
    return [Step(*row) for row in tx.execute(query)]


class Told(NamedTuple):
    """An entry with its number."""

    id: int
    entry: Entry


def entries_after(tx: Connection, last_id: int, limit: int) -> list[Told]:
    """The next entries in their order, whole."""
    return _told(tx, history.c.id > last_id, limit, newest=False)


def newest_entries(tx: Connection, limit: int) -> list[Told]:
    """The newest entries, whole, newest first."""
    return _told(tx, history.c.id > 0, limit, newest=True)


def _told(tx: Connection, where: Any, limit: int, *, newest: bool) -> list[Told]:
    c = history.c
    query = select(c.id, c.record_id, c.at, c.run_id, c.binding_id, c.what, c.delta).where(where)
    rows = tx.execute(query.order_by(c.id.desc() if newest else c.id).limit(limit))
    return [Told(row[0], Entry(*row[1:])) for row in rows]
