"""Resyncing: a person wants something read again: a stream from its beginning, or one record in every tool.

Only whoever holds a connection's lease reads its tool. So a wish is written down, and carried out by the next turn of
that connection, in whichever process.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from core.flow.changes import Changes
from core.flow.desk import load_works
from core.flow.hub import Connection, Hub, Stream
from core.flow.pausing import reads
from core.flow.refold import refold
from core.flow.running import Run
from core.store import Tx, bindings, connections, notices, records, runs
from core.store.bindings import State
from core.store.codec import dumps, loads
from core.store.database import serialise
from core.store.notices import RESYNC, Told

WISHES = "resync"
"""The fact: ids of the streams that are to be read from their beginning."""


def from_the_beginning(hub: Hub, streams: Collection[Stream]) -> int:
    """Have these streams read whole by the next turns; gives how many are read at all."""
    wanted = {one.id for one in streams if reads(one)}
    with hub.store.writing() as tx:
        serialise(tx, WISHES)
        runs.put_fact(tx, WISHES, dumps(sorted(wanted | _wishes(tx))))
        connections.poll_now(tx, wanted, now=hub.clock())
    return len(wanted)


def begin_anew(hub: Hub, connection: Connection) -> None:
    """In a connection's turn: forget the place in what is to be read whole; one statement where nothing is."""
    with hub.store.reading() as tx:
        mine = _wishes(tx) & connection.stream_ids
    if not mine:
        return
    with hub.store.writing() as tx:
        serialise(tx, WISHES)
        for id_ in mine:
            connections.change_stream(tx, id_, cursor=None, began_at=None, walked=0)
        left = _wishes(tx) - mine
        if left:
            runs.put_fact(tx, WISHES, dumps(sorted(left)))
        else:
            runs.drop_fact(tx, WISHES)


def _wishes(tx: Tx) -> set[int]:
    kept = runs.fact(tx, WISHES)
    return set(loads(kept)) if kept else set()


def everywhere(hub: Hub, record_id: int) -> dict[str, list[str]]:
    """Have a record read again in every tool that holds it, and fold it anew at once; connection → its ids there."""
    now = hub.clock()
    with Run(hub, hub.own_id, "resync", subject={"record": record_id}) as run, hub.store.writing() as tx:
        serialise(tx, records.CHANGING)
        works = load_works(hub, tx, [record_id])
        changes = Changes(now, run.id)
        refold(hub, tx, changes, list(works.values()), cause="live")
        changes.write(tx)
        held = [one for one in bindings.of_records(tx, [record_id]) if one.state == State.BOUND]
        found: dict[str, list[str]] = {}
        for connection in hub.connections.values():
            told = _told(connection, held, now)
            if told:
                notices.keep(tx, connection.id, b"{}", told, at=now)
                found[connection.name] = sorted(str(one.remote_id) for one in told)
    return found


def _told(connection: Connection, held: Sequence[bindings.Bound], now: int) -> list[Told]:
    readable = {one.id for one in connection.streams if reads(one)}
    return [
        Told(f"{RESYNC} {one.id} {now}", RESYNC, one.stream_id, one.remote_id, "a person wants it read", None)
        for one in held
        if one.stream_id in readable
    ]
