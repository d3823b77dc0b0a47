"""One account on the wire: signing in, the limits, and the calendar that the connection is about.

The calendar is known by its real id, never by Google's word `primary`, which would mean another calendar as soon as
somebody else signed in.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

from connectors._kit.accounts import account_of, meter
from connectors._kit.exchange import Answer, path_of, sees_skew
from connectors._kit.http import Http, Skew
from connectors._kit.payload import Payload
from connectors.google_calendar.signing import door_of, signed
from connectors.google_calendar.trouble import explained
from core.errors import Gone, SchemaChanged
from core.ports import Context

API = "https://www.googleapis.com"
SERVICE, BATCH = "calendar/v3", "batch/calendar/v3"
_OWN = "primary"
_MINUTE = 60.0
_KNOWN_BY = ("url", "client_id", "refresh_token")
MOST = 50
"""Calls in one envelope, of the thousand that Google takes: fifty leave others some of the minute's limit."""


def envelope(pace: float) -> int:
    """How many calls are sent in one: they are booked together, so few beside what a minute allows."""
    return max(1, min(MOST, int(pace) // 10))


class Calendar(NamedTuple):
    """A calendar as the account sees it."""

    id: str
    name: str
    zone: str
    role: str
    own: bool
    """It is the account's own."""


class Client:
    """One connection. Thread-safe."""

    def __init__(self, context: Context) -> None:
        settings = context.settings
        self.clock = context.clock
        self.skew = 0
        """µs by which Google's clock is ahead, as its answers have shown."""
        self._on_date = context.on_date
        self._chosen = str(settings.get("calendar") or "").strip()
        self._calendar: Calendar | None = None
        self._lock = threading.Lock()
        self._door, path = door_of(context)
        self.auth = signed(context, self._door, path)
        self.pace = float(settings.get("calls") or 600)
        """Calls in a minute."""
        account = account_of("google_calendar", *(settings.get(name) for name in _KNOWN_BY))
        self.limits = meter(context, account, self.pace, _MINUTE, burst=envelope(self.pace))
        self.http = Http(
            str(settings.get("url") or API), clock=context.clock, auth=self.auth, limits=self.limits,
            sleep=context.sleep, explain=explained, on_skew=self._learn, connection=context.name,
        )  # fmt: skip

    @property
    def requests(self) -> int:
        """How many calls were sent so far."""
        return sum(self.http.calls.values()) + sum(self._door.calls.values())

    @property
    def calendar_id(self) -> str:
        """The real id of the connection's calendar."""
        return self._chosen if self._chosen not in ("", _OWN) else self.calendar.id

    @property
    def calendar(self) -> Calendar:
        """The connection's calendar, asked for once. `SchemaChanged` where the account has no such calendar."""
        with self._lock:
            if self._calendar is None:
                try:
                    told = self.ask("GET", "users", "me", "calendarList", self._chosen or _OWN).payload()
                except Gone as error:
                    raise no_such_calendar(error) from error
                self._calendar = _calendar(told)
            return self._calendar

    def calendars(self) -> Iterator[Calendar]:
        """The calendars in the account's list."""
        page: str | None = None
        while True:
            params = {"maxResults": 250, "pageToken": page}
            told = self.ask("GET", "users", "me", "calendarList", params=params).payload()
            yield from map(_calendar, told.each("items", []))
            page = told.text("nextPageToken", None)
            if page is None:
                return

    def ask(self, method: str, *parts: str, **call: Any) -> Answer:
        """One call below the service's address."""
        return self.http.request(method, f"{SERVICE}/{path_of(*parts)}", **call)

    def path(self, *parts: str) -> str:
        """Where something of the calendar is found: `path("events", id)`."""
        return f"{SERVICE}/{path_of('calendars', self.calendar_id, *parts)}"

    def close(self) -> None:
        """Let the connections go. May be called more than once."""
        self.http.close()
        self._door.close()

    def _learn(self, skew: Skew) -> None:
        self.skew = sees_skew(skew)
        if self._on_date is not None:
            self._on_date(*skew)


def no_such_calendar(error: Gone) -> SchemaChanged:
    """The calendar is not in the account's list."""
    return SchemaChanged(
        "The account has no such calendar.",
        remedy="Put the id of one that `concord check` names into `calendar`, or add it to the account's list.",
        **error.facts,
    )


def _calendar(told: Payload) -> Calendar:
    return Calendar(
        told.id("id"),
        told.text("summaryOverride", "") or told.text("summary", ""),
        told.text("timeZone", "UTC"),
        told.text("accessRole", ""),
        told.flag("primary", False),
    )
