"""A clock that can be set back, so that a tool's past can be told before the demo begins."""

from __future__ import annotations

from core.model.instant import DAY, Instant
from core.ports import Clock


class Calendar:
    """The clock of a stand-in: real time, less what it is set back."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._back = 0

    def __call__(self) -> Instant:
        """The moment the tool believes in."""
        return self._clock() - self._back

    def go_back(self, days: float) -> None:
        """Let what happens now have happened so many days ago."""
        self._back = int(days * DAY)

    def today(self) -> None:
        """Come back to the present."""
        self._back = 0
