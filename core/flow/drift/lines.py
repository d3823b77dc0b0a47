"""Lines that rest: how a stream is read and written while some lines of its mapping are left out.

A line on whose field the tool has changed is neither read nor written; what it said before stays said, and what was
known of its field stays known. One whose field is back is read again by a whole walk before it is written.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from copy import deepcopy
from dataclasses import replace

from core.decide.drift import Side
from core.errors import SchemaChanged
from core.flow.hub import Stream
from core.mapping import paths
from core.model.values import Json
from core.ports import Fields
from core.store import Tx, descriptions
from core.store.bindings import Bound
from core.store.descriptions import PausedLine

RETURNING = "returning"
"""The side of a line that is being taken up: it is read, and not written before a whole walk has shown it."""


def as_read(tx: Tx, stream: Stream) -> Stream:
    """The stream as it is read now; one statement.

    Raises `SchemaChanged` where a line rests on whose field it depends which records come in at all.
    """
    lines = descriptions.paused(tx, [stream.id])
    shut = frozenset(line.field for line in lines if line.side == Side.BOTH)
    asked = stream.only_in.fields if stream.only_in is not None else frozenset()
    for line in lines:
        if line.field in shut & asked:
            what = f"{line.note} Which records come in depends on the line `{line.field}`."
            raise SchemaChanged(what, remedy=line.remedy, connection=stream.source, stream=stream.name)
    returning = frozenset(line.field for line in lines if line.side == RETURNING)
    if not shut and not returning:
        return stream
    return replace(
        stream,
        translator=stream.translator.resting(shut).ignoring_blanks(returning),
        held=frozenset(path for line in stream.translator.lines if line.field in shut for path in line.reads),
        returning=returning,
    )


def as_known(tx: Tx, stream: Stream) -> Stream:
    """The stream as what is kept of it can be read: without all lines that are not sure of it; one statement."""
    unsure = [line.field for line in descriptions.paused(tx, [stream.id]) if line.side != Side.WRITING]
    return replace(stream, translator=stream.translator.resting(unsure))


def unwritten(tx: Tx, stream_ids: Collection[int]) -> dict[int, set[str]]:
    """Stream id → the lines that must not be written; one statement."""
    found: dict[int, set[str]] = {}
    for line in descriptions.paused(tx, stream_ids):
        found.setdefault(line.stream_id, set()).add(line.field)
    return found


def written_by(stream: Stream, lines: Collection[PausedLine]) -> frozenset[str]:
    """The tool's fields that these lines would write."""
    named = {line.field for line in lines}
    return frozenset(path for line in stream.translator.lines if line.field in named for path in line.writes)


def expected_of(stream: Stream, lines: Collection[PausedLine]) -> frozenset[str]:
    """What a record of the tool must name, by the names of the topmost objects, while these lines rest."""
    shut = {line.field for line in lines if line.side == Side.BOTH}
    read = (path for line in stream.translator.lines if line.field not in shut for path in line.reads)
    return frozenset(path.partition(".")[0] for path in read)


def without_held(stream: Stream, fields: Fields) -> Fields:
    """A reading without the fields whose lines rest: nobody hears what it shows there."""
    kept = deepcopy(fields)
    for path in stream.held:
        _drop(kept, path)
    return kept


def with_held(stream: Stream, bound: Bound, fields: Fields) -> Fields:
    """The same with what was known of these fields before, which is what a later reading will be compared with."""
    expected, kept = bound.expected, without_held(stream, fields)
    for path in stream.held:
        value = paths.get(expected, path, paths.ABSENT)
        if value is not paths.ABSENT:
            paths.put(kept, path, value)
    return kept


def _drop(fields: Fields, path: str) -> None:
    head, _, last = path.rpartition(".")
    inside = paths.get(fields, head) if head else fields
    if path in fields:
        del fields[path]
    elif isinstance(inside, dict):
        inside.pop(last, None)


def as_last_said(stream: Stream, bound: Bound, values: Mapping[str, Json]) -> Mapping[str, Json]:
    """What was known of a record before a line is read again: where its field was never seen, what the claims say.

    So a value that only comes back is no news, and keeps its time.
    """
    expected, claims = bound.expected, bound.claims
    unseen = [
        line.field
        for line in stream.translator.lines
        if line.field in stream.returning
        and all(paths.get(expected, path, paths.ABSENT) is paths.ABSENT for path in line.reads)
    ]
    said = {name: claim.value for name in unseen if (claim := claims.get(name)) is not None}
    return {**values, **said} if said else values
