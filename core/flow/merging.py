"""Merging: two records turn out to be one, because a tool merged what they are bound to.

The loser's bindings and claims go to the winner, and the loser is kept as a forward, so that older references still
find their way. Merges and merged ids come in as tombstones that name where the record went (`Remote.moved_to`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from core.flow.changes import Changes
from core.flow.hub import Hub, Stream
from core.flow.refold import Heard, Work, load_works
from core.model.claim import Claims
from core.ports import Remote
from core.store import Tx, bindings
from core.store.bindings import Bound
from core.store.codec import pack
from core.store.records import State
from core.store.reviews import Question

Forwards = Mapping[str, Collection[int]]
"""Remote id → the records whose bindings were merged into it there."""


def forwards(
    tx: Tx, stream: Stream, goodbyes: Iterable[Remote], bound: Mapping[str, Bound], ids: Collection[str]
) -> Forwards:
    """Which of these remote ids are where something of ours went, on this page or before."""
    found: dict[str, set[int]] = {}
    for remote in goodbyes:
        if remote.moved_to and remote.id in bound:
            found.setdefault(remote.moved_to, set()).add(bound[remote.id].record_id)
    for remote_id, record_id in bindings.moved(tx, stream.id, ids):
        found.setdefault(remote_id, set()).add(record_id)
    return found


def follow(
    hub: Hub,
    tx: Tx,
    changes: Changes,
    stream: Stream,
    goodbyes: Collection[Remote],
    bound: Mapping[str, Bound],
    works: dict[int, Work],
) -> None:
    """Merge our records where the tool has merged theirs and the survivor is bound."""
    moved = [remote for remote in goodbyes if remote.moved_to and remote.id in bound]
    if not moved:
        return
    targets = {remote.moved_to for remote in moved if remote.moved_to}
    survivors = {id_: row.record_id for id_, row in bindings.of_remotes(tx, stream.id, targets).items()}
    survivors |= {row.remote_id: row.record_id for row in changes.new_bindings if row.remote_id in targets}
    pairs = [
        (bound[remote.id].record_id, survivors[remote.moved_to])
        for remote in moved
        if remote.moved_to in survivors and survivors[remote.moved_to] != bound[remote.id].record_id
    ]
    merge(hub, tx, changes, pairs, works)


def merge(hub: Hub, tx: Tx, changes: Changes, pairs: Collection[tuple[int, int]], works: dict[int, Work]) -> None:
    """Merge each (loser, winner) pair of record ids; the winners are left on the desk to be folded."""
    ids = {id_ for pair in pairs for id_ in pair}
    works.update(load_works(hub, tx, ids - works.keys()))
    rows = bindings.of_records(tx, [loser for loser, _ in pairs]) if pairs else []
    for loser_id, winner_id in pairs:
        loser, winner = works.get(loser_id), works.get(winner_id)
        if loser is None or winner is None or State.MERGED in (loser.state, winner.state):
            continue
        _take_over(changes, loser, winner, [row for row in rows if row.record_id == loser_id])
        _show_doubles(hub, changes, winner)


def _take_over(changes: Changes, loser: Work, winner: Work, rows: Iterable[Bound]) -> None:
    for row in [*rows, *(one for one in changes.new_bindings if one.record_id == loser.record.id)]:
        voice = loser.voices.pop(row.id, None)
        _rebind(changes, row, winner.record.id)
        if voice is None:
            continue
        winner.voices[row.id] = voice
        winner.heard.append(Heard("seen", voice.claims, row.id))
        if voice.retired:
            winner.heard.append(Heard("gone", Claims(), row.id))
        elif row.id in loser.streams:
            winner.streams[row.id] = loser.streams.pop(row.id)
    loser.heard.clear()
    loser.touched.clear()
    loser.state = State.MERGED
    loser.merged_into = winner.record.id
    winner.touched.update(voice.source for voice in winner.voices.values())
    if winner.state == State.DELETED:
        winner.state = State.LIVE
    changes.tell(loser.record.id, "merged", pack({"into": winner.record.id}))


def _show_doubles(hub: Hub, changes: Changes, winner: Work) -> None:
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
