"""From an edit to the body of a call: pure, but for the calendar's time zone, which is asked for only if it is needed.

An update is a PATCH, whose arrays are replaced whole and whose objects are merged: what the edit does not name stays,
whether we know it or not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connectors._kit.payload import nested
from connectors.google_calendar.events import RULE, address_of, guests_of, is_guest, sees_guests
from connectors.google_calendar.naming import id_of
from connectors.google_calendar.trouble import GUESTS_HIDDEN, NO_START
from connectors.google_calendar.words import (
    ALL_DAY,
    ENDS,
    INVITED,
    KEY,
    LISTS,
    LONGEST_NAME,
    LONGEST_VALUE,
    PRIVATE,
    REPEATS,
    SHARED,
    STARTS,
    TIMES,
    WRITTEN,
    ZONE,
)
from core.errors import Refused, Unsupported
from core.model.instant import from_iso, moment
from core.model.values import Json
from core.ports import Edit, Verb

Body = dict[str, Any]
Zone = Callable[[], str]
_DAY = timedelta(days=1)


def needs_look(edit: Edit) -> bool:
    """Whether the event must be seen first: a list or a time is made of what is there, and that is not known whole."""
    touched = {name.partition(".")[0] for name in edit.fields}
    made_of_old = bool(touched & LISTS) or bool(touched & TIMES)
    return made_of_old and (edit.version is None or edit.held.get("id") != edit.remote_id)


def body_of(edit: Edit, held: Mapping[str, Json], zone: Zone) -> Body:
    """The body of a call; `held` is the event as it is, `zone` gives the calendar's time zone.

    Raises `Refused` for what Google cannot hold, `Unsupported` for fields that nobody can write.
    """
    fields = _whole_objects(edit.fields)
    body: Body = {}
    for path, value in fields.items():
        if path not in TIMES | LISTS:
            _check(path, value)
            body[path] = value
    creating = edit.verb is Verb.CREATE
    if creating or TIMES & fields.keys() or fields.get(REPEATS):
        body |= _times({**held, **fields}, zone, patch=not creating)
    if REPEATS in fields:
        body["recurrence"] = _lines(held.get("recurrence") or [], fields[REPEATS])
    if INVITED in fields:
        body["attendees"] = _guests(held, fields[INVITED] or [])
    if creating:
        body[f"{PRIVATE}.{KEY}"] = edit.key
        given = {name: value for name, value in body.items() if value not in (None, [])}
        return {"id": id_of(edit.key), **nested(given)}
    return nested(body)


# --- plain fields


def _whole_objects(fields: Mapping[str, Json]) -> dict[str, Json]:
    """The fields by path, with a given object of properties taken apart."""
    flat: dict[str, Json] = {}
    for path, value in fields.items():
        if path in ("extendedProperties", PRIVATE, SHARED) and isinstance(value, dict):
            flat |= _whole_objects({f"{path}.{name}": inner for name, inner in value.items()})
        else:
            flat[path] = value
    return flat


def _check(path: str, value: Json) -> None:
    start, _, name = path.rpartition(".")
    if start in (PRIVATE, SHARED):
        if len(name) > LONGEST_NAME or len(str(value or "")) > LONGEST_VALUE:
            what = f"a name of {LONGEST_NAME} characters and a value of {LONGEST_VALUE}"
            raise Refused(f"Google keeps {what} at most in a property of an event, and drops the rest.", field=path)
        if value is not None and not isinstance(value, str):
            raise Refused("Google keeps text alone in a property of an event.", field=path)
    elif path.partition(".")[0] not in WRITTEN:
        raise Unsupported(f"Google Calendar lets nobody write {path}.", field=path)
    elif path == "status" and value == "cancelled":
        raise Refused("An event with the status cancelled is a deleted one.", field=path)


# --- times


def _times(values: Mapping[str, Json], zone: Zone, *, patch: bool) -> Body:
    """Both ends of the event: days, or moments."""
    start, end = _at(values, STARTS), _at(values, ENDS)
    if start is None:
        raise Refused("Google takes no event without a start.", code=NO_START, field=STARTS)
    name = values.get(ZONE)
    if values.get(ALL_DAY):
        first, behind = _days(start, end, str(name or "UTC"))
        return {"start": _side({"date": first}, patch), "end": _side({"date": behind}, patch)}
    if not name and values.get(REPEATS):
        # A series repeats by the clock of some place.
        name = zone()
    place = {"timeZone": name} if name else {}
    ends = max(start, end) if end is not None else start
    return {
        "start": _side({"dateTime": _iso(start), **place}, patch),
        "end": _side({"dateTime": _iso(ends), **place}, patch),
    }


def _side(given: Body, patch: bool) -> Body:
    """In a PATCH, what the other kind of time had is taken away."""
    return {**dict.fromkeys(("date", "dateTime", "timeZone")), **given} if patch else given


def _days(start: datetime, end: datetime | None, zone: str) -> tuple[str, str]:
    """The first day, and the day behind the last."""
    first = _midnight(start, zone)
    behind = _midnight(end, zone, up=True) if end is not None else first
    return f"{first:%Y-%m-%d}", f"{max(behind, first + _DAY):%Y-%m-%d}"


def _midnight(at: datetime, zone: str, *, up: bool = False) -> datetime:
    """The day of a moment: of midnight UTC that very day, of any other the day in the time zone."""
    if at.time() == datetime.min.time():
        return at
    try:
        local = at.astimezone(ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError):
        local = at
    day = datetime(local.year, local.month, local.day, tzinfo=UTC)
    return day + _DAY if up and local.time() != datetime.min.time() else day


def _at(values: Mapping[str, Json], name: str) -> datetime | None:
    text = values.get(name)
    if not text:
        return None
    try:
        return moment(from_iso(str(text)))
    except ValueError:
        raise Refused("A time of an event is a moment with an offset.", field=name) from None


def _iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


# --- lists


def _lines(held: Iterable[str], rule: Json) -> list[str]:
    """The lines of a series with another rule; days that were taken out stay out. Without a rule it is no series."""
    if not rule:
        return []
    rest = [line for line in held if not line.startswith(RULE)]
    return [f"{RULE}{str(rule).removeprefix(RULE)}", *rest]


def _guests(held: Mapping[str, Any], wanted: Json) -> list[Body]:
    """The list of guests with those that are wanted; who stays keeps their answer, rooms and the calendar stay."""
    if held and not sees_guests(held):
        raise Refused("Google does not show all guests of this event.", code=GUESTS_HIDDEN, field=INVITED)
    if not isinstance(wanted, list):
        raise Refused("The guests of an event are a list of addresses.", field=INVITED)
    addresses = {str(one).strip().lower() for one in wanted}
    known = set(guests_of(held))
    stay = [one for one in held.get("attendees") or () if not is_guest(one) or address_of(one) in addresses]
    return [*stay, *({"email": one} for one in sorted(addresses - known))]
