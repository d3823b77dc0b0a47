"""One account on the wire: the key, the version of the API, the connected account, and how fast calls may go.

Every call names its version: without one Stripe answers in the version that the account was made with, and fields
that have moved since are silently missing. Bodies are forms, answers JSON.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from connectors._kit.accounts import account_of, meter
from connectors._kit.auth import Bearer
from connectors._kit.exchange import Answer, Skew, path_of, sees_skew
from connectors._kit.http import Http
from connectors._kit.payload import Payload
from connectors.stripe.forms import flat
from connectors.stripe.trouble import explained
from connectors.stripe.words import LARGEST, VERSION
from core.errors import ConfigError
from core.model.instant import SECOND, Instant
from core.ports import Context

HOME = "https://api.stripe.com"
LIVE, TRYING = 80.0, 20.0
"""Calls in a second, of the 100 that Stripe allows a live account and the 25 of a sandbox (2026-11)."""
TIMEOUT = 80.0


class Client:
    """One connection to an account. Thread-safe."""

    def __init__(self, context: Context) -> None:
        settings = context.settings
        self.clock = context.clock
        self.key = str(settings.get("api_key") or "").strip()
        self.account = str(settings.get("account") or "").strip()
        self.version = str(settings.get("api_version") or VERSION).strip()
        self._on_date = context.on_date
        self._skew = 0
        if self.key.startswith("pk_"):
            raise ConfigError(
                "The API key is a publishable one, which may read nothing.",
                remedy="Give a restricted key (`rk_…`) or a secret key (`sk_…`).",
            )
        headers = {"Stripe-Version": self.version} | ({"Stripe-Account": self.account} if self.account else {})
        calls = float(settings.get("calls") or (LIVE if self.is_live else TRYING))
        self._http = Http(
            str(settings.get("url") or HOME).rstrip("/") + "/v1/",
            clock=context.clock,
            auth=Bearer(self.key),
            limits=meter(context, account_of("stripe", self.key, self.account), calls),
            timeout=TIMEOUT,
            sleep=context.sleep,
            headers=headers,
            explain=explained,
            read_limits=_none,
            on_skew=self._learn,
            connection=context.name,
        )

    @property
    def is_live(self) -> bool:
        """Whether the key moves real money."""
        return "_live_" in self.key

    @property
    def requests(self) -> int:
        """How many calls were sent so far."""
        return sum(self._http.calls.values())

    def seconds(self, at: Instant) -> int:
        """By Stripe's clock, the whole second of a moment of ours; surely not later than it truly was."""
        return (at + self._skew) // SECOND - 1

    def get(self, *parts: str, **params: Any) -> Payload:
        """Ask for what is below `/v1`."""
        return self._http.get(path_of(*parts), params=flat(params)).payload()

    def post(self, *parts: str, form: Mapping[str, Any], key: str | None = None, ok: tuple[int, ...] = ()) -> Answer:
        """Make or change something; with a `key` a repeat gives the first answer again, for a day."""
        headers = {"Idempotency-Key": key} if key else None
        return self._http.post(path_of(*parts), data=flat(form), headers=headers, ok=ok)

    def delete(self, *parts: str) -> Payload:
        """Take something away."""
        return self._http.delete(path_of(*parts)).payload()

    def rest(self, url: str, after: str, **params: Any) -> Iterator[Payload]:
        """What a list inside a record leaves out, by the address that it names itself."""
        more = True
        while more:
            asked = flat({"limit": LARGEST, "starting_after": after, **params})
            told = self._http.get(url, params=asked).payload()
            rows = list(told.each("data"))
            yield from rows
            more = bool(rows) and told.flag("has_more")
            after = rows[-1].text("id") if rows else after

    def close(self) -> None:
        """Let the connections go. May be called more than once."""
        self._http.close()

    def _learn(self, skew: Skew) -> None:
        self._skew = sees_skew(skew)
        if self._on_date is not None:
            self._on_date(*skew)


def _none(_headers: Mapping[str, str]) -> None:
    """Stripe does not say how many calls are left."""
