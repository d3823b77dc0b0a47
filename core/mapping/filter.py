"""Filters: which records a stream of a connection lets in, and which it gets, said over canonical values.

    only_out: {tags: {has: newsletter}, lifecycle_stage: [customer, opportunity], email: {known: true}}

Every field that is named must fit. A plain value, or a list of them, is the language of `when`; a map says words such
as `not`, `has`, `ends` or `at_least`, which must all hold. There is no clock here: what fits is a matter of values
alone, so that it is the same whenever somebody looks.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any, NamedTuple

from core.errors import ConfigError
from core.mapping.comparing import WORDS, Word
from core.mapping.problem import Place, did_you_mean, one_of
from core.mapping.source import Entry
from core.model.locale import Locale
from core.model.plain import ADDRESS_PARTS
from core.model.shape import Field, Shape
from core.model.values import Json, Values, is_blank

CLOCKED = ("within", "last", "next", "newer_than", "older_than", "days")
"""Words that people try, and that would need a clock."""


class Test(NamedTuple):
    """One thing that is asked of one field."""

    field: str
    part: str
    """Of an address, such as `country`; '' for the field as a whole."""
    word: Word
    operand: Json
    """In normal form."""

    def holds(self, values: Values) -> bool:
        """Whether a record passes."""
        value = values.get(self.field)
        if self.part:
            value = value.get(self.part) if isinstance(value, dict) else None
        return self.word.holds(None if is_blank(value) else value, self.operand)

    def __str__(self) -> str:
        """As people read it: `tags with newsletter`."""
        return f"{self.field}{self.part and '.'}{self.part} {self.word.told(self.operand)}"


class Filter(NamedTuple):
    """What a record must be like; all of it."""

    tests: tuple[Test, ...]

    @property
    def fields(self) -> frozenset[str]:
        """The canonical fields that decide."""
        return frozenset(test.field for test in self.tests)

    def holds(self, values: Values) -> bool:
        """Whether a record fits."""
        return all(test.holds(values) for test in self.tests)

    def unmet(self, values: Values) -> str:
        """What a record would need to fit, as people read it; '' for one that fits."""
        return " and ".join(str(test) for test in self.tests if not test.holds(values))

    def __str__(self) -> str:
        """The whole filter as people read it."""
        return " and ".join(map(str, self.tests))


class Fault(NamedTuple):
    """One thing in a filter that cannot be asked; `path` leads to it through keys and places in lists."""

    path: tuple[Json, ...]
    what: str
    found: str = ""
    expected: str = ""
    remedy: str = ""
    on_key: bool = False
    """Whether the last key of the path is wrong, and not what stands behind it."""


def place_of(line: Entry, fault: Fault) -> Place:
    """Where in a file a fault of the filter that stands in this line is."""
    place, node = line.node.place, line.node
    for key in fault.path:
        entry = node.value.get(key) if node.is_map else None
        if entry is None:
            break
        last = key == fault.path[-1]
        place, node = entry.place if last and fault.on_key else entry.node.place, entry.node
    return place


def filter_of(
    said: Json, shape: Shape, locale: Locale, *, where: str, read: Collection[str] | None = None
) -> Filter | None:
    """A filter ready for use, None for nothing said. Raises `ConfigError` with everything that is wrong in it.

    `read` are the fields that a filter of what comes in may ask: those that the mapping reads.
    """
    if said is None:
        return None
    found, faults = read_filter(said, shape, locale, read=read)
    if faults:
        told = " ".join(f"{fault.what} {fault.remedy}".strip() for fault in faults)
        raise ConfigError(f"{where}: {told}", remedy=faults[0].remedy or None)
    return found


def read_filter(
    said: Json, shape: Shape, locale: Locale, *, read: Collection[str] | None = None
) -> tuple[Filter, list[Fault]]:
    """What can be read of a filter, and what is wrong with the rest; see `filter_of`."""
    if not isinstance(said, dict) or not said:
        remedy = "Name a field and what it must be, such as `tags: {has: newsletter}`, or leave the filter out."
        return Filter(()), [Fault((), "This filter names no field.", remedy=remedy)]
    tests: list[Test] = []
    faults: list[Fault] = []
    for name, asked in said.items():
        for one in _asked(str(name), asked, shape, locale):
            if isinstance(one, Fault):
                faults.append(one)
            elif read is not None and one.field not in read:
                faults.append(_unread(str(name)))
            else:
                tests.append(one)
    return Filter(tuple(tests)), faults


def _asked(name: str, asked: Json, shape: Shape, locale: Locale) -> Iterator[Test | Fault]:
    """The tests of one field."""
    one = _named(name, shape, locale)
    if one is None:
        remedy = did_you_mean(name, shape.fields) or f"Take a field of {shape.kind}, or declare a custom field."
        yield Fault((name,), f"`{name}` is no field of {shape.kind}.", name, f"a field of {shape.kind}", remedy, True)
    elif not isinstance(asked, dict):
        yield _test(one, "is", asked, (name,))
    elif not asked:
        yield Fault((name,), f"Nothing is asked of `{name}`.", expected=one_of(_words_for(one.field)))
    else:
        yield from (_test(one, str(word), operand, (name, word)) for word, operand in asked.items())


class _Named(NamedTuple):
    """A field as a filter names it, or a part of an address as if it were one."""

    name: str
    part: str
    field: Field
    normal: Callable[[Json], Json]


def _named(name: str, shape: Shape, locale: Locale) -> _Named | None:
    field = shape.fields.get(name)
    if field is not None:
        return _Named(name, "", field, field.normaliser(locale))
    whole, _, part = name.partition(".")
    field = shape.fields.get(whole)
    if field is None or field.type != "address" or part not in ADDRESS_PARTS:
        return None
    normal = field.normaliser(locale)
    word = Field(name, "name", field.doc, "")
    return _Named(whole, part, word, lambda value: (normal({part: value}) or {}).get(part))


def _unread(name: str) -> Fault:
    what = f"The mapping reads nothing into `{name}` here, so no record would ever have it."
    return Fault((name,), what, name, remedy="Add a line for it to the mapping, or ask another field.", on_key=True)


def _words_for(field: Field) -> list[str]:
    return [name for name, word in WORDS.items() if word.takes(field)]


def _test(one: _Named, said: str, operand: Json, path: tuple[Json, ...]) -> Test | Fault:
    word, field = WORDS.get(said), one.field
    if word is None:
        return _no_word(field, said, path)
    if not word.takes(field):
        return _not_asked(field, said, operand, path)
    try:
        return Test(one.name, one.part, word, word.normal(operand, one.normal))
    except ValueError as error:
        expected = one_of(field.choices) if field.choices else word.operand.format(type=field.type)
        near = did_you_mean(operand, field.choices) if field.choices and isinstance(operand, str) else ""
        what = f"`{field.name}` cannot be compared with this: {error}."
        return Fault(path, what, _shown(operand), expected, near or f"Write {expected}.")


def _no_word(field: Field, said: str, path: tuple[Json, ...]) -> Fault:
    known = _words_for(field)
    if said in CLOCKED:
        what = f"`{said}` needs a clock: a record would come and go without anybody changing it."
        return Fault(path, what, said, one_of(known), "Name a day instead, such as `from: 2026-01-01`.", True)
    what = f"`{said}` is no word of a filter."
    return Fault(path, what, said, one_of(known), did_you_mean(said, known) or "Take one of these.", True)


def _not_asked(field: Field, said: str, operand: Json, path: tuple[Json, ...]) -> Fault:
    """A word that says nothing about fields of this type."""
    name, known = field.name, _words_for(field)
    if field.is_set and field.type == "tags":
        what, remedy = f"`{name}` holds several values at once", f"Say `{name}: {{has: {_shown(operand)}}}`."
    elif field.type == "ref":
        what, remedy = f"`{name}` refers to other records", f"Say `{name}: {{known: true}}`, or ask another field."
    else:
        what, remedy = f"`{name}` is of the type {field.type}", f"For `{name}` say {one_of(known)}."
    return Fault(path, f"{what}, so `{said}` cannot be asked of it.", said, one_of(known), remedy, len(path) > 1)


def _shown(operand: Any) -> str:
    if isinstance(operand, list) and operand:
        return f"[{', '.join(map(str, operand))}]"
    return "" if operand is None else str(operand)
