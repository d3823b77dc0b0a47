"""Answering: what a person decides about a review, carried out.

An answer is a word of that person wherever that is possible, so that it is folded, explained and undone like any other.
"""

from __future__ import annotations

from core.decide.route import Lane
from core.errors import ConfigError
from core.flow.changes import Changes
from core.flow.hub import Hub
from core.flow.merging import merge
from core.flow.pausing import take_up
from core.flow.pull import release
from core.flow.refold import Work, load_works, refold
from core.flow.running import Run
from core.flow.saying import say_in
from core.model.shapes import KIND_ORDER
from core.model.values import Json
from core.store import Tx, bindings, records, reviews
from core.store.bindings import State
from core.store.records import State as RecordState
from core.store.reviews import Review


def answer(hub: Hub, review: Review, word: str, value: Json = None) -> int:
    """Answer a review, and give the number of the run, by which the answer is undone.

    `answers` lists the words a review takes; raises `ConfigError` for any other.
    """
    if word not in answers(review):
        raise ConfigError(f"This review takes {', '.join(answers(review))}.", id=review.id)
    subject = {"review": review.id, "what": review.what, "word": word, "value": value}
    with Run(hub, hub.own_id, "answer", subject=subject) as run:
        _carry_out(hub, run, review, word, value)
        with hub.store.writing() as tx:
            reviews.close_ids(tx, [review.id], now=hub.clock(), answer=word)
            if review.record_id:
                _look_everywhere(hub, tx, review.record_id)
    return run.id


def _carry_out(hub: Hub, run: Run, review: Review, word: str, value: Json) -> None:
    match review.what, word:
        case (("ask" | "frozen"), "value"):
            say_in(hub, run, review.record_id, {review.field: value})
        case "ambiguous", "same":
            _join(hub, run, review, value)
        case "brake", "release":
            release(hub, review)
        case "delete", ("delete" | "keep"):
            _decide_deletion(hub, run, review, word)
        case "connection", "resume":
            with hub.store.writing() as tx:
                take_up(tx, review.connection_id, now=hub.clock())


def _look_everywhere(hub: Hub, tx: Tx, record_id: int) -> None:
    """What was held back for a question may go out now."""
    kinds = records.kinds(tx, [record_id])
    changes = Changes(hub.clock())
    for kind in kinds.values():
        ids = [one.id for one in hub.connections.values() if one.writes(kind)]
        changes.mark(ids, record_id, Lane.LIVE, KIND_ORDER.index(kind))
    changes.write(tx)


def answers(review: Review) -> tuple[str, ...]:
    """The words a review takes."""
    return {
        "ask": ("value",),
        "frozen": ("value", "leave"),
        "ambiguous": ("same", "different"),
        "duplicate": ("noted",),
        "brake": ("release", "reject"),
        "delete": ("delete", "keep"),
        "connection": ("resume",),
    }.get(review.what, ("noted",))


def _join(hub: Hub, run: Run, review: Review, into: Json) -> None:
    """The newcomer is one of the candidates after all."""
    candidates = review.subject.get("candidates", [])
    if into not in candidates:
        raise ConfigError(f"Say which record it is: {', '.join(str(one) for one in candidates)}.", id=review.id)
    changes = Changes(hub.clock(), run.id)
    with hub.store.writing(durable=True) as tx:
        works: dict[int, Work] = {}
        merge(hub, tx, changes, [(review.record_id, into)], works)
        refold(hub, tx, changes, list(works.values()), cause="live")
        changes.write(tx)


def _decide_deletion(hub: Hub, run: Run, review: Review, word: str) -> None:
    """A record went from one tool: follow it everywhere, or put it back there."""
    changes = Changes(hub.clock(), run.id)
    connection = hub.connections[review.connection_id]
    with hub.store.writing(durable=True) as tx:
        works = load_works(hub, tx, [review.record_id])
        work = works[review.record_id]
        if word == "delete":
            work.state = RecordState.DELETED
        for row in bindings.of_records(tx, [review.record_id], connection.stream_ids):
            if word == "keep" and row.state == State.GONE:
                changes.bindings[row.id] = row._replace(state=State.RELEASED)
        work.touched.add(connection.name)
        refold(hub, tx, changes, [work], cause="live")
        changes.write(tx)
