"""Notices through a channel: headers and no body, known by the token that the channel was opened with.

A notice says that something in the calendar changed, and not what: it is passed on as a change of the stream without a
record, which means to look there again. The first one only says that the channel is open.
<https://developers.google.com/workspace/calendar/api/guides/push> (2026-11).
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from connectors._kit.signatures import needed, refusal
from connectors.google_calendar.words import STREAM
from core.ports import Notice, Request

TOKEN, CHANNEL = "x-goog-channel-token", "x-goog-channel-id"
STATE, NUMBER = "x-goog-resource-state", "x-goog-message-number"
_OPEN = "sync"
_CHANGED = {"exists": "something in the calendar changed", "not_exists": "the calendar may be gone"}


def received(request: Request, *, tokens: Sequence[str]) -> list[Notice]:
    """Verify a notice and say what it means. `Refused` for what cannot be trusted.

    `tokens` are those of channels, any of which it may have come through; blank ones are none.
    """
    known = [one.encode() for one in tokens if one]
    if not known:
        raise refusal("The connection knows no channel's token, so no notice can be trusted.", TOKEN)
    given = needed(request.headers, TOKEN).encode("utf-8", "surrogateescape")
    if not sum(hmac.compare_digest(given, one) for one in known):
        raise refusal("The notice does not hold the channel's token.", TOKEN)
    if request.body:
        # The token is all that speaks for a notice, and it says nothing about a body.
        raise refusal("Google sends notices without a body, and this one has one.", "content-length")
    state = needed(request.headers, STATE)
    event_id = f"{needed(request.headers, CHANNEL)}-{needed(request.headers, NUMBER)}"
    if state == _OPEN:
        return []
    if state in _CHANGED:
        return [Notice("changed", event_id, STREAM, note=_CHANGED[state])]
    return [Notice("unknown", event_id, STREAM, note=f"Google's notice '{state[:80]}'")]
