"""The bell: wakes whoever waits in this process. The store is the truth; a ring that is lost costs a moment only."""

from __future__ import annotations

from threading import Condition


class Bell:
    """Rung when something is stored that should not wait for the next look."""

    def __init__(self) -> None:
        self._rung = Condition()
        self._count = 0

    def ring(self) -> None:
        """Wake everybody who waits."""
        with self._rung:
            self._count += 1
            self._rung.notify_all()

    def wait(self, heard: int, seconds: float) -> int:
        """Wait for a ring after the `heard` ones, at most so long; gives how often it was rung by now."""
        with self._rung:
            self._rung.wait_for(lambda: self._count != heard, seconds)
            return self._count
