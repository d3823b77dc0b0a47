"""`when`: which of several streams of one kind takes a record that the connection does not hold yet.

A stream with `when` claims the records whose fields have one of the values it names. A stream without takes what no
other claims. Whatever is bound already stays where it is; nothing is moved between streams. And since a stream with
`type: task` holds tasks, what is read there is a task: `claimed` tells what being there says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Mapping as Map
from typing import NamedTuple, TypeVar

from core.mapping.language import StreamMapping
from core.mapping.problem import MappingError, Place, Problem, did_you_mean, one_of
from core.model.locale import Locale
from core.model.shape import Field, Shape
from core.model.values import Json, Values, is_blank

T = TypeVar("T")

PLAIN = ("choice", "name", "text", "email", "phone", "url", "domain", "date", "instant", "number", "flag")
"""The types that `when` may ask: their values are single and can be written in a mapping."""


class When(NamedTuple):
    """The condition of one stream: canonical field → the values it may have, in normal form, None for blank."""

    fields: Map[str, tuple[Json, ...]]

    def holds(self, values: Values) -> bool:
        """Whether each named field has one of its values."""
        for name, wanted in self.fields.items():
            value = values.get(name)
            if (None if is_blank(value) else value) not in wanted:
                return False
        return True

    def covers(self, other: When) -> bool:
        """Whether this holds wherever the other does."""
        return all(
            name in other.fields and set(other.fields[name]) <= set(wanted) for name, wanted in self.fields.items()
        )


def taker(offers: Iterable[tuple[T, When | None, bool]], values: Values) -> T | None:
    """Who takes a record, of streams with their condition and whether records are created there; in their order.

    What a stream claims goes to no other, even where that stream itself creates nothing.
    """
    rest: T | None = None
    claimed = False
    for stream, when, creates in offers:
        if when is None:
            if rest is None and creates:
                rest = stream
        elif when.holds(values):
            if creates:
                return stream
            claimed = True
    return None if claimed else rest


def condition(stream: StreamMapping, shape: Shape, locale: Locale) -> When | None:
    """A stream's `when` in normal form, None where it has none. Raises `MappingError` for one that cannot be."""
    if not stream.when:
        return None
    if found := list(faults(stream, shape, locale)):
        raise MappingError(Problem(stream.file, *fault.place, *fault[1:]) for fault in found)
    fields: dict[str, tuple[Json, ...]] = {}
    for name, values in stream.when.items():
        normal = shape.fields[name].normaliser(locale)
        fields[name] = tuple(dict.fromkeys(map(normal, values)))
    return When(fields)


def claimed(stream: StreamMapping, fields: Map[str, tuple[Json, ...]]) -> dict[str, Json]:
    """Canonical field → what every record that is read in the stream has, because `when` leaves it no choice.

    Only where no line reads the field, and never for consent: to be in a list is no word of the person's.
    """
    read = {line.field for line in stream.lines if line.direction != "out"}
    if not read:
        return {}
    return {
        name: values[0]
        for name, values in fields.items()
        if len(values) == 1 and values[0] is not None and name not in read and not name.startswith("consent.")
    }


class Fault(NamedTuple):
    """One thing in a `when` that can never hold."""

    place: Place
    what: str
    found: str
    expected: str
    remedy: str


def faults(stream: StreamMapping, shape: Shape, locale: Locale) -> Iterator[Fault]:
    """What is wrong with a stream's `when`: fields that its kind does not have or that cannot decide, wrong values."""
    for name, values in stream.when.items():
        place, field = stream.at(f"when.{name}"), shape.fields.get(name)
        if field is None:
            yield Fault(
                place,
                f"`when` asks `{name}`, which is no field of {shape.kind}.",
                name,
                f"a field of {shape.kind}",
                did_you_mean(name, shape.fields) or f"Take a field of {shape.kind}, or declare a custom field.",
            )
        elif field.is_set or field.type not in PLAIN:
            yield _no_answer(place, field, shape)
        else:
            yield from _wrong_values(stream, field, values, locale)


def _no_answer(place: Place, field: Field, shape: Shape) -> Fault:
    why = "holds several values at once" if field.is_set else f"is of the type {field.type}"
    single = next((one.name for one in shape.fields.values() if one.choices), shape.title[0])
    return Fault(
        place,
        f"`{field.name}` {why}, so `when` cannot ask it.",
        field.name,
        "a field with one plain value",
        f"Take a field with one plain value, such as `{single}`.",
    )


def _wrong_values(stream: StreamMapping, field: Field, values: Iterable[Json], locale: Locale) -> Iterator[Fault]:
    normal = field.normaliser(locale)
    expected = one_of(field.choices) if field.choices else f"a value of the type {field.type}"
    for number, value in enumerate(values):
        place = stream.at(f"when.{field.name}.{number}")
        try:
            blank = value is not None and normal(value) is None
        except ValueError as error:
            remedy = did_you_mean(value, field.choices) or f"Write {expected}."
            yield Fault(place, f"`{field.name}` never has this value: {error}.", str(value), expected, remedy)
        else:
            if blank:
                yield Fault(place, f"This value of `{field.name}` is blank.", "", expected, "For blank write `null`.")
