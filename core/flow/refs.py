"""Refs: from a tool's own words to our records and back.

A claim about another record names it by the tool's id. Where that one is bound, the claim holds our id; where it is
not, the claim waits in the tool's words, and resolves itself when the record is bound. People whom a tool names by
their addresses are `core.flow.addresses`' business.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.flow.addresses import Addresses
from core.flow.changes import Changes
from core.flow.desk import Heard, Work, load_works
from core.flow.hub import Hub, Stream
from core.mapping import Reading
from core.model.claim import Claim, Claims
from core.model.values import Json
from core.store import Tx, bindings, suppression

Place = tuple[int, str]
"""(stream id, remote id)."""


@dataclass(slots=True)
class Refs:
    """What the refs of one page mean."""

    source: str
    targets: Mapping[str, tuple[tuple[str, int], ...]]
    """Ref field → the streams (name, id) whose ids it may hold, in order."""
    found: dict[Place, int] = field(default_factory=dict)
    erased: Container[Place] = ()
    """Who was erased: nobody refers to them any more."""
    addresses: Addresses = field(default_factory=Addresses)

    @classmethod
    def of(cls, hub: Hub, tx: Tx, stream: Stream, readings: Collection[Reading]) -> Refs:
        """Look up every ref in these readings: one statement, and another one where somebody was ever erased.

        Refs by address have statements of their own, where the stream has such.
        """
        targets = {
            name: tuple((target, stream.siblings[target]) for target in streams if target in stream.siblings)
            for name, streams in stream.translator.refs.items()
        }
        refs = cls(stream.source, targets, addresses=Addresses.of(hub, tx, stream, readings))
        if not targets:
            return refs
        words: set[str] = set()
        for reading in readings:
            for name in targets:
                word = reading.values.get(name)
                if word is not None:
                    words.update(word if isinstance(word, list) else (word,))
        stream_ids = {stream_id for streams in targets.values() for _, stream_id in streams}
        if words and stream_ids:
            refs.found = bindings.records_of(tx, stream_ids, words)
            refs.erased = _erased(hub, tx, stream_ids, words)
        return refs

    def resolved(self, values: Mapping[str, Json]) -> tuple[dict[str, Json], list[Place]]:
        """The values with our ids where they are known, and the places that are waited for."""
        if not self.targets and not self.addresses.fields:
            return values if isinstance(values, dict) else dict(values), []
        waits: list[Place] = []
        after = dict(values)
        for name in self.targets:
            word = after.get(name)
            if word is None:
                continue
            if isinstance(word, list):
                said = (self._one(name, one, waits) for one in word)
                after[name] = [one for one in said if one is not None]
            else:
                after[name] = self._one(name, word, waits)
        self.addresses.resolve(after, waits)
        return after, waits

    def _one(self, name: str, word: Json, waits: list[Place]) -> Json:
        if not isinstance(word, str):
            return word
        for _, stream_id in self.targets[name]:
            record_id = self.found.get((stream_id, word))
            if record_id is not None:
                return record_id
            if (stream_id, word) in self.erased:
                return None
        if not self.targets[name]:
            return {"in": self.source, "stream": None, "id": word}
        waits.extend((stream_id, word) for _, stream_id in self.targets[name])
        return {"in": self.source, "stream": self.targets[name][0][0], "id": word}


def _erased(hub: Hub, tx: Tx, stream_ids: Collection[int], words: Collection[str]) -> Container[Place]:
    """Those of these places that are of somebody who was erased."""
    if hub.suppressor is None or not suppression.is_used(tx):
        return ()
    places = {hub.suppressor.of_place(id_, word): (id_, word) for id_ in stream_ids for word in words}
    return {places[digest] for digest in suppression.found(tx, places)}


def resolve_waiting(
    hub: Hub, tx: Tx, changes: Changes, stream: Stream, remote_ids: Collection[str], works: dict[int, Work]
) -> None:
    """Claims that waited for these newly bound remote records get our ids, and their records are folded again."""
    waiting = bindings.waiting_for(tx, stream.id, remote_ids)
    if not waiting:
        return
    found = {row.remote_id: row.record_id for row in changes.new_bindings if row.stream_id == stream.id}
    # A claim that waits names the first of the streams that may hold its target; it may turn up in any of them.
    kin = {one.name for one in hub.connections[stream.connection_id].streams if one.kind == stream.kind}
    waiters = {row.id: row for row in bindings.of_ids(tx, waiting)}
    missing = {row.record_id for row in waiters.values()} - works.keys()
    works.update(load_works(hub, tx, missing))
    for waiter in waiters.values():
        row = changes.bindings.get(waiter.id, waiter)
        claims = row.claims
        known = _known(claims, stream.source, kin, found)
        if known and row.record_id in works:
            renewed = claims.renewed(known)
            changes.bindings[row.id] = row._replace(packed_claims=bindings.packed(renewed))
            work = works[row.record_id]
            work.say(row, hub.sources.get(row.stream_id, "?"), renewed)
            work.heard.append(Heard("heard", Claims.of(known), row.id))
    bindings.wait_no_longer(tx, stream.id, list(found))


def _known(claims: Claims, source: str, kin: Container[str], found: Mapping[str, int]) -> dict[str, Claim]:
    known = {}
    for name, claim in claims.items():
        value = _replaced(claim.value, source, kin, found)
        if value != claim.value:
            known[name] = claim._replace(value=value)
    return known


def _replaced(value: Json, source: str, kin: Container[str], found: Mapping[str, int]) -> Json:
    if isinstance(value, list):
        return [_replaced(one, source, kin, found) for one in value]
    if isinstance(value, dict) and value.get("stream") in kin and value.get("in") == source:
        return found.get(value["id"], value)
    return value


def ref_fields(hub: Hub, kind: str) -> tuple[str, ...]:
    """The fields of a kind that refer to records."""
    return hub.shapes[kind].refs


def referred(hub: Hub, kind: str, values: Mapping[str, Json]) -> set[int]:
    """Our ids that these values refer to."""
    ids: set[int] = set()
    for name in ref_fields(hub, kind):
        value = values.get(name)
        if isinstance(value, list):
            ids.update(one for one in value if isinstance(one, int))
        elif isinstance(value, int):
            ids.add(value)
    return ids


def towards(
    hub: Hub,
    kind: str,
    values: Mapping[str, Json],
    remote_ids: Mapping[int, str],
    *,
    told: Container[str],
    erased: Collection[int] = (),
) -> tuple[dict[str, Json], set[int]]:
    """The values with this connection's ids in place of ours, and the targets it does not hold yet.

    A ref that cannot be told yet is left out, so that it is neither written nor cleared. One that is not `told` there
    at all waits for nothing, and one to somebody who was erased is never told.
    """
    after: dict[str, Any] = dict(values)
    missing: set[int] = set()
    for name in ref_fields(hub, kind):
        value = after.get(name)
        if value is None or name not in told:
            continue
        wanted: Sequence[Any] = value if isinstance(value, list) else [value]
        wanted = [one for one in wanted if one not in erased] if erased else wanted
        missing.update(one for one in wanted if isinstance(one, int) and one not in remote_ids)
        known = [remote_ids[one] for one in wanted if isinstance(one, int) and one in remote_ids]
        if isinstance(value, list):
            after[name] = known
        elif known:
            after[name] = known[0]
        else:
            del after[name]
    return after, missing
