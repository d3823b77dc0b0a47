"""The scorecard: verdicts counted by group, and found by what is missing."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, case, func, select

from core.model.instant import Instant
from core.store.bindings import State
from core.store.movement import COLUMNS, Kept
from core.store.tables import binding, connection, stream, verdict


class Score(NamedTuple):
    """How the open records of one group stand, counted."""

    key: Any
    """What they have in common, such as a stage or an owner's id; None for those that have none."""
    open: int = 0
    owner: int = 0
    action: int = 0
    timing: int = 0
    recovery: int = 0
    protected: int = 0
    """With all four."""
    stale: int = 0
    waiting: int = 0
    """Whose people wait for a word of ours."""
    answered: int = 0
    in_window: int = 0
    """Answered in their window."""
    missed: int = 0
    """Whose window was missed, answered or not."""
    unreal: int = 0
    """Where something does not fit together, closed ones too."""


GROUPS = {"kind": verdict.c.kind, "stage": verdict.c.stage, "source": verdict.c.source, "owner": verdict.c.owner_id}
"""What verdicts can be counted by, beside the tool."""


def scores(tx: Connection, by: str) -> list[Score]:
    """The scorecard by a word of `GROUPS` or `tool` (a connection's name), the largest group first; one statement."""
    c = verdict.c
    counted = [func.sum(case((c.open == 1, one), else_=0)) for one in _COUNTED] + [
        func.sum(case((c.unreal > 0, 1), else_=0))
    ]
    key = GROUPS.get(by, connection.c.name)
    query = select(key, *counted).group_by(key).order_by(counted[0].desc(), key)
    if by == "tool":
        streams = stream.c.id == binding.c.stream_id
        held = select(binding.c.record_id, stream.c.connection_id).join(stream, streams)
        here = held.where(binding.c.state == State.BOUND).distinct().subquery()
        query = query.join(here, here.c.record_id == c.record_id)
        query = query.join(connection, connection.c.id == here.c.connection_id)
    return [Score(row[0], *(int(one or 0) for one in row[1:])) for row in tx.execute(query)]


def _bit(place: int) -> ColumnElement[Any]:
    return case((verdict.c.elements.op("&")(1 << place) != 0, 1), else_=0)


_COUNTED: tuple[ColumnElement[Any] | int, ...] = (
    1,
    *(_bit(place) for place in range(4)),
    case((verdict.c.elements == 15, 1), else_=0),
    verdict.c.stale,
    case((verdict.c.waits_since.is_not(None), 1), else_=0),
    case((verdict.c.answered_after.is_not(None), 1), else_=0),
    case((and_(verdict.c.answered_after.is_not(None), verdict.c.in_window == 1), 1), else_=0),
    case((verdict.c.in_window == 0, 1), else_=0),
)


def answers(tx: Connection, by: str) -> dict[Any, list[Instant]]:
    """Group → the working times until our first word, the shortest first, in µs."""
    found: dict[Any, list[Instant]] = {}
    c = verdict.c
    query = select(GROUPS[by], c.answered_after).where(c.open == 1, c.answered_after.is_not(None))
    for key, after_ in tx.execute(query.order_by(c.answered_after)):
        found.setdefault(key, []).append(after_)
    return found


class Asked(NamedTuple):
    """Which verdicts are wanted; None and '' for all."""

    missing: int | None = None
    """The place of an element in `audit.ELEMENTS`."""
    kind: str = ""
    stage: str = ""
    source: str = ""
    owner_id: int | None = None
    stale: bool = False
    unreal: bool = False


def find(tx: Connection, asked: Asked, *, after_id: int = 0, limit: int = 1_000) -> list[Kept]:
    """Verdicts in the order of record ids; closed records only where what does not fit together is asked for."""
    c = verdict.c
    query = select(*COLUMNS).where(c.record_id > after_id)
    query = query.where(c.unreal > 0) if asked.unreal else query.where(c.open == 1)
    if asked.missing is not None:
        query = query.where(c.elements.op("&")(1 << asked.missing) == 0)
    for column, value in ((c.kind, asked.kind), (c.stage, asked.stage), (c.source, asked.source)):
        query = query.where(column == value) if value else query
    if asked.owner_id is not None:
        query = query.where(c.owner_id == asked.owner_id)
    if asked.stale:
        query = query.where(c.stale == 1)
    return [Kept(*row) for row in tx.execute(query.order_by(c.record_id).limit(limit))]
