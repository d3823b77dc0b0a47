"""What calendars add to the kit's walks and writes: the names of RFC 4791, and how an object becomes a record."""

from __future__ import annotations

import re

from connectors._kit.dav.dialect import Content, Dialect
from connectors.caldav.component import CalendarError
from connectors.caldav.editing import edit, new, significant
from connectors.caldav.entry import EVENT, TASK, read
from connectors.caldav.scheduling import invited
from core.model.instant import Instant
from core.ports import Fields

STREAMS = {"events": EVENT, "tasks": TASK}
"""Stream → the component that gives its records."""
COMPONENTS = "C:supported-calendar-component-set"
"""The property that says which components a calendar takes."""
WORDS = {EVENT: "event", TASK: "task"}


def dialect(name: str) -> Dialect:
    """CalDAV for one component."""
    return Dialect(
        well_known="caldav",
        home="C:calendar-home-set",
        collection="calendar",
        data="C:calendar-data",
        multiget="C:calendar-multiget",
        query="C:calendar-query",
        by_uid=(
            f'<C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="{name}"><C:prop-filter name="UID">'
            '<C:text-match collation="i;octet">{uid}</C:text-match>'
            "</C:prop-filter></C:comp-filter></C:comp-filter></C:filter>"
        ),
        media="text/calendar",
        suffix=".ics",
        whole="object",
        faults=frozenset({
            "valid-calendar-data", "valid-calendar-object-resource", "supported-calendar-component",
            "supported-calendar-data", "max-resource-size", "min-date-time", "max-date-time", "max-instances",
            "max-attendees-per-instance",
        }),
        room="calendar",
        member=WORDS[name],
        setting="calendar",
        more=(COMPONENTS,),
        # Whoever deletes an invitation has not answered it (RFC 6638 §8.1).
        delete_headers={"Schedule-Reply": "F"},
    )  # fmt: skip


class Entries:
    """The `Format` of events or of tasks. `zone` is that of times which name none.

    `guarded`: the server writes to invited people by itself, and no edit of ours may make it.
    """

    def __init__(self, name: str, zone: str, *, guarded: bool = False) -> None:
        self._name = name
        self._zone = zone
        self._guarded = guarded

    def takes(self, kind: str) -> bool:
        """Whether this content type may be that of one; many servers name the component in it."""
        component = re.search(r'component="?(v[a-z]+)', kind)
        return (not kind or "calendar" in kind) and (component is None or component[1] == self._name.lower())

    def read(self, text: str) -> Content | None:
        """Its fields; None for an object of another component."""
        return read(text, self._name, self._zone)

    def new(self, uid: str, fields: Fields, at: Instant) -> str:
        """An object with these fields."""
        return new(self._name, uid, fields, at, zone=self._zone)

    def edited(self, text: str, fields: Fields, at: Instant) -> str:
        """The object with these fields changed."""
        after = edit(text, self._name, fields, at, zone=self._zone)
        if self._guarded and invited(text, self._name) and self._tells_news(text, after):
            raise CalendarError(
                "the server would write to the people who were invited to it; change it in the calendar, or set "
                "`invited` to `write`"
            )
        return after

    def _tells_news(self, before: str, after: str) -> bool:
        uninvited = invited(before, self._name) - invited(after, self._name)
        return bool(uninvited) or significant(before, self._name) != significant(after, self._name)
