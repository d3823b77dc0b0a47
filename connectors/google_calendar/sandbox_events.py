"""The sandbox's events, one by one: read, made, changed and deleted, with ETags, ids that stay taken, and mails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from connectors._kit.mischief import Switch
from connectors._kit.sandbox import BadCall, Call, Response
from connectors.google_calendar.sandbox_base import WRITES, api, told
from connectors.google_calendar.sandbox_channels import Channels
from connectors.google_calendar.sandbox_lists import LAG, shown
from connectors.google_calendar.sandbox_problems import (
    deleted,
    duplicate,
    invalid,
    moved_on,
    not_any_more,
    not_organizer,
)
from connectors.google_calendar.sandbox_rules import ID, OWN, READ_ONLY, checked, patched
from connectors.google_calendar.sandbox_store import Body, Calendar, Kept

_EVENTS = "/calendars/{calendar_id}/events"
_EVENT = f"{_EVENTS}/{{event_id}}"


class Events(Channels):
    """Events by HTTP."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.mails: list[tuple[str, str]] = []
        """(what became of it, address) of the mails that guests were sent."""

    @api("GET", _EVENT, WRITES)
    def get_event(self, call: Call, calendar_id: str, event_id: str) -> Response:  # noqa: ARG002 -- no query
        """One event; a deleted one too, for as long as anybody remembers."""
        return self._told(self.event(self.of(calendar_id), event_id))

    @api("POST", _EVENTS, WRITES)
    def insert_event(self, call: Call, calendar_id: str) -> Response:
        """A new event, under an id of the caller's where one is given."""
        calendar, body = self.of(calendar_id, to_write=True), _body(call)
        id_ = body.get("id") or uuid4().hex
        if not ID.fullmatch(id_):
            raise invalid("Invalid resource id value.", parameter="resource.id")
        if id_ in calendar.events:
            raise duplicate()
        kept = self.add(calendar, {**_writable(body), "id": id_})
        self._mail(call, kept, "invited")
        return self._told(kept)

    @api("PATCH", _EVENT, WRITES)
    def patch_event(self, call: Call, calendar_id: str, event_id: str) -> Response:
        """Some properties of an event."""
        calendar, body = self.of(calendar_id, to_write=True), _body(call)
        kept = self.event(calendar, event_id)
        _compare(call, kept)
        return self._told(self._change(call, calendar, kept, patched(kept.body, _writable(body)), _writable(body)))

    @api("PUT", _EVENT, WRITES)
    def update_event(self, call: Call, calendar_id: str, event_id: str) -> Response:
        """A whole event: what is not given is gone."""
        calendar, body = self.of(calendar_id, to_write=True), _body(call)
        kept = self.event(calendar, event_id)
        _compare(call, kept)
        stays = {name: value for name, value in kept.body.items() if name in READ_ONLY}
        return self._told(self._change(call, calendar, kept, {**_writable(body), **stays}, _writable(body)))

    @api("DELETE", _EVENT, WRITES)
    def delete_event(self, call: Call, calendar_id: str, event_id: str) -> Response:
        """Away with it; with a series go its exceptions."""
        calendar = self.of(calendar_id, to_write=True)
        kept = self.event(calendar, event_id)
        if kept.is_cancelled:
            raise deleted()
        _compare(call, kept)
        self.cancel(calendar, kept)
        self._mail(call, kept, "cancelled")
        return Response(204)

    # --- what happens to an event, whoever does it

    def add(self, calendar: Calendar, body: Body) -> Kept:
        """Keep a new event, with what Google adds."""
        me = {"email": calendar.id, "self": True}
        added = {
            "status": "confirmed", "created": told(self.now()), "creator": me, "organizer": me,
            "iCalUID": f"{body['id']}@google.com", "sequence": 0, "reminders": {"useDefault": True},
            "eventType": "default", "htmlLink": f"https://www.google.com/calendar/event?eid={body['id']}",
        }  # fmt: skip
        return self.keep(calendar, {**added, **body})

    def keep(self, calendar: Calendar, body: Body) -> Kept:
        """Store an event as it now is, and tell the channels."""
        now = self.now()
        if self.mischief.fires(Switch.LATE):
            now -= LAG // 10
        kept = calendar.keep(checked(calendar, body), now)
        self.tell(calendar)
        return kept

    def cancel(self, calendar: Calendar, kept: Kept) -> None:
        """Delete an event; its id stays taken."""
        for one in (kept, *calendar.exceptions_of(kept.id)):
            calendar.keep({**one.body, "status": "cancelled"}, self.now())
        self.tell(calendar)

    def _change(self, call: Call, calendar: Calendar, kept: Kept, body: Body, change: Mapping[str, Any]) -> Kept:
        organizer = body.get("organizer", {})
        if not organizer.get("self") and not body.get("guestsCanModify") and not OWN.issuperset(change):
            raise not_organizer()
        if kept.is_cancelled and "status" not in change:
            raise not_any_more()
        if body.get("status") == "cancelled":
            self.cancel(calendar, kept)
            return calendar.events[kept.id]
        found = self.keep(calendar, {**body, "sequence": kept.body.get("sequence", 0) + 1})
        self._mail(call, found, "updated")
        return found

    def _mail(self, call: Call, kept: Kept, what: str) -> None:
        """Guests are written to only if the caller wants it."""
        asked = call.query.get("sendUpdates", "none")
        if asked not in ("all", "externalOnly", "none"):
            raise invalid(f"Invalid value for: {asked}", parameter="sendUpdates")
        guests = [one["email"] for one in kept.body.get("attendees", ()) if not one.get("self")]
        if asked == "externalOnly":
            guests = [email for email in guests if not email.endswith("@gmail.com")]
        self.mails += [(what, email) for email in guests] if asked != "none" else []

    def _told(self, kept: Kept) -> Response:
        return Response(200, shown(kept), {"ETag": kept.etag, "Content-Type": "application/json; charset=UTF-8"})


def _body(call: Call) -> Body:
    body = call.json()
    if not isinstance(body, dict):
        raise BadCall("an object was expected")
    return body


def _writable(body: Mapping[str, Any]) -> Body:
    return {name: value for name, value in body.items() if name not in READ_ONLY}


def _compare(call: Call, kept: Kept) -> None:
    wanted = call.headers.get("if-match")
    if wanted not in (None, "*", kept.etag):
        raise moved_on()
