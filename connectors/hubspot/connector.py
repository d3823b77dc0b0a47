"""The `hubspot` connector: owners, companies, contacts, deals and five kinds of activity, both ways.

This is the door. `client.py` talks to HubSpot, `versions.py` knows its paths, `trouble.py` its errors; `reading.py` and
`owners.py` walk streams, `records.py` and `associations.py` make records whole, `writing.py` and `batches.py` change
them, `subscriptions.py` and `wishes.py` see to the mail that people want, `checking.py` and `describing.py` look
around, `receiving.py` reads webhooks. `words.py` holds the tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from connectors.hubspot.associations import Associations
from connectors.hubspot.checking import Inspector
from connectors.hubspot.client import Client
from connectors.hubspot.describing import Shapes
from connectors.hubspot.owners import Owners
from connectors.hubspot.reading import Walker, pace
from connectors.hubspot.receiving import received
from connectors.hubspot.records import Records
from connectors.hubspot.subscriptions import FIELD, STREAM, Subscriptions
from connectors.hubspot.wishes import Manners, Wishes
from connectors.hubspot.words import OBJECTS, OWNERS
from connectors.hubspot.writing import Writer
from core.errors import Unsupported
from core.ports import Checkup, Context, Cursor, Description, Edit, Finding, Notice, Page, Receipt, Remote, Request

KEY_PROPERTY = "concord_key"


def build(context: Context) -> HubSpot:
    """The connector for one connection."""
    return HubSpot(context)


class HubSpot:
    """One HubSpot account. Checks, prepares, reads, writes, merges and receives; see `core.ports`."""

    def __init__(self, context: Context) -> None:
        settings = context.settings
        key = str(settings.get("key_property") or KEY_PROPERTY)
        manners = Manners.of(settings)
        self._client = client = Client(context)
        self._secret = str(settings.get("client_secret") or "")
        self._shapes = Shapes(client)
        links = Associations(client)
        self._subscriptions = Subscriptions(client, self._shapes)
        self._records = Records(client, self._shapes, links, self._subscriptions, key, context.reads)
        self._owners = Owners(client, pace(settings))
        watches = FIELD in context.reads.get(STREAM, ())
        watched = self._subscriptions if watches else None
        self._walker = Walker(client, self._shapes, self._records, pace(settings), watched)
        self._writer = Writer(client, self._shapes, self._records, links, Wishes(client, manners), key)
        self._inspector = Inspector(client, self._shapes, settings, key)

    @property
    def requests(self) -> int:
        """How many requests were sent so far."""
        return sum(self._client.http.calls.values()) + sum(self._client.door.calls.values())

    def check(self) -> Checkup:
        """Sign in and see what is missing."""
        return self._inspector.checkup()

    def prepare(self, fix: str) -> Sequence[Finding]:
        """Make what `check` found missing."""
        return self._inspector.prepare(fix)

    def describe(self, stream: str) -> Description:
        """The properties of a stream as they are now."""
        described = self._shapes.described(_known(stream))
        if stream != STREAM:
            return described
        return replace(described, fields=(*described.fields, *self._subscriptions.described()))

    def close(self) -> None:
        """Let the connections go."""
        self._client.close()

    def read(self, stream: str, cursor: Cursor | None) -> Page:
        """The next page; see `reading.py`."""
        if stream == OWNERS:
            return self._owners.page(cursor)
        return self._walker.page(_known(stream), cursor)

    def fetch(self, stream: str, ids: Sequence[str]) -> Sequence[Remote]:
        """These records as they are now; a missing one as a tombstone, a merged one with where it went."""
        if not ids:
            return []
        return self._owners.by_id(ids) if stream == OWNERS else self._records.by_id(_known(stream), ids)

    def write(self, stream: str, edits: Sequence[Edit]) -> Sequence[Receipt]:
        """Carry out edits; see `writing.py`."""
        return self._writer.write(_written(stream), edits)

    def find(self, stream: str, key: str) -> Remote | None:
        """The record that an earlier create with this key made."""
        return self._records.by_key(_written(stream), key)

    def merge(self, stream: str, survivor_id: str, loser_id: str) -> Receipt:
        """Merge two records; see `writing.py`."""
        return self._writer.merge(_written(stream), survivor_id, loser_id)

    def receive(self, request: Request) -> Sequence[Notice]:
        """Verify a webhook and read its events; see `receiving.py`."""
        return received(request, self._secret)


def _known(stream: str) -> str:
    if stream not in OBJECTS and stream != OWNERS:
        streams = ", ".join([OWNERS, *OBJECTS])
        raise Unsupported(f"HubSpot has no stream '{stream}'; there are {streams}.", stream=stream)
    return stream


def _written(stream: str) -> str:
    if stream == OWNERS:
        raise Unsupported("Owners are users of HubSpot; they cannot be written by an app.", stream=stream)
    return _known(stream)
