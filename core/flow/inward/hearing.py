"""Hearing: what tools tell by webhook is stored when it comes, and taken in from the store.

    request ▶ connector.receive (verifies) ▶ stored, each event once ┊ waiting ▶ believed or read again ▶ inbound

`keep` is all that a request waits for. `hear` is part of each turn, and goes on beside long ones: what was acknowledged
before a crash is heard after it. A notice that is believed is taken in like a reading that began when it came, so that
one that is late is told from one that is new; a poll always sweeps behind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from core.calling import calling
from core.decide.outcome import back_off, outcome
from core.decide.route import Lane
from core.errors import ToolError
from core.flow.hub import Connection, Hub, Stream
from core.flow.inward.arrivals import Intake, Trip
from core.flow.inward.inbound import inbound
from core.flow.inward.rereading import fetched
from core.flow.inward.subscribing import known_by
from core.flow.outward.live import deliver_live
from core.flow.outward.outbound import deliver_refusals, settle_intents
from core.flow.pausing import may_read, reads, stop
from core.flow.running import Run
from core.model.instant import DAY, SECOND, Instant
from core.ports import Notice, Page, Remote, Request
from core.store import bindings, connections, notices, suppression
from core.store.bindings import State
from core.store.notices import Told, Waiting

PAGE = 1_000
"""Notices that are heard together."""
LONGEST = 30 * DAY
"""What nobody could hear for so long is left to the polls."""


class Taken(NamedTuple):
    """What became of a request: events that are new, events in all, and what the connector does not know."""

    fresh: int
    events: int
    unknown: list[str]
    webhook_id: int | None = None
    """Under which number it is kept; None where nothing in it was new."""


def keep(hub: Hub, connection: Connection, request: Request) -> Taken:
    """Verify a request and store what it tells; a repeat changes nothing.

    Raises `Refused` for a bad or stale signature and `Garbled` for what cannot be read; nothing is stored then.
    """
    asked = replace(request, secrets=known_by(hub, connection))
    told: Sequence[Notice] = hub.open(connection.name).receive(asked)
    if not told:
        return Taken(0, 0, [])
    streams = {stream.name: stream for stream in connection.streams}
    rows = [_told(one, streams.get(one.stream or "")) for one in told]
    with hub.store.writing(durable=True) as tx:
        fresh, id_ = notices.keep(tx, connection.id, request.body, rows, at=request.received_at)
    return Taken(fresh, len(told), [one.note for one in told if one.kind == "unknown"], id_)


def _told(one: Notice, stream: Stream | None) -> Told:
    """A notice as it is stored; of one that is not believed only what it is about."""
    remote = one.remote
    kind = one.kind if one.stream is None or stream is not None or one.kind == "unknown" else "elsewhere"
    record = None
    if stream is not None and remote is not None and stream.manifest.notices == "records" and _tells(remote):
        record = {**remote._asdict(), "changed": sorted(remote.changed) if remote.changed is not None else None}
    stream_id = stream.id if stream is not None else None
    return Told(one.event_id, kind, stream_id, remote.id if remote is not None else None, one.note, record)


def _tells(remote: Remote) -> bool:
    """Whether there is anything in it to believe."""
    return remote.deleted or bool(remote.fields) or not remote.partial


def hear(hub: Hub, connection: Connection) -> Intake:
    """Take in what waits. A tool's failure puts it off; what a person must mend is raised."""
    total = Intake()
    while rows := _waiting(hub, connection):
        try:
            heard = _heard(hub, connection, rows)
            total.add(heard)
            if heard.heard or heard.created or heard.joined or heard.gone:
                hub.ring()
        except ToolError as error:
            _put_off(hub, rows, error)
            if outcome(error).pause:
                raise
            break
    return total


def rehear(hub: Hub, connection: Connection, since: Instant) -> int:
    """Hear again what came since a moment and is kept: what it names is read as it is now. Gives how many notices."""
    with hub.store.writing() as tx:
        return notices.rehear(tx, connection.id, since=since, now=hub.clock())


def meanwhile(hub: Hub, connection: Connection) -> Intake:
    """What a long walk does between two looks: hear what waits, and write refusals and what was just changed."""
    with calling(Lane.LIVE):
        intake = hear(hub, connection)
    intake.told += deliver_refusals(hub, connection).writes + deliver_live(hub, connection).writes
    return intake


def _waiting(hub: Hub, connection: Connection) -> list[Waiting]:
    with hub.store.reading() as tx:
        return notices.waiting(tx, connection.id, now=hub.clock(), limit=PAGE)


def _put_off(hub: Hub, rows: Sequence[Waiting], error: ToolError) -> None:
    wait = outcome(error).wait or back_off(max(one.attempts for one in rows))
    with hub.store.writing() as tx:
        notices.put_off(tx, [one.id for one in rows], until=hub.clock() + int(wait * SECOND))


def _heard(hub: Hub, connection: Connection, rows: Sequence[Waiting]) -> Intake:
    """Hear these, stream by stream; those of a stream that is paused wait until it is tried again."""
    # As before a poll: else what we made ourselves, unanswered, would be taken for a stranger.
    settle_intents(hub, connection)
    total, until = Intake(), _paused(hub, connection)
    with Run(hub, connection.id, "hear", webhooks={one.webhook_id for one in rows}) as run:
        for stream in connection.streams:
            mine = [one for one in rows if one.stream_id == stream.id and one.remote_id is not None]
            if not mine or not reads(stream) or stream.id in until:
                continue
            try:
                total.add(_take_in(hub, stream, mine, run.id))
            except ToolError as error:
                until[stream.id] = stop(hub, connection, stream, error)
        run.counts = total.counts()
    _settle(hub, connection, rows, until)
    return total


def _paused(hub: Hub, connection: Connection) -> dict[int, Instant]:
    """Stream id → when it is tried again, of those that cannot be read now."""
    now = hub.clock()
    with hub.store.reading() as tx:
        known = connections.streams_of(tx, connection.id)
    return {row.id: row.try_at or now for row in known if not may_read(row, now)}


def _settle(hub: Hub, connection: Connection, rows: Sequence[Waiting], until: Mapping[int, Instant]) -> None:
    """These are heard but for those of paused streams; where only that something changed is known, a poll is due."""
    now = hub.clock()
    late = [one for one in rows if one.stream_id in until]
    vague = [one for one in rows if one.kind == "changed" and one.remote_id is None and one.stream_id not in until]
    with hub.store.writing() as tx:
        if late:
            notices.put_off(tx, [one.id for one in late], until=min(until.values()))
        notices.heard(tx, [one.id for one in rows if one.stream_id not in until], now=now)
        if vague:
            named = {one.stream_id for one in vague}
            polled = connection.stream_ids if None in named else {id_ for id_ in named if id_ is not None}
            connections.poll_now(tx, polled - until.keys(), now=now)


# One stream.


def _take_in(hub: Hub, stream: Stream, rows: Sequence[Waiting], run_id: int) -> Intake:
    """Believe what may be believed, and read the rest."""
    times = Counter(one.remote_id for one in rows)
    # Of what was told several times nobody knows which word is the last.
    believed = [(one, one.record) for one in rows if one.packed is not None and times[one.remote_id] == 1]
    remotes = [_remote(record) for _, record in believed if record is not None]
    total = Intake()
    if remotes:
        began_at = min(one.at for one, _ in believed)
        total = inbound(Trip(hub, stream, began_at, hub.clock(), told=True, run_id=run_id), Page(remotes, {}))
    asked = times.keys() - {one.id for one in remotes} | set(total.again)
    if asked:
        began_at = hub.clock()
        shown = fetched(hub, stream, sorted(id_ for id_ in asked if id_ is not None))
        total.add(inbound(Trip(hub, stream, began_at, hub.clock(), trusted=True, run_id=run_id), Page(shown, {})))
        remotes = [one for one in remotes if one.id not in asked] + shown
    _forget_the_erased(hub, stream, remotes)
    return total


def _remote(told: dict[str, Any]) -> Remote:
    changed = told["changed"]
    return Remote(**{**told, "changed": None if changed is None else frozenset(changed)})


def _forget_the_erased(hub: Hub, stream: Stream, remotes: Sequence[Remote]) -> None:
    """What came about somebody who was erased was stopped on its way in; it is not kept as it came, either."""
    with hub.store.reading() as tx:
        if not suppression.is_used(tx):
            return
        held = bindings.glance(tx, stream.id, {one.moved_to or one.id for one in remotes})
    living = {id_ for id_, one in held.items() if one.state != State.ERASED}
    places = {(stream.id, one.id) for one in remotes if (one.moved_to or one.id) not in living}
    if places:
        with hub.store.writing() as tx:
            notices.forget(tx, places, ())


def sweep(hub: Hub) -> int:
    """Drop what was heard and has been kept for long enough; gives how many notices went."""
    now = hub.clock()
    before = hub.keeping.webhooks.before(now)
    if before is None:
        return 0
    with hub.store.reading() as tx:
        if not notices.any_before(tx, before):
            return 0
    with hub.store.writing() as tx:
        return notices.sweep(tx, heard_before=before, told_before=min(before, now - LONGEST))
