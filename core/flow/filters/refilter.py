"""Filtering again: a changed filter, or a record that fits again, applied to what is known, without a call to a tool.

What a filter kept out or cut off is kept as its tool last showed it, so it is simply taken in again. What is to be
written, deleted or cut off because of the change, reconcile marks and the outbox carries out.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.flow.changes import Changes
from core.flow.drift.lines import as_known
from core.flow.filters.doors import drops
from core.flow.filters.filtering import NOBODY, kept_of, left, severed
from core.flow.hub import Connection, Hub, Stream
from core.flow.inward.arrivals import Intake, Trip
from core.flow.inward.inbound import inbound
from core.flow.outward.compare import Difference
from core.flow.outward.reconcile import reconcile
from core.ports import Page
from core.store import bindings, records
from core.store.bindings import Bound, State
from core.store.records import State as RecordState

PAGE = 1_000


def filter_again(hub: Hub, connection: Connection, *, run_id: int | None = None) -> Intake:
    """Apply a connection's filters, as they are now, to everything that is known of it; may be repeated at will."""
    total = Intake()
    for stream in connection.streams:
        _let_in(hub, stream, total, run_id)
        if stream.only_in is not None and stream.policy.leaves_in == "unlink":
            _cut(hub, stream, run_id)
    reconcile(hub, connection)
    return total


def tie(hub: Hub, found: Sequence[Difference], run_id: int | None = None) -> int:
    """Take up again what was cut off and fits again, and hear what its tool showed meanwhile; gives how many."""
    by_stream: dict[int, list[Bound]] = {}
    streams = {one.stream.id: one.stream for one in found}
    for one in found:
        if one.bound is not None:
            by_stream.setdefault(one.stream.id, []).append(one.bound)
    return sum(_shown_again(hub, streams[id_], rows, run_id).heard for id_, rows in by_stream.items())


def _shown_again(hub: Hub, stream: Stream, rows: Sequence[Bound], run_id: int | None = None) -> Intake:
    """Take in what is kept of these as if the tool had just shown it."""
    now = hub.clock()
    since = min(row.read_at for row in rows)
    trip = Trip(hub, stream, now, now, last_read_at=since, backfill=True, run_id=run_id, trusted=True)
    return inbound(trip, Page(kept_of(rows), {}))


def _let_in(hub: Hub, stream: Stream, total: Intake, run_id: int | None) -> None:
    """What was kept out or cut off, and may fit now."""
    last = 0
    while True:
        with hub.store.reading() as tx:
            page = bindings.after(tx, stream.id, last, PAGE, state=State.FILTERED)
            found = records.load(tx, {row.record_id for row in page} - {NOBODY})
        if not page:
            return
        last = page[-1].id
        # What is deleted is not brought back by a filter.
        live = {id_ for id_, record in found.items() if record.state == RecordState.LIVE} | {NOBODY}
        if rows := [row for row in page if row.record_id in live]:
            total.add(_shown_again(hub, stream, rows, run_id))


def _cut(hub: Hub, stream: Stream, run_id: int | None) -> None:
    """What came in before and is no longer let in."""
    last = 0
    while True:
        with hub.store.writing() as tx:
            stream = as_known(tx, stream)
            page = bindings.after(tx, stream.id, last, PAGE, state=State.BOUND)
            if not page:
                return
            last = page[-1].id
            readings = stream.translator.read([row.expected for row in page])
            changes = Changes(hub.clock(), run_id)
            for row, reading in zip(page, readings, strict=True):
                if drops(stream, row, reading):
                    changes.bindings[row.id] = severed(row, changes.now)
                    left(changes, row)
            changes.write(tx)
