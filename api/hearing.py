"""Hearing: a thread beside the background that takes in what came by webhook at once, and tells refusals to the tools.

Each connection has a short turn of its own, so that a tool that does not answer keeps no other waiting. One that the
background works meanwhile is left to it: it hears and tells between its calls.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from time import monotonic
from typing import TYPE_CHECKING

from api.engine import beside
from core.errors import ConcordError, StoreError
from core.flow.beside import Mark, pressing, turn_beside

if TYPE_CHECKING:
    from api.assembly import Installation
    from core.flow.hub import Connection, Hub

LOOK = 0.25
"""Seconds between two looks into the store, for what another process has stored; ours rings."""
AGAIN = 5.0
"""Seconds until what could not be told is tried again; what is new is tried at once."""
_MOST = 8
"""Connections that have their turn at the same time."""


class Hearing:
    """Hears until it is stopped; `tell` is called when something was heard, so that the rest of it goes out soon."""

    def __init__(self, installation: Installation, tell: Callable[[], None]) -> None:
        self.installation, self._tell = installation, tell
        self.trouble: ConcordError | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hearing", daemon=True)
        self._under_way: dict[int, Future[None]] = {}
        self._fruitless: dict[int, tuple[Mark, float]] = {}
        """Connection id → what a turn could do nothing about, and until when it is left alone."""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, patience: float) -> bool:
        """End after the present turns; False when they did not end in time (seconds)."""
        self._stopped.set()
        self.installation.bell.ring()
        if self._thread.ident is not None:
            self._thread.join(patience)
        return not self._thread.is_alive()

    def _run(self) -> None:
        heard = 0
        with ThreadPoolExecutor(_MOST, thread_name_prefix="beside") as pool:
            while not self._stopped.is_set():
                try:
                    self._look(pool)
                    self.trouble = None
                except ConcordError as error:
                    self.trouble = error
                heard = self.installation.bell.wait(heard, LOOK)

    def _look(self, pool: ThreadPoolExecutor) -> None:
        hub = self.installation.hub()
        for id_, mark in pressing(hub).items():
            busy = id_ in self._under_way and not self._under_way[id_].done()
            seen, until = self._fruitless.get(id_, ((), 0.0))
            if not busy and (seen != mark or monotonic() >= until):
                self._under_way[id_] = pool.submit(self._turn, hub, hub.connections[id_], mark)

    def _turn(self, hub: Hub, connection: Connection, mark: Mark) -> None:
        try:
            moved = turn_beside(hub, connection, holder=beside(self.installation))
        except StoreError as error:
            self.trouble, moved = error, 0
        if moved == 0:
            self._fruitless[connection.id] = mark, monotonic() + AGAIN
        elif moved:
            # What it told others must not wait, and what remains is the background's.
            self.installation.bell.ring()
            self._tell()
