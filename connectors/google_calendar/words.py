"""Google's words for what an event has, and ours beside them: tables, and nothing else.

An event is shown as Google gives it, whose names are camelCase. What Google keeps in a form that a mapping cannot
reach (a date or a moment, a list of guests, lines of a calendar file) stands beside it under names in small letters:
so both live in one record without ever meeting.
"""

from __future__ import annotations

from core.ports import FieldInfo

STREAM = "events"

SCOPES = "https://www.googleapis.com/auth/"
WHOLE = f"{SCOPES}calendar"
EVENTS, CALENDARS = f"{SCOPES}calendar.events", f"{SCOPES}calendar.calendarlist.readonly"
NEEDED: dict[str, tuple[str, frozenset[str]]] = {
    EVENTS: ("read and write events", frozenset({WHOLE})),
    CALENDARS: (
        "see which calendars there are, and which of them may be written",
        frozenset({WHOLE, f"{SCOPES}calendar.calendarlist", f"{SCOPES}calendar.readonly"}),
    ),
}
"""Scope → what it is for, and the wider scopes that hold it."""

WRITERS = frozenset({"owner", "writer"})
"""Roles in a calendar with which events may be changed."""

KEY = "concordKey"
"""The private property with the key of our own create."""
PRIVATE, SHARED = "extendedProperties.private", "extendedProperties.shared"
LONGEST_NAME, LONGEST_VALUE = 44, 1024
"""Characters of such a property. Google cuts or drops what is longer without a word (2026-11)."""

STARTS, ENDS, ALL_DAY, ZONE, REPEATS, INVITED = (
    "starts_at", "ends_at", "all_day", "time_zone", "repeats", "invited",
)  # fmt: skip
TIMES = frozenset({STARTS, ENDS, ALL_DAY, ZONE})
LISTS = frozenset({REPEATS, INVITED})
"""What Google keeps in a list that is only replaced whole."""

OURS: tuple[FieldInfo, ...] = (
    FieldInfo(STARTS, "instant", "Start; of whole days midnight UTC of the first", required=True),
    FieldInfo(ENDS, "instant", "End; of whole days midnight UTC behind the last"),
    FieldInfo(ALL_DAY, "flag", "Whether it fills whole days"),
    FieldInfo(ZONE, "name", "Time zone"),
    FieldInfo(REPEATS, "name", "Rule by which it repeats"),
    FieldInfo(INVITED, "tags", "Addresses of the guests, without this calendar itself and without rooms"),
)
THEIRS: tuple[FieldInfo, ...] = (
    FieldInfo("summary", "text", "Title"),
    FieldInfo("description", "text", "Description; may hold HTML"),
    FieldInfo("location", "text", "Where"),
    FieldInfo("status", "choice", "Status", choices=("confirmed", "tentative")),
    FieldInfo("transparency", "choice", "Busy or free", choices=("opaque", "transparent")),
    FieldInfo("visibility", "choice", "Visibility", choices=("default", "public", "private", "confidential")),
    FieldInfo("colorId", "text", "Colour"),
    FieldInfo("guestsCanInviteOthers", "flag", "Guests may invite others"),
    FieldInfo("guestsCanModify", "flag", "Guests may change it"),
    FieldInfo("guestsCanSeeOtherGuests", "flag", "Guests may see each other"),
    FieldInfo("reminders", "json", "Reminders"),
    FieldInfo("source", "json", "Where it came from"),
)
"""What a call to change an event takes."""
MARKS: tuple[FieldInfo, ...] = (
    *(
        FieldInfo(f"{PRIVATE}.{name}", "text", label, custom=True, max_length=LONGEST_VALUE)
        for name, label in (
            ("concordType", "What it is in the hub"),
            ("concordDone", "Whether it is done, by the hub"),
            ("concordStatus", "Status that Google has no word for"),
        )
    ),
    FieldInfo("extendedProperties", "json", "Properties of your own, `private.NAME` and `shared.NAME`", custom=True),
)
TOLD: tuple[FieldInfo, ...] = tuple(
    FieldInfo(name, type_, label, read_only=True)
    for name, type_, label in (
        ("id", "text", "Id"), ("iCalUID", "text", "Id across calendars"), ("htmlLink", "url", "Link"),
        ("hangoutLink", "url", "Link to the meeting"), ("conferenceData", "json", "Conference"),
        ("created", "instant", "Created"), ("updated", "instant", "Updated"), ("sequence", "number", "Sequence"),
        ("creator", "json", "Creator"), ("organizer", "json", "Organizer"), ("attendees", "json", "Guests, in full"),
        ("attendeesOmitted", "flag", "Guests were left out"), ("start", "json", "Start, as Google keeps it"),
        ("end", "json", "End, as Google keeps it"), ("recurrence", "json", "Recurrence, as Google keeps it"),
        ("recurringEventId", "text", "Id of the series it is an exception of"),
        ("originalStartTime", "json", "When the series would have had it"), ("eventType", "text", "Type of event"),
        ("attachments", "json", "Attachments"), ("locked", "flag", "Locked"), ("privateCopy", "flag", "Private copy"),
        ("anyoneCanAddSelf", "flag", "Anyone may join"), ("endTimeUnspecified", "flag", "End left open"),
        ("eventLabelId", "text", "Label"),
    )
)  # fmt: skip

FIELDS = (*OURS, *THEIRS, *MARKS, *TOLD)
WRITTEN = frozenset(one.name for one in THEIRS)
