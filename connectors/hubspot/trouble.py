"""What HubSpot's error bodies mean: of a whole call, and of one item of a batch.

Every field of such a body is optional (2026-11-21), and the id of a record that is in the way stands in the text alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar, NamedTuple, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson

from connectors._kit.errors import LONGEST_WORDS, Reply, retry_after
from connectors.hubspot.words import HOW_TO_GRANT
from core.errors import (
    USED_UP,
    Acts,
    Exists,
    Forbidden,
    Gone,
    Reach,
    Refused,
    SchemaChanged,
    Throttled,
    ToolError,
    Unavailable,
    register,
)
from core.model.instant import Instant, moment

UNSUBSCRIBED = register(
    "hubspot.unsubscribed",
    "The person unsubscribed, so only they can subscribe again.",
    "Ask them to subscribe with a form, or by the link for preferences in an email that they get from a colleague; "
    "setting `resubscribe: carry_out` has HubSpot subscribe them again, for single types and where it does that.",
)
NO_BASIS = register(
    "hubspot.legal_basis",
    "The account's data privacy settings ask for a legal basis, and the connection names none.",
    "Set `legal_basis` and `legal_basis_explanation` of the connection, and run `concord replay`.",
)

_EXISTING = (re.compile(r"Existing ID: (\d+)"), re.compile(r"(\d+) already has that value"))
_UNKNOWN_PROPERTY = "PROPERTY_DOESNT_EXIST"
_LOCKED, _MIGRATING = 423, 477
_LOCK_WAIT, _LONG_WAIT = 2.0, 3600.0
"""Seconds: HubSpot asks for 2 at least after a lock; and the wait where a long one is likely and nothing is said."""
_WINDOW_WAIT = {"SECONDLY": 1.0, "TEN_SECONDLY_ROLLING": 10.0}
_NEVER_REACHED = frozenset({521, 523})
"""The proxy in front could not reach HubSpot, so nothing happened, whatever the method."""


class PersonActs(Refused):
    """Refused because of what the person said; only they can change it."""

    acts: ClassVar[Acts] = Acts.PERSON


class Said(NamedTuple):
    """An error body, read."""

    category: str = ""
    codes: frozenset[str] = frozenset()
    words: str = ""
    properties: tuple[str, ...] = ()
    """The properties whose values are wrong, or that are not there."""
    unknown: tuple[str, ...] = ()
    """Those that are not there."""
    traces: tuple[str, ...] = ()
    """The `objectWriteTraceId`s of the inputs it is about."""
    ids: tuple[str, ...] = ()
    """The records it is about."""
    existing: str | None = None
    """The record that is in the way."""
    scopes: tuple[str, ...] = ()
    policy: str = ""

    @property
    def clashes(self) -> bool:
        """Whether another record has a value that must be unique."""
        return self.category == "CONFLICT" or self.existing is not None


def said(body: Any) -> Said:
    """Read an error body, whatever of it there is."""
    if not isinstance(body, dict):
        return Said()
    message = str(body.get("message") or "")
    inner = [one for one in body.get("errors") or () if isinstance(one, dict)]
    values = list(_values_in(message))
    told = [str(one.get("message") or "") for one in (*values, *inner)]
    head = message.partition("[{")[0].strip().rstrip(":") if values else message
    return Said(
        category=str(body.get("category") or ""),
        codes=frozenset(str(one[name]) for one in (*values, *inner) for name in ("error", "code") if one.get(name)),
        words=_shortened(dict.fromkeys(filter(None, (head, *told)))),
        properties=_once(
            *(str(one["name"]) for one in values if one.get("name")), *_context(inner, "propertyName"),
            *_context([body], "properties"),
        ),
        unknown=_once(
            *(str(one["name"]) for one in values if one.get("name") and one.get("error") == _UNKNOWN_PROPERTY),
            *_context([one for one in inner if one.get("code") == _UNKNOWN_PROPERTY], "propertyName"),
        ),
        traces=_context([body], "objectWriteTraceId"),
        ids=_context([body], "ids", "id", "objectId", "fromObjectId"),
        existing=next((found[1] for pattern in _EXISTING if (found := pattern.search(message))), None),
        scopes=_context(inner, "requiredGranularScopes", "requiredScopes"),
        policy=str(body.get("policyName") or ""),
    )  # fmt: skip


def item_error(body: Mapping[str, Any], *, creating: bool) -> ToolError:
    """The error of one item of a batch."""
    return _of_record(said(body), creating=creating)


def _of_record(told: Said, *, creating: bool) -> ToolError:
    """What is wrong with a record, by HubSpot's words alone."""
    words = told.words or "nothing more"
    named = ", ".join(told.properties) or None
    if told.clashes and creating:
        return Exists("HubSpot has this record already.", remote_id=told.existing)
    if told.clashes:
        return taken(told.existing)
    if told.category == "OBJECT_NOT_FOUND":
        return Gone(f"HubSpot does not have this record. It said: {words}")
    if _UNKNOWN_PROPERTY in told.codes:
        return SchemaChanged(f"HubSpot has no such property. It said: {words}", field=", ".join(told.unknown) or named)
    if told.category == "OBJECT_LOCKED":
        return _busy(words)
    return Refused(f"HubSpot refused the record. It said: {words}", field=named)


def taken(existing: str | None) -> Refused:
    """The error of an update that another record stands in the way of."""
    return Refused("Another record in HubSpot has a value that must be unique.", other=existing)


def unsubscribed(field: str) -> Refused:
    """The error of a grant to somebody who unsubscribed."""
    return PersonActs("HubSpot does not subscribe again who unsubscribed.", code=UNSUBSCRIBED, field=field)


def _busy(words: str) -> Throttled:
    error = Throttled(f"HubSpot has locked this record for a moment. It said: {words}", wait=_LOCK_WAIT)
    return error.reaching(Reach.RECORD)


def locked(body: Any) -> Throttled:
    """The error of a record that somebody else is writing to."""
    return _busy(said(body).words)


class Zoned(Protocol):
    """Knows the account's time zone, or not yet."""

    zone: str | None


class Explained:
    """HubSpot's reading of an error answer, for the kit's `Http`."""

    def __init__(self, account: Zoned) -> None:
        self._account = account

    def __call__(self, reply: Reply, words: str) -> ToolError | None:
        """The error HubSpot means by it, or None to go by the status."""
        told = said(_json(reply.body))
        if reply.status == 429:
            code = USED_UP if told.policy == "DAILY" else None
            return Throttled(f"HubSpot asks for fewer calls. It said: {words}", wait=self._wait(reply, told), code=code)
        if reply.status == _LOCKED:
            return _busy(words)
        if reply.status == _MIGRATING:
            wait = retry_after(reply.headers, reply.at)
            return Throttled("HubSpot is moving the account to another data centre.",
                             wait=_LONG_WAIT if wait is None else wait, status=_MIGRATING)  # fmt: skip
        if reply.status == 403 and told.scopes:
            scopes = ", ".join(told.scopes)
            return Forbidden(f"The token lacks a scope that this needs: {scopes}.", remedy=HOW_TO_GRANT, status=403)
        if reply.status in _NEVER_REACHED:
            return Unavailable("HubSpot cannot be reached.", status=reply.status)
        if reply.status in (400, 409) and (told.category or told.codes):
            return _of_record(told, creating=reply.method == "POST")
        return None

    def _wait(self, reply: Reply, told: Said) -> float | None:
        if told.policy == "DAILY":
            return until_midnight(reply.at, self._account.zone)
        asked = retry_after(reply.headers, reply.at)
        return asked if asked is not None else _WINDOW_WAIT.get(told.policy)


def until_midnight(now: Instant, zone: str | None) -> float:
    """Seconds to the next midnight in a time zone, when the day's quota begins anew.

    Of an account whose zone nobody knows, the next full hour: some zone's midnight is always near.
    """
    try:
        here = moment(now).astimezone(ZoneInfo(zone)) if zone else None
    except (ZoneInfoNotFoundError, ValueError):
        here = None
    if here is None:
        return _LONG_WAIT - moment(now).minute * 60 - moment(now).second + 1
    tomorrow = datetime.combine(here.date() + timedelta(days=1), datetime.min.time(), here.tzinfo)
    return tomorrow.timestamp() - here.timestamp() + 1


def _values_in(message: str) -> Iterator[dict[str, Any]]:
    """The list of bad values that HubSpot writes as JSON inside a message."""
    start = message.find("[{")
    try:
        found = orjson.loads(message[start : message.rindex("]") + 1]) if start >= 0 else []
    except (orjson.JSONDecodeError, ValueError):
        found = []
    yield from (one for one in found if isinstance(one, dict))


def _context(bodies: list[dict[str, Any]], *names: str) -> tuple[str, ...]:
    """Everything that stands under these names in the contexts, as text."""
    found: list[str] = []
    for body in bodies:
        context = body.get("context")
        if not isinstance(context, dict):
            continue
        for name in names:
            value = context.get(name)
            found += [str(one) for one in value] if isinstance(value, list) else [str(value)] if value else []
    return _once(*found)


def _once(*texts: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


def _shortened(parts: Mapping[str, None]) -> str:
    line = " ".join(" ".join(parts).split())
    return line if len(line) <= LONGEST_WORDS else line[: LONGEST_WORDS - 1] + "…"


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
