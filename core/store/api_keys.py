"""Keys of the API, and what came of requests that may be sent twice. A key is kept as its digest, and shown once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, delete, insert, select, update

from core.model.instant import Instant
from core.store.codec import dumps, loads
from core.store.tables import api_answer, api_key


class Key(NamedTuple):
    """A key, as far as it is known."""

    id: int
    name: str
    begins: str
    """Its first letters, by which people tell keys apart."""
    role: str
    scopes: tuple[str, ...]
    made_by: str
    made_at: Instant
    ends_at: Instant | None
    shut_at: Instant | None
    seen_at: Instant | None

    def is_good(self, now: Instant) -> bool:
        """Whether it lets somebody in."""
        return self.shut_at is None and (self.ends_at is None or self.ends_at > now)


class Answer(NamedTuple):
    """What came of a request."""

    asks: str
    told: Mapping[str, int] | None
    """The numbers of what it made or changed; None while it is being done."""


_KEY = tuple(api_key.c[name] for name in Key._fields)


def add(tx: Connection, key: Key, digest: str) -> int:
    """A new key, whose number is not known yet; gives it."""
    values = {**key._asdict(), "scopes": dumps(sorted(key.scopes)), "digest": digest}
    del values["id"]
    return int(tx.execute(insert(api_key).values(values).returning(api_key.c.id)).scalar_one())


def by_digest(tx: Connection, digest: str) -> Key | None:
    """The key with this digest, good or not."""
    row = tx.execute(select(*_KEY).where(api_key.c.digest == digest)).first()
    return _key(row) if row is not None else None


def by_id(tx: Connection, id_: int) -> Key | None:
    """The key with this number, good or not."""
    row = tx.execute(select(*_KEY).where(api_key.c.id == id_)).first()
    return _key(row) if row is not None else None


def every(tx: Connection) -> list[Key]:
    """All keys, the newest first."""
    return [_key(row) for row in tx.execute(select(*_KEY).order_by(api_key.c.id.desc()))]


def shut(tx: Connection, id_: int, at: Instant) -> bool:
    """Let a key be good no more; False where it was not."""
    open_ = update(api_key).where(api_key.c.id == id_, api_key.c.shut_at.is_(None))
    return tx.execute(open_.values(shut_at=at)).rowcount == 1


def seen(tx: Connection, id_: int, at: Instant) -> None:
    """It was used."""
    tx.execute(update(api_key).where(api_key.c.id == id_).values(seen_at=at))


def _key(row: Row[Any]) -> Key:
    found = Key(*tuple(row))
    return found._replace(scopes=tuple(loads(row.scopes)))


# --- requests that may be sent twice


def begin(tx: Connection, key_id: int, request: str, asks: str, *, at: Instant, stale: Instant) -> Answer | None:
    """Note that a request is being done; gives what is known of it where it was sent before.

    One that was begun before `stale` and never answered was broken off, and is done again.
    """
    c = api_answer.c
    mine = (c.key_id == key_id, c.request == request)
    tx.execute(delete(api_answer).where(*mine, c.told.is_(None), c.at < stale))
    row = tx.execute(select(c.asks, c.told).where(*mine)).first()
    if row is not None:
        return Answer(row[0], loads(row[1]) if row[1] is not None else None)
    tx.execute(insert(api_answer).values(key_id=key_id, request=request, asks=asks, at=at))
    return None


def answered(tx: Connection, key_id: int, request: str, told: Mapping[str, int]) -> None:
    """Keep what came of it."""
    c = api_answer.c
    kept = update(api_answer).where(c.key_id == key_id, c.request == request)
    tx.execute(kept.values(told=dumps(dict(told))))


def not_done(tx: Connection, key_id: int, request: str) -> None:
    """It failed in a way that may be over by the next time."""
    c = api_answer.c
    tx.execute(delete(api_answer).where(c.key_id == key_id, c.request == request, c.told.is_(None)))


def forget(tx: Connection, before: Instant) -> int:
    """Drop answers that nobody asks for again; gives how many."""
    return tx.execute(delete(api_answer).where(api_answer.c.at < before)).rowcount
