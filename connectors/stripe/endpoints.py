"""Webhook endpoints in Stripe: listed, made, mended and removed by call.

The secret is told once, in the answer that makes the endpoint; one whose answer was lost is replaced. An endpoint is
pinned to the connection's version of the API, else it speaks the account's; that version cannot be changed, so another
one takes its place then. All else is mended in place, and the secret stays.
<https://docs.stripe.com/api/webhook_endpoints> (2026-11).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from connectors._kit.payload import Payload
from connectors.stripe.client import Client
from connectors.stripe.words import LARGEST, STREAMS
from core.errors import Gone
from core.ports import Order, Secrets, Subscription

MARK = "concord"
"""The metadata by which people know our endpoints; the value is the connection."""
_PATH = "webhook_endpoints"


class Endpoints:
    """The endpoints of one account, for one connection and the streams that it reads."""

    def __init__(self, client: Client, connection: str, streams: Iterable[str]) -> None:
        self._client = client
        self._connection = connection
        read = [name for name in streams if name in STREAMS] or list(STREAMS)
        self.types = tuple(sorted({type_ for name in read for type_ in STREAMS[name].types}))
        """The types of events that are news for the connection."""

    def listed(self) -> list[Subscription]:
        """All of the account, whoever made them, without their secrets."""
        return [self._shown(one) for one in self._rows()]

    def made(self, order: Order) -> Subscription:
        """A new one. Raises `Forbidden` where the key may not, `Refused` for an address that is not https."""
        form = {
            "url": order.address, "enabled_events": self.types, "api_version": self._client.version,
            "description": "Concord", "metadata": {MARK: self._connection},
        }  # fmt: skip
        told = self._client.post(_PATH, form=form, key=order.key).payload()
        return self._shown(told, Secrets(told=told.text("secret")))

    def mended(self, old: Subscription, order: Order) -> Subscription:
        """The same one at another address and awake, where that keeps a secret that is known; else a new one."""
        if old.secrets.told and old.kept.get("version") == self._client.version:
            form: Mapping[str, Any] = {"url": order.address, "enabled_events": self.types, "disabled": False}
            with suppress(Gone):
                return self._shown(self._client.post(_PATH, old.id, form=form).payload(), old.secrets)
        return self.made(order)

    def removed(self, old: Subscription) -> None:
        """Take one away; more than once does no harm."""
        with suppress(Gone):
            self._client.delete(_PATH, old.id)

    def _rows(self) -> Iterator[Payload]:
        told = self._client.get(_PATH, limit=LARGEST)
        rows = list(told.each("data"))
        yield from rows
        if rows and told.flag("has_more"):
            yield from self._client.rest(_PATH, rows[-1].text("id"))

    def _shown(self, told: Payload, secrets: Secrets | None = None) -> Subscription:
        version = told.text("api_version", None) or ""
        return Subscription(
            told.text("id"), told.text("url"), fault=self._fault(told, version), kept={"version": version},
            secrets=secrets or Secrets(),
        )  # fmt: skip

    def _fault(self, told: Payload, version: str) -> str:
        if told.text("status") != "enabled":
            return "is switched off"
        if version != self._client.version:
            return f"speaks Stripe's version {version or 'of the account'}"
        types = {str(one) for one in told.many("enabled_events")}
        missing = [] if "*" in types else [one for one in self.types if one not in types]
        return f"does not tell of {missing[0]}" if missing else ""
