"""The trend of the scorecard: its figures now, against 7 and 28 days ago, and day by day for a quarter."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from core.decide.movement.audit import ELEMENTS
from core.decide.movement.policy import Policy
from core.flow.movement.scoring import Figures
from core.model.instant import Instant
from core.store import Tx, scorecards
from core.store.scorecards import Day

DAYS = 91
"""A quarter is shown."""
AGAINST = (7, 28)
"""Days ago against which today is held."""
WIDTH, HEIGHT = 120, 24
"""Of a line, in units of its drawing."""
_MARGIN = 2
_LATE = 3
"""Where nothing was kept on a day because the hub stood still, one that is so many days older stands in for it."""


class Line(NamedTuple):
    """One figure that is told over time."""

    name: str
    title: str
    unit: str
    """`%`, `min`, `h`, or '' for a count."""
    of: Callable[[Figures], float | None]

    def value(self, figures: Figures) -> float | None:
        """The figure among those of one day; None where there was nothing to measure, or where it was not kept yet."""
        try:
            return self.of(figures)
        except KeyError:
            return None


def _count(name: str) -> Line:
    return Line(name, name.capitalize(), "", lambda figures: figures[name])


def _share(name: str, title: str, part: str, of: Sequence[str] = ("open",)) -> Line:
    def value(figures: Figures) -> float | None:
        whole = sum(figures[one] for one in of)
        return round(100 * figures[part] / whole, 1) if whole else None

    return Line(name, title, "%", value)


LINES = (
    _count("open"),
    *(_share(name, f"With {name}", name) for name in ELEMENTS),
    _share("protected", "Protected", "protected"),
    _count("unworked"),
    Line("oldest_unworked", "Oldest unworked", "h", lambda figures: figures["unworked_hours"]["oldest"]),
    _count("overdue"),
    _count("stale"),
    Line("first_answer", "First answer, half within", "min", lambda figures: figures["first_answer_minutes"]["p50"]),
    Line("first_answer_p90", "Nine of ten within", "min", lambda figures: figures["first_answer_minutes"]["p90"]),
    _share("in_window", "Answered in window", "in_window", ("in_window", "missed")),
    _share("shown", "Stages that show it", "shown", ("claimed",)),
    _count("unreal"),
)


def trend(tx: Tx, policy: Policy, now: Instant, whole: Figures) -> dict[str, Any]:
    """Each line with its value now, what it was, and its past; one statement.

    `policy_since` is the first day of the present policy, where another one was in force before it.
    """
    today = date.fromisoformat(policy.hours.day_of(now))
    days = scorecards.since(tx, (today - timedelta(days=DAYS - 1)).isoformat())
    past = {date.fromisoformat(one.day): one.figures for one in days if one.day != today.isoformat()}
    then = {back: _then(past, today - timedelta(days=back)) for back in AGAINST}
    return {
        "since": days[0].day if days else None,
        "policy_since": _changed(days, policy.mark),
        "against": {str(back): day.isoformat() if day is not None else None for back, day in then.items()},
        "lines": [_told(one, whole, past, then, today) for one in LINES],
    }


def _then(past: Mapping[date, Figures], wanted: date) -> date | None:
    """The day that tells how it was on a day."""
    return next((day for late in range(_LATE + 1) if (day := wanted - timedelta(days=late)) in past), None)


def _changed(days: Sequence[Day], mark: str) -> str | None:
    """The first day kept by the present policy, where there are days by another one before it."""
    other = [place for place, one in enumerate(days) if one.policy != mark]
    if not other:
        return None
    return days[other[-1] + 1].day if other[-1] + 1 < len(days) else None


def _told(
    line: Line, whole: Figures, past: Mapping[date, Figures], then: Mapping[int, date | None], today: date
) -> dict[str, Any]:
    now = line.value(whole)
    values = [(day, line.value(figures)) for day, figures in past.items()]
    days = [(day, value) for day, value in [*values, (today, now)] if value is not None]
    before = {str(back): line.value(past[day]) if day is not None else None for back, day in then.items()}
    return {
        "name": line.name,
        "title": line.title,
        "unit": line.unit,
        "now": now,
        "before": before,
        "days": [[day.isoformat(), value] for day, value in days],
    }


def points(days: Sequence[tuple[str, float]]) -> str:
    """The line through these (day, value) as the points of an SVG polyline; '' for fewer than two days.

    Days stand where the calendar has them, so that a time in which nothing was kept is as wide as it was long.
    """
    if len(days) < 2:
        return ""
    places = [date.fromisoformat(day).toordinal() for day, _ in days]
    values = [value for _, value in days]
    low, high = min(values), max(values)
    across = (WIDTH - 2 * _MARGIN) / (places[-1] - places[0])
    up = (HEIGHT - 2 * _MARGIN) / (high - low) if high > low else 0.0
    middle = HEIGHT / 2
    drawn = [
        (_MARGIN + (place - places[0]) * across, HEIGHT - _MARGIN - (value - low) * up if up else middle)
        for place, value in zip(places, values, strict=True)
    ]
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in drawn)
