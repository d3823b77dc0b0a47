"""What has become old: found from the oldest on, in slices, so that each look costs as much as there is to be done.

Ids ascend with time. A walk remembers how far it has come and stops at the first row that is too young, so that a
look where nothing is due reads one row.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, and_, delete, func, select

from core.decide.condensing import Condensed, Told
from core.model.instant import Instant
from core.store import database
from core.store.codec import pack, unpack
from core.store.database import among
from core.store.tables import delivery, history, plan, run, webhook

_WHEN = {history: history.c.at, delivery: delivery.c.at, run: run.c.began_at, plan: plan.c.at, webhook: webhook.c.at}
TABLES = {"history": history, "deliveries": delivery, "runs": run, "plans": plan, "webhooks": webhook}
"""Word of `keep` → the table it speaks of."""


class Held(NamedTuple):
    """How much of something there is."""

    number: int
    oldest: Instant | None


class Slice(NamedTuple):
    """The ids that are old, and how far the walk has come; `more` where it was not the last of them."""

    ids: list[int]
    last: int
    more: bool


def held(tx: Connection, table: Table) -> Held:
    """How many rows, and since when."""
    number, oldest = tx.execute(select(func.count(), func.min(_WHEN[table])).select_from(table)).one()
    return Held(number, oldest)


def due(tx: Connection, table: Table, before: Instant) -> int:
    """How many rows are older than that; a scan, for a person who asks."""
    return int(tx.execute(select(func.count()).select_from(table).where(_WHEN[table] < before)).scalar_one())


def old(tx: Connection, table: Table, *, after: int, before: Instant, limit: int) -> Slice:
    """The next ids after one, up to the first row that is not old."""
    when = _WHEN[table]
    query = select(table.c.id, when).where(table.c.id > after).order_by(table.c.id).limit(limit)
    rows = tx.execute(query).all()
    young = next((place for place, row in enumerate(rows) if row[1] >= before), len(rows))
    ids = [row[0] for row in rows[:young]]
    return Slice(ids, ids[-1] if ids else after, more=young == limit)


def drop(tx: Connection, table: Table, ids: Collection[int]) -> int:
    """Take these rows out, but what people did: of runs the hub's own, of plans those nobody has applied."""
    which: list[Any] = [among(tx, table.c.id, ids)]
    if table is run:
        which.append(run.c.subject.is_(None))
    if table is plan:
        which.append(plan.c.state == "made")
    return int(tx.execute(delete(table).where(and_(*which))).rowcount) if ids else 0


def histories(tx: Connection, ids: Collection[int]) -> dict[int, list[Told]]:
    """Record id → all its history, oldest first, of the records that these entries are about."""
    h = history.c
    records = set(tx.execute(select(h.record_id).where(among(tx, h.id, ids), h.what == "heard")).scalars())
    query = select(h.id, h.record_id, h.at, h.binding_id, h.what, h.delta).where(among(tx, h.record_id, records))
    found: dict[int, list[Told]] = {}
    for row in tx.execute(query.order_by(h.id)) if records else ():
        found.setdefault(row[1], []).append(Told(*row[:5], unpack(row[5])))
    return found


def retell(tx: Connection, condensed: Sequence[Condensed]) -> int:
    """Tell these entries as they are condensed; gives how many went."""
    database.update(tx, history, ("id",), ("delta",), [(pack(one.delta), one.id) for one in condensed])
    gone = [id_ for one in condensed for id_ in one.gone]
    database.delete(tx, history, ("id",), [(id_,) for id_ in gone])
    return len(gone)
