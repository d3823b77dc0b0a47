"""Everything that can be known to be wrong with a mapping before any data flows, each with its place and remedy.

What the file alone shows is found by `core.mapping.load`. Here the lines meet the canonical shapes, and where they
are given, the connector's manifest, the tool's own description of its streams and some of its records. The more is
given, the more is found; nothing is asked of the tool from here.
"""

from __future__ import annotations

from collections.abc import Mapping as Map
from collections.abc import Sequence

from core.mapping import against_shapes, against_tool
from core.mapping.check_when import check_when
from core.mapping.language import Mapping
from core.mapping.laws import check_laws
from core.mapping.load import load_leniently
from core.mapping.problem import Problem
from core.mapping.source import Source
from core.mapping.tool import Declared, Fields, RemoteStream
from core.model.shape import Shape
from core.model.types import Locale


def check(
    mapping: Mapping,
    *,
    shapes: Map[str, Shape],
    manifest: Declared | None = None,
    descriptions: Map[str, RemoteStream] | None = None,
    samples: Map[str, Sequence[Fields]] | None = None,
    locale: Locale = Locale(),  # noqa: B008 - frozen, so sharing one is safe
) -> list[Problem]:
    """All problems of a mapping, in the order of the file; empty when it is fine.

    `descriptions` and `samples` are by stream: what the tool says of it, and some of its records as they came.
    """
    source = mapping.source()
    _check_into(source, mapping, shapes, manifest, descriptions or {}, samples or {}, locale)
    return _in_order(source)


def check_text(
    text: str,
    *,
    file: str,
    shapes: Map[str, Shape],
    manifest: Declared | None = None,
    descriptions: Map[str, RemoteStream] | None = None,
    samples: Map[str, Sequence[Fields]] | None = None,
    locale: Locale = Locale(),  # noqa: B008 - frozen, so sharing one is safe
    common: str = "",
) -> list[Problem]:
    """The same from the text of a file, together with what `load` would refuse: one list of all there is to mend."""
    mapping, source = load_leniently(text, file=file, common=common)
    _check_into(source, mapping, shapes, manifest, descriptions or {}, samples or {}, locale)
    return _in_order(source)


def _check_into(
    source: Source,
    mapping: Mapping,
    shapes: Map[str, Shape],
    manifest: Declared | None,
    descriptions: Map[str, RemoteStream],
    samples: Map[str, Sequence[Fields]],
    locale: Locale,
) -> None:
    against_shapes.check_vocabularies(mapping, source)
    check_when(mapping, source, shapes=shapes, manifest=manifest, locale=locale)
    for stream in mapping.streams.values():
        description = descriptions.get(stream.stream)
        if manifest:
            against_tool.check_manifest(stream, source, manifest)
        before = len(source.problems)
        against_shapes.check_stream(stream, source, shapes=shapes, description=description)
        if description:
            against_tool.check_description(stream, source, description, manifest)
        # A line that does not fit its field breaks the laws too; saying so twice would help nobody.
        troubled = {problem.line for problem in source.problems[before:] if problem.severity == "error"}
        if stream.kind in shapes:
            check_laws(
                stream,
                source,
                shapes=shapes,
                samples=samples.get(stream.stream, ()),
                locale=locale,
                leave_out=troubled,
            )


def _in_order(source: Source) -> list[Problem]:
    return sorted(source.problems, key=lambda problem: (problem.line, problem.column))
