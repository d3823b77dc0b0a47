"""The `google_calendar` connector: the events of one calendar, both ways.

This is the door. `client.py` talks to Google, `signing.py` signs in, `trouble.py` knows its errors, `words.py` its
words, `batches.py` sends several calls in one; `events.py` makes an event readable, `reading.py` walks the calendar;
`preparing.py` makes the body of an edit, `naming.py` its id, `writing.py` carries edits out; `checking.py` looks
around, `receiving.py` reads notices, `channels.py` opens and stops what they come through.
"""

from __future__ import annotations

from collections.abc import Sequence

from connectors.google_calendar.batches import Sender
from connectors.google_calendar.channels import opened, stopped
from connectors.google_calendar.checking import Inspector
from connectors.google_calendar.client import Client
from connectors.google_calendar.naming import id_of
from connectors.google_calendar.reading import Walker, there
from connectors.google_calendar.receiving import received
from connectors.google_calendar.words import FIELDS, STREAM
from connectors.google_calendar.writing import Writer
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


def build(context: Context) -> GoogleCalendar:
    """The connector for one connection."""
    return GoogleCalendar(context)


class GoogleCalendar:
    """One calendar of one account. Checks, reads, writes, receives and subscribes; see `core.ports`."""

    def __init__(self, context: Context) -> None:
        settings = context.settings
        self.client = client = Client(context)
        """The line to Google."""
        sender = Sender(client)
        self._token = str(settings.get("channel_token") or "")
        self._walker = Walker(client, sender, settings)
        self._writer = Writer(client, sender, self._walker, settings)
        self._inspector = Inspector(client, settings)

    @property
    def requests(self) -> int:
        """How many calls were sent so far."""
        return self.client.requests

    def check(self) -> Checkup:
        """Sign in and see what is missing."""
        return self._inspector.checkup()

    def describe(self, stream: str) -> Description:
        """What an event has: the same in every calendar, and properties of one's own."""
        _known(stream)
        return Description(STREAM, FIELDS)

    def close(self) -> None:
        """Let the connections go."""
        self.client.close()

    def read(self, stream: str, cursor: Cursor | None) -> Page:
        """The next page; see `reading.py`."""
        _known(stream)
        return self._walker.page(cursor)

    def fetch(self, stream: str, ids: Sequence[str]) -> Sequence[Remote]:
        """These events as they are now; a deleted or missing one as a tombstone."""
        _known(stream)
        return self._walker.fetch(ids)

    def write(self, stream: str, edits: Sequence[Edit]) -> Sequence[Receipt]:
        """Carry out edits; see `writing.py`."""
        _known(stream)
        return self._writer.write(edits)

    def find(self, stream: str, key: str) -> Remote | None:
        """The event that an earlier create with this key made; its id follows from the key."""
        _known(stream)
        (outcome,) = self._walker.look([id_of(key)])
        return there(outcome)

    def receive(self, request: Request) -> Sequence[Notice]:
        """Verify a notice and say what it means; see `receiving.py`."""
        return received(request, tokens=[self._token, *(one.chosen for one in request.secrets)])

    def subscriptions(self) -> None:
        """Google lists no channels."""

    def subscribe(self, order: Order) -> Subscription:
        """Open a channel; see `channels.py`."""
        return opened(self.client, order)

    def renew(self, old: Subscription, order: Order) -> Subscription:  # noqa: ARG002 -- none is made longer
        """Open the next channel; the hub has the old one stopped then."""
        return opened(self.client, order)

    def unsubscribe(self, old: Subscription) -> None:
        """Stop a channel."""
        stopped(self.client, old)


def _known(stream: str) -> None:
    if stream != STREAM:
        raise Unsupported(f"Google Calendar has no stream '{stream}'; there is {STREAM}.", stream=stream)
