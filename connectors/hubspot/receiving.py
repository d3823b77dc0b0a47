"""Webhooks: signed over the raw bytes (signature v3), several events in a request, all of them shown.

Events come late, twice and in any order, and their ids are not promised to be unique (2026-11-21), so a notice's id
is made of what the event says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import orjson

from connectors._kit.payload import Payload
from connectors._kit.signatures import fingerprint, refusal, verify_request
from connectors.hubspot.words import OPTED_OUT, STREAM_OF
from core.errors import Garbled
from core.model.instant import MILLISECOND, Instant
from core.ports import Notice, Remote, Request

SIGNATURE = "x-hubspot-signature-v3"
STAMP = "x-hubspot-request-timestamp"
MAX_AGE = 300.0

DECODED: Mapping[str, str] = {
    "%3A": ":", "%2F": "/", "%3F": "?", "%40": "@", "%21": "!", "%24": "$", "%27": "'", "%28": "(", "%29": ")",
    "%2A": "*", "%2C": ",", "%3B": ";",
}  # fmt: skip
"""Escapes that HubSpot undoes in the query of the address before it signs."""


def received(request: Request, secret: str) -> list[Notice]:
    """Verify a request and read its events. `Refused` for a bad or stale signature, `Garbled` for no list of events."""
    if not secret:
        raise refusal("The connection has no client_secret, so no webhook can be trusted.", SIGNATURE)
    verify_request(
        replace(request, url=_signed_url(request.url)),
        secret=secret, signature_header=SIGNATURE, stamp_header=STAMP, max_age=MAX_AGE,
    )  # fmt: skip
    body = Payload.parse(request.body, "webhook")
    if not isinstance(body.data, list):
        raise Garbled("The webhook holds no list of events.", at="webhook")
    return [notice for event in body.each("") for notice in _shown(event)]


def _signed_url(url: str) -> str:
    """The address as HubSpot signs it: some escapes of its query are undone, none of its path."""
    path, mark, query = url.partition("?")
    for escape, sign in DECODED.items():
        query = query.replace(escape, sign).replace(escape.lower(), sign)
    return path + mark + query


class _Event:
    """One event, and what all kinds of them have."""

    def __init__(self, told: Payload) -> None:
        self.told = told
        kind, _, self.what = told.text("subscriptionType").partition(".")
        words = (told.text("objectTypeId", ""), told.text("fromObjectTypeId", ""), kind)
        self.stream = next((STREAM_OF[word] for word in words if word in STREAM_OF), None)
        millis = told.whole("occurredAt", None)
        self.at: Instant | None = None if millis is None else millis * MILLISECOND

    @property
    def type(self) -> str:
        """`contact.creation` and the like, short enough to show."""
        return self.told.text("subscriptionType")[:80]

    def id(self, *more: str) -> str:
        """The same for each delivery of the event, and different for all others."""
        names = ("subscriptionId", "eventId", "portalId", "occurredAt", "objectId")
        said = [self.told.id(name, "") for name in names]
        return "-".join([self.type, *said, *more])


def _shown(told: Payload) -> list[Notice]:
    """One event's notices; one that cannot be read is shown as such, and does not hold up the others."""
    try:
        return list(_notices(told))
    except Garbled as error:
        return [Notice("unknown", fingerprint(orjson.dumps(told.data)), note=str(error))]


def _notices(told: Payload) -> Iterator[Notice]:
    event = _Event(told)
    tell = _KINDS.get(event.what)
    if event.stream is None or tell is None:
        yield Notice("unknown", event.id(), event.stream, note=f"HubSpot event '{event.type}'")
    else:
        yield from tell(event, event.stream)


def _changed(event: _Event, stream: str) -> Iterator[Notice]:
    """Made, restored: there is something to read."""
    remote = Remote(event.told.id("objectId"), {}, modified_at=event.at, partial=True)
    yield Notice("changed", event.id(), stream, remote, note=event.what)


def _property(event: _Event, stream: str) -> Iterator[Notice]:
    """One property and its new value."""
    name = event.told.text("propertyName")
    if name.startswith(OPTED_OUT):
        # The property repeats what is kept elsewhere, and the fields are named after that: it must be read.
        yield from _changed(event, stream)
        return
    value = event.told.object("").get("propertyValue")
    remote = Remote(
        event.told.id("objectId"), {name: value}, modified_at=event.at, changed=frozenset({name}), partial=True
    )
    source = event.told.text("changeSource", "")
    yield Notice("changed", event.id(name), stream, remote, note=f"{name}, by {source}" if source else name)


def _deleted(event: _Event, stream: str) -> Iterator[Notice]:
    remote = Remote(event.told.id("objectId"), {}, modified_at=event.at, deleted=True)
    yield Notice("deleted", event.id(), stream, remote, note=event.what)


def _merged(event: _Event, stream: str) -> Iterator[Notice]:
    """Since 2025 the survivor has an id of its own, and all the others lead to it."""
    primary = event.told.id("primaryObjectId", None) or event.told.id("objectId")
    survivor = event.told.id("newObjectId", None) or primary
    others = [primary, *(one.id("") for one in event.told.each("mergedObjectIds"))]
    for old in dict.fromkeys(others):
        if old != survivor:
            remote = Remote(old, {}, modified_at=event.at, deleted=True, moved_to=survivor)
            yield Notice("merged", event.id(old), stream, remote)
    yield Notice("changed", event.id(survivor), stream, Remote(survivor, {}, modified_at=event.at, partial=True))


def _associated(event: _Event, stream: str) -> Iterator[Notice]:
    """Two records were tied or untied. Each side has an event of its own; what it is tied to now must be read."""
    id_ = event.told.id("fromObjectId", None) or event.told.id("objectId")
    other, type_ = event.told.id("toObjectId", None) or "", event.told.text("associationType", "")
    how = "no longer " if event.told.flag("associationRemoved", False) else ""
    yield Notice(
        "changed", event.id(id_, other, type_, how), stream, Remote(id_, {}, modified_at=event.at, partial=True),
        note=f"{how}associated with {other}",
    )  # fmt: skip


_KINDS = {
    "creation": _changed,
    "restore": _changed,
    "propertyChange": _property,
    "deletion": _deleted,
    "privacyDeletion": _deleted,
    "merge": _merged,
    "associationChange": _associated,
}
