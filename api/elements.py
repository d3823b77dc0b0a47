"""The four elements of the hub's own work: whose it is, what to do, by when, and who is told when the time is up.

Reviews keep theirs in the store. Those of a dead letter follow from its age, so that nothing has to be kept for them.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import func, select

from core.decide.reviewing import Duties
from core.model.instant import DAY, Instant, from_iso, iso, moment
from core.store import Tx, reviews
from core.store.reviews import Review
from core.store.tables import dead_letter

Told = dict[str, Any]
ADMIN = "the admin"
"""Who sees to what nobody else is named for."""


def of_review(duties: Duties, review: Review, action: str, *, now: Instant) -> Told:
    """The elements of a review."""
    owner = review.owner or duties.owner_of(review.what)
    return _told(owner, action, review.due_at, review.escalated_at, now)


def of_age(duties: Duties, what: str, since: Instant, action: str, *, now: Instant) -> Told:
    """The elements of work that is as old as this: passed on once its time is up, as a review is."""
    within, owner = duties.within(what), duties.owner_of(what)
    if since + within > now:
        return _told(owner, action, since + within, None, now)
    return _told(duties.escalate_to or owner, action, since + 2 * within, since + within, now)


def _told(owner: str | None, action: str, due_at: Instant, escalated_at: Instant | None, now: Instant) -> Told:
    return {
        "owner": owner,
        "action": action,
        "due_at": iso(due_at),
        "late": due_at <= now or escalated_at is not None,
        "escalated_at": iso(escalated_at) if escalated_at is not None else None,
    }


class Care:
    """Whose the hub's own work is at one moment, looked up once: reviews, pauses, dead letters."""

    def __init__(self, tx: Tx, now: Instant) -> None:
        self.now, self.duties = now, reviews.duties(tx)
        asked = reviews.open_reviews(tx, limit=None, what="connection")
        self._pauses = {(one.connection_id, one.field): one for one in asked}
        self._burdens = reviews.burdens(tx, now=now)
        c = dead_letter.c
        letters = select(c.connection_id, func.count(), func.min(c.at)).group_by(c.connection_id)
        found = tx.execute(letters).all()
        self.buried: dict[int, int] = {row[0]: row[1] for row in found}
        """Connection id → its dead letters."""
        self._oldest: dict[int, Instant] = {row[0]: row[2] for row in found}

    def of_pause(self, pause: Told | None, connection_id: int, stream: str = "") -> Told | None:
        """A pause with its elements."""
        review = self._pauses.get((connection_id, stream))
        if pause is None or review is None:
            return pause
        return {**pause, **of_review(self.duties, review, str(pause["remedy"] or ""), now=self.now)}

    def of_dead_letters(self, connection_id: int, action: str) -> Told | None:
        """The elements of a connection's oldest dead letter."""
        since = self._oldest.get(connection_id)
        return None if since is None else of_age(self.duties, "dead_letter", since, action, now=self.now)

    def of_reviews(self, what: str, action: str) -> Told:
        """The elements of all open reviews of a kind: everybody's, and the first due time."""
        found = [one for one in self._burdens if one.what == what]
        owners = sorted({one.owner or self.duties.owner_of(what) or ADMIN for one in found})
        passed_on = [one.escalated_at for one in found if one.escalated_at is not None]
        due_at = min((one.due_at for one in found), default=self.now)
        return _told(", ".join(owners), action, due_at, min(passed_on, default=None), self.now)

    def waiting(self) -> dict[str, int]:
        """Kind → open reviews."""
        return dict(sum((Counter({one.what: one.waiting}) for one in self._burdens), Counter()))

    def late(self, what: str | None = None) -> int:
        """How many reviews are late; of one kind where given."""
        return sum(one.late for one in self._burdens if what in (None, one.what))


def whose(told: Told, now: Instant) -> str:
    """`anna@shop.example, by Mon 10:02` or `bert@shop.example, late since Mon 10:02`."""
    owner = told["owner"] or ADMIN
    if told["late"]:
        since = told["escalated_at"] or told["due_at"]
        return f"{owner}, late since {when(from_iso(since), now)}"
    return f"{owner}, by {when(from_iso(told['due_at']), now)}"


def when(at: Instant, now: Instant) -> str:
    """A moment as people say it: `Mon 10:02` within a week, else `3 Mar 10:02`, with the year where it is another."""
    there, here = moment(at), moment(now)
    if abs(at - now) < 6 * DAY:
        return f"{there:%a %H:%M}"
    year = "" if there.year == here.year else f" {there.year}"
    return f"{there.day} {there:%b}{year} {there:%H:%M}"
