"""Answering: what a person decides about reviews, carried out. One answer may be for one review or for thousands.

An answer is a word of that person wherever that is possible, so that it is folded, explained and undone like any other.
`WAYS` is the table of what each kind of review can be answered with.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from core.decide.movement.policy import Step
from core.decide.route import Lane
from core.errors import ConfigError
from core.flow.brake import braking, missing
from core.flow.changes import Changes
from core.flow.desk import Heard, Work, load_works
from core.flow.drift.describing import look_soon, wave_through
from core.flow.erasure import deciding
from core.flow.hub import Connection, Hub
from core.flow.identity.duplicates import proposed
from core.flow.identity.mending import pair, request
from core.flow.identity.merging import merge
from core.flow.movement import following
from core.flow.pausing import take_up
from core.flow.plan import canary
from core.flow.refold import refold
from core.flow.reviews import choosing
from core.flow.reviews.choosing import CHOICES
from core.flow.running import Run
from core.model.claim import Claims
from core.model.shapes import KIND_ORDER
from core.model.values import Json
from core.store import Tx, bindings, records, reviews
from core.store.bindings import State
from core.store.records import State as RecordState
from core.store.reviews import Review

EXPIRY = "expiry"
"""The actor of an answer that nobody gave in time."""


class Answer(NamedTuple):
    """A word with its value: `value` is a value, a candidate's number, or for `from` a connection's name."""

    word: str
    value: Json = None
    actor: str | None = None
    """None for a person."""

    @property
    def said(self) -> str:
        """The word as a person types it."""
        return f"from:{self.value}" if self.word == "from" else self.word


class Way(NamedTuple):
    """One way to answer: what it does, in plain words, and who carries it out."""

    tells: str
    does: Callable[[Hub, Run, Sequence[Review], Answer], Collection[int] | None]
    """Gives the numbers of those that it answered; None for all of them."""
    closes: bool = True
    """Whether the question is settled by it; if not, it stays open until the tool has done what was asked."""


@dataclass(slots=True)
class Planned:
    """What an answer to several reviews would do, before anybody has agreed to it."""

    answer: Answer
    fits: list[Review] = field(default_factory=list)
    becomes: dict[int, Json] = field(default_factory=dict)
    """Review → the value that will stand, for questions about a field."""
    left: dict[int, str] = field(default_factory=dict)
    """Review → why it cannot be answered so; it stays open."""


def answer(hub: Hub, review: Review, word: str, value: Json = None) -> int:
    """Answer a review, and give the number of the run, by which the answer is undone.

    `answers` lists the words a review takes; raises `ConfigError` for any other, and for a value it cannot take.
    """
    planned = plan(hub, [review], word, value)
    if planned.left:
        raise ConfigError(planned.left[review.id], id=review.id)
    return carry_out(hub, planned)


def plan(hub: Hub, found: Sequence[Review], word: str, value: Json = None, *, actor: str | None = None) -> Planned:
    """What a word would do to these reviews; nothing is changed."""
    name, colon, source = word.partition(":")
    planned = Planned(Answer(name, source if colon else value, actor))
    for one in found:
        words = answers(one)
        if planned.answer.said in words or _is_from(one, name, source):
            planned.fits.append(one)
        else:
            planned.left[one.id] = f"This review takes {', '.join(words)}."
    if name in ("value", *CHOICES):
        _look_up(hub, planned)
    return planned


def _look_up(hub: Hub, planned: Planned) -> None:
    """Find the values that would stand; where there is none, the question stays."""
    given = planned.answer
    with hub.store.reading() as tx:
        works = choosing.looked_at(hub, tx, [one.record_id for one in planned.fits])
    chosen = choosing.choices(hub, works, planned.fits, given.word, given.value)
    planned.becomes = {one.review.id: one.said.value for one in chosen if one.said is not None}
    who = f"{given.value} says nothing" if given.word == "from" else "Nobody says anything"
    lacking = [one for one in planned.fits if one.id not in planned.becomes]
    planned.left |= {one.id: f"{who} about {one.field}." for one in lacking}
    planned.fits = [one for one in planned.fits if one.id in planned.becomes]


def _is_from(review: Review, name: str, source: str) -> bool:
    return review.what in ("ask", "frozen") and name == "from" and bool(source)


def carry_out(hub: Hub, planned: Planned) -> int:
    """Answer everything that fits, as one run; gives its number."""
    found, given = planned.fits, planned.answer
    subject: dict[str, Any] = {"word": given.said, "value": None if given.word == "from" else given.value}
    if given.actor is not None:
        subject["actor"] = given.actor
    kinds = sorted({one.what for one in found})
    which: dict[str, Any] = {"reviews": [one.id for one in found], "what": ", ".join(kinds)}
    if len(found) == 1:
        which = {"review": found[0].id, "what": found[0].what}
    with Run(hub, hub.own_id, "answer", subject={**which, **subject}) as run:
        settled: list[Review] = []
        for what in kinds:
            alike = [one for one in found if one.what == what]
            way = ways(alike[0])[given.word]
            answered = way.does(hub, run, alike, given)
            settled += [one for one in alike if way.closes and (answered is None or one.id in answered)]
        with hub.store.writing() as tx:
            noted = given.said if given.actor is None else f"{given.said}, by {given.actor}"
            reviews.close_ids(tx, [one.id for one in settled], now=hub.clock(), answer=noted)
            look_everywhere(hub, tx, {one.record_id for one in found if one.record_id})
        run.counts = {"answered": len(found)}
    return run.id


def look_everywhere(hub: Hub, tx: Tx, record_ids: set[int]) -> None:
    """What was held back for a question may go out now."""
    changes = Changes(hub.clock())
    for id_, kind in sorted(records.kinds(tx, record_ids).items() if record_ids else ()):
        ids = [one.id for one in hub.connections.values() if one.writes(kind)]
        changes.mark(ids, id_, Lane.LIVE, KIND_ORDER.index(kind))
    changes.write(tx)


def ways(review: Review) -> Mapping[str, Way]:
    """Every way to answer a review: word → what it does."""
    return WAYS.get(review.what, _ONLY_NOTED)


def answers(review: Review) -> tuple[str, ...]:
    """The words a review takes, as they are typed: `from` names each connection that says something."""
    words: list[str] = []
    for word in ways(review):
        if word == "from":
            words += [f"from:{source}" for source in sources(review)]
        else:
            words.append(word)
    return tuple(words)


def sources(review: Review) -> list[str]:
    """The connections that say something else about the field than another one does."""
    return sorted({str(one[0]) for one in review.subject.get("contenders", ())})


# What each answer does.


def _nothing(hub: Hub, run: Run, found: Sequence[Review], given: Answer) -> None:
    """The question is closed, and what it held back goes its way."""


def _one_by_one(does: Callable[[Hub, Run, Review, Answer], None]) -> Callable[..., None]:
    """For answers that a person gives to one review or a few."""

    def each(hub: Hub, run: Run, found: Sequence[Review], given: Answer) -> None:
        for review in found:
            does(hub, run, review, given)

    return each


def _choose(hub: Hub, run: Run, found: Sequence[Review], given: Answer) -> Collection[int]:
    return choosing.choose(hub, run, found, given.word, given.value, by_default=given.actor is not None)


def _join(hub: Hub, run: Run, review: Review, given: Answer) -> None:
    """The newcomer is one of the candidates after all."""
    candidates = review.subject.get("candidates", [])
    into = candidates[0] if given.value is None and len(candidates) == 1 else given.value
    if into not in candidates:
        raise ConfigError(f"Say which record it is: {', '.join(str(one) for one in candidates)}.", id=review.id)
    changes = Changes(hub.clock(), run.id)
    with hub.store.writing(durable=True) as tx:
        works: dict[int, Work] = {}
        # It may have been merged into another one since the question was put.
        into = records.merged_into(tx, [into]).get(into, into)
        merge(hub, tx, changes, [(review.record_id, into)], works, asked=True)
        refold(hub, tx, changes, list(works.values()), cause="live")
        changes.write(tx)


def _merge_there(hub: Hub, run: Run, review: Review, given: Answer) -> None:
    """The tool makes the two one at the connection's next turn; the value names which of them is left."""
    double = proposed(hub, review)
    if double is None:
        raise ConfigError("The tool does not hold the two any more, or not in one stream.", id=review.id)
    ids = [copy.bound.remote_id for copy in double.copies]
    survivor = ids[0] if given.value is None else str(given.value)
    if survivor not in ids:
        raise ConfigError(f"Say which one is left: {', '.join(ids)}.", id=review.id)
    connection = hub.connection(double.connection)
    for loser in ids:
        if loser != survivor:
            request(hub, run, connection, pair(hub, connection, [survivor, loser], double.stream.name))


def _brake(hub: Hub, _run: Run, review: Review, given: Answer) -> None:
    if canary.is_canary(review):
        canary.decide(hub, review, given.word)
        return
    missing.decide(hub, review, given.word)
    (braking.release if given.word == "release" else braking.reject)(hub, review)


def _decide_deletion(hub: Hub, run: Run, review: Review, given: Answer) -> None:
    """A record went from one tool: follow it everywhere, or put it back there."""
    changes = Changes(hub.clock(), run.id)
    connection = _connection(hub, review)
    with hub.store.writing(durable=True) as tx:
        works = load_works(hub, tx, [review.record_id])
        work = works[review.record_id]
        if given.word == "delete":
            work.state = RecordState.DELETED
        for row in bindings.of_records(tx, [review.record_id], connection.stream_ids):
            if given.word == "keep" and row.state == State.GONE:
                changes.bindings[row.id] = row._replace(state=State.RELEASED)
        put_back = [[id_, State.GONE, State.RELEASED] for id_ in changes.bindings]
        work.heard.append(Heard("decided", Claims(), None, {"bindings": put_back} if put_back else {}))
        work.touched.add(connection.name)
        refold(hub, tx, changes, [work], cause="live")
        changes.write(tx)


def _confirm(hub: Hub, _run: Run, review: Review, _given: Answer) -> None:
    deciding.confirm(hub, review)


def _erase_there(hub: Hub, _run: Run, review: Review, _given: Answer) -> None:
    deciding.erase_there(hub, review)


def _admit(hub: Hub, run: Run, review: Review, _given: Answer) -> None:
    deciding.admit(hub, run, review)


def _resume(hub: Hub, _run: Run, review: Review, _given: Answer) -> None:
    with hub.store.writing() as tx:
        take_up(tx, review.connection_id, now=hub.clock())


def _look_soon(hub: Hub, _run: Run, review: Review, _given: Answer) -> None:
    look_soon(hub, review)


def _wave_through(hub: Hub, _run: Run, review: Review, _given: Answer) -> None:
    wave_through(hub, review)


def _take_steps(hub: Hub, run: Run, found: Sequence[Review], _given: Answer) -> None:
    names = {str(one.subject["name"]) for one in found}
    following.take(hub, run.id, names, {one.record_id for one in found})


def _leave_steps(hub: Hub, run: Run, found: Sequence[Review], _given: Answer) -> None:
    left = [(str(one.subject["name"]), Step(one.subject["step"]), one.record_id) for one in found]
    following.leave(hub, run.id, left)


def _connection(hub: Hub, review: Review) -> Connection:
    found = hub.connections.get(review.connection_id)
    if found is None:
        raise ConfigError("The connection of this review is no longer there.", id=review.id)
    return found


_CHOICES = {
    "value": Way("The value you give stands everywhere.", _choose),
    "newest": Way("The newest of these values stands everywhere.", _choose),
    "earliest": Way("The earliest of these values stands everywhere.", _choose),
    "from": Way("What this connection says stands everywhere.", _choose),
}

WAYS: Mapping[str, Mapping[str, Way]] = {
    "ask": _CHOICES,
    "frozen": {
        **_CHOICES,
        "leave": Way("What stands now goes out; if it keeps turning, it is frozen again.", _nothing),
    },
    "ambiguous": {
        "same": Way("The two become one record; give the number of the one it is.", _one_by_one(_join)),
        "different": Way("They stay two, and the new one is created in the other tools.", _nothing),
    },
    "duplicate": {
        "merge": Way("The tool makes them one; give the id of the one that is left.", _one_by_one(_merge_there), False),
        "noted": Way("The question is closed; nothing is changed in any tool.", _nothing),
    },
    "brake": {
        "release": Way("What was held back goes out, once.", _one_by_one(_brake)),
        "reject": Way("The runs that caused it are undone; what is missing is put back.", _one_by_one(_brake)),
    },
    "delete": {
        "delete": Way("It is deleted in every tool whose policy lets us.", _one_by_one(_decide_deletion)),
        "keep": Way("Nothing is deleted, and it is put back where it went.", _one_by_one(_decide_deletion)),
        "leave": Way("It stays in the other tools, and is not put back where it went.", _nothing),
    },
    "by_hand": {"done": Way("You have deleted it there; the certificate says so.", _one_by_one(_confirm))},
    "returned": {
        "erase": Way("It is deleted there, too.", _one_by_one(_erase_there)),
        "admit": Way("They came back by themselves, and are taken in as somebody new.", _one_by_one(_admit)),
        "leave": Way("It stays there, and is kept out of the hub.", _nothing),
    },
    "connection": {"resume": Way("It is taken up again, and what waited goes out.", _one_by_one(_resume))},
    "step": {
        "do": Way("The step is taken now, as far as it is still due.", _take_steps),
        "leave": Way("It is not taken on this occasion.", _leave_steps),
    },
    "schema": {
        "mended": Way("The tool is asked at the next sync, and what is mended goes on.", _one_by_one(_look_soon)),
        "noted": Way("What stops no line is settled; lines that rest go on resting.", _one_by_one(_wave_through)),
    },
}
"""Kind of review → word → what it does."""

_ONLY_NOTED: Mapping[str, Way] = {"noted": Way("The question is closed.", _nothing)}
