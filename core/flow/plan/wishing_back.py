"""Wishing back: what tools held where an applied change wrote into fields that no mapping speaks of any more.

Undoing a change puts the earlier configuration in force, and by that whatever it maps and decides. A field that only
the later mapping wrote would keep what that wrote, and so would one about which a person is asked again. The plan's
lines know what was there; it is wished for once, where nobody has changed the field since.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby

from core.decide.route import Lane
from core.flow.hub import Hub, Stream
from core.flow.inward.rereading import chunks
from core.flow.plan.ghosts import Line
from core.mapping import paths
from core.model.values import Json
from core.ports import Verb
from core.store import Tx, bindings, outbox, reviews
from core.store.bindings import Bound, State
from core.store.outbox import Mark

_PAGE = 1_000


def wish_back(hub: Hub, lines: Sequence[Line]) -> int:
    """Wish for what these lines replaced in fields that are not mapped or not decided now.

    Gives how many records are concerned.
    """
    wished = 0
    for stream, own in _by_stream(hub, lines):
        for page in chunks(own, _PAGE):
            with hub.store.writing() as tx:
                wished += _wish(hub, tx, stream, {str(one.remote_id): one.fields for one in page})
    return wished


def _by_stream(hub: Hub, lines: Sequence[Line]) -> Iterator[tuple[Stream, list[Line]]]:
    """Updates by the stream they went to, of those that are still there."""
    places = {(one.source, one.name): one for connection in hub.connections.values() for one in connection.streams}
    updates = (one for one in lines if one.verb == Verb.UPDATE and (one.connection, one.stream) in places)
    ordered = sorted(updates, key=lambda one: (one.connection, one.stream))
    for place, own in groupby(ordered, key=lambda one: (one.connection, one.stream)):
        yield places[place], list(own)


def _wish(hub: Hub, tx: Tx, stream: Stream, replaced: Mapping[str, Mapping[str, Sequence[Json]]]) -> int:
    held = bindings.of_remotes(tx, stream.id, list(replaced))
    asked = reviews.undecided(tx, [one.record_id for one in held.values()])
    wishing = [
        row
        for id_, one in held.items()
        if (row := _wishing(stream, one, replaced[id_], asked.get(one.record_id, ()))) is not None
    ]
    bindings.update(tx, wishing)
    marks = [Mark(stream.connection_id, row.record_id, Lane.BACKFILL, stream.rank, hub.clock()) for row in wishing]
    outbox.mark(tx, {one.record_id: one for one in marks}.values())
    return len(wishing)


def _wishing(
    stream: Stream, row: Bound, replaced: Mapping[str, Sequence[Json]], asked: Collection[str]
) -> Bound | None:
    if row.state != State.BOUND:
        return None
    expected, told = row.expected, row.told
    lines = stream.translator.lines
    open_paths = {path for line in lines if line.field in asked for path in line.writes}
    wish = {
        path: before
        for path, (before, after) in replaced.items()
        if (path not in stream.translator.remote_fields or path in open_paths)
        and after in (paths.get(expected, path), told.get(path))
    }
    if not wish:
        return None
    return row._replace(packed_told=bindings.packed_told(row.told, row.sent, row.shown, {**row.wish, "fields": wish}))
