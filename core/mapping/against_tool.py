"""Checks a stream's lines against the tool: the connector's manifest, and the tool's description of its fields."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from core.mapping.language import Line, StreamMapping
from core.mapping.problem import did_you_mean, one_of
from core.mapping.source import Source
from core.mapping.tool import Declared, DeclaredStream, RemoteField, RemoteStream


def check_manifest(stream: StreamMapping, source: Source, manifest: Declared) -> None:
    """The stream and its options exist, hold the right kind, and go the ways that the lines want."""
    declared = declared_of(stream, manifest)
    if declared is None:
        source.problem(
            stream.place,
            f"{manifest.title} has no stream `{stream.stream}`.",
            found=stream.stream,
            expected=one_of(manifest.streams),
            remedy=did_you_mean(stream.stream, manifest.streams),
        )
        return
    if declared.kind != stream.kind:
        source.problem(
            stream.at("as"),
            f"The stream `{stream.stream}` holds {declared.kind}, not {stream.kind}.",
            found=stream.kind,
            expected=declared.kind,
            remedy=f"Write `as: {declared.kind}`.",
        )
    _check_options(stream, source, manifest)
    _check_ways(stream, source, declared)


def check_description(
    stream: StreamMapping, source: Source, description: RemoteStream, manifest: Declared | None
) -> None:
    """The tool has the fields that the lines name, takes what they write, and gets what it needs."""
    known = {info.name: info for info in description.fields}
    for line in stream.lines:
        for path in dict.fromkeys((*line.reads, *line.writes)):
            info = known.get(path) or known.get(path.partition(".")[0])
            if info is not None:
                _check_target(line, path, info, source)
            elif not description.open:
                source.problem(
                    line.at("compute" if line.compute else "field"),
                    f"The stream `{stream.stream}` has no field `{path}`.",
                    found=path,
                    expected="a field of the tool",
                    remedy=did_you_mean(path, known) or "Leave the line out, or make the field in the tool.",
                )
        _check_words(line, stream, known.get(line.remote or ""), source)
        _check_ref_stream(line, known.get(line.remote or ""), source)
    declared = declared_of(stream, manifest) if manifest else None
    if declared is None or declared.creates:
        _check_required(stream, source, description)


def declared_of(stream: StreamMapping, manifest: Declared) -> DeclaredStream | None:
    """What the manifest says of a stream; of one that only an open manifest knows, what it says of its kind."""
    if stream.stream in manifest.streams:
        return manifest.streams[stream.stream]
    if not manifest.open_streams:
        return None
    return next((one for one in manifest.streams.values() if one.kind == stream.kind), None)


def _check_options(stream: StreamMapping, source: Source, manifest: Declared) -> None:
    for name in stream.options:
        if name not in manifest.stream_options:
            source.problem(
                stream.at(f"options.{name}"),
                f"{manifest.title} has no stream option `{name}`.",
                found=name,
                expected=one_of(manifest.stream_options) if manifest.stream_options else "no options",
                remedy=did_you_mean(name, manifest.stream_options) or "Leave it out.",
            )
    for name, setting in manifest.stream_options.items():
        if setting.required and name not in stream.options:
            source.problem(
                stream.at("options"),
                f"The stream `{stream.stream}` needs the option `{name}`.",
                expected=setting.doc,
                remedy=f"Add `options: {{{name}: {setting.example or '…'}}}`.",
            )


def _check_ways(stream: StreamMapping, source: Source, declared: DeclaredStream) -> None:
    for line in stream.lines:
        if line.writes and not (declared.creates or declared.updates):
            source.problem(
                line.at("direction"),
                f"The stream `{stream.stream}` cannot be written, and the line `{line.field}` goes out.",
                found=f"direction: {line.direction}",
                expected="direction: in",
                remedy="Say `direction: in` once for the whole stream, beside `as:`.",
            )
        if line.reads and not declared.reads:
            source.problem(
                line.at("direction"),
                f"The stream `{stream.stream}` cannot be read, and the line `{line.field}` comes in.",
                found=f"direction: {line.direction}",
                expected="direction: out",
                remedy="Say `direction: out` once for the whole stream, beside `as:`.",
            )


def _check_target(line: Line, path: str, info: RemoteField, source: Source) -> None:
    if path not in line.writes:
        return
    if info.read_only:
        source.problem(
            line.at("field"),
            f"`{path}` is read-only in the tool, and the line `{line.field}` writes it.",
            found=f"direction: {line.direction}",
            expected="direction: in",
            remedy="Say `direction: in` on this line.",
        )
    elif info.create_only and not line.on_create_only:
        source.problem(
            line.at("field"),
            f"`{path}` can be set only when the record is created, and the line `{line.field}` writes it always.",
            expected="on_create_only: true",
            remedy="Add `on_create_only: true`, or say `direction: in`.",
        )


def _check_required(stream: StreamMapping, source: Source, description: RemoteStream) -> None:
    written = {path for line in stream.lines for path in line.writes}
    if not written:
        return
    for info in description.fields:
        if info.required and not info.read_only and info.name not in written:
            source.problem(
                stream.place,
                f"The tool creates no record without `{info.name}`, and no line writes it.",
                found="no line",
                expected=f"a line that writes `{info.name}`",
                remedy=f"Add a line with `field: {info.name}`.",
            )


def _check_words(line: Line, stream: StreamMapping, info: RemoteField | None, source: Source) -> None:
    """The words that the tool's field allows, against those that the line knows."""
    if info is None or not info.choices or line.vocabulary is None:
        return
    vocabulary = stream.vocabularies[line.vocabulary]
    theirs = {str(word) for word in vocabulary.words}
    missing = [word for word in info.choices if word not in theirs]
    if line.direction != "out" and vocabulary.unknown == "refuse" and missing:
        source.problem(
            line.at("vocabulary"),
            f"The vocabulary `{vocabulary.name}` does not know {_listed(missing)}, which `{info.name}` may hold.",
            found=one_of(theirs),
            expected=one_of(info.choices),
            remedy="Add the words to the vocabulary, or say `unknown: keep`.",
            severity="warning",
        )
    if line.direction == "in":
        return
    for ours, word in vocabulary.written.items():
        if str(word) not in info.choices:
            source.problem(
                vocabulary.places.get(word, vocabulary.place),
                f"`{info.name}` does not take `{word}`, which would be written for `{ours}`.",
                found=str(word),
                expected=one_of(info.choices),
                remedy=did_you_mean(word, info.choices),
            )


def _check_ref_stream(line: Line, info: RemoteField | None, source: Source) -> None:
    if info and info.refers_to and line.ref_streams and info.refers_to not in line.ref_streams:
        source.problem(
            line.at("ref"),
            f"`{info.name}` holds ids of the stream `{info.refers_to}`, which holds no {line.ref} in this file.",
            found=", ".join(line.ref_streams),
            expected=info.refers_to,
            remedy=f"Map a field that points to {one_of(line.ref_streams)}, or add the stream `{info.refers_to}`.",
        )


def _listed(words: Collection[str]) -> str:
    return ", ".join(f"`{word}`" for word in _first(words)) + (" and others" if len(words) > 5 else "")


def _first(words: Collection[str]) -> Iterator[str]:
    return (word for word, _ in zip(words, range(5), strict=False))
