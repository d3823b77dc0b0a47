"""Putting back: what a tool held in fields that we only write, where nothing tells any more what they should be.

A field that the mapping reads comes back by itself: its claim is taken back, and what then stands is written. A field
that is only written (a computed line) is written anew from what stands. Only where that gives nothing, the value that
our write replaced is kept as a wish of the binding, and goes out once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from core.flow.hub import Hub, Stream
from core.mapping import paths
from core.model.instant import Instant
from core.model.values import Json
from core.store import Tx, bindings, deliveries
from core.store.bindings import Bound, State

Values = Mapping[int, Mapping[str, Json]]


def put_back(hub: Hub, tx: Tx, since: Instant, rows: Iterable[Bound], before: Values, after: Values) -> list[Bound]:
    """The bindings with a wish, of records whose values were `before` and are `after`; one statement at most.

    `since` is when the run began whose writes are meant.
    """
    silent = {row.id: (row, found) for row in rows if (found := _silent(hub, row, before, after))}
    if not silent:
        return []
    replaced = deliveries.replaced(tx, {row.record_id for row, _ in silent.values()}, since)
    wishing = []
    for row, found in silent.values():
        stream = hub.stream(row.stream_id)
        held = replaced.get((stream.connection_id, row.remote_id), {}) if stream else {}
        wish = {path: held[path] for path in found if path in held}
        if wish:
            told = bindings.packed_told(row.told, row.sent, row.shown, {"fields": wish})
            wishing.append(row._replace(packed_told=told))
    return wishing


def _silent(hub: Hub, row: Bound, before: Values, after: Values) -> list[str]:
    """The tool's fields that hold what we wrote, and about which nothing is said any more."""
    stream = hub.stream(row.stream_id)
    if stream is None or row.state != State.BOUND or row.record_id not in before:
        return []
    only_out = _only_out(stream)
    if not only_out:
        return []
    wrote = stream.translator.write(before[row.record_id]).fields
    writes = stream.translator.write(after[row.record_id]).fields
    candidates = [path for path in only_out if path in wrote and path not in writes]
    if not candidates:
        return []
    held, told = row.expected, row.told
    return [path for path in candidates if wrote[path] in (paths.get(held, path), told.get(path))]


def _only_out(stream: Stream) -> Sequence[str]:
    """The tool's fields that the mapping writes and never reads; references apart, which have the tool's own ids."""
    lines = stream.translator.lines
    read = {path for line in lines if line.direction != "out" for path in line.reads}
    refs = stream.translator.refs
    out = {path for line in lines if line.direction == "out" and line.field not in refs for path in line.writes}
    return sorted(out - read)
