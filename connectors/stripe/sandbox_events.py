"""The sandbox's log of events, the endpoints that hear of them, and how they are signed.

The log shows objects as the account's own, older version of the API has them; an endpoint shows them in the version it
was made with. Which is why nobody should believe what an event shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from connectors._kit.mischief import Switch
from connectors._kit.sandbox import Call, Response
from connectors._kit.signatures import sign
from connectors.stripe.sandbox_base import Ground, Problem, api, missing, unflat
from connectors.stripe.sandbox_shapes import Object
from connectors.stripe.words import MOST_TYPES, VERSION
from core.model.instant import DAY, MINUTE, SECOND
from core.ports import Request

OLD = "2020-08-27"
"""The account's own version."""
LAG = MINUTE
"""By how much the log, and search, may be behind."""
KEPT = 30 * DAY


class Events(Ground):
    """What happened."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.log: list[Object] = []
        """The newest last, in the shapes of the newest version."""
        self.endpoints: dict[str, Object] = {}
        self.livemode = False

    def emit(self, kind: str, shown: Object, before: Mapping[str, Any] | None = None, key: str | None = None) -> Object:
        """Something happened to an object."""
        data: Object = {"object": orjson.loads(orjson.dumps(shown))}
        if before:
            data["previous_attributes"] = dict(before)
        event = {
            "id": self.new_id("evt"), "object": "event", "api_version": OLD, "created": self.seconds(), "data": data,
            "livemode": self.livemode, "pending_webhooks": len(self.endpoints),
            "request": {"id": f"req_{self._request + 1:014d}" if key is not None else None, "idempotency_key": key},
            "type": kind,
        }  # fmt: skip
        self.log.append(event)
        for endpoint in self.endpoints.values():
            if endpoint["status"] == "disabled":
                continue
            if kind in endpoint["enabled_events"] or "*" in endpoint["enabled_events"]:
                self.events.append(self.request(endpoint, event))
        return event

    @api("GET", "/events", "event_read")
    def list_events(self, call: Call) -> Response:
        """The log of the last thirty days, the newest first."""
        types = (unflat(call.query).get("types") or {}).values()
        if len(types) > MOST_TYPES:
            raise Problem(400, f"You may filter by at most {MOST_TYPES} types.", param="types")
        oldest = (self.now() - KEPT) // SECOND
        newest = (self.now() - LAG) // SECOND if self.mischief.fires(Switch.LAGGING) else self.seconds()
        rows = [
            {**event, "data": {**event["data"], "object": older(event["data"]["object"])}}
            for event in reversed(self.log)
            if oldest <= event["created"] <= newest and (not types or event["type"] in types)
        ]
        return self.paged(call, rows, "event")

    # --- webhooks

    @api("GET", "/webhook_endpoints", "webhook_read")
    def list_endpoints(self, call: Call) -> Response:
        """The endpoints, without their secrets."""
        return self.paged(call, [_shown(one) for one in reversed(self.endpoints.values())], "webhook endpoint")

    @api("POST", "/webhook_endpoints", "webhook_write")
    def create_endpoint(self, call: Call) -> Response:
        """One more; the only time its secret is told."""
        form = unflat(call.form())
        made = self.listen(
            _https(form.get("url", "")), list(form["enabled_events"].values()), form.get("api_version"),
            form.get("metadata", {}), form.get("description"),
        )  # fmt: skip
        return Response(200, made)

    @api("POST", "/webhook_endpoints/{id}", "webhook_write")
    def update_endpoint(self, call: Call, id: str) -> Response:
        """Another address, other events, awake or not; the version it speaks stays."""
        endpoint, form = self.endpoints.get(id), unflat(call.form())
        if endpoint is None:
            raise missing("webhook endpoint", id)
        if "url" in form:
            endpoint["url"] = _https(form["url"])
        if "enabled_events" in form:
            endpoint["enabled_events"] = list(form["enabled_events"].values())
        if "disabled" in form:
            endpoint["status"] = "disabled" if form["disabled"] == "true" else "enabled"
        return Response(200, _shown(endpoint))

    @api("DELETE", "/webhook_endpoints/{id}", "webhook_write")
    def delete_endpoint(self, call: Call, id: str) -> Response:  # noqa: ARG002 -- no form
        """One less."""
        if self.endpoints.pop(id, None) is None:
            raise missing("webhook endpoint", id)
        return Response(200, {"id": id, "object": "webhook_endpoint", "deleted": True})

    def listen(
        self, url: str, types: list[str] | None = None, version: str | None = VERSION,
        metadata: Mapping[str, str] | None = None, description: str | None = None,
    ) -> Object:  # fmt: skip
        """An admin adds an endpoint."""
        id_ = self.new_id("we")
        self.endpoints[id_] = {
            "id": id_, "object": "webhook_endpoint", "api_version": version, "application": None,
            "created": self.seconds(), "description": description, "enabled_events": types or ["*"],
            "livemode": self.livemode, "metadata": dict(metadata or {}), "secret": f"whsec_{id_[3:]}{id_[3:]}",
            "status": "enabled", "url": url,
        }  # fmt: skip
        return self.endpoints[id_]

    def request(self, endpoint: Object, event: Object, *, secrets: tuple[str, ...] = ()) -> Request:
        """The request as it goes out, signed with the endpoint's secret, or with several while it is rolled."""
        version = endpoint["api_version"] or OLD
        shown = event["data"]["object"] if version != OLD else older(event["data"]["object"])
        told = {**event, "api_version": version, "data": {**event["data"], "object": shown}}
        body = orjson.dumps(told)
        return Request("POST", endpoint["url"], self.signature(body, *(secrets or (endpoint["secret"],))), body,
                       self.now())  # fmt: skip

    def signature(self, body: bytes, *secrets: str) -> dict[str, str]:
        """The headers of a body."""
        stamp = str(self.seconds())
        made = [f"v1={sign(secret.encode(), stamp.encode() + b'.' + body)}" for secret in secrets]
        header = ",".join((f"t={stamp}", *made, "v0=6ffbb59b2300aae63f272406069a9788598b792a944a07aba816edb039989a39"))
        return {"content-type": "application/json; charset=utf-8", "stripe-signature": header}


def _https(url: str) -> str:
    if not url.startswith("https://"):
        raise Problem(400, "Invalid URL: URL must be publicly accessible over https.", param="url")
    return url


def _shown(endpoint: Object) -> Object:
    return {name: value for name, value in endpoint.items() if name != "secret"}


def older(shown: Object) -> Object:
    """An object as it was before 2025: periods on the subscription, one payment and one subscription on an invoice."""
    if shown["object"] == "subscription":
        rows = [
            {name: value for name, value in one.items() if not name.startswith("current_period")}
            for one in shown["items"]["data"]
        ]
        first = shown["items"]["data"][0]
        periods = {name: first[name] for name in ("current_period_start", "current_period_end")}
        return {**shown, **periods, "items": {**shown["items"], "data": rows}}
    if shown["object"] == "invoice":
        kept = {name: value for name, value in shown.items() if name not in ("parent", "total_taxes")}
        return {**kept, "paid": shown["status"] == "paid", "subscription": None, "charge": None}
    return shown
