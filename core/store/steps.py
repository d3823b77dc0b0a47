"""The steps of follow-through that were taken; each row is in the transaction in which its step was taken."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, delete, func, select, update

from core.model.instant import Instant
from core.store import database
from core.store.database import among
from core.store.prepared import Among, prepared
from core.store.tables import step

_GIVING = ("assign", "reassign")
"""Steps that give a record to somebody and set nothing down."""


class Taken(NamedTuple):
    """A step that was taken."""

    name: str
    record_id: int
    step: str
    made_id: int | None
    """The activity that was made for it, or whom the record was given to; None where a person said to leave it."""
    run_id: int
    at: Instant


def take(tx: Connection, rows: Iterable[Taken]) -> None:
    """Note steps as taken; who takes one that was taken meets an error of the database, and changes nothing."""
    database.insert(tx, step, Taken._fields, list(rows))


class Deeds(NamedTuple):
    """What was done about a record."""

    names: frozenset[str] = frozenset()
    """Of the steps that were taken."""
    made: frozenset[int] = frozenset()
    """The activities that were set down for them."""


def deeds(tx: Connection, record_ids: Collection[int]) -> dict[int, Deeds]:
    """Record id → what was done about it."""
    found: dict[int, Deeds] = {}
    for record_id, name, kind, made_id in _deeds(tx, record_ids=record_ids) if record_ids else ():
        one = found.get(record_id, Deeds())
        made = {made_id} if made_id is not None and kind not in _GIVING else set()
        found[record_id] = Deeds(one.names | {name}, one.made | made)
    return found


@prepared
def _deeds(among: Among) -> Select[Any]:
    c = step.c
    return select(c.record_id, c.name, c.step, c.made_id).where(among(c.record_id, "record_ids"))


def taken(tx: Connection, record_ids: Collection[int]) -> dict[int, frozenset[str]]:
    """Record id → the names of the steps that were taken about it."""
    return {record_id: one.names for record_id, one in deeds(tx, record_ids).items()}


def made(tx: Connection, name: str, record_id: int) -> None:
    """Note what was made for a step that was taken before."""
    tx.execute(update(step).where(step.c.name == name).values(made_id=record_id))


def forget(tx: Connection, run_id: int) -> None:
    """The steps of a run may be taken again."""
    tx.execute(delete(step).where(step.c.run_id == run_id))


def steps_of(tx: Connection, record_ids: Collection[int]) -> list[Taken]:
    """Every step that was taken about these records, in order."""
    query = select(*(step.c[name] for name in Taken._fields)).where(among(tx, step.c.record_id, record_ids))
    return [Taken(*row) for row in tx.execute(query.order_by(step.c.at, step.c.name))]


def made_about(tx: Connection, record_ids: Collection[int]) -> set[int]:
    """The activities that were set down about these records."""
    c = step.c
    query = select(c.made_id).where(among(tx, c.record_id, record_ids), c.step.not_in(_GIVING), c.made_id.is_not(None))
    return set(tx.execute(query).scalars()) if record_ids else set()


def last_given(tx: Connection, before: Instant | None = None) -> dict[int, Instant]:
    """Owner id → when a record was last given to them by a step; before a moment, where one is given."""
    query = select(step.c.made_id, func.max(step.c.at)).where(step.c.step.in_(_GIVING))
    if before is not None:
        query = query.where(step.c.at < before)
    return {row[0]: row[1] for row in tx.execute(query.group_by(step.c.made_id)) if row[0] is not None}
