"""The trail: what people did in the console, and whose data they looked at. Entries are only added.

Each entry's digest covers what it says and the digest before it, so that none can be changed, left out or put in later
without all that follow telling so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, insert, select

from core.model.instant import Instant
from core.store.codec import dumps, loads
from core.store.database import serialise
from core.store.tables import trail

ADDING = "trail"
"""What is held while an entry is added, so that each follows the last."""
_FIRST = bytes(32)
_PAGE = 1_000


class Step(NamedTuple):
    """Something that somebody did."""

    id: int
    at: Instant
    person_id: int | None
    who: str
    what: str
    about: Mapping[str, Any]
    digest: bytes


_COLUMNS = tuple(trail.c[name] for name in Step._fields)


def add(tx: Connection, *, at: Instant, person_id: int | None, who: str, what: str, about: Mapping[str, Any]) -> None:
    """Add what somebody did."""
    serialise(tx, ADDING)
    last = tx.execute(select(trail.c.id, trail.c.digest).order_by(trail.c.id.desc()).limit(1)).first()
    number, before = (last[0] + 1, last[1]) if last is not None else (1, _FIRST)
    said = dumps(dict(about))
    row = {"id": number, "at": at, "person_id": person_id, "who": who, "what": what, "about": said}
    tx.execute(insert(trail).values({**row, "digest": _digest(before, row)}))


def steps(tx: Connection, *, below: int | None = None, person_id: int | None = None, limit: int = 100) -> list[Step]:
    """What was done, newest first."""
    query = select(*_COLUMNS).order_by(trail.c.id.desc()).limit(limit)
    if below is not None:
        query = query.where(trail.c.id < below)
    if person_id is not None:
        query = query.where(trail.c.person_id == person_id)
    return [_step(row) for row in tx.execute(query)]


def broken(tx: Connection, *, since: int = 0) -> int | None:
    """The first entry after `since` that does not follow from the one before it; None where all do."""
    start = tx.execute(select(trail.c.digest).where(trail.c.id == since)).first()
    before, number = (start[0], since) if start is not None else (_FIRST, 0)
    for row in _after(tx, number):
        said = dict(zip(("id", "at", "person_id", "who", "what", "about"), row[:6], strict=True))
        if row[0] != number + 1 or row[6] != _digest(before, said):
            return int(row[0])
        number, before = row[0], row[6]
    return None


def _after(tx: Connection, after: int) -> Iterator[Any]:
    while page := tx.execute(select(*_COLUMNS).where(trail.c.id > after).order_by(trail.c.id).limit(_PAGE)).all():
        yield from page
        after = page[-1][0]


def _digest(before: bytes, row: Mapping[str, Any]) -> bytes:
    said = dumps([row[name] for name in ("id", "at", "person_id", "who", "what", "about")])
    return hashlib.sha256(before + said.encode()).digest()


def _step(row: Any) -> Step:
    return Step(*row)._replace(about=loads(row[5]))
