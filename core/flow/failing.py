"""Failing: what follows for a connection whose tool failed as a whole, and when it is looked at again."""

from __future__ import annotations

from core.decide.outcome import back_off, outcome
from core.decide.scheduling import Pace
from core.errors import ToolError
from core.flow.hub import Connection, Hub, Stream
from core.flow.pausing import pause
from core.model.instant import SECOND
from core.store import Tx, connections, runs
from core.store.connections import StreamRow


def failed(hub: Hub, connection: Connection, error: ToolError) -> None:
    """A pause if a person must act, else the streams are due again after a while."""
    now = hub.clock()
    verdict = outcome(error)
    with hub.store.writing() as tx:
        if verdict.pause:
            pause(tx, connection, error, now=now)
            return
        for stream in connection.streams:
            row = connections.stream_row(tx, stream.id)
            if row.due_at <= now:
                # Slower each time; but a look costs little, and once the tool is back nobody should wait for long.
                slower = min(back_off(max(0, failures(tx, row) - 1)), poll_every(stream))
                wait = max(slower, verdict.wait or 0.0)
                # Whoever asked for less haste is not polled faster than usual for having been busy.
                streak = max(0, row.quiet_polls)
                connections.change_stream(tx, stream.id, due_at=now + int(wait * SECOND), quiet_polls=streak)


def failures(tx: Tx, row: StreamRow) -> int:
    """How many runs of the stream's connection have failed since the stream was last read, the latest ones counted."""
    latest = runs.recent(tx, connection_id=row.connection_id)
    # What stopped another stream alone says nothing of this one.
    paused = {one.name: one.pause_code for one in connections.streams_of(tx, row.connection_id) if one.id != row.id}
    broken = [run for run in latest if run.code is not None and run.began_at > (row.read_at or 0)]
    return sum(run.stream is None or paused.get(run.stream) != run.code for run in broken)


def poll_every(stream: Stream) -> float:
    """Seconds between two polls, usually."""
    return stream.policy.poll_every or stream.manifest.poll_every


def pace(stream: Stream) -> Pace:
    """How often a stream may be polled."""
    return Pace.of(poll_every(stream), stream.policy.poll_fastest, stream.policy.poll_slowest)
