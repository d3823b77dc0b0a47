"""The `caldav` connector: events and tasks in any calendar server, read by sync token and written one by one.

This is the door: settings, check and describe. `connectors/_kit/dav` finds calendars, walks and changes them;
`calendars.py`, `entry.py` and `editing.py` know events and tasks.
"""

from __future__ import annotations

from collections.abc import Sequence

import xxhash

from connectors._kit.dav.connection import http_for
from connectors._kit.dav.discovery import Collection, choose, collections_at, remedy
from connectors._kit.dav.members import Members
from connectors._kit.dav.protocol import Dav
from connectors._kit.dav.reading import Walker
from connectors._kit.dav.writing import Writer
from connectors._kit.http import Http
from connectors.caldav.calendars import COMPONENTS, STREAMS, WORDS, Entries, dialect
from connectors.caldav.entry import EVENT, FIELDS
from connectors.caldav.scheduling import FEATURE, held_back
from connectors.caldav.zones import iana
from core.errors import ConfigError, Garbled, SchemaChanged, Unsupported
from core.ports import Checkup, Context, Cursor, Description, Edit, Finding, Page, Receipt, Remote


def build(context: Context) -> CalDav:
    """The connector for one connection."""
    return CalDav(context)


class CalDav:
    """The calendars of one account: one for events, and one (often the same) for tasks. See `core.ports`."""

    def __init__(self, context: Context) -> None:
        self._username = str(context.settings.get("username") or "")
        self._http = http_for(context)
        self._streams = {stream: _Stream(context, self._http, stream) for stream in STREAMS}
        self._wanted = [stream for stream in STREAMS if stream in context.streams] or list(STREAMS)

    @property
    def requests(self) -> int:
        """How many requests were sent so far."""
        return sum(self._http.calls.values())

    def check(self) -> Checkup:
        """Sign in, find the calendars and see what we may do there."""
        account = self._username or "anonymous"
        return Checkup(account, tuple(one for name in self._wanted for one in self._streams[name].findings()))

    def describe(self, stream: str) -> Description:
        """The fields of an event or task; any `X-…` property is a field too."""
        self._known(stream)
        return Description(stream, FIELDS[STREAMS[stream]], open=True)

    def close(self) -> None:
        """Let the connections go."""
        self._http.close()

    def read(self, stream: str, cursor: Cursor | None) -> Page:
        """The next page; see `_kit/dav/reading.py`."""
        return self._known(stream).walker.page(cursor)

    def fetch(self, stream: str, ids: Sequence[str]) -> Sequence[Remote]:
        """These as they are now; a missing one as a tombstone."""
        return self._known(stream).fetch(ids)

    def write(self, stream: str, edits: Sequence[Edit]) -> Sequence[Receipt]:
        """Carry out edits; see `_kit/dav/writing.py`."""
        return self._known(stream).write(edits)

    def find(self, stream: str, key: str) -> Remote | None:
        """What an earlier create with this key made."""
        return self._known(stream).writer().find(key)

    def _known(self, stream: str) -> _Stream:
        if stream not in self._streams:
            raise Unsupported(f"A calendar has no stream '{stream}', only {' and '.join(STREAMS)}.", stream=stream)
        return self._streams[stream]


class _Stream:
    """Events or tasks: the calendar they are in, and the ways in and out."""

    def __init__(self, context: Context, http: Http, stream: str) -> None:
        settings = context.settings
        self._stream, self._component = stream, STREAMS[stream]
        self._url, self._calendar = str(settings["url"]), str(settings.get("calendar") or "")
        self._list = str(settings.get("task_list") or "")
        self._zone = _zone(str(settings.get("time_zone") or "UTC"))
        self._lets = settings.get("invited") == "write"
        self._concurrent, self._clock = max(1, int(settings.get("concurrent") or 4)), context.clock
        self._dav = Dav(http, dialect(self._component), max(1, int(settings.get("page_size") or 100)))
        self._members = Members(self._dav, Entries(self._component, self._zone))
        marks = (stream, self._url, str(settings.get("username") or ""), self._calendar, self._list, self._zone)
        mark = xxhash.xxh3_64_hexdigest("\n".join(marks).encode())
        self.walker = Walker(self._dav, self._members, self._find, mark)
        self._found: Collection | None = None
        self._writer: Writer | None = None
        self._guarded = False

    def findings(self) -> tuple[Finding, ...]:
        """What `check` has to say of this stream."""
        try:
            found = self._find()
        except SchemaChanged as error:
            return (Finding(False, error.message, error.remedy),)
        except Garbled as error:
            return (Finding(False, error.message, remedy(self._dav)),)
        how = "reads only what changed" if found.syncs else "reads everything whenever something changed"
        what = f"Calendar '{found.name}' at {found.path} for {self._stream}; {how}."
        return (Finding(True, what), *self._rights(found), *self._invitations(found))

    def fetch(self, ids: Sequence[str]) -> Sequence[Remote]:
        """These as they are now."""
        return list(self._members.at(self._known().url, list(dict.fromkeys(ids))).values()) if ids else []

    def write(self, edits: Sequence[Edit]) -> list[Receipt]:
        """Carry out edits, but for deletes that would send cancellations."""
        if not edits:
            return []
        writer = self.writer()
        held = held_back(edits, self._component, self._members, self._known().url) if self._guarded else {}
        receipts = iter(writer.write([edit for place, edit in enumerate(edits) if place not in held]))
        told = [held.get(place) or next(receipts) for place in range(len(edits))]
        if any(isinstance(receipt.error, SchemaChanged) for receipt in told):
            self._found = self._writer = None
        return told

    def writer(self) -> Writer:
        """The way out, made once a calendar is known."""
        if self._writer is None:
            where = self._known()
            self._guarded = self._guards(where)
            form = Entries(self._component, self._zone, guarded=self._guarded)
            self._writer = Writer(self._dav, form, where, self._clock, self._concurrent)
        return self._writer

    def _guards(self, where: Collection) -> bool:
        """Whether people would hear of edits from the server, and must not."""
        return self._component == EVENT and not self._lets and FEATURE in self._dav.features(where.url)

    def _known(self) -> Collection:
        return self._found or self._find()

    def _find(self) -> Collection:
        """Look for the calendar anew: it may have moved to another address."""
        found = [one for one in collections_at(self._dav, self._url) if self._takes(one)]
        if not found:
            raise SchemaChanged(
                f"No calendar there takes {self._stream}.",
                remedy=f"Make one that does at the server, or take `{self._stream}` out of the mapping.",
            )
        self._found = self._chosen(found)
        self._writer = None
        return self._found

    def _chosen(self, found: list[Collection]) -> Collection:
        if self._component == EVENT:
            return choose(found, self._calendar, room="calendar", setting="calendar")
        if self._list:
            return choose(found, self._list, room="list", setting="task_list")
        try:
            # The calendar of the events, where it takes tasks too.
            return choose(found, self._calendar, room="calendar", setting="calendar")
        except SchemaChanged:
            return choose(found, "", room="list", setting="task_list")

    def _takes(self, one: Collection) -> bool:
        components = one.itself.words(COMPONENTS)
        return not components or self._component in components

    def _rights(self, found: Collection) -> tuple[Finding, ...]:
        many = f"{WORDS[self._component]}s"
        if not found.missing:
            return (Finding(True, f"The account may read, add, change and delete {many}."),)
        ask = "Ask the owner of the calendar to share it with the right to write."
        return tuple(Finding(False, f"The account may not {words} in '{found.name}'.", ask) for words in found.missing)

    def _invitations(self, found: Collection) -> tuple[Finding, ...]:
        if not self._guards(found):
            return ()
        what = "The server writes to invited people by itself: edits that would make it do so are refused (`invited`)."
        return (Finding(True, what),)


def _zone(name: str) -> str:
    if iana(name) != name:
        raise ConfigError(f"The setting `time_zone` takes a name like Europe/London, not '{name}'.")
    return name
