"""The types of canonical values: what each means, and how any value finds its normal form.

A normal form is plain JSON and stays what it is when it is normalised again. Wrong values raise `ValueError`
with one sentence that quotes the value; nothing is dropped or invented. How each type reads values stands in
`plain`, `contact_points` and `quantities`; here they get their names, and a quick way through whole columns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from core.model import contact_points, plain, quantities
from core.model.locale import DEFAULT, Locale
from core.model.plain import Normal
from core.model.values import Json

__all__ = ["TYPES", "Column", "Locale", "Normal", "Type", "column", "normaliser"]

Column = Callable[[Sequence[Json]], tuple[list[Json], dict[int, str]]]
"""Normalises a column: its values (None where blank or wrong), and row → problem."""


@dataclass(frozen=True, slots=True)
class Type:
    """What the values of a field are. `example` is in normal form."""

    name: str
    doc: str
    example: Json
    is_set: bool = False
    """Whether a value is a set of elements that sources add and take out one by one."""


TYPES: dict[str, Type] = {
    one.name: one
    for one in (
        Type(
            "text",
            "Text of any length: trimmed, NFC, lines ended by `\\n`.",
            "Asked for a quote.\nCall back.",
        ),
        Type("email", "Email address in lower case, the domain in ASCII.", "ann@example.com"),
        Type("phone", "Phone number in E.164. Extensions cannot be carried.", "+442079460018"),
        Type("name", "Text on one line with single spaces; its case stays.", "Ann McShore"),
        Type("url", "Web address with its scheme; `https://` where none is given.", "https://example.com/shop"),
        Type("domain", "Domain in lower case and ASCII without `www.`, also out of addresses.", "example.com"),
        Type("date", "Calendar date, `YYYY-MM-DD`.", "2026-11-21"),
        Type("instant", "Moment in UTC, ISO 8601 with `Z`.", "2026-11-21T09:00:00Z"),
        Type(
            "money",
            "Decimal amount with its currency (ISO 4217); at least the currency's minor digits.",
            {"amount": "12.50", "currency": "EUR"},
        ),
        Type("number", "Number, whole or not.", 42),
        Type("flag", "True or false; also read from yes/no, on/off, 1/0.", True),
        Type("choice", "One of the choices that the field lists.", "open"),
        Type(
            "tags",
            "Set of words: a sorted list, also read from text with `;` between.",
            ["vip", "wine"],
            True,
        ),
        Type(
            "address",
            "Postal address by its parts, blank ones left out: street, city, region, postal_code, country.",
            {"street": "1 High Street", "city": "Leeds", "postal_code": "LS1 4AP", "country": "GB"},
        ),
        Type("ref", "Another record: its id in the hub, or its place in a tool while that is not bound.", 7),
        Type("json", "Any JSON value, kept as it is.", {"size": [1, 2]}),
    )
}


def normaliser(
    type_name: str,
    locale: Locale = DEFAULT,
    choices: tuple[str, ...] = (),
    *,
    of: str | None = None,
    many: bool = False,
) -> Normal:
    """How values of a type find their normal form; None for blank, `ValueError` for wrong ones.

    `of` is the element type of a set (`email`, `phone`), `many` makes a list of references. Raises `KeyError`
    for an unknown type.
    """
    return _normaliser(type_name, locale, choices, of, many)


def column(
    type_name: str,
    locale: Locale = DEFAULT,
    choices: tuple[str, ...] = (),
    *,
    of: str | None = None,
    many: bool = False,
) -> Column:
    """The same for a whole column at once: what is in normal form already passes without a call."""
    normal = normaliser(type_name, locale, choices, of=of, many=many)
    passing = _PASSING.get(type_name, _all_checked)
    if type_name == "choice" and choices:
        passing = _choices_pass(frozenset(choices))

    def normalise(values: Sequence[Json]) -> tuple[list[Json], dict[int, str]]:
        try:
            return passing(values, normal), {}
        except ValueError:
            return _row_by_row(values, normal)

    return normalise


@lru_cache(maxsize=1024)
def _normaliser(type_name: str, locale: Locale, choices: tuple[str, ...], of: str | None, many: bool) -> Normal:
    match type_name:
        case "phone":
            return contact_points.phone(locale.region)
        case "date":
            return quantities.calendar_date(locale)
        case "money":
            return quantities.money(locale)
        case "choice":
            return plain.choice(choices)
        case "tags":
            # No email address or phone number holds a comma, but a word may.
            return plain.distinct(_normaliser(of or "name", locale, (), None, False), ";,\n" if of else ";")
        case "ref" if many:
            return plain.refs
    return _SIMPLE[type_name]


_SIMPLE: dict[str, Normal] = {
    "text": plain.text,
    "name": plain.name,
    "flag": plain.flag,
    "address": plain.address,
    "ref": plain.ref,
    "json": plain.json,
    "email": contact_points.email,
    "url": contact_points.url,
    "domain": contact_points.domain,
    "number": quantities.number,
    "instant": quantities.instant,
}


def _row_by_row(values: Sequence[Json], normal: Normal) -> tuple[list[Json], dict[int, str]]:
    """A column in which something is wrong."""
    found: list[Json] = []
    problems: dict[int, str] = {}
    for row, value in enumerate(values):
        try:
            found.append(normal(value))
        except ValueError as error:
            found.append(None)
            problems[row] = str(error)
    return found, problems


# A first load normalises millions of values, nearly all of them fine. Each function below gives those back by
# tests that run in C, and calls `normal` only for the rest; it raises what `normal` raises.
_Passing = Callable[[Sequence[Json], Normal], list[Json]]


def _all_checked(values: Sequence[Json], normal: Normal) -> list[Json]:
    return [value if value is None else normal(value) for value in values]


def _plain(values: Sequence[Json]) -> bool:
    """Whether a whole column is blanks and plain words in normal form: ASCII, single inner spaces, none at the ends.

    Joined with a bar, one look at the whole says it of every value; a bar or a blank text among them only sends the
    column the slower way.
    """
    try:
        joined = "|".join([value for value in values if value is not None])
    except TypeError:
        return False
    return (
        joined.isascii()
        and joined.isprintable()
        and "  " not in joined
        and "| " not in joined
        and " |" not in joined
        and "||" not in joined
        and joined[:1] not in (" ", "|", "")
        and joined[-1:] not in (" ", "|")
    )


def _texts_pass(values: Sequence[Json], normal: Normal) -> list[Json]:
    if _plain(values):
        return list(values)
    return [
        value
        if value is None
        or (value.__class__ is str and value.isascii() and value.isprintable() and value.strip() == value != "")
        else normal(value)
        for value in values
    ]


def _names_pass(values: Sequence[Json], normal: Normal) -> list[Json]:
    if _plain(values):
        return list(values)
    return [
        value
        if value is None
        or (
            value.__class__ is str
            and value.isascii()
            and value.isprintable()
            and "  " not in value
            and value.strip() == value != ""
        )
        else normal(value)
        for value in values
    ]


def _emails_pass(values: Sequence[Json], normal: Normal) -> list[Json]:
    plain_email, longest = contact_points.plain_email, contact_points.PLAIN_LENGTH
    return [
        value
        if value is None or (value.__class__ is str and len(value) <= longest and plain_email(value))
        else normal(value)
        for value in values
    ]


def _choices_pass(choices: frozenset[str]) -> _Passing:
    def passing(values: Sequence[Json], normal: Normal) -> list[Json]:
        return [
            value if value is None or (value.__class__ is str and value in choices) else normal(value)
            for value in values
        ]

    return passing


_PASSING: dict[str, _Passing] = {
    "text": _texts_pass,
    "name": _names_pass,
    "choice": _names_pass,
    "email": _emails_pass,
}
