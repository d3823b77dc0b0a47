"""Webhooks that the hub sends: each subscription with its place in history, and what became of what was sent.

    history behind `place` ▶ events it asked for ▶ accepted there ▶ `place` moves on

Nothing is queued by record, so a subscription costs one row however far behind it is, and a process that is killed
sends something twice at worst.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Connection, Row, delete, func, insert, or_, select, update

from core.model.instant import DAY, Instant
from core.store.codec import dumps, loads
from core.store.database import among
from core.store.tables import api_key, history, hook, hook_delivery

KEPT = 30 * DAY
"""So long it is kept what became of what was sent."""
ON, PAUSED, OFF, ENDED = "on", "paused", "off", "ended"


class Hook(NamedTuple):
    """A subscription."""

    id: int
    key_id: int
    events: tuple[str, ...]
    own: bool
    host: str
    sealed: bytes
    made_at: Instant
    state: str
    """`on` · `paused` since it could not be delivered · `off` as a person wants it · `ended` by whoever was told."""
    why: str
    changed_at: Instant
    place: int
    told: str
    tries: int
    try_at: Instant
    old_until: Instant


class Delivery(NamedTuple):
    """What became of one try."""

    id: int
    hook_id: int
    at: Instant
    event: str
    event_id: str
    record_id: int | None
    status: int | None
    """None where nobody answered."""
    error: str
    """Blank where it was accepted."""


_HOOK = tuple(hook.c[name] for name in Hook._fields)
_DELIVERY = tuple(hook_delivery.c[name] for name in Delivery._fields)


def work_of(host: str) -> str:
    """The name of the lease of whoever sends to a host."""
    return f"hooks {host}"


def add(tx: Connection, one: Hook) -> int:
    """A new subscription, whose number is not known yet; gives it."""
    values = {**one._asdict(), "events": dumps(list(one.events))}
    del values["id"]
    return int(tx.execute(insert(hook).values(values).returning(hook.c.id)).scalar_one())


def load(tx: Connection, id_: int) -> Hook | None:
    """One by its number."""
    row = tx.execute(select(*_HOOK).where(hook.c.id == id_)).first()
    return _hook(row) if row is not None else None


def listed(tx: Connection, *, key_id: int | None, after: int, limit: int) -> list[Hook]:
    """The next ones in the order of their numbers; those of one key, or all."""
    query = select(*_HOOK).where(hook.c.id > after).order_by(hook.c.id).limit(limit)
    if key_id is not None:
        query = query.where(hook.c.key_id == key_id)
    return [_hook(row) for row in tx.execute(query)]


def count_of(tx: Connection, key_id: int) -> int:
    """How many a key has."""
    return int(tx.execute(select(func.count()).where(hook.c.key_id == key_id)).scalar_one())


def change(tx: Connection, id_: int, *, since: Hook | None = None, **values: Any) -> bool:
    """Put other values; False where it is gone, or is not where it was when it was looked at (`since`)."""
    where = [hook.c.id == id_]
    if since is not None:
        where += [hook.c.place == since.place, hook.c.told == since.told, hook.c.changed_at == since.changed_at]
    return tx.execute(update(hook).where(*where).values(values)).rowcount == 1


def remove(tx: Connection, id_: int) -> bool:
    """Let it go, with what became of what was sent by it; False where it was gone."""
    tx.execute(delete(hook_delivery).where(hook_delivery.c.hook_id == id_))
    return tx.execute(delete(hook).where(hook.c.id == id_)).rowcount == 1


def is_due(now: Instant | BindParameter[int]) -> tuple[Any, ...]:
    """When a subscription has something to be looked at; its key must be good."""
    key = select(api_key.c.id).where(
        api_key.c.id == hook.c.key_id, api_key.c.shut_at.is_(None),
        or_(api_key.c.ends_at.is_(None), api_key.c.ends_at > now),
    )  # fmt: skip
    newest = select(func.coalesce(func.max(history.c.id), 0)).scalar_subquery()
    return hook.c.state == ON, hook.c.try_at <= now, hook.c.place < newest, key.exists()


def due(tx: Connection, host: str, now: Instant) -> list[Hook]:
    """Those for a host that have something to be looked at, whoever has waited longest first."""
    query = select(*_HOOK).where(*is_due(now), hook.c.host == host).order_by(hook.c.try_at, hook.c.id)
    return [_hook(row) for row in tx.execute(query)]


def troubled(tx: Connection, since: Instant) -> list[Hook]:
    """Those that are paused, and those that were ended since then."""
    ended = (hook.c.state == ENDED) & (hook.c.changed_at >= since)
    query = select(*_HOOK).where(or_(hook.c.state == PAUSED, ended)).order_by(hook.c.id)
    return [_hook(row) for row in tx.execute(query)]


def _hook(row: Row[Any]) -> Hook:
    found = Hook(*tuple(row))
    return found._replace(events=tuple(loads(row.events)), sealed=bytes(row.sealed))


# --- what became of what was sent


def note(tx: Connection, one: Delivery) -> int:
    """Keep what became of a try, and let go of what is too old; gives its number."""
    tx.execute(delete(hook_delivery).where(hook_delivery.c.at < one.at - KEPT))
    values = one._asdict()
    del values["id"]
    return int(tx.execute(insert(hook_delivery).values(values).returning(hook_delivery.c.id)).scalar_one())


def deliveries(tx: Connection, hook_id: int, *, below: int | None, limit: int) -> list[Delivery]:
    """What became of what was sent, newest first."""
    query = select(*_DELIVERY).where(hook_delivery.c.hook_id == hook_id).order_by(hook_delivery.c.id.desc())
    if below is not None:
        query = query.where(hook_delivery.c.id < below)
    return [Delivery(*row) for row in tx.execute(query.limit(limit))]


def latest(tx: Connection, hook_ids: Collection[int]) -> dict[int, Delivery]:
    """Subscription → what became of its newest try."""
    newest = select(func.max(hook_delivery.c.id)).where(among(tx, hook_delivery.c.hook_id, hook_ids))
    query = select(*_DELIVERY).where(hook_delivery.c.id.in_(newest.group_by(hook_delivery.c.hook_id)))
    return {row.hook_id: Delivery(*row) for row in tx.execute(query)}


def place_before(tx: Connection, at: Instant) -> int:
    """The last step of history before a moment."""
    c = history.c
    # Its order is that of the moments.
    found = tx.execute(select(c.id).where(c.at < at).order_by(c.id.desc()).limit(1)).scalar()
    return int(found or 0)


def newest_place(tx: Connection) -> int:
    """Where history ends."""
    return int(tx.execute(select(func.max(history.c.id))).scalar() or 0)
