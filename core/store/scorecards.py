"""The figures of the scorecard day by day, for the trend; counts alone, nothing about anybody."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, func, select

from core.model.instant import Instant
from core.store import database
from core.store.codec import dumps, loads
from core.store.tables import scorecard


class Day(NamedTuple):
    """How things stood on one day."""

    day: str
    """`2026-11-30` by the policy's clock."""
    at: Instant
    policy: str
    """The mark of the policy by which records were judged."""
    figures: dict[str, Any]


def newest(tx: Connection) -> str | None:
    """The last day that is kept."""
    return tx.execute(select(func.max(scorecard.c.day))).scalar()


def keep(tx: Connection, day: Day, *, oldest: str) -> None:
    """Keep a day, once, and none before the oldest."""
    row = (day.day, day.at, day.policy, dumps(day.figures))
    database.insert(tx, scorecard, ("day", "at", "policy", "told"), [row], otherwise="ON CONFLICT (day) DO NOTHING")
    tx.execute(delete(scorecard).where(scorecard.c.day < oldest))


def since(tx: Connection, day: str) -> list[Day]:
    """The days from one on, in order."""
    c = scorecard.c
    query = select(c.day, c.at, c.policy, c.told).where(c.day >= day).order_by(c.day)
    return [Day(*row[:3], loads(row[3])) for row in tx.execute(query)]
