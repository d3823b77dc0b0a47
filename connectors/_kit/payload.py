"""Foreign JSON, read by path and type; and nested values reached by dotted names.

`Payload` turns "the answer looked different" into an error that names the path, what was expected and what
was found, never the value itself. A connector reads everything it relies on through it, and hands on the rest
untouched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, overload

import orjson

from core.errors import Garbled
from core.model.instant import Instant, from_iso
from core.model.values import Json

T = TypeVar("T")
_NAMES: dict[type, str] = {
    str: "text", int: "a whole number", float: "a number", bool: "true or false", list: "a list", dict: "an object",
    type(None): "nothing",
}  # fmt: skip
_MISSING = object()


def dig(fields: Mapping[str, Json], path: str) -> Json:
    """The value at a dotted path, or None where any step of it is missing.

    A list is stepped into by number.
    """
    found: Any = fields
    for step in path.split("."):
        found = _step(found, step)
    return None if found is _MISSING else found


def plant(fields: dict[str, Json], path: str, value: Json) -> None:
    """Put a value at a dotted path, making the objects on the way.

    None takes it (and emptied objects) away.
    """
    step, dot, rest = path.partition(".")
    if not dot:
        if value is None:
            fields.pop(step, None)
        else:
            fields[step] = value
        return
    inner = fields.get(step)
    inner = dict(inner) if isinstance(inner, dict) else {}
    plant(inner, rest, value)
    if inner:
        fields[step] = inner
    else:
        fields.pop(step, None)


def nested(fields: Mapping[str, Json]) -> dict[str, Json]:
    """Fields by dotted path as nested objects; a None stays as None (it clears)."""
    whole: dict[str, Json] = {}
    for path, value in fields.items():
        *steps, last = path.split(".")
        inner = whole
        for step in steps:
            inner = inner.setdefault(step, {})
        inner[last] = value
    return whole


def _step(found: Any, step: str) -> Any:
    if isinstance(found, dict):
        return found.get(step, _MISSING)
    if isinstance(found, list) and step.lstrip("-").isdigit():
        place = int(step)
        return found[place] if -len(found) <= place < len(found) else _MISSING
    return _MISSING


class Payload:
    """A piece of foreign JSON and its place, e.g. `GET /contacts: results.0`.

    Every reader takes a dotted path and gives a value of its type, or raises `Garbled`; with `default` given,
    a missing value or null gives that instead. A value of the wrong type is an error even then.
    """

    __slots__ = ("data", "where")

    def __init__(self, data: Json, where: str = "") -> None:
        self.data = data
        self.where = where

    @classmethod
    def parse(cls, raw: bytes, where: str = "") -> Payload:
        """Read raw bytes as JSON; `Garbled` if they are not."""
        try:
            return cls(orjson.loads(raw), where)
        except orjson.JSONDecodeError as error:
            raise Garbled("The content is not JSON.", at=where or None) from error

    @overload
    def text(self, path: str) -> str: ...
    @overload
    def text(self, path: str, default: T) -> str | T: ...
    def text(self, path: str, default: Any = _MISSING) -> Any:
        """Text."""
        return self._read(path, (str,), default)

    @overload
    def id(self, path: str) -> str: ...
    @overload
    def id(self, path: str, default: T) -> str | T: ...
    def id(self, path: str, default: Any = _MISSING) -> Any:
        """An id as text, whether the tool writes it as text or as a whole number; never blank."""
        found = self._read(path, (str, int), default)
        if found is default:
            return found
        return str(found) if found != "" else self._refuse(path, "an id", "blank text")

    @overload
    def whole(self, path: str) -> int: ...
    @overload
    def whole(self, path: str, default: T) -> int | T: ...
    def whole(self, path: str, default: Any = _MISSING) -> Any:
        """A whole number."""
        return self._read(path, (int,), default)

    @overload
    def number(self, path: str) -> float: ...
    @overload
    def number(self, path: str, default: T) -> float | T: ...
    def number(self, path: str, default: Any = _MISSING) -> Any:
        """A number, whole or not."""
        return self._read(path, (int, float), default)

    @overload
    def flag(self, path: str) -> bool: ...
    @overload
    def flag(self, path: str, default: T) -> bool | T: ...
    def flag(self, path: str, default: Any = _MISSING) -> Any:
        """True or false."""
        return self._read(path, (bool,), default)

    @overload
    def object(self, path: str) -> dict[str, Json]: ...
    @overload
    def object(self, path: str, default: T) -> dict[str, Json] | T: ...
    def object(self, path: str, default: Any = _MISSING) -> Any:
        """An object, as it is."""
        return self._read(path, (dict,), default)

    @overload
    def instant(self, path: str) -> Instant: ...
    @overload
    def instant(self, path: str, default: T) -> Instant | T: ...
    def instant(self, path: str, default: Any = _MISSING) -> Any:
        """A moment written as ISO 8601 with an offset."""
        found = self._read(path, (str,), default)
        if found is default:
            return found
        try:
            return from_iso(found)
        except ValueError:
            return self._refuse(path, "a date and time with offset", "other text")

    def many(self, path: str, default: list[Json] | None = None) -> list[Json]:
        """A list, as it is."""
        found: list[Json] = self._read(path, (list,), _MISSING if default is None else default)
        return found

    def each(self, path: str, default: list[Json] | None = None) -> Iterator[Payload]:
        """The elements of a list, each with its place."""
        elements, here = self.many(path, default), self._place(path)
        for place, element in enumerate(elements):
            yield Payload(element, f"{here}.{place}")

    def at(self, path: str) -> Payload:
        """The object at a path, with its place."""
        return Payload(self.object(path), self._place(path))

    def has(self, path: str) -> bool:
        """Whether there is anything but null at a path."""
        return self._find(path) not in (_MISSING, None)

    def _find(self, path: str) -> Any:
        found = self.data
        if found.__class__ is dict and "." not in path:
            return found.get(path, _MISSING) if path else found
        for step in filter(None, path.split(".")):
            found = _step(found, step)
        return found

    def _read(self, path: str, types: tuple[type, ...], default: Any) -> Any:
        found = self._find(path)
        if found.__class__ in types:
            return found
        if (found is _MISSING or found is None) and default is not _MISSING:
            return default
        if isinstance(found, types) and (bool in types or not isinstance(found, bool)):
            return found
        return self._refuse(path, _NAMES[types[-1]], "nothing" if found is _MISSING else _NAMES[type(found)])

    def _refuse(self, path: str, expected: str, found: str) -> Any:
        raise Garbled(f"The answer has {found} where {expected} was promised.", at=self._place(path))

    def _place(self, path: str) -> str:
        joined = ": ".join(filter(None, (self.where, path)))
        return joined if ":" not in self.where else ".".join(filter(None, (self.where, path)))
