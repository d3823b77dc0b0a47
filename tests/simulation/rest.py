"""The end of a history: nobody edits any more, nothing goes wrong any more, and people do what they are asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.flow.outward.reconcile import reconcile
from core.flow.reviews.answering import answer
from core.flow.undo.replay import replay
from core.model.instant import SECOND, Instant
from core.model.values import Json
from core.store import movement, outbox, records
from core.store.reviews import Review
from tests.simulation.owed import LONGEST
from tests.simulation.plot import TOOLS

if TYPE_CHECKING:
    from tests.simulation.play import Stage

ROUNDS = 24
"""Rounds in which everything must have come to rest; more where what is owed falls due meanwhile."""

WAITS = (2_400.0, 2_400.0, 3_600.0)
"""Seconds before the first rounds; the last one goes on."""


@dataclass
class Rest:
    """How the hub came to rest."""

    rounds: int = 0
    followed_at: Instant = 0
    """When the hub last followed through."""
    late_writes: int = 0
    """Writes in the round in which the hub said that nothing moved."""


def most(stage: Stage) -> int:
    """The rounds in which everything must have come to rest."""
    return 3 * ROUNDS if stage.plot.follows else ROUNDS


def come_to_rest(stage: Stage) -> None:
    """Turns until nothing moves and nothing waits."""
    _calm(stage)
    answered = not stage.plot.answered
    while stage.rest.rounds < most(stage):
        stage.lab.wait(WAITS[min(stage.rest.rounds, len(WAITS) - 1)])
        stage.rest.rounds += 1
        before = stage.lab.writes()
        # What the brake holds waits for an answer.
        if not _round(stage) or (stage.lab.pending() and not stage.lab.reviews("brake")):
            continue
        stage.rest.late_writes += stage.lab.writes() - before
        if stage.lost_rows:
            stage.lost_rows = False
            for name in TOOLS:
                reconcile(stage.lab.hub, stage.lab.connection(name))
        elif not answered:
            answered = True
            _answer(stage)
        elif _nothing_to_come(stage):
            return


def _calm(stage: Stage) -> None:
    stage.armed, stage.fate.place = None, ""
    for name, tool in stage.lab.tools.items():
        tool.calm()
        stage.sign_in(name)
    late, stage.due = [*stage.due, *stage.in_writing], []
    stage.in_writing = []
    for step in late:
        stage.do(step._replace(meanwhile=0, name="" if step.what == "erase" else step.name))
    if stage.retyped:
        # A person mended the fields, and sends again what was refused.
        for name in TOOLS:
            replay(stage.lab.hub, stage.lab.connection(name))


def _round(stage: Stage) -> bool:
    """All tools are read, then all are written, as in a sync; whether nothing moved."""
    turns = [stage.turn_of(stage.lab.hub, name, delivers=False) for name in TOOLS]
    taken = _follow(stage)
    with stage.lab.hub.store.reading() as tx:
        waiting = outbox.pending(tx)
    names = [name for name in TOOLS if stage.lab.connection(name).id in waiting]
    turns += [stage.turn_of(stage.lab.hub, name, pulls=False) for name in names]
    stage.watch.look()
    return all(one.quiet and one.error is None for one in turns) and not taken


def _follow(stage: Stage) -> bool:
    """The hub follows through; whether it did anything."""
    if not stage.plot.follows or not stage.follow(stage.lab.hub).taken:
        return False
    stage.rest.followed_at = stage.lab.clock()
    return True


def _nothing_to_come(stage: Stage) -> bool:
    """Whether the clock alone asks for nothing any more; else it is set to when it does."""
    if not stage.plot.follows:
        return True
    now = stage.lab.clock()
    with stage.lab.hub.store.reading() as tx:
        following = movement.next_due(tx)
    if following is None or now - stage.rest.followed_at > LONGEST:
        return True
    stage.lab.wait(max(0, following - now) / SECOND)
    return False


def _answer(stage: Stage) -> None:
    """Somebody answers every question."""
    for review in stage.lab.reviews():
        word, value = _word(stage, review)
        answer(stage.lab.hub, review, word, value)
        stage.watch.released |= word == "release"
        if word == "release":
            stage.ledger.confirmed[str(review.subject.get("connection"))] = stage.lab.clock()
        if word == "value":
            (record,) = [one for one in stage.lab.records(_kind(stage, review)) if one.id == review.record_id]
            if record.state == records.State.LIVE:
                stage.people.said_in_hub(record, review.field, value)


def _kind(stage: Stage, review: Review) -> str:
    with stage.lab.hub.store.reading() as tx:
        return records.kinds(tx, [review.record_id])[review.record_id]


def _word(stage: Stage, review: Review) -> tuple[str, Json]:
    match review.what:
        case "ask" | "frozen":
            contenders = review.subject.get("contenders") or []
            return "value", contenders[-1][1] if contenders else None
        case "ambiguous":
            return _same_or_not(stage, review)
        case "brake":
            return "release", None
        case "delete":
            return "keep", None
        case "connection":
            return "resume", None
        case "returned":
            return "erase" if stage.plot.seed % 2 else "leave", None
    return "noted", None


def _same_or_not(stage: Stage, review: Review) -> tuple[str, Json]:
    """Whoever is asked knows who is who."""
    candidates = review.subject.get("candidates", [])
    with stage.lab.hub.store.reading() as tx:
        known = records.load(tx, [review.record_id, *candidates])
    who = known[review.record_id].values.get("asked")
    for id_ in candidates:
        one = known.get(id_)
        if one is not None and one.state == records.State.LIVE and one.values.get("asked") == who:
            return "same", id_
    return "different", None
