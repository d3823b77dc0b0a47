"""What a memory tool holds: the states of each record, the log of changes, and the counters; plain JSON on disk.

Each record keeps its last states, so that a lagging reading can show an older one. `tool.py` decides what
happens; here is only where it is kept and how it is looked up.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from core.model.instant import Instant
from core.ports import Fields


class State(NamedTuple):
    """A record as it was from one revision to the next."""

    revision: int
    born: int
    """The revision that made the record."""
    fields: Fields
    modified_at: Instant
    """What the tool says, by its own clock."""
    committed_at: Instant
    """When it could first be seen, by the tool's own clock."""
    deleted: bool = False
    moved_to: str | None = None
    changed: tuple[str, ...] = ()
    """The fields that this revision touched."""
    moved_stream: str | None = None

    @property
    def version(self) -> str:
        """Opaque to the hub; differs whenever the record does."""
        return f"v{self.revision}"


@dataclass
class World:
    """Everything the tool holds. `log` lists (revision, id) in the order of the changes, per stream."""

    revision: int = 0
    ids: int = 0
    last_stamp: Instant = 0
    oldest_cursor: int = 0
    states: dict[str, dict[str, list[State]]] = field(default_factory=dict)
    log: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    keys: dict[str, dict[str, str]] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    writes: int = 0

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> World:
        """Read the stored form back."""
        world = cls(**data)
        world.states = {
            stream: {id_: [State(*state) for state in states] for id_, states in records.items()}
            for stream, records in world.states.items()
        }
        world.log = {stream: [(entry[0], entry[1]) for entry in log] for stream, log in world.log.items()}
        return world

    def to_json(self) -> dict[str, Any]:
        """The stored form: plain JSON."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def now(self, stream: str, id_: str) -> State | None:
        """A record's present state, a tombstone included; None if it never was."""
        states = self.states.get(stream, {}).get(id_)
        return states[-1] if states else None

    def at(self, stream: str, id_: str, revision: int) -> State | None:
        """A record's state as of a revision of the world; None if it was not there yet."""
        states = self.states[stream][id_]
        for state in reversed(states):
            if state.revision <= revision:
                return state
        return states[0] if states[0].born <= revision else None

    def visible(self, until: Instant) -> int:
        """The last revision committed at or before a moment."""
        seen = 0
        for stream, log in self.log.items():
            for revision, id_ in reversed(log):
                state = next((s for s in self.states[stream][id_] if s.revision == revision), None)
                if state is None or state.committed_at <= until:
                    seen = max(seen, revision)
                    break
        return seen

    def log_after(self, stream: str, revision: int) -> list[tuple[int, str]]:
        """The stream's changes behind a revision, oldest first."""
        log = self.log.get(stream, [])
        return log[bisect_right(log, revision, key=lambda entry: entry[0]) :]

    def live(self, stream: str) -> Iterator[tuple[str, State]]:
        """The records that exist now, in the order they were made."""
        for id_, states in self.states.get(stream, {}).items():
            if not states[-1].deleted:
                yield id_, states[-1]
