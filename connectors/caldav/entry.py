"""One event or task, read: its fields in plain words.

The mapping speaks of simple fields (`starts`, `all_day`, `attendees`); this module knows where they live in a calendar
object, `editing.py` writes them. No text whatever makes reading fail with anything but `CalendarError`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from connectors._kit.dav.contentline import Line, parts, split, unescape
from connectors._kit.dav.dialect import Content
from connectors.caldav.component import CalendarError, Component, calendar, main_of
from connectors.caldav.times import When, after, told, when
from connectors.caldav.zones import Zones
from core.model.instant import Instant, from_iso
from core.ports import FieldInfo, Fields

EVENT, TASK = "VEVENT", "VTODO"
END = {EVENT: "DTEND", TASK: "DUE"}
"""The property with which each ends; both may have a DURATION instead."""
END_FIELD = {EVENT: "ends", TASK: "due"}
TEXTS = {"summary": "SUMMARY", "description": "DESCRIPTION", "location": "LOCATION", "url": "URL"}
EVENT_STATES = ("tentative", "confirmed", "cancelled")
TASK_STATES = ("open", "done", "cancelled")
PRIORITIES = {"high": range(1, 5), "medium": range(5, 6), "low": range(6, 10)}
"""Three words for the nine numbers (RFC 5545 §3.8.1.9); 0 is none."""
_NOT_PEOPLE = frozenset({"ROOM", "RESOURCE"})

_SHARED = (
    FieldInfo("summary", label="Title"),
    FieldInfo("description", label="Description"),
    FieldInfo("location", label="Place"),
    FieldInfo("url", "url", label="Address to read or join it"),
    FieldInfo("starts", "instant", label="Beginning; of whole days their midnight in UTC"),
    FieldInfo("all_day", "flag", label="Whether it has days and no times"),
    FieldInfo("time_zone", label="IANA name of its time zone; blank for times in UTC"),
    FieldInfo("repeats", label="Rule of its series (RRULE)"),
    FieldInfo("priority", label="Priority", choices=tuple(PRIORITIES)),
    FieldInfo("attendees", "json", label="Addresses of the people invited; no rooms"),
    FieldInfo("organizer", label="Address of whoever invites", read_only=True),
    FieldInfo("categories", "tags", label="Categories"),
    FieldInfo("created", "instant", label="When it was set down", read_only=True),
    FieldInfo("uid", label="Its own id", read_only=True),
    FieldInfo("object", label="The whole object as text", read_only=True),
)
FIELDS = {
    EVENT: (
        *_SHARED,
        FieldInfo("status", label="Whether it still stands", choices=EVENT_STATES),
        FieldInfo("ends", "instant", label="End; of whole days the midnight after the last one"),
    ),
    TASK: (
        *_SHARED,
        FieldInfo("status", label="Where it stands", choices=TASK_STATES),
        FieldInfo("done", "flag", label="Whether it is done", read_only=True),
        FieldInfo("due", "instant", label="When it must be done; of a whole day its midnight in UTC"),
        FieldInfo("completed", "instant", label="When it was done"),
        FieldInfo("percent", "number", label="How much of it is done", read_only=True),
    ),
}
"""The fields of both. Any `X-…` property is a field too, by its name in lower case."""


class Timing(NamedTuple):
    """When something is."""

    starts: When | None
    ends: When | None
    """Told, or worked out from its DURATION; for whole days without an end, one day after the beginning."""
    by: str
    """The property that tells the end: DTEND or DUE, DURATION, or blank."""
    zone: str
    """IANA name of its zone."""

    @property
    def all_day(self) -> bool:
        """Whether it has days and no times."""
        point = self.starts or self.ends
        return point is not None and point.form.is_day


def read(text: str, name: str, zone: str) -> Content | None:
    """An event or task; None for an object of another kind. `zone` is that of times which name none."""
    whole = calendar(split(text))
    main = main_of(whole, name)
    if main is None:
        if not any(one.name != "VTIMEZONE" for one in whole.inner):
            raise CalendarError("the calendar holds nothing")
        return None
    times = timing(main, Zones(whole, zone))
    fields: Fields = {field: _text(main, line) for field, line in TEXTS.items()}
    fields |= {"repeats": main.text("RRULE"), "priority": priority(main), "attendees": attendees(main.lines)}
    fields |= {"organizer": _addresses(main.named("ORGANIZER")), "categories": _categories(main)}
    fields |= {"created": _moment(main, "CREATED"), "uid": _text(main, "UID"), "time_zone": times.zone}
    fields |= {field: told(one.moment) for field, one in _ends(name, times).items() if one}
    fields |= {"status": status(main), **(_progress(main) if name == TASK else {})}
    fields |= {line.name.lower(): _text(main, line.name) for line in main.lines if is_extra(line.name.lower())}
    kept = {field: value for field, value in fields.items() if value not in ("", [], None)}
    if times.starts or times.ends:
        kept["all_day"] = times.all_day
    return Content(kept | {"object": text}, _revised(whole, name))


def timing(main: Component, zones: Zones) -> Timing:
    """When an event or task is."""
    starts = next((when(line, zones) for line in main.named("DTSTART")), None)
    ends, by = next((when(line, zones) for line in main.named(END[main.name])), None), END[main.name]
    if ends is None and starts and (length := main.text("DURATION")):
        ends, by = When(after(starts, length), starts.form), "DURATION"
    if ends is None:
        by = ""
        is_day = main.name == EVENT and starts is not None and starts.form.is_day
        ends = When(starts.moment + timedelta(days=1), starts.form) if starts and is_day else None
    point = starts or ends
    return Timing(starts, ends, by, zones.name(point.form.tzid) if point and point.form.tzid else "")


def status(main: Component) -> str:
    """Where it stands, in our word; a task that says nothing is judged by what else it says."""
    word = main.text("STATUS").upper()
    if main.name == EVENT:
        return word.lower() if word.lower() in EVENT_STATES else ""
    if not word:
        return "done" if main.text("COMPLETED") or main.text("PERCENT-COMPLETE") == "100" else "open"
    return {"COMPLETED": "done", "CANCELLED": "cancelled"}.get(word, "open")


def priority(main: Component) -> str:
    """One of three words; blank for none."""
    number = main.text("PRIORITY")
    found = (word for word, numbers in PRIORITIES.items() if number.isdecimal() and int(number[:9]) in numbers)
    return next(found, "")


def attendees(lines: Iterable[Line]) -> list[str]:
    """The addresses of the people invited, each once."""
    found = [address(line) for line in lines if is_person(line)]
    return [one for one in dict.fromkeys(found) if one]


def is_person(line: Line) -> bool:
    """Whether a line invites somebody, and no room or device."""
    return line.name == "ATTENDEE" and line.parameter("CUTYPE").upper() not in _NOT_PEOPLE


def address(line: Line) -> str:
    """The mail address of an ATTENDEE or ORGANIZER; blank where it has none."""
    scheme, colon, rest = line.value.strip().partition(":")
    # iCloud names people by a path of its own and gives the address beside it.
    return rest.strip() if colon and scheme.lower() == "mailto" else line.parameter("EMAIL").strip()


def is_extra(name: str) -> bool:
    """Whether a field, by its lower-case name, is an `X-…` property."""
    return bool(re.fullmatch(r"x-[\w-]+", name))


def _ends(name: str, times: Timing) -> dict[str, When | None]:
    return {"starts": times.starts, END_FIELD[name]: times.ends}


def _progress(main: Component) -> Fields:
    percent = main.text("PERCENT-COMPLETE")
    return {
        "done": status(main) == "done",
        "completed": _moment(main, "COMPLETED"),
        "percent": int(percent) if percent.isdecimal() and len(percent) < 4 else None,
    }


def _text(main: Component, name: str) -> str:
    return unescape(main.text(name))


def _addresses(lines: Iterable[Line]) -> str:
    return next(filter(None, map(address, lines)), "")


def _categories(main: Component) -> list[str]:
    words = [unescape(word) for line in main.named("CATEGORIES") for word in parts(line.value, ",")]
    return [word for word in dict.fromkeys(words) if word]


def _moment(main: Component, name: str) -> str:
    """A stamp in UTC; blank for none, or for one that says no zone."""
    found = re.fullmatch(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z", main.text(name), re.ASCII)
    try:
        return told(datetime.fromisoformat("{}-{}-{}T{}:{}:{}+00:00".format(*found.groups()))) if found else ""
    except ValueError:
        return ""


def _revised(whole: Component, name: str) -> Instant | None:
    """The newest LAST-MODIFIED of the series and its overrides."""
    stamps = [_moment(one, "LAST-MODIFIED") for one in whole.inner if one.name == name]
    return max((from_iso(stamp) for stamp in stamps if stamp), default=None)
