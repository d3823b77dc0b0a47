"""Missing: a source that suddenly shows nothing, or much less, is doubted. Nothing is concluded until a person agrees.

The limits and the review are the brake's (`core.flow.brake.braking`): while it is open, nothing is written to that tool
either, since it may not be what it was. A walk that shows the records again settles it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from core.decide import brake
from core.decide.brake import Held, Load, Normal
from core.flow.brake.braking import let_go, open_review
from core.flow.brake.weighing import SHOWN, title
from core.flow.changes import Changes
from core.flow.desk import Heard, load_works
from core.flow.hub import Hub, Stream
from core.flow.inward.arrivals import Intake, Trip
from core.flow.inward.inbound import inbound
from core.flow.inward.rereading import chunks, fetched
from core.flow.refold import refold
from core.flow.running import Run
from core.model.claim import Claims
from core.model.instant import Instant
from core.ports import Page, Remote
from core.store import Tx, bindings, connections, records, reviews, runs
from core.store.bindings import State
from core.store.codec import dumps, loads
from core.store.reviews import Question, Review

_FACT = "brake of stream {}"
_PAGE = 1_000


class Word(NamedTuple):
    """What a person said about records that are missing."""

    review: int
    word: str


def conclude(hub: Hub, stream: Stream, known: int, missing: Sequence[str], run_id: int | None) -> int:
    """A whole walk did not show these ids, of so many that are known; gives how many are gone.

    What is not too much is gone if a direct read agrees. Too much waits for a person, who may also want it put back.
    """
    word = _said(hub, stream)
    if word is None and missing and _doubts(hub, stream, known, missing):
        return 0
    if word is None:
        _believe(hub, stream)
        return _take_in(hub, stream, missing, run_id)
    with hub.store.writing() as tx:
        runs.drop_fact(tx, _FACT.format(stream.id))
    subject = {"review": word.review, "word": word.word, "missing": len(missing)}
    with Run(hub, stream.connection_id, "pull", stream.name, subject=subject) as run:
        if word.word == "release":
            run.counts = {"gone": _take_in(hub, stream, missing, run.id)}
        else:
            run.counts = {"put_back": _put_back(hub, stream, missing, run.id)}
    return int(run.counts.get("gone", 0))


def decide(hub: Hub, review: Review, word: str) -> None:
    """A person says `release` (they are gone) or `reject` (they are not): the next whole walk does so, once."""
    connection = hub.connections.get(review.connection_id)
    streams = {one.name: one for one in connection.streams} if connection is not None else {}
    with hub.store.writing() as tx:
        for name in review.subject.get("missing", {}):
            if name in streams:
                said = dumps({"review": review.id, "word": word})
                runs.put_fact(tx, _FACT.format(streams[name].id), said)
                connections.change_stream(tx, streams[name].id, cursor=None, due_at=hub.clock())


def _said(hub: Hub, stream: Stream) -> Word | None:
    with hub.store.reading() as tx:
        kept = runs.fact(tx, _FACT.format(stream.id))
    return Word(**loads(kept)) if kept else None


def _doubts(hub: Hub, stream: Stream, known: int, missing: Sequence[str]) -> bool:
    """Whether so much is missing that a person is asked, who is then."""
    limits = hub.connections[stream.connection_id].limits
    if not brake.weigh(stream.kind, Load(deletes=len(missing)), Held(known), Normal(), limits):
        return False
    kinds = f"{brake.plural(stream.kind)} in {stream.source}"
    told = f"{len(missing):,} of {known:,} {kinds} are missing at once"
    note = f"{told}. Nothing is deleted, and nothing is written to {stream.source}, until a person agrees."
    with hub.store.reading() as tx:
        asked = open_review(tx, stream.connection_id)
        held = bindings.of_remotes(tx, stream.id, missing[:SHOWN])
        found = records.load(tx, {one.record_id for one in held.values()})
    before: dict[str, Any] = asked.subject if asked is not None else {}
    one = {"known": known, "missing": len(missing), "told": told}
    subject = {
        **before,
        "connection": stream.source,
        "note": note,
        "missing": {**before.get("missing", {}), stream.name: one},
        "samples": [{**title(hub, record), "step": "missing", "fields": {}} for record in found.values()],
    }
    with hub.store.writing() as tx:
        question = Question("brake", subject, connection_id=stream.connection_id)
        reviews.ask(tx, [question], now=hub.clock())
    return True


def _believe(hub: Hub, stream: Stream) -> None:
    """The stream shows what it should: what was asked about it is settled."""
    with hub.store.reading() as tx:
        asked = open_review(tx, stream.connection_id)
    missing = asked.subject.get("missing", {}) if asked is not None else {}
    if asked is None or stream.name not in missing:
        return
    left = {name: one for name, one in missing.items() if name != stream.name}
    if not left:
        let_go(hub, asked, "its records are there again")
        return
    subject = {**asked.subject, "missing": left}
    with hub.store.writing() as tx:
        reviews.ask(tx, [Question("brake", subject, connection_id=stream.connection_id)], now=hub.clock())


def _take_in(hub: Hub, stream: Stream, missing: Sequence[str], run_id: int | None) -> int:
    gone = Intake()
    for ids in chunks(missing, _PAGE):
        began_at = hub.clock()
        trip = Trip(hub, stream, began_at, hub.clock(), trusted=True, run_id=run_id)
        gone.add(inbound(trip, Page(_deleted(hub, stream, ids), {})))
    return gone.gone


def _deleted(hub: Hub, stream: Stream, ids: Sequence[str]) -> list[Remote]:
    """Those that a direct read does not show, either."""
    return [remote for remote in fetched(hub, stream, ids) if remote.deleted]


def _put_back(hub: Hub, stream: Stream, missing: Sequence[str], run_id: int) -> int:
    """What is truly gone there is made there again."""
    count = 0
    for ids in chunks(missing, _PAGE):
        gone = [remote.id for remote in _deleted(hub, stream, ids)]
        with hub.store.writing() as tx:
            count += _release(hub, tx, stream, gone, run_id, hub.clock())
    return count


def _release(hub: Hub, tx: Tx, stream: Stream, remote_ids: Sequence[str], run_id: int, now: Instant) -> int:
    rows = [row for row in bindings.of_remotes(tx, stream.id, remote_ids).values() if row.state == State.BOUND]
    changes, works = Changes(now, run_id), load_works(hub, tx, {row.record_id for row in rows})
    for row in rows:
        if (work := works.get(row.record_id)) is None:
            continue
        changes.bindings[row.id] = row._replace(state=State.RELEASED, read_at=now)
        work.say(row, stream.source, row.claims, retired=True)
        work.heard.append(Heard("decided", Claims(), row.id, {"bindings": [[row.id, State.BOUND, State.RELEASED]]}))
        work.touched.add(stream.source)
    refold(hub, tx, changes, [work for work in works.values() if work.touched], cause="live")
    changes.write(tx)
    return len(changes.bindings)
