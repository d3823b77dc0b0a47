"""Resting: lines of a mapping are put to rest while the tool's fields are not what they need, and taken up again.

    rests ▶ the field is back, or the mapping is mended ▶ read by a whole walk ▶ written

A line that is not read has nothing to catch up with and is written at once. What waited is found by a reconcile.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.decide.drift import Change, Side
from core.errors import SchemaChanged
from core.flow.drift.lines import RETURNING
from core.flow.hub import Hub, Stream
from core.flow.outward.reconcile import reconcile
from core.flow.pausing import reads
from core.model.instant import Instant
from core.store import Tx, connections, descriptions
from core.store.descriptions import PausedLine

CODE = SchemaChanged.code


def turn_lines(
    tx: Tx, stream: Stream, stops: Mapping[str, Change], now: Instant
) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    """Put lines to rest and take lines up; gives both, and whether any may be written at once."""
    resting = {line.field: line for line in descriptions.paused(tx, [stream.id])}
    mapped = {line.field: line for line in stream.translator.lines}
    walked = {name for name, line in mapped.items() if line.reads and reads(stream)}
    rows = {name: _rest(stream, name, change, resting.get(name), now) for name, change in stops.items()}
    paused = tuple(name for name, row in rows.items() if name not in resting or _goes_further(resting[name], row))
    mended = [line for name, line in resting.items() if name not in rows]
    for line in mended:
        if line.side != Side.WRITING and line.field in walked:
            rows[line.field] = _return(line, now, code="")
    back = [name for name, row in rows.items() if row.side == RETURNING and resting[name].side == Side.BOTH]
    free = [line for line in mended if line.field not in rows]
    descriptions.put_paused(tx, rows.values())
    descriptions.drop_paused(tx, free)
    if back:
        # What they say by now is read from the beginning, whatever else a walk was about.
        connections.change_stream(tx, stream.id, cursor=None, began_at=None, walked=0, due_at=now)
    return paused, (*back, *(line.field for line in free)), any(line.field in mapped for line in free)


def _rest(stream: Stream, name: str, change: Change, earlier: PausedLine | None, now: Instant) -> PausedLine:
    """A line that a change stops, since when it first did."""
    at = earlier.at if earlier is not None and earlier.side == change.side else now
    row = PausedLine(stream.id, name, change.side, at, CODE, change.what, "admin", change.remedy)
    if earlier is not None and change.side is Side.WRITING and earlier.side != Side.WRITING:
        # It may be read again, and what it says by now is known only after a whole walk.
        return _return(earlier._replace(note=change.what, remedy=change.remedy), now, code=CODE)
    return row


def _return(line: PausedLine, now: Instant, *, code: str) -> PausedLine:
    """A line that is being taken up; with a code it goes on to rest in writing afterwards."""
    return line._replace(side=RETURNING, at=line.at if line.side == RETURNING else now, code=code)


def _goes_further(earlier: PausedLine, row: PausedLine) -> bool:
    return row.side == Side.BOTH and earlier.side != Side.BOTH


def arrived(hub: Hub, stream: Stream) -> None:
    """After a reading: lines that a whole walk has shown since they are taken up are written again."""
    with hub.store.reading() as tx:
        returning = [line for line in descriptions.paused(tx, [stream.id]) if line.side == RETURNING]
        read_at = connections.stream_row(tx, stream.id).read_at if returning else None
    shown = [line for line in returning if read_at is not None and read_at >= line.at]
    if not shown:
        return
    with hub.store.writing() as tx:
        descriptions.drop_paused(tx, [line for line in shown if not line.code])
        descriptions.put_paused(tx, [line._replace(side=Side.WRITING) for line in shown if line.code])
    reconcile(hub, hub.connections[stream.connection_id])
