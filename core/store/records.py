"""Canonical records."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from enum import IntEnum
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, func, or_, select

from core.model.instant import Instant
from core.store import database
from core.store.codec import dumps, loads
from core.store.database import among
from core.store.prepared import Among, prepared
from core.store.tables import record


class State(IntEnum):
    """Where a record stands."""

    LIVE = 0
    DELETED = 1
    MERGED = 2
    ARCHIVED = 3
    ERASED = 4
    """Erased on request: its number is all that is left, and nothing brings it back."""


CHANGING = "records"
"""The name under which transactions that change records, bindings and marks go one after the other."""


class Record(NamedTuple):
    """A canonical record; `raw` is its values as JSON text."""

    id: int
    kind: str
    raw: str
    state: int
    merged_into: int | None
    version: int
    created_at: Instant
    updated_at: Instant

    @property
    def values(self) -> dict[str, Any]:
        """The values that stand."""
        found: dict[str, Any] = loads(self.raw)
        return found


COLUMNS = ("id", "kind", "values", "state", "merged_into", "version", "created_at", "updated_at")
_CHANGING = ("values", "state", "merged_into", "version", "updated_at")
_ALL = tuple(record.c[name] for name in COLUMNS)


def load(tx: Connection, ids: Collection[int], *, to_change: bool = False) -> dict[int, Record]:
    """Records by id; `to_change` locks them, for one transaction at a time.

    A page locks records in several steps (the bound, the alike, those that waited), which no order makes safe.
    """
    if to_change:
        database.serialise(tx, CHANGING)
    rows = (_locked if to_change else _loaded)(tx, ids=ids) if ids else ()
    return {row[0]: Record(*row) for row in rows}


@prepared
def _loaded(among: Among) -> Select[Any]:
    return select(*_ALL).where(among(record.c.id, "ids")).order_by(record.c.id)


@prepared
def _locked(among: Among) -> Select[Any]:
    return select(*_ALL).where(among(record.c.id, "ids")).order_by(record.c.id).with_for_update()


def after(tx: Connection, last_id: int, kinds: Collection[str], limit: int) -> list[Record]:
    """The next live records in id order: the walk of reconcile and agreement."""
    query = (
        select(*_ALL)
        .where(record.c.id > last_id, among(tx, record.c.kind, kinds), record.c.state == State.LIVE)
        .order_by(record.c.id)
        .limit(limit)
    )
    return [Record(*row) for row in tx.execute(query)]


def newest(tx: Connection, kinds: Collection[str], limit: int) -> list[int]:
    """The ids of the newest records of these kinds, newest first, whatever became of them, but for erased ones."""
    query = select(record.c.id).where(among(tx, record.c.kind, kinds), record.c.state != State.ERASED)
    return list(tx.execute(query.order_by(record.c.id.desc()).limit(limit)).scalars())


def number(tx: Connection, kinds: Collection[str]) -> int:
    """How many `newest` would give at most."""
    query = select(func.count()).where(among(tx, record.c.kind, kinds), record.c.state != State.ERASED)
    return int(tx.execute(query.select_from(record)).scalar_one())


def recognised_after(tx: Connection, last_id: int, kinds: Collection[str], limit: int) -> list[Record]:
    """The next records in id order that are filed under keys: all but what was merged into others or erased."""
    query = (
        select(*_ALL)
        .where(
            record.c.id > last_id, among(tx, record.c.kind, kinds), record.c.state.not_in((State.MERGED, State.ERASED))
        )
        .order_by(record.c.id)
        .limit(limit)
    )
    return [Record(*row) for row in tx.execute(query)]


def insert(tx: Connection, rows: Iterable[Record]) -> None:
    """Add records."""
    database.insert(tx, record, COLUMNS, list(rows))


def update(tx: Connection, rows: Iterable[Record]) -> None:
    """Write records anew, found by their id."""
    values = [(row.raw, row.state, row.merged_into, row.version, row.updated_at, row.id) for row in rows]
    database.update(tx, record, ("id",), _CHANGING, values)


def counts(tx: Connection) -> dict[str, int]:
    """Kind → number of live records."""
    query = select(record.c.kind, func.count()).where(record.c.state == State.LIVE).group_by(record.c.kind)
    return {row[0]: row[1] for row in tx.execute(query)}


def raw(values: dict[str, Any]) -> str:
    """Values as they are stored."""
    return dumps(values)


def kinds(tx: Connection, ids: Collection[int]) -> dict[int, str]:
    """Record id → kind."""
    return {row[0]: row[1] for row in _kinds(tx, ids=ids)}


@prepared
def _kinds(among: Among) -> Select[Any]:
    return select(record.c.id, record.c.kind).where(among(record.c.id, "ids"))


def erased(tx: Connection, ids: Collection[int]) -> set[int]:
    """Those of these records that were erased."""
    return set(_erased(tx, ids=ids).scalars()) if ids else set()


@prepared
def _erased(among: Among) -> Select[Any]:
    return select(record.c.id).where(among(record.c.id, "ids"), record.c.state == State.ERASED)


def merged_into(tx: Connection, ids: Collection[int]) -> dict[int, int]:
    """Merged record id → the record that stands for it now, however many merges lie between."""
    forward: dict[int, int] = {}
    asked = set(ids)
    while asked:
        found = {row[0]: row[1] for row in _merged(tx, ids=asked)}
        forward |= found
        asked = set(found.values()) - forward.keys()
    return {id_: _end(forward, id_) for id_ in ids if id_ in forward}


@prepared
def _merged(among: Among) -> Select[Any]:
    return select(record.c.id, record.c.merged_into).where(among(record.c.id, "ids"), record.c.merged_into.is_not(None))


def parts(tx: Connection, ids: Collection[int]) -> set[int]:
    """The records that were merged into these, at once; a scan, since hardly anybody asks."""
    return set(tx.execute(select(record.c.id).where(among(tx, record.c.merged_into, ids))).scalars())


def referring(tx: Connection, kind: str, ids: Collection[int]) -> Iterator[tuple[int, dict[str, Any]]]:
    """(id, values) of live records of a kind that may refer to one of these: their number is in the text. A scan."""
    numbered = or_(*(record.c["values"].contains(str(id_)) for id_ in ids))
    query = select(record.c.id, record.c["values"]).where(record.c.kind == kind, record.c.state == State.LIVE, numbered)
    for id_, text in tx.execute(query.order_by(record.c.id)):
        yield id_, loads(text)


def joined(tx: Connection, ids: Collection[int]) -> dict[int, int]:
    """Record id → how many records were merged into it, at once or by way of others; those with none left out.

    A scan of all records a step, since hardly anybody asks.
    """
    whose = {id_: id_ for id_ in ids}
    counts: dict[int, int] = {}
    asked = set(ids)
    while asked:
        query = select(record.c.id, record.c.merged_into).where(among(tx, record.c.merged_into, asked))
        rows = tx.execute(query).all()
        asked = set()
        for id_, into in rows:
            whose[id_] = whose[into]
            counts[whose[id_]] = counts.get(whose[id_], 0) + 1
            asked.add(id_)
    return counts


def _end(forward: Mapping[int, int], id_: int) -> int:
    while id_ in forward:
        id_ = forward[id_]
    return id_
