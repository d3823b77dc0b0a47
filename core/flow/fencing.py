"""Fencing: a worker that lost its connection to another one, because it stood still for too long, writes nothing more.

Each transaction of a turn asks first whether its lease is still the latest. So what such a worker read or was answered
is dropped; the other one has looked for it already.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from sqlalchemy import Connection as Transaction

from core.flow.hub import Hub
from core.store import runs
from core.store.database import Store


class _FencedStore(Store):
    """A store that only the holder of a lease writes to."""

    def __init__(self, store: Store, lease: str, token: int) -> None:
        self._store, self._lease, self._token = store, lease, token
        self.url, self.engine, self.embedded = store.url, store.engine, store.embedded

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """As in the store."""
        with self._store.reading() as tx:
            yield tx

    @contextmanager
    def writing(self, *, durable: bool = False) -> Iterator[Transaction]:
        """As in the store, for as long as nobody has taken over; raises `StoreError` (`store.taken_over`) else."""
        with self._store.writing(durable=durable) as tx:
            runs.check_lease(tx, self._lease, self._token)
            yield tx


def fenced(hub: Hub, lease: str, token: int) -> Hub:
    """The hub for one turn."""
    return replace(hub, store=_FencedStore(hub.store, lease, token))
