"""Ghosts: they stand in for the tools while a plan is made, take down what they are sent, and answer as a tool would.

The trips that make a plan are the trips that carry it out (`core.flow.outward.outbound`), on a shadow of the store and
with ghosts at the other end. So a plan cannot say anything else than what would be done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from core.flow.hub import Connection, Hub
from core.mapping import paths
from core.model.values import Json
from core.ports import Edit, Receipt, Remote, Verb


class Line(NamedTuple):
    """One write that a plan holds: of which record, to which tool, and which of the tool's fields change."""

    connection: str
    stream: str
    record_id: int
    remote_id: str | None
    """None for a record that is made."""
    verb: str
    fields: dict[str, list[Json]]
    """The tool's field → [what it holds, what it will hold]."""


class Ghost:
    """A tool that takes everything and is not there. Its calls and lines are the plan's."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines: list[Line] = []
        self.writes = 0
        """Calls that would be made to write; different verbs are different calls in most tools."""

    def write(self, stream: str, edits: Sequence[Edit]) -> Sequence[Receipt]:
        """Take the edits down; each is answered with what the tool would then hold."""
        self.writes += len({edit.verb for edit in edits})
        return [self._taken(stream, edit) for edit in edits]

    def find(self, _stream: str, _key: str) -> Remote | None:
        """A ghost was never sent anything before."""
        return None

    def _taken(self, stream: str, edit: Edit) -> Receipt:
        held = {} if edit.verb is Verb.CREATE else edit.held
        fields = {path: [paths.get(held, path), value] for path, value in edit.fields.items()}
        record_id = record_of(edit.key)
        self.lines.append(Line(self.name, stream, record_id, edit.remote_id, str(edit.verb), fields))
        remote_id = edit.remote_id or f"planned-{record_id}"
        return Receipt(remote_id, version=edit.version, fields=edit.fields)


def record_of(key: str) -> int:
    """The record that an edit of ours is about: its key is `concord-<installation>-<record>-<connection>.<n>`."""
    return int(key.rsplit("-", 2)[1])


def haunted(hub: Hub, ghosts: dict[str, Ghost]) -> Hub:
    """The hub with ghosts for tools. Nothing need be read from them again, since nobody edits in them."""
    connections = {id_: _still(one) for id_, one in hub.connections.items()}
    return replace(hub, connections=connections, open=lambda name: ghosts.setdefault(name, Ghost(name)))


def _still(connection: Connection) -> Connection:
    still = {"versions": "opaque", "returns": "written"}
    streams = tuple(replace(one, manifest=one.manifest.model_copy(update=still)) for one in connection.streams)
    return replace(connection, streams=streams)
