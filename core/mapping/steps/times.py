"""Steps on dates and moments: patterns, day before month, counts since 1970, dates kept as midnight."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.mapping.steps.step import Arguments, Example, Pair, Parameter, Step, surviving, text_of, told
from core.model.instant import from_iso, iso
from core.model.types import Locale
from core.model.values import Json


def _date(arguments: Arguments, _: Locale) -> Pair:
    pattern = arguments["pattern"]
    _must_hold(pattern, "dmy", "a date")

    def inward(value: Json) -> Json:
        return _date_text(text_of(value), pattern)

    def outward(value: Json) -> Json:
        return datetime.fromisoformat(value).strftime(pattern)

    return Pair(inward, surviving(outward, inward))


def _day_first(arguments: Arguments, locale: Locale) -> Pair:
    return _date({"pattern": arguments["separator"].replace("%", "%%").join(("%d", "%m", "%Y"))}, locale)


def _month_first(arguments: Arguments, locale: Locale) -> Pair:
    return _date({"pattern": arguments["separator"].replace("%", "%%").join(("%m", "%d", "%Y"))}, locale)


def _instant(arguments: Arguments, _: Locale) -> Pair:
    pattern, zone = arguments["pattern"], _zone(arguments["zone"])
    _must_hold(pattern, "dmy", "a moment")

    def inward(value: Json) -> Json:
        moment = _parsed(value, pattern)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=zone)
        return _iso(aware)

    def outward(value: Json) -> Json:
        return datetime.fromisoformat(value).astimezone(zone).strftime(pattern)

    return Pair(inward, outward)


def _epoch(per_second: int) -> Any:
    def build(_: Arguments, __: Locale) -> Pair:
        micros = 1_000_000 // per_second

        def inward(value: Json) -> Json:
            try:
                # True is no count, though Python would take it for 1.
                return iso(int(Decimal(str(value).strip())) * micros)
            except (ValueError, ArithmeticError, OSError) as error:
                raise ValueError(f"{told(value)} is not a count since 1970") from error

        return Pair(inward, lambda value: from_iso(value) // micros)

    return build


def _midnight(_: Arguments, __: Locale) -> Pair:
    def inward(value: Json) -> Json:
        try:
            return datetime.fromisoformat(text_of(value)).date().isoformat()
        except ValueError as error:
            raise ValueError(f"{told(value)} is not a date or moment") from error

    return Pair(inward, lambda value: f"{value}T00:00:00Z")


def _parsed(value: Json, pattern: str) -> datetime:
    try:
        return datetime.strptime(text_of(value).strip(), pattern)  # noqa: DTZ007 - the caller knows the zone
    except ValueError as error:
        raise ValueError(f"{told(value)} is not written as {pattern}") from error


# Parsing is slow, and records share their dates.
@lru_cache(maxsize=16_384)
def _date_text(text: str, pattern: str) -> str:
    return _parsed(text, pattern).date().isoformat()


def _must_hold(pattern: str, needed: str, what: str) -> None:
    """A pattern must name a year, a month and a day, or a count from which they follow, and no part twice."""
    try:
        datetime.strptime("", pattern)  # noqa: DTZ007 - nothing is read by it
    except re.error as error:
        raise ValueError(f"{told(pattern)} gives one part twice, so that nothing could be read by it") from error
    except ValueError:
        # That nothing is no date is as it should be.
        pass
    spoken = {"y": ("%y", "%Y"), "m": ("%m", "%b", "%B", "%-m"), "d": ("%d", "%-d", "%e")}
    whole = ("%x", "%c", "%D", "%F", "%j")
    if any(sign in pattern for sign in whole):
        return
    for letter in needed:
        if not any(sign in pattern for sign in spoken[letter]):
            raise ValueError(f"{told(pattern)} does not give {what}: it needs %{letter} or its like")


def _zone(name: str) -> tzinfo:
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"{told(name)} is not a time zone; one looks like Europe/London") from error


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


_SEPARATOR = (Parameter("separator", "text", "The sign between the numbers.", "/"),)

STEPS = (
    Step(
        "date",
        "A date written in a pattern. A date that the pattern cannot carry is a problem, not another date.",
        "text",
        "text",
        _date,
        (
            Example("21-11-26", "2026-11-21", {"pattern": "%d-%m-%y"}),
            Example("20261121", "2026-11-21", {"pattern": "%Y%m%d"}),
        ),
        (Parameter("pattern", "text", "As in strftime: %d day, %m month, %Y year, %y year of two digits."),),
    ),
    Step(
        "day_first",
        "A date with the day first, as 21/11/2026.",
        "text",
        "text",
        _day_first,
        (Example("21/11/2026", "2026-11-21"), Example("21.11.2026", "2026-11-21", {"separator": "."})),
        _SEPARATOR,
    ),
    Step(
        "month_first",
        "A date with the month first, as 11/21/2026.",
        "text",
        "text",
        _month_first,
        (Example("11/21/2026", "2026-11-21"),),
        _SEPARATOR,
    ),
    Step(
        "instant",
        "A moment written in a pattern; where the pattern names no zone, the tool's zone is given here.",
        "text",
        "text",
        _instant,
        (
            Example("2026-07-01 10:00:00", "2026-07-01T10:00:00Z", {"pattern": "%Y-%m-%d %H:%M:%S"}),
            Example(
                "01/07/2026 10:00",
                "2026-07-01T09:00:00Z",
                {"pattern": "%d/%m/%Y %H:%M", "zone": "Europe/London"},
            ),
        ),
        (
            Parameter("pattern", "text", "As in strftime: %H hour, %M minute, %S second, %z offset."),
            Parameter("zone", "text", "The tool's time zone.", "UTC"),
        ),
        loses="what the pattern leaves out, and which of two equal hours it was when clocks go back",
    ),
    Step(
        "epoch_ms",
        "A moment as milliseconds since 1970.",
        "number",
        "text",
        _epoch(1000),
        (Example(1795251600000, "2026-11-21T09:00:00Z"),),
        loses="fractions of a millisecond",
    ),
    Step(
        "epoch_s",
        "A moment as seconds since 1970.",
        "number",
        "text",
        _epoch(1),
        (Example(1795251600, "2026-11-21T09:00:00Z"),),
        loses="fractions of a second",
    ),
    Step(
        "midnight",
        "A date that the tool keeps as a moment, midnight UTC.",
        "text",
        "text",
        _midnight,
        (Example("2026-11-21T00:00:00Z", "2026-11-21"),),
    ),
)
