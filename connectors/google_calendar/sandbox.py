"""A stand-in for a Google account with calendars, on loopback: for tests and trying out.

It speaks the dialect of the Calendar API v3, with its caps and oddities, and knows nothing of the hub. Here is what
people do in the web app, and what they see there; the calls are in `sandbox_*.py`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from connectors._kit.sandbox import Call, Exchange, Response
from connectors.google_calendar.sandbox_batches import Batches
from connectors.google_calendar.sandbox_rules import patched
from connectors.google_calendar.sandbox_store import Body, Calendar

__all__ = ["Call", "Exchange", "Response", "Sandbox"]


class Sandbox(Batches):
    """One account with one calendar at first, its own. Bodies are Google's own event resources."""

    # --- a person in the web app

    def create(self, body: Body, *, calendar: Calendar | None = None) -> str:
        """Somebody adds an event; gives its id."""
        with self._lock:
            id_ = body.get("id") or uuid4().hex
            return self.add(calendar or self.calendar, {**body, "id": id_}).id

    def edit(self, id: str, change: Body) -> None:
        """Somebody changes an event; a None takes a property away."""
        with self._lock:
            kept = self.calendar.events[id]
            self.keep(self.calendar, patched(kept.body, change))

    def delete(self, id: str) -> None:
        """Somebody deletes an event."""
        with self._lock:
            self.cancel(self.calendar, self.calendar.events[id])

    def invite(self, organizer: str, body: Body) -> str:
        """Somebody else invites the user: a copy of their event, with the user among the guests."""
        guests = [
            {"email": organizer, "organizer": True, "responseStatus": "accepted"},
            {"email": self.user}, *body.get("attendees", ()),
        ]  # fmt: skip
        me = {"email": organizer}
        return self.create({**body, "organizer": me, "creator": me, "attendees": guests})

    def except_day(self, series: str, start: str, change: Body) -> str:
        """Somebody changes one occurrence of a series, told by when it would have begun; gives its id."""
        with self._lock:
            master = self.calendar.events[series].body
            at = datetime.fromisoformat(start).astimezone(UTC)
            zone = master["start"].get("timeZone", self.calendar.zone)
            body = {name: value for name, value in master.items() if name != "recurrence"}
            body |= {
                "id": f"{series}_{at:%Y%m%dT%H%M%SZ}", "recurringEventId": series,
                "originalStartTime": {"dateTime": start, "timeZone": zone},
            }  # fmt: skip
            return self.keep(self.calendar, patched(body, change)).id

    def cancel_day(self, series: str, start: str) -> str:
        """Somebody deletes one occurrence of a series; gives its id."""
        return self.except_day(series, start, {"status": "cancelled"})

    # --- what a person sees

    def show(self, id: str) -> Body | None:
        """An event as it stands; None where nothing is, or it was deleted."""
        kept = self.calendar.events.get(id)
        return None if kept is None or kept.is_cancelled else dict(kept.body)

    def count(self) -> int:
        """How many there are, deleted ones aside."""
        return sum(not one.is_cancelled for one in self.calendar.events.values())

    def fill(self, count: int, **more: Any) -> list[str]:
        """Very many at once; gives their ids."""
        day = {"start": {"date": "2026-12-01"}, "end": {"date": "2026-12-02"}}
        return [self.create({"summary": f"Event {number}", **day, **more}) for number in range(count)]
