"""Erasures: who was erased on request, and what became of it in each tool. Numbers and answers, and nobody's data."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, bindparam, func, insert, or_, select, update

from core.model.instant import Instant
from core.store import database
from core.store.codec import dumps, loads
from core.store.database import among
from core.store.prepared import Among, prepared
from core.store.tables import erasure, erasure_place


class At(StrEnum):
    """How it stands in one place."""

    WAITING = "waiting"
    """To be deleted there through the outbox."""
    LOOKING = "looking"
    """We may have made something there, and the answer was lost: it is looked for."""
    BY_HAND = "by_hand"
    """The tool cannot, or may not be written: a person must."""
    RETURNED = "returned"
    """Turned up there after the erasure; kept out, and a person is asked."""
    DELETED = "deleted"
    ERASED = "erased"
    """Deleted for good, by the tool's own means for that."""
    GONE = "gone"
    """It was no longer there."""
    CONFIRMED = "confirmed"
    """A person says that it is done."""
    NEVER_MADE = "never_made"
    ADMITTED = "admitted"
    """Whoever turned up was let in, as somebody new."""


OPEN = (At.WAITING, At.LOOKING, At.BY_HAND)
"""While any place is so, the erasure is under way."""


class Erasure(NamedTuple):
    """One request that was carried out in the hub."""

    id: int
    at: Instant
    kind: str
    record_id: int
    """What stood for the person; it holds nothing any more."""
    raw_records: str
    run_id: int | None
    token: str
    reference: str | None
    raw_counts: str
    place: int | None
    done_at: Instant | None

    @property
    def records(self) -> list[int]:
        """That record and all that were merged into it."""
        found: list[int] = loads(self.raw_records)
        return found

    @property
    def counts(self) -> dict[str, int]:
        """What was taken out of the hub: table → rows."""
        found: dict[str, int] = loads(self.raw_counts)
        return found


class Place(NamedTuple):
    """One record in one tool."""

    id: int
    erasure_id: int
    connection_id: int
    stream_id: int
    remote_id: str | None
    """None once nothing is to be done there any more."""
    key: str | None
    state: str
    note: str | None
    at: Instant


_ERASURE = (
    *(erasure.c[name] for name in ("id", "at", "kind", "record_id", "records", "run_id", "token", "reference")),
    *(erasure.c[name] for name in ("counts", "place", "done_at")),
)
_PLACE = tuple(erasure_place.c[name] for name in Place._fields)
_NEW = Place._fields[1:]


def begin(
    tx: Connection,
    *,
    at: Instant,
    kind: str,
    record_id: int,
    records: Sequence[int],
    run_id: int,
    token: str,
    reference: str | None,
) -> int:
    """Write an erasure down; gives its number."""
    values = {"at": at, "kind": kind, "record_id": record_id, "records": dumps(sorted(records)), "run_id": run_id}
    values |= {"token": token, "reference": reference, "counts": "{}"}
    return int(tx.execute(insert(erasure).values(**values).returning(erasure.c.id)).scalar_one())


def note(tx: Connection, erasure_id: int, *, counts: dict[str, int], place: int | None) -> None:
    """What was taken out of the hub, and the ledger's entry that says so."""
    values = {"counts": dumps(counts), "place": place}
    tx.execute(update(erasure).where(erasure.c.id == erasure_id).values(**values))


def one(tx: Connection, erasure_id: int) -> Erasure | None:
    """An erasure by its number."""
    row = tx.execute(select(*_ERASURE).where(erasure.c.id == erasure_id)).one_or_none()
    return Erasure(*row) if row else None


def latest(tx: Connection, *, limit: int = 100) -> list[Erasure]:
    """The newest erasures, newest first."""
    return [Erasure(*row) for row in tx.execute(select(*_ERASURE).order_by(erasure.c.id.desc()).limit(limit))]


def about(tx: Connection, record_ids: Collection[int]) -> dict[int, Erasure]:
    """Record id → its erasure, also for what was merged into the record that stood; looks through all of them."""
    wanted = set(record_ids)
    every = (Erasure(*row) for row in tx.execute(select(*_ERASURE)))
    return {id_: one for one in every for id_ in one.records if id_ in wanted}


def after(tx: Connection, last_id: int) -> list[Erasure]:
    """Every erasure with a higher number, oldest first."""
    query = select(*_ERASURE).where(erasure.c.id > last_id).order_by(erasure.c.id)
    return [Erasure(*row) for row in tx.execute(query)]


def put_places(tx: Connection, rows: Sequence[Place]) -> None:
    """Add places; their ids are given by the database."""
    database.insert(tx, erasure_place, _NEW, [row[1:] for row in rows])


def places_of(tx: Connection, erasure_ids: Collection[int]) -> list[Place]:
    """Every place of these erasures, in the order they were found."""
    query = select(*_PLACE).where(among(tx, erasure_place.c.erasure_id, erasure_ids)).order_by(erasure_place.c.id)
    return [Place(*row) for row in tx.execute(query)]


def open_in(tx: Connection, connection_id: int) -> list[Place]:
    """The places in a connection of which an id or a key is still kept."""
    return [Place(*row) for row in _open_in(tx, connection_id=connection_id)]


@prepared
def _open_in(_among: Among) -> Select[Any]:
    c = erasure_place.c
    kept = or_(c.remote_id.is_not(None), c.key.is_not(None))
    return select(*_PLACE).where(c.connection_id == bindparam("connection_id"), kept).order_by(c.id)


def at_remotes(tx: Connection, stream_id: int, remote_ids: Collection[str]) -> dict[str, Place]:
    """Remote id → place, of those of a stream at which something is still to be done or decided."""
    c = erasure_place.c
    query = select(*_PLACE).where(c.stream_id == stream_id, among(tx, c.remote_id, remote_ids))
    return {row[4]: Place(*row) for row in tx.execute(query)}


def looking(tx: Connection, keys: Collection[str]) -> list[Place]:
    """The places at which creates with these keys are looked for."""
    return [Place(*row) for row in tx.execute(select(*_PLACE).where(among(tx, erasure_place.c.key, keys)))]


def change_places(tx: Connection, rows: Sequence[Place]) -> None:
    """Write places anew, found by their id; then close the erasures of which nothing is open any more."""
    if not rows:
        return
    columns = ("remote_id", "key", "state", "note", "at")
    values = [(row.remote_id, row.key, row.state, row.note, row.at, row.id) for row in rows]
    database.update(tx, erasure_place, ("id",), columns, values)
    close_finished(tx, {row.erasure_id for row in rows}, now=max(row.at for row in rows))


def close_finished(tx: Connection, erasure_ids: Collection[int], *, now: Instant) -> None:
    """Note as done those of which no place is open; as under way again those of which one is."""
    c = erasure_place.c
    busy = select(c.id).where(c.erasure_id == erasure.c.id, c.state.in_(OPEN)).correlate(erasure).exists()
    mine = among(tx, erasure.c.id, erasure_ids)
    tx.execute(update(erasure).where(mine, ~busy, erasure.c.done_at.is_(None)).values(done_at=now))
    tx.execute(update(erasure).where(mine, busy).values(done_at=None))


def counts(tx: Connection) -> dict[str, int]:
    """How it stands → number of places, of all erasures together."""
    query = select(erasure_place.c.state, func.count()).group_by(erasure_place.c.state)
    return {row[0]: row[1] for row in tx.execute(query)}
