"""Limits as a call meets them: asked before it, told after it, and what a tool's own headers say.

The books behind them are `allowance.py`'s, one set for each remote account (`accounts.py`). `Gate` is for tools that
count what is open at once.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import NamedTuple, Protocol
from weakref import WeakValueDictionary

from core.model.instant import DAY, SECOND


class Learnt(NamedTuple):
    """What a tool says about its limit now: calls left, and seconds until there are more."""

    remaining: int
    reset: float
    """Of a day's quota 0 where calls come back one by one."""
    allowed: int | None = None
    """How many it allows in all, where it is a day's quota."""


class Limits(Protocol):
    """Asked before each call, told after it. Thread-safe."""

    def take(self, calls: int = 1) -> int:
        """Wait for leave to make calls; `Throttled` when that would take too long, `Resting` while the tool fails.

        Gives a number that tells later what was counted by then.
        """
        ...

    def learn(self, learnt: Learnt, booked: int = 0) -> None:
        """The tool said how much is left, in its answer to the call for which `take` gave this number."""
        ...

    def refused(self, wait: float | None, *, used_up: bool = False) -> None:
        """The tool asked for fewer calls, and to wait so many seconds where it says so.

        `used_up`: because the day's are used up.
        """
        ...

    def answered(self, well: bool) -> None:
        """The tool answered, or failed on its side (5xx, no answer)."""
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
    """For calls that nobody counts: gives leave at once."""

    def take(self, calls: int = 1) -> int:  # noqa: ARG002 -- none is counted
        """At once."""
        return 0

    def learn(self, learnt: Learnt, booked: int = 0) -> None:
        """Nothing to learn."""

    def refused(self, wait: float | None, *, used_up: bool = False) -> None:
        """Nothing to keep."""

    def answered(self, well: bool) -> None:
        """Nothing to keep."""


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
