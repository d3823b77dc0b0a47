"""Guarding: on the way in, whoever was erased is stopped before anything of them is kept.

    a page ▶ what is bound to an erased record | what comes back under a known id, address or number ▶ the rest goes on

What is only late news of the record that was deleted is passed over. What our own create made is deleted like the
rest. Anything else has been put there by somebody since: it is kept out, noted without its data, and a person is
asked. Where nobody was ever erased, a page costs one short statement here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from core.decide.keys import keys_of
from core.flow.changes import Changes
from core.flow.erasure.keeping_out import Found, keep_out, left_to_a_person, question
from core.flow.erasure.person import is_lead
from core.flow.erasure.settling import settle
from core.flow.hub import Stream
from core.flow.identity.merging import Moves
from core.flow.inward.arrivals import Arrival, Intake, Trip
from core.model.instant import Instant
from core.ports import Remote
from core.store import Tx, bindings, erasures, forgetting, keys, records, suppression
from core.store.bindings import Bound, State
from core.store.erasures import At, Erasure
from core.store.suppression import Suppressor


class Passed(NamedTuple):
    """What of a page goes on."""

    arrivals: Sequence[Arrival]
    goodbyes: Sequence[Remote]


class _Stopped(NamedTuple):
    arrival: Arrival
    erasure_id: int
    ours: bool
    """Our own create made it."""
    late: bool
    """It is the record that was deleted there, as it was before."""


def stop_the_erased(
    trip: Trip,
    tx: Tx,
    changes: Changes,
    bound: dict[str, Bound],
    arrivals: Sequence[Arrival],
    goodbyes: Sequence[Remote],
    intake: Intake,
) -> Passed:
    """Take out of a page, and out of its bindings, what belongs to somebody who was erased."""
    suppressor = trip.hub.suppressor
    if suppressor is None or not suppression.is_used(tx):
        return Passed(arrivals, goodbyes)
    mine = {id_: bound.pop(id_) for id_ in [id_ for id_, row in bound.items() if row.state == State.ERASED]}
    if mine:
        _leave(trip, tx, suppressor, mine, [one for one in goodbyes if one.id in mine])
        arrivals = [one for one in arrivals if one.remote.id not in mine]
        goodbyes = [one for one in goodbyes if one.id not in mine]
    # What a filter keeps out belongs to nobody yet.
    unknown = [one for one in arrivals if one.remote.id not in bound or not bound[one.remote.id].record_id]
    stopped = _stopped(trip, tx, suppressor, unknown) if unknown else []
    if not stopped:
        return Passed(arrivals, goodbyes)
    _keep_out(trip, tx, changes, [one for one in stopped if not one.late], bound)
    intake.left_out += len(stopped)
    out = {one.arrival.remote.id for one in stopped}
    return Passed([one for one in arrivals if one.remote.id not in out], goodbyes)


def spare_the_merged(trip: Trip, tx: Tx, changes: Changes, moved: Moves) -> None:
    """Where somebody else was merged into what is to be deleted, nothing is deleted until a person has looked."""
    ids = {remote_id for stream_id, remote_id in moved.values() if stream_id == trip.stream.id}
    if not ids or not suppression.is_used(tx):
        return
    places = [one for one in erasures.at_remotes(tx, trip.stream.id, ids).values() if one.state == At.WAITING]
    if not places:
        return
    rows = bindings.of_remotes(tx, trip.stream.id, [str(one.remote_id) for one in places]).values()
    bindings.update(tx, [row._replace(packed_told=forgetting.wish(goes=False)) for row in rows])
    note = "somebody else was merged into it there"
    erasures.change_places(tx, [one._replace(state=At.RETURNED, note=note, at=trip.now) for one in places])
    stream = trip.stream
    for one in _erasures(tx, [place.erasure_id for place in places]):
        changes.questions.append(question(stream.source, stream.name, stream.connection_id, one, At.RETURNED, note))


def _leave(trip: Trip, tx: Tx, suppressor: Suppressor, mine: Mapping[str, Bound], goodbyes: Collection[Remote]) -> None:
    """Tombstones of erased records: they are gone there. Where one was merged into, that is known by its id, too."""
    if not goodbyes:
        return
    places = erasures.at_remotes(tx, trip.stream.id, [one.id for one in goodbyes])
    for remote in goodbyes:
        place = places.get(remote.id)
        if place is not None and remote.moved_to and (remote.moved_stream in (None, trip.stream.name)):
            suppression.add(tx, place.erasure_id, [suppressor.of_place(trip.stream.id, remote.moved_to)])
    gone = [mine[id_] for id_, place in places.items() if not left_to_a_person(place)]
    settle(tx, gone, At.GONE, now=trip.now)


def _stopped(trip: Trip, tx: Tx, suppressor: Suppressor, unknown: Sequence[Arrival]) -> list[_Stopped]:
    """Those of these newcomers that were erased: by place, by our own key, or by an address nobody else has."""
    stream, hub = trip.stream, trip.hub
    own = _made_by_us(trip, tx, unknown)
    by_place = {suppressor.of_place(stream.id, one.remote.id): one.remote.id for one in unknown}
    leads = {
        one.remote.id: [key.digest for key in keys_of(stream.kind, one.reading.values, hub.blocks) if is_lead(key)]
        for one in unknown
    }
    digests = {digest for found in leads.values() for digest in found}
    by_key = {suppressor.of_key(digest): digest for digest in digests}
    hits = suppression.found(tx, [*by_place, *by_key])
    places = {by_place[hash_]: id_ for hash_, id_ in hits.items() if hash_ in by_place}
    erased = {by_key[hash_]: id_ for hash_, id_ in hits.items() if hash_ in by_key}
    # Somebody living may share the address; who comes by it is then matched with them, as always.
    shared = {digest for digest, record_id in keys.find(tx, erased) if record_id > 0} if erased else set()
    deleted_at = {one.id: one for one in _erasures(tx, places.values())}
    found = []
    for one in unknown:
        id_ = one.remote.id
        known = [erased[digest] for digest in leads[id_] if digest in erased and digest not in shared]
        if id_ in own:
            found.append(_Stopped(one, own[id_], ours=True, late=False))
        elif id_ in places:
            late = _is_late(stream, one, deleted_at[places[id_]])
            found.append(_Stopped(one, places[id_], ours=False, late=late))
        elif known:
            found.append(_Stopped(one, max(known), ours=False, late=False))
    return found


def _made_by_us(trip: Trip, tx: Tx, unknown: Iterable[Arrival]) -> dict[str, int]:
    """Remote id → erasure, of what our creates of erased records made."""
    stamped = {one.remote.id: id_ for one in unknown if (id_ := trip.record_of_key(one.remote.key)) is not None}
    gone = records.erased(tx, set(stamped.values()))
    if not gone:
        return {}
    whose = erasures.about(tx, gone)
    return {id_: whose[record_id].id for id_, record_id in stamped.items() if record_id in whose}


def _erasures(tx: Tx, ids: Iterable[int]) -> list[Erasure]:
    return [one for id_ in sorted(set(ids)) if (one := erasures.one(tx, id_)) is not None]


def _is_late(stream: Stream, arrival: Arrival, erasure: Erasure) -> bool:
    """Whether a reading is only late news of what was deleted: its stamp is older than the request."""
    at: Instant | None = arrival.remote.modified_at
    return stream.manifest.stamps == "tool" and at is not None and arrival.stamp.at <= erasure.at


def _keep_out(trip: Trip, tx: Tx, changes: Changes, stopped: Sequence[_Stopped], bound: dict[str, Bound]) -> None:
    strangers = [bound.pop(one.arrival.remote.id) for one in stopped if one.arrival.remote.id in bound]
    if strangers:
        forgetting.forget_bindings(tx, strangers)
        bindings.delete(tx, [row.id for row in strangers])
    whose = {one.id: one for one in _erasures(tx, [one.erasure_id for one in stopped])}
    found = [
        Found(one.arrival.remote.id, whose[one.erasure_id], one.arrival.remote.key if one.ours else None)
        for one in stopped
    ]
    keep_out(trip.hub, tx, changes, trip.stream, found)
