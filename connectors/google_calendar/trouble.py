"""What Google's refusals mean: by the reason of the first error, for the status alone says too little.

A 403 is a wish for fewer calls, a missing scope, an API that nobody switched on, a calendar shared for reading only, or
somebody else's event: <https://developers.google.com/workspace/calendar/api/guides/errors> (2026-11).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from connectors._kit.errors import Reply, retry_after
from core.errors import (
    CursorExpired,
    Exists,
    Forbidden,
    Gone,
    Reach,
    Refused,
    SignedOut,
    Stale,
    Throttled,
    ToolError,
    register,
)

NOT_ORGANIZER = register(
    "google_calendar.not_organizer",
    "The event is somebody else's: this calendar holds a guest's copy, and only the organizer may change it.",
    "Change it in the organizer's calendar, connect that one, or have them allow guests to modify the event.",
)
GUESTS_HIDDEN = register(
    "google_calendar.guests_hidden",
    "Google does not show all guests of this event, and a list that is not seen whole cannot be replaced.",
    "Change the guests in Google Calendar itself.",
)
NO_START = register(
    "google_calendar.no_start",
    "Google takes no event without a start.",
    "Give the activity a start or a due time; or leave tasks without one out with `only_out`.",
)
NOT_ENABLED = register(
    "google_calendar.not_enabled",
    "The Google Calendar API is not switched on in the app's project.",
    "In the Google Cloud console open APIs & Services, Library, Google Calendar API, and choose Enable.",
)
SCOPE = register(
    "google_calendar.scope",
    "The user did not agree to a scope that the connection needs.",
    "Sign in anew with the scopes that the connector's guide lists, and leave every box ticked.",
)
READ_ONLY = register(
    "google_calendar.read_only",
    "The calendar is shared with this account for reading only.",
    "Its owner opens Settings, Share with specific people, and chooses Make changes to events.",
)

_SLOWER = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "calendarUsageLimitsExceeded"})
_DAY_IS_OVER = frozenset({"dailyLimitExceeded", "dailyLimitExceededUnreg"})
_HOUR = 3600.0
_NO_SCOPE = frozenset({"insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"})
_LOST_PLACE = frozenset({"fullSyncRequired", "updatedMinTooLongAgo"})
_PLACES = frozenset({"syncToken", "pageToken"})
_NO_SIGN_IN = frozenset({"invalid_grant", "invalid_client", "unauthorized_client"})
_BY_STATUS: Mapping[int, tuple[type[ToolError], str]] = {
    401: (SignedOut, "Google does not accept the sign-in."),
    409: (Exists, "Google Calendar has had an event with this id."),
    410: (Gone, "The event was deleted."),
    412: (Stale, "The event changed in Google Calendar since it was read."),
}


class Said(NamedTuple):
    """An error body, read."""

    reason: str = ""
    location: str = ""
    words: str = ""


def said(body: bytes) -> Said:
    """Read an error body, whatever of it there is; the token endpoint's has a form of its own."""
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        return Said()
    error = data.get("error") if isinstance(data, dict) else None
    if isinstance(error, str):
        return Said(error, words=str(data.get("error_description") or ""))
    if not isinstance(error, dict):
        return Said()
    errors = error.get("errors")
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    return Said(str(first.get("reason") or ""), str(first.get("location") or ""))


def explained(reply: Reply, words: str) -> ToolError | None:
    """The error Google means by an answer, or None to go by the status."""
    told = said(reply.body)
    facts: dict[str, Any] = {"status": reply.status, "reason": told.reason or None}
    if reply.status == 429 or told.reason in _SLOWER:
        return Throttled("Google asks for fewer calls.", wait=retry_after(reply.headers, reply.at), **facts)
    if told.reason in _DAY_IS_OVER:
        return Throttled("The calls of the day are used up.", wait=_HOUR, **facts)
    if told.reason in _LOST_PLACE or (reply.status == 400 and told.location in _PLACES):
        return CursorExpired("Google no longer honours our place in the calendar.", **facts)
    if told.reason in _NO_SIGN_IN:
        return _not_renewed(told, facts)
    if reply.status == 403:
        return _forbidden(told, words, facts)
    kind, message = _BY_STATUS.get(reply.status, (None, ""))
    return kind(message, **facts) if kind else None


def _not_renewed(told: Said, facts: Mapping[str, Any]) -> ToolError:
    remedy = (
        "Sign in again: `concord connect` with the connection's name. A refresh token ends when the user takes it "
        "back, after six months unused, and after seven days where the app is still in testing."
    )
    message = f"Google does not renew the sign-in. It said: {told.reason}, {told.words}"
    return SignedOut(message, remedy=remedy, **facts)


def _forbidden(told: Said, words: str, facts: Mapping[str, Any]) -> ToolError:
    if told.reason == "forbiddenForNonOrganizer":
        return Refused("Only the organizer may change this event.", code=NOT_ORGANIZER, **facts)
    if told.reason in _NO_SCOPE:
        return Forbidden("The sign-in lacks a scope.", code=SCOPE, **facts).reaching(Reach.CONNECTION)
    if told.reason == "accessNotConfigured":
        return Forbidden("The API is not switched on.", code=NOT_ENABLED, **facts).reaching(Reach.CONNECTION)
    if told.reason == "requiredAccessLevel":
        return Forbidden("The calendar may only be read.", code=READ_ONLY, **facts)
    return Forbidden(f"The account may not do this. It said: {words}", **facts)
