"""Left out: which tools a filter keeps a record from, or keeps out of the hub, in words for a person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from core.decide.keys import keys_of
from core.flow.filters.doors import drops, held_by_the_tool
from core.flow.hub import Connection, Hub, Stream
from core.flow.outward.compare import Difference, differences
from core.model.values import Values
from core.store import Tx, bindings, keys
from core.store.bindings import Bound, State
from core.store.records import Record


class LeftOut(NamedTuple):
    """One stream whose filter leaves a record out."""

    connection: str
    stream: str
    remote_id: str | None
    """Its id there; None where the tool does not hold it."""
    sentence: str


def left_out(hub: Hub, tx: Tx, record: Record, bound: Sequence[Bound]) -> list[LeftOut]:
    """Where a filter leaves a record out, and what it would need to fit."""
    compared = {
        one.name: differences(hub, tx, one, {record.id: record})
        for one in hub.connections.values()
        if any(stream.only_in or stream.only_out for stream in one.streams)
    }
    return told(hub, record, bound, compared)


def told(
    hub: Hub, record: Record, bound: Sequence[Bound], compared: Mapping[str, Sequence[Difference]]
) -> list[LeftOut]:
    """The same from what a record differs in by each connection."""
    found: list[LeftOut] = []
    for connection in (one for one in hub.connections.values() if one.name in compared):
        held = {one.id: one for one in bound if one.stream_id in connection.stream_ids}
        for one in compared[connection.name]:
            if one.left_out:
                held.pop(one.bound.id if one.bound else 0, None)
                found.append(_outward(one.stream, record.values, one.bound))
        found += [_inward(stream, row) for stream, row in _cut_off(connection, held.values())]
    return found


def _outward(stream: Stream, values: Values, row: Bound | None) -> LeftOut:
    name, remote_id = stream.source, row.remote_id if row is not None else None
    if stream.only_out is None or stream.gets(values):
        if row is not None and row.state == State.FILTERED:
            return _inward(stream, row)
        said = f"not sent to {name}: it holds one already, which its filter keeps out of the hub"
        return LeftOut(name, stream.name, remote_id, said)
    needs = f"its filter only takes {stream.only_out.unmet(values)}"
    if row is None:
        said = f"not sent to {name}: {needs}"
    elif row.state == State.FILTERED:
        said = f"cut off from {name}, neither read nor written there: {needs}"
    else:
        said = f"still read from {name}, but not written there: {needs}"
    return LeftOut(name, stream.name, remote_id, said)


def _cut_off(connection: Connection, rows: Iterable[Bound]) -> Iterator[tuple[Stream, Bound]]:
    streams = {stream.id: stream for stream in connection.streams}
    for row in rows:
        if row.state == State.FILTERED and row.stream_id in streams:
            yield streams[row.stream_id], row


def _inward(stream: Stream, row: Bound) -> LeftOut:
    """What is cut off by the filter of what comes in, or kept out by it."""
    (reading,) = stream.translator.read([held_by_the_tool(row)])
    name, kept = stream.source, row.record_id == 0
    unmet = stream.only_in.unmet(reading.values) if stream.only_in is not None else ""
    if unmet and (kept or drops(stream, row, reading)):
        needs = f": its filter only lets in {unmet}"
    else:
        needs = ", until the filters are looked at again"
    said = f"kept out of the hub by {name}{needs}" if kept else f"cut off from {name}, neither read nor written{needs}"
    return LeftOut(name, stream.name, row.remote_id, said)


def kept_out(hub: Hub, kind: str, key: str) -> list[LeftOut]:
    """What tools hold under an email, domain, name or id, and a filter keeps out of the hub."""
    said = [{"email": key.lower()}, {"domain": key.lower()}, {"name": key}]
    digests = {one.digest for values in said for one in keys_of(kind, values, hub.blocks)}
    with hub.store.reading() as tx:
        ids = {-id_ for _, id_ in keys.find(tx, digests) if id_ < 0} if digests else set()
        rows = [*bindings.of_ids(tx, ids), *bindings.nobodys(tx, key)] if ids else bindings.nobodys(tx, key)
    found = {}
    for row in rows:
        stream = hub.stream(row.stream_id)
        if stream is not None and stream.kind == kind and row.record_id == 0:
            found[row.id] = _inward(stream, row)
    return list(found.values())
