"""Checks a mapping against the canonical shapes: fields, references, forms, vocabularies, lines in each other's way."""

from __future__ import annotations

from collections.abc import Mapping as Map

from core.mapping.forms import misfit
from core.mapping.language import Line, Mapping, StreamMapping
from core.mapping.problem import Place, did_you_mean, one_of
from core.mapping.source import Source
from core.mapping.tool import RemoteField, RemoteStream
from core.mapping.vocabulary import Vocabulary
from core.model.plain import ADDRESS_PARTS, Normal
from core.model.shape import Field, Shape
from core.model.shapes import KNOWN_BY_EMAIL

_PARTS: Map[str, tuple[str, ...]] = {"money": ("amount", "currency"), "address": ADDRESS_PARTS}


def check_vocabularies(mapping: Mapping, source: Source) -> None:
    """Vocabularies that no line uses, and words that would not come back as they went."""
    using: dict[str, list[Line]] = {}
    for stream in mapping.streams.values():
        for line in stream.lines:
            if line.vocabulary:
                using.setdefault(line.vocabulary, []).append(line)
    for name, vocabulary in mapping.vocabularies.items():
        if vocabulary.common:
            continue
        if name not in using:
            source.problem(
                vocabulary.place, f"No line uses the vocabulary `{name}`.", remedy="Leave it out.", severity="warning"
            )
        if any(line.direction == "both" for line in using.get(name, ())):
            _check_shared_words(vocabulary, source)


def check_stream(
    stream: StreamMapping, source: Source, *, shapes: Map[str, Shape], description: RemoteStream | None
) -> None:
    """Everything about one stream that follows from the shape of its kind."""
    shape = shapes.get(stream.kind)
    if shape is None:
        source.problem(
            stream.at("as"),
            f"`{stream.kind}` is no kind of record.",
            found=stream.kind,
            expected=one_of(shapes),
            remedy=did_you_mean(stream.kind, shapes),
        )
        return
    remote = {info.name: info for info in description.fields} if description else {}
    for line in stream.lines:
        _check_line(line, source, shape, remote)
        _check_words(line, source, shape.fields.get(line.field), stream, remote.get(line.remote or ""))
    _check_targets(stream, source)


def _check_line(line: Line, source: Source, shape: Shape, remote: Map[str, RemoteField]) -> None:
    if line.compute and line.direction == "out":
        _check_names(line, source, shape)
    field = shape.fields.get(line.field)
    if field is None:
        if not line.is_free:
            source.problem(
                line.place,
                f"`{line.field}` is no field of {shape.kind}.",
                found=line.field,
                expected=f"a field of {shape.kind}",
                remedy=did_you_mean(line.field, shape.fields)
                or f"Take a field of {shape.kind}, or declare a custom field.",
            )
        return
    _check_ref(line, field, source)
    _check_parts(line, field, source)
    found = remote.get(line.remote or "")
    if wrong := misfit(line, field, found):
        source.problem(wrong.place, wrong.what, expected=wrong.expected, remedy=wrong.remedy)
    _check_rounding(line, field, found, source)


def _check_names(line: Line, source: Source, shape: Shape) -> None:
    for name in line.sources:
        root = name if name in shape.fields else name.partition(".")[0]
        if root not in shape.fields:
            source.problem(
                line.at("compute"),
                f"The expression reads `{name}`, which is no field of {shape.kind}.",
                found=name,
                expected=f"a field of {shape.kind}",
                remedy=did_you_mean(name, shape.fields),
            )


def _check_ref(line: Line, field: Field, source: Source) -> None:
    if line.compute and line.direction == "out":
        return
    if field.type == "ref" and line.ref is None:
        source.problem(
            line.place,
            f"`{field.name}` points to a {field.of}, and the line does not say so.",
            expected=f"ref: {field.of}",
            remedy=f"Add `ref: {field.of}`.",
        )
    elif field.type != "ref" and line.ref is not None:
        source.problem(
            line.at("ref"),
            f"`{field.name}` is of the type {field.type} and points to nothing.",
            found=f"ref: {line.ref}",
            remedy="Leave out `ref`.",
        )
    elif field.of and line.ref and line.ref != field.of:
        source.problem(
            line.at("ref"),
            f"`{field.name}` points to a {field.of}.",
            found=f"ref: {line.ref}",
            expected=f"ref: {field.of}",
            remedy=f"Write `ref: {field.of}`.",
        )
    elif line.by and line.ref not in KNOWN_BY_EMAIL:
        source.problem(
            line.at("by"),
            f"A {line.ref} is not known by an email address.",
            found=f"by: {line.by}",
            expected=f"a reference to {one_of(KNOWN_BY_EMAIL)}",
            remedy="Leave out `by`; the tool's id is read.",
        )
    elif line.ref and not line.by and not line.ref_streams:
        source.problem(
            line.at("ref"),
            f"No stream of this file holds a {line.ref}, so the tool's ids in `{line.field}` cannot be resolved.",
            expected=f"a stream with `as: {line.ref}`",
            remedy=f"Add a stream with `as: {line.ref}`, or leave this line out.",
        )


def _check_parts(line: Line, field: Field, source: Source) -> None:
    known = _PARTS.get(field.type)
    if not line.parts or field.type == "json":
        return
    if known is None:
        source.problem(
            line.at("field"),
            f"`{field.name}` is of the type {field.type} and has no parts.",
            expected="the name of one field",
            remedy=f"Write `field: {next(iter(line.parts.values()))}`.",
        )
        return
    for part in line.parts:
        if part not in known:
            source.problem(
                line.at("field"),
                f"`{part}` is no part of a value of the type {field.type}.",
                found=part,
                expected=one_of(known),
                remedy=did_you_mean(part, known),
            )
    if field.type == "money" and "amount" not in line.parts:
        source.problem(line.at("field"), "Money needs an amount.", remedy="Add `amount:` to the parts.")


def _check_rounding(line: Line, field: Field, remote: RemoteField | None, source: Source) -> None:
    """A moment in a field that holds days loses its time; a day in a field that holds moments may shift."""
    if remote is None or line.steps or {field.type, remote.type} != {"date", "instant"}:
        return
    source.problem(
        line.at("field"),
        f"`{field.name}` is of the type {field.type} and `{remote.name}` holds the type {remote.type}.",
        found=remote.type,
        expected=field.type,
        remedy="Add `steps: [midnight]`." if field.type == "date" else "Map a field that holds moments.",
        severity="warning",
    )


def _check_words(
    line: Line, source: Source, field: Field | None, stream: StreamMapping, remote: RemoteField | None
) -> None:
    """A vocabulary's words against the choices of the canonical field."""
    if field is None or not field.choices:
        return
    if line.vocabulary is None:
        _check_bare_choices(line, source, field, remote)
        return
    vocabulary = stream.vocabularies[line.vocabulary]
    for word, ours in vocabulary.words.items():
        if ours not in field.choices:
            _note_no_choice(source, vocabulary.places.get(word, vocabulary.place), ours, field)
    if vocabulary.stand_in and vocabulary.stand_in not in field.choices:
        _note_no_choice(source, vocabulary.place, vocabulary.stand_in, field)
    gaps = [choice for choice in field.choices if choice not in vocabulary.written]
    if gaps and line.direction != "in" and vocabulary.unknown == "refuse":
        source.problem(
            line.at("vocabulary"),
            f"The vocabulary `{vocabulary.name}` has no word of the tool for {one_of(f'`{gap}`' for gap in gaps)}.",
            found=one_of(vocabulary.written),
            expected=one_of(field.choices),
            remedy="Add a line for each to the vocabulary; until then such values are not written.",
            severity="warning",
        )


def _check_bare_choices(line: Line, source: Source, field: Field, remote: RemoteField | None) -> None:
    normal = field.normaliser()
    strange = [word for word in (remote.choices if remote and not line.steps else ()) if not _takes(normal, word)]
    if strange and line.direction != "out":
        source.problem(
            line.at("field"),
            f"The tool's field may hold words that `{field.name}` does not know: "
            f"{', '.join(f'`{word}`' for word in strange[:5])}.",
            found=one_of(strange[:12]),
            expected=one_of(field.choices),
            remedy="Add a `vocabulary` that says what each of the tool's words means.",
            severity="warning",
        )


def _takes(normal: Normal, word: str) -> bool:
    try:
        normal(word)
    except ValueError:
        return False
    return True


def _note_no_choice(source: Source, place: Place, word: str, field: Field) -> None:
    source.problem(
        place,
        f"`{word}` is not one of the choices of `{field.name}`.",
        found=word,
        expected=one_of(field.choices),
        remedy=did_you_mean(word, field.choices),
    )


def _check_targets(stream: StreamMapping, source: Source) -> None:
    """Two lines that write the same field of the tool, or one a part of what the other writes."""
    writer: dict[str, Line] = {}
    for line in stream.lines:
        for path in line.writes:
            rival = next((path_ for path_ in writer if _overlap(path, path_)), None)
            if rival is not None:
                first = writer[rival]
                source.problem(
                    line.at("field"),
                    f"Two lines write `{rival}`: `{first.field}` on line {first.place.line} and `{line.field}`.",
                    found=path,
                    expected="one line that writes it",
                    remedy="Say `direction: in` on one of them.",
                )
            writer.setdefault(path, line)


def _overlap(path: str, other: str) -> bool:
    return path == other or path.startswith(f"{other}.") or other.startswith(f"{path}.")


def _check_shared_words(vocabulary: Vocabulary, source: Source) -> None:
    for ours, theirs in vocabulary.shared.items():
        others = ", ".join(f"`{word}`" for word in theirs[1:])
        source.problem(
            vocabulary.places.get(theirs[1], vocabulary.place),
            f"Several of the tool's words mean `{ours}`; `{theirs[0]}` is written, never {others}.",
            found=", ".join(map(str, theirs)),
            remedy=f"Put the word that should be written first, or give {others} a word of its own.",
            severity="warning",
        )
