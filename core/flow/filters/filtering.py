"""Filtering: what a stream's filters keep out of the hub, cut off from it, and tie to it again.

A record that `only_in` keeps out gets a binding without a record: so it is known at the next poll, a walk does not
miss it, and a filter that is widened later needs no call. One that is cut off keeps its binding and its last words;
what its tool shows from then on is kept beside, and heard when it is tied again. A refusal of consent is heard anyway.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from core.decide.filtering import outward, refusals, stays_inside
from core.decide.keys import keys_of
from core.decide.route import Lane
from core.flow.changes import Changes
from core.flow.desk import Heard, Work
from core.flow.filters.doors import drops, held_by_the_tool
from core.flow.hub import Connection, Stream
from core.flow.identity.merging import Forwards
from core.flow.inward.arrivals import Arrival, Intake, Trip
from core.flow.outward.compare import Difference, Step, refusing
from core.mapping.translator import Reading
from core.model.claim import Claim, Claims
from core.model.instant import Instant
from core.ports import Remote
from core.store import Tx, bindings, deliveries
from core.store.bindings import Bound, State
from core.store.codec import pack, squeeze
from core.store.database import allocate
from core.store.reviews import Question

NOBODY = 0
"""The record of what was kept out."""


def strangers_of(bound: dict[str, Bound]) -> dict[str, Bound]:
    """Take out of a page's bindings those that belong to no record: to the page they are new."""
    found = {id_: row for id_, row in bound.items() if row.record_id == NOBODY}
    for id_ in found:
        del bound[id_]
    return found


def forget(trip: Trip, tx: Tx, changes: Changes, strangers: Mapping[str, Bound], gone: Iterable[Remote]) -> None:
    """What was kept out is no longer there."""
    rows = [strangers[remote.id] for remote in gone if remote.id in strangers]
    _drop(trip, tx, changes, rows)


def sift(
    trip: Trip,
    tx: Tx,
    changes: Changes,
    fresh: Sequence[Arrival],
    strangers: Mapping[str, Bound],
    forwarded: Forwards,
    intake: Intake,
) -> list[Arrival]:
    """The newcomers that may come in; the others are written down as kept out."""
    inside: list[Arrival] = []
    outside: list[Arrival] = []
    ours = f"concord-{trip.hub.installation}-"
    for arrival in fresh:
        remote = arrival.remote
        made = remote.key is not None and remote.key.startswith(ours)
        fits = made or _fits(trip.stream, arrival.reading)
        enters = stays_inside(trip.stream.policy.leaves_in, fits=fits, ours=remote.id in forwarded)
        (inside if enters else outside).append(arrival)
    _drop(trip, tx, changes, [strangers[one.remote.id] for one in inside if one.remote.id in strangers])
    _keep_out(trip, tx, changes, outside, strangers)
    intake.left_out += len(outside)
    return inside


def _fits(stream: Stream, reading: Reading) -> bool:
    return stream.only_in is None or stream.only_in.holds(reading.values)


def _keep_out(trip: Trip, tx: Tx, changes: Changes, outside: Sequence[Arrival], strangers: Mapping[str, Bound]) -> None:
    """Bindings without a record. The keys they would have tell `compare` that the tool holds such a one already."""
    known = {one.remote.id: strangers[one.remote.id] for one in outside if one.remote.id in strangers}
    ids = iter(allocate(tx, "binding", len(outside) - len(known)) if len(outside) > len(known) else ())
    _drop_keys(trip, changes, [row for id_, row in known.items()])
    nothing = bindings.packed(Claims())
    for arrival in outside:
        remote, row = arrival.remote, known.get(arrival.remote.id)
        raw = squeeze(arrival.raw)
        if row is None:
            row = Bound(
                next(ids), trip.stream.id, remote.id, NOBODY, State.FILTERED, arrival.digest, remote.version,
                remote.modified_at, trip.now, None, nothing, raw, None, None, None,
            )  # fmt: skip
            changes.new_bindings.append(row)
        elif row.digest != arrival.digest or row.version != remote.version:
            changes.bindings[row.id] = row._replace(
                digest=arrival.digest,
                version=remote.version,
                modified_at=remote.modified_at,
                read_at=trip.now,
                packed_expected=raw,
            )
        found = keys_of(trip.stream.kind, arrival.reading.values, trip.hub.blocks)
        changes.keys.extend((key.digest, -row.id) for key in found)


def _drop(trip: Trip, tx: Tx, changes: Changes, rows: Sequence[Bound]) -> None:
    if rows:
        _drop_keys(trip, changes, rows)
        bindings.delete(tx, [row.id for row in rows])


def _drop_keys(trip: Trip, changes: Changes, rows: Sequence[Bound]) -> None:
    stream = trip.stream
    for row, reading in zip(rows, stream.translator.read([row.expected for row in rows]), strict=True):
        found = keys_of(stream.kind, reading.values, trip.hub.blocks)
        changes.dropped_keys.extend((key.digest, -row.id) for key in found)


# What belongs to a record.


def ties(trip: Trip, arrival: Arrival, row: Bound, work: Work) -> bool:
    """Whether what was cut off fits again, both as the tool shows it and as it stands in the hub."""
    stream = trip.stream
    if drops(stream, row, arrival.reading):
        return False
    fits = not stream.policy.writes or stream.gets(work.record.values)
    verdict = outward(stream.policy.leaves, fits=fits, cut=True, can_delete=stream.manifest.deletes)
    return verdict is not None and verdict.act == "tie"


def was_before(arrival: Arrival, row: Bound, was: Reading) -> bool:
    """Whether a reading of what is cut off shows an edit that was made before: that is still heard."""
    return arrival.stamp.at <= row.read_at and arrival.reading.values != was.values


def cut(changes: Changes, work: Work, row: Bound, source: str, *, at: Instant) -> None:
    """Cut a binding off; its last words stay, and the tool goes on holding the record."""
    row = severed(row, at)
    changes.bindings[row.id] = row
    work.say(row, source, row.claims, retired=True)
    work.streams[row.id] = row.stream_id
    left(changes, row)


def left(changes: Changes, row: Bound) -> None:
    """Tell in the record's history that a filter cut it off there."""
    changes.tell(row.record_id, "left", pack(Claims().to_json()), row.id)


def severed(row: Bound, at: Instant) -> Bound:
    """A binding that is cut off from now on."""
    told = bindings.packed_told(row.told, row.sent, None, row.wish)
    return row._replace(state=State.FILTERED, read_at=at, packed_told=told)


def overhear(
    trip: Trip, changes: Changes, arrival: Arrival, row: Bound, was: Reading, work: Work, intake: Intake
) -> None:
    """Keep what the tool shows of a record that is cut off, and hear nothing of it but a refusal of consent."""
    remote, now = arrival.remote, arrival.reading.values
    claims = row.claims
    refused = refusals(now, {**was.values, **claims.values})
    if row.digest == arrival.digest and row.version == remote.version and not refused:
        return
    row = row._replace(
        digest=arrival.digest,
        version=remote.version,
        modified_at=remote.modified_at,
        packed_told=bindings.packed_told(row.told, row.sent, remote.fields, row.wish),
    )
    if refused:
        said = {name: Claim(now[name], arrival.stamp) for name in refused}
        claims = claims.renewed(said)
        row = row._replace(packed_claims=bindings.packed(claims))
        work.say(row, trip.stream.source, claims, retired=True)
        work.streams[row.id] = row.stream_id
        work.heard.append(Heard("heard", Claims.of(said), row.id))
        intake.heard += 1
    changes.bindings[row.id] = row


# Outwards.


def cut_off(tx: Tx, changes: Changes, connection: Connection, found: Collection[Difference]) -> None:
    """Cut off what no longer fits what the tool gets; where it should have been deleted and cannot be, ask."""
    leaving = {one.bound.id: one for one in found if one.bound is not None}
    # A refusal that has not arrived there is looked for once more.
    for one in leaving.values():
        if refusing(one.stream, one.record) is Step.UPDATE:
            changes.mark([connection.id], one.record.id, Lane.CONSENT, one.stream.rank)
    # While it was compared, another connection's news may have moved it.
    for row in bindings.of_ids(tx, leaving) if leaving else ():
        one = leaving[row.id]
        if row.state != State.BOUND:
            continue
        changes.bindings[row.id] = severed(row, changes.now)
        left(changes, row)
        if one.ask:
            note = f"it no longer fits the filter of {connection.name}, which cannot delete by interface"
            subject = {"connection": connection.name, "stream": one.stream.name, "id": row.remote_id, "note": note}
            changes.questions.append(Question("left", subject, connection_id=connection.id, record_id=row.record_id))
    deliveries.unbury(tx, connection.id, [one.record.id for one in leaving.values()])
    changes.write(tx)


def kept_of(rows: Sequence[Bound]) -> list[Remote]:
    """What the tool was last seen to hold of what a filter keeps out or cut off, as if it were read again."""
    return [Remote(row.remote_id, held_by_the_tool(row), row.version, row.modified_at) for row in rows]
