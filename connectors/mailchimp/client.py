"""One account on the wire: where it is, how we sign in, and how many calls may be open at once.

An API key names its data centre behind its last dash; a token of OAuth has it told by the sign-in server. Mailchimp
counts open connections, ten for each user over all apps (2026-11), so all connections of this process that use one
credential pass through one gate of at most eight. Nothing says how much is left, so calls are paced as well.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from connectors._kit.accounts import meter
from connectors._kit.auth import Auth, Basic, Bearer
from connectors._kit.exchange import Answer, Skew, path_of, sees_skew
from connectors._kit.http import Http
from connectors._kit.limits import gate
from connectors._kit.payload import Payload
from connectors.mailchimp.trouble import explained
from core.calling import carried
from core.errors import ConfigError, Gone, SchemaChanged, SignedOut, ToolError
from core.model.instant import SECOND, Instant
from core.ports import Context

T = TypeVar("T")
R = TypeVar("R")

LOGIN = "https://login.mailchimp.com"
OPEN = 8
"""Calls that are open at once, of the ten that Mailchimp allows."""
_MINUTE = 60.0
TIMEOUT = 120.0
"""Seconds after which Mailchimp itself gives a call up."""
_CENTRE = re.compile(r"[a-z]{2}\d{1,4}")


class ToolTime:
    """Mailchimp's clock, as far as its answers have shown it."""

    def __init__(self, context: Context) -> None:
        self._on_date = context.on_date
        self._skew = 0

    def learn(self, skew: Skew) -> None:
        """An answer came with Mailchimp's own time."""
        self._skew = sees_skew(skew)
        if self._on_date is not None:
            self._on_date(*skew)

    def of(self, at: Instant) -> Instant:
        """By Mailchimp's clock, the moment that ours called `at`; surely not later than it truly was."""
        return at + self._skew - SECOND


class Client:
    """One connection: an account and one of its audiences. Thread-safe."""

    def __init__(self, context: Context) -> None:
        settings = context.settings
        self.clock = context.clock
        self.sleep = context.sleep or time.sleep
        self.time = ToolTime(context)
        self.width = max(1, min(OPEN, int(settings.get("concurrent") or 4)))
        self._context = context
        self._audience = str(settings.get("audience") or "").strip()
        self._key, self._token = (str(settings.get(name) or "").strip() for name in ("api_key", "access_token"))
        if not self._key and not self._token:
            raise ConfigError(
                "The connection has neither an API key nor an access token.",
                remedy="Give `api_key`, or `access_token` where people sign in with OAuth.",
            )
        # One credential, one gate; the name must not give the credential away.
        name = hashlib.sha256((self._key or self._token).encode()).hexdigest()[:16]
        self._gate = gate(f"mailchimp {name}", OPEN)
        self._limits = meter(context, f"mailchimp {name}", float(settings.get("calls") or 50) * _MINUTE, _MINUTE)
        self._lock = threading.Lock()
        self._lines: list[Http] = []
        self._http: Http | None = None
        if self._key:
            self._http = self._line(self._home_of_key(), Basic("concord", self._key))

    @property
    def http(self) -> Http:
        """The line to the account. With OAuth, where it is gets asked for at the first call."""
        with self._lock:
            if self._http is None:
                self._http = self._line(self._home_of_token(), Bearer(self._token))
            return self._http

    @property
    def audience(self) -> str:
        """The audience's id; `ConfigError` where the connection names none, with those there are."""
        if not self._audience:
            raise ConfigError("The connection names no audience.", remedy=self._choice())
        return self._audience

    def audiences(self) -> list[Payload]:
        """The audiences of the account."""
        params = {"count": 1000, "fields": "lists.id,lists.name,lists.marketing_permissions"}
        return list(self.http.get("lists", params=params).payload().each("lists"))

    @property
    def requests(self) -> int:
        """How many calls were sent so far."""
        return sum(sum(line.calls.values()) for line in self._lines)

    def ask(self, method: str, *parts: object, **call: Any) -> Answer:
        """One call about the audience: `ask("GET", "members", id)`."""
        try:
            return self.http.request(method, self.path(*parts), **call)
        except Gone as error:
            if len(parts) > 1:
                raise
            raise SchemaChanged("The account has no such audience.", remedy=self._choice(), **error.facts) from error

    def path(self, *parts: object) -> str:
        """Where something of the audience is found, below the base."""
        return path_of("lists", self.audience, *parts)

    def side_by_side(self, items: Iterable[T], act: Callable[[T], R]) -> list[R | ToolError]:
        """Carry something out for each item, some at a time; in order, with the error where it raised one."""

        def tried(item: T) -> R | ToolError:
            try:
                return act(item)
            except ToolError as error:
                return error

        found = list(items)
        if len(found) < 2 or self.width == 1:
            return [tried(item) for item in found]
        with ThreadPoolExecutor(min(self.width, len(found)), thread_name_prefix="mailchimp") as pool:
            return list(pool.map(carried(tried), found))

    def close(self) -> None:
        """Let the connections go. May be called more than once."""
        for line in self._lines:
            line.close()

    def _choice(self) -> str:
        return f"Put the id of one of these into `audience`: {listed(self.audiences())}."

    # --- where it is

    def _home_of_key(self) -> str:
        if given := self._context.settings.get("url"):
            return str(given)
        centre = self._key.rpartition("-")[2]
        if "-" not in self._key or not _CENTRE.fullmatch(centre):
            raise ConfigError(
                "The API key does not end with a data centre.",
                remedy="Copy the whole key, with the dash and what follows it (`-us19`).",
            )
        return f"https://{centre}.api.mailchimp.com"

    def _home_of_token(self) -> str:
        login = str(self._context.settings.get("login_url") or LOGIN)
        door = self._line(login, Bearer(self._token, scheme="OAuth"), base="")
        told = door.get("oauth2/metadata").payload()
        if told.has("error"):
            raise SignedOut("Mailchimp does not know this access token.", at=told.where)
        return str(self._context.settings.get("url") or told.text("api_endpoint"))

    def _line(self, home: str, auth: Auth, *, base: str = "/3.0/") -> Http:
        line = Http(
            home.rstrip("/") + base,
            clock=self.clock,
            auth=auth,
            limits=self._limits,
            gate=self._gate,
            timeout=TIMEOUT,
            sleep=self._context.sleep,
            explain=explained,
            read_limits=_none,
            on_skew=self.time.learn,
            redact=self._secrets(),
            connection=self._context.name,
        )
        self._lines.append(line)
        return line

    def _secrets(self) -> tuple[str, ...]:
        return tuple(filter(None, (self._key, self._token)))


def listed(audiences: Iterable[Payload]) -> str:
    """Audiences for people, each with its id."""
    return "; ".join(f"{one.text('name', '')}: {one.id('id')}" for one in audiences) or "none"


def _none(_headers: Mapping[str, str]) -> None:
    """Mailchimp says nothing about its limits."""
