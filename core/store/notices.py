"""Notices: what webhooks told, each event once, and the webhooks themselves for as long as they are kept.

An event is known by a fingerprint of its id, since tools make ids of addresses, too. Once heard, a notice keeps
nothing of what was told; its row stays so that a repeat is known.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

from sqlalchemy import ColumnElement, Connection, Select, bindparam, delete, func, insert, select, update

from core.model.instant import Instant
from core.store import database
from core.store.codec import dumps, loads, pack, squeeze, unpack, unsqueeze
from core.store.database import among
from core.store.prepared import Among, prepared
from core.store.tables import notice, webhook

RESYNC = "resync"
"""The kind of a notice that no tool told: a person wants a record read again."""
_SHOWN = ("unknown", "elsewhere")
"""Kinds of notices of which nothing is taken in."""

Place = tuple[int, str]
"""(stream id, remote id): where somebody is held."""


class Told(NamedTuple):
    """One event on its way into the store; `record` is what may be believed of it, None where it must be read."""

    event_id: str
    kind: str
    stream_id: int | None
    remote_id: str | None
    note: str
    record: Mapping[str, Any] | None


class Waiting(NamedTuple):
    """A notice that nobody has heard yet."""

    id: int
    at: Instant
    kind: str
    stream_id: int | None
    remote_id: str | None
    packed: bytes | None
    attempts: int
    webhook_id: int

    @property
    def record(self) -> dict[str, Any] | None:
        """What may be believed of it."""
        return unpack(self.packed) if self.packed is not None else None


class Heard(NamedTuple):
    """A connection's notices, counted."""

    number: int
    waiting: int
    unknown: int
    latest: Instant


class Kept(NamedTuple):
    """A webhook as it came."""

    connection_id: int
    at: Instant
    body: bytes


def keep(
    tx: Connection, connection_id: int, body: bytes, told: Sequence[Told], *, at: Instant
) -> tuple[int, int | None]:
    """Store a webhook with those of its events that are not known yet; gives how many that were, and its number."""
    c = notice.c
    events = {_fingerprint(one.event_id): one for one in told}
    query = select(c.event).where(c.connection_id == connection_id, among(tx, c.event, list(events)))
    known = set(tx.execute(query).scalars())
    fresh = {event: one for event, one in events.items() if event not in known}
    if not fresh:
        return 0, None
    values = {"connection_id": connection_id, "at": at, "body": squeeze(body)}
    id_ = int(tx.execute(insert(webhook).values(**values).returning(webhook.c.id)).scalar_one())
    columns = ("connection_id", "webhook_id", "event", "at", "kind", "stream_id", "remote_id", "note", "told",
               "due_at", "attempts")  # fmt: skip
    rows = [
        (connection_id, id_, event, at, one.kind, one.stream_id, one.remote_id, one.note,
         pack(one.record) if one.record is not None else None, at, 0)
        for event, one in fresh.items()
    ]  # fmt: skip
    database.insert(tx, notice, columns, rows, otherwise="ON CONFLICT (connection_id, event) DO NOTHING")
    return len(fresh), id_


def waiting(tx: Connection, connection_id: int, *, now: Instant, limit: int) -> list[Waiting]:
    """What is to be heard now, the oldest first."""
    return [Waiting(*row) for row in _waiting(tx, connection_id=connection_id, now=now, limit=limit)]


@prepared
def _waiting(_among: Among) -> Select[Any]:
    c = notice.c
    return (
        select(c.id, c.at, c.kind, c.stream_id, c.remote_id, c.told, c.attempts, c.webhook_id)
        .where(c.connection_id == bindparam("connection_id"), c.heard_at.is_(None), c.due_at <= bindparam("now"))
        .order_by(c.id)
        .limit(bindparam("limit"))
    )


def heard(tx: Connection, ids: Collection[int], *, now: Instant) -> None:
    """These were heard; what they told goes."""
    tx.execute(update(notice).where(among(tx, notice.c.id, ids)).values(heard_at=now, told=None))


def put_off(tx: Connection, ids: Collection[int], *, until: Instant) -> None:
    """Hear these later."""
    c = notice.c
    tx.execute(update(notice).where(among(tx, c.id, ids)).values(due_at=until, attempts=c.attempts + 1))


def hasten(tx: Connection, connection_id: int, *, now: Instant) -> None:
    """Hear at once what was put off."""
    c = notice.c
    mine = (c.connection_id == connection_id, c.heard_at.is_(None), c.due_at > now)
    tx.execute(update(notice).where(*mine).values(due_at=now, attempts=0))


def rehear(tx: Connection, connection_id: int, *, since: Instant, now: Instant) -> int:
    """Hear again at once what was heard and came since a moment; gives how many. What was told is not kept."""
    c = notice.c
    named = (c.connection_id == connection_id, c.at >= since, c.heard_at.is_not(None), c.kind.not_in(_SHOWN))
    return tx.execute(update(notice).where(*named).values(heard_at=None, told=None, due_at=now, attempts=0)).rowcount


def any_since(tx: Connection, connection_id: int, moment: Instant) -> bool:
    """Whether a connection's tool has told anything since a moment."""
    return _told_since(tx, connection_id=connection_id, moment=moment).first() is not None


@prepared
def _told_since(_among: Among) -> Select[Any]:
    c = notice.c
    since = (
        c.connection_id == bindparam("connection_id"),
        c.at >= bindparam("moment"),
        c.kind.not_in((*_SHOWN, RESYNC)),
    )
    return select(c.id).where(*since).limit(1)


def any_before(tx: Connection, moment: Instant) -> bool:
    """Whether anything is older than that."""
    old = (select(table.c.id).where(table.c.at < moment).limit(1) for table in (notice, webhook))
    return any(tx.execute(query).first() is not None for query in old)


def sweep(tx: Connection, *, heard_before: Instant, told_before: Instant) -> int:
    """Drop what was heard and came before one moment, and all that came before another; gives how many notices."""
    c = notice.c
    late = tx.execute(delete(notice).where(c.at < told_before)).rowcount
    done = tx.execute(delete(notice).where(c.at < heard_before, c.heard_at.is_not(None))).rowcount
    still = select(c.id).where(c.webhook_id == webhook.c.id, c.heard_at.is_(None)).exists()
    tx.execute(delete(webhook).where(webhook.c.at < heard_before, ~still))
    return int(late + done)


def counts(tx: Connection) -> dict[int, Heard]:
    """Connection id → its notices, counted; those that were swept count no more."""
    c = notice.c
    waits = func.count().filter(c.heard_at.is_(None))
    unknown = func.count().filter(c.kind == "unknown")
    query = select(c.connection_id, func.count(), waits, unknown, func.max(c.at))
    query = query.where(c.kind != RESYNC).group_by(c.connection_id)
    return {row[0]: Heard(*row[1:]) for row in tx.execute(query)}


def unknown(tx: Connection, *, limit: int) -> list[tuple[int, Instant, str]]:
    """(connection id, when, what) of events that the connector does not know, the newest first."""
    c = notice.c
    query = select(c.connection_id, c.at, c.note).where(c.kind == "unknown").order_by(c.id.desc()).limit(limit)
    return [(row[0], row[1], row[2]) for row in tx.execute(query)]


# Who is in them.


def about(tx: Connection, places: Collection[Place], words: Collection[str]) -> list[Kept]:
    """The webhooks that are about these places or name one of these words, oldest first."""
    ids = _webhooks_about(tx, places, words)
    query = select(webhook.c.connection_id, webhook.c.at, webhook.c.body).where(among(tx, webhook.c.id, ids))
    return [Kept(row[0], row[1], unsqueeze(row[2])) for row in tx.execute(query.order_by(webhook.c.id))]


def forget(tx: Connection, places: Collection[Place], words: Collection[str]) -> int:
    """Take out the webhooks that are about these places or name one of these words, with the notices about them.

    What a webhook told of others beside is still heard. Gives how many rows went.
    """
    ids = _webhooks_about(tx, places, words)
    c = notice.c
    found = tx.execute(select(c.id, c.webhook_id, c.stream_id, c.remote_id, c.told).where(among(tx, c.webhook_id, ids)))
    told = list(found)
    events = [row[1] for row in told]
    going = [
        row[0]
        for row in told
        # The only event of a webhook that names somebody is about them, by whatever id.
        if events.count(row[1]) == 1 or (row[2], row[3]) in places or _names(row[4], words)
    ]
    going += _notices_at(tx, places)
    gone = tx.execute(delete(notice).where(among(tx, c.id, going))).rowcount
    tx.execute(update(notice).where(among(tx, c.webhook_id, ids)).values(note=""))
    return int(gone + tx.execute(delete(webhook).where(among(tx, webhook.c.id, ids))).rowcount)


def _webhooks_about(tx: Connection, places: Collection[Place], words: Collection[str]) -> list[int]:
    """A scan of the webhooks that are kept, since hardly anybody asks."""
    c = notice.c
    ids = set(tx.execute(select(c.webhook_id).where(among(tx, c.id, _notices_at(tx, places)))).scalars())
    if words:
        bodies = tx.execute(select(webhook.c.id, webhook.c.body))
        ids |= {row[0] for row in bodies if any(_said(text, words) for text in _readings(unsqueeze(row[1])))}
        likely: ColumnElement[bool] = c.told.is_not(None)
        ids |= {row[0] for row in tx.execute(select(c.webhook_id, c.told).where(likely)) if _names(row[1], words)}
    return sorted(ids)


def _notices_at(tx: Connection, places: Collection[Place]) -> list[int]:
    c = notice.c
    remote_ids = sorted({remote_id for _, remote_id in places})
    query = select(c.id, c.stream_id, c.remote_id).where(among(tx, c.remote_id, remote_ids))
    wanted = set(places)
    return [row[0] for row in tx.execute(query) if (row[1], row[2]) in wanted]


def _readings(body: bytes) -> Iterator[str]:
    """A body as it is, as the text of a form, and as JSON without its escapes."""
    text = body.decode("utf-8", "replace")
    yield text
    yield unquote_plus(text)
    with suppress(ValueError):
        yield dumps(loads(body))


def _names(packed: bytes | None, words: Collection[str]) -> bool:
    return packed is not None and _said(unsqueeze(packed).decode("utf-8", "replace"), words)


def _said(text: str, words: Collection[str]) -> bool:
    folded = text.casefold()
    return any(word.casefold() in folded for word in words)


def _fingerprint(event_id: str) -> str:
    return hashlib.sha256(event_id.encode("utf-8", "surrogatepass")).hexdigest()[:32]
