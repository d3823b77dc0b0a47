"""HTTP as every connector speaks it: one client per connection, with patience, limits, errors and discretion.

A call is tried again when that is certainly harmless: reading, or a call that never reached the tool or was
turned away (429, 503). Each try keeps the account's limits, and a tool that fails too often is let rest. A write
whose answer is lost is not sent again: it raises `Unknown`, and the engine looks first. Every answer that is no
success becomes one of the core's errors (`errors.py`). Credentials go only to the tool's own host. Messages and log
lines hold no secret, no query and no body.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import orjson
import structlog
import tenacity

from connectors._kit.addresses import check_url, watching
from connectors._kit.auth import Auth, NoAuth
from connectors._kit.authorities import authorities
from connectors._kit.endpoints import endpoint
from connectors._kit.errors import Hook, Reply, blotted, error_of, http_date, is_page, page_title
from connectors._kit.exchange import READING, Answer, Expect, Sent, Skew, Wait, path_of, sees_skew, with_query
from connectors._kit.limits import Learnt, Limits, Unlimited, standard_headers
from core import signals
from core.errors import (
    USED_UP,
    ConfigError,
    Garbled,
    Reach,
    Refused,
    Resting,
    Throttled,
    ToolError,
    Unavailable,
    Unknown,
)
from core.model.instant import Instant
from core.model.values import Json
from core.ports import Clock

__all__ = ["READING", "Answer", "Expect", "Http", "Skew", "path_of", "sees_skew"]

log = structlog.get_logger("concord.http")


class Http:
    """A tool's address and how we call it. Thread-safe; close it in the end.

    Times are seconds. `retries` counts further tries after the first, `max_wait` bounds the waiting before
    one of them. `explain` is the tool's own reading of an error answer. `trusted` names further hosts that
    may see the credentials. `on_skew` is told the tool's clock after each answer. `gate` is held during each exchange.
    `at_home` is a tool that people run themselves, in whose case private addresses are called anyway.
    """

    def __init__(  # noqa: PLR0913 -- each is one word in a call, and all but the address have a sane default
        self,
        base_url: str,
        *,
        clock: Clock,
        auth: Auth | None = None,
        limits: Limits | None = None,
        gate: AbstractContextManager[None] | None = None,
        timeout: float = 30.0,
        retries: int = 3,
        max_wait: float = 20.0,
        sleep: Callable[[float], None] | None = None,
        user_agent: str = "Concord",
        headers: Mapping[str, str] | None = None,
        explain: Hook | None = None,
        read_limits: Callable[[Mapping[str, str]], Learnt | list[Learnt] | None] = standard_headers,
        on_skew: Callable[[Skew], None] | None = None,
        redact: Iterable[str] = (),
        trusted: Iterable[str] = (),
        max_bytes: int = 64 * 1024 * 1024,
        connection: str | None = None,
        transport: httpx.BaseTransport | None = None,
        at_home: bool = False,
    ) -> None:
        check_url(base_url, at_home=at_home)
        self.base_url = _base(base_url)
        self.auth: Auth = auth or NoAuth()
        self.limits: Limits = limits or Unlimited()
        self.calls: Counter[int | str] = Counter()
        """Calls that were sent, by status; `failed` are those without an answer."""
        self._gate = gate or nullcontext()
        self._clock = clock
        self._sleep = sleep or time.sleep
        self._max_wait = max_wait
        self._explain = explain
        self._read_limits = read_limits
        self._on_skew = on_skew
        self._redact = tuple(redact)
        self._hosts = {urlsplit(self.base_url).hostname, *trusted}
        self._max_bytes = max_bytes
        self._connection = connection
        self._at_home = at_home
        self._lock = threading.Lock()
        self._patient = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(retries + 1),
            wait=Wait(),
            retry=tenacity.retry_if_exception(self._worth_another),
            sleep=self._sleep,
            before_sleep=self._log_retry,
            reraise=True,
        )
        self._client = httpx.Client(
            headers={"User-Agent": user_agent, **(headers or {})},
            timeout=timeout,
            transport=transport,
            verify=authorities(),
            follow_redirects=False,
        )

    def __repr__(self) -> str:
        return f"Http({self.base_url})"

    def __enter__(self) -> Http:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the connections go. May be called more than once."""
        self._client.close()

    def get(self, path: str, **call: Any) -> Answer:
        """`request` with GET."""
        return self.request("GET", path, **call)

    def post(self, path: str, **call: Any) -> Answer:
        """`request` with POST. Say `reading=True` for searches and the like."""
        return self.request("POST", path, **call)

    def put(self, path: str, **call: Any) -> Answer:
        """`request` with PUT."""
        return self.request("PUT", path, **call)

    def patch(self, path: str, **call: Any) -> Answer:
        """`request` with PATCH."""
        return self.request("PATCH", path, **call)

    def delete(self, path: str, **call: Any) -> Answer:
        """`request` with DELETE."""
        return self.request("DELETE", path, **call)

    def request(  # noqa: PLR0913 -- the parts of an HTTP call
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Json = None,
        data: Mapping[str, Any] | None = None,
        content: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        expect: Expect = "json",
        reading: bool | None = None,
        timeout: float | None = None,
        ok: Iterable[int] = (),
        also: Limits | None = None,
    ) -> Answer:
        """One call, with retries where they are harmless; `path` is below the base, or a whole address.

        `ok` names statuses beyond 2xx that are answers, not errors. `also` is a further limit that this call falls
        under, asked before each try. Raises only the core's tool errors.
        """
        call = Sent(
            method=method.upper(),
            url=self.url(path),
            params={name: value for name, value in (params or {}).items() if value is not None},
            body={"json": json, "data": data, "content": content},
            headers=dict(headers or {}),
            expect=expect,
            reading=method.upper() in READING if reading is None else reading,
            timeout=timeout,
            ok=frozenset(ok),
        )
        broken: list[Unavailable] = []
        try:
            return self._patient(self._allowed, call, also, broken)
        except Resting:
            if not broken:
                raise
        # That it rests now is our own doing; what has happened is what was seen before.
        raise broken[-1]

    def url(self, path: str) -> str:
        """The whole address of a path.

        A relative one is below the base, one with `/` or a host stands by itself.
        """
        return _joined(self.base_url, path)

    def secrets(self) -> tuple[str, ...]:
        """Everything that must not be shown."""
        return (*self.auth.secrets, *self._redact)

    # --- one try

    def _allowed(self, call: Sent, also: Limits | None, broken: list[Unavailable]) -> Answer:
        if also is not None:
            also.take()
        try:
            return self._signed(call)
        except Resting:
            raise
        except Unavailable as error:
            broken.append(error)
            raise

    def _signed(self, call: Sent) -> Answer:
        """One try; after a 401 once more, if the auth has something newer to show."""
        signature = self.auth.headers() if self._trusts(call.url) else {}
        reply, url = self._follow(call, signature)
        if reply.status == 401 and signature and self.auth.renewed(signature):
            reply, url = self._follow(call, self.auth.headers())
        return self._answer(call, reply, url)

    def _follow(self, call: Sent, signature: Mapping[str, str]) -> tuple[Reply, str]:
        """Send and follow redirects; the credentials stay at home when the way leads to another host."""
        for _ in range(6):
            trusted = self._trusts(call.url)
            reply = self._send(call, signature if trusted else {}, self.auth.params() if trusted else {})
            target = reply.headers.get("location")
            if reply.status not in (301, 302, 303, 307, 308) or not target:
                return reply, call.url
            if reply.status != 303 and not (call.reading or reply.status in (307, 308)):
                raise Refused("The tool has moved to another address.", at=call.where, status=reply.status)
            call = call.redirected(urljoin(call.url, target), reply.status)
        raise Garbled("The tool redirects in a circle.", at=call.where)

    def _send(self, call: Sent, signature: Mapping[str, str], params: Mapping[str, str]) -> Reply:
        """One exchange on the wire."""
        booked = self.limits.take()
        with signals.span("call", connection=self._connection, method=call.method) as span:
            if signals.heard():
                span.note(endpoint=endpoint(call.url))
            reply = self._exchanged(call, {**call.headers, **signature}, {**call.params, **params}, booked)
            span.note(status=reply.status)
        return reply

    def _exchanged(self, call: Sent, headers: Mapping[str, str], params: Mapping[str, Any], booked: int) -> Reply:
        sent_at, started = self._clock(), time.monotonic()
        try:
            with self._gate:
                response = self._exchange(call, headers, params)
        except (httpx.TransportError, httpx.DecodingError, httpx.InvalidURL, httpx.StreamError) as error:
            self._count("failed")
            self.limits.answered(False)
            raise self._broken(call, error) from None
        self._count(response.status)
        self._learn(response, sent_at, booked)
        took = round((time.monotonic() - started) * 1000)
        log.debug("http.call", method=call.method, endpoint=endpoint(call.url), status=response.status, ms=took,
                  connection=self._connection)  # fmt: skip
        return response

    def _exchange(self, call: Sent, headers: Mapping[str, str], params: Mapping[str, Any]) -> Reply:
        timeout = httpx.USE_CLIENT_DEFAULT if call.timeout is None else call.timeout
        with self._client.stream(
            call.method,
            with_query(call.url, params),
            headers=headers,
            timeout=timeout,
            extensions=watching(call.url, at_home=self._at_home),
            **call.sendable(),
        ) as response:
            body = bytearray()
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > self._max_bytes:
                    raise self._too_large(call)
            return Reply(
                call.method, response.status_code, _lower(response.headers), bytes(body), call.reading, self._clock()
            )

    def _answer(self, call: Sent, reply: Reply, url: str) -> Answer:
        error = None
        if reply.status not in call.ok:
            error = error_of(
                reply,  hook=self._explain, secrets=self.secrets(), at=call.where,
                connection=self._connection,
            )  # fmt: skip
        if error is not None:
            if isinstance(error, Throttled) and error.reach is Reach.CONNECTION:
                self.limits.refused(error.wait, used_up=error.error_code == USED_UP)
            raise error
        return Answer(reply.status, reply.headers, reply.body, url, call.where, self._check_kind(call, reply))

    def _check_kind(self, call: Sent, reply: Reply) -> Json:
        """The promised JSON; `Garbled` (for a write, `Unknown`) when a web page or broken text came instead."""
        if call.expect in ("any", "text") or not reply.body.strip() or call.method == "HEAD":
            return None
        if call.expect == "json":
            try:
                return orjson.loads(reply.body)
            except orjson.JSONDecodeError:
                pass
        text = reply.body[:20_000].decode("utf-8", "replace")
        if is_page(text, reply.headers.get("content-type", "")):
            found = f"a web page titled '{page_title(text)}'"
        elif call.expect == "xml" and text.lstrip("\ufeff \t\r\n")[:1] == "<":
            return None
        else:
            found = "something else"
        found = blotted(found, self.secrets())
        kind = Garbled if call.reading else Unknown
        raise kind(f"The tool promised {call.expect.upper()} and sent {found}.", at=call.where, status=reply.status)

    def _broken(self, call: Sent, error: Exception) -> ToolError | ConfigError:
        """What a failure on the wire means for this call."""
        facts = {"at": call.where, "connection": self._connection, "cause": type(error).__name__}
        if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL):
            return ConfigError("The tool's address cannot be used.", **facts)
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.ProxyError):
            return Unavailable("The tool cannot be reached.", **facts)
        if not call.reading:
            return Unknown("No answer came to a write.", **facts)
        if isinstance(error, httpx.DecodingError):
            return Garbled("The answer cannot be unpacked.", **facts)
        return Unavailable("The connection to the tool broke.", **facts)

    def _too_large(self, call: Sent) -> ToolError:
        kind = Garbled if call.reading else Unknown
        return kind(f"The answer is larger than {self._max_bytes} bytes.", at=call.where)

    # --- around it

    def _worth_another(self, error: BaseException) -> bool:
        if isinstance(error, Resting):
            return False
        if isinstance(error, Throttled):
            return error.wait is None or error.wait <= self._max_wait
        return isinstance(error, Unavailable)

    def _trusts(self, url: str) -> bool:
        """Whether the credentials may go there.

        The tool's own host or one below it, and never in clear text instead.
        """
        if url.startswith(self.base_url):
            return True
        parts, base = urlsplit(url), urlsplit(self.base_url)
        if base.scheme == "https" and parts.scheme != "https":
            return False
        host = parts.hostname or ""
        if host == base.hostname:
            return parts.port == base.port or parts.scheme == "https"
        return any(known and (host == known or host.endswith(f".{known}")) for known in self._hosts)

    def _learn(self, reply: Reply, sent_at: Instant, booked: int) -> None:
        learnt = self._read_limits(reply.headers)
        for one in learnt if isinstance(learnt, list) else [learnt]:
            if one is not None:
                self.limits.learn(one, booked)
        if reply.status != 429:
            # One that asks to come again later has not failed.
            self.limits.answered(reply.status < 500 or reply.status == 501 or "retry-after" in reply.headers)
        date = http_date(reply.headers.get("date", ""))
        if self._on_skew is not None and date is not None:
            self._on_skew(Skew(sent_at, self._clock(), date))

    def _count(self, what: int | str) -> None:
        with self._lock:
            self.calls[what] += 1

    def _log_retry(self, state: tenacity.RetryCallState) -> None:
        call: Sent = state.args[0]
        error = state.outcome.exception() if state.outcome else None
        wait = state.next_action.sleep if state.next_action else 0.0
        log.info(
            "http.retry", method=call.method, endpoint=endpoint(call.url), attempt=state.attempt_number,
            wait=round(wait, 3), error=getattr(error, "error_code", ""), connection=self._connection,
        )  # fmt: skip


def _base(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(
            "The tool's address is not a web address.", remedy="Give an address like https://crm.example.com."
        )
    if parts.username or parts.password:
        raise ConfigError(
            "The tool's address holds credentials, which would show in messages.",
            remedy="Give the address without them, and the credentials in their own settings.",
        )
    return url if url.endswith("/") else f"{url}/"


@lru_cache(maxsize=256)
def _joined(base: str, path: str) -> str:
    if not path:
        return base.rstrip("/")
    return path if urlsplit(path).scheme else urljoin(base, path)


def _lower(headers: httpx.Headers) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
