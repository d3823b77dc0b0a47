"""The latest time that the database was set back to an older copy, kept as a fact, and what must be done about it."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import Connection, select, text

from core.model.instant import Instant
from core.store import runs
from core.store.codec import dumps, loads
from core.store.database import among
from core.store.records import COLUMNS, Record, State
from core.store.tables import record, sequence, stream

RESTORED = "restored"
"""The fact."""

GAP = 10_000_000
"""So many numbers are left out: those that records may have been given since the copy was made."""


_ALL = tuple(record.c[name] for name in COLUMNS)


class Restored(NamedTuple):
    """When the database was set back, and which numbers of records were lost with what came after the copy."""

    at: Instant
    first: int
    """The first number that may have been given since; our creates may still name it in the tools."""
    end: int
    """The first number given after the restore."""
    stream_ids: tuple[int, ...]
    """What must be read whole before it is written to."""

    def lost(self, record_id: int) -> bool:
        """Whether a number may have been given to a record that is lost."""
        return self.first <= record_id < self.end


def latest(tx: Connection) -> Restored | None:
    """The latest time, None where the database never was set back."""
    kept = runs.fact(tx, RESTORED)
    if kept is None:
        return None
    told = loads(kept)
    return Restored(told["at"], told["first"], told["end"], tuple(told["streams"]))


def lost_among(tx: Connection, record_ids: Collection[int]) -> set[int]:
    """Those of these numbers that belonged to records that are lost, and that nobody bears again yet."""
    found = latest(tx) if record_ids else None
    if found is None:
        return set()
    lost = {id_ for id_ in record_ids if found.lost(id_)}
    return lost - set(tx.execute(select(record.c.id).where(among(tx, record.c.id, lost))).scalars())


def note(tx: Connection, *, at: Instant, stream_ids: Collection[int]) -> Restored:
    """Note that it was set back now, and leave out the numbers that may have been given since the copy."""
    first = _leave_out(tx, GAP)
    found = Restored(at, first, first + GAP, tuple(sorted(stream_ids)))
    runs.put_fact(tx, RESTORED, _told(found))
    return found


def _told(restored: Restored) -> str:
    return dumps(
        {"at": restored.at, "first": restored.first, "end": restored.end, "streams": list(restored.stream_ids)}
    )


def settled(tx: Connection, restored: Restored) -> None:
    """All of it was read, and what is one is one: nothing is looked at any more."""
    runs.put_fact(tx, RESTORED, _told(restored._replace(stream_ids=())))


def unread(tx: Connection, restored: Restored) -> list[int]:
    """The streams that were not read whole since."""
    c = stream.c
    query = select(c.id).where(among(tx, c.id, restored.stream_ids), c.phase == "backfill")
    return list(tx.execute(query.order_by(c.id)).scalars())


def orphans(tx: Connection, restored: Restored) -> list[Record]:
    """The living records that bear a lost number: known only by what we once wrote."""
    query = select(*_ALL).where(record.c.id >= restored.first, record.c.id < restored.end, record.c.state == State.LIVE)
    return [Record(*row) for row in tx.execute(query.order_by(record.c.id))]


def newcomers(tx: Connection, restored: Restored) -> list[Record]:
    """The living records that came since."""
    query = select(*_ALL).where(record.c.id >= restored.end, record.c.state == State.LIVE)
    return [Record(*row) for row in tx.execute(query.order_by(record.c.id))]


def _leave_out(tx: Connection, number: int) -> int:
    """Jump the sequence of records; gives the number that would have come next."""
    if tx.dialect.name == "sqlite":
        following = int(tx.execute(select(sequence.c.next).where(sequence.c.name == "record")).scalar_one())
        tx.execute(sequence.update().where(sequence.c.name == "record").values(next=following + number))
        return following
    following = int(tx.execute(text("SELECT nextval('record_ids')")).scalar_one())
    tx.execute(text("SELECT setval('record_ids', :next, false)"), {"next": following + number})
    return following
