"""The sandbox's lists: calendars, and events in pages, whole or since a sync token."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from connectors._kit.mischief import Switch
from connectors._kit.sandbox import Call, Response
from connectors.google_calendar.sandbox_base import LISTS, WRITES, Ground, api, number, told
from connectors.google_calendar.sandbox_problems import Problem, invalid, sync_lost
from connectors.google_calendar.sandbox_store import Body, Calendar, Kept
from core.model.instant import MINUTE

LAG = 5 * MINUTE
"""By how much a late list is behind."""
_NEVER_WITH_TOKEN = (
    "iCalUID", "orderBy", "privateExtendedProperty", "q", "sharedExtendedProperty", "timeMin", "timeMax", "updatedMin",
)  # fmt: skip
_SAME = ("singleEvents", "eventTypes", "showHiddenInvitations")
"""What a sync token holds its user to."""


class _Walk(NamedTuple):
    """A walk through the events of a calendar, as its page tokens keep it."""

    since: int
    """The number of the last change that is known already; 0 for the whole calendar."""
    upto: int
    """The number of the last change when the walk began: where the next sync token begins."""
    after: str
    """The id of the last event shown."""
    query: str


class Lists(Ground):
    """Calendars and lists of events by HTTP."""

    @api("GET", "/users/me/calendarList", LISTS)
    def list_calendars(self, call: Call) -> Response:
        """The user's calendars, in pages."""
        rows = list(self.calendars.values())
        start = int(call.query.get("pageToken") or 0)
        most = number(call, "maxResults", 100, 250)
        items = [one.entry for one in rows[start : start + most]]
        body: Body = {"kind": "calendar#calendarList", "etag": '"1"', "items": items}
        if start + most < len(rows):
            body["nextPageToken"] = str(start + most)
        return Response(200, body)

    @api("GET", "/users/me/calendarList/{calendar_id}", LISTS)
    def get_calendar(self, call: Call, calendar_id: str) -> Response:  # noqa: ARG002 -- no query
        """One of them."""
        return Response(200, self.of(calendar_id).entry)

    @api("GET", "/calendars/{calendar_id}/events", WRITES)
    def list_events(self, call: Call, calendar_id: str) -> Response:
        """A page of events."""
        calendar = self.of(calendar_id)
        walk = self._walk(calendar, call)
        most = number(call, "maxResults", 250, 2500)
        rows = [one for one in _shown(calendar, walk) if one.id > walk.after]
        page, more = rows[:most], len(rows) > most
        items = [shown(one, whole=not walk.since) for one in self.mischief.disturbed(page)]
        body: Body = {
            "kind": "calendar#events", "etag": f'"p{calendar.last_number}"', "summary": calendar.summary,
            "description": "", "updated": told(self.now()), "timeZone": calendar.zone, "accessRole": calendar.role,
            "defaultReminders": [], "items": items,
        }  # fmt: skip
        if more:
            body["nextPageToken"] = _token("page", calendar, walk._replace(after=page[-1].id)._asdict())
        else:
            body["nextSyncToken"] = _token("sync", calendar, {"number": walk.upto, "query": walk.query})
        return Response(200, body)

    def expire_tokens(self) -> None:
        """From now on the sync tokens of before are no longer honoured."""
        for calendar in self.calendars.values():
            calendar.last_number += 1
            calendar.honoured_from = calendar.last_number

    def _walk(self, calendar: Calendar, call: Call) -> _Walk:
        query = "&".join(f"{name}={call.query[name]}" for name in _SAME if name in call.query)
        since = 0
        if (given := call.query.get("syncToken")) is not None:
            since = self._since(calendar, given, call, query)
        if page := call.query.get("pageToken"):
            return _Walk(**_read(page, "page", calendar))
        upto = calendar.last_number
        if since and self.mischief.fires(Switch.LAGGING):
            late = [one.number for one in calendar.events.values() if one.changed_at > self.now() - LAG]
            upto = max(since, min([upto, *(number_ - 1 for number_ in late)]))
        return _Walk(since, upto, "", query)

    def _since(self, calendar: Calendar, given: str, call: Call, query: str) -> int:
        for name in _NEVER_WITH_TOKEN:
            if name in call.query:
                raise invalid("Sync token cannot be combined with other query restrictions.", parameter=name)
        if call.query.get("showDeleted") == "false":
            raise invalid("Deleted events are always in a list by sync token.", parameter="showDeleted")
        token = _read(given, "sync", calendar)
        if token["query"] != query:
            raise invalid("The sync token belongs to a list with other parameters.", parameter="syncToken")
        if token["number"] < calendar.honoured_from or self.mischief.fires(Switch.EXPIRED):
            raise sync_lost()
        return int(token["number"])


def shown(kept: Kept, *, whole: bool = True) -> Body:
    """An event as a call shows it; of a deleted one a list promises hardly more than the id."""
    head: Body = {"kind": "calendar#event", "etag": kept.etag}
    if kept.is_cancelled and (kept.series or not whole):
        names = ("id", "status", "recurringEventId", "originalStartTime")
        return head | {name: kept.body[name] for name in names if name in kept.body}
    return {**head, **kept.body, "updated": told(kept.changed_at)}


def _shown(calendar: Calendar, walk: _Walk) -> list[Kept]:
    """What a walk shows, in a stable order: all that is there, or all that changed."""
    rows = sorted(calendar.events.values(), key=lambda one: one.id)
    if walk.since:
        return [one for one in rows if walk.since < one.number <= walk.upto]
    return [one for one in rows if not one.is_cancelled or _is_missing_day(calendar, one)]


def _is_missing_day(calendar: Calendar, kept: Kept) -> bool:
    """An occurrence that does not take place, of a series that does."""
    series = calendar.events.get(kept.series)
    return series is not None and not series.is_cancelled


def _token(kind: str, calendar: Calendar, state: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([kind, calendar.id, dict(state)])).decode()


def _read(text: str, kind: str, calendar: Calendar) -> dict[str, Any]:
    try:
        found, id_, state = orjson.loads(base64.urlsafe_b64decode(text))
    except (ValueError, TypeError):
        raise _foreign(kind) from None
    if found != kind or id_ != calendar.id:
        raise _foreign(kind)
    return dict(state)


def _foreign(kind: str) -> Problem:
    if kind == "page":
        return invalid("Invalid page token value.", parameter="pageToken")
    return invalid("Invalid sync token value.", parameter="syncToken")
