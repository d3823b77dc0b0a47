"""Moments in time as the core keeps them: whole microseconds since 1970-01-01 UTC.

A record has dozens of claims and each carries two moments, so the core keeps them as plain integers;
the doors (CLI, pages, JSON) print them with `iso`. Nothing here reads a clock: moments are arguments.
"""

from __future__ import annotations

from datetime import UTC, datetime

Instant = int
"""Microseconds since the epoch, UTC."""

MILLISECOND = 1_000
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instant(moment: datetime) -> Instant:
    """Microseconds since the epoch of an aware `datetime`; a naive one is refused with `ValueError`."""
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone: give an aware datetime")
    delta = moment - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * SECOND + delta.microseconds


def moment(at: Instant) -> datetime:
    """The aware UTC `datetime` of an instant."""
    seconds, micros = divmod(at, SECOND)
    return datetime.fromtimestamp(seconds, tz=UTC).replace(microsecond=micros)


def iso(at: Instant) -> str:
    """ISO 8601 in UTC with a `Z`, e.g. `2026-11-21T09:00:00Z`; fractions only where there are any."""
    return moment(at).isoformat().replace("+00:00", "Z")


def from_iso(text: str) -> Instant:
    """Read ISO 8601 with an offset or `Z`; raises `ValueError` for anything else, a missing offset included."""
    return instant(datetime.fromisoformat(text))
