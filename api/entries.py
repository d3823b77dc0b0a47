"""The log's entries: what came in, what went out and which runs failed, found by whatever a person asks by.

Every question goes by an index in which what is asked for stands in its order, and touches about as many rows as it
gives, however many there are (`tests/api/test_log_cost.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Column, ColumnElement, FromClause, Join, Select, Table, and_, case, func, select

from core.model.instant import DAY, MINUTE, Instant
from core.store import Tx
from core.store.codec import loads, unpack
from core.store.database import among
from core.store.tables import binding, delivery, history, record, run


class In(NamedTuple):
    """Something that came in: one history entry, and where from."""

    id: int
    at: Instant
    run_id: int | None
    record_id: int
    what: str
    stream_id: int | None
    remote_id: str | None
    packed: bytes

    @property
    def delta(self) -> dict[str, Any]:
        """Claims, and `set` beside them where a standing value changed."""
        found: dict[str, Any] = unpack(self.packed)
        return found


class Out(NamedTuple):
    """Something that went out: one delivery with the tool's answer."""

    id: int
    at: Instant
    run_id: int | None
    record_id: int
    connection_id: int
    remote_id: str | None
    verb: str
    outcome: str
    code: str | None
    raw_fields: str
    note: str | None

    @property
    def fields(self) -> list[str]:
        """The remote fields written."""
        found: list[str] = loads(self.raw_fields)
        return found


class Below(NamedTuple):
    """Where a page of the log goes on: below these numbers of history, deliveries and runs. None begins at the top."""

    came_in: int | None = None
    went_out: int | None = None
    run: int | None = None


class Search(NamedTuple):
    """What the log is asked for; None asks for everything."""

    stream_ids: Collection[int] | None = None
    connection_id: int | None = None
    record_ids: Collection[int] | None = None
    run_id: int | None = None
    code: str | None = None
    since: Instant | None = None
    limit: int = 50
    below: Below = Below()
    own_id: int = 0
    """The hub's own connection: people's acts are its runs."""


_LATE = 15 * MINUTE
"""Numbers ascend with time but for transactions that overlap; none lasts as long."""
_LONGEST = 2 * DAY
"""A run that is looked into began at most so long before what is asked for."""
_RUNS, _TOGETHER, _OWN_RUNS = 400, 5, 60
"""So many of a connection's runs are looked through for what it brought, so many at first, and of people's acts."""
_NEARBY = 1_000


def _first_since(tx: Tx, table: Table, at: Column[Any], since: Instant) -> int:
    """A number below which nothing of a table is as late as a moment; found by halving, so that no index is needed."""
    # Apart, each is found at its end of the index; together they would be looked for everywhere.
    ends = (select(find(table.c.id)).scalar_subquery() for find in (func.min, func.max))
    between = select(*(end.label(name) for end, name in zip(ends, ("low", "high"), strict=True)))
    narrowed = between.cte("narrowed", recursive=True)
    low, high, middle = narrowed.c.low, narrowed.c.high, (narrowed.c.low + narrowed.c.high) // 2
    looked = table.alias()
    # Numbers may be gone: the nearest below one tells for it.
    nearest = select(looked.c[at.name]).where(looked.c.id <= middle).order_by(looked.c.id.desc()).limit(1)
    is_late = nearest.scalar_subquery() >= since - _LATE
    half = select(case((is_late, low), else_=middle), case((is_late, middle), else_=high)).where(high - low > 1)
    narrowed = narrowed.union_all(half)
    return int(tx.execute(select(func.max(narrowed.c.low))).scalar() or 0)


def came_in(tx: Tx, asked: Search) -> list[In]:
    """What came in, newest first. A code belongs to an answer, so with one nothing came in."""
    if asked.code is not None:
        return []
    first = _first_since(tx, history, history.c.at, asked.since) if asked.since is not None else None
    if asked.record_ids is not None:
        return _entries(tx, asked, first, of=(history.c.record_id, record, asked.record_ids))
    if asked.stream_ids is None or asked.run_id is not None:
        return _entries(tx, asked, first)
    return _brought(tx, asked, first)


_Groups = tuple[Column[Any], Table, Collection[int]]
"""A column, the table whose rows it names, and the numbers of those rows."""


def _entries(
    tx: Tx,
    asked: Search,
    first: int | None,
    *,
    of: _Groups | None = None,
    above: int | None = None,
    runless: bool = False,
) -> list[In]:
    """The newest entries; `of` some records or runs where given, `above` a number, or of no run at all."""
    h, b = history, binding
    query = select(h.c.id, h.c.at, h.c.run_id, h.c.record_id, h.c.what, b.c.stream_id, b.c.remote_id, h.c.delta)
    such = partial(_such_entries, tx, asked, first, above, runless=runless)
    source: FromClause = h
    if of is not None:
        other, its = h.alias(), b.alias()
        mine = select(other.c.id).where(*such(other, its))
        if asked.stream_ids is not None:
            mine = mine.join_from(other, its, its.c.id == other.c.binding_id)
        source = _newest_of(tx, h, of, asked.limit, mine, other)
    query = query.select_from(source.join(b, b.c.id == h.c.binding_id, isouter=True)).where(*such(h, b))
    return [In(*row) for row in tx.execute(query.order_by(h.c.id.desc()).limit(asked.limit))]


def _such_entries(
    tx: Tx, asked: Search, first: int | None, above: int | None, h: FromClause, b: FromClause, *, runless: bool
) -> Iterator[ColumnElement[bool]]:
    if asked.stream_ids is not None:
        yield among(tx, b.c.stream_id, asked.stream_ids)
    if asked.run_id is not None:
        yield h.c.run_id == asked.run_id
    if runless:
        yield h.c.run_id.is_(None)
    if asked.since is not None:
        yield h.c.at >= asked.since
        yield h.c.id >= first
    if above is not None:
        yield h.c.id > above
    if asked.below.came_in is not None:
        yield h.c.id < asked.below.came_in


def _newest_of(tx: Tx, table: Table, of: _Groups, limit: int, such: Select[Any], other: FromClause) -> Join:
    """A table's rows joined to the groups they belong to, of each the newest only: sorting all of a long one is slow.

    `such` selects the numbers of `other`, which is the table again, that are asked for.
    """
    column, groups, ids = of
    mine = such.where(other.c[column.name] == groups.c.id).order_by(other.c.id.desc())
    lowest = mine.correlate(groups).offset(limit - 1).limit(1).scalar_subquery()
    each = select(groups.c.id, func.coalesce(lowest, 0).label("lowest")).where(among(tx, groups.c.id, ids))
    # Found for each group once, before anything is joined: otherwise it may be looked for with each row.
    newest = each.cte("newest").prefix_with("MATERIALIZED")
    return newest.join(table, and_(column == newest.c.id, table.c.id >= newest.c.lowest))


def _brought(tx: Tx, asked: Search, first: int | None) -> list[In]:
    """What a connection brought, by its runs: the newest of them that bring enough.

    Entries do not say whose they are, and walking all of them would take long for a connection that is quiet. Where a
    long run and short ones of the same connection overlap, what the long one brought may come with a later page.
    """
    found: list[In] = []
    ids, start, many = _runs_of(tx, asked), 0, _TOGETHER
    while start < len(ids) and len(found) < asked.limit:
        found += _entries(tx, asked, first, of=(history.c.run_id, run, ids[start : start + many]))
        start, many = start + many, 2 * many
    # People's acts concern any connection, and what is found again after a crash belongs to no run. Of these, what is
    # older than all that was found is for a later page.
    above = min(one.id for one in found) if len(found) >= asked.limit else None
    found += _entries(tx, asked, first, of=(history.c.run_id, run, _own_runs(tx, asked)), above=above)
    found += _entries(tx, asked, first, above=above, runless=True)
    return sorted(set(found), key=lambda one: -one.id)[: asked.limit]


def _runs_of(tx: Tx, asked: Search) -> list[int]:
    """The connection's runs that may have brought something, newest first."""
    c = run.c
    query = select(c.id).where(c.connection_id == asked.connection_id, c.what != "deliver")
    if asked.since is not None:
        query = query.where(c.id >= _first_since(tx, run, c.began_at, asked.since - _LONGEST))
    if (below := asked.below.came_in) is not None:
        h = history.c
        top = tx.execute(select(func.max(h.run_id)).where(h.id < below, h.id >= below - _NEARBY)).scalar_one()
        query = query.where(c.id <= top) if top is not None else query
    return list(tx.execute(query.order_by(c.id.desc()).limit(_RUNS)).scalars())


def _own_runs(tx: Tx, asked: Search) -> list[int]:
    query = select(run.c.id).where(run.c.connection_id == asked.own_id)
    return list(tx.execute(query.order_by(run.c.id.desc()).limit(_OWN_RUNS)).scalars())


def went_out(tx: Tx, asked: Search) -> list[Out]:
    """What went out and what the tool answered, newest first."""
    d = delivery
    query = select(*(d.c[name] for name in _OUT))
    first = _first_since(tx, d, d.c.at, asked.since) if asked.since is not None else None
    if asked.record_ids is not None:
        of, other = (d.c.record_id, record, asked.record_ids), d.alias()
        such = select(other.c.id).where(*_such_deliveries(asked, first, other))
        query = query.select_from(_newest_of(tx, d, of, asked.limit, such, other))
    query = query.where(*_such_deliveries(asked, first, d))
    return [Out(*row) for row in tx.execute(query.order_by(d.c.id.desc()).limit(asked.limit))]


_OUT = (
    "id", "at", "run_id", "record_id", "connection_id", "remote_id", "verb", "outcome", "code", "fields", "note",
)  # fmt: skip


def _such_deliveries(asked: Search, first: int | None, d: FromClause) -> Iterator[ColumnElement[bool]]:
    if asked.connection_id is not None:
        yield d.c.connection_id == asked.connection_id
    if asked.run_id is not None:
        yield d.c.run_id == asked.run_id
    if asked.code is not None:
        yield d.c.code == asked.code
    if asked.since is not None:
        yield d.c.at >= asked.since
        yield d.c.id >= first
    if asked.below.went_out is not None:
        yield d.c.id < asked.below.went_out


def failed_runs(tx: Tx, asked: Search) -> list[tuple[int, Instant, int, str | None, str, str, str | None]]:
    """(id, when, connection id, stream, what, code, message) of runs that ended in an error, newest first."""
    c = run.c
    query = (
        select(c.id, c.began_at, c.connection_id, c.stream, c.what, c.code, c.message)
        .where(c.code.is_not(None))
        .order_by(c.id.desc())
        .limit(asked.limit)
    )
    if asked.connection_id is not None:
        query = query.where(c.connection_id == asked.connection_id)
    if asked.run_id is not None:
        query = query.where(c.id == asked.run_id)
    if asked.code is not None:
        query = query.where(c.code == asked.code)
    if asked.since is not None:
        query = query.where(c.began_at >= asked.since)
    if asked.below.run is not None:
        query = query.where(c.id < asked.below.run)
    return [tuple(row) for row in tx.execute(query)]
