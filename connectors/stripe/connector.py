"""The `stripe` connector: customers both ways; payments, invoices and subscriptions in.

This is the door. `client.py` talks to Stripe in `forms.py`, `trouble.py` knows its errors, `words.py` its words;
`reading.py` walks lists and events, `objects.py` makes records of objects, `describing.py` knows their fields;
`writing.py` carries edits out, `finding.py` finds what they made; `checking.py` looks around, `receiving.py` reads
webhooks, `endpoints.py` makes, mends and removes the endpoints that send them.
"""

from __future__ import annotations

from collections.abc import Sequence

from connectors.stripe.checking import Inspector
from connectors.stripe.client import Client
from connectors.stripe.describing import described
from connectors.stripe.endpoints import Endpoints
from connectors.stripe.finding import Finder
from connectors.stripe.objects import Objects
from connectors.stripe.reading import Pace, Walker
from connectors.stripe.receiving import received
from connectors.stripe.words import CUSTOMERS, stream_of
from connectors.stripe.writing import Writer
from core.errors import Unsupported
from core.ports import (
    Checkup,
    Context,
    Cursor,
    Description,
    Edit,
    Notice,
    Order,
    Page,
    Receipt,
    Remote,
    Request,
    Subscription,
)

KEY_FIELD = "concord_key"


def build(context: Context) -> Stripe:
    """The connector for one connection."""
    return Stripe(context)


class Stripe:
    """One account. Checks, reads, writes, erases, receives and subscribes; see `core.ports`."""

    def __init__(self, context: Context) -> None:
        settings = context.settings
        self._key_field = key_field = str(settings.get("key_field") or KEY_FIELD)
        self._secrets = str(settings.get("webhook_secret") or "")
        self._client = client = Client(context)
        self._objects = objects = Objects(client, key_field)
        self._walker = Walker(client, objects, Pace.of(settings))
        self._finder = finder = Finder(client, objects, key_field)
        self._writer = Writer(
            client, objects, finder, key_field=key_field,
            delete_subscribers=bool(settings.get("delete_subscribers")),
        )  # fmt: skip
        self._inspector = Inspector(client, settings)
        self._endpoints = Endpoints(client, context.name, context.streams)

    @property
    def requests(self) -> int:
        """How many calls were sent so far."""
        return self._client.requests

    def check(self) -> Checkup:
        """Sign in and see what is missing."""
        return self._inspector.checkup()

    def describe(self, stream: str) -> Description:
        """The fields of a stream, and the keys of its metadata as they are now."""
        return described(stream_of(stream), self._objects, self._key_field)

    def close(self) -> None:
        """Let the connections go."""
        self._client.close()

    def read(self, stream: str, cursor: Cursor | None) -> Page:
        """The next page; see `reading.py`."""
        return self._walker.page(stream_of(stream), cursor)

    def fetch(self, stream: str, ids: Sequence[str]) -> Sequence[Remote]:
        """These objects as they are now; a deleted or missing one as a tombstone."""
        return self._objects.fetch(stream_of(stream), ids)

    def write(self, stream: str, edits: Sequence[Edit]) -> Sequence[Receipt]:
        """Carry out edits of customers; see `writing.py`."""
        if stream_of(stream) is not CUSTOMERS:
            raise Unsupported("Money is moved in Stripe alone; Concord writes customers only.", stream=stream)
        return self._writer.write(edits)

    def find(self, stream: str, key: str) -> Remote | None:
        """The customer that an earlier create with this key made; see `finding.py`."""
        return self._finder.find(key) if stream_of(stream) is CUSTOMERS else None

    def receive(self, request: Request) -> Sequence[Notice]:
        """Verify a webhook and read its event; see `receiving.py`."""
        secrets = [*self._secrets.split(), *(one.told for one in request.secrets)]
        return received(request, secrets=secrets, account=self._client.account)

    def subscriptions(self) -> Sequence[Subscription]:
        """The account's webhook endpoints; see `endpoints.py`."""
        return self._endpoints.listed()

    def subscribe(self, order: Order) -> Subscription:
        """Make an endpoint."""
        return self._endpoints.made(order)

    def renew(self, old: Subscription, order: Order) -> Subscription:
        """Mend an endpoint, or make another one."""
        return self._endpoints.mended(old, order)

    def unsubscribe(self, old: Subscription) -> None:
        """Remove an endpoint."""
        self._endpoints.removed(old)
