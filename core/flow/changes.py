"""What one transaction is going to change, gathered first and written at once.

The trips put rows in; `write` carries them out, one statement a table, whatever the number of rows. Nothing here
decides anything.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from core.decide.route import Lane
from core.model.consent import Spoken
from core.model.instant import Instant
from core.model.shapes import KIND_ORDER
from core.store import Tx, bindings, deliveries, history, keys, ledger, measured, outbox, records, reviews, words
from core.store.bindings import Bound
from core.store.history import Entry
from core.store.outbox import Mark
from core.store.records import Record
from core.store.reviews import Question


@dataclass(slots=True)
class Changes:
    """Rows to be written together."""

    now: Instant
    run_id: int | None = None
    new_records: list[Record] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    new_bindings: list[Bound] = field(default_factory=list)
    bindings: dict[int, Bound] = field(default_factory=dict)
    history: list[Entry] = field(default_factory=list)
    keys: list[tuple[int, int]] = field(default_factory=list)
    dropped_keys: list[tuple[int, int]] = field(default_factory=list)
    words: list[tuple[bytes, int]] = field(default_factory=list)
    dropped_words: list[tuple[bytes, int]] = field(default_factory=list)
    stirred: set[int] = field(default_factory=set)
    """Key digests of records that came back or went without being filed anew."""
    marks: list[Mark] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    answered: list[tuple[str, int, str]] = field(default_factory=list)
    waiting: list[tuple[int, str, int]] = field(default_factory=list)
    consents: list[Spoken] = field(default_factory=list)
    """What was said about consent: it goes into the ledger in this very transaction."""
    echoed: set[int] = field(default_factory=set)
    """Records that a tool shows otherwise than expected, though nothing was said: no history tells of it."""
    bound: list[tuple[int, int]] = field(default_factory=list)
    """(connection id, record id) newly held there, or merged away: what waited to refer to it may now be written."""

    afterwards: Callable[[Tx], None] | None = None
    """What follows in the same transaction from what was written."""

    @property
    def refiled(self) -> bool:
        """Whether anybody is to be found under another key than before."""
        return bool(self.keys or self.dropped_keys or self.stirred)

    def digests(self) -> Collection[int]:
        """The digests of the keys under which somebody is to be found, or no longer."""
        rows = (*self.keys, *self.dropped_keys)
        return {digest for digest, record_id in rows if record_id > 0} | self.stirred

    def tell(self, record_id: int, what: str, packed: bytes, binding_id: int | None = None) -> None:
        """Add a history entry."""
        self.history.append(Entry(record_id, self.now, self.run_id, binding_id, what, packed))

    def mark(self, connection_ids: Iterable[int], record_id: int, lane: int, rank: int) -> None:
        """Mark a record as out of step in some connections."""
        self.marks.extend(Mark(connection_id, record_id, lane, rank, self.now) for connection_id in connection_ids)

    def write(self, tx: Tx) -> None:
        """Carry everything out; call once, last in the transaction."""
        records.insert(tx, self.new_records)
        records.update(tx, self.records)
        bindings.insert(tx, self.new_bindings)
        bindings.update(tx, self.bindings.values())
        history.append(tx, self.history)
        keys.drop(tx, self.dropped_keys)
        keys.add(tx, self.keys)
        words.drop(tx, self.dropped_words)
        words.add(tx, self.words)
        outbox.mark(tx, _strongest(self.marks))
        reviews.ask(tx, self.questions, now=self.now)
        reviews.close(tx, self.answered, now=self.now, answer="settled by the claims")
        bindings.wait(tx, self.waiting)
        if self.echoed:
            measured.stale(tx, self.echoed)
        self._wake(tx)
        if self.afterwards is not None:
            self.afterwards(tx)
        # Last, because the ledger has one end, and whoever adds to it keeps others waiting until the commit.
        ledger.append(tx, [(one.occasion.record_id, one.entry()) for one in self.consents])

    def _wake(self, tx: Tx) -> None:
        by_connection: dict[int, list[int]] = {}
        for connection_id, record_id in self.bound:
            by_connection.setdefault(connection_id, []).append(record_id)
        for connection_id, targets in by_connection.items():
            woken = deliveries.released_by(tx, connection_id, targets)
            kinds = records.kinds(tx, woken) if woken else {}
            outbox.mark(
                tx,
                [
                    Mark(connection_id, one, Lane.LIVE, KIND_ORDER.index(kinds[one]), self.now)
                    for one in woken
                    if one in kinds
                ],
            )


def _strongest(marks: list[Mark]) -> list[Mark]:
    """One mark a record and connection: a set-based upsert must not meet the same row twice."""
    if len(marks) < 2:
        return marks
    found: dict[tuple[int, int], Mark] = {}
    for mark in marks:
        place = (mark.connection_id, mark.record_id)
        other = found.get(place)
        if other is None or mark.lane < other.lane:
            found[place] = mark
    return list(found.values())
