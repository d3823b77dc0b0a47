"""Lineage: which of the tools' fields feed a canonical field, and which fields each tool receives.

Read from the mappings alone, before any data flows, so it also answers for a mapping that is only being drafted.
"""

from __future__ import annotations

from collections.abc import Mapping as Map
from typing import NamedTuple

from core.mapping.language import Line, Mapping, StreamMapping
from core.mapping.when import claimed


class Thread(NamedTuple):
    """One line between a tool and a canonical field, in one direction."""

    connection: str
    """The name under which the mapping was given."""
    stream: str
    kind: str
    field: str
    remotes: tuple[str, ...]
    """The tool's fields, as dotted paths."""
    through: tuple[str, ...]
    """Steps, vocabulary and expression on the way, for people; `when` for what a stream says by itself."""


class Lineage(NamedTuple):
    """All threads of some mappings."""

    inward: tuple[Thread, ...]
    outward: tuple[Thread, ...]

    def feeds(self, kind: str, field: str) -> tuple[Thread, ...]:
        """What feeds a canonical field."""
        return tuple(thread for thread in self.inward if (thread.kind, thread.field) == (kind, field))

    def takes(self, kind: str, field: str) -> tuple[Thread, ...]:
        """Where a canonical field goes."""
        return tuple(thread for thread in self.outward if (thread.kind, thread.field) == (kind, field))

    def receives(self, connection: str) -> tuple[Thread, ...]:
        """What a tool is told."""
        return tuple(thread for thread in self.outward if thread.connection == connection)


def lineage(mappings: Map[str, Mapping]) -> Lineage:
    """The threads of mappings, given by connection, in the order of their files."""
    inward: list[Thread] = []
    outward: list[Thread] = []
    for connection, mapping in mappings.items():
        for stream in mapping.streams.values():
            for field in claimed(stream, stream.when):
                inward.append(Thread(connection, stream.stream, stream.kind, field, (), ("when",)))
            for line in stream.lines:
                if line.direction != "out":
                    inward.append(_thread(connection, stream, line, line.field, line.reads))
                outward += [_thread(connection, stream, line, field, line.writes) for field in line.sources]
    return Lineage(tuple(inward), tuple(outward))


def _thread(connection: str, stream: StreamMapping, line: Line, field: str, remotes: tuple[str, ...]) -> Thread:
    through = [use.name for use in line.steps]
    if line.vocabulary:
        through.append(f"vocabulary {line.vocabulary}")
    if line.compute:
        through.insert(0, f"compute {line.compute.text}")
    return Thread(connection, stream.stream, stream.kind, field, remotes, tuple(through))
