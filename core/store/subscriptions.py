"""Subscriptions: what tools were asked to call us for, from before an order goes out until nothing comes of it.

A handful of rows a connection. Secrets are sealed here, and opened by whoever holds the vault.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from core.decide.subscribing import Held, State
from core.model.instant import Instant
from core.ports import Order, Subscription
from core.store.codec import dumps, loads
from core.store.database import among
from core.store.tables import subscription


class Row(NamedTuple):
    """One order, with what only the store and its readers look at."""

    connection_id: int
    held: Held
    sealed: bytes | None
    trouble: Mapping[str, Any] | None
    """The latest failure."""


def every(tx: Connection) -> dict[int, list[Row]]:
    """Connection id → its orders, the oldest first."""
    return _rows(tx)


def of(tx: Connection, connection_id: int) -> list[Row]:
    """The orders of one connection, the oldest first."""
    return _rows(tx, subscription.c.connection_id == connection_id).get(connection_id, [])


def trusted(tx: Connection, connection_id: int) -> list[bytes]:
    """The sealed secrets by which a connection's notices may be known, the newest first."""
    c = subscription.c
    query = select(c.secrets).where(c.connection_id == connection_id, c.state != State.FAILED, c.secrets.is_not(None))
    return list(tx.execute(query.order_by(c.id.desc())).scalars())


def order(tx: Connection, connection_id: int, order: Order, sealed: bytes, *, at: Instant, attempts: int) -> int:
    """Keep an order that is about to go out, in the place of those that failed; gives its id."""
    mended(tx, connection_id)
    values = _values(connection_id, order.key, State.ORDERED, order.address, at)
    query = insert(subscription).values(**values, secrets=sealed, attempts=attempts)
    return int(tx.execute(query.returning(subscription.c.id)).scalar_one())


def mended(tx: Connection, connection_id: int) -> None:
    """What failed before does not matter any more."""
    c = subscription.c
    tx.execute(delete(subscription).where(c.connection_id == connection_id, c.state == State.FAILED))


def fail(tx: Connection, connection_id: int, key: str, address: str, *, at: Instant) -> None:
    """Keep that there is none, for whoever asks why."""
    values = _values(connection_id, key, State.FAILED, address, at)
    tx.execute(insert(subscription).values(**values, attempts=0))


def stand(
    tx: Connection, connection_id: int, id_: int, made: Subscription, sealed: bytes, *,
    now: Instant, due_at: Instant | None,
) -> None:  # fmt: skip
    """An order was carried out. All others of its connection are to leave; the same one under another order is not."""
    c = subscription.c
    others = (c.connection_id == connection_id, c.id != id_, c.state.in_([State.LIVE, State.ORDERED, State.LEAVING]))
    same = c.remote_id == made.id
    tx.execute(update(subscription).where(*others, same).values(state=State.ENDED, due_at=now))
    tx.execute(
        update(subscription)
        .where(*others[:2], c.state.in_([State.LIVE, State.ORDERED]))
        .values(state=State.LEAVING, due_at=now, attempts=0, trouble=None)
    )
    change(tx, [id_], state=State.LIVE, remote_id=made.id, address=made.address, kept=dumps(made.kept),
           secrets=sealed, since=now, ends_at=made.ends_at, due_at=due_at, attempts=0, trouble=None)  # fmt: skip


def leave(tx: Connection, connection_id: int, strays: Sequence[tuple[str, Subscription]], *, at: Instant) -> None:
    """Keep what was found in the tool and is to be taken away, each under a key of its own."""
    for key, one in strays:
        values = _values(connection_id, key, State.LEAVING, one.address, at) | {"due_at": at}
        kept = {"remote_id": one.id, "ends_at": one.ends_at, "kept": dumps(one.kept)}
        tx.execute(insert(subscription).values(**(values | kept), attempts=0))


def change(tx: Connection, ids: Collection[int], **values: Any) -> None:
    """Change some columns of some orders."""
    if ids:
        tx.execute(update(subscription).where(among(tx, subscription.c.id, ids)).values(**values))


def end(tx: Connection, ids: Collection[int], *, until: Instant) -> None:
    """These are not in the tool any more; their notices are trusted until then."""
    change(tx, ids, state=State.ENDED, due_at=until, trouble=None)


def forget(tx: Connection, now: Instant) -> None:
    """Drop what ended long enough ago."""
    c = subscription.c
    tx.execute(delete(subscription).where(c.state == State.ENDED, c.due_at <= now))


def revisit(tx: Connection, connection_id: int, *, now: Instant, renew: bool = False) -> None:
    """See to a connection's subscription in the next round; with `renew` order it anew, since it may be another's."""
    c = subscription.c
    values: dict[str, Any] = {"due_at": now, "attempts": 0, **({"renew": 1} if renew else {})}
    tx.execute(update(subscription).where(c.connection_id == connection_id, c.state != State.ENDED).values(**values))


def _values(connection_id: int, key: str, state: State, address: str, at: Instant) -> dict[str, Any]:
    return {
        "connection_id": connection_id, "key": key, "state": state, "address": address, "kept": "{}",
        "ordered_at": at, "due_at": at, "renew": 0,
    }  # fmt: skip


def _rows(tx: Connection, *where: Any) -> dict[int, list[Row]]:
    c = subscription.c
    columns = (c.connection_id, c.id, c.key, c.state, c.address, c.remote_id, c.kept, c.since, c.ends_at, c.due_at,
               c.renew, c.attempts, c.secrets, c.trouble)  # fmt: skip
    rows: dict[int, list[Row]] = {}
    for (
        connection_id, id_, key, state, address, remote_id, kept, since, ends_at, due_at, renew, attempts, sealed,
        trouble,
    ) in tx.execute(select(*columns).where(*where).order_by(c.id)):  # fmt: skip
        held = Held(id_, key, State(state), address, remote_id, loads(kept), since, ends_at, due_at, bool(renew),
                    attempts)  # fmt: skip
        rows.setdefault(connection_id, []).append(Row(connection_id, held, sealed, loads(trouble) if trouble else None))
    return rows
