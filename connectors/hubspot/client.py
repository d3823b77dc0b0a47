"""HubSpot's own client for paths and bodies, the kit's `Http` for the wire.

The generated classes of `hubspot-api-client` write the calls; in place of their transport sits `Wire`, so that
timeouts, retries, limits, renewed tokens, redaction and errors are those of every connector. Their classes cost time
and memory to import and to make: each is imported at its first use and made once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from connectors._kit.accounts import account_of, meter
from connectors._kit.auth import Auth, NoAuth
from connectors._kit.exchange import Answer, Skew, sees_skew
from connectors._kit.http import Http
from connectors._kit.limits import Learnt, Limits, learnt_from
from connectors._kit.payload import Payload
from connectors.hubspot.signing import signed
from connectors.hubspot.trouble import Explained, until_midnight
from connectors.hubspot.versions import ACCOUNT, DATED, PLACES
from core.errors import ConfigError, ToolError
from core.model.instant import SECOND, Instant
from core.ports import Context

API = "https://api.hubapi.com"
_WINDOW = 10.0
_ROLLING = 0.1
"""Seconds until something of the window is free again, where nothing is left of it: it rolls, and we call evenly."""
_SEARCHES = 4
"""In a second. HubSpot allows 5 searches in any second, over all apps of the account, and says nothing about it in its
headers (2026-11-21)."""

MERGED = ("companies", "contacts", "deals")
"""The streams whose records HubSpot merges by interface; tickets would be the fourth (2026-11-21)."""

_APIS: Mapping[str, tuple[str, str]] = {
    "basic": ("hubspot.crm.objects", "BasicApi"),
    "batch": ("hubspot.crm.objects", "BatchApi"),
    "search": ("hubspot.crm.objects", "SearchApi"),
    "links": ("hubspot.crm.associations.v4", "BatchApi"),
    "owners": ("hubspot.crm.owners", "OwnersApi"),
    "pipelines": ("hubspot.crm.pipelines", "PipelinesApi"),
    "properties": ("hubspot.crm.properties", "CoreApi"),
    "groups": ("hubspot.crm.properties", "GroupsApi"),
    "definitions": ("hubspot.communication_preferences", "DefinitionApi"),
    "statuses": ("hubspot.communication_preferences", "StatusApi"),
    **{stream: (f"hubspot.crm.{stream}", "BasicApi") for stream in MERGED},
}
"""Our word → package and class of the vendor's client."""


class ToolTime:
    """HubSpot's clock and the account's time zone, as far as its answers have shown them."""

    def __init__(self, context: Context) -> None:
        self.zone: str | None = None
        """The time zone, once it is known."""
        self._on_date = context.on_date
        self._skew = 0

    def learn(self, skew: Skew) -> None:
        """An answer came with HubSpot's own time."""
        self._skew = sees_skew(skew)
        if self._on_date is not None:
            self._on_date(*skew)

    def of(self, at: Instant) -> Instant:
        """By HubSpot's clock, the moment that our clock called `at`; surely not later than it truly was."""
        return at + self._skew - SECOND


class Client:
    """One account's API. Thread-safe."""

    def __init__(self, context: Context) -> None:
        settings = context.settings
        self.placed = _placed(settings)
        self.clock = context.clock
        self.time = ToolTime(context)
        self._context = context
        self._asked_account = False
        self._apis: dict[str, Any] = {}
        account = account_of(
            "hubspot", *(settings.get(name) for name in ("url", "token", "client_id", "refresh_token"))
        )
        calls, daily = float(settings.get("calls") or 190), int(settings.get("daily") or 0)
        self._limits = meter(context, account, calls, _WINDOW, daily=daily)
        searches = meter(context, f"{account} search", _SEARCHES)
        self.door = self._line(NoAuth())
        """For calls that carry their own credentials: renewing and looking at a token."""
        self.auth = signed(context, self.door, self.placed)
        self.http = self._line(self.auth)
        self._wire = Wire(self.http, self.placed, searches)

    def ask(self, api: str, operation: str, *given: Any, **more: Any) -> Answer:
        """Carry out one operation of the vendor's client."""
        if api not in self._apis:
            self._apis[api] = self._made(api)
        answer: Answer = getattr(self._apis[api], operation)(*given, _preload_content=False, **more)
        return answer

    def post(self, path: str, **call: Any) -> Answer:
        """A POST that the vendor's client does not have; `path` is that of v3 or v4, the rest as of `Http.post`."""
        return self.http.post(self.placed(path), **call)

    def account(self) -> Payload:
        """The account's number, time zone and currency, as they are now."""
        told = self.http.get(self.placed(ACCOUNT)).payload()
        self.time.zone = told.text("timeZone", None)
        return told

    def know_the_account(self) -> None:
        """Find out the time zone, once, if that is easy. Whatever stands in the way, the next call will tell."""
        if self.time.zone is None and not self._asked_account:
            self._asked_account = True
            with suppress(ToolError):
                self.account()

    def close(self) -> None:
        """Let the connections go. May be called more than once."""
        self.http.close()
        self.door.close()

    def _line(self, auth: Auth) -> Http:
        return Http(
            str(self._context.settings.get("url") or API),
            clock=self.clock,
            auth=auth,
            limits=self._limits,
            sleep=self._context.sleep,
            explain=Explained(self.time),
            read_limits=self._remaining,
            on_skew=self.time.learn,
            connection=self._context.name,
        )

    def _remaining(self, headers: Mapping[str, str]) -> list[Learnt]:
        """What is left of the ten seconds, and of the day; the latter is told to tokens that stay, only."""
        found = [learnt_from(headers, remaining="x-hubspot-ratelimit-remaining", per_seconds=_ROLLING)]
        reset = until_midnight(self.clock(), self.time.zone)
        day = learnt_from(headers, remaining="x-hubspot-ratelimit-daily-remaining", per_seconds=reset)
        allowed = headers.get("x-hubspot-ratelimit-daily", "")
        found.append(day._replace(allowed=int(allowed)) if day is not None and allowed.isdigit() else None)
        return [one for one in found if one is not None]

    def _made(self, api: str) -> Any:
        package, name = _APIS[api]
        module = import_module(package)
        inner = module.ApiClient(module.Configuration(host=""))
        inner.rest_client = self._wire
        return getattr(module, name)(inner)


class Wire:
    """Stands where the vendor's client has its own transport, and answers with the kit's `Answer`."""

    def __init__(self, http: Http, placed: Callable[[str], str], searches: Limits) -> None:
        self._http = http
        self._placed = placed
        self._searches = searches

    def GET(self, url: str, query_params: Any = None, **_: Any) -> Answer:  # noqa: N802 -- the name its caller uses
        """A GET."""
        return self._http.get(self._placed(urlsplit(url).path), params=dict(query_params or ()))

    def POST(self, url: str, query_params: Any = None, body: Any = None, **_: Any) -> Answer:  # noqa: N802 -- as above
        """A POST. Reads and searches change nothing; a locked record in a batch is for the writer to sort out."""
        path = urlsplit(url).path
        last = path.rpartition("/")[2]
        reading = last in ("read", "search")
        return self._http.post(
            self._placed(path),
            params=dict(query_params or ()),
            json=body,
            reading=reading,
            ok=(423,) if "/batch/" in path and not reading else (),
            also=self._searches if last == "search" else None,
        )


def _placed(settings: Mapping[str, Any]) -> Callable[[str], str]:
    version = str(settings.get("api_version") or DATED)
    if version not in PLACES:
        raise ConfigError(f"Setting api_version is {version!r}.", remedy=f"Write one of {', '.join(PLACES)}.")
    return PLACES[version]
