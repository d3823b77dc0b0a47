"""Time zones of a calendar object: from the names that calendars use to rules that say what time it is.

A name is looked up as IANA name, as Windows name and as the end of a longer name (`/freeassociation…/Europe/Berlin`);
what is none of them is computed from the object's own VTIMEZONE.
"""

from __future__ import annotations

import re
from datetime import date, tzinfo
from functools import cache
from io import StringIO
from zoneinfo import ZoneInfo, available_timezones

from dateutil.tz import tzical
from icalendar import Timezone
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from connectors._kit.dav.contentline import Line, split, unescape
from connectors.caldav.component import CalendarError, Component

_UTC_NAMES = frozenset({"UTC", "ETC/UTC", "ETC/UCT", "UCT", "ZULU", "ETC/ZULU", "GMT", "ETC/GMT"})
_RULES = ("DTSTART", "TZOFFSETFROM", "TZOFFSETTO", "TZNAME", "RRULE", "RDATE")
_YEARLY = re.compile(r"(?i)FREQ=YEARLY(?!.*BY(?:HOUR|MINUTE|SECOND))(;.*)?")
"""The only rules by which clocks change; others could keep us busy for ever."""
_FIRST, _LAST = date(1970, 1, 1), date(2038, 1, 1)


def iana(name: str) -> str:
    """The IANA name that a calendar's name for a zone means; blank when it means none."""
    pieces = name.strip().strip("/").split("/")
    tails = ["/".join(pieces[-count:]) for count in range(min(3, len(pieces)), 0, -1)]
    wanted = [name.strip(), WINDOWS_TO_OLSON.get(name.strip(), ""), *tails]
    return next((one for one in wanted if one in _known()), "")


def is_utc(name: str) -> bool:
    """Whether a name means UTC itself."""
    return name.strip().upper() in _UTC_NAMES


class Zones:
    """The zones of one calendar object. `default` is that of times which name none."""

    def __init__(self, whole: Component, default: str) -> None:
        self._described = {
            unescape(one.text("TZID")): one for one in whole.inner if one.name == "VTIMEZONE" and one.text("TZID")
        }
        self.default = ZoneInfo(default)
        self._worked_out: dict[str, tzinfo] = {}

    def name(self, tzid: str) -> str:
        """The IANA name of a zone; blank when there is none."""
        described = self._described.get(tzid)
        return iana(tzid) or (iana(unescape(described.text("X-LIC-LOCATION"))) if described else "")

    def zone(self, tzid: str) -> tzinfo:
        """The rules of a zone. Raises `CalendarError` for one that nobody describes."""
        if tzid not in self._worked_out:
            name, described = self.name(tzid), self._described.get(tzid)
            rules = ZoneInfo(name) if name else described and _rules(described)
            if rules is None:
                raise CalendarError(f"its time zone '{tzid[:60]}' is neither a known one nor described in it")
            self._worked_out[tzid] = rules
        return self._worked_out[tzid]

    def describes(self, tzid: str) -> bool:
        """Whether the object holds the zone's rules."""
        return tzid in self._described


def described(name: str, end: str) -> list[Line]:
    """The VTIMEZONE of an IANA zone as lines."""
    text = _described(name).replace("\r\n", end)
    return split(text)


@cache
def _described(name: str) -> str:
    text: str = Timezone.from_tzid(name, first_date=_FIRST, last_date=_LAST).to_ical().decode()
    return text


@cache
def _known() -> frozenset[str]:
    return frozenset(available_timezones())


def _rules(described: Component) -> tzinfo | None:
    """Rules out of a VTIMEZONE; None for what makes no sense, or would take for ever to work out."""
    name = "own"
    blocks = [f"BEGIN:{one.name}\n{_kept(one)}END:{one.name}\n" for one in described.inner]
    repeats = [line.value for one in described.inner for line in one.named("RRULE")]
    if not blocks or not all(_YEARLY.fullmatch(rule.strip()) for rule in repeats):
        return None
    try:
        return tzical(StringIO(f"BEGIN:VTIMEZONE\nTZID:{name}\n{''.join(blocks)}END:VTIMEZONE\n")).get(name)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        return None


def _kept(one: Component) -> str:
    return "".join(f"{line.name}:{line.value.strip()}\n" for line in one.lines if line.name in _RULES)
