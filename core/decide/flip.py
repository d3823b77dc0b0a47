"""A field that goes back and forth: two automations that undo each other, which no rule can settle.

Such a field is frozen and becomes a review; who freezes it is `core.flow`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from core.decide.settle import element_key
from core.model.instant import DAY, Instant
from core.model.values import Json


def flips(history: Sequence[tuple[Instant, Json]], k: int = 6, within: int = DAY) -> bool:
    """Whether a field changed at least `k` times in the `within` µs before its latest change, back and forth.

    `history` is (at, value) in any order. Only a change back to a value that was there before in that time
    counts (the first change excepted), so that a field that is edited often, each time to something new, is
    left alone.
    """
    if len(history) <= k:
        return False
    newest = max(at for at, _ in history)
    values = [element_key(value) for at, value in sorted(history, key=_moment) if at >= newest - within]
    changes = [value for earlier, value in pairwise(values) if value != earlier]
    returns = 0
    seen = set(values[:1])
    for value in changes:
        returns += value in seen
        seen.add(value)
    return returns >= k - 1


def _moment(entry: tuple[Instant, Json]) -> Instant:
    return entry[0]
