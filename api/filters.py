"""The filters of `concord.yaml`, checked against the kinds and mappings they ask, with the place of every mistake."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from api.building import ConnectionSpec
from api.mappings import load
from core.mapping import Mapping as ToolMapping
from core.mapping import MappingError, StreamMapping, translator
from core.mapping.filter import Fault, place_of, read_filter
from core.mapping.problem import did_you_mean, one_of
from core.mapping.source import Entry, Source
from core.model.locale import Locale
from core.model.shape import Shape

FILTERS = ("only_in", "only_out")


class Asked(NamedTuple):
    """One filter as it stands in the file."""

    connection: str
    stream: str
    """As it is said: `*` speaks for all."""
    line: Entry


def check_filters(
    source: Source,
    asked: list[Asked],
    specs: Mapping[str, ConnectionSpec],
    *,
    shapes: Mapping[str, Shape],
    locale: Locale,
) -> None:
    """Raises `MappingError` with everything that is wrong in the filters of a file."""
    known = len(source.problems)
    for one in asked:
        spec = specs.get(one.connection)
        if spec is None:
            continue
        mapping = load(spec.mapping, file=spec.mapping_file)
        if one.stream != "*" and one.stream not in mapping.streams:
            source.problem(
                one.line.place,
                f"The mapping of `{one.connection}` has no stream `{one.stream}`, so this filter would do nothing.",
                found=one.stream,
                expected=one_of(mapping.streams),
                remedy=did_you_mean(one.stream, mapping.streams) or "Take one of these.",
            )
            continue
        for stream in mapping.streams.values() if one.stream == "*" else (mapping.streams[one.stream],):
            for fault in _faults(one, spec, mapping, stream, shapes, locale):
                source.problem(
                    place_of(one.line, fault),
                    fault.what,
                    found=fault.found,
                    expected=fault.expected,
                    remedy=fault.remedy,
                )
    if len(source.problems) > known:
        raise MappingError(source.problems)


def _faults(
    one: Asked,
    spec: ConnectionSpec,
    mapping: ToolMapping,
    stream: StreamMapping,
    shapes: Mapping[str, Shape],
    locale: Locale,
) -> Iterator[Fault]:
    said = spec.streams[one.stream].get(str(one.line.key))
    if said is None:
        return
    read = None
    if one.line.key == "only_in":
        read = translator(stream, shapes=shapes, vocabularies=mapping.vocabularies, locale=locale).in_fields
    yield from read_filter(said, shapes[stream.kind], locale, read=read)[1]
