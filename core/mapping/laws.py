"""The round-trip laws of two-way lines, tried on values.

`in(out(x)) = normal(x)` for canonical values made up from the field's type, choices and example; `out(in(r)) = r`,
or the same normal form, on real records of the tool. The values come from fixed lists: the same file gives the same
answer each time. A line whose step declares a loss must settle after one round; any other must give the value back.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from core.mapping.language import Line, StreamMapping
from core.mapping.source import Source
from core.mapping.tool import Fields
from core.mapping.translator import Translator, translator
from core.model.plain import quoted
from core.model.shape import Field, Shape
from core.model.types import TYPES, Locale
from core.model.values import Json, is_blank

_WORDS = ("Ann", "two words", "Zoë O’Neill", "1", "007", "a, b and c", "MiXeD cAsE")
_VALUES: Mapping[str, Sequence[Json]] = {
    "text": (*_WORDS, "two\nlines", "semicolon; and more", "long " * 60),
    "name": (*_WORDS, "semicolon; and more"),
    "choice": ("Ann", "two words"),
    "email": ("a@example.org", "ann.mc-shore+tag@shop.example.co.uk"),
    "phone": ("+442079460958", "+14155552671", "+4930123456"),
    "url": ("https://example.org", "http://example.org/path?q=1&r=2#top"),
    "domain": ("example.org", "shop.example.co.uk"),
    "date": ("2026-11-21", "2024-02-29", "1999-12-31", "2031-01-02", "1931-05-02"),
    "instant": ("2026-11-21T09:00:00Z", "2026-07-01T23:59:59Z", "1999-12-31T00:00:00Z", "2026-11-21T09:00:00.125Z"),
    "money": (
        {"amount": "12.50", "currency": "EUR"},
        {"amount": "0.01", "currency": "GBP"},
        {"amount": "-1234567.89", "currency": "USD"},
        {"amount": "1250", "currency": "JPY"},
    ),
    "number": (0, 1, -3, 12.5, 1_000_000, 0.1, 3.14159),
    "flag": (True, False),
    "tags": (["gold"], ["gold", "late payer"], ["Ümlaut", "a-b", "c_d"]),
    "address": (
        {"street": "1 High Street", "city": "Leeds", "region": "Yorkshire", "postal_code": "LS1 4AP", "country": "GB"},
        {"city": "Leeds"},
    ),
    "json": ({"size": [1, 2]}, "text", [1]),
}
_ELEMENTS = ("email", "phone", "domain")


def check_laws(
    stream: StreamMapping,
    source: Source,
    *,
    shapes: Mapping[str, Shape],
    samples: Sequence[Fields] = (),
    locale: Locale,
    leave_out: Collection[int] = (),
) -> None:
    """Try every two-way line of a stream and note the first value with which it breaks a law.

    `leave_out` are lines of the file that are known to be wrong already.
    """
    fields = shapes[stream.kind].fields
    for line in stream.lines:
        if line.direction == "both" and line.field in fields and not _stands_on(line, leave_out):
            alone = translator(replace(stream, lines=(line,), when={}), shapes=shapes, locale=locale)
            _check_made_up(line, fields[line.field], alone, source, locale)
            _check_samples(line, alone, source, samples)


def made_up(field: Field, line: Line, alone: Translator, locale: Locale) -> list[Json]:
    """Canonical values of a field in normal form, blanks and doubles left out."""
    if field.type == "ref":
        return [["7", "x-9"], ["12"]] if field.many else ["7", "x-9"]
    candidates: list[Json] = [field.example, TYPES[field.type].example, *field.choices]
    if field.type == "tags" and field.of in _ELEMENTS:
        candidates += [[value] for value in _VALUES[field.of]]
    elif not field.choices:
        candidates += _VALUES[field.type]
    if line.vocabulary:
        words = alone.mapping.vocabularies[line.vocabulary].words
        candidates += [*words.values(), *words]
    normal = field.normaliser(locale)
    found: list[Json] = []
    for candidate in candidates:
        try:
            value = normal(candidate)
        except ValueError:
            continue  # The example of the type need not be one of the field's own choices.
        value = _parts_only(value, line)
        if not is_blank(value) and value not in found:
            found.append(value)
    return found


def _check_made_up(line: Line, field: Field, alone: Translator, source: Source, locale: Locale) -> None:
    tried = [(value, alone.write({line.field: value}, creating=True)) for value in made_up(field, line, alone, locale)]
    carried = [(value, written) for value, written in tried if not written.problems]
    if tried and not carried:
        source.problem(
            line.place,
            f"The line `{line.field}` can write none of the values tried.",
            found=tried[0][1].problems[0],
            remedy=_MEND,
        )
    for value, written in carried:
        (reading,) = alone.read([written.fields])
        back = reading.values.get(line.field)
        settled = _declares_loss(line, alone) and alone.normal({line.field: back}).get(line.field) == back
        if reading.problems or not (back == value or settled):
            return _note_break(line, source, value, reading.problems[0] if reading.problems else back)
    return None


_MEND = "Mend the steps or the vocabulary of this line, or say `direction: in` or `direction: out`."


def _note_break(line: Line, source: Source, value: Json, back: Json) -> None:
    source.problem(
        line.place,
        f"The line `{line.field}` does not give back what it was given: {quoted(value)} becomes {quoted(back)}.",
        found=quoted(back),
        expected=quoted(value),
        remedy=_MEND,
    )


def _check_samples(line: Line, alone: Translator, source: Source, samples: Sequence[Fields]) -> None:
    for reading in alone.read(samples):
        if reading.problems:
            source.problem(
                line.place,
                f"A record of the tool has a value that the line `{line.field}` cannot read.",
                found=reading.problems[0],
                remedy="It will be kept as a problem of that record; a step or vocabulary may help.",
                severity="warning",
            )
            continue
        written = alone.write(reading.values, creating=True)
        (back,) = alone.read([written.fields])
        if written.problems or back.values != reading.values:
            value = reading.values.get(line.field)
            told = written.problems[0] if written.problems else back.values.get(line.field)
            return _note_break(line, source, value, told)
    return None


def _stands_on(line: Line, rows: Collection[int]) -> bool:
    return any(place.line in rows for place in (line.place, *line.places.values()))


def _declares_loss(line: Line, alone: Translator) -> bool:
    """Whether the line says itself that not everything survives."""
    words = alone.mapping.vocabularies[line.vocabulary] if line.vocabulary else None
    return any(use.step.loses for use in line.steps) or (words is not None and words.unknown not in ("refuse", "keep"))


def _parts_only(value: Json, line: Line) -> Json:
    """Of an address, the parts that the line maps: leaving out the others is what the line is for."""
    if line.parts and isinstance(value, dict) and "amount" not in value:
        return {part: words for part, words in value.items() if part in line.parts}
    return value
