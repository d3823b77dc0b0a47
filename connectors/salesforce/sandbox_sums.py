"""COUNT, MIN, MAX, SUM and AVG over the rows of a query, by group or over all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count

from connectors.salesforce.sandbox_filter import path_of
from connectors.salesforce.sandbox_org import Org
from connectors.salesforce.sandbox_schema import SObject
from connectors.salesforce.sandbox_soql import Column, Query
from connectors.salesforce.sandbox_table import Row
from connectors.salesforce.sandbox_values import refused
from core.model.values import Json

Shown = dict[str, Json]

_SUMS: Mapping[str, Callable[[list[Json]], Json]] = {
    "COUNT": len,
    "COUNT_DISTINCT": lambda values: len(set(values)),
    "MIN": lambda values: min(values, default=None),
    "MAX": lambda values: max(values, default=None),
    "SUM": lambda values: sum(values) if values else None,
    "AVG": lambda values: sum(values) / len(values) if values else None,
}


def sums(org: Org, sobject: SObject, query: Query, rows: list[Row]) -> list[Shown]:
    """One record per group, or one for all rows."""
    by = [path_of(org, sobject, path) for path in query.group]
    grouped = {path.lower() for path in query.group}
    for column in query.columns:
        if not column.function and column.path.lower() not in grouped:
            raise refused("MALFORMED_QUERY", f"Field must be grouped or aggregated: {column.path}")
    groups: dict[tuple[Json, ...], list[Row]] = {} if by else {(): rows}
    for row in rows if by else ():
        groups.setdefault(tuple(path.get(row) for path in by), []).append(row)
    ordered = sorted(groups.items(), key=lambda pair: [(value is not None, str(value)) for value in pair[0]])
    made = [_record(org, sobject, query, mine) for _, mine in ordered]
    return made[query.offset :][: query.limit]


def _record(org: Org, sobject: SObject, query: Query, rows: list[Row]) -> Shown:
    shown: Shown = {"attributes": {"type": "AggregateResult"}}
    unnamed = count()
    for column in query.columns:
        if not column.function:
            path = path_of(org, sobject, column.path)
            shown[column.alias or path.names[-1]] = path.get(rows[0])
        else:
            shown[column.alias or f"expr{next(unnamed)}"] = _sum(org, sobject, column, rows)
    return shown


def _sum(org: Org, sobject: SObject, column: Column, rows: list[Row]) -> Json:
    if not column.path:
        return len(rows)
    get = path_of(org, sobject, column.path).get
    return _SUMS[column.function]([value for value in map(get, rows) if value is not None])
