"""Checks what `when` says, and whether the streams of one kind stand in each other's way."""

from __future__ import annotations

from collections.abc import Mapping as Map
from collections.abc import Sequence

from core.mapping.against_tool import declared_of
from core.mapping.language import Mapping, StreamMapping
from core.mapping.source import Source
from core.mapping.tool import Declared
from core.mapping.when import When, condition, faults
from core.model.locale import Locale
from core.model.shape import Shape


def check_when(
    mapping: Mapping, source: Source, *, shapes: Map[str, Shape], manifest: Declared | None, locale: Locale
) -> None:
    """Every `when` of a file, and streams that no new record would ever reach."""
    sound: list[StreamMapping] = []
    for stream in mapping.streams.values():
        shape = shapes.get(stream.kind)
        found = list(faults(stream, shape, locale)) if shape else []
        for fault in found:
            source.problem(fault.place, fault.what, found=fault.found, expected=fault.expected, remedy=fault.remedy)
        if shape and not found and stream.goes_out and _creates(stream, manifest):
            sound.append(stream)
    for kind in dict.fromkeys(stream.kind for stream in sound):
        streams = [stream for stream in sound if stream.kind == kind]
        _check_open(streams, source)
        _check_covered(streams, source, shapes[kind], locale)


def _creates(stream: StreamMapping, manifest: Declared | None) -> bool:
    declared = declared_of(stream, manifest) if manifest else None
    return declared is None or declared.creates


def _check_open(streams: Sequence[StreamMapping], source: Source) -> None:
    """Several streams that take anything: only the first of them gets what is new."""
    takers = [stream for stream in streams if not stream.when]
    for stream in takers[1:]:
        first = takers[0].stream
        source.problem(
            stream.place,
            f"`{first}` and `{stream.stream}` both take any {stream.kind}, so every new one is created in `{first}`.",
            found="no `when`",
            expected="`when` on all but one of them",
            remedy="Say with `when:` which records belong here, or `direction: in` if none is created here.",
            severity="warning",
        )


def _check_covered(streams: Sequence[StreamMapping], source: Source, shape: Shape, locale: Locale) -> None:
    """A stream whose records an earlier one takes, all of them."""
    earlier: list[tuple[StreamMapping, When]] = []
    for stream in streams:
        when = condition(stream, shape, locale)
        if when is None:
            continue
        rival = next((one for one, other in earlier if other.covers(when)), None)
        if rival is not None:
            source.problem(
                stream.at("when"),
                f"Whatever this holds for is created in `{rival.stream}`, which comes first.",
                expected="a `when` that leaves something over",
                remedy=f"Put `{stream.stream}` before `{rival.stream}`, or name other values.",
                severity="warning",
            )
        earlier.append((stream, when))
