"""A series that moves: the instances that were taken out, added or changed move with it.

EXDATE, RDATE and RECURRENCE-ID name instances by when they would have been. Left alone after the series moved, they
would name nothing, and what somebody took out would be back.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from connectors._kit.dav.contentline import Line
from connectors._kit.dav.draft import Draft
from connectors.caldav.component import CalendarError, Component
from connectors.caldav.times import When, point
from connectors.caldav.zones import Zones

_NAMING = ("EXDATE", "RDATE")
_OF_A_SERIES = ("RRULE", "RDATE", "EXDATE", "EXRULE")


def move(draft: Draft, whole: Component, main: Component, zones: Zones, before: When, after: When) -> None:
    """Let the exceptions of a series follow its beginning. Raises `CalendarError` where that has no meaning."""
    naming = [*_exceptions(main), *_recurrences(whole, main)]
    if not naming or not any(main.named(name) for name in ("RRULE", "RDATE")):
        return
    if before.form != after.form:
        raise CalendarError("the series has instances of its own; whole days and time zone can only be changed there")
    by = _local(after) - _local(before)
    for line in naming if by else ():
        tzid = line.parameter("TZID")
        moved = [_moved(value, tzid, zones, before, by) for value in line.value.split(",")]
        draft.swap(line, ",".join(moved))


def dissolve(draft: Draft, whole: Component, main: Component) -> None:
    """What is no series any more has no rule, no exceptions and no changed instances."""
    draft.remove(line for name in _OF_A_SERIES for line in main.named(name))
    for one in whole.inner:
        if one.name == main.name and one is not main and one.named("RECURRENCE-ID"):
            first = draft.place_of(one.first)
            depth, place = 0, first
            while place == first or depth:
                depth += {"BEGIN": 1, "END": -1}.get(draft.lines[place].name, 0)
                place += 1
            del draft.lines[first:place]


def fitted(rule: str, start: When | None) -> str:
    """A rule whose UNTIL has the form of the beginning, as the standard asks: a day, or a moment in UTC."""
    found = re.search(r"(?i)(UNTIL=)(\d{8})(T\d{6}Z?)?", rule)
    if found is None or start is None or start.form.is_day == (found[3] is None):
        return rule
    until = found[2] if start.form.is_day else f"{found[2]}T235959Z"
    return rule[: found.start()] + f"UNTIL={until}" + rule[found.end() :]


def _exceptions(main: Component) -> list[Line]:
    return [line for name in _NAMING for line in main.named(name)]


def _recurrences(whole: Component, main: Component) -> list[Line]:
    return [
        line for one in whole.inner if one.name == main.name and one is not main for line in one.named("RECURRENCE-ID")
    ]


def _moved(value: str, tzid: str, zones: Zones, series: When, by: timedelta) -> str:
    """One instance's name, moved on the series' own clock and written as it was."""
    begins, slash, rest = value.partition("/")
    here = point(begins, tzid, zones)
    local = here.moment.astimezone(series.form.zone).replace(tzinfo=None) + by
    moved = here.form.spelled(local.replace(tzinfo=series.form.zone).astimezone(UTC))[1]
    if slash and not rest.strip().upper().startswith(("P", "+P")):
        rest = _moved(rest, tzid, zones, series, by)
    return moved + slash + rest


def _local(one: When) -> datetime:
    return one.moment.astimezone(one.form.zone).replace(tzinfo=None)
