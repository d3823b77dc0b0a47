"""A query, answered from the tables: which rows, in which order, and how they are shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import NamedTuple

from connectors.salesforce.sandbox_filter import Filter, Path, bounds, comparable, exact, literal_for, path_of
from connectors.salesforce.sandbox_org import Org
from connectors.salesforce.sandbox_schema import Field, SObject
from connectors.salesforce.sandbox_soql import Both, Column, Condition, Literal, Order, Query, Test, parse
from connectors.salesforce.sandbox_sums import sums
from connectors.salesforce.sandbox_table import Row
from connectors.salesforce.sandbox_values import refused
from core.model.values import Json

Shown = dict[str, Json]
View = Callable[[Row], "Row | None"]
"""Which version of a row is seen; None hides it."""


class Result(NamedTuple):
    """What a query found."""

    query: Query
    sobject: SObject
    rows: list[Row]
    show: Callable[[Row], Shown]
    sums: list[Shown] | None = None
    """The rows of a query that groups or sums up."""
    total: int = 0


class Asking(NamedTuple):
    """How a query is asked."""

    org: Org
    version: str
    everything: bool = False
    """Deleted rows too (queryAll)."""
    tooling: bool = False
    view: View | None = None


def answer(asking: Asking, text: str) -> Result:
    """Parse and run a query; refusals as the tool words them."""
    return run(asking, parse(text))


def run(asking: Asking, query: Query) -> Result:
    """Run a query."""
    org, sobject = asking.org, source_of(asking, query.source)
    query = query._replace(columns=_expanded(org, sobject, query))
    _check(query)
    orders = [(path_of(org, sobject, one.path), one) for one in query.order] if not query.group else []
    wanted = None if query.limit is None else query.offset + query.limit
    if query.group or any(column.function for column in query.columns):
        rows = list(_matching(asking, sobject, query))
        if query.counts:
            return Result(query, sobject, [], lambda _: {}, total=len(rows[: query.limit]))
        made = sums(org, sobject, query, rows)
        return Result(query, sobject, [], lambda _: {}, made, len(made))
    show = shower(asking, sobject, query)
    rows = _ordered(_matching(asking, sobject, query), orders, wanted if _in_order(query) else None)
    rows = rows[query.offset : wanted]
    return Result(query, sobject, rows, show, total=len(rows))


def source_of(asking: Asking, name: str) -> SObject:
    """The object a query reads from."""
    found = asking.org.objects.get(name.lower())
    if found is None or (found.tooling and not asking.tooling):
        raise refused("INVALID_TYPE", f"sObject type '{name}' is not supported. Custom ones end in __c.")
    return found


def _check(query: Query) -> None:
    if query.offset > 2000:
        raise refused("NUMBER_OUTSIDE_VALID_RANGE", "Maximum SOQL offset allowed is 2000")
    plain = [column.path.lower() for column in query.columns if not column.function]
    twice = next((path for path in plain if plain.count(path) > 1), None)
    if twice:
        raise refused("INVALID_FIELD", f"duplicate field selected: {twice}")


def _expanded(org: Org, sobject: SObject, query: Query) -> tuple[Column, ...]:
    """FIELDS(ALL) and its like, spelt out."""
    columns: list[Column] = []
    for column in query.columns:
        if column.function != "FIELDS":
            columns.append(column)
            continue
        which = column.path.upper()
        if which != "STANDARD" and (query.limit is None or query.limit > 200):
            raise refused("MALFORMED_QUERY", f"The SOQL FIELDS function with {which} must have a LIMIT of at most 200")
        for field in org.fields_of(sobject):
            if which == "ALL" or (which == "CUSTOM") == field.custom:
                columns.append(Column(field.name))
    return tuple(columns)


# --- which rows


def _matching(asking: Asking, sobject: SObject, query: Query) -> Iterable[Row]:
    filter_ = Filter(asking.org, sobject, lambda inner: _inner(asking, inner))
    question = filter_.question(query.where) if query.where is not None else None
    rows = _candidates(asking, sobject, query)
    if not asking.everything and "IsDeleted" in sobject.fields:
        rows = (row for row in rows if not row.values["IsDeleted"])
    return filter(question, rows) if question else rows


def _inner(asking: Asking, query: Query) -> set[Json]:
    found = run(asking._replace(everything=False), query)
    path = path_of(asking.org, found.sobject, query.columns[0].path)
    return {path.get(row) for row in found.rows}


def _candidates(asking: Asking, sobject: SObject, query: Query) -> Iterable[Row]:
    """As few rows as the indexes allow, already in order where `_in_order` says so."""
    table = asking.org.tables[sobject.name]
    if asking.view is not None:
        seen = filter(None, map(asking.view, list(table.rows.values())))
        return sorted(seen, key=lambda row: (row.stamp if _by_stamp(query) else "", row.id))
    found = exact(query.where, sobject)
    if found and not asking.everything:
        field, literals = found
        rows = {row.id: row for literal in literals for row in table.found(field, literal_for(field, literal))}
        return sorted(rows.values(), key=lambda row: (row.stamp if _by_stamp(query) else "", row.id))
    if _by_stamp(query):
        return table.by_stamp(*bounds(query.where, "SystemModstamp"))
    stamps = bounds(query.where, "SystemModstamp")
    if stamps[0]:
        return sorted(table.by_stamp(*stamps), key=lambda row: row.id)
    return table.by_id(*bounds(query.where, "Id"))


def _by_stamp(query: Query) -> bool:
    return bool(query.order) and query.order[0].path.lower() == "systemmodstamp"


def _in_order(query: Query) -> bool:
    """Whether the candidates come in the order asked for."""
    asked = [(one.path.lower(), one.descending) for one in query.order]
    return asked in ([], [("id", False)], [("systemmodstamp", False)], [("systemmodstamp", False), ("id", False)])


def _ordered(rows: Iterable[Row], orders: list[tuple[Path, Order]], enough: int | None) -> list[Row]:
    if enough is not None:
        return list(islice(rows, enough))
    kept = list(rows)
    for path, order in reversed(orders):
        if not path.field.filterable:
            raise refused("INVALID_FIELD", f"field '{order.path}' can not be sorted in a query call")
        _sort(kept, path, order)
    return kept


def _sort(rows: list[Row], path: Path, order: Order) -> None:
    """In place; nulls come first unless the query says otherwise, whichever way it goes."""
    key = comparable(path.field)
    full = [row for row in rows if path.get(row) is not None]
    empty = [row for row in rows if path.get(row) is None]
    full.sort(key=lambda row: key(path.get(row)), reverse=order.descending)
    rows[:] = [*full, *empty] if order.nulls_last else [*empty, *full]


# --- how they are shown


def shower(asking: Asking, sobject: SObject, query: Query) -> Callable[[Row], Shown]:
    """What shows a row with the columns of a query."""
    org = asking.org
    paths = [path_of(org, sobject, column.path) for column in query.columns]
    flat = [path for path in paths if len(path.names) == 1]
    parents: dict[str, list[str]] = {}
    for path in (one for one in paths if len(one.names) > 1):
        parents.setdefault(path.names[0], []).append(".".join(path.names[1:]))
    above = {name: _parent(asking, sobject, name, inner) for name, inner in parents.items()}
    below = [_children(asking, sobject, child) for child in query.children]
    plain = [(path.names[0], path.get) for path in flat]

    def show(row: Row) -> Shown:
        shown: Shown = {"attributes": attributes(asking.version, sobject, row.id)}
        shown |= {name: get(row) for name, get in plain}
        shown |= {name: get(row) for name, get in above.items()}
        for name, rows in below:
            shown[name] = rows(row)
        return shown

    return show


def attributes(version: str, sobject: SObject, id_: str) -> Shown:
    """What every shown record says of itself."""
    return {"type": sobject.name, "url": f"/services/data/v{version}/sobjects/{sobject.name}/{id_}"}


def _parent(asking: Asking, sobject: SObject, name: str, inner: list[str]) -> Callable[[Row], Json]:
    by = sobject.reaching(name)
    columns = tuple(Column(path) for path in inner)

    def show(row: Row) -> Json:
        found = asking.org.any_row(row.values.get(by.name)) if by else None
        return shower(asking, found[0], Query(found[0].name, columns))(found[1]) if found else None

    return show


def _children(asking: Asking, sobject: SObject, query: Query) -> tuple[str, Callable[[Row], Json]]:
    """The rows of a child relationship, as a small result of their own; null where there are none."""
    name, child, by = child_of(asking.org, sobject, query.source)

    def show(row: Row) -> Json:
        mine = Test(by.name, "=", (Literal("text", f"'{row.id}'"),))
        where: Condition = Both((mine, query.where)) if query.where is not None else mine
        found = run(asking, query._replace(source=child.name, where=where))
        records: list[Json] = [found.show(one) for one in found.rows]
        return {"totalSize": len(records), "done": True, "records": records} if records else None

    return name, show


def child_of(org: Org, sobject: SObject, relationship: str) -> tuple[str, SObject, Field]:
    """The proper name of a child relationship, its object, and the field that points up."""
    for child in org.objects.values():
        for field in child.fields.values():
            if field.children.lower() == relationship.lower() and sobject.name in field.refers:
                return field.children, child, field
    message = f"Didn't understand relationship '{relationship}' in FROM part of query call on {sobject.name}"
    raise refused("INVALID_TYPE", message)


def records_of(result: Result, rows: Iterable[Row]) -> list[Mapping[str, Json]]:
    """Rows as a page shows them."""
    return list(result.sums) if result.sums is not None else [result.show(row) for row in rows]
