"""Reconcile: look at every record in every connection, measure agreement, and mark what slipped.

Needs no call to any tool: it compares the records with what the tools are known to hold. A lost outbox row does no
harm, because this finds it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from core.decide.route import Lane
from core.flow.hub import Connection, Hub
from core.flow.outward.compare import Difference, Step, differences
from core.store import Tx, deliveries, outbox, records, runs
from core.store.outbox import Mark

PAGE = 1_000

_COUNTS = ("records", "fields", "out_of_step", "in_conflict", "missing", "left_out")


@dataclass(slots=True)
class Agreement:
    """How many fields are equal on both sides, of one kind in one connection or of several together."""

    records: int = 0
    fields: int = 0
    out_of_step: int = 0
    in_conflict: int = 0
    """Fields under an open question."""
    missing: int = 0
    """Records that the connection should hold and does not yet."""
    left_out: int = 0
    """Records that a filter leaves out; they count nowhere else."""

    @property
    def share(self) -> float:
        """The agreed share of all fields, 0 to 1; 1 where there is nothing to compare."""
        return 1.0 if not self.fields else (self.fields - self.out_of_step - self.in_conflict) / self.fields

    def add(self, one: Difference) -> None:
        """Count one record in."""
        if one.left_out:
            self.left_out += 1
            return
        self.records += 1
        self.fields += one.compared
        self.in_conflict += one.undecided
        if one.step is Step.CREATE:
            self.missing += 1
            self.out_of_step += one.compared - one.undecided
        elif one.step is Step.UPDATE:
            self.out_of_step += len(one.fields or {})

    def join(self, other: Agreement) -> None:
        """Count another measure in."""
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def counts(self) -> dict[str, int]:
        """As it is stored."""
        return {name: getattr(self, name) for name in _COUNTS}


@dataclass(slots=True)
class Reconciled:
    """What a reconcile found in one connection."""

    connection: str
    by_kind: dict[str, Agreement] = field(default_factory=dict)
    marked: int = 0

    @property
    def whole(self) -> Agreement:
        """All kinds together."""
        total = Agreement()
        for one in self.by_kind.values():
            total.join(one)
        return total


def reconcile(hub: Hub, connection: Connection, *, mend: bool = True) -> Reconciled:
    """Compare everything the connection should hold; with `mend`, mark what is out of step so that it goes out."""
    result = Reconciled(connection.name)
    kinds = {stream.kind for stream in connection.streams if stream.policy.writes}
    last = 0
    while kinds:
        with hub.store.reading() as tx:
            page = records.after(tx, last, kinds, PAGE)
            found = differences(hub, tx, connection, {record.id: record for record in page})
        if not page:
            break
        last = page[-1].id
        for one in found:
            result.by_kind.setdefault(one.record.kind, Agreement()).add(one)
        if mend:
            result.marked += _mend(hub, connection, found)
    with hub.store.writing() as tx:
        for kind, measured in result.by_kind.items():
            runs.keep_agreement(tx, connection.id, kind, at=hub.clock(), counts=measured.counts())
    return result


def _mend(hub: Hub, connection: Connection, found: list[Difference]) -> int:
    """Mark what is out of step; gives how many records that are."""
    stray = [one for one in found if one.step is not Step.NOTHING]
    # What is in step but for a ref has nothing to be sent before its target is there; a row that was lost would have
    # noted that. What is marked notes it when its row is worked.
    untold = [
        (connection.id, target, one.record.id) for one in found if one.step is Step.NOTHING for target in one.missing
    ]
    if stray or untold:
        with hub.store.writing() as tx:
            _mark(hub, tx, connection, stray)
            deliveries.wait_for(tx, untold)
    return len(stray)


def _mark(hub: Hub, tx: Tx, connection: Connection, stray: list[Difference]) -> None:
    """Mark what is not marked yet; a row that waits for its time keeps waiting."""
    marked = outbox.due_records(tx, [one.record.id for one in stray])
    now = hub.clock()
    rows = [
        Mark(connection.id, one.record.id, Lane.BACKFILL, one.stream.rank, now)
        for one in stray
        if (connection.id, one.record.id) not in marked
    ]
    outbox.mark(tx, rows)
