"""The values around an HTTP call: what is sent, what came back, how long to wait, and what the tool's clock said.

`http.py` does the calling; these know no client.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

import orjson
import tenacity

from connectors._kit.payload import Payload
from core.errors import Garbled, Throttled
from core.model.instant import MILLISECOND, Instant
from core.model.values import Json

READING = frozenset({"GET", "HEAD", "OPTIONS", "PROPFIND", "REPORT"})
"""Methods that change nothing in the tool."""

Expect = Literal["json", "xml", "text", "any"]


class Skew(NamedTuple):
    """One look at the tool's clock: its `Date`, between the moments we sent and received. All µs."""

    sent_at: Instant
    received_at: Instant
    date: Instant


class Answer(NamedTuple):
    """A successful answer, read whole. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    url: str
    where: str
    """The call for messages, e.g. `GET /contacts`."""
    decoded: Json = None
    """The content's JSON where that was promised: looking whether it is any has decoded it already."""

    @property
    def text(self) -> str:
        """The content as UTF-8 text; what is not UTF-8 is replaced."""
        return self.content.decode("utf-8", "replace")

    def json(self) -> Json:
        """The content as JSON; None when it is empty. `Garbled` when it is something else."""
        if self.decoded is not None or not self.content:
            return self.decoded
        try:
            return orjson.loads(self.content)
        except orjson.JSONDecodeError as error:
            raise Garbled("The answer is not JSON.", at=self.where, status=self.status) from error

    def payload(self) -> Payload:
        """The content as JSON to be read by path and type."""
        return Payload(self.json(), self.where)


class Sent(NamedTuple):
    """A call as it is to be sent, over all its tries."""

    method: str
    url: str
    params: Mapping[str, Any]
    body: Mapping[str, Any]
    headers: Mapping[str, str]
    expect: Expect
    reading: bool
    timeout: float | None
    ok: frozenset[int]

    @property
    def where(self) -> str:
        """Method and path; parts of it that hold an address of a person are left out, and so is the query."""
        return f"{self.method} {_shown(urlsplit(self.url).path)}"

    def sendable(self) -> dict[str, Any]:
        """The body's arguments for httpx, without those that are not given."""
        return {name: value for name, value in self.body.items() if value is not None}

    def redirected(self, url: str, status: int) -> Sent:
        """The call at its new place. The query goes with the new address; a 303 turns it into a plain GET."""
        moved = self._replace(url=url, params={})
        if status == 303:
            moved = moved._replace(method="GET", body={})
        return moved


class Wait(tenacity.wait.wait_base):
    """As long as the tool said, else doubling from half a second, with some jitter so that many do not come at once."""

    _backoff = tenacity.wait_random_exponential(multiplier=0.5, max=20)

    def __call__(self, retry_state: tenacity.RetryCallState) -> float:
        error = retry_state.outcome.exception() if retry_state.outcome else None
        said = error.wait if isinstance(error, Throttled) else None
        return said if said is not None else self._backoff(retry_state)


def path_of(*parts: object) -> str:
    """A relative path of percent-encoded parts.

    `path_of("contacts", "a/b@c.d")` is `contacts/a%2Fb%40c.d`.
    """
    return "/".join(quote(str(part), safe="") for part in parts)


def with_query(url: str, params: Mapping[str, Any]) -> str:
    """An address with parameters behind whatever query it has; a list gives its name several times."""
    if not params:
        return url
    words = urlencode({name: _words(value) for name, value in params.items()}, doseq=True)
    return f"{url}{'&' if '?' in url else '?'}{words}"


def _words(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return [_words(one) for one in value] if isinstance(value, list | tuple) else value


@lru_cache(maxsize=256)
def _shown(path: str) -> str:
    return "/".join("…" if "@" in part or "%40" in part else part for part in path.split("/")) or "/"


def sees_skew(skew: Skew) -> int:
    """By how many µs the tool's clock is ahead of ours, by the middle of one exchange.

    Good to half a second.
    """
    return skew.date + 500 * MILLISECOND - (skew.sent_at + skew.received_at) // 2
