"""Scoring: the figures of the scorecard, over all open records or by groups, and once a day kept for the trend."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple

from core.flow.hub import Hub
from core.model.instant import HOUR, MINUTE, Instant
from core.store import Tx, scorecards, scores
from core.store.scorecards import Day

KEPT = 396
"""Days for which figures are kept: thirteen months, so that a month can be held against that of the year before."""

Figures = dict[str, Any]


class Group(NamedTuple):
    """The figures of one group."""

    key: Any
    figures: Figures


def figures(tx: Tx, at: Instant) -> Figures:
    """How all open records stand."""
    (found,) = groups(tx, None, at)
    return found.figures


def groups(tx: Tx, by: str | None, at: Instant) -> list[Group]:
    """How they stand by a word of `scores.GROUPS` or `tool`; four statements, however many there are."""
    answers = scores.parts(tx, by, "answered", (50, 90))
    unworked, overdue = (scores.parts(tx, by, mark, (50, 0)) for mark in ("unworked", "overdue"))
    return [
        Group(
            one.key,
            {
                **one.counts,
                "first_answer_minutes": dict(
                    zip(("p50", "p90"), _lengths(answers, one.key, MINUTE), strict=True)
                ),
                "unworked_hours": _ages(unworked, one.key, at),
                "overdue_hours": _ages(overdue, one.key, at),
            },
        )
        for one in scores.scores(tx, by, at)
    ]  # fmt: skip


def _lengths(found: Mapping[Any, tuple[int, ...]], key: Any, unit: Instant) -> list[float | None]:
    return [round(one / unit, 1) for one in found[key]] if key in found else [None, None]


def _ages(found: Mapping[Any, tuple[int, ...]], key: Any, at: Instant) -> dict[str, float | None]:
    """How long ago it began, for half of them at most and for the first, in hours."""
    ages = {key: tuple(at - one for one in found[key])} if key in found else {}
    return dict(zip(("p50", "oldest"), _lengths(ages, key, HOUR), strict=True))


def keep_day(hub: Hub) -> bool:
    """Keep today's figures unless they are kept, or no policy asks anything; gives whether they were kept now."""
    now = hub.clock()
    today = hub.movement.hours.day_of(now)
    with hub.store.reading() as tx:
        if not hub.movement.stages or (scorecards.newest(tx) or "") >= today:
            return False
        day = Day(today, now, hub.movement.mark, figures(tx, now))
    oldest = (date.fromisoformat(today) - timedelta(days=KEPT)).isoformat()
    with hub.store.writing() as tx:
        scorecards.keep(tx, day, oldest=oldest)
    return True
