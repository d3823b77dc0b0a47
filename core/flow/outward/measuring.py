"""Measuring: the agreement of a connection brought up to date, at the cost of what changed since the last time.

    history, deliveries, questions since then ┐
    what was marked                           ├▶ blocks ▶ compare ▶ mark what slipped ▶ sums
    those that were looked at longest ago     ┘

The first time, and by another configuration, everything is compared (`reconcile`). What nothing tells of comes round in
small slices: in a million records within some two weeks, in a few thousand within the hour.
"""

from __future__ import annotations

from core.flow.hub import Connection, Hub
from core.flow.outward.agreement import Blocks, Reconciled, ends, exchange, keep_place, place_of, sums_of
from core.flow.outward.compare import Difference, differences
from core.flow.outward.reconcile import mark_stray, reconcile, written_kinds
from core.model.instant import MINUTE, Instant
from core.store import Tx, measured, records
from core.store.records import State

TOGETHER = 16
"""Blocks that are compared together, a thousand records; as many make a slice."""
SWEEP_EVERY = 9 * MINUTE
"""So often a slice of what did not change is looked at all the same; a little less than the ten minutes after which it
is measured in any case, or every other time would be a moment too early."""


def measure(hub: Hub, connection: Connection) -> Reconciled:
    """Bring a connection's agreement up to date, and mark what slipped."""
    now = hub.clock()
    with hub.store.writing() as tx:
        place = ends(tx)
        known = place_of(hub, tx, connection)
    if known is None:
        return reconcile(hub, connection)
    since, swept = known
    sweeps = now - swept >= SWEEP_EVERY
    with hub.store.reading() as tx:
        told = {*measured.changed(tx, connection.id, since, place), *measured.marked(tx, connection.id)}
        todo = sorted(told | _slice(tx, connection, now) if sweeps else told)
    result = Reconciled(connection.name)
    for start in range(0, len(todo), TOGETHER):
        result.marked += _measure(hub, connection, todo[start : start + TOGETHER])
    if sweeps or place != since:
        with hub.store.writing() as tx:
            keep_place(hub, tx, connection, place, now if sweeps else swept)
    with hub.store.reading() as tx:
        result.by_kind = sums_of(tx, connection)
    return result


def _slice(tx: Tx, connection: Connection, now: Instant) -> set[int]:
    """The blocks that were measured longest ago, and of those that are not agreed as many again."""
    each = (measured.oldest(tx, connection.id, before=now, limit=TOGETHER, is_open=one) for one in (False, True))
    return {number for found in each for number in found}


def _measure(hub: Hub, connection: Connection, numbers: list[int]) -> int:
    """Measure some blocks; gives how many records were marked."""
    blocks = Blocks(numbers)
    with hub.store.reading() as tx:
        found = _compared(hub, tx, connection, numbers)
    blocks.add(found)
    marked = mark_stray(hub, connection, found)
    with hub.store.writing() as tx:
        exchange(hub, tx, connection, numbers, blocks)
    return marked


def _compared(hub: Hub, tx: Tx, connection: Connection, numbers: list[int]) -> list[Difference]:
    kinds = written_kinds(connection)
    known = records.load(tx, measured.numbers(numbers))
    live = {id_: one for id_, one in known.items() if one.state == State.LIVE and one.kind in kinds}
    return differences(hub, tx, connection, live)
