"""The background sync of `concord up` and the demo: one process that does by threads what several do by messages.

    what is due in the store ▶ not under way already? ▶ a duty (`api.duties`) in a thread of its own ▶ look again

The same looks and duties as with workers (`api.waking`, `api.worker`). It ends within seconds of being told to: what a
broken-off step had not yet kept is read again next time, which does no harm.

What nobody has foreseen ends the one duty in which it happened: it is logged, told as a trouble, and tried again after
a rest that grows. A connection whose turns end so several times in a row is paused (`core.flow.leasing`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING

import structlog

from api import alerting, duties
from api.engine import holder
from api.logs import told
from api.waking import RESTS, Wake, look, wakes
from core.errors import ConcordError, Unforeseen
from core.flow.sync import PART
from core.model.instant import SECOND, Instant
from core.store.due import Due

if TYPE_CHECKING:
    from api.assembly import Installation

TICK = 1.0
"""Seconds between two looks at what is due; what is stored in this process is looked at at once."""
_GRACE = 3.0
"""Seconds that running steps are given to end by themselves."""
_MOST = 16
"""Duties that are done at the same time."""

_SHORTEST, _LONGEST = 5.0, 600.0
"""Seconds after which what failed in a way that nobody has foreseen is tried again, at first and at most."""

log = structlog.get_logger("concord.background")


class Background:
    """Does what is due until it is stopped. What fails is kept in `trouble`, and tried again a while later."""

    def __init__(
        self, installation: Installation, *, tick: float = TICK, seconds: Callable[[], float] = monotonic
    ) -> None:
        """Nothing runs yet. `seconds` is a clock that only runs on."""
        self.installation, self.tick, self._seconds = installation, tick, seconds
        self.holder = holder(installation)
        self.ticked_at: Instant | None = None
        self.started_at: Instant = installation.clock()
        self._troubles: dict[str, ConcordError] = {}
        """Wake (`_subject`), or the look itself → what failed there the last time."""
        self._failures: dict[str, int] = {}
        """The same → how often in a row nobody had foreseen that."""
        self._woken: dict[str, tuple[float, str]] = {}
        """Wake → when it was last sent (s), and for what."""
        self._rests: dict[str, float] = {}
        """Wake → until when it is not sent (s)."""
        self._under_way: dict[str, Future[None]] = {}
        """What is worked (`_worked`) → the duty that does it."""
        installation.busy = self._busy
        self._names: dict[int, str] = {}
        """The connections at the last look; kept, since whoever asks who is busy may be changing the hub."""
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="background", daemon=True)

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    @property
    def trouble(self) -> ConcordError | None:
        """The gravest of what failed the last time it was tried, if anything did."""
        return next(iter(self.troubles), None)

    @property
    def troubles(self) -> list[ConcordError]:
        """All of that, what keeps everything from going on first; a tool's failure is its connection's business."""
        return sorted(self._troubles.copy().values(), key=lambda one: isinstance(one, Unforeseen))

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, patience: float = _GRACE) -> bool:
        """End after the present steps; False when they did not end in time (seconds)."""
        self._stopped.set()
        self.installation.bell.ring()
        until = monotonic() + patience
        if self._thread.ident is not None:
            self._thread.join(patience)
        # One that never began is done without anybody having been told of it.
        begun = [duty for duty in self._under_way.values() if not duty.done()]
        _, running = wait(begun, timeout=max(0.0, until - monotonic()))
        return not self._thread.is_alive() and not running

    def look(self, pool: Executor) -> int:
        """Begin what is due and not under way; gives how many duties that were."""
        for what, duty in list(self._under_way.items()):
            if duty.done():
                del self._under_way[what]
                # What is no failure of the duty but an order to end ends the background.
                duty.result()
        self.installation.renew(busy=self._busy())
        hub, begun = self.installation.hub(), 0
        self._names = {id_: one.name for id_, one in hub.connections.items()}
        self._forget({id_ for id_, one in hub.connections.items() if one.state == "active"})
        for one in wakes(hub, self._others(look(hub))):
            what = _worked(one)
            if what not in self._under_way and self._is_time(one):
                self._woken[one.name] = self._seconds(), one.mark
                self._under_way[what] = pool.submit(self._do, one)
                begun += 1
        self.ticked_at = hub.clock()
        return begun

    def _busy(self) -> set[str]:
        """Connections whose tools somebody may be asking just now; the hub's own work may ask any."""
        tending = "tend" in self._under_way
        return {name for id_, name in self._names.items() if tending or f"connection {id_}" in self._under_way}

    def _others(self, found: Due) -> Due:
        """Without our own leases: of those we know better, and what a killed process left under our name is free."""
        found.held = {name: who for name, who in found.held.items() if who.partition(" ")[0] != self.holder}
        return found

    def _is_time(self, one: Wake) -> bool:
        at, mark = self._woken.get(one.name, (None, ""))
        rested = self._seconds() >= self._rests.get(_subject(one), 0.0)
        return rested and (at is None or one.is_time(self._seconds() - at, mark))

    def _do(self, one: Wake) -> None:
        began, subject, rest = self._seconds(), _subject(one), 0.0
        try:
            if self._duty(one)():
                self._woken.pop(one.name, None)
            self._is_well(subject)
        except ConcordError as error:
            self._is_well(subject)
            self._troubles[subject] = error
            log.warning("this is tried again", task=one.task, about=one.about, code=error.error_code)
        except Exception as error:
            rest = self._unforeseen(subject, error, one)
        finally:
            took = self._seconds() - began
            self._rests[subject] = self._seconds() + max(rest, RESTS.get(one.task, 0) * took)
            # What it has made due is looked for at once.
            self.installation.bell.ring()

    def _is_well(self, subject: str) -> None:
        self._troubles.pop(subject, None)
        self._failures.pop(subject, None)

    def _unforeseen(self, subject: str, error: Exception, one: Wake | None = None) -> float:
        """Log and keep what nobody has foreseen; gives the seconds until it is tried again."""
        times = self._failures[subject] = self._failures.get(subject, 0) + 1
        rest = min(_LONGEST, _SHORTEST * 2.0 ** min(times - 1, 10))
        task, connection = (one.task, self._names.get(one.about)) if one is not None else ("look", None)
        what = f"Working {connection}" if connection else f"The hub's own work ({task})"
        words = f"{what} failed in a way that nobody has foreseen ({type(error).__name__})."
        self._troubles[subject] = Unforeseen(words, connection=connection)
        log.error("nobody has foreseen this; it is tried again", task=task, connection=connection, times=times,
                  rest=rest, **told(error))  # fmt: skip
        return rest

    def _forget(self, active: Collection[int]) -> None:
        """What failed with a connection that is worked no more is told by its pause, or not at all."""
        for subject in list(self._troubles):
            about = int(subject.partition(":")[2] or 0)
            if about and about not in active:
                self._is_well(subject)

    def _duty(self, one: Wake) -> Callable[[], bool | None]:
        """What is to be done; it gives whether it gave way and is to go on."""
        at, about = self.installation, one.about
        match one.task:
            case "hear":
                return lambda: duties.hear(at, about)
            case "turn" | "load":
                return lambda: duties.turn(at, about, self._gives_way())
            case "tend":
                return lambda: duties.tend(at)
            case "deliver":
                return lambda: duties.deliver(at, about, self._gives_way())
            case "measure":
                return lambda: duties.measure(at)
            case _:
                return self._alert

    def _gives_way(self) -> Callable[[], bool]:
        """A long turn is broken off at its next call when this ends, or when others had to wait for long enough."""
        over = self._seconds() + PART / SECOND
        return lambda: self._stopped.is_set() or self._seconds() >= over

    def _alert(self) -> None:
        with suppress(ConcordError):
            # Where not even the store answers, the page says so.
            alerting.look(self.installation, self.troubles)

    def _run(self) -> None:
        heard, pool = 0, ThreadPoolExecutor(_MOST, thread_name_prefix="duty")
        try:
            while not self._stopped.is_set():
                try:
                    self.look(pool)
                    self._is_well("look")
                except ConcordError as error:
                    self._troubles["look"] = error
                except Exception as error:
                    self._stopped.wait(self._unforeseen("look", error))
                heard = self.installation.bell.wait(heard, self.tick)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _subject(one: Wake) -> str:
    """By what it is remembered how a duty went; a first load is a turn like others."""
    return f"{'turn' if one.task == 'load' else one.task}:{one.about}"


def _worked(one: Wake) -> str:
    """What a duty has for itself: a connection, a host that webhooks go to, or the hub's own work of that name."""
    if one.task == "deliver":
        return one.name
    return f"connection {one.about}" if one.about else one.task
