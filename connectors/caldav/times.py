"""Points in time as calendars write them: a day, a moment in UTC, a time in a zone, or a time in nobody's zone.

The mapping speaks of moments in UTC; a day is its midnight in UTC. Everything here is a value; the lines that hold
times are changed in `timing.py`.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple

from connectors._kit.dav.contentline import Line
from connectors.caldav.component import CalendarError
from connectors.caldav.zones import Zones
from core.model.values import Json

_POINT = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z)?)?", re.ASCII)
_SPAN = re.compile(
    r"([+-])?P(?:(\d{1,6})W)?(?:(\d{1,6})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,8})M)?(?:(\d{1,9})S)?)?", re.ASCII
)


class Form(NamedTuple):
    """How a time is written."""

    is_day: bool
    zone: tzinfo
    """In which the digits are; UTC for days."""
    tzid: str = ""
    """The zone's name as it is spelt in the line."""
    mark: str = ""
    """`Z` for UTC."""

    def spelled(self, moment: datetime) -> tuple[list[str], str]:
        """Parameters and value of a line for this moment."""
        local = moment.astimezone(self.zone)
        if self.is_day:
            return ["VALUE=DATE"], f"{local:%Y%m%d}".zfill(8)
        tzid = f'"{self.tzid}"' if re.search("[:;,]", self.tzid) else self.tzid
        return [f"TZID={tzid}"] if self.tzid else [], f"{local:%Y%m%dT%H%M%S}".zfill(15) + self.mark


DAY = Form(is_day=True, zone=UTC)
IN_UTC = Form(is_day=False, zone=UTC, mark="Z")


class When(NamedTuple):
    """A point in time with the way it is written."""

    moment: datetime
    """Aware; a day's midnight in UTC."""
    form: Form


def when(line: Line, zones: Zones) -> When:
    """The point in time of a line such as DTSTART. Raises `CalendarError` for what is none."""
    return point(line.value, line.parameter("TZID"), zones)


def point(value: str, tzid: str, zones: Zones) -> When:
    """A point in time out of one value."""
    found = _POINT.fullmatch(value.strip())
    try:
        if found is None:
            raise ValueError(value)
        day = date(int(found[1]), int(found[2]), int(found[3]))
        if found[4] is None:
            return When(datetime.combine(day, time(), UTC), DAY)
        clock = time(int(found[4]), int(found[5]), min(int(found[6]), 59))
        form = _form(found[7] or "", tzid, zones)
        return When(datetime.combine(day, clock, form.zone).astimezone(UTC), form)
    except (ValueError, OverflowError) as error:
        if isinstance(error, CalendarError):
            raise
        raise CalendarError(f"'{value[:30]}' is no date or time") from error


def after(start: When, span: str) -> datetime:
    """The moment at which a DURATION that begins there ends: its days count on the calendar, its hours on the clock."""
    found = _SPAN.fullmatch(span.strip().upper())
    if found is None:
        raise CalendarError(f"'{span[:30]}' is no duration")
    weeks, days, hours, minutes, seconds = (int(one or 0) for one in found.groups()[1:])
    sign = -1 if found[1] == "-" else 1
    try:
        local = start.moment.astimezone(start.form.zone).replace(tzinfo=None) + sign * timedelta(days, weeks=weeks)
        moment = local.replace(tzinfo=start.form.zone).astimezone(UTC)
        return moment + sign * timedelta(hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError as error:
        raise CalendarError(f"'{span[:30]}' is no duration that can be") from error


def span(begins: datetime, ends: datetime, *, is_day: bool) -> str:
    """The DURATION between two moments."""
    seconds = int((ends - begins).total_seconds())
    if is_day:
        return f"P{seconds // 86_400}D"
    hours, minutes, seconds = seconds // 3600, seconds // 60 % 60, seconds % 60
    told = "".join(f"{count}{unit}" for count, unit in ((hours, "H"), (minutes, "M"), (seconds, "S")) if count)
    return f"PT{told or '0S'}"


def moment_of(name: str, value: Json) -> datetime | None:
    """A field's moment, whole seconds; None for blank. Raises `CalendarError` for what is no moment."""
    if value is None or value == "":
        return None
    try:
        read = datetime.fromisoformat(str(value))
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError) as error:
        raise CalendarError(f"'{name}' takes a moment like 2026-11-23T10:00:00Z, not '{str(value)[:30]}'") from error


def told(moment: datetime) -> str:
    """A moment as a field says it."""
    return moment.astimezone(UTC).replace(tzinfo=None, microsecond=0).isoformat() + "Z"


def _form(mark: str, tzid: str, zones: Zones) -> Form:
    if mark:
        return IN_UTC
    if tzid:
        return Form(is_day=False, zone=zones.zone(tzid), tzid=tzid)
    # A time without a zone is that of whoever looks; here that is the zone the admin named.
    return Form(is_day=False, zone=zones.default)
