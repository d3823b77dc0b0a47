"""Invitations that a server sends by itself (RFC 6638), and how Concord keeps out of them.

A server with `calendar-auto-schedule` writes to the people in an event whenever its organizer changes, moves or deletes
it. People whom Concord adds are marked so that it does not (`SCHEDULE-AGENT=CLIENT`); those whom a person invited
before cannot be marked afterwards, because that itself would send them a cancellation (§3.2.1.2).
"""

from __future__ import annotations

from collections.abc import Sequence

from connectors._kit.dav.contentline import split
from connectors._kit.dav.members import Members
from connectors.caldav.component import CalendarError, calendar, main_of
from core.errors import Refused
from core.ports import Edit, Receipt, Verb

FEATURE = "calendar-auto-schedule"
_OURS = frozenset({"CLIENT", "NONE"})


def invited(text: str, name: str) -> frozenset[str]:
    """Whom the server would write to about this object: everybody invited through it."""
    try:
        main = main_of(calendar(split(text)), name)
    except CalendarError:
        return frozenset()
    if main is None or not main.named("ORGANIZER"):
        return frozenset()
    organizers = {line.value.casefold() for line in main.named("ORGANIZER")}
    return frozenset(
        line.value.casefold()
        for line in main.named("ATTENDEE")
        if line.parameter("SCHEDULE-AGENT").upper() not in _OURS and line.value.casefold() not in organizers
    )


def held_back(edits: Sequence[Edit], name: str, members: Members, url: str) -> dict[int, Receipt]:
    """The place of each delete that would send cancellations → why it is not done."""
    deletes = {place: edit for place, edit in enumerate(edits) if edit.verb is Verb.DELETE and edit.remote_id}
    unread = [str(edit.remote_id) for edit in deletes.values() if not edit.held.get("object")]
    found = members.at(url, unread) if unread else {}
    refused = {}
    for place, edit in deletes.items():
        there = found.get(str(edit.remote_id))
        text = str(edit.held.get("object") or (there.fields.get("object", "") if there else ""))
        if invited(text, name):
            what = "The event was not deleted: the server would write to the people who were invited to it."
            remedy = "Delete it in the calendar, or set `invited` to `write`."
            refused[place] = Receipt(error=Refused(what, remedy=remedy, id=edit.remote_id))
    return refused
