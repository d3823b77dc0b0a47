"""What a field takes and how Salesforce keeps it: types, lengths, picklists, ids; and the refusals it answers with."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from math import isfinite
from typing import Any, NamedTuple

from connectors.salesforce.sandbox_ids import read_id
from connectors.salesforce.sandbox_schema import Field
from core.model.instant import SECOND, Instant, from_iso, moment
from core.model.values import Json


class Problem(NamedTuple):
    """One error as the tool words it."""

    code: str
    message: str
    fields: tuple[str, ...] = ()


class Refusal(Exception):
    """A call or a row is refused, for one or more reasons."""

    def __init__(self, status: int, *problems: Problem) -> None:
        super().__init__("; ".join(f"{one.code}: {one.message}" for one in problems))
        self.status = status
        self.problems = problems


def refused(code: str, message: str, *fields: str, status: int = 400) -> Refusal:
    """A refusal for one reason."""
    return Refusal(status, Problem(code, message, fields))


def stamp_text(at: Instant) -> str:
    """`2024-01-02T03:04:05.000+0000`: no colon in the offset, and sorting as text."""
    return moment(at).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at % SECOND // 1000:03}+0000"


def read_stamp(text: str) -> Instant | None:
    """The moment of a text with an offset, None if it is none."""
    spelt = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?)(Z|[+-]\d\d:?\d\d)", text, re.IGNORECASE)
    try:
        return from_iso(text.upper()) if spelt else None
    except ValueError:
        return None


def is_date(text: str) -> bool:
    """Whether this is a day of the calendar."""
    try:
        return bool(re.fullmatch(r"\d{4}-\d\d-\d\d", text)) and bool(date.fromisoformat(text))
    except ValueError:
        return False


Spellings = Mapping[str, Callable[[str], str]]
"""Field type → how this org rewrites such a text."""


def kept(field: Field, value: Any, spellings: Spellings) -> Json:
    """The value as it is stored; None for an empty one. Raises `Refusal`."""
    if value is None or value == "":
        if field.type == "boolean":
            raise _not_a(field, value)
        return None
    if field.type in _KEEPERS:
        return _KEEPERS[field.type](field, value)
    if not isinstance(value, str):
        raise _not_a(field, value)
    return _text(field, spellings.get(field.type, str)(value)) or None


def _text(field: Field, text: str) -> str:
    if field.length and len(text) > field.length:
        message = f"{field.label}: data value too large: {text} (max length={field.length})"
        raise refused("STRING_TOO_LONG", message, field.name)
    if field.type == "email" and text and not re.fullmatch(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>.]{2,}", text):
        raise refused("INVALID_EMAIL_ADDRESS", f"{field.label}: invalid email address: {text}", field.name)
    chosen = text.split(";") if field.type == "multipicklist" else [text]
    bad = [one for one in chosen if field.restricted and text and one not in field.picklist]
    if bad:
        message = f"{field.label}: bad value for restricted picklist field: {bad[0]}"
        raise refused("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, field.name)
    return text


def _boolean(field: Field, value: Any) -> Json:
    spelt = {"true": True, "false": False}.get(value.lower()) if isinstance(value, str) else value
    if not isinstance(spelt, bool):
        raise _not_a(field, value)
    return spelt


def _number(field: Field, value: Any) -> Json:
    try:
        number = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else None
    except ValueError:
        number = None
    if number is None or not isfinite(number) or (field.type == "int" and number % 1):
        raise _not_a(field, value)
    if abs(number) >= (2**31 if field.type == "int" else 1e16):
        message = f"{field.label}: value outside of valid range on numeric field: {value}"
        raise refused("NUMBER_OUTSIDE_VALID_RANGE", message, field.name)
    return int(number) if field.type == "int" else number


def _day(field: Field, value: Any) -> Json:
    if not isinstance(value, str) or not is_date(value):
        raise _not_a(field, value)
    return value


def _moment(field: Field, value: Any) -> Json:
    at = read_stamp(value) if isinstance(value, str) else None
    if at is None:
        raise _not_a(field, value)
    return stamp_text(at // SECOND * SECOND)


def _id(field: Field, value: Any) -> Json:
    read = read_id(value)
    if read is None:
        raise refused("MALFORMED_ID", f"{field.label}: id value of incorrect type: {value}", field.name)
    return read


_KEEPERS: Mapping[str, Callable[[Field, Any], Json]] = {
    "boolean": _boolean, "date": _day, "datetime": _moment, "id": _id, "reference": _id,
    "currency": _number, "double": _number, "percent": _number, "int": _number,
}  # fmt: skip


def _not_a(field: Field, value: Any) -> Refusal:
    kind = "STRING" if isinstance(value, str) else type(value).__name__.upper()
    message = f"Cannot deserialize instance of {field.type} from VALUE_{kind} value {value} for {field.name}"
    return refused("JSON_PARSER_ERROR", message, field.name)


def gathered(parts: Iterable[Callable[[], None]]) -> None:
    """Do all of these; raises one `Refusal` with the problems of all that refused."""
    problems: list[Problem] = []
    for part in parts:
        try:
            part()
        except Refusal as error:
            problems += error.problems
    if problems:
        raise Refusal(400, *problems)
