"""Walking a calendar: once through everything, and from then on by sync token, which misses nothing.

A token is bound to the parameters it was asked with, so that nothing is filtered here but the page size. Series come as
they are (`singleEvents` is false), their exceptions as events of their own. What Google no longer honours begins a new
walk: <https://developers.google.com/workspace/calendar/api/guides/sync> (2026-11).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors._kit.payload import Payload
from connectors.google_calendar.batches import Operation, Outcome, Sender
from connectors.google_calendar.client import Client, no_such_calendar
from connectors.google_calendar.events import remote_of
from core.errors import CursorExpired, Gone, ToolError
from core.ports import Cursor, Page, Remote

LARGEST = 2500


class Walker:
    """Reads events."""

    def __init__(self, client: Client, sender: Sender, settings: Mapping[str, Any]) -> None:
        self._client = client
        self._sender = sender
        self._size = max(1, min(LARGEST, int(settings.get("page_size") or LARGEST)))

    def page(self, cursor: Cursor | None) -> Page:
        """The next page; a cursor of another calendar begins anew."""
        calendar = self._client.calendar_id
        place = dict(cursor or {})
        if place and place.get("calendar") != calendar:
            raise CursorExpired("Our place belongs to another calendar.")
        told = self._asked(place)
        records = [remote for one in told.each("items", []) if (remote := remote_of(one)) is not None]
        page = told.text("nextPageToken", None)
        if page is not None:
            return Page(records, {**place, "calendar": calendar, "page": page}, more=True)
        following = {"calendar": calendar, "token": told.text("nextSyncToken")}
        return Page(records, following, complete="token" not in place)

    def fetch(self, ids: Sequence[str]) -> list[Remote]:
        """These events as they are now; missing and deleted ones as tombstones."""
        outcomes = self.look(ids)
        return [_found(id_, outcome) for id_, outcome in zip(ids, outcomes, strict=True)]

    def look(self, ids: Sequence[str]) -> list[Outcome]:
        """What Google answers for each id."""
        return self._sender.send([Operation("GET", self._client.path("events", id_)) for id_ in ids])

    def _asked(self, place: Mapping[str, Any]) -> Payload:
        params = {
            "maxResults": self._size, "singleEvents": False, "syncToken": place.get("token"),
            "pageToken": place.get("page"),
        }  # fmt: skip
        try:
            return self._client.http.get(self._client.path("events"), params=params).payload()
        except Gone as error:
            raise no_such_calendar(error) from error


def there(outcome: Outcome) -> Remote | None:
    """The event that an answer shows; None where it says that there is none, any more. Raises other errors."""
    if isinstance(outcome, Gone):
        return None
    if isinstance(outcome, ToolError):
        raise outcome
    remote = remote_of(outcome)
    return None if remote is None or remote.deleted else remote


def _found(id_: str, outcome: Outcome) -> Remote:
    return there(outcome) or Remote(id_, {}, deleted=True)
