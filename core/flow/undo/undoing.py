"""Undoing: a run is taken back by its number. What it said no longer counts, and what follows from that goes out.

    the run's records ▶ history told without it ▶ claims, bindings, fold ▶ marks ▶ (the next sync) the tools

What somebody has said since stands, and is listed. An undo is a run itself, and is undone like any other. What it would
do is found out by doing it in a transaction that is given up again, so that the plan is the truth.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from core.decide.route import Cause
from core.flow.changes import Changes
from core.flow.hub import Hub
from core.flow.inward.rereading import chunks
from core.flow.outward.compare import Difference, Step, differences, load_found
from core.flow.running import Run
from core.flow.undo.retelling import Kept, Left, Taken
from core.flow.undo.taking_back import put_again, take_back
from core.flow.undo.undoable import Target, undoable
from core.model.instant import iso
from core.store import Tx
from core.store import runs as stored

PAGE = 1_000
"""Records taken back in one transaction."""


@dataclass(slots=True)
class Effects:
    """What an undo leads to in one connection, in records."""

    creates: int = 0
    updates: int = 0
    deletes: int = 0
    fields: Counter[str] = field(default_factory=Counter)
    """The tool's field → in how many updates."""

    def add(self, one: Difference) -> None:
        """Count one record in."""
        if one.step is Step.CREATE:
            self.creates += 1
        elif one.step is Step.DELETE:
            self.deletes += 1
        elif one.step is Step.UPDATE:
            self.updates += 1
            self.fields.update((one.fields or {}).keys())

    @property
    def writes(self) -> int:
        """All of them."""
        return self.creates + self.updates + self.deletes


@dataclass(slots=True)
class Undoing:
    """What an undo would do, or has done."""

    run: stored.Run
    records: int = 0
    tools: dict[str, Effects] = field(default_factory=dict)
    kept: list[Kept] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    opened: list[int] = field(default_factory=list)
    """Reviews that are open again."""

    def add(self, taken: Taken) -> None:
        """Count a page in."""
        self.records += len(taken.record_ids)
        self.kept += taken.kept
        self.left += taken.left
        self.opened += taken.opened

    def counts(self) -> dict[str, int]:
        """The numbers that are not zero, for the log."""
        found = {
            "undone": self.records, "kept": len(self.kept), "left": len(self.left), "reopened": len(self.opened)
        }  # fmt: skip
        return {name: value for name, value in found.items() if value}

    def to_json(self) -> dict[str, Any]:
        """One document."""
        return {
            "run": self.run.id,
            "what": self.run.what,
            "records": self.records,
            "connections": {
                name: {
                    "creates": one.creates,
                    "updates": one.updates,
                    "deletes": one.deletes,
                    "fields": dict(one.fields.most_common()),
                }
                for name, one in self.tools.items()
            },
            "kept": [
                {
                    "kind": one.record.kind,
                    "record": one.record.id,
                    "field": one.field,
                    "value": one.value,
                    "by": one.source,
                    "at": None if one.at is None else iso(one.at),
                    "why": one.why,
                }
                for one in self.kept
            ],
            "left": [
                {"connection": one.connection, "kind": one.record.kind, "record": one.record.id, "why": one.why}
                for one in self.left
            ],
            "reviews": sorted(self.opened),
        }


class _Rehearsed(Exception):
    """Everything was looked at, and nothing is kept."""


def plan_undo(hub: Hub, run_id: int) -> Undoing:
    """What undoing a run would change, what stays and why; nothing is changed. `ConfigError` where it cannot be."""
    target = undoable(hub, run_id)
    found = Undoing(target.run)
    done: set[int] = set()
    for ids, cause in _pages(target):
        with suppress(_Rehearsed), hub.store.writing() as tx:
            changes = Changes(hub.clock(), _NOBODY)
            # What a merge brought along on an earlier page is not counted twice.
            taken = take_back(hub, tx, changes, target, ids - done, cause)
            changes.write(tx)
            found.add(taken)
            done |= set(taken.record_ids)
            _foresee(hub, tx, taken, found)
            raise _Rehearsed
    with suppress(_Rehearsed), hub.store.writing() as tx:
        found.opened += put_again(tx, target, _unrecorded(target), now=hub.clock())
        raise _Rehearsed
    return found


_NOBODY = -1
"""The run of a rehearsal."""


def undo(hub: Hub, run_id: int) -> int:
    """Undo a run and give the number of the undo, by which it is undone itself; the next sync brings the tools back.

    `ConfigError` where it cannot be undone. Broken off, it goes on where it was when it is asked for again.
    """
    target = undoable(hub, run_id)
    done = Undoing(target.run)
    with Run(hub, hub.own_id, "undo", subject={"undoes": run_id}) as run:
        for ids, cause in _pages(target):
            with hub.store.writing(durable=True) as tx:
                changes = Changes(hub.clock(), run.id)
                done.add(take_back(hub, tx, changes, target, ids, cause))
                changes.write(tx)
        with hub.store.writing(durable=True) as tx:
            done.opened += put_again(tx, target, _unrecorded(target), now=hub.clock())
        run.counts = done.counts()
    return run.id


def _pages(target: Target) -> Iterator[tuple[set[int], Cause]]:
    # Many at once let live edits pass, as a first load does.
    cause: Cause = "live" if len(target.record_ids) <= PAGE else "backfill"
    for ids in chunks(target.record_ids, PAGE):
        yield set(ids), cause


def _unrecorded(target: Target) -> list[int]:
    """Answered reviews whose answer left no trace in any record."""
    known = set(target.record_ids)
    return [one.id for one in target.reviews.values() if one.record_id not in known]


def _foresee(hub: Hub, tx: Tx, taken: Taken, found: Undoing) -> None:
    """What the tools would be sent, compared as the way out compares."""
    if not taken.record_ids:
        return
    there = load_found(tx, taken.record_ids)
    for connection in hub.connections.values():
        for one in differences(hub, tx, connection, there):
            if one.step in (Step.CREATE, Step.UPDATE, Step.DELETE):
                found.tools.setdefault(connection.name, Effects()).add(one)
