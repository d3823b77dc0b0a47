"""Whereabouts: where a record lives on that went from its tool, though the tool does not say so.

Two cases, and both look like a delete. A record whose id changed is there under another one; its tool names the field
that stayed (`identity` in the manifest). And who has no command for it merges two by hand: takes what the one has over
to the other, and deletes the first. Neither means that anybody is to be deleted elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from core.decide.keys import PROVING, Key, keys_of
from core.decide.match import Candidate, Join, match
from core.flow.desk import Work, load_works
from core.flow.hub import Hub, Stream
from core.flow.identity.merging import Moves
from core.flow.inward.arrivals import Arrival
from core.flow.refs import Place
from core.mapping import paths
from core.model.values import Json, is_blank
from core.ports import Remote
from core.store import Tx, apart, bindings, keys
from core.store.bindings import Bound
from core.store.records import State


def whereabouts(
    hub: Hub,
    tx: Tx,
    stream: Stream,
    goodbyes: Iterable[Remote],
    fresh: Sequence[Arrival],
    moved: Moves,
    bound: Mapping[str, Bound],
    works: dict[int, Work],
) -> dict[str, Place]:
    """Remote id → place, for those of a page that went without a word and are there all the same."""
    went = (bound[one.id] for one in goodbyes if one.id in bound and one.id not in moved)
    silent = [row for row in went if row.record_id in works]
    if not silent:
        return {}
    found = _under_another_id(stream, silent, fresh)
    leaving = {row.id for row in silent}
    return found | _taken_over(hub, tx, stream, [row for row in silent if row.remote_id not in found], leaving, works)


def _under_another_id(stream: Stream, silent: Sequence[Bound], fresh: Sequence[Arrival]) -> dict[str, Place]:
    """Those that came back on the same page; what comes later is known by its filed identity (`newcomers`)."""
    name = stream.manifest.identity
    if name is None or not fresh:
        return {}
    came = {paths.get(one.remote.fields, name): one.remote.id for one in fresh}
    went = {row.remote_id: paths.get(row.expected, name) for row in silent}
    return {id_: (stream.id, came[value]) for id_, value in went.items() if not is_blank(value) and value in came}


def _taken_over(
    hub: Hub, tx: Tx, stream: Stream, silent: Sequence[Bound], leaving: set[int], works: dict[int, Work]
) -> dict[str, Place]:
    """Those whose address another record of the stream has now, who would be joined to it if they came anew."""
    if stream.kind not in PROVING:
        return {}
    wanted: dict[int, tuple[Key, ...]] = {}
    for row in silent:
        record = works[row.record_id].record
        own = keys_of(stream.kind, record.values, hub.blocks) if record.state == State.LIVE else ()
        if verified := tuple(key for key in own if key.tier == "verified"):
            wanted[row.record_id] = verified
    if not wanted:
        return {}
    digests = {key.digest for verified in wanted.values() for key in verified}
    holders = {id_ for _, id_ in keys.find(tx, digests) if id_ > 0} - works.keys()
    works.update(load_works(hub, tx, holders) if holders else {})
    heirs = _heirs(hub, stream, works, leaving, digests)
    pairs = {record_id: _heir(hub, stream, works[record_id], verified, heirs) for record_id, verified in wanted.items()}
    chosen = {heir for heir in pairs.values() if heir is not None}
    told_apart = apart.told_apart(tx, {*pairs, *chosen}) if chosen else set()
    places = bindings.remote_ids_of(tx, [stream.id], chosen) if chosen else {}
    found: dict[str, Place] = {}
    for row in silent:
        heir = pairs.get(row.record_id)
        if heir is not None and heir in places and (row.record_id, heir) not in told_apart:
            found[row.remote_id] = (stream.id, places[heir])
    return found


def _heirs(
    hub: Hub, stream: Stream, works: Mapping[int, Work], leaving: set[int], wanted: set[int]
) -> dict[int, list[Candidate]]:
    """Key digest → the living records that the stream holds and that have one of the wanted keys by now."""
    heirs: dict[int, list[Candidate]] = {}
    for id_, work in works.items():
        shown = _shown(stream, work, leaving)
        for key in keys_of(stream.kind, shown, hub.blocks) if shown else ():
            if key.digest in wanted:
                heirs.setdefault(key.digest, []).append(Candidate(id_, shown or {}))
    return heirs


def _shown(stream: Stream, work: Work, leaving: set[int]) -> dict[str, Json] | None:
    """What a living record of the stream holds, as its tool shows it by now; None for one that it does not hold."""
    if work.state != State.LIVE:
        return None
    held = (id_ for id_, stream_id in work.streams.items() if stream_id == stream.id and id_ not in leaving)
    voice = next((work.voices[id_] for id_ in held if id_ in work.voices), None)
    return {**work.record.values, **voice.claims.values} if voice is not None else None


def _heir(
    hub: Hub, stream: Stream, work: Work, verified: Sequence[Key], heirs: Mapping[int, Sequence[Candidate]]
) -> int | None:
    alike = {one.record_id: one for key in verified for one in heirs.get(key.digest, ())}
    others = [one for id_, one in alike.items() if id_ != work.record.id]
    found = match(stream.kind, work.record.values, verified, others, blocks=hub.blocks) if others else None
    return found.record_id if isinstance(found, Join) else None
