"""What the streams of the tools looked like when they were last described, and the lines of mappings that rest."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, select

from core.model.instant import Instant
from core.store import database
from core.store.database import among
from core.store.prepared import Among, prepared
from core.store.tables import description, paused_line


class DescriptionRow(NamedTuple):
    """A stream as it was described; the text is `core.decide.known`'s, or blank for a tool that describes nothing."""

    stream_id: int
    at: Instant
    """When the tool was asked last; 0 when it is to be asked again at once."""
    text: str


class PausedLine(NamedTuple):
    """A line that is left out: neither read nor written, or only not written."""

    stream_id: int
    field: str
    """The line's canonical field."""
    side: str
    at: Instant
    """Since when; of a line that is being taken up, since then."""
    code: str
    note: str
    acts: str
    remedy: str


def kept(tx: Connection, stream_ids: Collection[int]) -> dict[int, DescriptionRow]:
    """Stream id → what is kept of it, for those that were ever described."""
    return {row[0]: DescriptionRow(*row) for row in _kept(tx, stream_ids=stream_ids)}


@prepared
def _kept(among: Among) -> Select[Any]:
    columns = (description.c[name] for name in DescriptionRow._fields)
    return select(*columns).where(among(description.c.stream_id, "stream_ids"))


def keep(tx: Connection, row: DescriptionRow) -> None:
    """Keep what a stream looks like, in place of what was kept before."""
    again = "ON CONFLICT (stream_id) DO UPDATE SET at = excluded.at, text = excluded.text"
    database.insert(tx, description, DescriptionRow._fields, [tuple(row)], otherwise=again)


def ask_again(tx: Connection, stream_ids: Collection[int]) -> None:
    """Let these streams be described anew at their next turn, as far as they ever were."""
    tx.execute(description.update().where(among(tx, description.c.stream_id, stream_ids)).values(at=0))


def forget(tx: Connection, stream_ids: Collection[int]) -> None:
    """Drop all that is kept of streams that are no longer mapped."""
    for table in (description, paused_line):
        tx.execute(table.delete().where(among(tx, table.c.stream_id, stream_ids)))


def paused(tx: Connection, stream_ids: Collection[int] | None = None) -> list[PausedLine]:
    """The lines that rest, in these streams or in all."""
    rows = _paused(tx) if stream_ids is None else _paused_in(tx, stream_ids=stream_ids)
    return [PausedLine(*row) for row in rows]


@prepared
def _paused(_among: Among) -> Select[Any]:
    c = paused_line.c
    return select(*(c[name] for name in PausedLine._fields)).order_by(c.stream_id, c.field)


@prepared
def _paused_in(among: Among) -> Select[Any]:
    c = paused_line.c
    query = select(*(c[name] for name in PausedLine._fields)).order_by(c.stream_id, c.field)
    return query.where(among(c.stream_id, "stream_ids"))


def put_paused(tx: Connection, rows: Iterable[PausedLine]) -> None:
    """Let lines rest, or change why and how far they do."""
    names = PausedLine._fields[2:]
    again = "ON CONFLICT (stream_id, field) DO UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in names)
    database.insert(tx, paused_line, PausedLine._fields, [tuple(row) for row in rows], otherwise=again)


def drop_paused(tx: Connection, rows: Iterable[PausedLine]) -> None:
    """Let lines go on."""
    database.delete(tx, paused_line, ("stream_id", "field"), [(row.stream_id, row.field) for row in rows])
