"""Webhook endpoints in Stripe: made, listed and removed by call.

The secret is told once, in the answer that makes the endpoint; whoever makes one keeps it (`webhook_secret`). The
endpoint is pinned to the connection's version of the API, else it speaks the account's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from connectors._kit.payload import Payload
from connectors.stripe.client import Client
from connectors.stripe.words import LARGEST, STREAMS
from core.errors import Gone

MARK = "concord"
"""The metadata by which our own endpoints are known; its value is the connection."""


class Endpoint(NamedTuple):
    """One endpoint of ours. `secret` is blank but for one that was made just now."""

    id: str
    url: str
    enabled: bool
    version: str
    types: tuple[str, ...]
    secret: str = ""


class Endpoints:
    """The endpoints of one connection."""

    def __init__(self, client: Client, connection: str) -> None:
        self._client = client
        self._connection = connection

    def make(self, url: str, streams: Iterable[str]) -> Endpoint:
        """A new endpoint for what happens in these streams, with its secret; two for one address are Stripe's to bear.

        The URL is https. Raises `Forbidden` where the key may not, `Unknown` where the answer and with it the secret
        was lost: list the endpoints then, and remove the one without a secret.
        """
        types = sorted({type_ for name in streams for type_ in STREAMS[name].types})
        form = {
            "url": url, "enabled_events": types, "api_version": self._client.version,
            "description": "Concord", "metadata": {MARK: self._connection},
        }  # fmt: skip
        return _endpoint(self._client.post("webhook_endpoints", form=form).payload())

    def ours(self) -> list[Endpoint]:
        """The endpoints that this connection made."""
        told = self._client.get("webhook_endpoints", limit=LARGEST)
        rows = list(told.each("data"))
        if rows and told.flag("has_more"):
            rows += self._client.rest("webhook_endpoints", rows[-1].text("id"))
        return [_endpoint(one) for one in rows if one.text(f"metadata.{MARK}", "") == self._connection]

    def remove(self, id_: str) -> None:
        """Take one away; more than once does no harm."""
        try:
            self._client.delete("webhook_endpoints", id_)
        except Gone:
            return


def _endpoint(told: Payload) -> Endpoint:
    types = tuple(str(one) for one in told.many("enabled_events"))
    version = told.text("api_version", None) or ""
    return Endpoint(
        told.text("id"), told.text("url"), told.text("status") == "enabled", version, types, told.text("secret", "")
    )  # fmt: skip
