"""The words of a filter: what each asks of a field, of which types, and how it is told to people.

Each word is declared once, with an example that runs as a test. An operand is brought into the field's normal form
when the filter is read, so that comparing is plain. A blank field fits only where the word says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import NamedTuple

from core.mapping.when import PLAIN
from core.model.instant import DAY, Instant, from_iso, iso
from core.model.plain import flag
from core.model.shape import Field
from core.model.values import Json, is_blank

Normal = Callable[[Json], Json]
"""How one value of the asked field finds its normal form; `ValueError` for what is none."""

_WORDED = ("name", "text", "email", "phone", "url", "domain")
_COUNTED = ("number", "money")
_DATED = ("date", "instant")
_DAY_ALONE = re.compile(r"\d{4}-\d\d-\d\d")


class Word(NamedTuple):
    """One word that may be asked of a field."""

    doc: str
    types: tuple[str, ...]
    """Of the fields it may be asked of; `set` for sets, `*` for any."""
    operand: str
    """What is written behind it, with `{type}` for the field's type."""
    normal: Callable[[Json, Normal], Json]
    """The operand in normal form."""
    holds: Callable[[Json, Json], bool]
    """Whether a value, None for blank, fits the operand."""
    told: Callable[[Json], str]
    """As it is told behind the field's name."""
    example: tuple[str, str, Json, Json]
    """(field of a contact or deal, operand in YAML, a value that fits, one that does not)."""

    def takes(self, field: Field) -> bool:
        """Whether it may be asked of this field."""
        if "*" in self.types:
            return True
        return field.type == "tags" if "set" in self.types else field.type in self.types and not field.is_set


# Operands.


def _several(operand: Json, normal: Normal) -> list[Json]:
    """One value or a list of them, null for blank."""
    found = [
        None if one is None else _one(one, normal) for one in (operand if isinstance(operand, list) else [operand])
    ]
    if not found:
        raise ValueError("the list is empty")
    return found


def _one(operand: Json, normal: Normal) -> Json:
    value = normal(operand)
    if is_blank(value):
        raise ValueError("it is blank")
    return value


def _elements(operand: Json, normal: Normal) -> list[Json]:
    return [element for one in _listed(operand) for element in _one([one], normal)]


def _texts(operand: Json, _normal: Normal) -> list[str]:
    found = _listed(operand)
    if not all(isinstance(one, str) and one.strip() for one in found):
        raise ValueError("it is no text")
    return [str(one).strip().casefold() for one in found]


def _listed(operand: Json) -> list[Json]:
    found = operand if isinstance(operand, list) else [operand]
    if not found or any(is_blank(one) for one in found):
        raise ValueError("it is blank")
    return found


def _yes_or_no(operand: Json, _normal: Normal) -> bool:
    found = flag(operand)
    if found is None:
        raise ValueError("it is blank")
    return bool(found)


def _span(operand: Json, normal: Normal) -> list[Instant]:
    """From when to before when: a day as a whole, a moment as itself."""
    value = operand if isinstance(operand, str) and _DAY_ALONE.fullmatch(operand.strip()) else _one(operand, normal)
    at = _start(value.strip())
    return [at, at + (1 if "T" in value else DAY)]


def _start(value: str) -> Instant:
    return from_iso(value if "T" in value else f"{value}T00:00:00Z")


# Comparing.


def _amount(value: Json) -> tuple[str, Decimal]:
    """A number or an amount, with its currency."""
    if isinstance(value, dict):
        return value["currency"], Decimal(value["amount"])
    return "", Decimal(str(value))


def _counted(compare: Callable[[Decimal, Decimal], bool]) -> Callable[[Json, Json], bool]:
    """Amounts of different currencies are not compared, so neither is more than the other."""

    def holds(value: Json, operand: Json) -> bool:
        if value is None:
            return False
        (currency, amount), (wanted, limit) = _amount(value), _amount(operand)
        return currency == wanted and compare(amount, limit)

    return holds


def _in_text(test: Callable[[str, str], bool]) -> Callable[[Json, Json], bool]:
    return lambda value, operand: value is not None and any(test(str(value).casefold(), one) for one in operand)


# Telling.


def _named(value: Json) -> str:
    if value is None:
        return "blank"
    if isinstance(value, dict):
        return f"{value.get('amount')} {value.get('currency')}"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _either(values: Iterable[Json], word: str = "or") -> str:
    return f" {word} ".join(map(_named, values))


def _on(span: list[Instant]) -> str:
    return iso(span[0]).removesuffix("T00:00:00Z")


_ONE_OR_MORE = "a value of the type {type}, or a list of them; null for blank"
_TEXT = "a text, or a list of them"
_ON_DAY = "a day, such as 2026-01-01"

WORDS: dict[str, Word] = {
    "is": Word(
        "Has one of these values; the same as writing them without a word.",
        (*PLAIN, "money"), _ONE_OR_MORE, _several,
        lambda value, operand: value in operand, _either,
        ("lifecycle_stage", "[customer, opportunity]", "customer", "lead"),
    ),
    "not": Word(
        "Has none of these values; blank fits unless `null` is listed.",
        (*PLAIN, "money"), _ONE_OR_MORE, _several,
        lambda value, operand: value not in operand, lambda operand: f"other than {_either(operand)}",
        ("consent.email", "denied", "granted", "denied"),
    ),
    "known": Word(
        "`true`: says something; `false`: is blank.",
        ("*",), "true or false", _yes_or_no,
        lambda value, operand: (value is not None) is operand,
        lambda operand: "known" if operand else "blank",
        ("email", "true", "ann@example.com", None),
    ),
    "has": Word(
        "Holds at least one of these elements.",
        ("set",), _TEXT, _elements,
        lambda value, operand: value is not None and any(one in value for one in operand),
        lambda operand: f"with {_either(operand)}",
        ("tags", "newsletter", ["newsletter", "vip"], ["vip"]),
    ),
    "has_all": Word(
        "Holds all of these elements.",
        ("set",), _TEXT, _elements,
        lambda value, operand: value is not None and all(one in value for one in operand),
        lambda operand: f"with {_either(operand, 'and')}",
        ("tags", "[newsletter, vip]", ["newsletter", "vip"], ["vip"]),
    ),
    "lacks": Word(
        "Holds none of these elements.",
        ("set",), _TEXT, _elements,
        lambda value, operand: value is None or not any(one in value for one in operand),
        lambda operand: f"without {_either(operand)}",
        ("tags", "[staff, test]", ["vip"], ["staff", "vip"]),
    ),
    "starts": Word(
        "Begins with one of these texts; capitals do not matter.",
        _WORDED, _TEXT, _texts, _in_text(str.startswith), lambda operand: f"starting with {_either(operand)}",
        ("phone", '"+44"', "+447700900123", "+4930123456"),
    ),
    "contains": Word(
        "Holds one of these texts somewhere; capitals do not matter.",
        _WORDED, _TEXT, _texts, _in_text(str.__contains__), lambda operand: f"containing {_either(operand)}",
        ("job_title", "[owner, director]", "Managing Director", "Clerk"),
    ),
    "ends": Word(
        "Ends with one of these texts; capitals do not matter.",
        _WORDED, _TEXT, _texts, _in_text(str.endswith), lambda operand: f"ending with {_either(operand)}",
        ("email", '"@shore.example"', "ann@shore.example", "bob@quay.example"),
    ),
    "at_least": Word(
        "Is this or more. Money fits only in the same currency.",
        _COUNTED, "a {type}", _one, _counted(Decimal.__ge__), lambda operand: f"of at least {_named(operand)}",
        ("amount", "1000 EUR", {"amount": "1000.00", "currency": "EUR"}, {"amount": "999.99", "currency": "EUR"}),
    ),
    "at_most": Word(
        "Is this or less. Money fits only in the same currency.",
        _COUNTED, "a {type}", _one, _counted(Decimal.__le__), lambda operand: f"of at most {_named(operand)}",
        ("amount", "1000 EUR", {"amount": "1000.00", "currency": "EUR"}, {"amount": "1000.00", "currency": "USD"}),
    ),
    "above": Word(
        "Is more than this. Money fits only in the same currency.",
        _COUNTED, "a {type}", _one, _counted(Decimal.__gt__), lambda operand: f"above {_named(operand)}",
        ("amount", "0 EUR", {"amount": "0.01", "currency": "EUR"}, {"amount": "0.00", "currency": "EUR"}),
    ),
    "below": Word(
        "Is less than this. Money fits only in the same currency.",
        _COUNTED, "a {type}", _one, _counted(Decimal.__lt__), lambda operand: f"below {_named(operand)}",
        ("amount", "50 EUR", {"amount": "49.99", "currency": "EUR"}, {"amount": "50.00", "currency": "EUR"}),
    ),
    "from": Word(
        "Is on that day or later.",
        _DATED, _ON_DAY, _span,
        lambda value, span: value is not None and _start(value) >= span[0], lambda span: f"from {_on(span)} on",
        ("close_date", "2026-01-01", "2026-01-01", "2025-12-31"),
    ),
    "to": Word(
        "Is on that day or earlier.",
        _DATED, _ON_DAY, _span,
        lambda value, span: value is not None and _start(value) < span[1], lambda span: f"up to {_on(span)}",
        ("close_date", "2026-12-31", "2026-12-31", "2027-01-01"),
    ),
    "after": Word(
        "Is later than that day.",
        _DATED, _ON_DAY, _span,
        lambda value, span: value is not None and _start(value) >= span[1], lambda span: f"after {_on(span)}",
        ("close_date", "2026-01-01", "2026-01-02", "2026-01-01"),
    ),
    "before": Word(
        "Is earlier than that day.",
        _DATED, _ON_DAY, _span,
        lambda value, span: value is not None and _start(value) < span[0], lambda span: f"before {_on(span)}",
        ("close_date", "2026-01-01", "2025-12-31", "2026-01-01"),
    ),
}  # fmt: skip
"""Word → what it asks. In the order in which they are explained."""
