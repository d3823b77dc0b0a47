"""The rows of one object, kept by id, by stamp and by the values that rows are found by.

Rows are never changed in place: a change puts a new row that knows the one before. So a page that was begun
keeps its rows, and what was done can be taken back.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from connectors.salesforce.sandbox_schema import Field, SObject
from core.model.values import Json

Values = dict[str, Json]
"""What a row holds, by field name; nulls are left out."""
Undo = Callable[[], None]


class Row(NamedTuple):
    """One version of one row."""

    id: str
    values: Values
    before: Row | None = None

    @property
    def deleted(self) -> bool:
        """In the recycle bin."""
        return bool(self.values.get("IsDeleted"))

    @property
    def stamp(self) -> str:
        """When it last changed in any way; sorts as text."""
        return str(self.values["SystemModstamp"])


class Table:
    """All rows of one object, the recycle bin's too."""

    def __init__(self, sobject: SObject) -> None:
        self.sobject = sobject
        self.rows: dict[str, Row] = {}
        self.purged: dict[str, str] = {}
        """Rows that are gone for good, and when they were deleted."""
        self.live = 0
        self._stamps: list[tuple[str, str]] = []
        self._ids: list[str] = []
        self._found: dict[str, dict[str, set[str]]] = {}

    def put(self, row: Row) -> Undo:
        """Keep a row, in the place of the one with its id; gives what takes that back."""
        old = self.rows.get(row.id)
        if old is not None:
            self._forget(old)
        self._remember(row)
        return lambda: self._restore(row, old)

    def remove(self, row: Row) -> Undo:
        """Let a row go for good."""
        self._forget(row)
        del self._ids[bisect_left(self._ids, row.id)]
        del self.rows[row.id]
        return lambda: self._remember(row)

    def fill(self, rows: Iterable[Row]) -> None:
        """Keep many new rows at once."""
        for row in rows:
            self.rows[row.id] = row
            self._stamps.append((row.stamp, row.id))
            self._ids.append(row.id)
            self._index(row)
            self.live += 1
        self._stamps.sort()
        self._ids.sort()

    def index_again(self) -> None:
        """After the object got a field to find rows by, or lost one."""
        self._found = {}
        for row in self.rows.values():
            self._index(row)

    def found(self, field: Field, value: Json) -> list[Row]:
        """The living rows with this value in an indexed field, or this id."""
        if field.type == "id":
            row = self.rows.get(str(value))
            return [row] if row and not row.deleted else []
        ids = self._found.get(field.name, {}).get(field.key(value), ())
        return [self.rows[id_] for id_ in sorted(ids)]

    def by_stamp(self, low: str, high: str) -> Iterator[Row]:
        """The rows stamped from `low` to `high`, by stamp and id; blank means no bound."""
        first = bisect_left(self._stamps, (low, ""))
        last = bisect_left(self._stamps, (high, "~")) if high else len(self._stamps)
        return (self.rows[id_] for _, id_ in self._stamps[first:last])

    def by_id(self, low: str, high: str) -> Iterator[Row]:
        """The rows with ids from `low` to `high`, by id; blank means no bound."""
        first = bisect_left(self._ids, low)
        last = bisect_left(self._ids, f"{high}~") if high else len(self._ids)
        return (self.rows[id_] for id_ in self._ids[first:last])

    def _restore(self, row: Row, old: Row | None) -> None:
        if old is None:
            self.remove(row)
        else:
            self._forget(row)
            self._remember(old)

    def _remember(self, row: Row) -> None:
        if row.id not in self.rows:
            insort(self._ids, row.id)
        self.rows[row.id] = row
        insort(self._stamps, (row.stamp, row.id))
        self._index(row)
        self.live += not row.deleted

    def _forget(self, row: Row) -> None:
        del self._stamps[bisect_left(self._stamps, (row.stamp, row.id))]
        self.live -= not row.deleted
        for name, by_value in self._found.items():
            if not row.deleted and name in row.values:
                by_value[self.sobject.fields[name].key(row.values[name])].discard(row.id)

    def _index(self, row: Row) -> None:
        """Deleted rows are not found: their values are free for others."""
        if row.deleted:
            return
        for field in self.sobject.fields.values():
            if field.indexed and field.name in row.values:
                ids = self._found.setdefault(field.name, {}).setdefault(field.key(row.values[field.name]), set())
                ids.add(row.id)
