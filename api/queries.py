"""Counts and lists that the doors show: reading statements over the store's tables, each of a fixed number.

What the trips need is in `core.store`; here is only what people look at.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import case, func, literal, literal_column, or_, select, tuple_

from core.model.instant import SECOND, Instant
from core.store import Tx
from core.store.bindings import State
from core.store.codec import loads, unpack
from core.store.database import among
from core.store.tables import binding, dead_letter, notice, outbox, review, run, unread


class Wait(NamedTuple):
    """A connection's outbox: how many rows, when the oldest was or will be due, how often tried."""

    rows: int
    oldest: Instant | None
    tried: int


_NOT_BOUND = binding.c.state != literal_column("0")
"""All but the usual; written as the index of those few has it."""


def bound_by_stream(tx: Tx) -> dict[int, int]:
    """Stream id → records it holds: all bindings, by an index, without those of another state."""
    every = select(binding.c.stream_id, func.count()).group_by(binding.c.stream_id)
    others = {row[0]: row[1] for row in tx.execute(every.where(_NOT_BOUND))}
    return {row[0]: row[1] - others.get(row[0], 0) for row in tx.execute(every)}


def filtered_by_stream(tx: Tx) -> dict[int, tuple[int, int]]:
    """Stream id → what its filters keep out of the hub, and what they cut off from a record of the hub."""
    c = binding.c
    kept = func.sum(case((c.record_id == 0, 1), else_=0))
    query = select(c.stream_id, kept, func.count()).where(_NOT_BOUND, c.state == State.FILTERED).group_by(c.stream_id)
    return {row[0]: (int(row[1]), row[2] - int(row[1])) for row in tx.execute(query)}


def problems_by_stream(tx: Tx) -> dict[int, int]:
    """Stream id → records of which something could not be read or translated."""
    c = binding.c
    query = select(c.stream_id, func.count()).where(c.problems.is_not(None)).group_by(c.stream_id)
    return {row[0]: row[1] for row in tx.execute(query)}


class Doubtful(NamedTuple):
    """A reading of which something could not be read or translated."""

    stream_id: int
    id: int
    remote_id: str
    record_id: int
    raw: str

    @property
    def problems(self) -> list[str]:
        """What is wrong, in sentences."""
        found: list[str] = loads(self.raw)
        return found


def doubtful(
    tx: Tx, stream_ids: Collection[int], *, after: tuple[int, int] | None = None, limit: int = 50
) -> list[Doubtful]:
    """Readings with problems, by stream and number, in the order of their index; `after` is the last one shown."""
    c = binding.c
    query = select(c.stream_id, c.id, c.remote_id, c.record_id, c.problems).where(
        among(tx, c.stream_id, stream_ids), c.problems.is_not(None)
    )
    if after is not None:
        query = query.where(tuple_(c.stream_id, c.id) > tuple_(*(literal(one) for one in after)))
    return [Doubtful(*row) for row in tx.execute(query.order_by(c.stream_id, c.id).limit(limit))]


def unread_by_stream(tx: Tx) -> dict[int, int]:
    """Stream id → places that could not be read at all."""
    query = select(unread.c.stream_id, func.count()).group_by(unread.c.stream_id)
    return {row[0]: row[1] for row in tx.execute(query)}


def dead_by_connection(tx: Tx) -> dict[int, int]:
    """Connection id → dead letters."""
    query = select(dead_letter.c.connection_id, func.count()).group_by(dead_letter.c.connection_id)
    return {row[0]: row[1] for row in tx.execute(query)}


def waits(tx: Tx) -> dict[int, Wait]:
    """Connection id → what waits in its outbox."""
    c = outbox.c
    query = select(c.connection_id, func.count(), func.min(c.due_at), func.max(c.attempts)).group_by(c.connection_id)
    return {row[0]: Wait(row[1], row[2], row[3]) for row in tx.execute(query)}


def samples(tx: Tx, stream_id: int, limit: int) -> list[dict[str, Any]]:
    """Some of a stream's records as its tool is known to hold them."""
    return list(examples(tx, stream_id, limit).values())


def examples(tx: Tx, stream_id: int, limit: int) -> dict[str, dict[str, Any]]:
    """The tool's id of some of a stream's records → what the tool is known to hold of each."""
    c = binding.c
    query = select(c.remote_id, c.expected).where(c.stream_id == stream_id, c.state == State.BOUND)
    return {id_: unpack(packed) for id_, packed in tx.execute(query.order_by(c.id).limit(limit))}


def echoes(tx: Tx, since: Instant) -> dict[int, int]:
    """Connection id → readings spelt otherwise than expected, and known to be no edit by what they mean."""
    c = run.c
    pulls = (c.began_at >= since, c.what == "pull", c.counts.contains('"echoes"'))
    query = select(c.connection_id, c.counts).where(*pulls)
    found: dict[int, int] = {}
    for connection_id, counts in tx.execute(query):
        found[connection_id] = found.get(connection_id, 0) + loads(counts).get("echoes", 0)
    return found


def pace(tx: Tx, connection_id: int) -> float | None:
    """Seconds that a write to a connection took, over its latest deliveries; None before there was one."""
    c = run.c
    query = (
        select(c.began_at, c.ended_at, c.counts)
        .where(c.connection_id == connection_id, c.what == "deliver", c.ended_at.is_not(None))
        .order_by(c.id.desc())
        .limit(20)
    )
    seconds, writes = 0.0, 0
    for began_at, ended_at, counts in tx.execute(query):
        done = loads(counts)
        seconds += (ended_at - began_at) / SECOND
        writes += sum(done.get(verb, 0) for verb in ("created", "updated", "deleted"))
    return seconds / writes if writes else None


class Lane(NamedTuple):
    """One lane of a connection's outbox: how many rows, and when the oldest was or will be due."""

    connection_id: int
    lane: int
    rows: int
    oldest: Instant


def lanes(tx: Tx) -> list[Lane]:
    """What waits in all outboxes, by lane."""
    c = outbox.c
    query = select(c.connection_id, c.lane, func.count(), func.min(c.due_at)).group_by(c.connection_id, c.lane)
    return [Lane(*row) for row in tx.execute(query)]


class Questions(NamedTuple):
    """Open reviews of one kind about one connection, 0 for none: how many, and how many of them are late."""

    what: str
    connection_id: int
    open: int
    late: int


def questions(tx: Tx, now: Instant) -> list[Questions]:
    """Open reviews, counted by kind and connection."""
    c = review.c
    late = func.sum(case((or_(c.due_at <= now, c.escalated_at.is_not(None)), 1), else_=0))
    query = select(c.what, c.connection_id, func.count(), late).where(c.closed_at.is_(None))
    return [
        Questions(row[0], row[1], row[2], int(row[3])) for row in tx.execute(query.group_by(c.what, c.connection_id))
    ]


def unheard(tx: Tx) -> dict[int, tuple[int, Instant]]:
    """Connection id → what came by webhook and waits to be heard: how many, and when the oldest came."""
    c = notice.c
    query = select(c.connection_id, func.count(), func.min(c.at)).where(c.heard_at.is_(None)).group_by(c.connection_id)
    return {row[0]: (row[1], row[2]) for row in tx.execute(query)}
