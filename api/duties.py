"""Duties: what is done when it is due. Each looks into the store itself, and is harmless where nothing is.

Workers do them in any process, one message each; the background of `concord up` does them in threads. A connection's
lease, or one of the duty's own, keeps two from doing the same at the same time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from api import alerting, delivering, engine
from core.flow import sync
from core.flow.beside import pressing, turn_beside
from core.flow.leasing import held, take
from core.store import due, hooks

if TYPE_CHECKING:
    from api.assembly import Installation
    from core.flow.hub import Connection, Hub

log = structlog.get_logger("concord.worker")


def hear(installation: Installation, connection_id: int) -> None:
    """Hear what came by webhook for a connection, and write the refusals that wait for it."""
    hub = installation.hub()
    if (connection := _active(hub, connection_id)) is not None:
        turn_beside(hub, connection, holder=engine.beside(installation))


def attend(installation: Installation) -> None:
    """The same for every connection that nobody works."""
    hub = installation.hub()
    for id_ in sorted(pressing(hub)):
        turn_beside(hub, hub.connections[id_], holder=engine.beside(installation))


def turn(
    installation: Installation,
    connection_id: int,
    gives_way: Callable[[], bool] = lambda: False,
    attends: Callable[[], None] = lambda: None,
) -> bool:
    """A connection's turn. Gives whether it gave way, and is to go on.

    Between two pages or calls, `attends` is called, and `gives_way` asked.
    """
    hub = replace(installation.hub(), gives_way=gives_way, attends=attends)
    connection = _active(hub, connection_id)
    with hub.store.reading() as tx:
        unsettled = due.is_unsettled(tx)
    if connection is None or unsettled:
        # What is known is read anew by the new configuration first (`tend`).
        return False
    done = sync.turn(hub, connection, everything=False, holder=engine.holder(installation))
    installation.learn_clocks()
    if done.error is not None:
        log.warning("a turn ended early", connection=connection.name, code=done.error.error_code)
    elif not done.quiet:
        log.info("a turn", connection=connection.name, **done.counts())
    return done.gave_way


def tend(installation: Installation) -> None:
    """The hub's own work: what goes before turns and what follows from them."""
    with _alone(installation, "tend") as hub:
        if hub is not None:
            who = engine.holder(installation)
            engine.catch_up(installation, hub, holder=who)
            engine.move_on(installation, hub, holder=who, send=lambda: None)


def measure(installation: Installation) -> None:
    """Measure agreement, and mark what slipped."""
    with _alone(installation, "measure") as hub:
        if hub is not None:
            engine.measure(installation, engine.Round(), hub=hub)


def alert(installation: Installation) -> None:
    """Tell of what is wrong."""
    with _alone(installation, "alert") as hub:
        if hub is not None:
            alerting.look(installation)


def deliver(installation: Installation, hook_id: int, gives_way: Callable[[], bool] = lambda: False) -> bool:
    """Send the webhooks that wait for the host of one of them. Gives whether there are more."""
    with installation.store.reading() as tx:
        found = hooks.load(tx, hook_id)
    if found is None:
        return False
    with _alone(installation, hooks.work_of(found.host)) as hub:
        return hub is not None and delivering.deliver(installation, found.host, gives_way)


def _active(hub: Hub, connection_id: int) -> Connection | None:
    found = hub.connections.get(connection_id)
    return found if found is not None and found.state == "active" else None


@contextmanager
def _alone(installation: Installation, what: str) -> Iterator[Hub | None]:
    """The hub, for as long as nobody else does the same; None while somebody does."""
    hub = installation.hub()
    lease = take(hub, what, engine.holder(installation))
    if lease is None:
        yield None
        return
    if lease.lost:
        log.warning("a worker did not come to the end of this", what=what, times=lease.lost)
    with held(hub, what, lease) as own:
        yield own
