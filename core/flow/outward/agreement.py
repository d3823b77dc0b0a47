"""Agreement: how many fields are equal on both sides, counted by kind, and kept in blocks of records.

A block's counts can be taken out of the sum and put in anew; so what did not change need not be counted again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from core.flow.hub import Connection, Hub
from core.flow.outward.compare import Difference, Step
from core.model.instant import Instant, iso
from core.store import Tx, measured, records, runs
from core.store.codec import dumps, loads
from core.store.database import serialise
from core.store.measured import SIZE, Block, Counts, Place

FORM = 1
"""Of what a block counts; with another number everything is measured anew."""
_PLACE = "measured of {}"
"""The fact that says, of a connection, how far the lists of what changed were read, and by which configuration."""

_KEEPING = "agreement"
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

    def part(self, other: Agreement) -> None:
        """Take out a measure that was counted in."""
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) - getattr(other, name))

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


class Blocks:
    """Agreement counted block by block."""

    def __init__(self, numbers: Iterable[int] = ()) -> None:
        """Of these blocks, even where nothing is found in them."""
        self._counted: dict[int, dict[str, Agreement]] = {number: {} for number in numbers}

    def add(self, found: Iterable[Difference]) -> None:
        """Count records in."""
        for one in found:
            block = self._counted.setdefault(one.record.id // SIZE, {})
            block.setdefault(one.record.kind, Agreement()).add(one)

    def by_kind(self) -> dict[str, Agreement]:
        """All blocks together."""
        return joined(one for block in self._counted.values() for one in block.items())

    def rows(self, at: Instant) -> Iterator[Block]:
        """As they are kept."""
        for number, block in sorted(self._counted.items()):
            counts = {kind: one.counts() for kind, one in block.items()}
            yield Block(number, at, counts, any(one.share < 1.0 or one.missing for one in block.values()))


def joined(found: Iterable[tuple[str, Agreement]]) -> dict[str, Agreement]:
    """By kind, all that was counted of it together."""
    total: dict[str, Agreement] = {}
    for kind, one in found:
        total.setdefault(kind, Agreement()).join(one)
    return total


def read(found: Iterable[Counts]) -> dict[str, Agreement]:
    """By kind, what was kept."""
    return joined((kind, Agreement(**one)) for counts in found for kind, one in counts.items())


# --- how far it was measured


def ends(tx: Tx) -> Place:
    """Where the lists of what changed end; nobody who changes records may be half way, or it would be passed over."""
    serialise(tx, records.CHANGING)
    return measured.newest(tx)


def place_of(hub: Hub, tx: Tx, connection: Connection) -> tuple[Place, Instant] | None:
    """How far a connection was measured, and when its oldest blocks were; None where all is to be measured anew."""
    kept = runs.fact(tx, _PLACE.format(connection.id))
    told = loads(kept) if kept else {}
    return (Place(*told["place"]), told["swept"]) if told.get("by") == _by(hub) else None


def keep_place(hub: Hub, tx: Tx, connection: Connection, place: Place, swept: Instant) -> None:
    """Note how far it was measured."""
    told = {"by": _by(hub), "place": list(place), "swept": swept}
    runs.put_fact(tx, _PLACE.format(connection.id), dumps(told))


def _by(hub: Hub) -> str:
    """By what it was measured."""
    return f"{FORM} {hub.configured}"


# --- what was measured


def begin_anew(hub: Hub, tx: Tx, connection: Connection, blocks: Blocks, place: Place) -> None:
    """Keep what was measured of everything, in the place of all that was known."""
    serialise(tx, _KEEPING)
    now = hub.clock()
    measured.forget(tx, connection.id)
    measured.keep(tx, connection.id, blocks.rows(now))
    _keep_sums(tx, connection, blocks.by_kind(), now)
    keep_place(hub, tx, connection, place, now)


def exchange(hub: Hub, tx: Tx, connection: Connection, numbers: Collection[int], blocks: Blocks) -> None:
    """Take what was known of some blocks out of the sums, and put in what was measured."""
    serialise(tx, _KEEPING)
    now = hub.clock()
    sums = sums_of(tx, connection)
    for kind, one in read(measured.of_blocks(tx, connection.id, numbers)).items():
        sums.setdefault(kind, Agreement()).part(one)
    for kind, one in blocks.by_kind().items():
        sums.setdefault(kind, Agreement()).join(one)
    measured.keep(tx, connection.id, blocks.rows(now))
    _keep_sums(tx, connection, sums, now)


def sums_of(tx: Tx, connection: Connection) -> dict[str, Agreement]:
    """What all blocks of a connection come to."""
    return {kind: Agreement(**counts) for id_, kind, _, counts in runs.agreements(tx) if id_ == connection.id}


def _keep_sums(tx: Tx, connection: Connection, sums: dict[str, Agreement], at: Instant) -> None:
    for kind, one in sums.items():
        runs.keep_agreement(tx, connection.id, kind, at=at, counts=one.counts())
    kinds = {kind: (one.fields, one.fields - one.out_of_step - one.in_conflict) for kind, one in sums.items()}
    runs.keep_agreement_of_day(tx, connection.id, iso(at)[:10], kinds)
