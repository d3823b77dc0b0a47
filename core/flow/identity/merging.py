"""Merging: two records turn out to be one, because a tool merged what they are bound to, or turned one into the other.

The loser's bindings and claims go to the winner, and the loser is kept as a forward, so that older references still
find their way. All of it comes in as tombstones that name where the record went: an id (`Remote.moved_to`) in the same
stream, or in another one of the connection (`moved_stream`). Whichever is heard of first, one record is left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from core.flow.changes import Changes
from core.flow.desk import Heard, Work, load_works
from core.flow.hub import Hub, Stream
from core.flow.refs import Place
from core.model.claim import Claims
from core.ports import Remote
from core.store import Tx, bindings, connections, records, reviews
from core.store.apart import told_apart
from core.store.bindings import Bound
from core.store.codec import pack
from core.store.records import State
from core.store.reviews import Question, Review

Moves = Mapping[str, Place]
"""Remote id of a bound record that went → the place in this connection where it lives now."""

Forwards = Mapping[str, Collection[int]]
"""Remote id → the records whose bindings went there, from whichever stream."""


def moves(tx: Tx, changes: Changes, stream: Stream, goodbyes: Iterable[Remote], bound: Mapping[str, Bound]) -> Moves:
    """Where the bound records that went live now; a page costs nothing here until a tool names another stream."""
    found: dict[str, Place] = {}
    ids = {stream.name: stream.id}
    for remote in goodbyes:
        if not remote.moved_to or remote.id not in bound:
            continue
        name = remote.moved_stream or stream.name
        if name not in ids:
            ids[name] = _stream_id(tx, changes, stream, name)
        found[remote.id] = (ids[name], remote.moved_to)
    return found


def _stream_id(tx: Tx, changes: Changes, stream: Stream, name: str) -> int:
    """The id of a sibling. One that is not mapped gets its row now: it may be one day, and is then read from there."""
    known = stream.siblings.get(name)
    if known is not None:
        return known
    return connections.put_stream(tx, stream.connection_id, name, stream.kind, due_at=changes.now)


def forwards(tx: Tx, stream: Stream, moved: Moves, bound: Mapping[str, Bound], ids: Collection[str]) -> Forwards:
    """Which of these remote ids of a stream are where something of ours went, on this page or before."""
    found: dict[str, set[int]] = {}
    for id_, (stream_id, remote_id) in moved.items():
        if stream_id == stream.id:
            found.setdefault(remote_id, set()).add(bound[id_].record_id)
    for remote_id, record_id in bindings.moved(tx, stream.id, ids):
        found.setdefault(remote_id, set()).add(record_id)
    return found


def follow(
    hub: Hub,
    tx: Tx,
    changes: Changes,
    stream: Stream,
    moved: Moves,
    forwarded: Forwards,
    bound: Mapping[str, Bound],
    works: dict[int, Work],
) -> None:
    """Merge our records where the tool has made one of theirs, and the one that is left is bound."""
    if not moved and not forwarded:
        return
    stream_ids, remote_ids = {place[0] for place in moved.values()}, {place[1] for place in moved.values()}
    found = bindings.records_of(tx, stream_ids, remote_ids, unlinked=True) if moved else {}
    found |= {(row.stream_id, row.remote_id): row.record_id for row in changes.new_bindings}
    went = [(bound[id_].record_id, place) for id_, place in moved.items()]
    # Of several that went there before it was first read, it was joined to one.
    went += [(record_id, (stream.id, id_)) for id_, record_ids in forwarded.items() for record_id in record_ids]
    pairs = [(loser, found[place]) for loser, place in went if place in found and found[place] != loser]
    if forwarded:
        # An older word of the tool does not make one again what a person has taken apart since.
        parted = told_apart(tx, {loser for loser, _ in pairs})
        pairs = [pair for pair in pairs if pair not in parted]
    merge(hub, tx, changes, pairs, works)


def merge(
    hub: Hub,
    tx: Tx,
    changes: Changes,
    pairs: Collection[tuple[int, int]],
    works: dict[int, Work],
    *,
    asked: bool = False,
) -> None:
    """Merge each (loser, winner) pair of record ids; the winners are left on the desk to be folded.

    More than the cap of the block lists are never made one, unless a person `asked` for this very merge.
    """
    if not pairs:
        return
    ids = {id_ for pair in pairs for id_ in pair}
    works.update(load_works(hub, tx, ids - works.keys()))
    held: dict[int, list[Bound]] = {}
    for row in bindings.of_records(tx, ids):
        held.setdefault(row.record_id, []).append(row)
    sizes = _Sizes(tx, held, hub.blocks.cap)
    into: dict[int, int] = {}
    for pair in pairs:
        # Either may have been merged by an earlier pair: what went on with it goes on with the one it is now.
        loser, winner = (works.get(_end(into, id_)) for id_ in pair)
        if loser is None or winner is None or loser is winner or not _may_be_one(loser, winner):
            continue
        if not sizes.joined(loser.record.id, winner.record.id) and not asked:
            changes.questions.append(_too_many(loser, winner, hub.blocks.cap))
            continue
        rows = held.pop(loser.record.id, [])
        _take_over(changes, loser, winner, rows)
        held.setdefault(winner.record.id, []).extend(rows)
        into[loser.record.id] = winner.record.id
        show_doubles(hub, changes, winner)
    if into:
        _close_settled(tx, changes, into)
        # What waited to refer to one that is merged away may now refer to the other, or waits for that.
        changes.bound.extend((connection_id, loser) for connection_id in hub.connections for loser in into)


class _Sizes:
    """How many records each one is made of. Every record brought a binding, so few bindings need no counting."""

    def __init__(self, tx: Tx, held: Mapping[int, Collection[Bound]], cap: int) -> None:
        self._tx, self._cap = tx, cap
        self._at_most = {id_: len(rows) for id_, rows in held.items()}
        self._parts: dict[int, set[int]] = {}
        self._counted: dict[int, int] | None = None

    def joined(self, loser: int, winner: int) -> bool:
        """Whether both together stay within the cap; then they count as one from now on."""
        parts = self._parts.get(loser, {loser}) | self._parts.get(winner, {winner})
        if sum(self._at_most.get(id_, 1) for id_ in parts) > self._cap and self._count(parts) > self._cap:
            return False
        self._parts[winner] = parts
        return True

    def _count(self, parts: Collection[int]) -> int:
        if self._counted is None:
            self._counted = records.joined(self._tx, self._at_most)
        return sum(1 + self._counted.get(id_, 0) for id_ in parts)


def _too_many(loser: Work, winner: Work, cap: int) -> Question:
    """A chain of merges that has no end is more likely a tool gone wrong than one person entered so often."""
    evidence = ["a tool merged the two", f"but more than {cap} records would be one then"]
    subject = {"candidates": [winner.record.id], "evidence": evidence}
    return Question("ambiguous", subject, record_id=loser.record.id)


def _end(into: Mapping[int, int], record_id: int) -> int:
    while record_id in into:
        record_id = into[record_id]
    return record_id


def _may_be_one(loser: Work, winner: Work) -> bool:
    """Both still stand for themselves, and a tool that turns one kind into another has not merged anything."""
    return State.MERGED not in (loser.state, winner.state) and loser.record.kind == winner.record.kind


def _close_settled(tx: Tx, changes: Changes, into: Mapping[int, int]) -> None:
    """A question whether these are the same has its answer."""
    asked = [one for one in reviews.about(tx, {*into, *into.values()}) if one.what in ("ambiguous", "duplicate")]
    settled = [one.id for one in asked if not one.connection_id and _is_settled(one, into)]
    reviews.close_ids(tx, settled, now=changes.now, answer="merged")


def _is_settled(review: Review, into: Mapping[int, int]) -> bool:
    others: list[Any] = review.subject.get("candidates") or [review.subject.get("of")]
    return review.record_id in into or {_end(into, one) for one in others} == {review.record_id}


def _take_over(changes: Changes, loser: Work, winner: Work, rows: Iterable[Bound]) -> None:
    came = {"from": loser.record.id}
    for row in [*rows, *(one for one in changes.new_bindings if one.record_id == loser.record.id)]:
        voice = loser.voices.pop(row.id, None)
        _rebind(changes, row, winner.record.id)
        if voice is None:
            continue
        winner.voices[row.id] = voice
        winner.heard.append(Heard("seen", voice.claims, row.id, came))
        if voice.retired:
            winner.heard.append(Heard("gone", Claims(), row.id, came))
        elif row.id in loser.streams:
            winner.streams[row.id] = loser.streams.pop(row.id)
    # What was just heard of it is told as its own, or nobody could take the two apart again.
    for heard in loser.heard:
        changes.tell(loser.record.id, heard.what, pack({**heard.claims.to_json(), **heard.more}), heard.binding_id)
    loser.heard.clear()
    loser.touched.clear()
    loser.state = State.MERGED
    loser.merged_into = winner.record.id
    winner.touched.update(voice.source for voice in winner.voices.values())
    if winner.state == State.DELETED:
        winner.state = State.LIVE
    state = [loser.record.state, State.MERGED]
    changes.tell(loser.record.id, "merged", pack({"into": winner.record.id, "state": state}))


def show_doubles(hub: Hub, changes: Changes, winner: Work) -> None:
    """A tool that now holds one record twice can merge the two itself; a person is told."""
    held = Counter(winner.streams.values())
    for stream_id in (stream_id for stream_id, count in held.items() if count > 1):
        stream = hub.stream(stream_id)
        if stream is not None:
            ids = sorted(id_ for id_, one in winner.streams.items() if one == stream_id)
            subject = {"connection": stream.source, "stream": stream.name, "bindings": ids}
            question = Question("duplicate", subject, connection_id=stream.connection_id, record_id=winner.record.id)
            changes.questions.append(question)


def _rebind(changes: Changes, row: Bound, record_id: int) -> None:
    for place, one in enumerate(changes.new_bindings):
        if one.id == row.id:
            changes.new_bindings[place] = one._replace(record_id=record_id)
            return
    changes.bindings[row.id] = changes.bindings.get(row.id, row)._replace(record_id=record_id)
