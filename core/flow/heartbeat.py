"""Heartbeat: what this process holds for a while is prolonged by one thread, whose beat costs whoever holds it nothing.

    with kept(prolong):  ┊  every few seconds ▶ what was not prolonged for long enough ▶ prolong()

A thread for each holder was weighed: a turn that finds nothing takes a few milliseconds, and starting and ending a
thread was a good part of that.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from time import monotonic

from core.errors import StoreError

TICK = 10.0
"""Seconds between two looks at what is to be prolonged."""
AGE = 25.0
"""Seconds after which it is: at the latest after this and a tick."""


class _Held:
    """Something that is held, and when it was last prolonged (s)."""

    __slots__ = ("at", "busy", "over", "prolong")

    def __init__(self, prolong: Callable[[], None], at: float) -> None:
        self.prolong, self.at = prolong, at
        self.busy, self.over = threading.Lock(), False


class Heartbeat:
    """All that a process holds. The thread begins with the first, and looks on for as long as the process lives."""

    def __init__(self, seconds: Callable[[], float] = monotonic) -> None:
        """`seconds` is a clock that only runs on."""
        self._seconds = seconds
        self._held: set[_Held] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @contextmanager
    def kept(self, prolong: Callable[[], None]) -> Iterator[None]:
        """While the block lasts, `prolong` is called now and then from another thread; never after it."""
        one = _Held(prolong, self._seconds())
        with self._lock:
            self._held.add(one)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                self._held.discard(one)
            with one.busy:
                one.over = True

    def beat(self) -> None:
        """Prolong what is old enough. Where the store is away just now, it is tried again at the next look."""
        with self._lock:
            old = [one for one in self._held if self._seconds() - one.at >= AGE]
        for one in old:
            with one.busy:
                if not one.over:
                    with suppress(StoreError):
                        one.prolong()
                        one.at = self._seconds()

    def _run(self) -> None:
        pause = threading.Event()
        while not pause.wait(TICK):
            self.beat()


_OURS = Heartbeat()


def _anew() -> None:
    """A process that was forked off holds nothing, and has no threads."""
    global _OURS  # noqa: PLW0603 - one for the process is what it is
    _OURS = Heartbeat()


os.register_at_fork(after_in_child=_anew)


def kept(prolong: Callable[[], None]) -> AbstractContextManager[None]:
    """The process's own heartbeat prolongs this while the block lasts."""
    return _OURS.kept(prolong)
