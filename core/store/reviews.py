"""Reviews: questions put to a person, each with an owner's clock. One open review a question."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, func, or_, select

from core.model.instant import DAY, Instant
from core.store import database
from core.store.codec import dumps, loads
from core.store.database import among
from core.store.tables import review


class Question(NamedTuple):
    """A question to open. `what` is ask, ambiguous, duplicate, frozen, brake, signed_out, delete."""

    what: str
    subject: dict[str, Any]
    connection_id: int = 0
    record_id: int = 0
    field: str = ""


class Review(NamedTuple):
    """A stored question."""

    id: int
    what: str
    connection_id: int
    record_id: int
    field: str
    raw: str
    opened_at: Instant
    due_at: Instant
    closed_at: Instant | None
    answer: str | None
    owner: str | None = None
    escalated_at: Instant | None = None

    @property
    def subject(self) -> dict[str, Any]:
        """What it is about: contenders, candidates, evidence."""
        found: dict[str, Any] = loads(self.raw)
        return found


_ALL = tuple(
    review.c[name]
    for name in (
        "id",
        "what",
        "connection_id",
        "record_id",
        "field",
        "subject",
        "opened_at",
        "due_at",
        "closed_at",
        "answer",
        "owner",
        "escalated_at",
    )
)
_ANSWER_WITHIN = 2 * DAY
_SAME = (
    "ON CONFLICT (what, record_id, connection_id, field) WHERE closed_at IS NULL "
    "DO UPDATE SET subject = excluded.subject"
)


def ask(tx: Connection, questions: Sequence[Question], *, now: Instant) -> None:
    """Open reviews; a question that is open already keeps its age and gets the newer subject."""
    rows = [
        (q.what, q.connection_id, q.record_id, q.field, dumps(q.subject), now, now + _ANSWER_WITHIN)
        for q in {(q.what, q.record_id, q.connection_id, q.field): q for q in questions}.values()
    ]
    columns = ("what", "connection_id", "record_id", "field", "subject", "opened_at", "due_at")
    database.insert(tx, review, columns, rows, otherwise=_SAME)


def close(tx: Connection, rows: Sequence[tuple[str, int, str]], *, now: Instant, answer: str) -> None:
    """Close the open reviews of (what, record id, field)."""
    values = [(now, answer, *row, None) for row in rows]
    if not values:
        return
    c = review.c
    open_ids = {
        (row[1], row[2], row[3]): row[0]
        for row in tx.execute(
            select(c.id, c.what, c.record_id, c.field).where(
                among(tx, c.record_id, {row[1] for row in rows}), c.closed_at.is_(None)
            )
        )
    }
    found = [(now, answer, open_ids[row]) for row in rows if row in open_ids]
    database.update(tx, review, ("id",), ("closed_at", "answer"), found)


def close_ids(tx: Connection, ids: Sequence[int], *, now: Instant, answer: str) -> None:
    """Close reviews by id."""
    database.update(tx, review, ("id",), ("closed_at", "answer"), [(now, answer, id_) for id_ in ids])


def undecided(tx: Connection, record_ids: Collection[int]) -> dict[int, set[str]]:
    """Record id → fields under an open question; nothing is written for those.

    The field "" stands for the record itself: it may be one that is known already, and is created nowhere else.
    """
    c = review.c
    whose = and_(c.what.in_(("ambiguous", "duplicate")), c.connection_id == 0)
    query = select(c.record_id, c.field).where(
        among(tx, c.record_id, record_ids), c.closed_at.is_(None), or_(c.what.in_(("ask", "frozen")), whose)
    )
    found: dict[int, set[str]] = {}
    for record_id, field in tx.execute(query):
        found.setdefault(record_id, set()).add(field)
    return found


def open_reviews(tx: Connection, *, limit: int = 200) -> list[Review]:
    """Open questions, oldest first."""
    query = select(*_ALL).where(review.c.closed_at.is_(None)).order_by(review.c.id).limit(limit)
    return [Review(*row) for row in tx.execute(query)]


def about(tx: Connection, record_ids: Collection[int]) -> list[Review]:
    """Open questions about these records."""
    c = review.c
    query = select(*_ALL).where(among(tx, c.record_id, record_ids), c.closed_at.is_(None)).order_by(c.id)
    return [Review(*row) for row in tx.execute(query)]


def count_open(tx: Connection) -> dict[str, int]:
    """What → number of open questions."""
    query = select(review.c.what, func.count()).where(review.c.closed_at.is_(None)).group_by(review.c.what)
    return {row[0]: row[1] for row in tx.execute(query)}
