"""Channels: opened and stopped. Google sends no notice without one, lists none, and ends each after a week at most.

A channel cannot be made longer, so the next one is opened first and the old one stopped then; notices that come twice
meanwhile do no harm. Its id is the key of our order, so that one whose answer was lost can be stopped as well: what it
watches has the same `resourceId` through every channel.
<https://developers.google.com/workspace/calendar/api/guides/push> (2026-11).
"""

from __future__ import annotations

from contextlib import suppress

from connectors.google_calendar.client import Client
from core.errors import Gone
from core.model.instant import DAY, MILLISECOND, SECOND, Instant
from core.ports import Order, Secrets, Subscription

LIFE = 7 * DAY
_RESOURCE = "resource"


def opened(client: Client, order: Order, *, life: Instant = LIFE) -> Subscription:
    """Open a channel to an https address; the order's secret comes back with each notice. `life` is in µs."""
    body = {
        "id": order.key, "type": "web_hook", "address": order.address, "token": order.secret,
        "params": {"ttl": str(life // SECOND)},
    }  # fmt: skip
    told = client.http.post(client.path("events", "watch"), json=body).payload()
    ends_at = int(told.id("expiration")) * MILLISECOND - client.skew
    kept = {_RESOURCE: told.text("resourceId")}
    return Subscription(told.id("id"), order.address, ends_at, kept=kept, secrets=Secrets(chosen=order.secret))


def stopped(client: Client, old: Subscription) -> None:
    """Stop a channel; one that ended already is no error, and one of which nothing is known ends by itself."""
    resource = old.kept.get(_RESOURCE)
    if resource:
        with suppress(Gone):
            client.ask("POST", "channels", "stop", json={"id": old.id, "resourceId": resource})
