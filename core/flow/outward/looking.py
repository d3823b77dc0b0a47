"""Looking: what a failed write asks to be looked at in the tool, before its row is worked again.

A record that moved, vanished or was there already is taken in like any other reading (`core.flow.inward.inbound`), so
that the next comparison starts from what is so.
"""

from __future__ import annotations

from core.decide.outcome import Outcome, outcome
from core.errors import Exists, Gone, ToolError
from core.flow.changes import Changes
from core.flow.desk import Work
from core.flow.hub import Hub, Stream
from core.flow.identity.merging import merge
from core.flow.inward.arrivals import Trip
from core.flow.inward.inbound import inbound
from core.flow.inward.rereading import fetched
from core.flow.refold import refold
from core.ports import Edit, Page, Remote
from core.store import bindings
from core.store.outbox import Claimed


def looked_after(
    hub: Hub, stream: Stream, edit: Edit, row: Claimed, error: ToolError | None, verdict: Outcome
) -> Outcome:
    """Fetch what moved, vanished or exists already, and let inbound say what that means; gives the verdict then."""
    remote_id = error.remote_id if isinstance(error, Exists) else edit.remote_id
    if verdict.action not in ("reread", "bind", "gone") or (remote_id is None and verdict.action != "bind"):
        return verdict
    there: Stream | None = stream
    if isinstance(error, Gone) and error.moved_to:
        _note_moved(hub, stream, remote_id, error)
        there, remote_id = _place(hub, stream, error)
    began_at = hub.clock()
    try:
        remotes = _seen(hub, there, remote_id, edit.key) if there is not None else []
    except ToolError as trouble:
        return outcome(trouble, attempts=row.attempts, verb=edit.verb, spread=row.record_id)
    if verdict.action == "bind":
        remotes = [remote._replace(key=edit.key) for remote in remotes]
        if there is None or not remotes or not _is_ours(hub, there, remotes[0].id, row.record_id, error):
            return Outcome("dead_letter", counts_attempt=True, dead_letter=True)
    if there is not None:
        inbound(Trip(hub, there, began_at, hub.clock(), trusted=True), Page(remotes, {}))
    return verdict


def _note_moved(hub: Hub, stream: Stream, remote_id: str | None, error: Gone) -> None:
    """The tool's word that a record of ours lives elsewhere, taken in like a tombstone of a page."""
    if remote_id is not None:
        now = hub.clock()
        left = Remote(remote_id, {}, deleted=True, moved_to=error.moved_to, moved_stream=error.moved_stream)
        inbound(Trip(hub, stream, now, now, trusted=True), Page([left], {}))


def _place(hub: Hub, stream: Stream, error: Gone) -> tuple[Stream | None, str | None]:
    """The stream and id where a record lives now; no stream when we do not read there."""
    name = error.moved_stream or stream.name
    streams = hub.connections[stream.connection_id].streams
    return next((one for one in streams if one.name == name and one.manifest.reads), None), error.moved_to


def _seen(hub: Hub, stream: Stream, remote_id: str | None, key: str) -> list[Remote]:
    """The record as it is there now: by its id, or as what an earlier create with this key made."""
    if remote_id is not None:
        return fetched(hub, stream, [remote_id])
    found = hub.open(stream.source).find(stream.name, key)
    return [found] if found is not None else []


def _is_ours(hub: Hub, stream: Stream, remote_id: str, record_id: int, error: ToolError | None) -> bool:
    """Whether what a create met is nobody's, or already ours, or was made by it once and is ours for certain."""
    with hub.store.reading() as tx:
        bound = bindings.of_remotes(tx, stream.id, [remote_id]).get(remote_id)
    if bound is None or bound.record_id == record_id:
        return True
    if isinstance(error, Gone):
        _make_one(hub, record_id, bound.record_id)
    return isinstance(error, Gone)


def _make_one(hub: Hub, loser: int, winner: int) -> None:
    """What became of our own create was taken for a stranger's: the two are one."""
    changes, works = Changes(hub.clock()), dict[int, Work]()
    with hub.store.writing(durable=True) as tx:
        merge(hub, tx, changes, [(loser, winner)], works)
        refold(hub, tx, changes, list(works.values()), cause="live")
        changes.write(tx)
