"""Working hours: moments and lengths of time counted in the hours in which somebody can be expected to act. Pure.

A day's hours are stretches of minutes in the installation's time zone, so that a window of 15 minutes which begins at
16:58 on a Friday goes on at Monday's opening. Days on which clocks change count by the clock on the wall.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from core.model.instant import MINUTE, Instant, instant, moment

_FARTHEST = 3_700
"""Days that are looked at for an open one, at most; a policy with no open day in ten years has none."""


class Stretch(NamedTuple):
    """Open from one minute of the day to another."""

    opens: int
    closes: int


class Span(NamedTuple):
    """A length of working time: minutes of it, or whole working days."""

    minutes: int = 0
    days: int = 0

    def __str__(self) -> str:
        """As in the file: `15min`, `4h`, `2d`."""
        if self.days:
            return f"{self.days}d"
        return f"{self.minutes // 60}h" if self.minutes and self.minutes % 60 == 0 else f"{self.minutes}min"


@dataclass(frozen=True)
class Hours:
    """When an installation works."""

    zone: str = "UTC"
    """IANA name."""
    week: tuple[tuple[Stretch, ...], ...] = ((Stretch(0, 1440),),) * 7
    """Monday first; each day's stretches in order, not overlapping."""
    holidays: frozenset[date] = frozenset()
    yearly: frozenset[tuple[int, int]] = frozenset()
    """(month, day) of those that come every year."""

    def is_open(self, at: Instant) -> bool:
        """Whether somebody can be expected to act at this moment."""
        here = self._local(at)
        minute = here.hour * 60 + here.minute
        return any(one.opens <= minute < one.closes for one in self._day(here.date()))

    def opening(self, at: Instant) -> Instant:
        """This moment if it is within working hours, else when they next begin."""
        return next((max(since, at) for since, until in self._stretches(at) if until > at), at)

    def after(self, at: Instant, span: Span) -> Instant:
        """When so much working time has passed since a moment.

        Whole days lead to the same time of day, that many working days on; at the latest to that day's closing.
        """
        return self._days_after(at, span.days) if span.days else self._minutes_after(at, span.minutes)

    def between(self, since: Instant, until: Instant) -> Instant:
        """How much working time lies between two moments, in µs; 0 where the second is not later."""
        worked = 0
        for opens, closes in self._stretches(since) if until > since else ():
            if opens >= until:
                break
            worked += max(0, min(closes, until) - max(opens, since))
        return worked

    def _minutes_after(self, at: Instant, minutes: int) -> Instant:
        left = minutes * MINUTE
        for opens, closes in self._stretches(at):
            begins = max(opens, at)
            if closes - begins >= left:
                return begins + left
            left -= max(0, closes - begins)
        return at + minutes * MINUTE

    def _days_after(self, at: Instant, days: int) -> Instant:
        begins = self.opening(at)
        here = self._local(begins)
        day, left = here.date(), days
        for _ in range(_FARTHEST):
            day += timedelta(days=1)
            open_ = self._day(day)
            left -= bool(open_)
            if not left:
                minute = min(here.hour * 60 + here.minute, open_[-1].closes)
                return self._instant(day, max(minute, open_[0].opens))
        return at

    def _stretches(self, at: Instant) -> Iterator[tuple[Instant, Instant]]:
        """The open stretches from the day of a moment on, as moments."""
        if not any(self.week):
            return
        day = self._local(at).date()
        for _ in range(_FARTHEST):
            for one in self._day(day):
                yield self._instant(day, one.opens), self._instant(day, one.closes)
            day += timedelta(days=1)

    def _day(self, day: date) -> tuple[Stretch, ...]:
        off = day in self.holidays or (day.month, day.day) in self.yearly
        return () if off else self.week[day.weekday()]

    def _local(self, at: Instant) -> datetime:
        return moment(at).astimezone(ZoneInfo(self.zone))

    def _instant(self, day: date, minute: int) -> Instant:
        there = datetime.combine(day, time(), ZoneInfo(self.zone)) + timedelta(minutes=minute)
        return instant(there.astimezone(UTC))
