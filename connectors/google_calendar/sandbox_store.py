"""What the sandbox keeps: calendars, and in each its events with the number of their last change.

Every change gives an event the calendar's next number; a sync token is such a number. A deleted event stays, cancelled,
and its id stays taken.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from core.model.instant import Instant

Body = dict[str, Any]


@dataclass(slots=True)
class Kept:
    """One event, as its latest change left it."""

    body: Body
    number: int
    """Of its latest change; the ETag is made of it."""
    changed_at: Instant

    @property
    def id(self) -> str:
        """Its id, unique in the calendar."""
        return str(self.body["id"])

    @property
    def is_cancelled(self) -> bool:
        """Whether it was deleted, or is an occurrence that does not take place."""
        return bool(self.body.get("status") == "cancelled")

    @property
    def series(self) -> str:
        """The id of the series of which it is an exception; blank where it stands by itself."""
        return str(self.body.get("recurringEventId") or "")

    @property
    def etag(self) -> str:
        """Changes whenever the event does."""
        return f'"{3_400_000_000_000_000 + self.number}"'


@dataclass(slots=True)
class Watch:
    """One channel, open until it expires or is stopped."""

    id: str
    resource_id: str
    address: str
    token: str
    expires_at: Instant
    sent: int = 0


@dataclass(slots=True)
class Calendar:
    """One calendar, and the user's access to it."""

    id: str
    summary: str
    zone: str
    role: str = "owner"
    primary: bool = False
    events: dict[str, Kept] = field(default_factory=dict)
    last_number: int = 1
    honoured_from: int = 0
    """Sync tokens of earlier numbers are no longer honoured."""
    watches: dict[str, Watch] = field(default_factory=dict)

    def keep(self, body: Body, at: Instant) -> Kept:
        """Store an event under the next number."""
        self.last_number += 1
        kept = Kept(body, self.last_number, at)
        self.events[kept.id] = kept
        return kept

    def exceptions_of(self, id: str) -> list[Kept]:
        """The exceptions of a series."""
        return [one for one in self.events.values() if one.series == id]

    @property
    def entry(self) -> Body:
        """As it stands in the user's list of calendars."""
        told: Body = {
            "kind": "calendar#calendarListEntry", "etag": f'"{self.last_number}"', "id": self.id,
            "summary": self.summary, "timeZone": self.zone, "accessRole": self.role, "selected": True,
            "defaultReminders": [],
        }  # fmt: skip
        return told | ({"primary": True} if self.primary else {})
