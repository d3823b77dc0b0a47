"""Dotted paths into a record in the tool's own form: `properties.email`, `names.0.givenName`.

A key that is literally spelled with the dots (a column `Tel. 2` of a file) is found where its first part is no map.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any, Final, NamedTuple

from core.model.values import Json


class _Absent:
    """The type of `ABSENT`, told apart from a present null."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()
"""What `get` can be told to give for a path that is not there."""


def get(fields: Mapping[str, Json], path: str, default: Any = None) -> Json:
    """The value at a path, or `default` where any part of it is not there. A number is a place in a list."""
    first, _, rest = path.partition(".")
    # Most paths have one part, and this is asked of every field of every record that is compared: no look at the ABC.
    value: Json = fields.get(first) if rest else None
    if value is None or not isinstance(value, Mapping | list):
        return fields.get(path, default)
    for part in rest.split("."):
        if isinstance(value, Mapping):
            if part not in value:
                return default
            value = value[part]
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return default
    return value


class Columns:
    """A page of records, for taking whole columns out of it; what lies under a shared path is looked up once."""

    def __init__(self, page: Sequence[Mapping[str, Json]]) -> None:
        self.page = page
        self._under: dict[str, list[Any]] = {}

    def column(self, path: str) -> list[Json]:
        """The values at a path in every record, None where it is not there."""
        head, _, last = path.rpartition(".")
        if not head:
            # Nearly every tool names every field in every record.
            try:
                return list(map(itemgetter(path), self.page))
            except KeyError:
                return [record.get(path) for record in self.page]
        return [record.get(last) for record in self._maps(head)]

    def _maps(self, head: str) -> list[Any]:
        if head not in self._under:
            found = [(fields, get(fields, head)) for fields in self.page]
            self._under[head] = [
                value if isinstance(value, dict) else _Elsewhere(fields, head) for fields, value in found
            ]
        return self._under[head]


class _Elsewhere(NamedTuple):
    """Stands for a map that a record does not have: its values may be in a list, or under a key with dots."""

    fields: Mapping[str, Json]
    head: str

    def get(self, last: str) -> Json:
        return get(self.fields, f"{self.head}.{last}")


def put(fields: dict[str, Json], path: str, value: Json) -> None:
    """Set the value at a path in place, making the maps on the way; raises `ValueError` where a value is in the way."""
    if path in fields:
        fields[path] = value
        return
    *way, last = path.split(".")
    held: Json = fields
    for part in way:
        held = _step_into(held, part, path)
    if isinstance(held, dict):
        held[last] = value
    elif isinstance(held, list) and last.isdigit() and int(last) < len(held):
        held[int(last)] = value
    else:
        raise ValueError(f"{path} cannot be set: there is a plain value on the way")


def _step_into(held: Json, part: str, path: str) -> Json:
    if isinstance(held, dict):
        if held.get(part) is None:
            held[part] = {}
        return held[part]
    if isinstance(held, list) and part.isdigit() and int(part) < len(held):
        return held[int(part)]
    raise ValueError(f"{path} cannot be set: there is a plain value on the way")
