"""Edits of an event or task that leave every other line of its object as it stands.

The laws, held by tests: what was edited reads back as it was written, what was not edited stays byte for byte
(alarms, time zones, changed instances, unknown lines), and an edit that changes nothing changes nothing. DTSTAMP,
LAST-MODIFIED and SEQUENCE follow on their own, and so does what would contradict the edit: an HTML twin of the
description, the map behind the place.
"""

from __future__ import annotations

from collections.abc import Callable

from connectors._kit.dav.contentline import Line, escape, unescape
from connectors._kit.dav.draft import Draft, listed, plain
from connectors.caldav.component import CalendarError, Component, calendar, main_of
from connectors.caldav.entry import (
    END_FIELD,
    EVENT,
    EVENT_STATES,
    PRIORITIES,
    TASK,
    TASK_STATES,
    TEXTS,
    address,
    is_extra,
    is_person,
    priority,
    status,
)
from connectors.caldav.times import moment_of
from connectors.caldav.timing import NAMES, fit_rule, put_rule, put_times
from core.model.instant import Instant, moment
from core.model.values import Json
from core.ports import Fields

SIGNIFICANT = ("DTSTART", "DTEND", "DUE", "DURATION", "RRULE", "RDATE", "EXDATE", "STATUS")
"""Lines whose change makes a new revision that invited people must know of (RFC 5545 §3.8.7.4)."""
_TWINS = {"DESCRIPTION": ("X-ALT-DESC",), "LOCATION": ("GEO", "X-APPLE-STRUCTURED-LOCATION")}
"""Lines that say the same in another form, and would go on saying the old."""
_BARE = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Concord//Concord//EN\r\nBEGIN:{name}\r\nUID:{uid}\r\nDTSTAMP:{at}\r\n"
    "CREATED:{at}\r\nLAST-MODIFIED:{at}\r\nSEQUENCE:0\r\nEND:{name}\r\nEND:VCALENDAR\r\n"
)


def new(name: str, uid: str, changes: Fields, at: Instant, *, zone: str) -> str:
    """An object with one event or task of these fields. Raises `CalendarError`."""
    draft = _Draft(_BARE.format(name=name, uid=uid, at=_stamp(at)), name, zone, at)
    draft.change({"starts": None, **changes} if name == EVENT else changes)
    return draft.text


def edit(text: str, name: str, changes: Fields, at: Instant, *, zone: str) -> str:
    """The object with these fields of its event or task changed; None, blank text and empty lists clear.

    Raises `CalendarError`.
    """
    draft = _Draft(text, name, zone, at)
    before = draft.significant()
    draft.change(changes)
    if draft.text != text:
        draft.note_revision(significant=draft.significant() != before)
    return draft.text


def significant(text: str, name: str) -> tuple[str, ...]:
    """What invited people must know of, for comparing."""
    return _Draft(text, name, "UTC", 0).significant()


class _Draft(Draft):
    """An object being edited, with an eye on its event or task."""

    def __init__(self, text: str, name: str, zone: str, at: Instant) -> None:
        super().__init__(text)
        self.name, self.zone, self.at = name, zone, at

    def main(self) -> Component:
        """The event or task itself."""
        found = main_of(calendar(self.lines), self.name)
        if found is None:
            raise CalendarError("there is no such entry in it any more")
        return found

    def own(self) -> list[Line]:
        """Its own lines; of a bare one, the line that begins it."""
        main = self.main()
        return [*main.lines] or [main.first]

    def significant(self) -> tuple[str, ...]:
        """The lines that invited people must know of."""
        return tuple(line.raw for line in self.own() if line.name in SIGNIFICANT)

    def change(self, changes: Fields) -> None:
        """Make all these changes."""
        rest = {field: value for field, value in changes.items() if field not in (*NAMES, "repeats")}
        for field, value in rest.items():
            self.put(field, value)
        if times := {field: value for field, value in changes.items() if field in NAMES}:
            self.check_ends(times)
            put_times(self, self.name, self.zone, times)
        if "repeats" in changes:
            put_rule(self, self.name, self.zone, changes["repeats"])
        elif times:
            fit_rule(self, self.name, self.zone)

    def check_ends(self, times: Fields) -> None:
        """An event ends, a task is due."""
        other = {"ends", "due"} - {END_FIELD[self.name]}
        if wrong := other & times.keys():
            raise CalendarError(f"'{wrong.pop()}' is not a field that can be written here")

    def put(self, field: str, value: Json) -> None:
        """Set one field that stands by itself."""
        special: dict[str, Callable[[Json], None]] = {
            "status": self.put_status,
            "priority": self.put_priority,
            "attendees": self.put_attendees,
            "completed": self.put_completed,
            "categories": lambda given: self.put_categories(listed(field, given), self.named("CATEGORIES")),
        }
        if field in special and (field != "completed" or self.name == TASK):
            special[field](value)
        elif field in TEXTS:
            self.put_text(TEXTS[field], plain(field, value), address=field == "url")
        elif is_extra(field):
            self.put_text(field.upper(), plain(field, value))
        else:
            raise CalendarError(f"'{field}' is not a field that can be written here")

    def put_text(self, name: str, value: str, *, address: bool = False) -> None:
        """The first line of this name gets this value; no value removes it."""
        held = self.named(name)
        # An address is not text: its commas and semicolons stand as they are.
        spelt = value.replace("\n", "") if address else escape(value)
        if held and unescape(held[0].value) == value:
            return
        if held and value:
            self.swap(held[0], spelt, held[0].without("ALTREP", "X-TITLE"))
        elif held:
            self.remove(held)
        elif value:
            self.add(name, spelt)
        self.remove(line for twin in _TWINS.get(name, ()) for line in self.named(twin))

    def put_status(self, value: Json) -> None:
        """Where it stands. A task that is done says so with its moment; one that is open again says nothing of it."""
        wanted, states = plain("status", value), EVENT_STATES if self.name == EVENT else TASK_STATES
        if wanted and wanted not in states:
            raise CalendarError(f"'status' takes {', '.join(states)}, not '{wanted[:30]}'")
        if wanted == status(self.main()):
            return
        if self.name == EVENT:
            self.put_text("STATUS", wanted.upper())
        elif wanted == "done":
            self.put_text("STATUS", "COMPLETED")
            self.put_text("PERCENT-COMPLETE", "100")
            self.put_text("COMPLETED", _stamp(self.at))
        else:
            self.put_text("STATUS", "CANCELLED" if wanted == "cancelled" else "NEEDS-ACTION")
            self.remove([*self.named("COMPLETED"), *self.named("PERCENT-COMPLETE")])

    def put_completed(self, value: Json) -> None:
        """When a task was done."""
        at = moment_of("completed", value)
        self.put_text("COMPLETED", at.strftime("%Y%m%dT%H%M%SZ") if at else "")

    def put_priority(self, value: Json) -> None:
        """One of three words; a number that means it already stays."""
        wanted = plain("priority", value)
        if wanted and wanted not in PRIORITIES:
            raise CalendarError(f"'priority' takes {', '.join(PRIORITIES)}, not '{wanted[:30]}'")
        if wanted != priority(self.main()):
            self.put_text("PRIORITY", {"high": "1", "medium": "5", "low": "9"}.get(wanted, ""))

    def put_attendees(self, value: Json) -> None:
        """Invite and uninvite; whoever stays keeps their line and so their answer.

        The server is told not to write to those who are added: inviting is what people do themselves.
        """
        wanted = {one.casefold(): one for one in listed("attendees", value)}
        people = [line for line in self.named("ATTENDEE") if is_person(line) and address(line)]
        self.remove(line for line in people if address(line).casefold() not in wanted)
        present = {address(line).casefold() for line in people}
        for key, one in wanted.items():
            if key not in present:
                self.add("ATTENDEE", f"mailto:{one}", ["PARTSTAT=NEEDS-ACTION", "SCHEDULE-AGENT=CLIENT"])

    def note_revision(self, *, significant: bool) -> None:
        """The stamps of a changed entry, and its number where invited people must know."""
        self.put_text("DTSTAMP", _stamp(self.at))
        if self.named("LAST-MODIFIED"):
            self.put_text("LAST-MODIFIED", _stamp(self.at))
        number = self.main().text("SEQUENCE")
        if significant:
            self.put_text("SEQUENCE", str(int(number) + 1 if number.isdecimal() else 1))


def _stamp(at: Instant) -> str:
    return moment(at).strftime("%Y%m%dT%H%M%SZ")
