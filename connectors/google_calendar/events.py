"""From Google's event to what the hub is shown: its own properties, and beside them what a mapping cannot reach.

Whole days are written as midnight UTC, the end behind the last day, as Google keeps it; so no time zone can move them
by a day. A list of guests that is not seen whole is not shown at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connectors._kit.payload import Payload, dig
from connectors.google_calendar.naming import id_of
from connectors.google_calendar.words import ALL_DAY, ENDS, INVITED, KEY, PRIVATE, REPEATS, STARTS, ZONE
from core.model.instant import instant, iso
from core.model.values import Json
from core.ports import Remote

RULE = "RRULE:"
_LEFT_OUT = frozenset({"kind", "etag"})


def remote_of(told: Payload) -> Remote | None:
    """The event as a record, or its tombstone; None for what is no event of people's (`eventType`)."""
    id_ = told.id("id")
    if told.text("status", "") == "cancelled":
        return Remote(id_, {}, version=told.text("etag", None), deleted=True)
    if told.text("eventType", "default") != "default":
        return None
    return Remote(
        id_, shown(told.object("")), version=told.text("etag"), modified_at=told.instant("updated", None),
        problem=_problem(told), key=_key(told.data, id_),
    )  # fmt: skip


def shown(event: Mapping[str, Any]) -> dict[str, Json]:
    """The fields of an event: Google's, then ours."""
    start, end = event.get("start") or {}, event.get("end") or {}
    ours: dict[str, Json] = {
        STARTS: _told(start), ENDS: _told(end), ALL_DAY: "date" in start, ZONE: start.get("timeZone"),
        REPEATS: rule_of(event.get("recurrence") or []),
        INVITED: guests_of(event) if sees_guests(event) else None,
    }  # fmt: skip
    theirs = {name: value for name, value in event.items() if name not in _LEFT_OUT}
    return theirs | {name: value for name, value in ours.items() if value is not None}


def sees_guests(event: Mapping[str, Any]) -> bool:
    """Whether the list of guests is whole."""
    if event.get("attendeesOmitted"):
        return False
    return bool(dig(dict(event), "organizer.self")) or event.get("guestsCanSeeOtherGuests") is not False


def guests_of(event: Mapping[str, Any]) -> list[str]:
    """The addresses of the guests, sorted; this calendar itself and rooms are none."""
    return sorted({address_of(one) for one in event.get("attendees") or () if is_guest(one)})


def is_guest(attendee: Mapping[str, Any]) -> bool:
    """Whether it is a person other than the calendar's own."""
    return not attendee.get("self") and not attendee.get("resource") and bool(attendee.get("email"))


def address_of(attendee: Mapping[str, Any]) -> str:
    """A guest's address, in small letters."""
    return str(attendee["email"]).strip().lower()


def rule_of(lines: list[str]) -> str | None:
    """The rule by which a series repeats, without its name; None where there is none."""
    return next((line.removeprefix(RULE) for line in lines if line.startswith(RULE)), None)


def _told(side: Mapping[str, Any]) -> str | None:
    """One end of an event as a moment in UTC; None where it cannot be told."""
    if "date" in side:
        return f"{side['date']}T00:00:00Z"
    try:
        found = datetime.fromisoformat(side["dateTime"])
        at = found if found.tzinfo else found.replace(tzinfo=ZoneInfo(side["timeZone"]))
    except (KeyError, TypeError, ValueError, ZoneInfoNotFoundError):
        return None
    return iso(instant(at.astimezone(UTC)))


def _problem(told: Payload) -> str | None:
    blank = [side for side in ("start", "end") if _told(told.object(side, {})) is None]
    return f"event {told.id('id')}: its {' and '.join(blank)} cannot be read" if blank else None


def _key(event: Mapping[str, Any], id_: str) -> str | None:
    """The key of our own create. Occurrences of a series and copies inherit it; their ids do not fit."""
    key = dig(dict(event), f"{PRIVATE}.{KEY}")
    return key if isinstance(key, str) and id_of(key) == id_ else None
