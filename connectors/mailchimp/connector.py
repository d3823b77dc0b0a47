"""The `mailchimp` connector: the members of one audience, with their consent, both ways.

This is the door. `client.py` talks to Mailchimp, `trouble.py` knows its errors, `words.py` its words; `reading.py`
walks the audience, `members.py` makes members whole, `describing.py` knows the merge fields; `preparing.py` takes an
edit apart, `writing.py` carries edits out, with `creating.py` for new members, `consent.py` for what a status may
become, `sending.py` and `batches.py` for the ways to send; `checking.py` looks around, `receiving.py` reads webhooks,
`hooks.py` makes and removes them.
"""

from __future__ import annotations

from collections.abc import Sequence

from connectors._kit.payload import Payload
from connectors.mailchimp.batches import Batches
from connectors.mailchimp.checking import Inspector
from connectors.mailchimp.client import Client
from connectors.mailchimp.describing import Shapes
from connectors.mailchimp.hooks import Hooks
from connectors.mailchimp.members import Members
from connectors.mailchimp.reading import Pace, Walker
from connectors.mailchimp.receiving import received
from connectors.mailchimp.words import STREAM
from connectors.mailchimp.writing import Writer
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
    Secrets,
    Subscription,
)


def build(context: Context) -> Mailchimp:
    """The connector for one connection."""
    return Mailchimp(context)


class Mailchimp:
    """One audience of one account. Checks, reads, writes, erases, receives and subscribes."""

    def __init__(self, context: Context) -> None:
        settings = context.settings
        self._client = client = Client(context)
        by_hand, signs, self._audience = (
            str(settings.get(name) or "") for name in ("webhook_secret", "signing_secret", "audience")
        )
        self._by_hand = Secrets(by_hand, signs)
        self._hooks = Hooks(client)
        self._shapes = Shapes(client)
        self._members = Members(client, settings)
        self._walker = Walker(client, self._members, Pace.of(settings))
        self._batches = Batches(client, wait=float(settings.get("batch_wait") or 300))
        self._batching = bool(settings.get("batch_above"))
        self._writer = Writer(client, self._shapes, self._members, self._batches, settings)
        self._inspector = Inspector(client, self._shapes, self._members, settings)

    @property
    def requests(self) -> int:
        """How many calls were sent so far."""
        return self._client.requests

    def check(self) -> Checkup:
        """Sign in and see what is missing."""
        return self._inspector.checkup()

    def describe(self, stream: str) -> Description:
        """The attributes and merge fields of members, as they are now."""
        _known(stream)
        return self._shapes.described()

    def close(self) -> None:
        """Let the connections go."""
        self._client.close()

    def read(self, stream: str, cursor: Cursor | None) -> Page:
        """The next page; see `reading.py`."""
        _known(stream)
        return self._walker.page(cursor)

    def fetch(self, stream: str, ids: Sequence[str]) -> Sequence[Remote]:
        """These members as they are now; an archived or missing one as a tombstone."""
        _known(stream)
        return self._members.by_id(ids)

    def write(self, stream: str, edits: Sequence[Edit]) -> Sequence[Receipt]:
        """Carry out edits; see `writing.py`."""
        _known(stream)
        return self._writer.write(edits)

    def find(self, stream: str, key: str) -> Remote | None:
        """The member that an earlier create with this key made, as far as it can be known.

        This process knows the address of each; a former one left its keys with its batches alone. That is enough: a
        create that is repeated meets the member with its address, and makes no second one.
        """
        _known(stream)
        address = self._writer.addresses.get(key)
        if address is not None:
            told = self._members.at(address)
            return self._there(told.id("contact_id")) if told else None
        outcome = self._batches.answer(key) if self._batching else None
        return self._there(outcome.id("contact_id")) if isinstance(outcome, Payload) else None

    def receive(self, request: Request) -> Sequence[Notice]:
        """Verify a webhook and read its event; see `receiving.py`."""
        return received(request, known=[self._by_hand, *request.secrets], audience=self._audience)

    def subscriptions(self) -> Sequence[Subscription]:
        """The audience's webhooks; see `hooks.py`."""
        return self._hooks.listed()

    def subscribe(self, order: Order) -> Subscription:
        """Make a webhook."""
        return self._hooks.made(order)

    def renew(self, old: Subscription, order: Order) -> Subscription:
        """Mend a webhook, or make another one."""
        return self._hooks.mended(old, order)

    def unsubscribe(self, old: Subscription) -> None:
        """Remove a webhook."""
        self._hooks.removed(old)

    def _there(self, id_: str) -> Remote | None:
        found = next((one for one in self._members.by_id([id_]) if one.id == id_), None)
        return found if found is not None and not found.deleted else None


def _known(stream: str) -> None:
    if stream != STREAM:
        raise Unsupported(f"Mailchimp has no stream '{stream}'; there is {STREAM}.", stream=stream)
