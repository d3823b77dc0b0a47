"""How HubSpot keeps values: everything is text, moments are ISO with milliseconds, choices come from a list."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

from connectors.hubspot.sandbox_problems import Invalid
from connectors.hubspot.sandbox_schema import Property
from core.model.instant import DAY, MILLISECOND, Instant, from_iso, instant, moment

_EMAIL = re.compile(r"[^@\s<>\"]+@[^@\s<>\"]+\.[^@\s<>\".]+")
_LONGEST = 65_536


class Wrong(Exception):
    """A value that the property does not take; `code` as HubSpot names it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@lru_cache(65_536)
def spelt(at: Instant) -> str:
    """A moment as HubSpot writes it, milliseconds always shown."""
    return f"{moment(at - at % 1_000_000):%Y-%m-%dT%H:%M:%S}.{at // MILLISECOND % 1000:03d}Z"


def kept(one: Property, value: Any) -> str:
    """A value as the property keeps it; "" clears. Raises `Wrong`."""
    text = _as_text(value)
    if text == "":
        return ""
    if len(text) > _LONGEST:
        raise Wrong("VALUE_TOO_LONG", f"The value is longer than {_LONGEST} characters.")
    reader = {"number": _number, "date": _date, "datetime": _datetime, "bool": _bool, "enumeration": _chosen}
    if one.name == "email":
        return _email(text)
    return reader[one.kind](one, text) if one.kind in reader else text


def at_ms(kind: str, text: str) -> float | None:
    """The number by which a value of this kind is compared, None if it is none: milliseconds for moments."""
    try:
        if kind == "number":
            return float(text)
        return _moment_of(text) / MILLISECOND
    except ValueError:
        return None


def refused(one: Property, value: Any, why: Wrong) -> Invalid:
    """What HubSpot says of a wrong value."""
    del value
    return Invalid(one.name, why.code, str(why))


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise Wrong("INVALID_VALUE", f"{type(value).__name__} is not a value of a property.")


def _number(_: Property, text: str) -> str:
    try:
        float(text)
    except ValueError:
        raise Wrong("INVALID_INTEGER", f"{text} was not a valid number.") from None
    return text.strip()


def _moment_of(text: str) -> Instant:
    if re.fullmatch(r"-?\d+", text.strip()):
        return int(text) * MILLISECOND
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return instant(datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC))
    return from_iso(text)


def _datetime(_: Property, text: str) -> str:
    try:
        return spelt(_moment_of(text))
    except (ValueError, OverflowError):
        raise Wrong("INVALID_DATE", f"{text} was not a valid datetime.") from None


def _date(_: Property, text: str) -> str:
    try:
        at = _moment_of(text)
    except (ValueError, OverflowError):
        raise Wrong("INVALID_DATE", f"{text} was not a valid date.") from None
    if at % DAY:
        raise Wrong("INVALID_DATE", f"{text} is at {moment(at):%H:%M:%S} UTC, not midnight!")
    return f"{moment(at):%Y-%m-%d}"


def _bool(_: Property, text: str) -> str:
    if text.lower() not in ("true", "false"):
        raise Wrong("INVALID_OPTION", f"{text} was not one of the allowed options: [true, false]")
    return text.lower()


def _chosen(one: Property, text: str) -> str:
    if one.outside:
        return text
    allowed = [value for value, _ in one.options]
    several = [part for part in text.split(";") if part] if one.several else [text]
    for part in several:
        if part not in allowed:
            raise Wrong("INVALID_OPTION", f"{part} was not one of the allowed options: [{', '.join(allowed)}]")
    return ";".join(dict.fromkeys(several))


def _email(text: str) -> str:
    bare = text.strip()
    if not _EMAIL.fullmatch(bare):
        raise Wrong("INVALID_EMAIL", f"Email address {bare} is invalid")
    return bare
