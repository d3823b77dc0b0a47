"""The scorecard: verdicts counted by group, and the records behind each number.

A number and the list behind it are one condition (`marks`), so that they never tell two things. Whatever is held, a
function here is one statement; `recoveries` is two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, FromClause, Select, and_, case, func, literal, not_, null, or_, select

from core.decide.movement.audit import ELEMENTS, RUNG
from core.decide.movement.policy import Step
from core.model.instant import DAY, Instant
from core.store.bindings import State
from core.store.movement import COLUMNS, Kept
from core.store.tables import binding, connection, step, stream, verdict

RECOVERY = 30 * DAY
"""What recovery did is told of so long before."""

GROUPS = {
    "kind": verdict.c.kind,
    "stage": verdict.c.stage,
    "source": verdict.c.source,
    "owner": verdict.c.owner_id,
    "week": verdict.c.week,
}
"""What verdicts can be counted by, beside the tool."""

_V = verdict.c
_OPEN = _V.open == 1
_ACTION_AND_TIMING = sum(1 << ELEMENTS.index(name) for name in ("action", "timing"))


def _has(place: int) -> ColumnElement[bool]:
    return _V.elements.op("&")(1 << place) != 0


_STANDING: Mapping[str, ColumnElement[bool]] = {
    "open": _OPEN,
    **{name: and_(_OPEN, _has(place)) for place, name in enumerate(ELEMENTS)},
    # With all four.
    "protected": and_(_OPEN, _V.elements == 15),
    # For longer in their stage than they should be.
    "stale": and_(_OPEN, _V.stale == 1),
    # Whose next action had to be done by now.
    "overdue": and_(_OPEN, _V.overdue_since.is_not(None)),
    # Whose people wait for a word of ours.
    "waiting": and_(_OPEN, _V.waits_since.is_not(None)),
    # Leads to whom nobody of us has ever said a word.
    "unworked": and_(_OPEN, _V.unworked_since.is_not(None)),
    "answered": and_(_OPEN, _V.answered_after.is_not(None)),
    # Answered in their window.
    "in_window": and_(_OPEN, _V.answered_after.is_not(None), _V.in_window == 1),
    # Whose window was missed, answered or not.
    "missed": and_(_OPEN, _V.in_window == 0),
    # In a stage that asks for evidence, closed ones too; and those that show it.
    "claimed": _V.shown.is_not(None),
    "shown": _V.shown == 1,
    "unshown": _V.shown == 0,
    # Where something does not fit together, closed ones too.
    "unreal": _V.unreal > 0,
}
MARKS = (*_STANDING, "climbed", "recovered", "stalled")
"""What is counted, and can be listed."""


def marks(at: Instant) -> Mapping[str, ColumnElement[bool]]:
    """Word of `MARKS` → its condition at a moment.

    `climbed`: a rung was taken about it in the time before (`RECOVERY`). Of these have `recovered` those that have an
    action in time again, or an answer; the others are still `stalled`.
    """
    climbed = and_(_OPEN, _V.record_id.in_(select(step.c.record_id).where(_rungs(at))))
    recovered = _recovered(at)
    told = {"climbed": climbed, "recovered": and_(climbed, recovered), "stalled": and_(climbed, not_(recovered))}
    return {**_STANDING, **told}


def _recovered(at: Instant) -> ColumnElement[bool]:
    in_time = _V.elements.op("&")(_ACTION_AND_TIMING) == _ACTION_AND_TIMING
    return or_(in_time, and_(_V.waits_since.is_(None), func.coalesce(_V.stalls_at, 0) > at))


def _rungs(at: Instant, only: str = "") -> ColumnElement[bool]:
    taken = and_(step.c.at > at - RECOVERY, step.c.name.startswith(RUNG, autoescape=True))
    return and_(taken, step.c.step == only) if only else taken


class Score(NamedTuple):
    """How the records of one group stand, counted."""

    key: Any
    """What they have in common, such as a stage or an owner's id; None for those that have none, and for all."""
    counts: Mapping[str, int]
    """Word of `MARKS` → how many."""


def scores(tx: Connection, by: str | None, at: Instant) -> list[Score]:
    """Counts by a word of `GROUPS` or `tool` (a connection), the largest group or newest week first. None: all."""
    key, where = _grouped(by)
    counted = [func.sum(case((one, 1), else_=0)) for one in marks(at).values()]
    query = select(key, *counted).select_from(where)
    if by is not None:
        query = query.group_by(key).order_by(key.desc() if by == "week" else counted[0].desc(), key)
    return [
        Score(row[0], dict(zip(MARKS, (int(one or 0) for one in row[1:]), strict=True))) for row in tx.execute(query)
    ]


def _grouped(by: str | None) -> tuple[ColumnElement[Any], FromClause]:
    """By what verdicts are counted, and where that stands."""
    if by is None:
        return null(), verdict
    if by in GROUPS:
        return GROUPS[by], verdict
    held = _held().distinct().subquery()
    return held.c.name, verdict.join(held, held.c.record_id == _V.record_id)


def _held() -> Select[Any]:
    """Which records are bound in which connections."""
    joined = binding.join(stream, stream.c.id == binding.c.stream_id)
    joined = joined.join(connection, connection.c.id == stream.c.connection_id)
    query = select(binding.c.record_id, connection.c.name).select_from(joined)
    return query.where(binding.c.state == State.BOUND)


AGES = {"answered": _V.answered_after, "unworked": _V.unworked_since, "overdue": _V.overdue_since}
"""Word of `MARKS` → the column of moments or lengths that its records have."""


def parts(tx: Connection, by: str | None, mark: str, percents: Sequence[int]) -> dict[Any, tuple[int, ...]]:
    """Group → the value of a column of `AGES` below which so many in a hundred lie, for each number; 0 is the least."""
    key, where = _grouped(by)
    value = AGES[mark]
    alike = None if by is None else key
    ranked = (
        select(
            key.label("key"),
            value.label("value"),
            (func.row_number().over(partition_by=alike, order_by=value) - 1).label("place"),
            func.count().over(partition_by=alike).label("many"),
        )
        .select_from(where)
        .where(_STANDING[mark])
        .subquery()
    )
    found: dict[Any, dict[int, int]] = {}
    c = ranked.c
    wanted = or_(*(c.place == c.many * percent // 100 for percent in percents))
    for group, one, place, many in tx.execute(select(c.key, c.value, c.place, c.many).where(wanted)):
        found.setdefault(group, {}).update({each: one for each in percents if place == many * each // 100})
    return {group: tuple(some[percent] for percent in percents) for group, some in found.items()}


class Recovery(NamedTuple):
    """What one step of recovery did, or all of them."""

    step: str
    """'' for all together."""
    taken: int
    records: int
    recovered: int
    stalled: int
    """Those that stand still; the others are closed."""


def recoveries(tx: Connection, at: Instant) -> list[Recovery]:
    """What the rungs taken in the time before (`RECOVERY`) led to: all together, then by step, the mildest first."""

    def those(*fits: ColumnElement[bool]) -> ColumnElement[Any]:
        return func.count(case((and_(*fits), step.c.record_id)).distinct())

    counts = (
        func.count(), func.count(step.c.record_id.distinct()), those(_OPEN, _recovered(at)),
        those(_OPEN, not_(_recovered(at))),
    )  # fmt: skip
    where = step.outerjoin(verdict, _V.record_id == step.c.record_id)
    # What stalled twice is one record: the whole is no sum.
    whole = select(literal(""), *counts).select_from(where).where(_rungs(at))
    each = select(step.c.step, *counts).select_from(where).where(_rungs(at)).group_by(step.c.step)
    steps = sorted(tx.execute(each), key=lambda row: list(Step).index(row[0]))
    return [Recovery(*row) for row in [*tx.execute(whole), *steps]]


class Asked(NamedTuple):
    """Which verdicts are wanted; '' and None for all."""

    missing: int | None = None
    """The place of an element in `audit.ELEMENTS`."""
    only: str = ""
    """A word of `MARKS`."""
    kind: str = ""
    stage: str = ""
    source: str = ""
    week: str = ""
    tool: str = ""
    """A connection's name."""
    owner_id: int | None = None
    none: str = ""
    """A word of `GROUPS`: only those that have none."""
    step: str = ""
    """Only those about which this rung was taken in the time before (`RECOVERY`)."""


def find(tx: Connection, asked: Asked, at: Instant, *, after_id: int = 0, limit: int = 1_000) -> list[Kept]:
    """Verdicts in the order of record ids; closed records only where what does not fit together is asked for."""
    tests = [_V.record_id > after_id, marks(at)[asked.only or "open"]]
    if asked.missing is not None:
        tests += [_OPEN, not_(_has(asked.missing))]
    tests += [GROUPS[name] == value for name in ("kind", "stage", "source", "week") if (value := getattr(asked, name))]
    if asked.owner_id is not None:
        tests.append(_V.owner_id == asked.owner_id)
    if asked.none:
        blank = GROUPS[asked.none]
        tests.append(or_(blank.is_(None), blank == "") if asked.none != "owner" else blank.is_(None))
    if asked.tool:
        held = _held().where(connection.c.name == asked.tool).subquery()
        tests.append(_V.record_id.in_(select(held.c.record_id)))
    if asked.step:
        tests.append(_V.record_id.in_(select(step.c.record_id).where(_rungs(at, asked.step))))
    return [Kept(*row) for row in tx.execute(select(*COLUMNS).where(*tests).order_by(_V.record_id).limit(limit))]
