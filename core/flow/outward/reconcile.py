"""Reconcile: look at every record of a connection, measure agreement, and mark what slipped.

Needs no call to any tool: it compares the records with what the tools are known to hold. A lost outbox row does no
harm, because this finds it. What was measured is kept in blocks, and only what changed is measured again
(`measuring`).
"""

from __future__ import annotations

from core.decide.route import Lane
from core.flow.hub import Connection, Hub
from core.flow.outward.agreement import Blocks, Reconciled, begin_anew, ends
from core.flow.outward.compare import Difference, Step, differences
from core.store import Tx, deliveries, outbox, records
from core.store.outbox import Mark

PAGE = 1_000


def reconcile(hub: Hub, connection: Connection, *, mend: bool = True) -> Reconciled:
    """Compare everything the connection should hold; with `mend`, mark what is out of step so that it goes out."""
    result, blocks = Reconciled(connection.name), Blocks()
    with hub.store.writing() as tx:
        # What changes from here on is measured again the next time.
        place = ends(tx)
    kinds, last = written_kinds(connection), 0
    while kinds:
        with hub.store.reading() as tx:
            page = records.after(tx, last, kinds, PAGE)
            found = differences(hub, tx, connection, {record.id: record for record in page})
        if not page:
            break
        last = page[-1].id
        blocks.add(found)
        if mend:
            result.marked += mark_stray(hub, connection, found)
    result.by_kind = blocks.by_kind()
    with hub.store.writing() as tx:
        begin_anew(hub, tx, connection, blocks, place)
    return result


def written_kinds(connection: Connection) -> set[str]:
    """The kinds that are written to a connection: what is measured there."""
    return {stream.kind for stream in connection.streams if stream.policy.writes}


def mark_stray(hub: Hub, connection: Connection, found: list[Difference]) -> int:
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
    return len({one.record.id for one in stray})


def _mark(hub: Hub, tx: Tx, connection: Connection, stray: list[Difference]) -> None:
    """Mark what is not marked yet, once also where the tool holds it twice; a row that waits keeps waiting."""
    marked = outbox.due_records(tx, [one.record.id for one in stray])
    now = hub.clock()
    rows = {
        one.record.id: Mark(connection.id, one.record.id, Lane.BACKFILL, one.stream.rank, now)
        for one in stray
        if (connection.id, one.record.id) not in marked
    }
    outbox.mark(tx, rows.values())
