"""Scheduling: how long until a stream is polled again. Pure.

Busy streams are polled sooner, quiet ones later, and later still where webhooks tell what is new, between a shortest
and a longest time: `poll_fastest` and `poll_slowest` beside `poll_every` in the configuration. The shortest is what
the tool's quota is asked for at most, whatever happens.
"""

from __future__ import annotations

from typing import NamedTuple

_QUIET_STEP = 10
"""After so many quiet polls in a row the pauses get longer by once the usual one."""
_SLOWEST, _FASTEST = 4, 0.5
"""As many times the usual pause, where nothing is declared."""
_TOLD = 2
_MOST = 1_000_000


class Pace(NamedTuple):
    """The usual pause between two polls, and the shortest and longest (seconds)."""

    usual: float
    fastest: float
    slowest: float

    @classmethod
    def of(cls, usual: float, fastest: float | None = None, slowest: float | None = None) -> Pace:
        """With what is declared; the shortest goes before the longest where the two are at odds."""
        shortest = fastest if fastest is not None else min(usual, slowest or usual) * _FASTEST
        longest = max(shortest, slowest if slowest is not None else usual * _SLOWEST)
        return cls(min(max(usual, shortest), longest), shortest, longest)


def streak(before: int, *, quiet: bool) -> int:
    """How many polls in a row were quiet, or, below zero, brought news; `before` as it was before the latest."""
    found = max(before, 0) + 1 if quiet else min(before, 0) - 1
    return max(-_MOST, min(_MOST, found))


def pause(pace: Pace, polls: int, *, told: bool) -> float:
    """Seconds from one poll to the next after such a streak; `told` where webhooks say what is new.

    Where they do, a busy stream is no reason to look more often.
    """
    if polls >= 0:
        wait = pace.usual * (1 + polls // _QUIET_STEP)
    else:
        wait = pace.usual if told else pace.usual * 0.5 ** min(-polls, 20)
    return min(max(wait * (_TOLD if told else 1), pace.fastest), pace.slowest)
