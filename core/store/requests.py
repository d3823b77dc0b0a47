"""Requests of people about their own data: when each came, by when it is due, what was done, and how it was closed."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import Connection, case, func, insert, or_, select, update

from core.model.instant import Instant
from core.store.database import among
from core.store.tables import request


class Request(NamedTuple):
    """One of them."""

    id: int
    came_at: Instant
    right: str
    """A word of `core.decide.requesting.RIGHTS`."""
    way: str
    due_at: Instant
    who: str | None
    """Who asked, as it was written down; None once they are erased, or forgotten."""
    note: str | None
    digest: str | None
    """The keyed hash of their address, where one was given."""
    record_id: int | None
    taken_by: str | None
    extended_at: Instant | None
    """When more time was taken; `due_at` is the later end then."""
    extended_why: str | None
    exported_at: Instant | None
    exported: str | None
    """SHA-256 of what was given out."""
    run_id: int | None
    """What was done in the hub."""
    erasure_id: int | None
    closed_at: Instant | None
    closed_by: str | None
    answer: str | None
    """`answered` or `refused`; None while it is open."""
    ground: str | None
    """Why it was refused, a word of `core.decide.requesting.GROUNDS`."""
    why: str | None


class Burden(NamedTuple):
    """How many are open."""

    open: int
    late: int
    due_at: Instant | None
    """When the first of them is due."""


_COLUMNS = tuple(request.c[name] for name in Request._fields)
_IS_OPEN = request.c.closed_at.is_(None)


def add(tx: Connection, **values: Any) -> int:
    """Keep one; gives its number."""
    return int(tx.execute(insert(request).values(**values).returning(request.c.id)).scalar_one())


def change(tx: Connection, id_: int, **values: Any) -> None:
    """Write down what became of one."""
    tx.execute(update(request).where(request.c.id == id_).values(**values))


def one(tx: Connection, id_: int) -> Request | None:
    """One by its number."""
    row = tx.execute(select(*_COLUMNS).where(request.c.id == id_)).one_or_none()
    return Request(*row) if row else None


def waiting(tx: Connection, limit: int = 200) -> list[Request]:
    """Those that are open, the one that is due first before the others."""
    query = select(*_COLUMNS).where(_IS_OPEN).order_by(request.c.due_at, request.c.id).limit(limit)
    return [Request(*row) for row in tx.execute(query)]


def closed(tx: Connection, limit: int = 50) -> list[Request]:
    """Those that were closed last, newest first."""
    c = request.c
    query = select(*_COLUMNS).where(c.closed_at.is_not(None)).order_by(c.closed_at.desc(), c.id.desc()).limit(limit)
    return [Request(*row) for row in tx.execute(query)]


def of(tx: Connection, record_ids: Collection[int], digest: str | None = None) -> list[Request]:
    """Those about these records, or by whoever has this keyed hash; oldest first."""
    mine = among(tx, request.c.record_id, record_ids)
    wanted = or_(mine, request.c.digest == digest) if digest is not None else mine
    return [Request(*row) for row in tx.execute(select(*_COLUMNS).where(wanted).order_by(request.c.id))]


def burden(tx: Connection, now: Instant) -> Burden:
    """How many are open, how many of them late, and when the first is due."""
    c = request.c
    late = func.coalesce(func.sum(case((c.due_at <= now, 1), else_=0)), 0)
    return Burden(*tx.execute(select(func.count(), late, func.min(c.due_at)).where(_IS_OPEN)).one())


def forget(tx: Connection, record_ids: Collection[int], words: Collection[str], erasure_id: int) -> int:
    """Leave of what these people asked that it was asked and what was done; gives how many rows were blanked.

    Those filed under other records, or none, are blanked where they hold one of the words that can only mean them.
    """
    c = request.c
    written = (c.who, c.note, c.why, c.extended_why)
    texts = tx.execute(select(c.id, *written).where(or_(*(one.is_not(None) for one in written)))).all()
    sought = [word.casefold() for word in words]
    said = {row.id: " ".join(filter(None, row[1:])).casefold() for row in texts}
    ids = {id_ for id_, held in said.items() if any(word in held for word in sought)}
    ids |= {row[0] for row in tx.execute(select(c.id).where(among(tx, c.record_id, record_ids)))}
    blank = {one.name: None for one in written} | {"erasure_id": func.coalesce(c.erasure_id, erasure_id)}
    return int(tx.execute(update(request).where(among(tx, c.id, ids)).values(**blank)).rowcount) if ids else 0
