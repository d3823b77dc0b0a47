"""Clocks that differ: how far a tool's clock is off ours, learnt from the `Date` headers of its answers.

Two machines' clocks are never compared raw. Each answer tells that the tool's clock showed a whole second at
some time between our asking and our receiving, which bounds the difference; many answers bound it narrowly.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from core.model.instant import SECOND, Instant


class Skew(NamedTuple):
    """The tool's clock minus ours, and by how much that may be wrong; both in µs."""

    offset: int = 0
    uncertainty: int = 2 * SECOND


UNKNOWN = Skew()
"""Before any answer was seen: the clocks are taken to agree, within two seconds."""


def estimate(samples: Sequence[tuple[Instant, Instant, Instant]]) -> Skew:
    """The skew that most answers agree on.

    A sample is (sent_at, received_at, server_date), the first two by our clock, the last by the tool's and
    cut to the second as HTTP does. An answer from a cache or an intermediary with a clock of its own
    contradicts the others, and the narrowest interval that most samples share leaves it out.
    """
    intervals = [(date - received, date + SECOND - sent) for sent, received, date in samples if sent <= received]
    if not intervals:
        return UNKNOWN
    low, high = _most_shared(intervals)
    return Skew((low + high) // 2, (high - low + 1) // 2)


def correct(at: Instant, skew: Skew) -> Instant:
    """A moment by the tool's clock, told by ours."""
    return at - skew.offset


def _most_shared(intervals: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The interval that lies inside the most intervals; of equally shared ones the lowest."""
    # At one point beginnings come before ends: intervals that only touch still share that point.
    edges = sorted([(low, 0) for low, _ in intervals] + [(high, 1) for _, high in intervals])
    depth, best, found = 0, 0, intervals[0]
    for place, (point, ends) in enumerate(edges):
        depth += -1 if ends else 1
        if depth > best:
            best, found = depth, (point, edges[place + 1][0])
    return found
