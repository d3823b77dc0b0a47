"""Plans that were made: what of, what they would do, and what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, insert, select, update

from core.model.instant import Instant
from core.store.codec import dumps, loads, pack, unpack
from core.store.tables import plan


class PlanRow(NamedTuple):
    """A kept plan."""

    id: int
    at: Instant
    raw_subject: str
    raw_summary: str
    packed: bytes
    state: str
    """`made`, then `applied` or `halted`."""
    run_id: int | None

    @property
    def subject(self) -> dict[str, Any]:
        """What it is a plan of."""
        found: dict[str, Any] = loads(self.raw_subject)
        return found

    @property
    def summary(self) -> dict[str, Any]:
        """What it would do, counted."""
        found: dict[str, Any] = loads(self.raw_summary)
        return found

    @property
    def lines(self) -> list[list[Any]]:
        """Every line: (connection, stream, record, remote id, verb, field → [before, after])."""
        found: list[list[Any]] = unpack(self.packed)
        return found


_ALL = (plan.c.id, plan.c.at, plan.c.subject, plan.c.summary, plan.c.lines, plan.c.state, plan.c.run_id)


def keep(
    tx: Connection, *, at: Instant, subject: Mapping[str, Any], summary: Mapping[str, Any], lines: list[Any]
) -> int:
    """Keep a plan; gives its number."""
    values = {"at": at, "subject": dumps(subject), "summary": dumps(summary), "lines": pack(lines), "state": "made"}
    return int(tx.execute(insert(plan).values(**values).returning(plan.c.id)).scalar_one())


def one(tx: Connection, plan_id: int) -> PlanRow | None:
    """A plan by its number."""
    row = tx.execute(select(*_ALL).where(plan.c.id == plan_id)).one_or_none()
    return PlanRow(*row) if row else None


def carried_out(tx: Connection, plan_id: int, *, state: str, run_id: int) -> None:
    """Note what became of a plan, and the run that carried it out."""
    tx.execute(update(plan).where(plan.c.id == plan_id).values(state=state, run_id=run_id))
