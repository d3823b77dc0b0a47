"""From the words of a query to questions about a row: paths, comparisons, days, and what indexes may leave out."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import NamedTuple

from connectors.salesforce.sandbox_ids import read_id
from connectors.salesforce.sandbox_org import Org
from connectors.salesforce.sandbox_schema import NUMBERS, TEXTS, Field, SObject
from connectors.salesforce.sandbox_soql import Both, Condition, Either, Literal, Not, Query, Test, unquoted
from connectors.salesforce.sandbox_table import Row
from connectors.salesforce.sandbox_values import refused
from core.model.instant import moment
from core.model.values import Json

Getter = Callable[[Row], Json]
Question = Callable[[Row], bool]


class Path(NamedTuple):
    """A field as a query reaches it, maybe over parents."""

    field: Field
    get: Getter
    names: tuple[str, ...]
    """The names as they are written properly."""


def path_of(org: Org, sobject: SObject, text: str) -> Path:
    """The field a dotted path means; refused where the app's user sees none."""
    *parents, name = text.split(".")
    if parents and parents[0].lower() == sobject.name.lower() and sobject.reaching(parents[0]) is None:
        parents = parents[1:]
    if not parents:
        field = sobject.field(name)
        if field is None or not org.sees(sobject, field):
            raise refused(
                "INVALID_FIELD", f"No such column '{name}' on entity '{sobject.name}'. Custom ones end in __c."
            )
        return Path(field, lambda row: org.shown(row, field), (field.name,))
    return _over(org, sobject, parents[0], ".".join([*parents[1:], name]))


def _over(org: Org, sobject: SObject, relationship: str, rest: str) -> Path:
    by = sobject.reaching(relationship)
    if by is None or not org.sees(sobject, by):
        raise refused(
            "INVALID_FIELD", f"Didn't understand relationship '{relationship}' in field path of {sobject.name}"
        )
    inner = {name: path_of(org, org.sobject(name), rest) for name in by.refers[:1]}
    inner |= {name: path_of(org, org.sobject(name), rest) for name in by.refers[1:] if _has(org, name, rest)}
    first = inner[by.refers[0]]

    def get(row: Row) -> Json:
        found = org.any_row(row.values.get(by.name))
        return inner[found[0].name].get(found[1]) if found and found[0].name in inner else None

    return Path(first.field, get, (str(by.relationship), *first.names))


def _has(org: Org, name: str, path: str) -> bool:
    return "." in path or org.sobject(name).field(path) is not None


# --- conditions


class Filter:
    """Makes the question that a condition asks of each row. `inner` runs a query within the query."""

    def __init__(self, org: Org, sobject: SObject, inner: Callable[[Query], set[Json]]) -> None:
        self.org, self.sobject, self._inner = org, sobject, inner

    def question(self, condition: Condition) -> Question:
        """The condition as a function of the row."""
        if isinstance(condition, Both):
            parts = [self.question(part) for part in condition.parts]
            return lambda row: all(part(row) for part in parts)
        if isinstance(condition, Either):
            parts = [self.question(part) for part in condition.parts]
            return lambda row: any(part(row) for part in parts)
        if isinstance(condition, Not):
            part = self.question(condition.part)
            return lambda row: not part(row)
        return self._test(condition)

    def _test(self, test: Test) -> Question:
        path = path_of(self.org, self.sobject, test.path)
        if not path.field.filterable:
            raise refused("INVALID_FIELD", f"field '{test.path}' can not be filtered in a query call")
        get, key = _plain(path), comparable(path.field)
        if test.query is not None or test.operator in ("IN", "NOT IN"):
            wanted = self._wanted(path.field, test)
            return lambda row: (key(get(row)) in wanted) == (test.operator == "IN")
        if test.operator in ("INCLUDES", "EXCLUDES"):
            return _includes(path.field, get, test)
        if test.operator == "LIKE":
            return _like(path.field, get, test.values[0])
        if test.values[0].kind == "relative":
            return _within(path.field, get, test, self._range(path.field, str(test.values[0].value)))
        return _compare(path.field, get, key, test)

    def _wanted(self, field: Field, test: Test) -> set[Json]:
        key = comparable(field)
        if test.query is not None:
            return {key(value) for value in self._inner(test.query) if value is not None}
        return {key(literal_for(field, literal)) for literal in test.values}

    def _range(self, field: Field, word: str) -> tuple[str, str]:
        """From its first moment to the one after its last, as text of the field's type."""
        first, after = relative_days(word, moment(self.org.clock()).date())
        tail = "T00:00:00.000+0000" if field.type == "datetime" else ""
        return f"{first}{tail}", f"{after}{tail}"


def _plain(path: Path) -> Getter:
    """The quick way to a field of the row itself."""
    if len(path.names) > 1 or path.field.type == "address":
        return path.get
    name = path.field.name
    return lambda row: row.values.get(name)


def comparable(field: Field) -> Callable[[Json], Json]:
    """By which values of a field are compared: texts in any case, unless the field is told to mind it."""
    if field.type in TEXTS and not field.case_sensitive:
        return lambda value: value.casefold() if isinstance(value, str) else value
    return lambda value: value


def literal_for(field: Field, literal: Literal) -> Json:
    """A literal as the field would hold it; refused where it is of another type."""
    if literal.kind == "null":
        return None
    if field.type in TEXTS and literal.kind == "text":
        return unquoted(str(literal.value)) or None
    if field.type in ("id", "reference") and literal.kind == "text":
        text = unquoted(str(literal.value))
        if text and read_id(text) is None:
            raise refused("INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {text}")
        return read_id(text)
    wanted = "number" if field.type in NUMBERS else field.type
    if literal.kind == wanted:
        return literal.value
    quoted = "and should be enclosed in quotes" if wanted in TEXTS else "and should not be enclosed in quotes"
    message = f"value of filter criterion for field '{field.name}' must be of type {wanted} {quoted}"
    raise refused("INVALID_FIELD", message)


def _compare(field: Field, get: Getter, key: Callable[[Json], Json], test: Test) -> Question:
    wanted = key(literal_for(field, test.values[0]))
    if test.operator == "=":
        return lambda row: key(get(row)) == wanted
    if test.operator == "!=":
        return lambda row: key(get(row)) != wanted
    if wanted is None or field.type == "boolean":
        raise refused("INVALID_QUERY_FILTER_OPERATOR", f"'{field.name}' cannot be compared by {test.operator}")
    orders: dict[str, Callable[[Json, Json], bool]] = {
        "<": lambda one, other: one < other,
        ">": lambda one, other: one > other,
        "<=": lambda one, other: one <= other,
        ">=": lambda one, other: one >= other,
    }
    holds = orders[test.operator]

    def ask(row: Row) -> bool:
        value = key(get(row))
        return value is not None and holds(value, wanted)

    return ask


def _like(field: Field, get: Getter, literal: Literal) -> Question:
    if field.type not in TEXTS or literal.kind != "text":
        raise refused("INVALID_QUERY_FILTER_OPERATOR", f"LIKE asks for a text field and a text: '{field.name}'")
    pattern = re.compile(like_pattern(unquoted(str(literal.value), like=True)), re.IGNORECASE | re.DOTALL)
    return lambda row: bool(pattern.fullmatch(str(get(row) or "")))


def like_pattern(text: str) -> str:
    """A pattern of `%` and `_` as a regular expression."""
    parts = re.findall(r"\\[%_]|.", text, re.DOTALL)
    wild = {"%": ".*", "_": "."}
    return "".join(wild.get(part) or re.escape(part[-1]) for part in parts)


def _includes(field: Field, get: Getter, test: Test) -> Question:
    if field.type != "multipicklist":
        raise refused("INVALID_QUERY_FILTER_OPERATOR", f"'{field.name}' is no multi-select picklist")
    choices = [set(str(literal_for(field, literal)).split(";")) for literal in test.values]
    wanted = test.operator == "INCLUDES"
    return lambda row: any(one <= set(str(get(row) or "").split(";")) for one in choices) == wanted


def _within(field: Field, get: Getter, test: Test, days: tuple[str, str]) -> Question:
    if field.type not in ("date", "datetime"):
        literal_for(field, test.values[0])
    low, high = days
    holds: dict[str, Callable[[str], bool]] = {
        "=": lambda text: low <= text < high,
        "!=": lambda text: not low <= text < high,
        "<": lambda text: text < low,
        ">": lambda text: text >= high,
        "<=": lambda text: text < high,
        ">=": lambda text: text >= low,
    }
    ask = holds[test.operator]

    def within(row: Row) -> bool:
        value = get(row)
        return ask(str(value)) if value is not None else test.operator == "!="

    return within


def relative_days(word: str, today: date) -> tuple[date, date]:
    """The days a word like TODAY, LAST_N_DAYS:3 or THIS_MONTH means: the first, and the one after the last."""
    day = timedelta(days=1)
    name, _, number = word.partition(":")
    if name in ("LAST_N_DAYS", "NEXT_N_DAYS", "N_DAYS_AGO"):
        count = int(number) * day
        span = {"LAST_N_DAYS": (today - count, today + day), "NEXT_N_DAYS": (today + day, today + day + count),
                "N_DAYS_AGO": (today - count, today - count + day)}  # fmt: skip
        return span[name]
    single = {"TODAY": 0, "YESTERDAY": -1, "TOMORROW": 1, "THIS_DAY": 0, "LAST_DAY": -1, "NEXT_DAY": 1}
    if name in single:
        return today + single[name] * day, today + (single[name] + 1) * day
    which, _, unit = name.partition("_")
    place = {"LAST": -1, "THIS": 0, "NEXT": 1}[which]
    return _start(today, unit, place), _start(today, unit, place + 1)


def _start(today: date, unit: str, place: int) -> date:
    """The first day of the week (from Sunday), month or year so many places on."""
    if unit == "WEEK":
        return today - timedelta(days=today.isoweekday() % 7) + timedelta(weeks=place)
    if unit == "YEAR":
        return date(today.year + place, 1, 1)
    months = today.year * 12 + today.month - 1 + place
    return date(months // 12, months % 12 + 1, 1)


# --- what an index may leave out

Bounds = tuple[str, str]
EVERYTHING: Bounds = ("", "")
"""From blank to blank: no bound on either side."""


def bounds(condition: Condition | None, name: str) -> Bounds:
    """Between which values of a field (`Id`, `SystemModstamp`) all rows lie that can answer."""
    if isinstance(condition, Both):
        lows, highs = zip(*(bounds(part, name) for part in condition.parts), strict=True)
        return max(lows), min(filter(None, highs), default="")
    if isinstance(condition, Either):
        lows, highs = zip(*(bounds(part, name) for part in condition.parts), strict=True)
        return min(lows), max(highs) if all(highs) else ""
    if not isinstance(condition, Test) or condition.path.lower() != name.lower() or len(condition.values) != 1:
        return EVERYTHING
    value = _bound(condition.values[0])
    if not value:
        return EVERYTHING
    low, high = (
        value if condition.operator in ("=", ">", ">=") else "",
        value if condition.operator in ("=", "<", "<=") else "",
    )
    return low, high


def _bound(literal: Literal) -> str:
    if literal.kind == "text":
        return read_id(unquoted(str(literal.value))) or ""
    return str(literal.value) if literal.kind == "datetime" else ""


def exact(condition: Condition | None, sobject: SObject) -> tuple[Field, list[Literal]] | None:
    """An indexed field and the values one of which every answer must hold, if the condition says such a thing."""
    if isinstance(condition, Both):
        return next(filter(None, (exact(part, sobject) for part in condition.parts)), None)
    if not isinstance(condition, Test) or condition.operator not in ("=", "IN") or condition.query is not None:
        return None
    field = sobject.field(condition.path)
    if field is None or not (field.indexed or field.type == "id"):
        return None
    return (field, list(condition.values)) if all(one.kind == "text" for one in condition.values) else None
