"""Reviewing by the clock: what nobody answered in time is passed on once, noted every day, and closed where safe.

    due ▶ passed on to somebody else, with a new due time ▶ noted once a day ▶ answered by default, where it has one

Only what is due is looked at. A default is an answer like a person's, in a run of its own, and undone like one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from core.decide.reviewing import Duties, default
from core.errors import ConfigError
from core.flow.hub import Hub
from core.flow.reviews import answering
from core.flow.reviews.answering import EXPIRY
from core.flow.reviews.choosing import contenders, looked_at
from core.flow.running import Run
from core.model.instant import Instant
from core.store import database, reviews
from core.store.reviews import Review

PAGE = 1_000
_TICKING = "reviews"


@dataclass(slots=True)
class Ticked:
    """Numbers of the reviews about which something was done."""

    passed_on: list[int] = field(default_factory=list)
    noted: list[int] = field(default_factory=list)
    """Those that are still late."""
    answered: list[int] = field(default_factory=list)
    """By default."""


def tick(hub: Hub) -> Ticked:
    """See to everything that is due; costs one statement where nothing is."""
    done = Ticked()
    while True:
        now = hub.clock()
        with hub.store.reading() as tx:
            late = reviews.overdue(tx, now=now, limit=PAGE)
            if not late:
                return done
            duties = reviews.duties(tx)
        ours = _pass_on(hub, duties, late, done, now)
        expired = [one for one in ours if _is_expired(duties, one, now)]
        for word, found in _defaults(hub, expired).items():
            planned = answering.plan(hub, found, word, actor=EXPIRY)
            if planned.fits:
                answering.carry_out(hub, planned)
                done.answered += [one.id for one in planned.fits]


def _pass_on(hub: Hub, duties: Duties, late: Sequence[Review], done: Ticked, now: Instant) -> list[Review]:
    """Pass on what is late for the first time; note what still is. One run tells of both.

    Gives those that were noted here: whoever notes one sees to it for that day, so no default is given twice.
    """
    ids = {one.id for one in late}
    with hub.store.writing() as tx:
        database.serialise(tx, _TICKING)
        # Another worker may have been here meanwhile, or a person.
        still = [one for one in reviews.overdue(tx, now=now, limit=PAGE) if one.id in ids]
        reviews.escalate(tx, [_later(duties, one, now) for one in still])
    first = [one.id for one in still if one.escalated_at is None]
    again = [one.id for one in still if one.escalated_at is not None]
    if still:
        subject = {"reviews": [*first, *again], "to": duties.escalate_to}
        with Run(hub, hub.own_id, "escalate", subject=subject) as run:
            run.counts = {"passed_on": len(first), "still_late": len(again)}
    done.passed_on += first
    done.noted += again
    return still


def _later(duties: Duties, review: Review, now: Instant) -> Review:
    """The review with its next owner and due time. What is late for the second time stays so, in plain sight."""
    if review.escalated_at is not None:
        return review._replace(escalated_at=now)
    owner = duties.escalate_to or review.owner
    return review._replace(owner=owner, due_at=now + duties.within(review.what), escalated_at=now)


def _is_expired(duties: Duties, review: Review, now: Instant) -> bool:
    expiry = duties.expiry(review.what)
    # Whoever took an answer back is seeing to it.
    return expiry is not None and review.opened_at + expiry <= now and review.answer is None


def _defaults(hub: Hub, expired: Sequence[Review]) -> dict[str, list[Review]]:
    """Word → the reviews that it answers safely."""
    found: dict[str, list[Review]] = {}
    if not expired:
        return found
    with hub.store.reading() as tx:
        works = looked_at(hub, tx, [one.record_id for one in expired])
    for review in expired:
        work = works.get(review.record_id)
        if work is None:
            continue
        kind = work.record.kind
        shape = hub.shapes[kind].fields.get(review.field)
        word = default(
            review.what,
            connection_id=review.connection_id,
            consent=shape is not None and shape.rule == "strictest",
            rule=hub.rules.rule(kind, review.field).name,
            words=contenders(hub, work, review.field) if review.what == "ask" else (),
        )
        there = review.what not in ("delete", "duplicate") or review.connection_id in hub.connections
        if word is not None and there:
            found.setdefault(word, []).append(review)
    return found


def assign(hub: Hub, review: Review, owner: str | None) -> int:
    """Give a review to somebody (None: back to whom the configuration names); gives the number of the run."""
    if owner is not None and not owner.strip():
        raise ConfigError("An owner has a name.", remedy="Say who it is, or leave it out to give the review back.")
    name = owner.strip() if owner is not None else None
    subject = {"review": review.id, "owner": name, "before": review.owner}
    with Run(hub, hub.own_id, "assign", subject=subject) as run, hub.store.writing() as tx:
        reviews.assign(tx, review.id, name)
    return run.id
