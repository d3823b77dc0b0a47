"""The sandbox's channels: opened, expiring by themselves, stopped; what they send is headers and no body."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from connectors._kit.sandbox import Call, Response
from connectors.google_calendar.sandbox_base import WRITES, api
from connectors.google_calendar.sandbox_lists import Lists
from connectors.google_calendar.sandbox_problems import Problem, invalid, not_found, required
from connectors.google_calendar.sandbox_store import Calendar, Watch
from core.model.instant import MILLISECOND, SECOND
from core.ports import Request

LIFE = 604_800
"""Seconds that a channel lives, unless less is asked for."""
_LONGEST_ID, _LONGEST_TOKEN = 64, 256


class Channels(Lists):
    """Channels by HTTP, and the sending through them."""

    @api("POST", "/calendars/{calendar_id}/events/watch", WRITES)
    def watch_events(self, call: Call, calendar_id: str) -> Response:
        """Open a channel; its first notice says that it is open."""
        calendar, body = self.of(calendar_id), call.json() or {}
        self._check(calendar, body)
        life = min(LIFE, int(body.get("params", {}).get("ttl", LIFE)))
        watch = Watch(body["id"], f"resource-of-{calendar.id}", body["address"], body.get("token", ""),
                      self.now() + life * SECOND)  # fmt: skip
        calendar.watches[watch.id] = watch
        self.events.append(self.notice(calendar, watch, "sync"))
        return Response(200, {
            "kind": "api#channel", "id": watch.id, "resourceId": watch.resource_id,
            "resourceUri": self._uri(calendar), "expiration": str(watch.expires_at // MILLISECOND),
            **({"token": watch.token} if watch.token else {}),
        })  # fmt: skip

    @api("POST", "/channels/stop", WRITES)
    def stop_channel(self, call: Call) -> Response:
        """No more notices through this channel."""
        body = call.json() or {}
        for calendar in self.calendars.values():
            watch = calendar.watches.get(body.get("id", ""))
            if watch is not None and watch.resource_id == body.get("resourceId"):
                del calendar.watches[watch.id]
                return Response(204)
        raise not_found()

    def tell(self, calendar: Calendar) -> None:
        """Something in a calendar changed."""
        for watch in calendar.watches.values():
            if self.now() < watch.expires_at:
                self.events.append(self.notice(calendar, watch, "exists"))

    def notice(self, calendar: Calendar, watch: Watch, state: str) -> Request:
        """The request as it goes out; its numbers grow, and may leave gaps."""
        watch.sent += 1
        ends = datetime.fromtimestamp(watch.expires_at // SECOND, tz=UTC)
        headers = {
            "x-goog-channel-id": watch.id, "x-goog-resource-id": watch.resource_id,
            "x-goog-resource-uri": self._uri(calendar), "x-goog-resource-state": state,
            "x-goog-message-number": str(watch.sent), "x-goog-channel-expiration": format_datetime(ends, usegmt=True),
            "content-length": "0", "user-agent": "APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)",
        }  # fmt: skip
        if watch.token:
            headers["x-goog-channel-token"] = watch.token
        return Request("POST", watch.address, headers, b"", self.now())

    def _check(self, calendar: Calendar, body: dict[str, Any]) -> None:
        if not body.get("id") or not body.get("address"):
            raise required("entity.resource")
        if len(body["id"]) > _LONGEST_ID or len(body.get("token", "")) > _LONGEST_TOKEN:
            raise invalid("Invalid value: the id or the token is too long.")
        if body.get("type") not in ("web_hook", "webhook"):
            raise invalid("Unknown channel type.")
        if not body["address"].startswith("https://"):
            raise Problem(400, "push.webhookUrlNotHttps", "WebHook callback must be HTTPS")
        if body["id"] in calendar.watches:
            raise Problem(400, "channelIdNotUnique", f"Channel id {body['id']} not unique")

    def _uri(self, calendar: Calendar) -> str:
        return f"{self.url}/calendar/v3/calendars/{calendar.id}/events?alt=json"
