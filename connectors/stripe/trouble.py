"""What Stripe's refusals mean: told by `type` and `code` more than by the status.

See https://docs.stripe.com/error-low-level and https://docs.stripe.com/rate-limits. Stripe never says how long to
wait; `Stripe-Should-Retry` says whether a repeat makes sense at all, and overrules everything else.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import orjson

from connectors._kit.errors import LONGEST_WORDS, Reply
from core.errors import (
    Forbidden,
    Gone,
    Reach,
    Refused,
    SignedOut,
    Throttled,
    ToolError,
    Unavailable,
    Unknown,
    register,
)

SUBSCRIBED = register(
    "stripe.subscribed",
    "The customer has a subscription that runs, and deleting the customer would end it.",
    "Cancel the subscription in Stripe first, or set `delete_subscribers`; then `concord replay`.",
)
OTHER_MODE = register(
    "stripe.other_mode",
    "The key is for the other of Stripe's two worlds, test and live.",
    "Give the connection a key of the mode it was made with.",
)
REUSED = register(
    "stripe.reused_key",
    "Stripe knows the key of this create from another one, and no customer has it.",
    "Wait a day, then `concord replay`: Stripe forgets keys after 24 hours.",
)

LATER = 60.0
"""Seconds to leave Stripe alone where it says that trying again now makes no sense."""
_PERMISSION = re.compile(r"'rak_(\w+)_(read|write)'")
_BUSY = frozenset({"lock_timeout", "idempotency_key_in_use"})


class Said(NamedTuple):
    """An error, read; blank where Stripe said nothing."""

    type: str = ""
    code: str = ""
    message: str = ""
    param: str = ""

    @property
    def words(self) -> str:
        """The message in one short line."""
        line = " ".join(self.message.split())
        return line if len(line) <= LONGEST_WORDS else line[: LONGEST_WORDS - 1] + "…"


def said(body: bytes) -> Said:
    """Read an error, whatever of it there is."""
    try:
        error = orjson.loads(body)["error"]
        return Said(*(str(error.get(name) or "") for name in Said._fields))
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return Said()


def explained(reply: Reply, words: str) -> ToolError | None:
    """The error Stripe means by an answer, or None to go by the status."""
    told = said(reply.body)
    # `words` has the secrets taken out, and so is shown where there is nothing better.
    facts: dict[str, Any] = {"status": reply.status, "request": reply.headers.get("request-id")}
    if reply.status == 401:
        return SignedOut("Stripe does not accept the API key.", **facts)
    if reply.status == 403:
        return Forbidden(_lacking(told), remedy=_grant(told), **facts)
    if told.code in _BUSY:
        return Throttled("The object is busy in Stripe.", code_there=told.code, **facts).reaching(Reach.RECORD)
    if reply.status == 429:
        return _throttled(reply, facts)
    if reply.status >= 500 or reply.status == 409:
        return _failed(reply, told, facts)
    if reply.status == 404 or told.code == "resource_missing":
        return _missing(told, facts)
    if reply.status in (400, 402):
        field = told.param or None
        return Refused(f"Stripe refused the record. It said: {words or 'nothing more'}", field=field,
                       code_there=told.code or told.type or None, **facts)  # fmt: skip
    return None


def _throttled(reply: Reply, facts: dict[str, Any]) -> Throttled:
    reason = reply.headers.get("stripe-rate-limited-reason")
    wait = LATER if reply.headers.get("stripe-should-retry") == "false" else None
    return Throttled("Stripe asks for fewer calls.", wait=wait, reason=reason, **facts)


def _failed(reply: Reply, told: Said, facts: dict[str, Any]) -> ToolError:
    """Stripe's own trouble, or two calls at once: whether anything was done is known only of a reading."""
    retry = reply.headers.get("stripe-should-retry")
    if reply.reading or (reply.status == 409 and retry != "false"):
        return Unavailable(f"Stripe failed on its side. It said: {told.words or 'nothing more'}", **facts)
    return Unknown("Stripe failed while it was writing.", **facts)


def _missing(told: Said, facts: dict[str, Any]) -> ToolError:
    if "similar object exists in" in told.message:
        # The id is right and the key is not: nothing is gone.
        return SignedOut("What was asked for is in the other mode, test or live.", code=OTHER_MODE, **facts)
    return Gone("Stripe does not have what was asked for.", field=told.param or None, **facts)


def _lacking(told: Said) -> str:
    found = _PERMISSION.search(told.message)
    if found is None:
        return "The API key may not do this."
    return f"The API key lacks the permission to {found[2]} {found[1].replace('_', ' ')}."


def _grant(told: Said) -> str | None:
    found = _PERMISSION.search(told.message)
    if found is None:
        return None
    return (
        f"In Stripe's Dashboard, Developers, API keys, edit the restricted key and set "
        f"{found[1].replace('_', ' ').title()} to {found[2].title()}."
    )
