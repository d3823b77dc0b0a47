"""Reviews: questions put to a person, each with an owner, a due time and an escalation. One open review a question."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
    tuple_,
    update,
)

from core.decide.reviewing import GONE, Duties
from core.model.instant import DAY, Instant
from core.store import database, runs
from core.store.codec import dumps, loads
from core.store.database import among
from core.store.prepared import Among, prepared
from core.store.tables import review

DUTIES = "reviews"
"""The fact that says who answers what, and within which time."""


class Question(NamedTuple):
    """A question to open. `what` is ask, frozen, ambiguous, duplicate, delete, brake, connection, schema or step."""

    what: str
    subject: dict[str, Any]
    connection_id: int = 0
    record_id: int = 0
    field: str = ""
    """The field it is about; of a step what the step is called."""
    owner: str | None = None
    """Whom it is put to by name; None for whom the configuration names."""


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
    """What closed it; of an open one, the answer that was taken back."""
    owner: str | None = None
    """Who was given it by name; None while it belongs to whom the configuration names for its kind."""
    escalated_at: Instant | None = None
    """When it was last told to somebody else, because the time was up."""

    @property
    def subject(self) -> dict[str, Any]:
        """What it is about: contenders, candidates, evidence."""
        found: dict[str, Any] = loads(self.raw)
        return found


class Standing(NamedTuple):
    """An open question about a record, without what is in it."""

    id: int
    what: str
    connection_id: int
    field: str

    @property
    def holds_back(self) -> bool:
        """Whether nothing is written for its field; the field "" is the record itself, which is created nowhere."""
        whose = self.what in ("ambiguous", "duplicate") and not self.connection_id
        return whose or self.what in ("ask", "frozen")


class Burden(NamedTuple):
    """Open reviews of one kind that one person was given; an owner of None is whom the configuration names."""

    what: str
    owner: str | None
    waiting: int
    late: int
    due_at: Instant
    """When the first of them is due."""
    escalated_at: Instant | None
    """When the first of them was passed on, or noted."""


class Wanted(NamedTuple):
    """Which open reviews are wanted; what is left out asks for all."""

    ids: Collection[int] | None = None
    what: str | None = None
    field: str | None = None
    owner: str | None = None
    """Whose they are by name, or by what the configuration names for their kind."""
    connection: tuple[int, str] | None = None
    """Those about a connection, by number and name; also whose subject speaks of something of that name."""
    late: bool = False


class Place(NamedTuple):
    """Where a page of the queue ended; `now` is when its first page was looked at, so that pages join up."""

    now: Instant
    timely: int
    due_at: Instant
    id: int


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
_EVERY = 1_000_000_000
_SAME = (
    "ON CONFLICT (what, record_id, connection_id, field) WHERE closed_at IS NULL "
    "DO UPDATE SET subject = excluded.subject"
)


def duties(tx: Connection) -> Duties:
    """Who answers what within which time."""
    kept = runs.fact(tx, DUTIES)
    return Duties.from_json(loads(kept)) if kept else Duties()


def ask(tx: Connection, questions: Sequence[Question], *, now: Instant) -> None:
    """Open reviews; a question that is open already keeps its age and gets the newer subject."""
    if not questions:
        return
    within = duties(tx).within
    rows = [
        (q.what, q.connection_id, q.record_id, q.field, dumps(q.subject), now, now + within(q.what), q.owner)
        for q in {(q.what, q.record_id, q.connection_id, q.field): q for q in questions}.values()
    ]
    columns = ("what", "connection_id", "record_id", "field", "subject", "opened_at", "due_at", "owner")
    database.insert(tx, review, columns, rows, otherwise=_SAME)


def close(tx: Connection, rows: Sequence[tuple[str, int, str]], *, now: Instant, answer: str) -> None:
    """Close the open reviews of (what, record id, field)."""
    if not rows:
        return
    c, wanted = review.c, set(rows)
    query = select(c.id, c.what, c.record_id, c.field).where(
        among(tx, c.record_id, {row[1] for row in rows}), c.closed_at.is_(None)
    )
    close_ids(tx, [row[0] for row in tx.execute(query) if tuple(row[1:]) in wanted], now=now, answer=answer)


def close_ids(tx: Connection, ids: Sequence[int], *, now: Instant, answer: str) -> None:
    """Close reviews by id."""
    database.update(tx, review, ("id",), ("closed_at", "answer"), [(now, answer, id_) for id_ in ids])


def close_of_connection(tx: Connection, connection_id: int, *, now: Instant, answer: str) -> None:
    """Close every open review about a connection that is no longer there."""
    open_there = (review.c.connection_id == connection_id) & review.c.closed_at.is_(None)
    tx.execute(update(review).where(open_there).values(closed_at=now, answer=answer))


def number_about(tx: Connection, connection_id: int) -> int:
    """How many open reviews are about a connection."""
    query = select(func.count()).where(review.c.connection_id == connection_id, review.c.closed_at.is_(None))
    return int(tx.execute(query).scalar_one())


def reopen(tx: Connection, ids: Collection[int]) -> None:
    """Open reviews again whose answer is taken back, but for those whose question has been put anew.

    Their age counts on. What was answered by default is not answered so twice: somebody has seen to it.
    """
    c = review.c
    _reopen(tx, list(tx.execute(select(*_ALL).where(among(tx, c.id, ids), c.closed_at.is_not(None)))), "taken back: ")


def reopen_gone(tx: Connection, record_ids: Collection[int]) -> None:
    """Open the questions again that closed because these records were gone."""
    c = review.c
    _reopen(tx, list(tx.execute(select(*_ALL).where(among(tx, c.record_id, record_ids), c.answer == GONE))), None)


def _reopen(tx: Connection, found: Sequence[Any], noted: str | None) -> None:
    closed = [Review(*row) for row in found]
    if not closed:
        return
    taken = {_question(one) for one in about(tx, {one.record_id for one in closed})}
    # Of a question that was closed more than once, the newest row goes on.
    newest = {_question(one): one for one in sorted(closed) if _question(one) not in taken}
    rows = [(None, None if noted is None else f"{noted}{one.answer}", one.id) for one in newest.values()]
    database.update(tx, review, ("id",), ("closed_at", "answer"), rows)


def _question(one: Review) -> tuple[str, int, int, str]:
    return one.what, one.record_id, one.connection_id, one.field


def undecided(tx: Connection, record_ids: Collection[int]) -> dict[int, set[str]]:
    """Record id → fields under an open question; nothing is written for those.

    The field "" stands for the record itself: it may be one that is known already, and is created nowhere else.
    """
    found: dict[int, set[str]] = {}
    for record_id, field in _undecided(tx, record_ids=record_ids):
        found.setdefault(record_id, set()).add(field)
    return found


@prepared
def _undecided(among: Among) -> Select[Any]:
    c = review.c
    whose = and_(c.what.in_(("ambiguous", "duplicate")), c.connection_id == 0)
    return select(c.record_id, c.field).where(
        among(c.record_id, "record_ids"), c.closed_at.is_(None), or_(c.what.in_(("ask", "frozen")), whose)
    )


def standing(tx: Connection, record_ids: Collection[int]) -> dict[int, list[Standing]]:
    """Record id → its open questions."""
    c = review.c
    query = select(c.record_id, c.id, c.what, c.connection_id, c.field).where(
        among(tx, c.record_id, record_ids), c.closed_at.is_(None)
    )
    found: dict[int, list[Standing]] = {}
    for record_id, *row in tx.execute(query.order_by(c.id)):
        found.setdefault(record_id, []).append(Standing(*row))
    return found


def open_reviews(tx: Connection, *, limit: int | None = 200, what: str | None = None) -> list[Review]:
    """Open questions, oldest first; of one kind where given."""
    at_most = _EVERY if limit is None else limit
    rows = _open(tx, limit=at_most) if what is None else _open_of(tx, limit=at_most, what=what)
    return [Review(*row) for row in rows]


@prepared
def _open(_among: Among) -> Select[Any]:
    return select(*_ALL).where(review.c.closed_at.is_(None)).order_by(review.c.id).limit(bindparam("limit"))


@prepared
def _open_of(_among: Among) -> Select[Any]:
    query = select(*_ALL).where(review.c.closed_at.is_(None), review.c.what == bindparam("what"))
    return query.order_by(review.c.id).limit(bindparam("limit"))


def queue(
    tx: Connection,
    wanted: Wanted,
    whose: Duties,
    *,
    now: Instant,
    otherwise: str,
    after: Place | None = None,
    limit: int | None = None,
) -> list[tuple[Review, Place]]:
    """Open questions in the order of their urgency, the late ones first, each with its place; one statement.

    `otherwise` is who owns what `whose` names nobody for.
    """
    timely = _timely(now)
    query = select(*_ALL, timely).where(*_wanted(tx, wanted, whose, now, otherwise))
    if after is not None:
        query = query.where(tuple_(timely, review.c.due_at, review.c.id) > tuple_(*(literal(one) for one in after[1:])))
    query = query.order_by(timely, review.c.due_at, review.c.id).limit(limit)
    found = ((Review(*row[:-1]), row[-1]) for row in tx.execute(query))
    return [(one, Place(now, early, one.due_at, one.id)) for one, early in found]


def count(tx: Connection, wanted: Wanted, whose: Duties, *, now: Instant, otherwise: str) -> int:
    """How many open questions are wanted."""
    query = select(func.count()).select_from(review).where(*_wanted(tx, wanted, whose, now, otherwise))
    return int(tx.execute(query).scalar_one())


def _timely(now: Instant) -> ColumnElement[int]:
    late = or_(review.c.due_at <= now, review.c.escalated_at.is_not(None))
    return case((late, 0), else_=1)


def _wanted(
    tx: Connection, wanted: Wanted, whose: Duties, now: Instant, otherwise: str
) -> Iterator[ColumnElement[bool]]:
    c = review.c
    yield c.closed_at.is_(None)
    if wanted.ids is not None:
        yield among(tx, c.id, wanted.ids)
    if wanted.what is not None:
        yield c.what == wanted.what
    if wanted.field is not None:
        yield c.field == wanted.field
    if wanted.late:
        yield _timely(now) == 0
    if wanted.owner is not None:
        named = whose.owner or otherwise
        by_kind = case(dict(whose.owners), value=c.what, else_=named) if whose.owners else literal(named)
        yield func.coalesce(c.owner, by_kind) == wanted.owner
    if wanted.connection is not None:
        id_, name = wanted.connection
        yield or_(c.connection_id == id_, c.subject.contains(dumps(name), autoescape=True))


def by_ids(tx: Connection, ids: Collection[int]) -> list[Review]:
    """Reviews by their numbers, closed ones too."""
    return [Review(*row) for row in tx.execute(select(*_ALL).where(among(tx, review.c.id, ids)).order_by(review.c.id))]


def about(tx: Connection, record_ids: Collection[int], *, what: str | None = None) -> list[Review]:
    """Open questions about these records; of one kind where given."""
    rows = _about(tx, record_ids=record_ids)
    return [one for one in (Review(*row) for row in rows) if what in (None, one.what)]


@prepared
def _about(among: Among) -> Select[Any]:
    c = review.c
    return select(*_ALL).where(among(c.record_id, "record_ids"), c.closed_at.is_(None)).order_by(c.id)


def count_open(tx: Connection) -> dict[str, int]:
    """What → number of open questions."""
    query = select(review.c.what, func.count()).where(review.c.closed_at.is_(None)).group_by(review.c.what)
    return {row[0]: row[1] for row in tx.execute(query)}


def burdens(tx: Connection, *, now: Instant) -> list[Burden]:
    """What waits, by kind and owner; one statement."""
    c = review.c
    is_late = case((or_(c.due_at <= now, c.escalated_at.is_not(None)), 1), else_=0)
    query = select(c.what, c.owner, func.count(), func.sum(is_late), func.min(c.due_at), func.min(c.escalated_at))
    return [Burden(*row) for row in tx.execute(query.where(c.closed_at.is_(None)).group_by(c.what, c.owner))]


def overdue(tx: Connection, *, now: Instant, limit: int) -> list[Review]:
    """Open reviews whose time is up and about which nothing was done within the last day, the latest ones first."""
    c = review.c
    query = select(*_ALL).where(
        c.closed_at.is_(None), c.due_at <= now, or_(c.escalated_at.is_(None), c.escalated_at <= now - DAY)
    )
    return [Review(*row) for row in tx.execute(query.order_by(c.due_at, c.id).limit(limit))]


def escalate(tx: Connection, found: Sequence[Review]) -> None:
    """Write down to whom these were passed on, when, and until when they have time now."""
    rows = [(one.owner, one.due_at, one.escalated_at, one.id) for one in found]
    database.update(tx, review, ("id",), ("owner", "due_at", "escalated_at"), rows)


def assign(tx: Connection, review_id: int, owner: str | None) -> None:
    """Give a review to somebody; None gives it back to whom the configuration names."""
    tx.execute(update(review).where(review.c.id == review_id).values(owner=owner))
