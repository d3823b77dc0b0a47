"""Translates records between a tool's form and ours, as one stream's mapping says. Pure, immutable, thread-safe.

A page is read column by column: each line takes its column out of all records, turns it, and the columns are put
together again. A value that cannot be translated is left out and told as a problem; its record goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from core.mapping import paths, stages
from core.mapping.language import Line, StreamMapping
from core.mapping.paths import Columns
from core.mapping.problem import MappingError, Problem, did_you_mean
from core.mapping.steps import Turn
from core.mapping.tool import Fields
from core.mapping.vocabulary import Vocabulary
from core.mapping.when import When, claimed, condition
from core.model.shape import Field, Shape
from core.model.types import Column, Locale
from core.model.values import Json, Values, is_blank


class Reading(NamedTuple):
    """One record, read.

    A field that is in `said` but not in `values` is blank in the tool; of a field not in `said` nothing is known:
    its value could not be translated (then `problems` tells why), or the reading was partial and did not name it.
    """

    values: dict[str, Json]
    problems: tuple[str, ...]
    said: frozenset[str]


class Written(NamedTuple):
    """One record, ready for the tool: dotted path → value in the tool's form, None to clear it."""

    fields: dict[str, Json]
    source: dict[str, str]
    """The tool's field → the canonical field (or the name of the computed line) it comes from."""
    problems: tuple[str, ...]


class _Inward(NamedTuple):
    field: str
    remotes: str
    take: Callable[[Columns], list[Json]]
    turn: Column
    told: Callable[[Fields], bool]


class _Outward(NamedTuple):
    field: str
    remotes: str
    take: Callable[[Values], Json]
    turn: Turn | None
    spread: Callable[[Json], Iterable[tuple[str, Json]]]
    on_create_only: bool
    clears: bool


@dataclass(frozen=True, slots=True)
class Translator:
    """One stream's mapping, ready for use. Made by `translator`."""

    mapping: StreamMapping
    in_fields: frozenset[str]
    """The canonical fields that this stream speaks of."""
    out_fields: frozenset[str]
    """The canonical fields that go out to this stream, or decide whether a record does."""
    drawn: Mapping[str, frozenset[str]]
    """Computed line that goes out → the canonical fields it is made of."""
    refs: Mapping[str, tuple[str, ...]]
    """Reference field → the streams whose ids it holds, towards the tool."""
    addressed: Mapping[str, str]
    """Reference field that holds email addresses in place of ids → the kind of those who have them."""
    remote_fields: frozenset[str]
    """The tool's fields that are read or written, as dotted paths."""
    when_blank: Mapping[str, str]
    """Canonical field → what a blank in the tool means: `clear` or `ignore`."""
    when: When | None
    """Which records are created here; None takes what no other stream of the kind claims."""
    fixed: Mapping[str, Json]
    """Canonical field → what every record in this stream says by being there."""
    _inward: tuple[_Inward, ...] = field(repr=False)
    _outward: tuple[_Outward, ...] = field(repr=False)
    _two_way: frozenset[str] = field(repr=False)
    unheard: frozenset[str] = frozenset()
    """Canonical fields of which nothing is known meanwhile, because their lines are not read."""

    @property
    def stream(self) -> str:
        """The stream's name in the tool."""
        return self.mapping.stream

    @property
    def kind(self) -> str:
        """The kind of record it holds."""
        return self.mapping.kind

    @property
    def options(self) -> Mapping[str, Json]:
        """The connector's options for this stream."""
        return self.mapping.options

    @property
    def lines(self) -> tuple[Line, ...]:
        """The lines of the mapping."""
        return self.mapping.lines

    @property
    def goes_out(self) -> bool:
        """Whether anything is written to this stream at all."""
        return bool(self._outward)

    def read(self, page: Sequence[Fields], *, partial: bool = False) -> list[Reading]:
        """Read a page; one reading a record, in order.

        With `partial` the records hold only some fields: a field whose paths are absent is not `said`, and one that
        is there and null is blank. Otherwise absent and null both mean blank.
        """
        records: list[dict[str, Json]] = [dict(self.fixed) for _ in page] if self.fixed else [{} for _ in page]
        trouble: dict[int, dict[str, str]] = {}
        taken = Columns(page)
        for line in self._inward:
            found, wrong = line.turn(line.take(taken))
            name = line.field
            for record, value in zip(records, found, strict=True):
                if value is not None:
                    record[name] = value
            for row, what in wrong.items():
                trouble.setdefault(row, {})[name] = f"{name}: {what} (from {line.remotes})"
        said = self.in_fields - self.unheard if self.unheard else self.in_fields
        readings = [Reading(record, (), said) for record in records]
        if partial:
            readings = [self._partial(*both) for both in zip(page, readings, strict=True)]
        for row, told in trouble.items():
            readings[row] = _without(readings[row], told)
        return readings

    def write(self, values: Values, *, creating: bool = False) -> Written:
        """The record in the tool's form, every line that goes out; those of `on_create_only` only when creating.

        A value that cannot be written is left out, with a problem; it is never taken for a blank.
        """
        fields: dict[str, Json] = {}
        source: dict[str, str] = {}
        problems: list[str] = []
        for name, remotes, take, turn, spread, on_create_only, clears in self._outward:
            if on_create_only and not creating:
                continue
            value = take(values)
            try:
                given = spread(value if turn is None else turn(value))
            except stages.UNFIT as error:
                problems.append(f"{name}: {stages.sentence(error, value)} (to {remotes})")
                continue
            for path, part in given:
                if not is_blank(part):
                    fields[path], source[path] = part, name
                elif clears:
                    fields[path], source[path] = None, name
        return Written(fields, source, tuple(problems))

    def resting(self, fields: Collection[str]) -> Translator:
        """The same without reading the lines of these fields; what is written stays as it is."""
        into = tuple(line for line in self._inward if line.field not in fields)
        return replace(self, _inward=into, unheard=frozenset(fields) - self.fixed.keys()) if fields else self

    def ignoring_blanks(self, fields: Collection[str]) -> Translator:
        """The same where a blank in the tool says nothing about these fields."""
        return replace(self, when_blank={**self.when_blank, **dict.fromkeys(fields, "ignore")}) if fields else self

    def normal(self, values: Values) -> dict[str, Json]:
        """What the tool's form can carry of these values: written and read again, over the lines that go both ways."""
        (reading,) = self.read([self.write(values, creating=True).fields])
        return {name: value for name, value in reading.values.items() if name in self._two_way}

    def _partial(self, fields: Fields, reading: Reading) -> Reading:
        said = frozenset((*self.fixed, *(line.field for line in self._inward if line.told(fields))))
        return Reading({name: value for name, value in reading.values.items() if name in said}, (), said)


def translator(
    stream_mapping: StreamMapping,
    *,
    shapes: Mapping[str, Shape],
    vocabularies: Mapping[str, Vocabulary] | None = None,
    locale: Locale = Locale(),  # noqa: B008 - frozen, so sharing one is safe
) -> Translator:
    """Make a stream's mapping ready for use; `vocabularies` are those of its file when not given.

    A blank on a line of consent is always ignored, whatever the line says: a missing tick is no permission. Raises
    `MappingError` for a kind or field that `shapes` does not have, and for a `when` that can never hold.
    """
    words = stream_mapping.vocabularies if vocabularies is None else vocabularies
    shape = _shape(stream_mapping, shapes)
    lines = tuple(_never_widening(line, shape) for line in stream_mapping.lines)
    into = [line for line in lines if line.direction != "out"]
    out = [line for line in lines if line.direction != "in"]
    when = condition(stream_mapping, shape, locale)
    fixed = claimed(stream_mapping, when.fields) if when else {}
    asked = when.fields if when and out else ()
    return Translator(
        replace(stream_mapping, lines=lines),
        in_fields=frozenset((*fixed, *(line.field for line in into))),
        drawn={line.field: frozenset(_canonical(line, shape)) for line in out if line.compute},
        out_fields=frozenset((*asked, *(name for line in out for name in _canonical(line, shape)))),
        refs={line.field: line.ref_streams for line in lines if _is_ref(line, shape) and not line.by},
        addressed={line.field: line.ref for line in lines if line.ref and line.by},
        remote_fields=frozenset(path for line in lines for path in (*line.reads, *line.writes)),
        when_blank={line.field: line.when_blank for line in into},
        when=when,
        fixed=fixed,
        _inward=tuple(_inward(line, shape, words, locale) for line in into),
        _outward=tuple(_outward(line, words, locale) for line in out),
        _two_way=frozenset(line.field for line in lines if line.direction == "both"),
    )


def _never_widening(line: Line, shape: Shape) -> Line:
    """Consent widens only by the person's own word, so a blank neither withdraws a claim nor clears one in a tool."""
    declared = shape.fields.get(line.field)
    return replace(line, when_blank="ignore") if declared and declared.rule == "strictest" else line


def _inward(line: Line, shape: Shape, words: Mapping[str, Vocabulary], locale: Locale) -> _Inward:
    turn = stages.inward(line, stages.pairs(line, words, locale))
    normal = stages.normal_form(shape.fields[line.field], ref=_is_ref(line, shape), by=line.by, locale=locale)
    return _Inward(line.field, _named(line.reads), _taking(line), stages.normalised(turn, normal), _telling(line))


def _outward(line: Line, words: Mapping[str, Vocabulary], locale: Locale) -> _Outward:
    turn = stages.outward(line, stages.pairs(line, words, locale))
    clears = line.when_blank == "clear"
    return _Outward(line.field, _named(line.writes), _giving(line), turn, _spreading(line), line.on_create_only, clears)


def _taking(line: Line) -> Callable[[Columns], list[Json]]:
    """How a line takes its column out of a page."""
    if line.compute:
        return _together({name: name for name in line.compute.names})
    if line.parts:
        return _together(line.parts)
    path = line.remote or ""
    return lambda columns: columns.column(path)


def _together(named: Mapping[str, str]) -> Callable[[Columns], list[Json]]:
    """Several of the tool's fields as one map, without those that are blank."""

    def take(columns: Columns) -> list[Json]:
        rows = [columns.column(path) for path in named.values()]
        if all(map(all, rows)):
            # Every part is there in every record: nothing to leave out.
            return [dict(zip(named, row, strict=True)) for row in zip(*rows, strict=True)]
        return [
            {name: value for name, value in zip(named, row, strict=True) if value or not is_blank(value)}
            for row in (zip(*rows, strict=True) if rows else [()] * len(columns.page))
        ]

    return take


def _telling(line: Line) -> Callable[[Fields], bool]:
    """Whether a partial record speaks of a line at all: a value made of several fields needs all of them."""
    names = line.reads
    return lambda fields: all(paths.get(fields, name, paths.ABSENT) is not paths.ABSENT for name in names)


def _giving(line: Line) -> Callable[[Values], Json]:
    """How a line takes its value out of a canonical record."""
    if line.compute:
        names = line.compute.names
        return lambda values: {name: paths.get(values, name) for name in names}
    name = line.field
    return lambda values: values.get(name)


def _spreading(line: Line) -> Callable[[Json], Iterable[tuple[str, Json]]]:
    """How a value in the tool's form lies over the fields it belongs to."""
    if line.parts:
        parts = tuple(line.parts.items())
        return lambda value: [(path, value.get(part) if value else None) for part, path in parts]
    path = line.remote or line.field
    return lambda value: ((path, value),)


def _without(reading: Reading, wrong: Mapping[str, str]) -> Reading:
    """A reading in which some fields could not be translated."""
    values = {name: value for name, value in reading.values.items() if name not in wrong}
    problems = tuple(what for name, what in wrong.items() if name in reading.said)
    return Reading(values, problems, reading.said - wrong.keys())


def _canonical(line: Line, shape: Shape) -> tuple[str, ...]:
    """The canonical fields a line takes out; `address.city` in an expression is the field `address`."""
    if line.compute is None:
        return (line.field,) if line.field in shape.fields else ()
    return tuple(name if name in shape.fields else name.partition(".")[0] for name in line.sources)


def _is_ref(line: Line, shape: Shape) -> bool:
    declared: Field | None = shape.fields.get(line.field)
    return line.ref is not None or (declared is not None and declared.type == "ref")


def _named(remotes: Sequence[str]) -> str:
    return ", ".join(remotes) or "nothing"


def _shape(stream: StreamMapping, shapes: Mapping[str, Shape]) -> Shape:
    shape = shapes.get(stream.kind)
    if shape is None:
        what = f"The stream `{stream.stream}` holds `{stream.kind}`, which is no kind of record."
        raise MappingError([Problem(stream.file, *stream.at("as"), what, remedy=did_you_mean(stream.kind, shapes))])
    unknown = [line for line in stream.lines if line.field not in shape.fields and not line.is_free]
    if unknown:
        raise MappingError(
            Problem(
                stream.file,
                *line.place,
                f"`{line.field}` is no field of {stream.kind}.",
                remedy=did_you_mean(line.field, shape.fields),
            )
            for line in unknown
        )
    return shape
