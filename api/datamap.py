"""The data map: where personal data lives, in which tool's field, which way it goes, since when, and how much of it.

Printed from the shapes, which say what is personal, and from the mappings in force and before. What a regulator calls
the record of processing begins with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from api.mappings import load
from api.queries import bound_by_stream
from core.flow.hub import Stream
from core.model.instant import Instant, iso
from core.store import connections as stored

if TYPE_CHECKING:
    from api.assembly import Installation

WAYS = {"in": "read", "out": "written", "both": "read and written"}


class Where(NamedTuple):
    """One personal field in one tool."""

    kind: str
    field: str
    doc: str
    connection: str
    tool: str
    stream: str
    remote: tuple[str, ...]
    """The tool's own fields."""
    way: str
    since: Instant | None
    records: int
    """How many the tool is known to hold."""

    def to_json(self) -> dict[str, Any]:
        """As it is printed."""
        return {**self._asdict(), "remote": list(self.remote), "since": iso(self.since) if self.since else None}


def data_map(installation: Installation) -> list[Where]:
    """Every personal field that some mapping carries, by kind and field."""
    hub = installation.hub()
    with installation.store.reading() as tx:
        held = bound_by_stream(tx)
        versions = {id_: stored.mapping_versions(tx, id_) for id_ in hub.connections}
    found: list[Where] = []
    for connection in hub.connections.values():
        since = _since(versions[connection.id])
        for stream in connection.streams:
            found += _of_stream(stream, connection.connector, since, held.get(stream.id, 0))
    return sorted(found)


def _of_stream(stream: Stream, tool: str, since: Mapping[tuple[str, str], Instant], records: int) -> Iterator[Where]:
    for line in stream.translator.lines:
        field = stream.shape.fields.get(line.field)
        if field is None or not field.personal:
            continue
        remote = tuple(sorted({*line.reads, *line.writes}))
        way = WAYS.get(str(line.direction), str(line.direction))
        at = since.get((stream.name, line.field))
        yield Where(
            stream.kind, line.field, field.doc, stream.source, tool, stream.name, remote, way, at, records
        )  # fmt: skip


def _since(versions: list[stored.MappingRow]) -> dict[tuple[str, str], Instant]:
    """(stream, field) → since when a mapping carries it without a break."""
    since: dict[tuple[str, str], Instant] = {}
    for version in versions:
        mapping = load(version.text, file=version.file)
        carried = {(name, line.field) for name, one in mapping.streams.items() for line in one.lines}
        since = {place: since.get(place, version.at) for place in carried}
    return since
