"""Leasing: who works a connection holds its lease, so that no two do, and who was taken over writes nothing.

A worker that is killed lets nothing go, and whoever takes over counts that; a turn that fails in a way that nobody has
foreseen counts alike. A connection whose turns have not come to their end a few times in a row is paused, so that it
costs no more of them, and a person is asked.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from core.errors import ConcordError, Reach, StoreError, ToolError, register
from core.flow.fencing import fenced
from core.flow.heartbeat import kept
from core.flow.holders import is_gone
from core.flow.hub import Connection, Hub
from core.flow.pausing import pause
from core.model.instant import MINUTE, SECOND
from core.store import outbox, runs

LEASE = 2 * MINUTE
"""A killed worker's connection is taken over after this, on its own machine at once; a living one prolongs it."""
MOST_LOST = 5
"""So many turns in a row that did not come to their end are taken for the connection's doing."""
_HELD: set[tuple[str, str]] = set()
"""Store and name of the leases that this process holds just now."""
LOST = register(
    "worker.lost",
    "Working this connection came to no end several times in a row: the process was killed, or the program failed.",
    "See the log of the hub, or of its workers, for what ended it: often a lack of memory, or an error of the "
    "connector, which please report. Mend that, then `concord resume NAME`.",
)


class Deadly(ToolError):
    """Whoever works this connection is killed, or fails in a way that nobody has foreseen."""

    code = LOST
    reach = Reach.CONNECTION


@contextmanager
def leased(hub: Hub, connection: Connection, holder: str, *, writes: bool = False) -> Iterator[Hub | None]:
    """The hub for as long as the connection is ours, or None while somebody else has it, or it was paused just now.

    Who `writes` all that waits takes up what a killed one had claimed.
    Where we were taken over meanwhile, or the configuration was changed, the block ends without an error: the other one
    goes on, or the next turn does.
    """
    name = f"connection {connection.id}"
    lease = take(hub, name, holder, claims_of=connection.id if writes else None)
    if lease is None:
        yield None
    elif lease.lost >= MOST_LOST:
        _stop(hub, connection, name, lease)
        yield None
    else:
        with held(hub, name, lease) as own:
            yield own


def take(hub: Hub, name: str, holder: str, *, claims_of: int | None = None) -> runs.Lease | None:
    """Take a lease; None while somebody else has it. What was claimed of this connection's outbox is free again."""
    with hub.store.writing() as tx:
        now = hub.clock()
        lease = runs.take_lease(tx, name, holder, now=now, until=now + LEASE, is_gone=is_gone)
        if lease is not None and claims_of is not None:
            # The outbox is only worked under this lease: whoever claimed something of it is not alive any more.
            outbox.unlease(tx, claims_of)
        return lease


@contextmanager
def held(hub: Hub, name: str, lease: runs.Lease) -> Iterator[Hub]:
    """The hub for as long as a lease that was taken is ours; it is let go at the end."""
    lost, place = 0, (hub.store.url, name)
    _HELD.add(place)
    with kept(lambda: _prolong(hub, name, lease.token)):
        try:
            yield fenced(hub, name, lease.token)
        except ConcordError as error:
            if error.error_code not in ("store.taken_over", "store.reconfigured"):
                raise
        except Exception:
            # Whoever comes next would try the same for ever.
            lost = lease.lost + 1
            raise
        finally:
            _HELD.discard(place)
            _let_go(hub, name, lease.token, lost)


def _prolong(hub: Hub, name: str, token: int) -> None:
    with hub.store.writing() as tx:
        runs.keep_lease(tx, name, token, until=hub.clock() + LEASE)


def _let_go(hub: Hub, name: str, token: int, lost: int) -> None:
    """Let a lease go; where the store is away just now, as soon as it is back, since others wait for that."""
    try:
        with hub.store.writing() as tx:
            runs.drop_lease(tx, name, token, lost=lost)
    except StoreError:
        if hub.store.embedded:
            raise
        threading.Thread(target=_let_go_later, args=(hub, name, token, lost), daemon=True).start()


def _let_go_later(hub: Hub, name: str, token: int, lost: int, every: float = 1.0) -> None:
    """Try again until it ends by itself, or this process has taken it anew."""
    pause = threading.Event()
    for _ in range(LEASE // SECOND):
        pause.wait(every)
        if (hub.store.url, name) in _HELD:
            return
        with suppress(StoreError):
            with hub.store.writing() as tx:
                runs.drop_lease(tx, name, token, lost=lost)
            return


def _stop(hub: Hub, connection: Connection, name: str, lease: runs.Lease) -> None:
    error = Deadly(
        f"{lease.lost} turns in a row with {connection.name} did not come to their end.",
        connection=connection.name,
    )
    with hub.store.writing() as tx:
        pause(tx, connection, error, now=hub.clock())
        runs.drop_lease(tx, name, lease.token)
