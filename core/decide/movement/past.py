"""The past of a record: its states in order, worked out backwards from what stands and what history tells. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import NamedTuple

from core.model.instant import Instant
from core.model.values import Json, Values


class Told(NamedTuple):
    """What history tells of one moment."""

    at: Instant
    changed: Mapping[str, Sequence[Json]]
    """Field → [before, after]."""
    was_live: bool | None = None
    """Whether the record was there before; None where that did not change."""
    by: str = ""
    """The tool, `hub` for what was said there, '' where nobody knows."""
    ours: bool = False
    """Whether a step of follow-through did it."""


class State(NamedTuple):
    """A record from one moment until its next state."""

    at: Instant
    values: Values | None
    """None while it is not there: deleted, archived or merged into another."""
    by: str = ""
    ours: bool = False


class Past(NamedTuple):
    """A record through time."""

    record_id: int
    kind: str
    held_since: Instant
    states: tuple[State, ...]
    """Oldest first; the first is when the hub came to hold it."""

    def place(self, moment: Instant) -> int:
        """Which state it is in at a moment; -1 before the first."""
        return bisect_right(self.states, moment, key=_AT) - 1

    def at(self, moment: Instant) -> Values | None:
        """Its values at a moment; None while it is not there."""
        place = self.place(moment)
        return self.states[place].values if place >= 0 else None


_AT = attrgetter("at")


def past_of(
    record_id: int, kind: str, values: Values, *, live: bool, held_since: Instant, told: Sequence[Told]
) -> Past:
    """The past of a record that stands so now; `told` is its history, oldest first.

    Where the oldest history is not kept any more, it is taken to have been from the beginning as it was then.
    """
    states: list[State] = []
    for one in reversed(told):
        states.append(State(one.at, values if live else None, one.by, one.ours))
        before = {**values, **{name: pair[0] for name, pair in one.changed.items()}}
        values = {name: value for name, value in before.items() if value is not None}
        live = live if one.was_live is None else one.was_live
    if not states or states[-1].at > held_since:
        states.append(State(held_since, values if live else None))
    return Past(record_id, kind, held_since, tuple(_one_a_moment(states[::-1])))


def _one_a_moment(states: Sequence[State]) -> list[State]:
    """Of several at one moment the last; what follow-through did stays apart from what it was done about."""
    found: list[State] = []
    for one in states:
        same = found and (found[-1].at, found[-1].ours) == (one.at, one.ours)
        before = found.pop() if same else one
        found.append(one._replace(by=one.by or before.by))
    return found
