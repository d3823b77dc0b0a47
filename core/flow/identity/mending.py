"""Mending: two records that one tool holds of the same person are merged there, because a person asked for it.

    asked ▶ intent ▶ the connection's next turn: look at both ▶ merge ▶ look again ▶ taken in as the tool's own merge

The wish is written down as an intent before anything is sent. Whatever crashes or times out, the next turn looks
first whether the loser is still there, so that no merge is lost and none is sent twice. What the tool refuses becomes
a review with the tool's words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from core.errors import (
    ConfigError,
    Exists,
    Forbidden,
    Garbled,
    Gone,
    Refused,
    SchemaChanged,
    Stale,
    ToolError,
    Unknown,
    Unsupported,
)
from core.flow.hub import Connection, Hub, Stream
from core.flow.inward.arrivals import Trip
from core.flow.inward.inbound import inbound
from core.flow.inward.rereading import fetched
from core.flow.running import Run
from core.ports import Merges, Page, Remote
from core.store import bindings, deliveries, reviews
from core.store.bindings import Bound, State
from core.store.codec import dumps, loads
from core.store.deliveries import Intent
from core.store.reviews import Question

_MERGE = "merge "
"""What the key of such an intent begins with; no key of a create does."""
_FINAL = (Refused, Forbidden, Unsupported, Stale, Exists, SchemaChanged)
"""Answers that concern these two records, or what this tool lets us do with them; asking again gives the same."""


class Pair(NamedTuple):
    """Two records of one stream, as a person named them."""

    stream: Stream
    survivor: Bound
    loser: Bound


def pair(hub: Hub, connection: Connection, ids: Sequence[str], stream_name: str | None = None) -> Pair:
    """The two records with these ids (survivor, loser); `ConfigError` where they are not both held in one stream."""
    survivor_id, loser_id = ids
    if survivor_id == loser_id:
        raise ConfigError("A record cannot be merged into itself.", remedy="Name two ids.")
    found: list[Pair] = []
    with hub.store.reading() as tx:
        for stream in connection.streams:
            if stream_name in (None, stream.name):
                held = bindings.of_remotes(tx, stream.id, ids)
                if len(held) == 2 and all(one.state == State.BOUND for one in held.values()):
                    found.append(Pair(stream, held[survivor_id], held[loser_id]))
    if not found:
        raise ConfigError(
            f"{connection.name} is not known to hold both {survivor_id} and {loser_id} in one stream.",
            remedy=f"See `concord duplicates {connection.name}` for what it holds twice.",
        )
    if len(found) > 1:
        names = ", ".join(one.stream.name for one in found)
        raise ConfigError("Several streams hold these ids.", remedy=f"Add --stream with one of {names}.")
    return found[0]


def can_merge(hub: Hub, stream: Stream) -> bool:
    """Whether the tool lets us merge records of a stream."""
    return stream.manifest.native_merge and isinstance(hub.open(stream.source), Merges)


def by_hand(stream: Stream, survivor_id: str, loser_id: str) -> str:
    """What a person does where we cannot."""
    if stream.manifest.native_merge:
        return f"Merge {loser_id} into {survivor_id} in {stream.source} itself; the hub follows."
    return (
        f"In {stream.source}, bring what only {loser_id} has over to {survivor_id}, then delete {loser_id}; "
        "nobody is deleted anywhere else for it."
    )


def request(hub: Hub, run: Run, connection: Connection, two: Pair) -> None:
    """Write down that a person wants two records merged in their tool; the connection's next turn does it."""
    survivor_id, loser_id = two.survivor.remote_id, two.loser.remote_id
    if not can_merge(hub, two.stream):
        raise ConfigError(
            f"{connection.name} lets nobody merge {two.stream.name} from outside.",
            remedy=by_hand(two.stream, survivor_id, loser_id),
        )
    key = _MERGE + dumps([two.stream.id, survivor_id, loser_id])
    intent = Intent(key, connection.id, two.stream.id, two.survivor.record_id, hub.clock())
    with hub.store.writing(durable=True) as tx:
        deliveries.intend(tx, [intent])
    run.counts = {"asked": 1}


def is_merge(intent: Intent) -> bool:
    """Whether an intent is about two records that are to be merged, and not about a create."""
    return intent.key.startswith(_MERGE)


def fulfil(hub: Hub, stream: Stream, intent: Intent) -> bool:
    """Merge what was asked for, if it is not merged yet; True when there is nothing left to do about it.

    Raises what the tool says about more than these two records.
    """
    _, survivor_id, loser_id = loads(intent.key.removeprefix(_MERGE))
    ids = [survivor_id, loser_id]
    missing, refused = _missing(hub, stream, ids), None
    if not missing:
        refused = _merge(hub, stream, survivor_id, loser_id)
        missing = _missing(hub, stream, ids)
    if loser_id in missing:
        _take_in(hub, stream, survivor_id, loser_id)
    elif missing:
        note = f"{survivor_id} is no longer in {stream.source}, so {loser_id} was not merged into it."
        _tell(hub, stream, survivor_id, loser_id, note)
    elif refused is not None:
        _tell(hub, stream, survivor_id, loser_id, f"{stream.source} does not merge the two: {refused}")
    else:
        # No answer came, and it was not done: the next turn asks again.
        return False
    return True


def _missing(hub: Hub, stream: Stream, ids: Sequence[str]) -> set[str]:
    there = {one.id for one in fetched(hub, stream, ids) if not one.deleted}
    return set(ids) - there


def _merge(hub: Hub, stream: Stream, survivor_id: str, loser_id: str) -> ToolError | None:
    """Ask the tool; gives why it will not. What may have been done, now or by somebody else, looking tells."""
    connector = hub.open(stream.source)
    if not isinstance(connector, Merges):
        return Unsupported(by_hand(stream, survivor_id, loser_id))
    try:
        receipt = connector.merge(stream.name, survivor_id, loser_id)
        if receipt.error is not None:
            raise receipt.error
    except _FINAL as error:
        return error
    except (Gone, Unknown, Garbled):
        return None
    return None


def _take_in(hub: Hub, stream: Stream, survivor_id: str, loser_id: str) -> None:
    """Hear of the merge at once, as if the tool's next page told it."""
    subject = {"connection": stream.source, "stream": stream.name, "survivor": survivor_id, "loser": loser_id}
    began_at = hub.clock()
    told = {one.id: one for one in fetched(hub, stream, [survivor_id, loser_id])}
    further = {one.moved_to for one in told.values() if one.deleted and one.moved_to} - told.keys()
    if further:
        told |= {one.id: one for one in fetched(hub, stream, sorted(further))}
    # A tool that does not tell where it went has merged it into the one it was asked to.
    page = [_forwarded(one, told, survivor_id if one.id == loser_id else None) for one in told.values()]
    with Run(hub, stream.connection_id, "merge", stream.name, subject=subject) as run:
        trip = Trip(hub, stream, began_at, hub.clock(), trusted=True, run_id=run.id)
        run.counts = inbound(trip, Page(page, {})).counts()


def _forwarded(remote: Remote, told: dict[str, Remote], otherwise: str | None) -> Remote:
    """A tombstone with where its record went, and when: the survivor was changed by the merge last."""
    if not remote.deleted:
        return remote
    moved_to = remote.moved_to or otherwise
    left = told.get(moved_to) if moved_to else None
    if left is None or left.deleted:
        return remote
    return remote._replace(moved_to=moved_to, modified_at=remote.modified_at or left.modified_at)


def _tell(hub: Hub, stream: Stream, survivor_id: str, loser_id: str, note: str) -> None:
    """The question about the double comes back with what the tool said."""
    with hub.store.writing() as tx:
        held = bindings.of_remotes(tx, stream.id, [survivor_id, loser_id])
        if len(held) < 2:
            return
        question = double_of(stream, held[survivor_id], held[loser_id])
        reviews.ask(tx, [question._replace(subject={**question.subject, "note": note})], now=hub.clock())


def double_of(stream: Stream, one: Bound, other: Bound) -> Question:
    """The question about two records that a tool holds: of one record here, or of two."""
    named = {"connection": stream.source, "stream": stream.name}
    if one.record_id == other.record_id:
        subject = {**named, "bindings": sorted((one.id, other.id))}
        return Question("duplicate", subject, connection_id=stream.connection_id, record_id=one.record_id)
    older, newer = sorted((one.record_id, other.record_id))
    return Question("duplicate", {**named, "of": older}, record_id=newer)
