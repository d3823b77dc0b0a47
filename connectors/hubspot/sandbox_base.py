"""What every call to the sandbox goes through: sign-in, scopes, limits, error bodies, both generations of paths."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from connectors._kit.loopback import Line
from connectors._kit.mischief import Mischief, Switch
from connectors._kit.sandbox import Call, Response, Sandbox, route
from connectors.hubspot.sandbox_problems import Problem, invalid, missing_scopes, not_found, too_many
from connectors.hubspot.sandbox_values import spelt
from connectors.hubspot.sandbox_words import SCOPES, Kind, kind_of
from connectors.hubspot.sandbox_world import World
from core.model.instant import DAY, SECOND, Instant
from core.ports import Clock

PORTAL = 24_601_001
APP = 3_141_592
_INDEX_LAG = 30 * SECOND
_ROLLING = 10 * SECOND

PATHS = {
    "objects": ("/crm/v3/objects", "/crm/objects/2026-03"),
    "links": ("/crm/v4/objects", "/crm/objects/2026-03"),
    "associations": ("/crm/v4/associations", "/crm/associations/2026-03"),
    "owners": ("/crm/v3/owners", "/crm/owners/2026-03"),
    "properties": ("/crm/v3/properties", "/crm/properties/2026-03"),
    "pipelines": ("/crm/v3/pipelines", "/crm/pipelines/2026-03"),
    "oauth": ("/oauth/v1", "/oauth/v3", "/oauth/2026-03"),
    "account": ("/account-info/v3", "/account-info/2026-03"),
    "webhooks": ("/webhooks/v3", "/webhooks/2026-03"),
    "consent": ("/communication-preferences/v3",),
    "statuses": ("/communication-preferences/v4", "/communication-preferences/2026-03",
                 "/communication-preferences/2026-09"),
}  # fmt: skip
"""API → its prefixes; one handler serves them all."""

Handler = TypeVar("Handler", bound=Callable[..., Response])


def crm(
    method: str, api: str, rest: str, *, reading: bool | None = None, spared: bool = False
) -> Callable[[Handler], Handler]:
    """Mark the handler of a call in every generation of an API."""

    def mark(handler: Handler) -> Handler:
        for prefix in PATHS[api]:
            route(method, prefix + rest, reading=reading, spared=spared)(handler)
        return handler

    return mark


@dataclass(frozen=True)
class Quotas:
    """The limits of an account; the defaults are those of a Professional one."""

    per_ten_seconds: int = 190
    search_per_second: int = 5
    daily: int = 650_000


class Cut(Exception):
    """The line breaks instead of an answer."""


class Base(Sandbox):
    """The account behind its door."""

    title: ClassVar[str] = "HubSpot"

    def __init__(
        self,
        *,
        clock: Clock,
        mischief: Mischief | None = None,
        skew: int = 0,
        port: int = 0,
        token: str = "pat-na1-sandbox",  # noqa: S107 -- a stand-in's
        limits: Quotas | None = None,
    ) -> None:
        super().__init__(clock=clock, mischief=mischief, skew=skew, port=port)
        self.world = World(self.now, self.mischief, PORTAL)
        self.token = token
        self.limits = limits
        self.lag = 0
        """µs by which the search index is late."""
        self.scopes = set(SCOPES)
        self.granted: dict[str, Instant] = {}
        """OAuth access token → when it expires."""
        self.revoked = False
        self._problems = 0
        self._calls: deque[Instant] = deque()
        self._searches: deque[Instant] = deque()
        self._today = (0, 0)

    def start(self) -> None:
        """Listen, and take repeated query names for a list, as HubSpot does."""
        super().start()
        if self._server is not None:
            self._server.RequestHandlerClass = _Lists

    # --- sign-in

    def authorise(self, call: Call) -> Response | None:
        """401 for a bad token, 429 for too many calls."""
        try:
            self._signed_in(call)
            self._within_limits(call)
        except Problem as problem:
            return self._told(problem)
        return None

    def needs(self, *any_of: str) -> None:
        """A `Problem` unless one of these scopes was granted."""
        if not self.scopes & set(any_of):
            raise missing_scopes(any_of[:1])

    def _signed_in(self, call: Call) -> None:
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        expires_at = self.granted.get(token)
        if scheme.lower() != "bearer" or (token != self.token and expires_at is None) or self.revoked:
            message = (
                "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find "
                "more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview"
            )
            raise Problem(401, "INVALID_AUTHENTICATION", message)
        if expires_at is not None and expires_at <= self.now():
            late = (self.now() - expires_at) // SECOND
            message = f"The OAuth token used to make this call expired {late} second(s) ago."
            raise Problem(401, "EXPIRED_AUTHENTICATION", message, context={"expire time": [spelt(expires_at)]})

    # --- limits

    def _within_limits(self, call: Call) -> None:
        if self.limits is None:
            return
        if _is_search(call):
            self._take(self._searches, SECOND, self.limits.search_per_second, "SECONDLY")
            return
        day = self.now() // DAY
        used = self._today[1] if self._today[0] == day else 0
        if used >= self.limits.daily:
            raise too_many("DAILY")
        self._take(self._calls, _ROLLING, self.limits.per_ten_seconds, "TEN_SECONDLY_ROLLING")
        self._today = (day, used + 1)

    def _take(self, calls: deque[Instant], window: int, most: int, policy: str) -> None:
        now = self.now()
        while calls and calls[0] <= now - window:
            calls.popleft()
        if len(calls) >= most:
            raise too_many(policy)
        calls.append(now)

    def _headers(self, call: Call) -> dict[str, str]:
        if self.limits is None or _is_search(call):
            return {}
        left = self.limits.per_ten_seconds - len(self._calls)
        headers = {
            "X-HubSpot-RateLimit-Interval-Milliseconds": str(_ROLLING // 1000),
            "X-HubSpot-RateLimit-Max": str(self.limits.per_ten_seconds),
            "X-HubSpot-RateLimit-Remaining": str(max(0, left)),
        }
        if call.headers.get("authorization", "").endswith(f" {self.token}"):
            headers["X-HubSpot-RateLimit-Daily"] = str(self.limits.daily)
            headers["X-HubSpot-RateLimit-Daily-Remaining"] = str(max(0, self.limits.daily - self._today[1]))
        return headers

    # --- HubSpot's own words for trouble

    def throttled(self, call: Call) -> Response:
        """429, without saying how long to wait."""
        return self._told(too_many("SECONDLY" if _is_search(call) else "TEN_SECONDLY_ROLLING"))

    def failing(self, call: Call) -> Response:  # noqa: ARG002 -- alike for all
        """A server error before anything is done."""
        return self._told(Problem(503, "SERVICE_UNAVAILABLE", "Service is temporarily unavailable."))

    def bad_call(self, call: Call, why: str) -> Response:  # noqa: ARG002 -- alike for all
        """The body cannot be read."""
        return self._told(invalid(f"Invalid input JSON: {why}"))

    def no_such_call(self, call: Call) -> Response:
        """There is nothing at this address."""
        return self._told(not_found(f"Unable to find a matching endpoint for {call.method} {call.path}"))

    def _answer(self, call: Call, found: Any) -> Response | None:
        try:
            response = super()._answer(call, found)
        except Problem as problem:
            response = self._told(problem)
        except Cut:
            return None
        if response is None or (found is not None and found[0].spared):
            return response
        return response._replace(headers={**self._headers(call), **response.headers})

    def _told(self, problem: Problem) -> Response:
        return problem.response(self.correlation())

    def correlation(self) -> str:
        """An id for support to ask after."""
        self._problems += 1
        return f"{self._problems:08x}-0000-4000-8000-000000000000"

    # --- words shared by the handlers

    def kind(self, word: str) -> Kind:
        """The type a path names; a `Problem` for others."""
        found = kind_of(word)
        if found is None:
            raise invalid(f"Unable to infer object type from: {word}")
        return found

    def readable(self, word: str) -> Kind:
        """The type, if it may be read."""
        kind = self.kind(word)
        self.needs(f"crm.objects.{kind.scope}.read")
        return kind

    def writable(self, word: str) -> Kind:
        """The type, if it may be written."""
        kind = self.kind(word)
        self.needs(f"crm.objects.{kind.scope}.write")
        return kind

    def as_of(self, *, index: bool) -> Instant | None:
        """The moment whose state a reading shows; None is now. Only the search index is late by itself."""
        behind = self.lag if index else 0
        if self.mischief.fires(Switch.LAGGING):
            behind += 1 + self.mischief.below(_INDEX_LAG)
        return self.now() - behind if behind else None


def body_of(call: Call) -> dict[str, Any]:
    """The call's JSON object; a `Problem` for anything else."""
    data = call.json()
    if not isinstance(data, dict):
        raise invalid("Invalid input JSON: the body is not an object")
    return data


def text_of(data: Any, *path: str) -> str:
    """An id or word inside a body, as text; a `Problem` where it is missing."""
    for name in path:
        data = data.get(name) if isinstance(data, dict) else None
    if not isinstance(data, str | int) or isinstance(data, bool):
        raise invalid(f"Invalid input JSON: `{'.'.join(path)}` is missing")
    return str(data)


def listed_in(data: Any, name: str) -> list[Any]:
    """A list inside a body, blank where it is missing; a `Problem` for anything else."""
    found = data.get(name) or [] if isinstance(data, dict) else None
    if not isinstance(found, list):
        raise invalid(f"Invalid input JSON: `{name}` is not a list")
    return found


def listed(call: Call, name: str) -> list[str]:
    """A list in the query, by commas or given several times."""
    return [part for part in call.query.get(name, "").split(",") if part]


def flag(call: Call, name: str) -> bool:
    """A true or false in the query."""
    return call.query.get(name, "false").lower() == "true"


def number(text: Any, name: str, least: int, most: int) -> int:
    """A whole number within bounds; a `Problem` otherwise."""
    if not str(text).isdigit() or not least <= int(text) <= most:
        raise invalid(f"{name} must be a number from {least} to {most}, and is {text}", **{name: [str(text)]})
    return int(text)


def _is_search(call: Call) -> bool:
    return call.method == "POST" and call.path.endswith("/search")


class _Lists(Line):
    """`properties=a&properties=b` becomes `properties=a,b`: HubSpot takes both, a `Call` keeps one."""

    def _serve(self) -> None:
        path, _, query = self.path.partition("?")
        values: dict[str, list[str]] = {}
        for pair in filter(None, query.split("&")):
            name, _, value = pair.partition("=")
            values.setdefault(name, []).append(value)
        if query:
            folded = "&".join(f"{name}={','.join(several)}" for name, several in values.items())
            self.path = f"{path}?{folded}"
        super()._serve()
