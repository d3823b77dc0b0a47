"""The background sync of `concord up` and the demo: one thread that turns the crank for whatever is due.

Beside it a second one hears what comes by webhook (`hearing`). Both end within seconds of being told to: what a
broken-off step had not yet kept is read again next time, which does no harm.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from api import alerting
from api.engine import Round, measure, turn_crank
from api.hearing import Hearing
from core.errors import ConcordError
from core.model.instant import MINUTE, Instant

if TYPE_CHECKING:
    from api.assembly import Installation

TICK = 1.0
"""Seconds between two looks at what is due."""
MEASURE_EVERY = 10 * MINUTE
"""Agreement is measured at least this often, and after every tick that moved something."""
_GRACE = 3.0
"""Seconds that a running step is given to end by itself."""


class Background:
    """Syncs what is due until it is stopped. A failure is kept in `trouble` and the next tick tries again."""

    def __init__(self, installation: Installation, *, tick: float = TICK) -> None:
        self.installation, self.tick = installation, tick
        self.trouble: ConcordError | None = None
        self.ticked_at: Instant | None = None
        self.started_at: Instant = installation.clock()
        self._measured_at: Instant = 0
        self._alerted_at: Instant = 0
        self._stopped, self._woken = threading.Event(), threading.Event()
        self._hearing = Hearing(installation, self._woken.set)
        self._thread = threading.Thread(target=self._run, name="background", daemon=True)

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin."""
        self._thread.start()
        self._hearing.start()

    def stop(self, patience: float = _GRACE) -> bool:
        """End after the present step; False when it did not end in time (seconds)."""
        self._stopped.set()
        self._woken.set()
        heard = self._hearing.stop(patience)
        if self._thread.ident is not None:
            self._thread.join(patience)
        return heard and not self._thread.is_alive()

    def once(self) -> Round:
        """One tick: what is due, and a measure where it is time for one."""
        now = self.installation.clock()
        self.installation.renew()
        done = turn_crank(self.installation, everything=False, measured=False)
        if done.moved or now - self._measured_at >= MEASURE_EVERY:
            measure(self.installation, done)
            self._measured_at = now
        self.ticked_at = now
        return done

    def tell(self) -> None:
        """Tell of what is wrong, where it is time to look."""
        now = self.installation.clock()
        if now - self._alerted_at >= alerting.EVERY:
            self._alerted_at = now
            with suppress(ConcordError):
                # Where not even the store answers, the page says so.
                alerting.look(self.installation, self.trouble)

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self.once()
                self.trouble = None
            except ConcordError as error:
                self.trouble = error
            self.trouble = self.trouble or self._hearing.trouble
            self.tell()
            self._woken.wait(self.tick)
            self._woken.clear()
