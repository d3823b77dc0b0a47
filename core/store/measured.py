"""What was measured of agreement, block by block, so that what did not change need not be measured again.

A block is a stretch of record numbers, `SIZE` of them, in one connection. History, deliveries and questions are the
lists of what changed; what nothing of these tells is marked by whoever changes it (`stale`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, Update, bindparam, func, literal_column, select, union

from core.model.instant import Instant
from core.store import database
from core.store.codec import dumps, loads
from core.store.prepared import Among, prepared
from core.store.tables import delivery, history, measured, review

SIZE = 64
"""Records a block; small, since one that changed has its whole block measured again."""

_ALL = 1_000_000_000

Counts = Mapping[str, Mapping[str, int]]
"""Kind → what was counted."""


class Block(NamedTuple):
    """One block as it was measured."""

    number: int
    at: Instant
    counts: Counts
    is_open: bool
    """Whether something in it is not agreed."""


class Place(NamedTuple):
    """How far the lists of what changed were read."""

    history: int = 0
    delivery: int = 0
    review: int = 0


def numbers(blocks: Iterable[int]) -> list[int]:
    """The record numbers in these blocks."""
    return [number for block in blocks for number in range(block * SIZE, (block + 1) * SIZE)]


def newest(tx: Connection) -> Place:
    """Where the lists end now."""
    return Place(*(found or 0 for found in _newest(tx).one()))


@prepared
def _newest(_among: Among) -> Select[Any]:
    ends = (select(func.max(table.c.id)).scalar_subquery() for table in (history, delivery, review))
    return select(*ends)


def changed(tx: Connection, connection_id: int, since: Place, until: Place) -> set[int]:
    """The blocks of which the lists tell between two places."""
    told = {f"{name}_since": place for name, place in since._asdict().items()}
    told |= {f"{name}_until": place for name, place in until._asdict().items()}
    return {row[0] for row in _changed(tx, connection_id=connection_id, **told)}


@prepared
def _changed(_among: Among) -> Any:
    return union(
        _between(history, "history"),
        _between(delivery, "delivery").where(delivery.c.connection_id == bindparam("connection_id")),
        _between(review, "review"),
    )


def _between(table: Any, name: str) -> Select[Any]:
    places = (table.c.id > bindparam(f"{name}_since"), table.c.id <= bindparam(f"{name}_until"))
    return select((table.c.record_id // SIZE).label("block")).where(*places)


def stale(tx: Connection, record_ids: Collection[int]) -> None:
    """Have the blocks of these records measured again."""
    _stale(tx, numbers={id_ // SIZE for id_ in record_ids}, was=0)


@prepared
def _stale(among: Among) -> Update:
    return measured.update().where(among(measured.c.block, "numbers")).values(at=bindparam("was"))


def marked(tx: Connection, connection_id: int) -> list[int]:
    """The blocks that are to be measured again."""
    return oldest(tx, connection_id, before=1, limit=_ALL)


def oldest(tx: Connection, connection_id: int, *, before: Instant, limit: int, is_open: bool = False) -> list[int]:
    """The blocks that were last measured before a moment, those that wait longest first; only open ones where asked."""
    look = _oldest_open if is_open else _oldest
    return list(look(tx, connection_id=connection_id, before=before, limit=limit).scalars())


@prepared
def _oldest(_among: Among) -> Select[Any]:
    c = measured.c
    query = select(c.block).where(c.connection_id == bindparam("connection_id"), c.at < bindparam("before"))
    return query.order_by(c.at).limit(bindparam("limit"))


@prepared
def _oldest_open(_among: Among) -> Select[Any]:
    c = measured.c
    waits = (c.connection_id == bindparam("connection_id"), c.at < bindparam("before"), c.open == literal_column("1"))
    return select(c.block).where(*waits).order_by(c.at).limit(bindparam("limit"))


def of_blocks(tx: Connection, connection_id: int, blocks: Collection[int]) -> list[Counts]:
    """What was counted in these blocks, of those that were measured."""
    return [loads(found) for found in _of_blocks(tx, connection_id=connection_id, blocks=blocks).scalars()]


@prepared
def _of_blocks(among: Among) -> Select[Any]:
    c = measured.c
    return select(c.counts).where(c.connection_id == bindparam("connection_id"), among(c.block, "blocks"))


def keep(tx: Connection, connection_id: int, blocks: Iterable[Block]) -> None:
    """Keep blocks as they were measured."""
    columns = ("block", "connection_id", "at", "counts", "open")
    rows = [(one.number, connection_id, one.at, dumps(one.counts), int(one.is_open)) for one in blocks]
    again = ", ".join(f"{name} = excluded.{name}" for name in ("at", "counts", "open"))
    database.insert(tx, measured, columns, rows, otherwise=f"ON CONFLICT (block, connection_id) DO UPDATE SET {again}")


def forget(tx: Connection, connection_id: int) -> None:
    """Forget all blocks of a connection."""
    tx.execute(measured.delete().where(measured.c.connection_id == connection_id))
