"""Looking around in an account: who we are, live or test, and what the key may not do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from connectors._kit.payload import Payload
from connectors.stripe.client import Client
from connectors.stripe.words import CUSTOMERS, STREAMS, VERSION
from core.errors import Forbidden, Gone, Refused
from core.ports import Checkup, Finding

NOBODY = "cus_ConcordLooksAround"
"""A customer that cannot exist: asking to change them tells whether the key might."""


class Inspector:
    """Carries out `check`."""

    def __init__(self, client: Client, settings: Mapping[str, Any]) -> None:
        self._client = client
        self._settings = settings

    def checkup(self) -> Checkup:
        """Sign in and look around."""
        name = self._name()
        return Checkup(name, tuple(self._findings(name)))

    def _name(self) -> str:
        """The account's name; a restricted key may not be allowed to know it."""
        try:
            told = self._client.get("account")
        except Forbidden:
            return self._client.account or "a Stripe account that the key may not name"
        return told.text("settings.dashboard.display_name", None) or told.text("id")

    def _findings(self, name: str) -> Iterator[Finding]:
        mode = "live: real customers and real money" if self._client.is_live else "test: a sandbox"
        yield Finding(True, f"Signed in to {name}, {mode}.")
        for words in STREAMS.values():
            remedy = f"Give the restricted key the permission {words.permission}, Read."
            yield self._may(f"read {words.name}", remedy, words.name, **words.params, **words.asked("data."), limit=1)
        remedy = "Give the restricted key the permission Events (All events), Read; without it no change is seen."
        yield self._may("read events", remedy, "events", limit=1)
        yield self._may_write()
        yield self._version()

    def _may(self, what: str, remedy: str, path: str, **params: Any) -> Finding:
        try:
            told = self._client.get(path, **params)
        except Forbidden:
            return Finding(False, f"The key may not {what}.", remedy)
        return self._of_mode(told) or Finding(True, f"The key may {what}.")

    def _of_mode(self, told: Payload) -> Finding | None:
        """What is wrong where the objects are not of the mode that the key seems to be for."""
        modes = {one.flag("livemode", False) for one in told.each("data")}
        if modes <= {self._client.is_live} or not self._client.key.startswith(("sk_", "rk_")):
            return None
        return Finding(False, "The key shows objects of the other mode, test or live.", "Look at the key once more.")

    def _may_write(self) -> Finding:
        try:
            self._client.post(CUSTOMERS.name, NOBODY, form={"description": ""})
        except Forbidden:
            remedy = "Give the restricted key the permission Customers, Write, or let the connection only read."
            return Finding(False, "The key may not change customers.", remedy)
        except (Gone, Refused):
            pass
        return Finding(True, "The key may change customers.")

    def _version(self) -> Finding:
        if self._client.version == VERSION:
            return Finding(True, f"Stripe is spoken to in its version {VERSION}.")
        what = f"Stripe is spoken to in its version {self._client.version}, and the mapping knows {VERSION}"
        return Finding(True, f"{what}: look whether its fields are still where it says.")
