"""Working hours: moments and lengths of time counted in the hours in which somebody can be expected to act. Pure.

A day's hours are stretches of minutes in the installation's time zone, so that a window of 15 minutes which begins at
16:58 on a Friday goes on at Monday's opening. Days on which clocks change count by the clock on the wall: opening at
nine is nine before and after, an hour that is skipped is nobody's, and one that comes twice is worked twice.

Where no day is ever open, every hour counts: a policy must not let everything wait for ever.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate
from typing import NamedTuple
from zoneinfo import ZoneInfo

from core.model.instant import DAY, MINUTE, Instant, instant, moment

_FARTHEST = 3_700
"""Days that are looked at for an open one, at most; a policy with no open day in ten years has none."""

_SHEET = 64 * DAY
"""So much of the calendar is worked out at once and kept; a question is then a search in a sorted list."""

_CALENDAR = (0, instant(datetime(9900, 1, 1, tzinfo=UTC)))
"""Moments outside are placeholders that nobody works towards; every hour counts there."""


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


class _Sheet(NamedTuple):
    """The open stretches of a part of the calendar, in order, as moments."""

    opens: list[Instant]
    closes: list[Instant]
    worked: list[Instant]
    """Working time from the sheet's begin to each closing."""

    @property
    def whole(self) -> Instant:
        """All its working time."""
        return self.worked[-1] if self.worked else 0

    def until(self, at: Instant) -> Instant:
        """Its working time before a moment."""
        last = bisect_right(self.opens, at) - 1
        return self.worked[last] - max(0, self.closes[last] - at) if last >= 0 else 0


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
    _days: dict[int, tuple[tuple[Instant, Instant], ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _sheets: dict[int, _Sheet] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What is worked out already, by day and sheet; threads may work one out twice, and find the same."""

    def is_open(self, at: Instant) -> bool:
        """Whether somebody can be expected to act at this moment."""
        return any(sheet.closes[place] > at >= sheet.opens[place] for sheet, place in self._next(at))

    def opening(self, at: Instant) -> Instant:
        """This moment if it is within working hours, else when they next begin."""
        return next((max(sheet.opens[place], at) for sheet, place in self._next(at)), at)

    def after(self, at: Instant, span: Span) -> Instant:
        """When so much working time has passed since a moment.

        Whole days lead to the same time of day, that many working days on; where that day is closed then, to the
        closing before it, or to its opening.
        """
        if span.days:
            return self._days_after(at, span.days)
        return self._minutes_after(at, span.minutes) if span.minutes else self.opening(at)

    def between(self, since: Instant, until: Instant) -> Instant:
        """How much working time lies between two moments, in µs; 0 where the second is not later."""
        if until <= since or not self._counts(since) or not self._counts(until):
            return 0
        first, last = since // _SHEET, until // _SHEET
        worked = sum(self._sheet(number).whole for number in range(first, last))
        return worked + self._sheet(last).until(until) - self._sheet(first).until(since)

    def day_of(self, at: Instant) -> str:
        """The day by the clock on the wall, such as `2026-11-30`."""
        return self._local(at).date().isoformat()

    def week_of(self, at: Instant) -> str:
        """The ISO week by the clock on the wall, such as `2026-W49`; around New Year it may be of the other year."""
        year, week, _ = self._local(at).isocalendar()
        return f"{year}-W{week:02}"

    def _minutes_after(self, at: Instant, minutes: int) -> Instant:
        if self._counts(at):
            first = at // _SHEET
            wanted = self._sheet(first).until(at) + minutes * MINUTE
            for number in range(first, first + _FARTHEST * DAY // _SHEET):
                sheet = self._sheet(number)
                if wanted <= sheet.whole:
                    place = bisect_left(sheet.worked, wanted)
                    return sheet.closes[place] - (sheet.worked[place] - wanted)
                wanted -= sheet.whole
        return at + minutes * MINUTE

    def _days_after(self, at: Instant, days: int) -> Instant:
        here = self._local(self.opening(at)) if self._counts(at) else None
        today, left = here.toordinal() if here else 0, days
        for number in range(today + 1, today + _FARTHEST) if here else ():
            stretches = self._day(number)
            left -= bool(stretches)
            if here and not left:
                wanted = self._instant(datetime.combine(date.fromordinal(number), here.time()))
                begun = [one for one in stretches if one[0] <= wanted]
                return min(wanted, begun[-1][1]) if begun else stretches[0][0]
        return at + days * DAY

    def _next(self, at: Instant) -> Iterator[tuple[_Sheet, int]]:
        """Where the first stretch stands that ends after a moment; nothing where there is none."""
        first = at // _SHEET
        for number in range(first, first + _FARTHEST * DAY // _SHEET) if self._counts(at) else ():
            sheet = self._sheet(number)
            place = bisect_right(sheet.closes, at)
            if place < len(sheet.closes):
                yield sheet, place
                return

    def _counts(self, at: Instant) -> bool:
        return any(self.week) and _CALENDAR[0] < at < _CALENDAR[1]

    def _sheet(self, number: int) -> _Sheet:
        found = self._sheets.get(number)
        if found is None:
            begins, ends = number * _SHEET, (number + 1) * _SHEET
            days = range(self._local(begins).toordinal() - 1, self._local(ends).toordinal() + 2)
            each = [(max(one[0], begins), min(one[1], ends)) for day in days for one in self._day(day)]
            stretches = [(opens, closes) for opens, closes in each if closes > opens]
            worked = list(accumulate(closes - opens for opens, closes in stretches))
            found = _Sheet([one[0] for one in stretches], [one[1] for one in stretches], worked)
            self._sheets[number] = found
        return found

    def _day(self, number: int) -> tuple[tuple[Instant, Instant], ...]:
        """A day's open stretches, as moments; those that a change of clocks swallows are left out."""
        found = self._days.get(number)
        if found is None:
            day = date.fromordinal(number)
            off = day in self.holidays or (day.month, day.day) in self.yearly
            midnight = datetime.combine(day, time())
            each = [
                [self._instant(midnight + timedelta(minutes=minute)) for minute in one]
                for one in (() if off else self.week[day.weekday()])
            ]
            found = self._days[number] = tuple((opens, closes) for opens, closes in each if closes > opens)
        return found

    def _local(self, at: Instant) -> datetime:
        return moment(at).astimezone(ZoneInfo(self.zone))

    def _instant(self, wall: datetime) -> Instant:
        """The moment a clock on the wall first shows this, or first shows more where it never does."""
        there = wall.replace(tzinfo=ZoneInfo(self.zone))
        # Of the two readings of a time that is skipped, the first is the later one (PEP 495).
        while instant(there) > instant(there.replace(fold=1)):
            there = there.replace(second=0, microsecond=0) + timedelta(minutes=1)
        return instant(there)
