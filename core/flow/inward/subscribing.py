"""Subscribing: tools are asked to call us, and asked again before that ends, for as long as a connection stands.

    look (nothing due: no call) ▶ what the tool lists ▶ sound? ┊ order, kept first ▶ tool ▶ kept ▶ take the others away

An order is kept before it goes out. One whose answer was lost is found by its address and renewed in place, so that it
is not doubled; where the tool lists nothing, another one is ordered and the first is taken away by its key. With a
removed connection all of it goes. What cannot be had is told by `concord hooks`; polls find everything all the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from secrets import token_hex, token_urlsafe
from typing import Any

from core.decide.subscribing import (
    GRACE,
    TRIES,
    Held,
    State,
    due_next,
    is_due,
    is_pressing,
    patience,
    surveyed,
)
from core.errors import ConfigError, SignedOut, ToolError, Unknown
from core.flow.failing import failed
from core.flow.hub import Connection, Hub
from core.flow.leasing import leased
from core.model.instant import Instant
from core.ports import Order, Secrets, Subscribes, Subscription
from core.store import connections, subscriptions
from core.store.codec import dumps
from core.store.subscriptions import Row

_MOST = 8
"""Tools that are asked at the same time."""

_Trouble = ToolError | ConfigError


def subscribe(hub: Hub, names: Sequence[str] | None = None, *, holder: str = "here") -> int:
    """See to every subscription for which it is time; gives how many connections that were.

    One look into the store where nothing is due. Connections that are paused are left alone until they go on.
    """
    now = hub.clock()
    with hub.store.reading() as tx:
        rows = subscriptions.every(tx)
    _forget(hub, rows, now)
    due = [one for one in hub.connections.values() if _wants(hub, one, rows.get(one.id, ()), names, now)]
    due += _removed(hub, rows, now) if names is None else []
    if due:
        with ThreadPoolExecutor(min(len(due), _MOST), thread_name_prefix="subscribe") as pool:
            list(pool.map(lambda one: _turn(hub, one, holder), due))
    return len(due)


def known_by(hub: Hub, connection: Connection) -> tuple[Secrets, ...]:
    """What the notices of a connection's subscriptions are known by, those included that may be on their way."""
    if not connection.subscribes or hub.vault is None:
        return ()
    with hub.store.reading() as tx:
        sealed = subscriptions.trusted(tx, connection.id)
    return tuple(Secrets(**hub.vault.open(one)) for one in sealed)


# Whose turn it is.


def _wants(hub: Hub, one: Connection, rows: Sequence[Row], names: Sequence[str] | None, now: Instant) -> bool:
    address = hub.hook(one)
    if not one.subscribes or one.state != "active" or address is None or (names is not None and one.name not in names):
        return False
    return is_due([row.held for row in rows], address, now)


def _removed(hub: Hub, rows: Mapping[int, Sequence[Row]], now: Instant) -> list[Connection]:
    """Connections that are no more, of which something is to be taken away."""
    left = {id_ for id_ in rows.keys() - hub.connections.keys() if is_pressing([one.held for one in rows[id_]], now)}
    if not left:
        return []
    with hub.store.reading() as tx:
        known = [one for one in connections.all_connections(tx) if one.id in left and one.state == "removed"]
    return [Connection(one.id, one.name, one.connector, (), one.state) for one in known]


def _forget(hub: Hub, rows: Mapping[int, Sequence[Row]], now: Instant) -> None:
    """Orders of which nothing comes any more."""
    held = [one.held for many in rows.values() for one in many]
    if any(one.state == State.ENDED and (one.due_at or 0) <= now for one in held):
        with hub.store.writing() as tx:
            subscriptions.forget(tx, now)


def _turn(hub: Hub, connection: Connection, holder: str) -> None:
    """One connection, if nobody else works it. A failure is kept where `concord hooks` finds it."""
    with leased(hub, connection, holder) as own:
        if own is None:
            return
        address = own.hook(connection) if connection.state == "active" else None
        try:
            _see_to(own, connection, address)
        except (ToolError, ConfigError) as error:
            _note(own, connection, address, error)
            if isinstance(error, SignedOut) and address is not None:
                failed(own, connection, error)


# One connection.


def _see_to(hub: Hub, connection: Connection, address: str | None) -> None:
    """Have one sound subscription at this address, or none where there is no address; and take all others away."""
    tool: Subscribes = hub.open(connection.name)
    held, told = _held(hub, connection), tool.subscriptions()
    seen = surveyed(held, told, address, hub.clock())
    stands = seen.stands
    if address is not None and not seen.sound:
        stands = _ordered(hub, connection, tool, stands, address, listed=told is not None)
    now = hub.clock()
    strays = [(token_hex(16), one) for one in seen.unknown if stands is None or one.id != stands.id]
    with hub.store.writing() as tx:
        subscriptions.leave(tx, connection.id, strays, at=now)
        subscriptions.end(tx, seen.gone, until=now + GRACE)
        subscriptions.mended(tx, connection.id)
        if address is None:
            rest = [one.id for one in held if one.state in (State.ORDERED, State.LIVE) and one.id not in seen.gone]
            subscriptions.change(tx, rest, state=State.LEAVING, due_at=now)
        elif seen.sound:
            live = next(one for one in held if one.state == State.LIVE)
            due_at = due_next(live.since or now, live.ends_at, now, listed=told is not None)
            subscriptions.change(tx, [live.id], due_at=due_at, attempts=0, trouble=None)
    _take_away(hub, connection, tool, stands)


def _ordered(
    hub: Hub, connection: Connection, tool: Subscribes, old: Subscription | None, address: str, *, listed: bool
) -> Subscription:
    """Order one, in the place of an old one where there is one; what is known of it is kept before and after."""
    order = Order(address, token_hex(16), token_urlsafe(32))
    with hub.store.writing(durable=True) as tx:
        attempts = max((one.held.attempts for one in subscriptions.of(tx, connection.id)), default=0)
        sealed = _sealed(hub, Secrets(chosen=order.secret))
        id_ = subscriptions.order(tx, connection.id, order, sealed, at=hub.clock(), attempts=attempts)
    try:
        made = tool.subscribe(order) if old is None else tool.renew(old, order)
    except Unknown:
        raise
    except (ToolError, ConfigError):
        with hub.store.writing() as tx:
            subscriptions.change(tx, [id_], state=State.FAILED)
        raise
    now = hub.clock()
    due_at = due_next(now, made.ends_at, now, listed=listed)
    with hub.store.writing(durable=True) as tx:
        subscriptions.stand(tx, connection.id, id_, made, _sealed(hub, made.secrets), now=now, due_at=due_at)
    return made


def _take_away(hub: Hub, connection: Connection, tool: Subscribes, stands: Subscription | None) -> None:
    """Take away what is to leave. What cannot be taken away holds nothing up; after many tries a person is told."""
    for one in _held(hub, connection):
        now = hub.clock()
        if one.state != State.LEAVING or one.due_at is None or one.due_at > now:
            continue
        try:
            tool.unsubscribe(one.subscription(stands))
        except ToolError as error:
            due_at = now + patience(error, one.attempts) if one.attempts + 1 < TRIES else None
            with hub.store.writing() as tx:
                subscriptions.change(tx, [one.id], due_at=due_at, attempts=one.attempts + 1, trouble=_words(error, now))
            continue
        with hub.store.writing() as tx:
            subscriptions.end(tx, [one.id], until=now + GRACE)


def _note(hub: Hub, connection: Connection, address: str | None, error: _Trouble) -> None:
    """Keep why it could not be done, and when it is tried again."""
    now = hub.clock()
    past = (State.ENDED, State.LEAVING) if address is not None else (State.ENDED,)
    with hub.store.writing() as tx:
        about = [one.held for one in subscriptions.of(tx, connection.id) if one.held.state not in past]
        if not about and address is not None:
            subscriptions.fail(tx, connection.id, token_hex(16), address, at=now)
            about = [one.held for one in subscriptions.of(tx, connection.id) if one.held.state == State.FAILED]
        attempts = max((one.attempts for one in about), default=0)
        given_up = address is None and attempts + 1 >= TRIES
        due_at = None if given_up else now + patience(error, attempts)
        subscriptions.change(tx, [one.id for one in about], due_at=due_at, attempts=attempts + 1)
        subscriptions.change(tx, [one.id for one in about[-1:]], trouble=_words(error, now))


def _held(hub: Hub, connection: Connection) -> list[Held]:
    """A connection's orders, with their secrets."""
    with hub.store.reading() as tx:
        rows = subscriptions.of(tx, connection.id)
    return [one.held._replace(secrets=_opened(hub, one.sealed)) for one in rows]


def _opened(hub: Hub, sealed: bytes | None) -> Secrets:
    return Secrets(**hub.vault.open(sealed)) if hub.vault is not None else Secrets()


def _sealed(hub: Hub, secrets: Secrets) -> bytes:
    if hub.vault is None:
        raise ConfigError("This copy of the hub is only for trying something out, and keeps no secrets.")
    return hub.vault.seal({"chosen": secrets.chosen, "told": secrets.told})


def _words(error: _Trouble, now: Instant) -> str:
    told: dict[str, Any] = {**error.to_json(), "at": now}
    return dumps(told)
