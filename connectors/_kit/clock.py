"""Time that a test moves by hand: a clock and a `sleep` that only turns it, so that nothing ever waits."""

from __future__ import annotations

import threading

from core.model.instant import SECOND, Instant, from_iso


class VirtualTime:
    """A clock that stands still until somebody sleeps or it is moved. Thread-safe.

    `tick` µs pass at each look, so that two things in a row do not carry the same stamp.
    """

    def __init__(self, start: str | Instant = "2026-11-21T09:00:00Z", *, tick: int = 0) -> None:
        self._now = from_iso(start) if isinstance(start, str) else start
        self._tick = tick
        self._lock = threading.Lock()
        self.slept = 0.0
        """Seconds that were slept in all."""

    def __call__(self) -> Instant:
        """The present moment."""
        with self._lock:
            self._now += self._tick
            return self._now

    def sleep(self, seconds: float) -> None:
        """Let this many seconds pass."""
        with self._lock:
            self._now += int(max(0.0, seconds) * SECOND)
            self.slept += seconds
