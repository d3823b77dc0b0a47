"""Webhooks of an audience: listed, made, mended and removed by call.

Mailchimp tries the address by GET before it takes it, so the hub must know the secret in it by then. What is changed by
API is not told: our own writes would come back. Where an answer holds a `signing_secret`, it is kept.
<https://mailchimp.com/developer/marketing/api/list-webhooks/> (2026-11).
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

from connectors._kit.exchange import path_of
from connectors._kit.payload import Payload
from connectors.mailchimp.client import Client
from connectors.mailchimp.receiving import PARAMETER
from core.errors import Gone
from core.ports import Order, Secrets, Subscription

EVENTS = ("subscribe", "unsubscribe", "profile", "cleaned", "upemail")
"""What is news about members; sent campaigns are none."""
SOURCES = ("user", "admin")
_HOOKS, _AUDIENCE = "webhooks", "audience"


class Hooks:
    """The webhooks of one connection's audience."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def listed(self) -> list[Subscription]:
        """All of the audience, whoever made them; what is secret in their addresses is left out."""
        told = self._client.ask("GET", _HOOKS).payload()
        return [self._shown(one) for one in told.each(_HOOKS, [])]

    def made(self, order: Order) -> Subscription:
        """A new one."""
        told = self._client.ask("POST", _HOOKS, json=_body(order)).payload()
        return self._shown(told, Secrets(order.secret, told.text("signing_secret", "")))

    def mended(self, old: Subscription, order: Order) -> Subscription:
        """The same one with another secret in its address, where it is of this audience; else a new one."""
        if old.kept.get(_AUDIENCE) == self._client.audience:
            with suppress(Gone):
                told = self._client.ask("PATCH", _HOOKS, old.id, json=_body(order)).payload()
                signs = told.text("signing_secret", "") or old.secrets.told
                return self._shown(told, Secrets(order.secret, signs))
        return self.made(order)

    def removed(self, old: Subscription) -> None:
        """Take one away, of this audience or of the one before; more than once does no harm."""
        audience = old.kept.get(_AUDIENCE) or self._client.audience
        with suppress(Gone):
            self._client.http.delete(path_of("lists", audience, _HOOKS, old.id))

    def _shown(self, told: Payload, secrets: Secrets | None = None) -> Subscription:
        return Subscription(
            told.id("id"), told.text("url").partition("?")[0], fault=_fault(told),
            kept={_AUDIENCE: self._client.audience}, secrets=secrets or Secrets(),
        )  # fmt: skip


def _body(order: Order) -> dict[str, Any]:
    return {
        "url": f"{order.address}?{urlencode({PARAMETER: order.secret})}",
        "events": {**dict.fromkeys(EVENTS, True), "campaign": False},
        "sources": {**dict.fromkeys(SOURCES, True), "api": False},
    }


def _fault(told: Payload) -> str:
    silent = [one for one in EVENTS if not told.flag(f"events.{one}", False)]
    silent += [one for one in SOURCES if not told.flag(f"sources.{one}", False)]
    if silent:
        return f"does not tell of '{silent[0]}'"
    return "also tells what is changed by API, our own writes included" if told.flag("sources.api", False) else ""
