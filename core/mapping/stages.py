"""The way of one line's values, as functions: the steps and the vocabulary, in order, then the type's normal form.

Built once for a line and then called for millions of values, so blanks are told apart first and a whole column goes
through one comprehension; only a column with a wrong value in it is gone through row by row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from core.mapping.language import By, Line
from core.mapping.steps import Pair, Turn
from core.mapping.vocabulary import Vocabulary
from core.model.plain import quoted
from core.model.shape import Field
from core.model.types import Column, Locale, column
from core.model.values import Json, is_blank

UNFIT = (ValueError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError)
"""What a value of an unforeseen form makes a step raise; it becomes a problem of that value."""

_REMEMBERED = frozenset(("number", "date"))


def pairs(line: Line, vocabularies: Mapping[str, Vocabulary], locale: Locale) -> list[Pair]:
    """The pairs of a line in the order of the way in."""
    found = [use.step.pair(use.arguments, locale) for use in line.steps]
    if line.vocabulary:
        found.append(vocabularies[line.vocabulary].pair())
    return found


def inward(line: Line, stages: Sequence[Pair]) -> Turn | None:
    """The way in as one function, before the normal form; None where nothing lies between."""
    start = line.compute.value if line.compute else None
    return _through(start, [(stage.inward or _no_way, stage.blank_in) for stage in stages])


def outward(line: Line, stages: Sequence[Pair]) -> Turn | None:
    """The way out as one function, from the canonical value or, of a computed line, the values it reads."""
    start = line.compute.value if line.compute else None
    return _through(start, [(stage.outward or _no_way, stage.blank_out) for stage in reversed(stages)])


def normalised(turn: Turn | None, normal: Column) -> Column:
    """A column through the line's own way and then into normal form, with what could not be turned."""
    if turn is None:
        return normal

    def both(values: Sequence[Json]) -> tuple[list[Json], dict[int, str]]:
        wrong: dict[int, str] = {}
        try:
            turned = [turn(value) for value in values]
        except UNFIT:
            turned, wrong = _row_by_row(turn, values)
        found, more = normal(turned)
        return found, {**more, **wrong} if wrong else more

    return both


def normal_form(field: Field, *, ref: bool, by: By | None, locale: Locale) -> Column:
    """How values of a field find their canonical form; a reference stays the tool's id or address, as text."""
    if by:
        return column("tags", locale, of=by) if field.many else column(by, locale)
    if ref:
        return _ids(many=field.many)
    return _remembering(field.normaliser(locale)) if field.type in _REMEMBERED else field.column(locale)


def sentence(error: Exception, value: Json) -> str:
    """What was wrong with a value, as one sentence that shows the value shortened."""
    return str(error) if isinstance(error, ValueError) and str(error) else f"{quoted(value)} has an unexpected form"


def _through(start: Turn | None, turns: Sequence[tuple[Turn, Json]]) -> Turn | None:
    if start is None and not turns:
        return None
    if start is None and len(turns) == 1:
        turn, blank = turns[0]
        return lambda value: blank if is_blank(value) else turn(value)

    def through(value: Json) -> Json:
        if start is not None:
            value = start(value)
        for turn, blank in turns:
            value = blank if is_blank(value) else turn(value)
        return value

    return through


def _row_by_row(turn: Turn, values: Sequence[Json]) -> tuple[list[Json], dict[int, str]]:
    turned: list[Json] = []
    wrong: dict[int, str] = {}
    for row, value in enumerate(values):
        try:
            turned.append(turn(value))
        except UNFIT as error:
            turned.append(None)
            wrong[row] = sentence(error, value)
    return turned, wrong


def _remembering(normal: Turn) -> Column:
    """A column of a type that is slow to read and whose values recur; only texts are remembered, for 1 equals True."""
    cached = lru_cache(maxsize=16_384)(normal)

    def turn(value: Json) -> Json:
        return cached(value) if value.__class__ is str else normal(value)

    def column(values: Sequence[Json]) -> tuple[list[Json], dict[int, str]]:
        try:
            return [cached(value) if value.__class__ is str else normal(value) for value in values], {}
        except UNFIT:
            return _row_by_row(turn, values)

    return column


def _ids(*, many: bool) -> Column:
    normal: Callable[[Json], Json] = _ids_of if many else _id_of

    def column(values: Sequence[Json]) -> tuple[list[Json], dict[int, str]]:
        return _row_by_row(normal, values)

    return column


def _id_of(value: Json) -> str | None:
    if is_blank(value):
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"{quoted(value)} is not an id")  # noqa: TRY004 - told as a problem of the value
    # A tool that counts its records may say 7 in one answer and 7.0 in another.
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip() or None


def _ids_of(value: Json) -> list[str] | None:
    items = value if isinstance(value, list) else [value]
    return list(dict.fromkeys(found for item in items if (found := _id_of(item)) is not None)) or None


def _no_way(value: Json) -> Json:
    raise ValueError(f"{quoted(value)} cannot be turned this way")
