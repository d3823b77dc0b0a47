"""Restating: whoever merges two records in a tool has chosen between them.

What the record that is left shows then is a word of that moment, wherever the two said different things: it stands
against what either said before, also in other tools, which still hold both. Without it the merge would leave a
question for each such field, although somebody has just answered it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from core.decide.echo import stamp_for
from core.flow.changes import Changes
from core.flow.desk import Heard, Work
from core.flow.identity.merging import Moves
from core.flow.inward.arrivals import Trip
from core.model.claim import Claim, Claims, Stamp
from core.model.instant import Instant
from core.model.values import Json
from core.ports import Remote
from core.store import Tx, bindings
from core.store.bindings import Bound
from core.store.records import State


def restate(
    trip: Trip,
    tx: Tx,
    changes: Changes,
    goodbyes: Iterable[Remote],
    moved: Moves,
    bound: Mapping[str, Bound],
    works: Mapping[int, Work],
) -> None:
    """Claim what the survivors of merges in this stream show, where the merged records differed; one statement.

    A survivor that is read for the first time speaks for itself already, with the stamp of the merge. A tool that does
    not say when it merged has not said what it overrules; there a person is asked.
    """
    merged = [
        (remote, moved[remote.id][1], works[bound[remote.id].record_id])
        for remote in goodbyes
        if remote.id in moved and moved[remote.id][0] == trip.stream.id and _has_gone(works, bound[remote.id])
    ]
    if not merged:
        return
    survivors = bindings.of_remotes(tx, trip.stream.id, {remote_id for _, remote_id, _ in merged})
    for remote, remote_id, loser in merged:
        row = survivors.get(remote_id)
        if row is None:
            continue
        row = changes.bindings.get(row.id, row)
        winner = works.get(row.record_id)
        names = _disputed(trip, loser, winner) if winner is not None else ()
        if winner is not None and names and remote.modified_at is not None:
            _say(trip, changes, row, winner, remote.modified_at, names)


def _has_gone(works: Mapping[int, Work], row: Bound) -> bool:
    work = works.get(row.record_id)
    return work is not None and work.state == State.MERGED


def _disputed(trip: Trip, loser: Work, winner: Work) -> tuple[str, ...]:
    """The plain fields about which the two records differed. Sets are joined, and consent is nobody's to choose."""
    shape, theirs, ours = trip.stream.shape, loser.record.values, winner.record.values
    return tuple(
        name
        for name, value in theirs.items()
        if name in ours
        and ours[name] != value
        and (field := shape.fields.get(name)) is not None
        and not field.is_set
        and field.type != "ref"
        and field.rule != "strictest"
    )


def _say(trip: Trip, changes: Changes, row: Bound, winner: Work, merged_at: Instant, names: Iterable[str]) -> None:
    (reading,) = trip.stream.translator.read([row.expected])
    shown: Mapping[str, Json] = reading.values
    stamp = _stamp(trip, winner, merged_at)
    voice = winner.voices.get(row.id)
    claims = voice.claims if voice is not None else row.claims
    # Where it shows what we put over its own word, that word goes on counting.
    own = {name: claim.value for name in names if (claim := claims.get(name)) is not None}
    said = {
        name: Claim(shown[name], stamp) for name in names if name in shown and own.get(name, shown[name]) == shown[name]
    }
    if not said:
        return
    claims = claims.renewed(said)
    winner.say(row, trip.stream.source, claims)
    winner.heard.append(Heard("heard", Claims.of(said), row.id))
    changes.bindings[row.id] = row._replace(packed_claims=bindings.packed(claims))


def _stamp(trip: Trip, winner: Work, merged_at: Instant) -> Stamp:
    """When the merge was: certainly after whatever this tool had said of either before."""
    source = trip.stream.source
    stamp = stamp_for(merged_at, trip.now, trip.last_read_at, trip.hub.connections[trip.stream.connection_id].skew)
    before = (one.at for voice in winner.voices.values() if voice.source == source for one in voice.claims.stamps)
    floor = max(before, default=0) + 1
    return stamp._replace(at=max(stamp.at, floor), since=max(stamp.since, floor))
