"""Fencing: a worker that lost its connection to another one, because it stood still for too long, writes nothing more.

Each transaction of a turn asks first whether its lease is still the latest. So what such a worker read or was answered
is dropped; the other one has looked for it already. Where several processes share the store, it also asks whether the
configuration is still the one that the turn goes by: what is known is read anew by a new one, and nobody may write by
the former one after that.
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

    def __init__(self, store: Store, lease: str, token: int, configured: str | None) -> None:
        self._store, self._lease, self._token, self._configured = store, lease, token, configured
        self.url, self.engine, self.embedded = store.url, store.engine, store.embedded

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """As in the store."""
        with self._store.reading() as tx:
            yield tx

    @contextmanager
    def writing(self, *, durable: bool = False) -> Iterator[Transaction]:
        """As in the store, for as long as nobody has taken over or changed the configuration.

        Raises `StoreError` else (`store.taken_over`, `store.reconfigured`).
        """
        with self._store.writing(durable=durable) as tx:
            runs.check_lease(tx, self._lease, self._token)
            if not self.embedded:
                runs.check_configured(tx, self._configured)
            yield tx


def fenced(hub: Hub, lease: str, token: int) -> Hub:
    """The hub for one turn."""
    return replace(hub, store=_FencedStore(hub.store, lease, token, hub.configured))
