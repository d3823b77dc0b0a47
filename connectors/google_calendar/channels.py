"""Channels: opened, renewed and stopped. Google sends no notice without one, and each ends after a week at most.

A channel cannot be made longer; `renewed` opens the next one first and stops the old one then, so that no notice falls
between them. Notices that come twice meanwhile do no harm. Whoever calls these keeps the `Channel` and the time at
which it ends: <https://developers.google.com/workspace/calendar/api/guides/push> (2026-11).
"""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple
from uuid import uuid4

from connectors.google_calendar.client import Client
from core.errors import Gone
from core.model.instant import DAY, MILLISECOND, SECOND, Instant
from core.model.values import Json

LIFE = 7 * DAY
EARLY = DAY
"""So long before its end a channel is best renewed."""


class Channel(NamedTuple):
    """One open channel; times are instants of Google's clock."""

    id: str
    resource_id: str
    ends_at: Instant

    def is_due(self, now: Instant) -> bool:
        """Whether it is time to renew it."""
        return now >= self.ends_at - EARLY

    def to_json(self) -> dict[str, Json]:
        """The form in which it is kept; `Channel(**kept)` reads it back."""
        return self._asdict()


def opened(client: Client, address: str, *, token: str, life: Instant = LIFE) -> Channel:
    """Open a channel to an https address. `Unknown` when the answer was lost: such a channel ends by itself.

    `token` comes back with each notice, up to 256 characters; `life` is in µs.
    """
    body = {
        "id": uuid4().hex, "type": "web_hook", "address": address, "token": token,
        "params": {"ttl": str(life // SECOND)},
    }  # fmt: skip
    told = client.http.post(client.path("events", "watch"), json=body).payload()
    return Channel(told.id("id"), told.text("resourceId"), int(told.id("expiration")) * MILLISECOND)


def renewed(client: Client, channel: Channel, address: str, *, token: str, life: Instant = LIFE) -> Channel:
    """Open the next channel, and stop this one once that is done."""
    following = opened(client, address, token=token, life=life)
    stopped(client, channel)
    return following


def stopped(client: Client, channel: Channel) -> None:
    """Stop a channel; one that ended already is no error."""
    with suppress(Gone):
        client.ask("POST", "channels", "stop", json={"id": channel.id, "resourceId": channel.resource_id})
