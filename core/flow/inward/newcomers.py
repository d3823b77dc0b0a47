"""Newcomers: remote records that are not bound yet. Whose are they? Join a record, or make one.

A first load is nothing but newcomers, so this is the hub's hottest path: what concerns the page is done once, and a
record with nobody like it in sight costs one fold and one look at its keys.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

import orjson

from core.decide.fold import alone
from core.decide.keys import Key, identity_digest, keys_of, names_of, reach_of
from core.decide.likeness import names_differ
from core.decide.match import Ambiguous, Candidate, Join, New, match
from core.decide.route import hearers, lane
from core.decide.words import words_of
from core.flow.changes import Changes
from core.flow.consent.recording import of_newcomer
from core.flow.desk import Heard, Work, load_works
from core.flow.hub import Stream
from core.flow.identity.merging import Forwards, show_doubles
from core.flow.inward.arrivals import Arrival, Intake, Trip
from core.flow.refs import Refs
from core.mapping import paths
from core.model.claim import ASSUMED, Claims, Stamp
from core.model.consent import Occasion
from core.model.values import Json, is_blank
from core.ports import Remote
from core.store import Tx, keys, records, restores
from core.store.bindings import Bound, State, packed_told
from core.store.codec import pack, squeeze
from core.store.database import allocate, serialise
from core.store.outbox import Mark
from core.store.records import Record
from core.store.reviews import Question


@dataclass(slots=True)
class _Newcomer:
    arrival: Arrival
    values: dict[str, Json]
    waits: list[tuple[int, str]]
    keys: tuple[Key, ...]
    identity: int | None = None
    """The digest of its tool's own lasting mark, where the tool's ids may change."""


def welcome(
    trip: Trip,
    tx: Tx,
    changes: Changes,
    refs: Refs,
    arrivals: Sequence[Arrival],
    works: dict[int, Work],
    intake: Intake,
    moved: Forwards,
) -> None:
    """Match and bind every arrival: joined records go on the desk to be folded, new ones are written as they are."""
    hub, stream = trip.hub, trip.stream
    serialise(tx, records.CHANGING)
    newcomers = []
    for arrival in arrivals:
        values, waits = refs.resolved(arrival.reading.values)
        newcomers.append(_Newcomer(arrival, values, waits, keys_of(stream.kind, values, hub.blocks)))
    if stream.manifest.identity is not None:
        _identify(stream, newcomers, stream.manifest.identity)
    seats = _Seats(trip, tx, changes, works, newcomers, moved)
    for place, newcomer in enumerate(newcomers):
        seats.take(place, newcomer, intake)
    seats.bind_new(refs)


class _Seats:
    """One page's newcomers being told who they are."""

    def __init__(
        self,
        trip: Trip,
        tx: Tx,
        changes: Changes,
        works: dict[int, Work],
        newcomers: Sequence[_Newcomer],
        moved: Forwards,
    ) -> None:
        self.trip, self.changes, self.works, self.moved = trip, changes, works, moved
        self.kin = trip.hub.connections[trip.stream.connection_id].kin(trip.stream.kind)
        self.consents = [name for name in trip.stream.shape.consents if name in trip.stream.translator.in_fields]
        self.record_ids = list(allocate(tx, "record", len(newcomers)))
        self.binding_ids = allocate(tx, "binding", len(newcomers))
        self.holders = _holders(tx, newcomers)
        self.lasting = _lasting(tx, newcomers, self.holders)
        stamped = {id_ for one in newcomers if (id_ := trip.record_of_key(one.arrival.remote.key)) is not None}
        cap = trip.hub.blocks.cap
        candidates = {id_ for ids in self.holders.values() if len(ids) <= cap for id_ in ids} | stamped
        candidates |= {id_ for ids in moved.values() for id_ in ids}
        candidates |= set(self.lasting.values())
        works.update(load_works(trip.hub, tx, candidates - works.keys()) if candidates - works.keys() else {})
        self.lost = restores.lost_among(tx, stamped - works.keys())
        self.new: list[tuple[int, _Newcomer]] = []
        self.fresh: dict[int, _Newcomer] = {}

    def take(self, place: int, newcomer: _Newcomer, intake: Intake) -> None:
        """Join, or make a record."""
        own = self._known(newcomer.arrival.remote)
        if own is not None:
            twice = self._taken(self.works[own])
            self._join(place, newcomer, own)
            intake.joined += 1
            if twice:
                show_doubles(self.trip.hub, self.changes, self.works[own])
            return
        lasting = self._under_another_id(newcomer)
        if lasting is not None:
            self._join(place, newcomer, lasting)
            intake.joined += 1
            return
        hits, kind = self._hits(newcomer.keys), self.trip.stream.kind
        if not hits:
            self._make(place, newcomer)
            intake.created += 1
            return
        found = match(kind, newcomer.values, newcomer.keys, self._candidates(hits), blocks=self.trip.hub.blocks)
        if isinstance(found, Join) and found.record_id in self.works:
            self._join(place, newcomer, found.record_id)
            intake.joined += 1
            return
        self._make(place, newcomer)
        intake.created += 1
        record_id = self.record_ids[place]
        if isinstance(found, Ambiguous):
            subject = {"candidates": list(found.record_ids), "evidence": list(found.evidence)}
            self.changes.questions.append(Question("ambiguous", subject, record_id=record_id))
        elif isinstance(found, New) and found.duplicate_of is not None:
            subject = {"of": found.duplicate_of, "connection": self.trip.stream.source}
            self.changes.questions.append(Question("duplicate", subject, record_id=record_id))

    def bind_new(self, refs: Refs) -> None:
        """Write the new records, now that every id of the page is known."""
        here = self.trip.stream.id
        for place, newcomer in self.new:
            refs.found[here, newcomer.arrival.remote.id] = self.record_ids[place]
        if self.trip.stream.kind in refs.addresses.fields.values():
            for place, newcomer in self.new:
                refs.addresses.meet(newcomer.keys, self.record_ids[place])
        marks = _Marks(self.trip)
        for place, newcomer in self.new:
            if newcomer.waits:
                newcomer.values, newcomer.waits = refs.resolved(newcomer.arrival.reading.values)
            self._write(place, newcomer, marks)

    def _known(self, remote: Remote) -> int | None:
        """The record that this is for certain: that of our own create, or of what became this one there."""
        own = self.trip.record_of_key(remote.key)
        if own is not None and own in self.works and not self._taken(self.works[own]):
            return own
        came = self.moved.get(remote.id)
        if not came:
            return None
        alike = (self.works[id_].record for id_ in came if id_ in self.works)
        return min((one.id for one in alike if one.kind == self.trip.stream.kind), default=None)

    def _under_another_id(self, newcomer: _Newcomer) -> int | None:
        """The record that the tool held under another id, before or still: what a listing no longer shows, it drops.

        Where it still holds that one and the names differ, somebody has made a new one of a copy.
        """
        record_id = self.lasting.get(newcomer.identity) if newcomer.identity is not None else None
        work = self.works.get(record_id) if record_id is not None else None
        if work is None or work.state == records.State.MERGED or work.record.kind != self.trip.stream.kind:
            return None
        copied = self._taken(work) and names_differ(names_of(newcomer.values), names_of(work.record.values))
        return None if copied else record_id

    def _hits(self, leads: Iterable[Key]) -> dict[int, list[Key]]:
        """Record id → the keys that lead to it, from the store and from earlier on this page."""
        hits: dict[int, list[Key]] = {}
        for key in leads:
            holders = self.holders.get(key.digest, ())
            # What so many share is no sign, and comparing with all of them would cost a page its square.
            for record_id in holders if len(holders) <= self.trip.hub.blocks.cap else ():
                hits.setdefault(record_id, []).append(key)
        return hits

    def _candidates(self, hits: Mapping[int, Sequence[Key]]) -> list[Candidate]:
        found = []
        for record_id, leads in hits.items():
            if record_id in self.works:
                work = self.works[record_id]
                values, taken = work.record.values, self._taken(work)
            elif record_id in self.fresh:
                values, taken = self.fresh[record_id].values, True
            else:
                continue
            found.append(Candidate(record_id, values, tuple(key.tier for key in leads), taken))
        return found

    def _taken(self, work: Work) -> bool:
        """Whether the connection holds the record already, in this stream or in another one of its kind."""
        return not self.kin.isdisjoint(work.streams.values())

    def _join(self, place: int, newcomer: _Newcomer, record_id: int) -> None:
        arrival, stream = newcomer.arrival, self.trip.stream
        work = self.works[record_id]
        echo = self._echo(newcomer) if self.trip.sent is not None else frozenset()
        said = {name: value for name, value in newcomer.values.items() if name not in echo}
        claims = _first_claims(self.trip, said, arrival.stamp)
        blob = squeeze(orjson.dumps(claims.to_json()))
        row = self._row(place, newcomer, record_id, blob, told=self._respelt(newcomer, echo))
        self._file(newcomer, record_id)
        work.say(row, stream.source, claims)
        work.heard.append(Heard("seen", claims, row.id, _proven(self.trip)))
        work.touched.add(stream.source)
        if work.state in (records.State.DELETED, records.State.ARCHIVED):
            work.state = records.State.LIVE

    def _echo(self, newcomer: _Newcomer) -> frozenset[str]:
        """The fields of our own create, whose answer was lost, that still mean what we sent: no word of the tool's."""
        (told,) = self.trip.stream.translator.read([self.trip.sent or {}])
        shown = newcomer.arrival.reading.values
        return frozenset(name for name, value in shown.items() if value == told.values.get(name))

    def _respelt(self, newcomer: _Newcomer, echo: Container[str]) -> bytes | None:
        """What we sent and the tool has spelt its own way."""
        held, sent = newcomer.arrival.remote.fields, self.trip.sent or {}
        lines = [line for line in self.trip.stream.translator.lines if line.field in echo]
        ours = {path for line in lines for path in line.writes if path in sent}
        return packed_told({path: sent[path] for path in ours if paths.get(held, path) != sent[path]}, {})

    def _make(self, place: int, newcomer: _Newcomer) -> None:
        own = self.trip.record_of_key(newcomer.arrival.remote.key)
        if own is not None and own in self.lost:
            # We wrote it, and no longer know from what: every copy of it bears this number.
            self.record_ids[place] = own
            self.lost.discard(own)
        record_id = self.record_ids[place]
        self.new.append((place, newcomer))
        self.fresh[record_id] = newcomer
        self._file(newcomer, record_id)
        for key in newcomer.keys:
            self.holders.setdefault(key.digest, []).append(record_id)

    def _file(self, newcomer: _Newcomer, record_id: int) -> None:
        if newcomer.identity is not None:
            self.changes.keys.append((newcomer.identity, record_id))

    def _write(self, place: int, newcomer: _Newcomer, marks: _Marks) -> None:
        trip, changes, stamp = self.trip, self.changes, newcomer.arrival.stamp
        record_id = self.record_ids[place]
        claims = _first_claims(trip, newcomer.values, stamp)
        standing = alone(trip.stream.shape, trip.hub.rules, claims.values)
        said = orjson.dumps(claims.values)
        stands = said if standing == claims.values else orjson.dumps(standing)
        if len(claims.stamps) == 1:
            # The stored form of `Claims.to_json`, put together from bytes that are there already.
            blob = squeeze(b'{"s":' + orjson.dumps([tuple(stamp)]) + b',"v":' + said + b"}")
        else:
            blob = squeeze(orjson.dumps(claims.to_json()))
        row = self._row(place, newcomer, record_id, blob)
        changes.new_records.append(
            Record(record_id, trip.stream.kind, stands.decode(), records.State.LIVE, None, 1, trip.now, trip.now)
        )
        told = blob if trip.proof is None else pack({**claims.to_json(), **_proven(trip)})
        changes.tell(record_id, "seen", told, row.id)
        if self.consents:
            self._enter_consents(row, claims)
        changes.keys.extend([(key.digest, record_id) for key in newcomer.keys])
        reach = reach_of(trip.stream.kind, standing, trip.hub.blocks)
        changes.keys.extend([(digest, record_id) for digest in reach])
        changes.words.extend([(word, record_id) for word in words_of(trip.stream.shape, standing)])
        changes.marks.extend(marks.of(record_id, standing))

    def _enter_consents(self, row: Bound, claims: Claims) -> None:
        changes = self.changes
        trip = self.trip
        came = Occasion(row.record_id, row.id, trip.stream.source, "seen", changes.now, changes.run_id, trip.proof)
        changes.consents.extend(of_newcomer(self.consents, claims, came))

    def _row(
        self, place: int, newcomer: _Newcomer, record_id: int, claims: bytes, *, told: bytes | None = None
    ) -> Bound:
        trip, arrival = self.trip, newcomer.arrival
        remote = arrival.remote
        row = Bound(
            self.binding_ids[place],
            trip.stream.id,
            remote.id,
            record_id,
            State.BOUND,
            arrival.digest,
            remote.version,
            remote.modified_at,
            trip.now,
            None,
            claims,
            squeeze(arrival.raw),
            told,
            arrival.problems,
            None,
        )
        self.changes.new_bindings.append(row)
        self.changes.bound.append((trip.stream.connection_id, record_id))
        self.changes.waiting.extend([(stream_id, word, row.id) for stream_id, word in newcomer.waits])
        return row


class _Marks:
    """Who hears of this page's new records; asked once a page, since all of them are new."""

    def __init__(self, trip: Trip) -> None:
        hub, kind = trip.hub, trip.stream.kind
        names = set(hearers(kind, None, hub.hearers)) - {trip.stream.source}
        heard = [one for one in hub.connections.values() if one.name in names]
        self.ids = [one.id for one in heard]
        self.kind, self.choosy = kind, [one for one in heard if one.chooses(kind)]
        self.lane = int(lane(kind, None, "backfill" if trip.backfill else "live"))
        self.rank, self.now = trip.stream.rank, trip.now

    def of(self, record_id: int, values: Mapping[str, Json]) -> list[Mark]:
        """The marks for one new record."""
        if self.choosy:
            out = {one.id for one in self.choosy if one.stream_for(self.kind, values) is None}
            return [Mark(id_, record_id, self.lane, self.rank, self.now) for id_ in self.ids if id_ not in out]
        return [Mark(id_, record_id, self.lane, self.rank, self.now) for id_ in self.ids]


def _first_claims(trip: Trip, values: dict[str, Json], stamp: Stamp) -> Claims:
    """Everything a record says on first sight; the translator leaves blanks out already."""
    assumed = {name: 1 for name in trip.assumed if name in values}
    return Claims(values, (stamp, ASSUMED), assumed) if assumed else Claims(values, (stamp,))


def _proven(trip: Trip) -> dict[str, Json]:
    return {"proof": dict(trip.proof)} if trip.proof is not None else {}


def _identify(stream: Stream, newcomers: Iterable[_Newcomer], name: str) -> None:
    """Give newcomers of a tool whose ids may change their lasting mark."""
    for one in newcomers:
        value = paths.get(one.arrival.remote.fields, name)
        if not is_blank(value):
            one.identity = identity_digest(stream.id, value)


def _lasting(tx: Tx, newcomers: Iterable[_Newcomer], holders: Mapping[int, Sequence[int]]) -> dict[int, int]:
    """Lasting mark → the record that has it; what was merged since is the record that stands for it."""
    marks = {one.identity for one in newcomers if one.identity is not None}
    found = {mark: holders[mark][0] for mark in marks if mark in holders}
    forward = records.merged_into(tx, found.values()) if found else {}
    return {mark: forward.get(id_, id_) for mark, id_ in found.items()}


def _holders(tx: Tx, newcomers: Sequence[_Newcomer]) -> dict[int, list[int]]:
    """Key digest → ids of the records found by it: one statement for the page."""
    holders: dict[int, list[int]] = {}
    digests = {key.digest for newcomer in newcomers for key in newcomer.keys}
    digests |= {one.identity for one in newcomers if one.identity is not None}
    if digests:
        for digest, record_id in keys.find(tx, digests):
            # Below zero is what a filter keeps out: no record of ours.
            if record_id > 0:
                holders.setdefault(digest, []).append(record_id)
    return holders
