"""The desk: records that a trip has taken out to work on, with every voice about them and what was just heard.

They are loaded and locked here, changed by the trips, and folded again by `core.flow.refold`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.flow.hub import Hub
from core.model.claim import Claims, Voice
from core.store import Tx, bindings, records
from core.store.bindings import Bound
from core.store.bindings import State as BindingState
from core.store.records import Record, State


@dataclass(slots=True)
class Heard:
    """News of one source about a record, to be written into its history."""

    what: str
    claims: Claims
    binding_id: int | None
    more: Mapping[str, Any] = field(default_factory=dict)
    """Further words of its history entry (`core.store.history`)."""


@dataclass(slots=True)
class Work:
    """One record on the desk: as it was, who speaks about it, and what was just heard."""

    record: Record
    voices: dict[int, Voice] = field(default_factory=dict)
    """Binding id → voice."""
    before: dict[int, Claims] = field(default_factory=dict)
    """Binding id → what it claimed when it was laid on the desk."""
    streams: dict[int, int] = field(default_factory=dict)
    """Binding id → stream id, of live bindings only."""
    heard: list[Heard] = field(default_factory=list)
    state: int = State.LIVE
    merged_into: int | None = None
    touched: set[str] = field(default_factory=set)
    """Source names whose tool must be looked at even if no standing value changes."""
    wider: set[str] = field(default_factory=set)
    """Source names whose tool shows a wider consent than it may: it is told before anything else."""

    def say(self, bound: Bound, source: str, claims: Claims, *, retired: bool = False) -> None:
        """Put a voice's present claims on the desk."""
        self.voices[bound.id] = Voice(source, claims, retired)
        if retired:
            self.streams.pop(bound.id, None)
        else:
            self.streams[bound.id] = bound.stream_id


def load_works(hub: Hub, tx: Tx, record_ids: Iterable[int]) -> dict[int, Work]:
    """Lock and load records with every voice about them: two statements. Nothing is ever changed about the erased."""
    ids = set(record_ids)
    found = records.load(tx, ids, to_change=True)
    works = {id_: Work(one, state=one.state) for id_, one in found.items() if one.state != State.ERASED}
    for bound in bindings.of_records(tx, ids):
        if bound.record_id in works:
            lay_out(hub, works[bound.record_id], bound)
    return works


def lay_out(hub: Hub, work: Work, bound: Bound) -> None:
    """Put a binding as it is stored on the desk."""
    retired, claims = bound.state != BindingState.BOUND, bound.claims
    work.say(bound, hub.sources.get(bound.stream_id, "?"), claims, retired=retired)
    work.before.setdefault(bound.id, claims)
    if bound.state == BindingState.FILTERED:
        # Its tool holds the record all the same.
        work.streams[bound.id] = bound.stream_id
