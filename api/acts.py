"""What was done about reviews, as the log tells it: answers by people and by default, what was passed on or given."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import select

from api.entries import Search
from core.flow.reviews.answering import EXPIRY
from core.model.instant import iso
from core.model.many import many, verb
from core.store import Tx
from core.store.codec import loads
from core.store.database import among
from core.store.tables import run

Told = dict[str, Any]
_ACTS = ("answer", "assign", "escalate", "apply")


def acts(tx: Tx, asked: Search) -> list[Told]:
    """Entries of the log, newest first. They belong to no connection, record or code, and are left out by these."""
    if asked.connection_id is not None or asked.record_ids is not None or asked.code is not None:
        return []
    c = run.c
    query = select(c.id, c.began_at, c.what, c.subject, c.counts).where(c.what.in_(_ACTS), c.subject.is_not(None))
    if asked.run_id is not None:
        query = query.where(c.id == asked.run_id)
    if asked.since is not None:
        query = query.where(c.began_at >= asked.since)
    if asked.below.run is not None:
        query = query.where(c.id < asked.below.run)
    return [
        {
            "_at": at,
            "_id": id_,
            "at": iso(at),
            "direction": "act",
            "what": what,
            "connection": None,
            "record": None,
            "run": id_,
            "subject": loads(subject),
            "sentence": sentence(what, loads(subject), loads(counts)),
        }
        for id_, at, what, subject, counts in tx.execute(query.order_by(c.id.desc()).limit(asked.limit))
        # Other configurations are put in force for reasons of their own.
        if what != "apply" or "word" in loads(subject)
    ]


def by_default(tx: Tx, run_ids: Collection[int]) -> set[int]:
    """Those of these runs that answered reviews because nobody did in time."""
    if not run_ids:
        return set()
    query = select(run.c.id, run.c.subject).where(among(tx, run.c.id, run_ids), run.c.what == "answer")
    return {id_ for id_, subject in tx.execute(query) if subject and loads(subject).get("actor") == EXPIRY}


def sentence(what: str, subject: Told, counts: Told) -> str:
    """What was done, in words."""
    if what == "escalate":
        told = f"{many(counts.get('passed_on', 0), 'late review')} passed on to {subject.get('to') or 'nobody else'}"
        late = counts.get("still_late", 0)
        return (
            f"{told}, {late:,} that {verb(late, 'was', 'were')} passed on before {verb(late, 'is', 'are')} still late"
        )
    if what == "assign":
        return f"review {subject.get('review')} given to {subject.get('owner') or 'whom the configuration names'}"
    numbers = subject.get("reviews", [subject.get("review")])
    which = f"review {numbers[0]}" if len(numbers) == 1 else many(len(numbers), "review")
    told = f"{which} ({subject.get('what', 'ask')}) answered {subject.get('word')}"
    if subject.get("rules"):
        return f"{told}, as a rule for {', '.join(subject['rules'])}"
    return f"{told}, by default: nobody answered in time" if subject.get("actor") == EXPIRY else told
