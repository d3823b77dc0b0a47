"""Live: what somebody changed a moment ago goes out between two calls of a long walk or delivery.

Whoever corrects a name does not wait for a first load. Only a few records that the connection holds are written so;
more than the brake lets pass unweighed waits for the turn's own delivery, which weighs it. So does everything while the
brake holds, or while a change is tried on a few records first.
"""

from __future__ import annotations

from dataclasses import replace

from core.calling import calling
from core.decide.brake import Leave
from core.decide.route import Lane
from core.flow.brake.braking import open_review
from core.flow.hub import Connection, Hub
from core.flow.outward.booking import Delivered
from core.flow.outward.outbound import deliver
from core.flow.plan import canary
from core.flow.running import Run
from core.store import Tx, outbox


def deliver_live(hub: Hub, connection: Connection) -> Delivered:
    """Write the few records that were changed a moment ago, and nothing else."""
    few = connection.limits.few
    with hub.store.reading() as tx:
        waits = outbox.live(tx, connection.id, hub.clock(), most=few + 1)
        if not 0 < waits <= few or _is_held(tx, connection):
            return Delivered()
    with Run(hub, connection.id, "deliver", None) as run, calling(Lane.LIVE):
        done = deliver(hub, replace(connection, leave=Leave.LIVE), run_id=run.id)
        run.counts = done.counts()
    return done


def _is_held(tx: Tx, connection: Connection) -> bool:
    return open_review(tx, connection.id) is not None or canary.is_open(tx, connection.id)
