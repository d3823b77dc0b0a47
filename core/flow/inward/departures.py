"""Departures: a bound record is gone from its tool, or lives on there as another one.

`core.decide.existence` says what that means under the connection's policy; here it is carried out. The binding
keeps its last words: a claim outlives its tool. What moved was not deleted, whatever the policy.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from core.decide.existence import deletion, tidied
from core.flow.changes import Changes
from core.flow.desk import Heard, Work
from core.flow.identity.merging import Moves
from core.flow.inward.arrivals import Intake, Trip
from core.flow.outward.compare import Step, differences
from core.flow.refs import Place
from core.model.claim import Claims
from core.ports import Remote
from core.store import Tx, outbox
from core.store.bindings import Bound, State
from core.store.records import State as RecordState
from core.store.reviews import Question

_BINDING = {"kept": State.GONE, "unlinked": State.UNLINKED, "released": State.RELEASED}
_RECORD = {"stays": None, "archived": RecordState.ARCHIVED, "deleted": RecordState.DELETED}


def depart(
    trip: Trip,
    tx: Tx,
    changes: Changes,
    goodbyes: Collection[Remote],
    moved: Moves,
    bound: Mapping[str, Bound],
    works: dict[int, Work],
    intake: Intake,
) -> None:
    """Carry out the tombstones of a page; `moved` says where those live now that only moved."""
    leaving = [(remote, bound[remote.id]) for remote in goodbyes if remote.id in bound]
    late = _out_of_step(trip, tx, {one.record_id for _, one in leaving if one.record_id in works}, works)
    for remote, one in leaving:
        if one.record_id in works:
            place = moved.get(remote.id)
            _leave(trip, changes, one, works[one.record_id], place, in_step=one.record_id not in late)
            intake.gone += 1


def _leave(trip: Trip, changes: Changes, bound: Bound, work: Work, place: Place | None, *, in_step: bool) -> None:
    stream = trip.stream
    others = sorted({voice.source for id_, voice in work.voices.items() if id_ != bound.id and not voice.retired})
    # Edits heard on this very page count as on their way, too.
    in_step = in_step and not any(heard.what == "heard" and heard.claims.values for heard in work.heard)
    verdict = deletion(stream.policy.deletes_in, in_step=in_step, others=others)
    if bound.state == State.FILTERED or not stream.gets(work.record.values):
        verdict = tidied(fits=stream.gets(work.record.values))
        changes.answered.append(("left", work.record.id, ""))
    stream_id, remote_id = place or (None, None)
    state = State.MOVED if place else _BINDING[verdict.binding]
    row = bound._replace(state=state, read_at=trip.now, moved_to=remote_id, moved_stream_id=stream_id)
    changes.bindings[row.id] = row
    work.say(row, stream.source, bound.claims, retired=True)
    work.heard.append(Heard("gone", Claims(), row.id))
    # Who deletes one of two records that are the same person tidies up, and deletes nobody.
    if place or stream.id in work.streams.values():
        return
    if work.state == RecordState.LIVE and (after := _RECORD[verdict.record]) is not None:
        work.state = after
    if verdict.binding == "released":
        work.touched.add(stream.source)
    if verdict.review:
        subject = {"connection": stream.source, "note": verdict.note}
        question = Question("delete", subject, connection_id=stream.connection_id, record_id=work.record.id)
        changes.questions.append(question)


def _out_of_step(trip: Trip, tx: Tx, record_ids: set[int], works: Mapping[int, Work]) -> set[int]:
    """Those with an edit from elsewhere still on its way to this tool.

    One that a person is asked about, or that refers to what the tool does not hold yet, is on its way, too.
    """
    connection = trip.hub.connections[trip.stream.connection_id]
    marked = {
        record_id for connection_id, record_id in outbox.due_records(tx, record_ids) if connection_id == connection.id
    }
    if not marked:
        return set()
    found = {record_id: works[record_id].record for record_id in marked}
    compared = differences(trip.hub, tx, connection, found)
    return {one.record.id for one in compared if one.step is Step.UPDATE or one.missing or one.undecided}
