"""What is tried of Google Calendar: a calendar with a few visits, one of which lasts all day."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from connectors._kit.samples import HERE
from connectors._kit.stand_in import StandIn, over_http
from connectors.google_calendar.sandbox import Sandbox
from core.ports import Clock


@contextmanager
def opened(clock: Clock) -> Iterator[StandIn]:
    """The stand-in while it runs."""
    with Sandbox(clock=clock) as box:
        for one in HERE[:5]:
            hour = f"2026-12-{one.number + 1:02}T{9 + one.number:02}"
            box.create({
                "summary": f"Visit {one.company.name}", "location": one.company.city,
                "description": f"{one.first} shows us round.", "attendees": [{"email": one.email}],
                "start": {"dateTime": f"{hour}:00:00Z"}, "end": {"dateTime": f"{hour}:45:00Z"},
            })  # fmt: skip
        box.create({"summary": "Trade fair", "start": {"date": "2026-12-09"}, "end": {"date": "2026-12-11"}})
        settings = {
            "client_id": box.client_id, "client_secret": box.client_secret, "refresh_token": box.refresh_token,
            "url": box.url, "token_url": f"{box.url}/token",
        }  # fmt: skip
        yield over_http(box, settings)
