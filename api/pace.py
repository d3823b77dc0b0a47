"""How long a walk still takes, said only where it is known: by how much is walked, of how much, and the pace so far."""

from __future__ import annotations

from core.model.instant import SECOND, Instant

_FEW = 20
"""Before so many records nobody knows a pace."""


def seconds_left(walked: int, total: int | None, began_at: Instant | None, now: Instant) -> float | None:
    """Seconds at the pace since the walk began; None where the tool tells no total, or too little is walked."""
    if began_at is None or not total or walked < _FEW or now <= began_at:
        return None
    pace = walked / ((now - began_at) / SECOND)
    return max(0, total - walked) / pace
