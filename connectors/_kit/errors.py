"""From an HTTP answer to one of the core's errors: a table by status, and a hook for what a tool says differently.

Pure functions over status, headers and body, so that a vendor's own client library can be wrapped with the
same table as `http.py` uses. A refused item carries the tool's own words, shortened; a web page only its
title.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from html import unescape
from typing import Any, NamedTuple
from urllib.parse import quote, quote_plus

import orjson

from core.errors import (
    Exists,
    Forbidden,
    Garbled,
    Gone,
    Refused,
    SignedOut,
    Stale,
    Throttled,
    ToolError,
    Unavailable,
    Unknown,
    Unsupported,
)
from core.model.instant import SECOND, Instant, instant

LONGEST_WORDS = 300
"""Characters of a tool's own words that go into a message."""

STATUS: Mapping[int, type[ToolError]] = {
    400: Refused, 401: SignedOut, 402: Forbidden, 403: Forbidden, 404: Gone, 405: Unsupported, 410: Gone,
    412: Stale, 413: Refused, 414: Refused, 415: Refused, 422: Refused, 423: Throttled, 425: Throttled,
    428: Stale, 429: Throttled, 431: Refused, 451: Forbidden, 503: Unavailable,
}  # fmt: skip
"""Status → error. 409 depends on the method, 5xx on whether a write may have happened; see `error_of`."""


class Reply(NamedTuple):
    """What a tool answered, as plain values. Header names are lower case."""

    method: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    reading: bool = True
    """The call changes nothing in the tool, whatever its method."""
    at: Instant = 0
    """When it came, by our clock; reads a `Retry-After` that is a date."""


Hook = Callable[[Reply, str], ToolError | None]
"""(reply, the tool's words) → the error a tool means by it, or None to go by the table."""


def error_of(reply: Reply, *, hook: Hook | None = None, secrets: Iterable[str] = (), **facts: Any) -> ToolError | None:
    """The error that an answer means, or None when it means success (2xx, 304).

    `secrets` are blotted out of the tool's words.
    """
    if 200 <= reply.status < 300 or reply.status == 304:
        return None
    words = blotted(words_of(reply.body, reply.headers.get("content-type", "")), secrets)
    meant = hook(reply, words) if hook else None
    if meant is not None:
        return meant
    facts = {"status": reply.status, **facts}
    kind = _kind(reply)
    message = f"{_SENTENCES[kind]} It said: {words}" if words else _SENTENCES[kind]
    if kind is Throttled or (kind is Unavailable and "retry-after" in reply.headers):
        return Throttled(message, wait=retry_after(reply.headers, reply.at), **facts)
    return kind(message, **facts)


def _kind(reply: Reply) -> type[ToolError]:
    if reply.status == 409:
        return Exists if reply.method == "POST" else Stale
    if reply.status in STATUS:
        return STATUS[reply.status]
    if reply.status >= 500:
        return Unavailable if reply.reading else Unknown
    return Garbled if reply.status < 400 else Refused


_SENTENCES: Mapping[type[ToolError], str] = {
    Refused: "The tool refused the request.",
    SignedOut: "The tool does not accept the credentials.",
    Forbidden: "The account may not do this.",
    Gone: "The tool does not have what was asked for.",
    Unsupported: "The tool does not offer this.",
    Stale: "The record changed in the tool since it was read.",
    Exists: "The tool has this record already.",
    Throttled: "The tool asks for fewer requests.",
    Unavailable: "The tool failed on its side.",
    Unknown: "The tool failed while it was writing.",
    Garbled: "The answer is not what was asked for.",
}


def retry_after(headers: Mapping[str, str], now: Instant) -> float | None:
    """Seconds to wait by `Retry-After` (a number or an HTTP date), never negative.

    None when it says nothing.
    """
    text = headers.get("retry-after", "").strip()
    try:
        return max(0.0, float(text))
    except ValueError:
        at = http_date(text)
        return None if at is None else max(0.0, (at - now) / SECOND)


@lru_cache(maxsize=64)
def http_date(text: str) -> Instant | None:
    """The moment an HTTP date names, or None for anything else."""
    try:
        found = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError):
        return None
    return instant(found if found.tzinfo else found.replace(tzinfo=UTC))


def to_http_date(at: Instant) -> str:
    """A moment as an HTTP date, for conditional requests; whole seconds."""
    return datetime.fromtimestamp(at // SECOND, tz=UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")


def words_of(body: bytes, content_type: str = "") -> str:
    """What a tool says in an error body, in one short line; blank when it says nothing readable."""
    text = body[:100_000].decode("utf-8", "replace").strip()
    if is_page(text, content_type):
        return f"a web page titled '{page_title(text)}'"
    if text[:1] in "{[" and text:
        try:
            text = " ".join(_said(orjson.loads(text)))
        except orjson.JSONDecodeError:
            text = ""
    elif text.startswith("<"):
        text = unescape(re.sub(r"<[^>]*>", " ", text))
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_WORDS else line[: LONGEST_WORDS - 1] + "…"


_WORDS_AT = ("message", "error_description", "detail", "title", "error", "errorCode", "code", "description", "reason")
_INSIDE = ("errors", "error", "messages", "details")


def _said(data: Any, depth: int = 0) -> list[str]:
    """The sentences of an error body: the well-known places, outermost first, each once."""
    if depth > 3:
        return []
    if isinstance(data, list):
        said = [words for element in data[:5] for words in _said(element, depth + 1)]
        return list(dict.fromkeys(said))
    if isinstance(data, str) and depth:
        return [data]
    if not isinstance(data, dict):
        return []
    own = next(([data[name]] for name in _WORDS_AT if isinstance(data.get(name), str) and data[name]), [])
    inner = [
        words for name in _INSIDE if isinstance(data.get(name), dict | list) for words in _said(data[name], depth + 1)
    ]
    return list(dict.fromkeys([*own, *inner]))


def is_page(text: str, content_type: str = "") -> bool:
    """Whether this is a web page made for people."""
    start = text[:500].lstrip("\ufeff \t\r\n").lower()
    return start.startswith(("<!doctype html", "<html")) or (content_type.startswith("text/html") and "<" in start)


def page_title(text: str) -> str:
    """The title of a web page, shortened."""
    found = re.search(r"<title[^>]*>(.*?)</title>", text[:20_000], re.IGNORECASE | re.DOTALL)
    title = " ".join(unescape(found.group(1)).split()) if found else ""
    return title[:80] or "untitled"


def blotted(text: str, secrets: Iterable[str]) -> str:
    """The text without any secret, also where one stands percent-encoded.

    Secrets under 4 letters are left alone.
    """
    for secret in sorted({secret for secret in secrets if len(secret) >= 4}, key=len, reverse=True):
        for form in {secret, quote(secret, safe=""), quote_plus(secret)}:
            text = text.replace(form, "•••")
    return text
