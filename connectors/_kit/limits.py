"""How many calls a tool allows: a token bucket with a reserve, learnt from the tool's own headers, and quotas.

`Bucket` serves one process and remote account; a shared one (Redis) keeps the same protocol. `RollingQuota` stands
before another one, for tools that count the calls of the last day themselves. Waiting goes through a given `sleep`,
and never longer than a bound: beyond it the caller gets `Throttled` and works on something else.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol
from weakref import WeakValueDictionary

from core.errors import Throttled
from core.manifest import Limits as Declared
from core.model.instant import DAY, SECOND, Instant
from core.ports import Clock


class Learnt(NamedTuple):
    """What a tool says about its limit now: calls left, and seconds until there are more."""

    remaining: int
    reset: float
    allowed: int | None = None
    """How many it allows in all, where it counts a quota of the last day."""


class Limits(Protocol):
    """Asked before each call, told after it. Thread-safe."""

    def take(self, calls: int = 1) -> None:
        """Wait for leave to make calls; `Throttled` when that would take too long."""
        ...

    def learn(self, learnt: Learnt) -> None:
        """The tool said how much is left."""
        ...

    def pause(self, seconds: float) -> None:
        """The tool asked for silence: no leave is given before that time is over."""
        ...


class Gate:
    """At most so many calls at the same time, for tools that count what is open instead of what is asked."""

    def __init__(self, size: int) -> None:
        self._free = threading.BoundedSemaphore(max(1, size))

    def __enter__(self) -> None:
        """Wait until there is room."""
        self._free.acquire()

    def __exit__(self, *_: object) -> None:
        self._free.release()


_GATES: WeakValueDictionary[str, Gate] = WeakValueDictionary()
_GATES_LOCK = threading.Lock()


def gate(account: str, size: int) -> Gate:
    """The gate before one account, the same for all of this process's connections to it, as long as there are any."""
    with _GATES_LOCK:
        return _GATES.setdefault(account, Gate(size))


class Unlimited:
    """For tools without limits: gives leave at once."""

    def take(self, calls: int = 1) -> None:
        """At once."""

    def learn(self, learnt: Learnt) -> None:
        """Nothing to learn."""

    def pause(self, seconds: float) -> None:
        """Nothing to keep."""


class Bucket:
    """`requests` in any `per_seconds`, smoothly refilled.

    `reserve` is the share (0 to 1) left to people and other apps. `daily` is a quota per UTC day. `max_wait`
    bounds the waiting of one call, in seconds.
    """

    def __init__(
        self,
        requests: float,
        per_seconds: float,
        *,
        clock: Clock,
        sleep: Callable[[float], None],
        reserve: float = 0.1,
        daily: int | None = None,
        max_wait: float = 30.0,
    ) -> None:
        self.size = max(1.0, requests * (1 - reserve))
        self._rate = self.size / per_seconds
        self._clock = clock
        self._sleep = sleep
        self._reserved = requests * reserve
        self._daily = None if daily is None else int(daily * (1 - reserve))
        self._max_wait = max_wait
        self._level = self.size
        self._filled_at = clock()
        self._quiet_until: Instant = 0
        self._day = self._filled_at // DAY
        self._today = 0
        self._lock = threading.Lock()

    def take(self, calls: int = 1) -> None:
        """Book the calls, then wait until their turn; a caller that is refused has booked nothing."""
        with self._lock:
            now = self._clock()
            self._refill(now)
            self._count_day(now, calls)
            shortage = max(0.0, calls - self._level)
            wait = max(shortage / self._rate, (self._quiet_until - now) / SECOND, 0.0)
            if wait > self._max_wait:
                raise Throttled("The tool's limit of calls is used up for now.", wait=wait)
            self._level -= calls
            self._today += calls
        if wait > 0:
            self._sleep(wait)

    def learn(self, learnt: Learnt) -> None:
        """Believe the tool where it says there is less left than we thought.

        Silence until its reset at nothing.
        """
        with self._lock:
            self._refill(self._clock())
            self._level = min(self._level, learnt.remaining - self._reserved)
        if learnt.remaining <= 0:
            self.pause(learnt.reset)

    def pause(self, seconds: float) -> None:
        """No leave before this many seconds are over."""
        with self._lock:
            self._quiet_until = max(self._quiet_until, self._clock() + int(seconds * SECOND))

    def _refill(self, now: Instant) -> None:
        passed = max(0, now - self._filled_at) / SECOND
        self._level = min(self.size, self._level + passed * self._rate)
        self._filled_at = max(now, self._filled_at)

    def _count_day(self, now: Instant, calls: int) -> None:
        if now // DAY != self._day:
            self._day, self._today = now // DAY, 0
        if self._daily is not None and self._today + calls > self._daily:
            tomorrow = (self._day + 1) * DAY
            raise Throttled("The tool's daily quota of calls is used up.", wait=(tomorrow - now) / SECOND)


class RollingQuota:
    """A quota over the last day that the tool counts, with all who use it, and tells with each answer.

    `reserve` is the share (0 to 1) left to people and other apps. When only that is left, one call in each `wait`
    seconds goes through, for nothing else tells when there is more; the others are `Throttled` until then. Before the
    tool has said anything every call goes through. What is no matter of the quota is asked of `beside`.
    """

    def __init__(self, beside: Limits, *, clock: Clock, reserve: float = 0.1, wait: float = 300.0) -> None:
        self._beside = beside
        self._clock = clock
        self._reserve = reserve
        self._wait = int(wait * SECOND)
        self._said: Learnt | None = None
        self._since = 0
        self._next_look: Instant = 0
        self._lock = threading.Lock()

    @property
    def left(self) -> tuple[int, int] | None:
        """Calls left and calls allowed as the tool last told, minus ours since; None before it said anything."""
        with self._lock:
            if self._said is None or self._said.allowed is None:
                return None
            return max(0, self._said.remaining - self._since), self._said.allowed

    def take(self, calls: int = 1) -> None:
        """Book the calls, unless only the reserve is left; a caller that is refused has booked nothing."""
        with self._lock:
            self._look(calls)
            self._since += calls
        try:
            self._beside.take(calls)
        except Throttled:
            with self._lock:
                self._since = max(0, self._since - calls)
            raise

    def learn(self, learnt: Learnt) -> None:
        """Believe the tool's own count; what it says about shorter times is for the limits beside."""
        if learnt.allowed is None:
            self._beside.learn(learnt)
            return
        with self._lock:
            self._said, self._since = learnt, 0
            if self._is_short(1):
                self._next_look = self._clock() + self._wait

    def pause(self, seconds: float) -> None:
        """No leave before this many seconds are over."""
        self._beside.pause(seconds)

    def _look(self, calls: int) -> None:
        now = self._clock()
        if not self._is_short(calls):
            return
        if now < self._next_look:
            wait = (self._next_look - now) / SECOND
            raise Throttled("Only the reserve is left of the tool's quota of calls in a day.", wait=wait)
        self._next_look = now + self._wait

    def _is_short(self, calls: int) -> bool:
        said = self._said
        if said is None or said.allowed is None:
            return False
        return said.remaining - self._since - calls < said.allowed * self._reserve


def limits_for(declared: Declared, *, clock: Clock, sleep: Callable[[float], None]) -> Limits:
    """The limits a manifest declares."""
    if declared.requests is None:
        return Unlimited()
    return Bucket(declared.requests, declared.per_seconds, clock=clock, sleep=sleep, daily=declared.daily)


def learnt_from(
    headers: Mapping[str, str], *, remaining: str, reset: str | None = None, per_seconds: float = 1.0, unit: float = 1.0
) -> Learnt | None:
    """Read a tool's headers (lower-case names): calls left, and the time to the next ones in `unit` seconds.

    Without `reset` the whole interval `per_seconds` is assumed. None where the headers are missing or no
    numbers.
    """
    try:
        left = int(headers[remaining])
        wait = float(headers[reset]) * unit if reset else per_seconds
    except (KeyError, ValueError):
        return None
    return Learnt(left, max(0.0, wait))


def standard_headers(headers: Mapping[str, str]) -> Learnt | None:
    """The names most tools share: `RateLimit-Remaining` and `-Reset` (seconds), with or without `X-`."""
    for start in ("ratelimit", "x-ratelimit"):
        learnt = learnt_from(headers, remaining=f"{start}-remaining", reset=f"{start}-reset")
        if learnt and learnt.reset < DAY / SECOND:  # larger numbers are moments, not seconds
            return learnt
    return None
