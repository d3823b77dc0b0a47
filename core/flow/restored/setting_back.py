"""Setting back: the database is an older copy of itself, while the tools have moved on.

What it holds of the tools is old, and what was sent since is not in it. So every stream is read whole, before
anything is written to it, as at the beginning; a mail that waited may have gone out, and is looked for and not sent;
numbers that records were given since are never given again, because keys in the tools still name them.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.flow.hub import Hub
from core.flow.pausing import reads
from core.flow.running import Run
from core.store import connections, messages, outbox, restores, subscriptions
from core.store.restores import Restored


def set_back(hub: Hub, subject: Mapping[str, str]) -> Restored:
    """Note that the database was set back; `subject` says how, for the log. Whoever does it twice does no harm."""
    with Run(hub, hub.own_id, "restore", subject=subject) as run:
        now = hub.clock()
        with hub.store.writing(durable=True) as tx:
            streams = [one for connection in hub.connections.values() for one in connection.streams if reads(one)]
            for stream in streams:
                row = connections.stream_row(tx, stream.id)
                connections.change_stream(
                    tx,
                    stream.id,
                    cursor=None,
                    phase="backfill",
                    generation=row.generation + 1,
                    walked=0,
                    began_at=None,
                    due_at=now,
                    quiet_polls=0,
                )
            for connection in hub.connections.values():
                outbox.unlease(tx, connection.id)
                subscriptions.revisit(tx, connection.id, now=now)
            messages.doubt(tx)
            restored = restores.note(tx, at=now, stream_ids=[one.id for one in streams])
        run.counts = {"streams": len(streams)}
    return restored
