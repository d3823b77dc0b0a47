"""Prepared: a statement that is built once for each kind of database, not anew at every call.

    @prepared
    def _of_owner(among: Among) -> Select[Any]:
        return select(record.c.id).where(record.c.owner == bindparam("owner"), among(record.c.kind, "kinds"))

    _of_owner(tx, owner=7, kinds=("deal", "ticket"))

Building a statement and finding out that it is a known one costs several times what SQLite takes to answer it. What is
asked with every page or turn is therefore prepared; what is asked seldom is written where it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import update_wrapper
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, CursorResult, Executable, String, bindparam, func, select
from sqlalchemy.dialects import postgresql

Among = Callable[[ColumnElement[Any], str], ColumnElement[bool]]
"""`among(column, name)`: the column's value is one of those that are given under this name, as many as there are."""


class Prepared:
    """Runs its statement in a transaction; values are given by the names of its parameters."""

    def __init__(self, build: Callable[[Among], Executable]) -> None:
        """`build` writes the statement, once for SQLite and once for PostgreSQL."""
        update_wrapper(self, build)
        self._build = build
        self._made: dict[str, tuple[Executable, frozenset[str]]] = {}

    def __call__(self, tx: Connection, **values: Any) -> CursorResult[*tuple[Any, ...]]:
        """The result of the statement with these values."""
        dialect = tx.dialect.name
        if dialect not in self._made:
            self._made[dialect] = self._make(dialect)
        statement, sets = self._made[dialect]
        for name in sets:
            values[name] = packed(dialect, values[name])
        return tx.execute(statement, values)

    def _make(self, dialect: str) -> tuple[Executable, frozenset[str]]:
        sets: set[str] = set()

        def among(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
            sets.add(name)
            return within(dialect, column, name)

        return self._build(among), frozenset(sets)


def prepared(build: Callable[[Among], Executable]) -> Prepared:
    """Prepare the statement that a function writes."""
    return Prepared(build)


def within(dialect: str, column: ColumnElement[Any], name: str | None, value: Any = None) -> ColumnElement[bool]:
    """`column IN values`, with the whole set as one parameter: the statement is the same for ten and for thousands."""
    given = {} if value is None else {"value": value}
    if dialect == "sqlite":
        each = func.json_each(bindparam(name, type_=String, **given)).table_valued("value")
        return column.in_(select(each.c.value))
    return column == func.any(bindparam(name, type_=postgresql.ARRAY(column.type), **given))


def packed(dialect: str, values: Collection[Any]) -> Any:
    """A set of values as the one parameter that it is."""
    return orjson.dumps(list(values)).decode() if dialect == "sqlite" else list(values)
