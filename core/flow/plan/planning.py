"""Planning: what a change would do, found out by doing it to a shadow of the store, with ghosts for tools.

    shadow ▶ the change ▶ reconsider (kept payloads, kept claims) ▶ deliver to ghosts ▶ lines, values, questions

No tool is called. What was waiting to go out before the change goes out with it, and is counted apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from core.decide.route import Lane
from core.decide.settle import strictness
from core.flow.brake.weighing import weigh
from core.flow.hub import Connection, Hub
from core.flow.outward.outbound import deliver
from core.flow.plan.ghosts import Ghost, Line, haunted
from core.model.shapes import KIND_ORDER
from core.model.values import Json, is_blank
from core.ports import Verb
from core.store import Tx, connections, outbox, records, reviews, shadow
from core.store.outbox import Mark

_PAGE = 5_000


@dataclass(slots=True)
class Calls:
    """What a tool would be asked, in calls."""

    writes: int = 0
    reads: int = 0

    @property
    def all(self) -> int:
        """Every call."""
        return self.writes + self.reads


@dataclass(slots=True)
class Values:
    """What becomes of one canonical field, in records."""

    given: int = 0
    cleared: int = 0
    flipped: int = 0
    """Another value stands than before."""


@dataclass(slots=True)
class Foreseen:
    """What a change would do."""

    lines: list[Line] = field(default_factory=list)
    """Every write, in the order in which they would be made."""
    calls: dict[str, Calls] = field(default_factory=dict)
    """Connection → calls."""
    values: dict[str, dict[str, Values]] = field(default_factory=dict)
    """Kind → field → what becomes of it in the hub."""
    consent: Counter[str] = field(default_factory=Counter)
    """`widened` and `narrowed` permissions."""
    made: Counter[str] = field(default_factory=Counter)
    """Kind → records that are new to the hub."""
    questions: Counter[str] = field(default_factory=Counter)
    """What → reviews that a person would be asked."""
    waiting: Counter[str] = field(default_factory=Counter)
    """Connection → lines of records that were waiting to go out there before the change."""
    unusual: dict[str, list[str]] = field(default_factory=dict)
    """Connection → what the brake would say of it, had nobody agreed."""
    unread: list[str] = field(default_factory=list)
    """Connections of which nothing is known yet; they are taken to be empty."""


class Before(NamedTuple):
    """How the shadow stood before the change."""

    questions: Mapping[str, int]
    """What → open reviews."""
    waiting: set[tuple[int, int]]
    """(connection id, record id) of what was to go out already."""
    fresh: set[str]
    """Connections that were never read whole."""


def before(hub: Hub) -> Before:
    """Look at the shadow before the change is made to it."""
    with hub.store.reading() as tx:
        fresh = {one.name for one in hub.connections.values() if _unread(tx, one)}
        return Before(reviews.count_open(tx), outbox.marked(tx), fresh)


def _unread(tx: Tx, connection: Connection) -> list[int]:
    streams = {stream.id for stream in connection.streams if stream.policy.writes}
    return [row.id for row in connections.streams_of(tx, connection.id) if row.id in streams and row.phase != "poll"]


def foresee(hub: Hub, earlier: Before, *, whole: Collection[str]) -> Foreseen:
    """What the shadow would send out, after the change was made to it and reconsidered.

    Every record is looked at in the connections named in `whole` and in those that were never read; in the others only
    what the change has marked.
    """
    found, ghosts = Foreseen(), dict[str, Ghost]()
    shade = haunted(hub, ghosts)
    active = [one for one in shade.connections.values() if one.state == "active"]
    for connection in active:
        _taken_as_empty(shade, connection, found)
        if connection.name in whole or connection.name in earlier.fresh or connection.name in found.unread:
            _look_at_all(shade, connection)
    for connection in active:
        found.unusual[connection.name] = _unusual(shade, connection)
        deliver(shade, connection)
        ghost = ghosts.get(connection.name)
        if ghost is not None and ghost.lines:
            found.lines += ghost.lines
            marked = {record_id for id_, record_id in earlier.waiting if id_ == connection.id}
            found.waiting[connection.name] = sum(line.record_id in marked for line in ghost.lines)
            found.calls[connection.name] = Calls(ghost.writes, _reads(hub, connection.name, ghost))
    with hub.store.reading() as tx:
        _count_values(tx, found)
        found.questions = Counter(reviews.count_open(tx)) - Counter(earlier.questions)
    return found


def _look_at_all(hub: Hub, connection: Connection) -> None:
    """Mark every record of a connection; delivering settles what is in step. To look first would be to look twice."""
    kinds, last = {stream.kind for stream in connection.streams if stream.policy.writes}, 0
    while kinds:
        with hub.store.writing() as tx:
            page = records.after(tx, last, kinds, _PAGE)
            # What waits for its time, or is marked by the change already, stays as it is.
            marked, now = outbox.due_records(tx, [one.id for one in page]), hub.clock()
            outbox.mark(
                tx,
                [
                    Mark(connection.id, one.id, Lane.BACKFILL, KIND_ORDER.index(one.kind), now)
                    for one in page
                    if (connection.id, one.id) not in marked
                ],
            )
        if not page:
            return
        last = page[-1].id


def _unusual(hub: Hub, connection: Connection) -> list[str]:
    """In which ways it is much more than is usual there."""
    with hub.store.writing() as tx:
        outbox.look(tx, connection.id)
    return [one.told(connection.name) for one in weigh(hub, connection, hub.clock()).excess]


def _taken_as_empty(hub: Hub, connection: Connection, found: Foreseen) -> None:
    """A tool that was never read may hold anything; what it would be sent at most is what an empty one would be."""
    with hub.store.writing() as tx:
        fresh = _unread(tx, connection)
        for stream_id in fresh:
            connections.change_stream(tx, stream_id, phase="poll")
    if fresh:
        found.unread.append(connection.name)


def _reads(hub: Hub, name: str, ghost: Ghost) -> int:
    """Calls that look before and after: where a tool compares no versions, and where it does not say what it holds."""
    streams = {stream.name: stream.manifest for stream in hub.connection(name).streams}
    counted = Counter((line.stream, line.verb) for line in ghost.lines)
    calls = 0
    for (stream, verb), count in counted.items():
        manifest = streams[stream]
        batches = -(-count // max(1, manifest.fetch_size))
        calls += batches if verb == Verb.UPDATE and manifest.versions != "opaque" else 0
        calls += batches if verb != Verb.DELETE and manifest.returns == "nothing" else 0
    return calls


def _count_values(tx: Tx, found: Foreseen) -> None:
    """From the shadow's history, which holds nothing but what the change did."""
    for entries in shadow.happened(tx):
        kinds = records.kinds(tx, {entry.record_id for entry in entries})
        for entry in entries:
            kind = kinds[entry.record_id]
            delta = entry.delta
            if entry.what == "seen" and "set" not in delta:
                found.made[kind] += 1
            for name, (before, after) in delta.get("set", {}).items():
                _count(found, kind, name, before, after)


def _count(found: Foreseen, kind: str, name: str, before: Json, after: Json) -> None:
    counted = found.values.setdefault(kind, {}).setdefault(name, Values())
    if is_blank(before):
        counted.given += 1
    elif is_blank(after):
        counted.cleared += 1
    else:
        counted.flipped += 1
    if name.startswith("consent."):
        # A refusal that nobody remembers is as good as a permission.
        wider = is_blank(after) or strictness(after) < strictness(before)
        found.consent["widened" if wider else "narrowed"] += 1
