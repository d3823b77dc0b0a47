"""Connections, their streams with checkpoints, and the versions of their mappings."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert as _pg
from sqlalchemy.dialects.sqlite import insert as _lite

from core.model.instant import Instant
from core.store import database
from core.store.codec import dumps, loads
from core.store.database import among
from core.store.prepared import Among, prepared
from core.store.tables import connection, mapping, stream, unread


class ConnectionRow(NamedTuple):
    """A stored connection; `secrets` are sealed (see `core.store.vault`)."""

    id: int
    name: str
    connector: str
    settings: str
    secrets: bytes | None
    streams: str
    state: str
    pause_code: str | None
    pause_note: str | None
    skew: str | None
    account: str | None
    brake: str | None
    created_at: Instant


class StreamRow(NamedTuple):
    """A stream's checkpoint: how far a walk has come and is safely kept."""

    id: int
    connection_id: int
    name: str
    kind: str
    cursor: str | None
    phase: str
    """`backfill` until the first whole walk is done, then `poll`."""
    generation: int
    walked: int
    total: int | None
    began_at: Instant | None
    """When the present walk began; None between walks."""
    read_at: Instant | None
    """When the last whole walk or poll was begun: nothing older is unknown."""
    due_at: Instant
    quiet_polls: int
    pause_code: str | None
    """Why it is paused; None while it is not."""
    pause_note: str | None
    pause_acts: str | None
    pause_remedy: str | None
    pause_side: str | None
    try_at: Instant | None
    """When a paused stream is tried again."""

    @property
    def place(self) -> Mapping[str, Any] | None:
        """The connector's cursor."""
        return loads(self.cursor) if self.cursor else None


class MappingRow(NamedTuple):
    """One version of a connection's mapping."""

    id: int
    connection_id: int
    text: str
    digest: int
    file: str
    at: Instant
    active: int


def _columns(table: Any, row: type) -> list[Any]:
    return [table.c[name] for name in row._fields]  # type: ignore[attr-defined]  # every NamedTuple has _fields


def all_connections(tx: Connection) -> list[ConnectionRow]:
    """Every connection, the removed ones too, in the order they were made."""
    return [ConnectionRow(*row) for row in _connections(tx)]


@prepared
def _connections(_among: Among) -> Select[Any]:
    return select(*_columns(connection, ConnectionRow)).order_by(connection.c.id)


def all_streams(tx: Connection) -> list[StreamRow]:
    """Every stream of every connection."""
    return [StreamRow(*row) for row in tx.execute(select(*_columns(stream, StreamRow)).order_by(stream.c.id))]


def streams_of(tx: Connection, connection_id: int) -> list[StreamRow]:
    """Every stream of one connection as it stands."""
    return [StreamRow(*row) for row in _streams_of(tx, connection_id=connection_id)]


@prepared
def _streams_of(_among: Among) -> Select[Any]:
    query = select(*_columns(stream, StreamRow)).where(stream.c.connection_id == bindparam("connection_id"))
    return query.order_by(stream.c.id)


def stream_row(tx: Connection, stream_id: int) -> StreamRow:
    """One stream as it stands."""
    return StreamRow(*_stream_row(tx, stream_id=stream_id).one())


@prepared
def _stream_row(_among: Among) -> Select[Any]:
    return select(*_columns(stream, StreamRow)).where(stream.c.id == bindparam("stream_id"))


def put_connection(tx: Connection, values: Mapping[str, Any]) -> int:
    """Insert or replace a connection by its name; gives its id."""
    make = _lite if tx.dialect.name == "sqlite" else _pg
    query = make(connection).values(**values)
    changed = {name: query.excluded[name] for name in values if name not in {"name", "created_at"}}
    query = query.on_conflict_do_update(index_elements=["name"], set_=changed)
    return int(tx.execute(query.returning(connection.c.id)).scalar_one())


def change_connection(tx: Connection, connection_id: int, **values: Any) -> None:
    """Change some columns of a connection."""
    tx.execute(update(connection).where(connection.c.id == connection_id).values(**values))


def resume(tx: Connection, connection_id: int) -> None:
    """Take a paused connection up again, and every stream of it."""
    change_connection(tx, connection_id, state="active", pause_code=None, pause_note=None)
    end_pauses(tx, [one.id for one in streams_of(tx, connection_id) if one.pause_code is not None])


def end_pauses(tx: Connection, stream_ids: Collection[int]) -> None:
    """Take paused streams up again."""
    if stream_ids:
        none = dict.fromkeys(("pause_code", "pause_note", "pause_acts", "pause_remedy", "pause_side", "try_at"))
        tx.execute(update(stream).where(database.among(tx, stream.c.id, stream_ids)).values(**none))


def try_at_once(tx: Connection, connection_ids: Collection[int], *, now: Instant, before: Instant) -> set[int]:
    """Make paused streams whose next try lies before a moment due for a try; gives their connections."""
    c = stream.c
    query = (
        update(stream)
        .where(database.among(tx, c.connection_id, connection_ids), c.pause_code.is_not(None), c.try_at < before)
        .values(try_at=now)
        .returning(c.connection_id)
    )
    return set(tx.execute(query).scalars())


def put_stream(tx: Connection, connection_id: int, name: str, kind: str, *, due_at: Instant) -> int:
    """The id of a stream, made when it is new."""
    make = _lite if tx.dialect.name == "sqlite" else _pg
    query = make(stream).values(
        connection_id=connection_id,
        name=name,
        kind=kind,
        phase="backfill",
        generation=1,
        walked=0,
        due_at=due_at,
        quiet_polls=0,
    )
    query = query.on_conflict_do_update(index_elements=["connection_id", "name"], set_={"kind": kind})
    return int(tx.execute(query.returning(stream.c.id)).scalar_one())


def change_stream(tx: Connection, stream_id: int, **values: Any) -> None:
    """Move a checkpoint or change the schedule of a stream."""
    if "cursor" in values and values["cursor"] is not None and not isinstance(values["cursor"], str):
        values["cursor"] = dumps(values["cursor"])
    if values:
        database.update(tx, stream, ("id",), tuple(values), [(*values.values(), stream_id)])


def poll_now(tx: Connection, stream_ids: Collection[int], *, now: Instant) -> None:
    """Make the polls of these streams due, unless they are already."""
    c = stream.c
    tx.execute(update(stream).where(database.among(tx, c.id, stream_ids), c.due_at > now).values(due_at=now))


def active_mapping(tx: Connection, connection_id: int) -> MappingRow | None:
    """The mapping in force."""
    row = _active_mapping(tx, connection_id=connection_id).one_or_none()
    return MappingRow(*row) if row else None


@prepared
def _active_mapping(_among: Among) -> Select[Any]:
    query = select(*_columns(mapping, MappingRow)).where(mapping.c.active == 1)
    return query.where(mapping.c.connection_id == bindparam("connection_id"))


def mappings_in_force(tx: Connection) -> dict[int, MappingRow]:
    """Connection id → its mapping in force."""
    found = (
        MappingRow(*row) for row in tx.execute(select(*_columns(mapping, MappingRow)).where(mapping.c.active == 1))
    )
    return {one.connection_id: one for one in found}


def active_mappings(tx: Connection) -> dict[int, int]:
    """Connection id → the version of its mapping that is in force."""
    return {row[0]: row[1] for row in _active_mappings(tx)}


@prepared
def _active_mappings(_among: Among) -> Select[Any]:
    return select(mapping.c.connection_id, mapping.c.id).where(mapping.c.active == 1)


def activate_mapping(tx: Connection, connection_id: int, text: str, *, file: str, digest: int, at: Instant) -> bool:
    """Keep a mapping as the newest version and put it in force; False when it is the one in force already."""
    present = active_mapping(tx, connection_id)
    if present and present.digest == digest:
        return False
    tx.execute(update(mapping).where(mapping.c.connection_id == connection_id).values(active=0))
    database.insert(
        tx,
        mapping,
        ("connection_id", "text", "digest", "file", "at", "active"),
        [(connection_id, text, digest, file, at, 1)],
    )
    return True


def note_unread(tx: Connection, stream_id: int, generation: int, places: Sequence[str], *, at: Instant) -> None:
    """Keep what could not be read at all, each place once."""
    rows = [(stream_id, generation, at, place) for place in dict.fromkeys(places)]
    again = "ON CONFLICT (stream_id, place) DO UPDATE SET generation = excluded.generation, at = excluded.at"
    database.insert(tx, unread, ("stream_id", "generation", "at", "place"), rows, otherwise=again)


def forget_unread(tx: Connection, stream_id: int, *, before: Instant) -> None:
    """Drop what was unreadable before a whole walk began, and was not found so again by it."""
    tx.execute(delete(unread).where(unread.c.stream_id == stream_id, unread.c.at < before))


def unread_places(
    tx: Connection, limit: int = 1000, *, stream_ids: Collection[int] | None = None
) -> list[tuple[int, Instant, str]]:
    """(stream id, when, place and reason) of what could not be read; of some streams where given."""
    c = unread.c
    query = select(c.stream_id, c.at, c.place).order_by(c.id).limit(limit)
    if stream_ids is not None:
        query = query.where(among(tx, c.stream_id, stream_ids))
    return [(row[0], row[1], row[2]) for row in tx.execute(query)]


def mapping_versions(tx: Connection, connection_id: int) -> list[MappingRow]:
    """Every mapping that was ever in force for a connection, oldest first."""
    query = select(*_columns(mapping, MappingRow)).where(mapping.c.connection_id == connection_id)
    return [MappingRow(*row) for row in tx.execute(query.order_by(mapping.c.id))]


def mapping_version(tx: Connection, mapping_id: int) -> MappingRow | None:
    """A version of a mapping, in force or not."""
    row = tx.execute(select(*_columns(mapping, MappingRow)).where(mapping.c.id == mapping_id)).one_or_none()
    return MappingRow(*row) if row else None
