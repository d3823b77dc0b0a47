"""What the sandbox takes for an event, and in which form it keeps it.

Google re-spells: a moment gets the offset of its time zone, guests get an answer, and properties that are too long are
cut or dropped without a word.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connectors.google_calendar.sandbox_problems import Problem, invalid, required
from connectors.google_calendar.sandbox_store import Body, Calendar

ID = re.compile(r"[a-v0-9]{5,1024}")
READ_ONLY = frozenset({
    "kind", "etag", "id", "created", "updated", "creator", "organizer", "htmlLink", "hangoutLink", "iCalUID",
    "recurringEventId", "originalStartTime", "eventType", "attendeesOmitted", "locked", "privateCopy", "sequence",
    "endTimeUnspecified",
})  # fmt: skip
"""Taken no notice of in a change."""
OWN = frozenset({"colorId", "reminders", "transparency", "visibility", "extendedProperties", "attendees"})
"""What a guest may change in their own copy."""
_LINE = re.compile(r"(RRULE|EXRULE|RDATE|EXDATE)[:;].+")
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_LONGEST_NAME, _LONGEST_VALUE = 44, 1024


def checked(calendar: Calendar, body: Body) -> Body:
    """The event as it is kept; a `Problem` where Google refuses it."""
    for side in ("start", "end"):
        if not isinstance(body.get(side), Mapping):
            raise required(f"Missing {side} time.")
    kept = {**body, "start": _time(calendar, body["start"], "start"), "end": _time(calendar, body["end"], "end")}
    if ("date" in kept["start"]) != ("date" in kept["end"]):
        raise invalid("Start and end times must either both be date or both be dateTime.")
    if _moment(kept["end"]) < _moment(kept["start"]) or kept["start"].get("date", "") == kept["end"].get("date", "-"):
        raise Problem(400, "timeRangeEmpty", "The specified time range is empty.", domain="calendar")
    if kept.get("recurrence"):
        _check_recurrence(body)
    if "attendees" in kept:
        kept["attendees"] = [_guest(calendar, kept, one) for one in kept["attendees"]]
    if "extendedProperties" in kept:
        kept["extendedProperties"] = {kind: _cut(own) for kind, own in kept["extendedProperties"].items() if own}
    if kept.get("status", "confirmed") not in ("confirmed", "tentative", "cancelled"):
        raise invalid("Invalid value for: status")
    return {name: value for name, value in kept.items() if value not in (None, [], {})}


def patched(old: Mapping[str, Any], change: Mapping[str, Any]) -> Body:
    """Patch semantics: objects are merged, arrays replaced, a null takes away."""
    merged = dict(old)
    for name, value in change.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, Mapping):
            inner = merged.get(name)
            merged[name] = patched(inner if isinstance(inner, Mapping) else {}, value)
        else:
            merged[name] = value
    return merged


def _time(calendar: Calendar, given: Mapping[str, Any], side: str) -> Body:
    """One end of an event: a date, or a moment with the offset of its time zone."""
    zone = given.get("timeZone")
    if "date" in given:
        if "dateTime" in given or not _is_date(given["date"]):
            raise invalid(f"Invalid {side} time.")
        return {"date": given["date"], **({"timeZone": zone} if zone else {})}
    try:
        place = ZoneInfo(zone or calendar.zone)
        found = datetime.fromisoformat(given["dateTime"])
    except ZoneInfoNotFoundError:
        raise invalid(f"Invalid time zone definition for {side} time.") from None
    except (KeyError, TypeError, ValueError):
        raise invalid(f"Invalid {side} time.") from None
    if found.tzinfo is None and not zone:
        raise required(f"Missing time zone definition for {side} time.")
    local = found.astimezone(place) if found.tzinfo else found.replace(tzinfo=place)
    text = local.replace(microsecond=0).isoformat()
    return {"dateTime": text.replace("+00:00", "Z"), "timeZone": zone or calendar.zone}


def _is_date(text: Any) -> bool:
    return isinstance(text, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", text) is not None


def _moment(side: Mapping[str, Any]) -> datetime:
    if "date" in side:
        return datetime.combine(date.fromisoformat(side["date"]), datetime.min.time(), UTC)
    return datetime.fromisoformat(side["dateTime"])


def _check_recurrence(body: Body) -> None:
    if body.get("recurringEventId"):
        raise invalid("Recurring event instances cannot be recurring themselves.")
    if not all(isinstance(line, str) and _LINE.fullmatch(line) for line in body["recurrence"]):
        raise invalid("Invalid recurrence rule.")
    if "dateTime" in body["start"] and not body["start"].get("timeZone"):
        raise required("Missing time zone definition for start time.")


def _guest(calendar: Calendar, body: Mapping[str, Any], given: Mapping[str, Any]) -> Body:
    email = str(given.get("email", ""))
    if not _ADDRESS.fullmatch(email):
        raise invalid("Invalid attendee email.")
    guest = {"responseStatus": "needsAction", **{name: one for name, one in given.items() if name != "self"}}
    if email == calendar.id:
        guest["self"] = True
    if email == body.get("organizer", {}).get("email", ""):
        guest["organizer"] = True
    return guest


def _cut(own: Mapping[str, Any]) -> Body:
    return {name: str(one)[:_LONGEST_VALUE] for name, one in own.items() if len(name) <= _LONGEST_NAME}
