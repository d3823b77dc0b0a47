"""What a search asks, as a question to one table: filters, one order, and quick ways to the candidates."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from connectors.hubspot.sandbox_problems import invalid
from connectors.hubspot.sandbox_schema import Property
from connectors.hubspot.sandbox_store import Record, State, Table
from connectors.hubspot.sandbox_values import at_ms
from core.model.instant import MILLISECOND, Instant

OPERATORS = {
    "EQ", "NEQ", "LT", "LTE", "GT", "GTE", "BETWEEN", "IN", "NOT_IN", "HAS_PROPERTY", "NOT_HAS_PROPERTY",
    "CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN",
}  # fmt: skip
STAMPS = ("lastmodifieddate", "hs_lastmodifieddate")
_MADE = ("createdate", "hs_createdate")
_COMPARED = ("number", "date", "datetime")
_END: Instant = 1 << 62

Test = Callable[[Record, State], bool]
Reader = Callable[[Record, State], Any]


class Filter(NamedTuple):
    """One condition on one property."""

    name: str
    kind: str
    operator: str
    value: str = ""
    high: str = ""
    values: tuple[str, ...] = ()


class Query(NamedTuple):
    """A search without its page: any of the groups, all filters of one; text in any of the searched properties."""

    groups: tuple[tuple[Filter, ...], ...]
    sort: str
    sort_kind: str
    descending: bool
    text: str = ""
    searched: tuple[str, ...] = ()

    def without_floor(self) -> tuple[Query, int]:
        """The same without `hs_object_id > N`, and that N: what a walk in the order of ids asks again and again."""
        if len(self.groups) != 1 or self.sort != "hs_object_id" or self.descending:
            return self, 0
        floors = [one for one in self.groups[0] if one.name == "hs_object_id" and one.operator == "GT"]
        if len(floors) != 1 or not floors[0].value.isdigit():
            return self, 0
        rest = tuple(one for one in self.groups[0] if one is not floors[0])
        return self._replace(groups=(rest,)), int(floors[0].value)


def filter_of(data: Mapping[str, Any], one: Property) -> Filter:
    """A filter as the call gives it; a `Problem` where something is missing."""
    operator = str(data.get("operator", ""))
    if operator not in OPERATORS:
        raise invalid(f"{operator} is not a valid operator")
    if operator in ("IN", "NOT_IN") and not data.get("values"):
        raise invalid(f"operator {operator} requires values")
    if operator == "BETWEEN" and not data.get("highValue"):
        raise invalid("operator BETWEEN requires highValue")
    if operator.endswith("HAS_PROPERTY") or operator in ("IN", "NOT_IN"):
        return Filter(one.name, one.kind, operator, values=tuple(map(str, data.get("values") or ())))
    if "value" not in data:
        raise invalid(f"operator {operator} requires a value")
    found = Filter(one.name, one.kind, operator, str(data["value"]), str(data.get("highValue") or ""))
    if one.kind in _COMPARED and not operator.endswith("TOKEN"):
        for text in filter(None, (found.value, found.high)):
            if at_ms(one.kind, text) is None:
                raise invalid(f"{text} is not a valid value of {one.name}")
    return found


def run(query: Query, table: Table, until: Instant | None) -> list[int]:
    """The ids of all that match, in the order asked for."""
    unsettled = table.unsettled(until)
    found: dict[int, Any] = {}
    read = reader(query.sort, query.sort_kind)
    text = _text_test(query)
    for group in query.groups or ((),):
        tests = [test(one) for one in group] + text
        for id_ in {*_candidates(group, table), *unsettled}:
            record = table.records[id_]
            state = record.at(until)
            if state is not None and state.live and all(one(record, state) for one in tests):
                found[id_] = read(record, state)
    blanks = [id_ for id_, key in found.items() if key is None]
    told = sorted((key, id_) for id_, key in found.items() if key is not None)
    ids = [id_ for _, id_ in (reversed(told) if query.descending else told)]
    return ids + sorted(blanks)


def behind(ids: Sequence[int], floor: int) -> Sequence[int]:
    """Those of ordered ids that come after one."""
    return ids[bisect_left(ids, floor + 1) :] if floor else ids


def reader(name: str, kind: str) -> Reader:
    """How to get at a property's value for comparing: numbers for what has an order, folded text for the rest."""
    if name == "hs_object_id":
        return lambda record, _: record.id
    if name in STAMPS:
        return lambda _, state: state.modified_at // MILLISECOND
    if name in _MADE:
        return lambda record, _: record.created_at // MILLISECOND
    if kind in _COMPARED:
        return lambda _, state: at_ms(kind, state.properties[name]) if name in state.properties else None
    return lambda _, state: state.properties[name].lower() if name in state.properties else None


def test(one: Filter) -> Test:
    """A filter as a question to one record."""
    read = reader(one.name, one.kind)
    if one.operator == "HAS_PROPERTY":
        return lambda record, state: read(record, state) is not None
    if one.operator == "NOT_HAS_PROPERTY":
        return lambda record, state: read(record, state) is None
    if one.operator in ("IN", "NOT_IN"):
        return _membership(one, read)
    if one.operator.endswith("CONTAINS_TOKEN"):
        return _tokens(one, read)
    return _comparison(one, read)


def _comparison(one: Filter, read: Reader) -> Test:
    value, high = _read_as(one, one.value), _read_as(one, one.high)
    questions: dict[str, Callable[[Any], bool]] = {
        "EQ": lambda held: bool(held == value),
        "LT": lambda held: bool(held < value),
        "LTE": lambda held: bool(held <= value),
        "GT": lambda held: bool(held > value),
        "GTE": lambda held: bool(held >= value),
        "BETWEEN": lambda held: bool(value <= held <= high),
    }
    if one.operator == "NEQ":
        return lambda record, state: read(record, state) != value
    ask = questions[one.operator]

    def answer(record: Record, state: State) -> bool:
        held = read(record, state)
        return held is not None and ask(held)

    return answer


def _membership(one: Filter, read: Reader) -> Test:
    # Texts are compared with the stored value in lower case: who gives capitals finds nothing.
    values = {_read_as(one, value) if one.kind in _COMPARED else value for value in one.values}
    wanted = one.operator == "IN"
    return lambda record, state: (read(record, state) in values) == wanted


def _tokens(one: Filter, read: Reader) -> Test:
    pattern = one.value.lower()
    wanted = one.operator == "CONTAINS_TOKEN"

    def answer(record: Record, state: State) -> bool:
        tokens = str(read(record, state) or "").replace("@", " ").split()
        return any(fnmatchcase(token, pattern) for token in tokens) == wanted

    return answer


def _read_as(one: Filter, text: str) -> Any:
    return at_ms(one.kind, text) if one.kind in _COMPARED else text.lower()


def _text_test(query: Query) -> list[Test]:
    if not query.text:
        return []
    wanted = query.text.lower()
    return [lambda _, state: any(wanted in state.properties.get(name, "").lower() for name in query.searched)]


def _candidates(group: Sequence[Filter], table: Table) -> Iterable[int]:
    """The live ids among which all matches of a group are: the shortest list that is at hand."""
    lists: list[Sequence[int]] = [table.ids[False]]
    for one in group:
        found = _shortcut(one, table)
        if found is not None:
            lists.append(found)
    stamps = [table.stamped(*_window(one)) for one in group if one.name in STAMPS]
    places = range(max((r.start for r in stamps), default=0), min((r.stop for r in stamps), default=_END))
    shortest = min(lists, key=len)
    if stamps and len(places) < len(shortest):
        return [table.by_stamp[place][1] for place in places]
    return shortest


def _shortcut(one: Filter, table: Table) -> Sequence[int] | None:
    values = one.values if one.operator == "IN" else (one.value,) if one.operator == "EQ" else ()
    if not values:
        return None
    if one.name == "hs_object_id":
        return [int(value) for value in values if value.isdigit() and int(value) in table.records]
    if one.name == "email" and "email" in table.unique:
        return [found.id for value in values if (found := table.by_value("email", value))]
    return None


def _window(one: Filter) -> tuple[Instant, Instant]:
    value, high = at_ms(one.kind, one.value), at_ms(one.kind, one.high)
    if value is None:
        return 0, _END
    at = int(value * MILLISECOND)
    last = at + MILLISECOND - 1
    bounds = {
        "EQ": (at, last), "GTE": (at, _END), "GT": (at + 1, _END), "LTE": (0, last), "LT": (0, at),
        "BETWEEN": (at, int((high or 0) * MILLISECOND) + MILLISECOND - 1),
    }  # fmt: skip
    return bounds.get(one.operator, (0, _END))
