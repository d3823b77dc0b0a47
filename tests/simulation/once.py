"""Laws about what happens once, and about what is taken back, as they stand at rest in the log and in the records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from core.flow.hub import HUB
from core.flow.reviews.answering import EXPIRY
from core.model.instant import DAY
from core.store import reviews
from core.store.runs import Run
from tests.simulation.look import Look, same, stands


def told_once(look: Look) -> Iterator[str]:
    """Whoever is told that something is late is told once a day at most, and nobody before it is late."""
    told: dict[int, list[Run]] = defaultdict(list)
    for run in reversed(look.stage.own_runs("escalate")):
        for id_ in run.subject["reviews"]:
            told[id_].append(run)
    with look.lab.hub.store.reading() as tx:
        known = {one.id: one for one in reviews.by_ids(tx, list(told))}
        within = reviews.duties(tx).within
    for id_, found in told.items():
        review = known[id_]
        if found[0].began_at < review.opened_at + within(review.what):
            yield f"once: review {id_} ({review.what}) was passed on before it was due"
        for earlier, later in pairwise(found):
            if later.began_at < earlier.began_at + DAY:
                yield f"once: review {id_} ({review.what}) was told of in the runs {earlier.id} and {later.id} of a day"


def answered_once(look: Look) -> Iterator[str]:
    """A default is given once to a question."""
    given: dict[int, list[int]] = defaultdict(list)
    for run in reversed(look.stage.own_runs("answer")):
        subject = run.subject
        if subject.get("actor") == EXPIRY and run.ended_at is not None and run.code is None:
            for id_ in subject.get("reviews") or [subject["review"]]:
                given[id_].append(run.id)
    for id_, found in given.items():
        if len(found) > 1:
            yield f"once: review {id_} was answered by default in the runs {found}"


def taken_back(look: Look) -> Iterator[str]:
    """What was said in the hub and taken back stands nowhere, unless a tool says it by its own spelling."""
    for (_, remote_id, field), word, *_ in look.ledger.taken_back:
        bound = look.binding(HUB, remote_id)
        record = look.end(bound.record_id) if bound else None
        if record is None or not stands(record) or look.was_merged(record):
            continue
        meant = look.reads("amber", record.kind, field, word.value)
        if not same(record.values.get(field), meant):
            continue
        why = look.why(record, field)
        yield f"undo: {field} {meant!r} was taken back and stands in record {record.id}, by {why}"
