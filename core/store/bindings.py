"""Bindings: our record ↔ one record in one connection, with its live claims and what the tool is known to hold."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, bindparam, func, select

from core.model.claim import Claims
from core.model.instant import Instant
from core.store import database
from core.store.codec import loads, pack, unpack
from core.store.database import among
from core.store.prepared import Among, prepared
from core.store.tables import binding, stream, waiting_in


class State(IntEnum):
    """Whether the tool still holds the record."""

    BOUND = 0
    GONE = 1
    """Deleted there; its last words still count."""
    MOVED = 2
    """Merged into another record there, or turned into one."""
    UNLINKED = 3
    """Cut by policy or by a person; its claims no longer count."""
    RELEASED = 4
    """Deleted there against an edit elsewhere: its last words count, and the record is put back there."""
    RETRACTED = 6
    """Its first sight was undone: nothing is written there, and it speaks anew when somebody edits it there."""
    FILTERED = 5
    """Cut off by a filter: the tool holds it, but it is neither heard nor written. What was said before counts.

    One that never came into the hub has no record, `record_id` 0; its payload is kept up to date. Of the others
    `expected` stays what it was when it was cut off, `read_at` is when that was, and `shown` is what it is now.
    """
    ERASED = 7
    """Of somebody who was erased: where it is there, and nothing else. With the wish `gone` it is to be deleted."""


ADDRESSED = 0
"""In place of a stream: what is waited for is a person with an address, and the id is the digest of that key."""

THERE = (State.BOUND, State.FILTERED)
"""The states in which the tool holds the record."""


class Glance(NamedTuple):
    """As much of a binding as tells whether a reading is news."""

    remote_id: str
    id: int
    record_id: int
    state: int
    digest: int
    modified_at: Instant | None
    wrote_at: Instant | None
    read_at: Instant


class Bound(NamedTuple):
    """A whole binding; `claims`, `expected` and `told` are packed until somebody needs them."""

    id: int
    stream_id: int
    remote_id: str
    record_id: int
    state: int
    digest: int
    version: str | None
    modified_at: Instant | None
    read_at: Instant
    wrote_at: Instant | None
    packed_claims: bytes
    packed_expected: bytes
    packed_told: bytes | None
    problems: str | None
    moved_to: str | None
    moved_stream_id: int | None = None
    """The stream in which `moved_to` is an id."""

    @property
    def claims(self) -> Claims:
        """The live claims."""
        return Claims.from_json(unpack(self.packed_claims))

    @property
    def expected(self) -> dict[str, Any]:
        """What the tool last showed us or was last told by us, in its own form."""
        held: dict[str, Any] = unpack(self.packed_expected)
        return held

    @property
    def told(self) -> dict[str, Any]:
        """Remote field → what we last told, where the tool then held something else."""
        told: dict[str, Any] = unpack(self.packed_told)[0] if self.packed_told else {}
        return told

    @property
    def sent(self) -> dict[str, Any]:
        """Remote field → what was sent to the tool and not answered yet: it may hold this, or what it held before."""
        sent: dict[str, Any] = unpack(self.packed_told)[1] if self.packed_told else {}
        return sent

    @property
    def wish(self) -> dict[str, Any]:
        """What an undo wants here, once: `gone`, that our own create is deleted; `fields`, what is put back there."""
        kept: list[dict[str, Any]] = unpack(self.packed_told) if self.packed_told else []
        return kept[3] if len(kept) > 3 else {}

    @property
    def shown(self) -> dict[str, Any] | None:
        """What the tool shows now of a record that is cut off; None where that is what was expected."""
        kept: list[Any] = unpack(self.packed_told) if self.packed_told else []
        return kept[2] if len(kept) > 2 else None


COLUMNS = (
    "id",
    "stream_id",
    "remote_id",
    "record_id",
    "state",
    "digest",
    "version",
    "modified_at",
    "read_at",
    "wrote_at",
    "claims",
    "expected",
    "told",
    "problems",
    "moved_to",
    "moved_stream_id",
)
_CHANGING = COLUMNS[3:]
_NEW = COLUMNS[: COLUMNS.index("moved_to")]
_ALL = tuple(binding.c[name] for name in COLUMNS)
_GLANCED = tuple(
    binding.c[name]
    for name in ("remote_id", "id", "record_id", "state", "digest", "modified_at", "wrote_at", "read_at")
)


def glance(tx: Connection, stream_id: int, remote_ids: Collection[str]) -> dict[str, Glance]:
    """Remote id → glance, for those of a stream that are bound.

    The database gives them as one JSON text: row by row, each step would wait for the thread that reads ahead.
    """
    glances = _glance_of_sqlite if tx.dialect.name == "sqlite" else _glance_of_postgresql
    found = glances(tx, stream_id=stream_id, remote_ids=remote_ids).scalar_one() or []
    return {row[0]: Glance._make(row) for row in (loads(found) if isinstance(found, str) else found)}


@prepared
def _glance_of_sqlite(among: Among) -> Select[Any]:
    return _glance(among, func.json_group_array(func.json_array(*_GLANCED)))


@prepared
def _glance_of_postgresql(among: Among) -> Select[Any]:
    return _glance(among, func.json_agg(func.json_build_array(*_GLANCED)))


def _glance(among: Among, rows: ColumnElement[Any]) -> Select[Any]:
    c = binding.c
    return select(rows).where(c.stream_id == bindparam("stream_id"), among(c.remote_id, "remote_ids"))


def of_remotes(tx: Connection, stream_id: int, remote_ids: Collection[str]) -> dict[str, Bound]:
    """Remote id → whole binding, for those of a stream that are bound."""
    return {row[2]: Bound(*row) for row in _of_remotes(tx, stream_id=stream_id, remote_ids=remote_ids)}


@prepared
def _of_remotes(among: Among) -> Select[Any]:
    c = binding.c
    return select(*_ALL).where(c.stream_id == bindparam("stream_id"), among(c.remote_id, "remote_ids"))


def of_records(tx: Connection, record_ids: Collection[int], stream_ids: Collection[int] | None = None) -> list[Bound]:
    """Every binding of these records, unlinked ones too; only those in `stream_ids` where given."""
    if stream_ids is None:
        return [Bound(*row) for row in _of_records(tx, record_ids=record_ids)]
    return [Bound(*row) for row in _of_records_in(tx, record_ids=record_ids, stream_ids=stream_ids)]


@prepared
def _of_records(among: Among) -> Select[Any]:
    return select(*_ALL).where(among(binding.c.record_id, "record_ids")).order_by(binding.c.id)


@prepared
def _of_records_in(among: Among) -> Select[Any]:
    query = select(*_ALL).where(among(binding.c.record_id, "record_ids"), among(binding.c.stream_id, "stream_ids"))
    return query.order_by(binding.c.id)


def first_streams(tx: Connection, record_ids: Collection[int]) -> dict[int, int]:
    """Record id → the stream in which it was first seen or made."""
    first = (
        select(func.min(binding.c.id)).where(among(tx, binding.c.record_id, record_ids)).group_by(binding.c.record_id)
    )
    query = select(binding.c.record_id, binding.c.stream_id).where(binding.c.id.in_(first))
    return {row[0]: row[1] for row in tx.execute(query)} if record_ids else {}


def streams_of(tx: Connection, record_ids: Collection[int]) -> dict[int, int]:
    """Binding id → its stream, of the bindings of these records."""
    query = select(binding.c.id, binding.c.stream_id).where(among(tx, binding.c.record_id, record_ids))
    return {row[0]: row[1] for row in tx.execute(query)} if record_ids else {}


def of_ids(tx: Connection, ids: Collection[int]) -> list[Bound]:
    """Bindings by their own ids."""
    return [Bound(*row) for row in tx.execute(select(*_ALL).where(among(tx, binding.c.id, ids)).order_by(binding.c.id))]


def records_of(
    tx: Connection, stream_ids: Collection[int], remote_ids: Collection[str], *, unlinked: bool = False
) -> dict[tuple[int, str], int]:
    """(stream id, remote id) → record id, for refs in a tool's own words; those cut off only with `unlinked`."""
    c = binding.c
    query = select(c.stream_id, c.remote_id, c.record_id).where(
        among(tx, c.stream_id, stream_ids), among(tx, c.remote_id, remote_ids), c.record_id != 0
    )
    if not unlinked:
        query = query.where(c.state != State.UNLINKED)
    query = query.where(c.state != State.ERASED)
    return {(row[0], row[1]): row[2] for row in tx.execute(query)}


def remote_ids_of(tx: Connection, stream_ids: Collection[int], record_ids: Collection[int]) -> dict[int, str]:
    """Record id → its id in one connection (given by that connection's streams), of what the tool still holds."""
    return {record_id: remote_id for _, record_id, remote_id in places_of(tx, stream_ids, record_ids)}


def places_of(tx: Connection, stream_ids: Collection[int], record_ids: Collection[int]) -> list[tuple[int, int, str]]:
    """(stream id, record id, remote id) of what tools still hold of these records, the oldest last."""
    c = binding.c
    query = select(c.stream_id, c.record_id, c.remote_id).where(
        among(tx, c.record_id, record_ids), among(tx, c.stream_id, stream_ids), c.state.in_(THERE)
    )
    return [(row[0], row[1], row[2]) for row in tx.execute(query.order_by(c.id.desc()))]


def insert(tx: Connection, rows: Iterable[Bound]) -> None:
    """Add bindings of what is there: none of them has moved yet."""
    database.insert(tx, binding, _NEW, [row[: len(_NEW)] for row in rows])


def update(tx: Connection, rows: Iterable[Bound]) -> None:
    """Write bindings anew, found by their id."""
    database.update(tx, binding, ("id",), _CHANGING, [(*row[3:], row[0]) for row in rows])


def delete(tx: Connection, ids: Iterable[int]) -> None:
    """Forget bindings that belong to no record, or to nobody any more."""
    database.delete(tx, binding, ("id",), [(id_,) for id_ in ids])


def packed_told(
    told: Mapping[str, Any],
    sent: Mapping[str, Any],
    shown: Mapping[str, Any] | None = None,
    wish: Mapping[str, Any] | None = None,
) -> bytes | None:
    """What was told, what was sent, what a record shows that is cut off, and what an undo wants; as it is stored."""
    if wish:
        return pack([told, sent, shown, wish])
    if shown is not None:
        return pack([told, sent, shown])
    return pack([told, sent]) if told or sent else None


def note_sent(tx: Connection, rows: Sequence[tuple[Bound, Mapping[str, Any]]]) -> None:
    """Write down what is about to be sent to bound records, so that nobody takes it for an edit after a crash."""
    values = [(packed_told(row.told, sent, row.shown, row.wish), row.id) for row, sent in rows]
    database.update(tx, binding, ("id",), ("told",), values)


def waiting_for(tx: Connection, stream_id: int, remote_ids: Collection[str]) -> list[int]:
    """Ids of bindings whose claims refer to one of these remote records, unseen until now."""
    c = waiting_in.c
    query = select(c.binding_id).where(c.stream_id == stream_id, among(tx, c.remote_id, remote_ids))
    return sorted(set(tx.execute(query).scalars()))


def awaits_addresses(tx: Connection) -> bool:
    """Whether a claim waits for somebody's address; where none does, nothing else about addresses costs anything."""
    query = select(waiting_in.c.binding_id).where(waiting_in.c.stream_id == ADDRESSED)
    return tx.execute(query.limit(1)).first() is not None


def waiting_for_keys(tx: Connection, digests: Collection[int]) -> dict[int, list[int]]:
    """Key digest → ids of bindings whose claims wait for whoever is filed under it; one statement."""
    c, found = waiting_in.c, dict[int, list[int]]()
    query = select(c.remote_id, c.binding_id).where(
        c.stream_id == ADDRESSED, among(tx, c.remote_id, [str(digest) for digest in digests])
    )
    for digest, binding_id in tx.execute(query.order_by(c.remote_id, c.binding_id)):
        found.setdefault(int(digest), []).append(binding_id)
    return found


def problems_of(
    tx: Connection, stream_ids: Collection[int], limit: int = 1000
) -> list[tuple[int, str, int, list[str]]]:
    """(stream id, remote id, record id, problems) of readings that are not quite right."""
    c = binding.c
    query = (
        select(c.stream_id, c.remote_id, c.record_id, c.problems)
        .where(among(tx, c.stream_id, stream_ids), c.problems.is_not(None))
        .order_by(c.id)
        .limit(limit)
    )
    return [(row[0], row[1], row[2], loads(row[3])) for row in tx.execute(query)]


def packed(claims: Claims) -> bytes:
    """Claims in their stored form."""
    return pack(claims.to_json())


def wait(tx: Connection, rows: Iterable[tuple[int, str, int]]) -> None:
    """(stream id, remote id, binding id): this binding's claims refer to a remote record nobody has seen yet."""
    columns = ("stream_id", "remote_id", "binding_id")
    database.insert(tx, waiting_in, columns, list(dict.fromkeys(rows)), otherwise="ON CONFLICT DO NOTHING")


def wait_no_longer(tx: Connection, stream_id: int, remote_ids: Collection[str]) -> None:
    """Forget who waited for these remote records."""
    rows = [(stream_id, remote_id) for remote_id in remote_ids]
    database.delete(tx, waiting_in, ("stream_id", "remote_id"), rows)


def newest(tx: Connection) -> int:
    """The highest binding id so far; what a walk binds itself has a higher one."""
    return _newest(tx).scalar() or 0


@prepared
def _newest(_among: Among) -> Select[Any]:
    return select(func.max(binding.c.id))


def missing(tx: Connection, stream_id: int, seen: Container[int], newest: int) -> tuple[int, list[str]]:
    """How many records up to `newest` a stream holds, and the remote ids of those not seen; one statement."""
    query = select(binding.c.id, binding.c.remote_id).where(
        binding.c.stream_id == stream_id, binding.c.state.in_(THERE), binding.c.id <= newest
    )
    count, gone = 0, []
    for rows in tx.execute(query, execution_options={"yield_per": 5_000}).partitions():
        count += len(rows)
        gone += [remote_id for id_, remote_id in rows if id_ not in seen]
    return count, gone


def by_remote_id(tx: Connection, remote_id: str, limit: int = 50) -> list[int]:
    """Ids of records that some tool knows under this id."""
    return list(tx.execute(select(binding.c.record_id).where(*_under(remote_id)).limit(limit)).scalars())


def nobodys(tx: Connection, remote_id: str, limit: int = 50) -> list[Bound]:
    """What some tool knows under this id, and a filter keeps out of the hub."""
    query = select(*_ALL).where(*_under(remote_id), binding.c.record_id == 0)
    return [Bound(*row) for row in tx.execute(query.order_by(binding.c.id).limit(limit))]


def _under(remote_id: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    # Looked for stream by stream, since ids are filed by streams.
    return binding.c.stream_id.in_(select(stream.c.id)), binding.c.remote_id == remote_id


def moved(tx: Connection, stream_id: int, targets: Collection[str]) -> list[tuple[str, int]]:
    """(target remote id, record id) of bindings, in any stream, that moved to one of these records of a stream."""
    c = binding.c
    query = select(c.moved_to, c.record_id).where(
        c.moved_stream_id == stream_id, c.state == State.MOVED, among(tx, c.moved_to, targets)
    )
    return [(row[0], row[1]) for row in tx.execute(query)]


def after(tx: Connection, stream_id: int, last_id: int, limit: int, *, state: State | None = None) -> list[Bound]:
    """A stream's next bindings in id order, whole; only those in a state where one is given."""
    query = select(*_ALL).where(binding.c.stream_id == stream_id, binding.c.id > last_id)
    if state is not None:
        query = query.where(binding.c.state == state)
    return [Bound(*row) for row in tx.execute(query.order_by(binding.c.id).limit(limit))]


def doubles(tx: Connection, stream_ids: Collection[int], limit: int) -> list[int]:
    """Ids of records that these streams of one connection hold more than once, in the order they came."""
    c = binding.c
    query = select(c.record_id).where(among(tx, c.stream_id, stream_ids), c.state == State.BOUND)
    query = query.group_by(c.record_id).having(func.count() > 1).order_by(c.record_id).limit(limit)
    return list(tx.execute(query).scalars())


def count(tx: Connection, stream_ids: Collection[int], *, at_most: int | None = None) -> int:
    """How many records these streams hold; counted no further than `at_most`."""
    c = binding.c
    there = select(c.id).where(among(tx, c.stream_id, stream_ids), c.state == State.BOUND).limit(at_most).subquery()
    return int(tx.execute(select(func.count()).select_from(there)).scalar_one())


def payloads(tx: Connection, stream_ids: Collection[int], *, limit: int) -> list[tuple[int, dict[str, Any]]]:
    """(stream id, what the tool is known to hold) of some records of these streams."""
    c = binding.c
    query = select(c.stream_id, c.expected).where(among(tx, c.stream_id, stream_ids), c.state == State.BOUND)
    return [(row[0], unpack(row[1])) for row in tx.execute(query.limit(limit))]


def told_at(tx: Connection, record_ids: Collection[int], stream_ids: Collection[int]) -> dict[int, Instant]:
    """Record id → when one of these streams last told us of it, or was told."""
    c = binding.c
    query = select(c.record_id, c.read_at, c.wrote_at).where(
        among(tx, c.record_id, record_ids), among(tx, c.stream_id, stream_ids)
    )
    found: dict[int, Instant] = {}
    for record_id, read_at, wrote_at in tx.execute(query):
        found[record_id] = max(found.get(record_id, 0), read_at, wrote_at or 0)
    return found
