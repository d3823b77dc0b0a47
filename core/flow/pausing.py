"""Pausing: what a person must mend stops as little as it can, and a stream goes on by itself once it is mended.

A connection's pause waits for `concord resume`. A stream's is tried again from time to time; it covers the whole
stream, or only the writing where reading is allowed. What waits in the outbox stays there meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import StrEnum

from core.decide.outcome import outcome
from core.errors import Reach, ToolError
from core.flow.hub import Connection, Hub, Stream
from core.model.instant import HOUR, MINUTE, SECOND, Instant
from core.store import Tx, connections, descriptions, notices, outbox, reviews
from core.store.connections import StreamRow
from core.store.reviews import Question

TRY_EVERY = HOUR
"""A paused stream is tried this often; people seldom mend a permission sooner, and a try costs one call."""

JUST_TRIED = 5 * SECOND
ON_DEMAND = "paused"
"""The code of a pause that a person asked for."""
NEVER = 9_000_000_000_000_000
"""A moment that does not come (the year 2255): such a pause ends by a person's word."""


class Side(StrEnum):
    """What of a stream is paused."""

    WHOLE = "whole"
    WRITING = "writing"


def pause(tx: Tx, connection: Connection, error: ToolError, *, now: Instant) -> None:
    """Stop a connection until a person has acted, and ask for that."""
    connections.change_connection(
        tx, connection.id, state="paused", pause_code=error.error_code, pause_note=error.message
    )
    subject = {"connection": connection.name, **error.to_json()}
    reviews.ask(tx, [Question("connection", subject, connection_id=connection.id)], now=now)


def pause_stream(
    tx: Tx, connection: Connection, stream: Stream, error: ToolError, *, writing: bool, now: Instant
) -> Instant:
    """Stop one stream, or only the writing of it, and ask a person to mend it; gives when it is tried again."""
    side = Side.WRITING if writing or not reads(stream) else Side.WHOLE
    try_at = now + TRY_EVERY
    told = error.to_json()
    values = {"pause_code": told["code"], "pause_note": told["message"], "pause_acts": told["acts"]}
    values |= {"pause_remedy": told["remedy"], "pause_side": str(side), "try_at": try_at}
    if side is Side.WHOLE:
        values["due_at"] = try_at
    connections.change_stream(tx, stream.id, **values)
    subject = {"connection": connection.name, "stream": stream.name, "paused": str(side), **told}
    reviews.ask(tx, [Question("connection", subject, connection_id=connection.id, field=stream.name)], now=now)
    return try_at


def pause_on_demand(tx: Tx, connection_id: int, stream: StreamRow | None, note: str, *, now: Instant) -> None:
    """A person stops a connection, or one stream of it, until somebody takes it up again."""
    if stream is None:
        connections.change_connection(tx, connection_id, state="paused", pause_code=ON_DEMAND, pause_note=note)
        return
    told = {"pause_code": ON_DEMAND, "pause_note": note, "pause_acts": "admin", "pause_side": str(Side.WHOLE)}
    remedy = "Take it up again with `concord resume` when it may go on."
    connections.change_stream(tx, stream.id, **told, pause_remedy=remedy, try_at=NEVER, due_at=now)


def take_up_stream(tx: Tx, connection_id: int, stream: StreamRow, *, now: Instant) -> None:
    """End the pause of one stream: its question is closed, and all of it is due."""
    connections.end_pauses(tx, [stream.id])
    asked = [
        one.id
        for one in reviews.about(tx, [0])
        if (one.what, one.connection_id, one.field) == ("connection", connection_id, stream.name)
    ]
    reviews.close_ids(tx, asked, now=now, answer="resumed")
    outbox.hasten(tx, connection_id, now=now)
    notices.hasten(tx, connection_id, now=now)
    descriptions.ask_again(tx, [stream.id])
    connections.change_stream(tx, stream.id, due_at=now)


def stop(hub: Hub, connection: Connection, stream: Stream, error: ToolError) -> Instant:
    """Pause a stream that cannot be looked into, and give until when; any other error is raised again."""
    verdict = outcome(error)
    if not verdict.pause or verdict.reach is not Reach.STREAM:
        raise error
    with hub.store.writing() as tx:
        return pause_stream(tx, connection, stream, error, writing=False, now=hub.clock())


def reads(stream: Stream) -> bool:
    """Whether a stream is read at all."""
    return stream.policy.reads and stream.manifest.reads


def may_read(row: StreamRow, now: Instant) -> bool:
    """Whether a stream is not paused, or its next try is due."""
    return row.pause_side != Side.WHOLE or (row.try_at or 0) <= now


def unwritable(rows: Iterable[StreamRow], now: Instant) -> dict[int, Instant]:
    """Stream id → when to look again, of those that must not be written now; a whole pause ends by a reading."""
    soon = now + MINUTE
    paused = {one.id: one for one in rows if one.pause_code is not None}
    return {
        id_: max(one.try_at or 0, soon)
        for id_, one in paused.items()
        if one.pause_side == Side.WHOLE or (one.try_at or 0) > now
    }


def end_pause(tx: Tx, stream: Stream, *, now: Instant) -> None:
    """The stream works again: its question is closed, and what waited goes out at once."""
    connections.end_pauses(tx, [stream.id])
    asked = [
        one.id
        for one in reviews.about(tx, [0])
        if (one.what, one.connection_id, one.field) == ("connection", stream.connection_id, stream.name)
    ]
    reviews.close_ids(tx, asked, now=now, answer="works again")
    outbox.hasten(tx, stream.connection_id, now=now)
    notices.hasten(tx, stream.connection_id, now=now)


def try_now(tx: Tx, connection_ids: Collection[int], *, now: Instant) -> None:
    """A person asks for a sync: paused streams are tried at once, and what waited for them is due.

    Not those that were tried a moment ago: a sync that is asked for may be several rounds.
    """
    before = now + TRY_EVERY - JUST_TRIED
    for connection_id in connections.try_at_once(tx, connection_ids, now=now, before=before):
        outbox.hasten(tx, connection_id, now=now)


def take_up(tx: Tx, connection_id: int, *, now: Instant, on_demand: bool = True) -> None:
    """End every pause of a connection and its streams: the questions are closed, and all of it is due.

    With `on_demand` false, streams that a person paused stay so: only what was to be mended is taken up.
    """
    kept = [one for one in connections.streams_of(tx, connection_id) if one.pause_code == ON_DEMAND and not on_demand]
    connections.resume(tx, connection_id)
    for one in kept:
        pause_on_demand(tx, connection_id, one, one.pause_note or "", now=now)
    asked = [one.id for one in reviews.about(tx, [0]) if (one.what, one.connection_id) == ("connection", connection_id)]
    reviews.close_ids(tx, asked, now=now, answer="resumed")
    outbox.hasten(tx, connection_id, now=now)
    notices.hasten(tx, connection_id, now=now)
    streams = connections.streams_of(tx, connection_id)
    descriptions.ask_again(tx, [stream.id for stream in streams])
    for stream in streams:
        connections.change_stream(tx, stream.id, due_at=now)
