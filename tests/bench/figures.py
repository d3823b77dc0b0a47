"""What a bench gives back: figures, each beside its peer, with the goal it is held to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


class Skipped(Exception):
    """A peer or a service is not there; the sentence says which, and how to get it."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure.

    `ratio` is how many times better than the peer it is; where `limit` holds instead, the measured value itself
    counts. Without a goal a figure is there to be known.
    """

    bench: str
    name: str
    measured: float
    unit: str
    peer: str = ""
    """What it is compared with, and which of its ways was the best."""
    peer_measured: float | None = None
    ratio: float | None = None
    goal: str = ""
    reached: bool | None = None
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        """The figure as plain JSON."""
        return asdict(self)

    def as_line(self) -> str:
        """The figure in one line, for whoever watches it being measured."""
        beside = "" if self.ratio is None else f", {self.ratio:.2f} × {self.peer}"
        goal = f" ({self.goal})" if self.goal else ""
        return f"{self.bench}: {self.name}: {self.measured:,.2f} {self.unit}".rstrip() + beside + goal


def more(
    bench: str, name: str, measured: float, unit: str, *, peers: Mapping[str, float], goal: float | None, note: str = ""
) -> Figure:
    """More is better: compared with the best of the peers, `goal` times as much is wanted."""
    if not peers:
        return Figure(bench, name, measured, unit, goal=f"≥ {goal:g} ×" if goal else "", note=note)
    best = max(peers, key=lambda peer: peers[peer])
    return _compared(bench, name, (measured, unit), (best, peers[best]), measured / peers[best], goal, note)


def less(
    bench: str, name: str, measured: float, unit: str, *, peers: Mapping[str, float], goal: float | None, note: str = ""
) -> Figure:
    """Less is better, e.g. seconds: the best peer may need `goal` times as much."""
    if not peers:
        return Figure(bench, name, measured, unit, goal=f"≥ {goal:g} × as fast" if goal else "", note=note)
    best = min(peers, key=lambda peer: peers[peer])
    return _compared(bench, name, (measured, unit), (best, peers[best]), peers[best] / measured, goal, note)


def at_most(
    bench: str,
    name: str,
    measured: float,
    unit: str,
    limit: float,
    *,
    peer: tuple[str, float] | None = None,
    note: str = "",
) -> Figure:
    """Held to a limit of its own; a peer only stands beside it."""
    ratio = measured / peer[1] if peer else None
    goal = f"≤ {limit:g} {unit}".rstrip()
    beside, value = peer or ("", None)
    return Figure(bench, name, measured, unit, beside, value, ratio, goal, measured <= limit, note)


def _compared(
    bench: str, name: str, ours: tuple[float, str], peer: tuple[str, float], ratio: float, goal: float | None, note: str
) -> Figure:
    wanted = f"≥ {goal:g} ×" if goal else ""
    reached = ratio >= goal if goal else None
    return Figure(bench, name, *ours, peer[0], peer[1], ratio, wanted, reached, note)
