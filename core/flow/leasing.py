"""Leasing: who works a connection holds its lease, so that no two do, and who was taken over writes nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from core.errors import StoreError
from core.flow.fencing import fenced
from core.flow.hub import Connection, Hub
from core.model.instant import MINUTE, SECOND
from core.store import runs

LEASE = 2 * MINUTE
"""A killed worker's connection is taken over after this; a living one prolongs it."""


@contextmanager
def leased(hub: Hub, connection: Connection, holder: str) -> Iterator[Hub | None]:
    """The hub for as long as the connection is ours, or None while somebody else has it.

    Where we were taken over meanwhile the block ends without an error: the other one goes on.
    """
    name = f"connection {connection.id}"
    with hub.store.writing() as tx:
        token = runs.take_lease(tx, name, holder, now=hub.clock(), until=hub.clock() + LEASE)
    if token is None:
        yield None
        return
    with _Heartbeat(hub, name, holder):
        try:
            yield fenced(hub, name, token)
        except StoreError as error:
            if error.error_code != "store.taken_over":
                raise
        finally:
            with hub.store.writing() as tx:
                runs.drop_lease(tx, name, token)


class _Heartbeat:
    """Keeps a lease while a turn goes on, so that it can be short and a killed worker is soon replaced."""

    def __init__(self, hub: Hub, name: str, holder: str) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, args=(hub, name, holder), daemon=True)

    def _beat(self, hub: Hub, name: str, holder: str) -> None:
        while not self._over.wait(LEASE / SECOND / 3):
            with suppress(StoreError), hub.store.writing() as tx:
                runs.take_lease(tx, name, holder, now=hub.clock(), until=hub.clock() + LEASE)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
