"""Webhooks: what an app subscribed to, and the signed requests that tell of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from connectors._kit.sandbox import Call, Response
from connectors._kit.signatures import request_message, sign
from connectors.hubspot.sandbox_account import Account
from connectors.hubspot.sandbox_base import APP, PORTAL, body_of, crm, text_of
from connectors.hubspot.sandbox_batches import inputs_of
from connectors.hubspot.sandbox_problems import Problem, invalid, not_found
from connectors.hubspot.sandbox_values import spelt
from connectors.hubspot.sandbox_words import KINDS
from connectors.hubspot.sandbox_world import Happening
from core.model.instant import MILLISECOND, Instant
from core.ports import Request

NAMED = ("contacts", "companies", "deals")
"""The types with event names of their own; all others go by `object.…` and a type id."""
WHATS = ("creation", "deletion", "restore", "merge", "privacyDeletion", "propertyChange", "associationChange")
DECODED = {
    "%3A": ":", "%2F": "/", "%3F": "?", "%40": "@", "%21": "!", "%24": "$", "%27": "'", "%28": "(", "%29": ")",
    "%2A": "*", "%2C": ",", "%3B": ";",
}  # fmt: skip
"""The escapes that HubSpot undoes in the address before it signs."""
_MOST_EVENTS = 100
_MOST_SUBSCRIPTIONS = 1_000
_FLAGS = {"creation": "CREATED", "deletion": "DELETED", "restore": "RESTORED"}


@dataclass
class Subscription:
    """One kind of event an app wants to hear of."""

    id: int
    event_type: str
    property: str | None
    type_id: str | None
    active: bool
    made_at: Instant

    def wants(self, happening: Happening) -> bool:
        """Whether this happening is told under it. Without a property name, all are (the API asks for one)."""
        kind = KINDS[happening.plural]
        noun, _, what = self.event_type.partition(".")
        if not self.active or what != happening.what:
            return False
        if noun == "object" and self.type_id != kind.type_id:
            return False
        if noun != "object" and (happening.plural not in NAMED or noun != kind.singular):
            return False
        return self.property in (None, happening.facts.get("propertyName"))


class Webhooks(Account):
    """`/webhooks/v3/{appId}/…`, whose key is the developer's, and what is sent."""

    def __init__(self, **kit: Any) -> None:
        super().__init__(**kit)
        self.developer_key = "sandbox-developer-key"
        self.target = "https://hub.example/hooks/hubspot"
        self.concurrent = 10
        self.subscriptions: dict[int, Subscription] = {}
        self._untold: list[dict[str, Any]] = []
        self._events = 0
        self.world.tell = self._heard

    def subscribe(self, event_type: str, *, property: str | None = None, object_type_id: str | None = None) -> str:
        """Subscribe to `contact.creation`, `deal.propertyChange` …; `task.creation` stands for the generic kind."""
        noun, _, what = event_type.partition(".")
        kind = next((one for one in KINDS.values() if one.singular == noun), None)
        if kind is not None and kind.plural not in NAMED:
            event_type, object_type_id = f"object.{what}", kind.type_id
        id_ = 2_001 + len(self.subscriptions)
        made = Subscription(id_, event_type, property, object_type_id, True, self.now())
        self.subscriptions[id_] = made
        return str(id_)

    def take_events(self) -> list[Request]:
        """The requests that went out since last time, a hundred events in each at most."""
        with self._lock:
            untold, self._untold = self.mischief.disturbed(self._untold), []
            self.events += [
                self.request(untold[place : place + _MOST_EVENTS]) for place in range(0, len(untold), _MOST_EVENTS)
            ]
        return super().take_events()

    def request(self, events: list[dict[str, Any]]) -> Request:
        """One signed request with these events."""
        now, body = self.now(), orjson.dumps(events)
        stamp = str(now // MILLISECOND)
        message = request_message("POST", self.target, body, stamp, decode=DECODED)
        headers = {
            "content-type": "application/json",
            "x-hubspot-request-timestamp": stamp,
            "x-hubspot-signature-v3": sign(self.client_secret.encode(), message, encoding="base64"),
        }
        return Request("POST", self.target, headers, body, self.clock())

    def _heard(self, happening: Happening) -> None:
        for one in self.subscriptions.values():
            if one.wants(happening):
                self._events += 1
                self._untold.append(_event(self._events, one, happening))

    # --- the settings, of which a developer's key takes care

    @crm("GET", "webhooks", "/{app}/settings", spared=True)
    def get_settings(self, call: Call, app: str) -> Response:
        """Where events go."""
        self._developer(call, app)
        return Response(200, self._settings())

    @crm("PUT", "webhooks", "/{app}/settings", spared=True)
    def put_settings(self, call: Call, app: str) -> Response:
        """Send events elsewhere; one address for the whole app."""
        self._developer(call, app)
        data = body_of(call)
        self.target = str(data.get("targetUrl", self.target))
        self.concurrent = int((data.get("throttling") or {}).get("maxConcurrentRequests", self.concurrent))
        return Response(200, self._settings())

    @crm("GET", "webhooks", "/{app}/subscriptions", spared=True)
    def list_subscriptions(self, call: Call, app: str) -> Response:
        """All subscriptions."""
        self._developer(call, app)
        return Response(200, {"results": [_shown(one) for one in self.subscriptions.values()]})

    @crm("POST", "webhooks", "/{app}/subscriptions", spared=True)
    def create_subscription(self, call: Call, app: str) -> Response:
        """Another subscription; it sleeps unless it is said to be active."""
        self._developer(call, app)
        data = body_of(call)
        event_type, name = str(data.get("eventType", "")), data.get("propertyName")
        what = event_type.partition(".")[2]
        if what not in WHATS or (what == "propertyChange" and not name):
            raise invalid(f"The subscription to {event_type} is not valid")
        if len(self.subscriptions) >= _MOST_SUBSCRIPTIONS:
            raise invalid(f"An app may have {_MOST_SUBSCRIPTIONS} subscriptions at most")
        id_ = int(self.subscribe(event_type, property=name, object_type_id=data.get("objectTypeId")))
        self.subscriptions[id_].active = bool(data.get("active", False))
        return Response(201, _shown(self.subscriptions[id_]))

    @crm("GET", "webhooks", "/{app}/subscriptions/{id}", spared=True)
    def get_subscription(self, call: Call, app: str, id: str) -> Response:
        """One subscription."""
        self._developer(call, app)
        return Response(200, _shown(self._subscription(id)))

    @crm("PATCH", "webhooks", "/{app}/subscriptions/{id}", spared=True)
    def change_subscription(self, call: Call, app: str, id: str) -> Response:
        """Wake it or put it to sleep."""
        self._developer(call, app)
        one = self._subscription(id)
        one.active = bool(body_of(call).get("active", one.active))
        return Response(200, _shown(one))

    @crm("DELETE", "webhooks", "/{app}/subscriptions/{id}", spared=True)
    def drop_subscription(self, call: Call, app: str, id: str) -> Response:
        """No more of it."""
        self._developer(call, app)
        del self.subscriptions[self._subscription(id).id]
        return Response(204)

    @crm("POST", "webhooks", "/{app}/subscriptions/batch/update", spared=True)
    def change_subscriptions(self, call: Call, app: str) -> Response:
        """Wake or put to sleep several."""
        self._developer(call, app)
        changed = []
        for one in inputs_of(body_of(call)):
            found = self._subscription(text_of(one, "id"))
            found.active = bool(one.get("active"))
            changed.append(_shown(found))
        now = spelt(self.now())
        return Response(200, {"status": "COMPLETE", "results": changed, "startedAt": now, "completedAt": now})

    def _developer(self, call: Call, app: str) -> None:
        if call.query.get("hapikey") != self.developer_key:
            raise Problem(401, "INVALID_AUTHENTICATION", "The developer API key is missing or wrong.")
        if app != str(APP):
            raise not_found()

    def _subscription(self, id_: str) -> Subscription:
        found = self.subscriptions.get(int(id_)) if id_.isdigit() else None
        if found is None:
            raise not_found()
        return found

    def _settings(self) -> dict[str, Any]:
        now = spelt(self.now())
        throttling = {"maxConcurrentRequests": self.concurrent}
        return {"targetUrl": self.target, "throttling": throttling, "createdAt": now, "updatedAt": now}


def _event(number: int, subscription: Subscription, happening: Happening) -> dict[str, Any]:
    event: dict[str, Any] = {
        "eventId": number, "subscriptionId": subscription.id, "portalId": PORTAL, "appId": APP,
        "occurredAt": happening.at // MILLISECOND, "subscriptionType": subscription.event_type, "attemptNumber": 0,
        "changeSource": "INTEGRATION" if happening.by_app else "CRM_UI",
        "sourceId": str(APP) if happening.by_app else "userId:7001",
    }  # fmt: skip
    if happening.what != "associationChange":
        event["objectId"] = happening.id
    if subscription.event_type.startswith("object."):
        event["objectTypeId"] = KINDS[happening.plural].type_id
    if happening.what in _FLAGS:
        event["changeFlag"] = _FLAGS[happening.what]
    return {**event, **happening.facts}


def _shown(one: Subscription) -> dict[str, Any]:
    made = spelt(one.made_at)
    optional = {"propertyName": one.property, "objectTypeId": one.type_id}
    return {
        "id": str(one.id), "eventType": one.event_type, "active": one.active, "createdAt": made, "updatedAt": made,
        **{name: value for name, value in optional.items() if value is not None},
    }  # fmt: skip
