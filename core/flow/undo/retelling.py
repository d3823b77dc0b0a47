"""Retelling: a page of records with history told twice, as it was and without the run that is undone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.flow.changes import Changes
from core.flow.desk import Work
from core.flow.hub import Hub
from core.flow.undo.replay import Spoken, Tale, Told, tell, undone_in
from core.flow.undo.undoable import Target
from core.model.instant import Instant
from core.model.values import Json
from core.store.bindings import Bound
from core.store.records import Record


@dataclass(frozen=True, slots=True)
class Kept:
    """What the undo does not touch, because of what was said since."""

    record: Record
    field: str | None
    """None for the whole record."""
    value: Json
    source: str | None
    """Who said it; None where a set was put together from several."""
    at: Instant | None
    why: str


@dataclass(frozen=True, slots=True)
class Left:
    """What stays in a tool although the undo would have it otherwise."""

    connection: str
    record: Record
    why: str


@dataclass(slots=True)
class Taken:
    """What was taken back on a page."""

    record_ids: list[int] = field(default_factory=list)
    """Records whose claims, state or bindings changed."""
    kept: list[Kept] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    opened: list[int] = field(default_factory=list)
    """Reviews that are open again."""


@dataclass(slots=True)
class Page:
    """Records on the desk, and history with and without the run; `taken` is what became of them."""

    hub: Hub
    target: Target
    changes: Changes
    tales: list[Tale]
    chosen: set[int]
    """Records of which the run is taken back."""
    before: Told
    after: Told
    strict: frozenset[str]
    works: dict[int, Work] = field(default_factory=dict)
    rows: dict[int, Bound] = field(default_factory=dict)
    touched: set[int] = field(default_factory=set)
    more: dict[int, dict[str, Any]] = field(default_factory=dict)
    """Record id → further words of its history entry."""
    given_up: set[int] = field(default_factory=set)
    """Records that the run made, and about which nobody else has said anything."""
    speakers: dict[int, list[tuple[int, Spoken]]] = field(default_factory=dict)
    """Record id → (binding id, what it says without the run)."""
    made: Mapping[tuple[int, str], Instant] = field(default_factory=dict)
    """(connection id, remote id) → when we created that."""
    taken: Taken = field(default_factory=Taken)

    def retell(self) -> None:
        """Tell history without the run."""
        marks = [
            Tale(id_, self.changes.now, self.changes.run_id, None, "undone", {"run": self.target.run.id})
            for id_ in self.chosen
        ]
        self.after = tell(self.tales, without=undone_in([*self.tales, *marks]), strict=self.strict)
        self.speakers = {}
        for id_, spoken in self.after.spoken.items():
            self.speakers.setdefault(spoken.record_id, []).append((id_, spoken))

    def note(self, record_id: int, name: str, what: Any) -> None:
        """Add to a record's history entry."""
        self.touched.add(record_id)
        self.more.setdefault(record_id, {}).setdefault(name, []).append(what)


def mine(page: Page) -> list[Tale]:
    """What the run told about the records of which it is taken back."""
    return [one for one in page.tales if one.run_id == page.target.run.id and one.record_id in page.chosen]


def place(hub: Hub, row: Bound) -> tuple[int, str]:
    """(connection id, remote id) of a binding."""
    stream = hub.stream(row.stream_id)
    return (stream.connection_id if stream else 0), row.remote_id
