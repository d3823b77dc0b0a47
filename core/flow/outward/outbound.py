"""Outbound: work a connection's outbox. The wanted state is computed now, compared, and only the difference goes out.

    claim ▶ compare ▶ renew old readings ▶ intents ▶ connector.write ▶ receipts booked in one transaction

Creates are written down before they are sent (`intent`), so that after a crash the hub looks before it sends again;
so is what updates send, so that a crash does not make our own words look like somebody's edit.
One bad item never fails its batch: receipts are per item, and a refused call is bisected.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from core.calling import calling
from core.decide.brake import Leave
from core.decide.route import Lane
from core.errors import Refused, ToolError, Unknown, Unsupported
from core.flow.brake.braking import narrowing, put_aside
from core.flow.changes import Changes
from core.flow.erasure.answered import not_created, untold
from core.flow.filters.filtering import cut_off
from core.flow.filters.refilter import tie
from core.flow.hub import Connection, Hub, Stream
from core.flow.identity.mending import fulfil, is_merge
from core.flow.inward.arrivals import Trip
from core.flow.inward.inbound import inbound
from core.flow.inward.rereading import chunks, read_again
from core.flow.outward.booking import Delivered, Sent, book, cause_of, note_deleted
from core.flow.outward.compare import Difference, Step, differences, load_found
from core.flow.outward.filling import CHUNK, at_once, batches, beyond_full
from core.flow.outward.tracing import causes_of, sending, tell_sent
from core.flow.pausing import Side, may_read, stop, unwritable
from core.flow.running import Run
from core.model.instant import MINUTE, SECOND, Instant
from core.ports import Edit, Page, Receipt, Verb
from core.store import Tx, bindings, connections, deliveries, outbox, records, reviews
from core.store.bindings import Bound
from core.store.codec import pack, unpack
from core.store.connections import StreamRow
from core.store.database import serialise
from core.store.deliveries import Intent
from core.store.outbox import Claimed, Later

LEASE = 15 * MINUTE
_NO_EDIT = (Step.CREATE, Step.DELETE, Step.TIE, Step.CUT)
_BESIDE = (Leave.LIVE, Leave.REFUSALS)
"""What goes out while a walk or a delivery goes on: nothing is created, and nothing is done twice."""
_SENT = (Step.CREATE, Step.UPDATE, Step.DELETE)
"""The steps that are calls to the tool."""
FRESH = 5 * SECOND
"""Where a tool checks no version, a reading older than this is renewed before we write over it."""


@dataclass(slots=True)
class _Batch:
    """Claimed rows with what is to be done about each."""

    rows: dict[int, Claimed]
    todo: list[Difference] = field(default_factory=list)
    left: Counter[int] = field(default_factory=Counter)
    """Record id → edits of it still to be sent: a tool may hold a record twice."""
    failed: set[int] = field(default_factory=set)
    """Record ids of which an edit went wrong, or waits for a paused stream."""
    held: set[int] = field(default_factory=set)
    """Record ids of which something waits for a person, because the brake holds."""
    overtaken: set[int] = field(default_factory=set)
    """Record ids whose people have refused since; what was prepared of them is not sent."""

    def still(self, chunk: Sequence[Difference]) -> Sequence[Difference]:
        """What of a chunk is still to be sent."""
        return [one for one in chunk if one.record.id not in self.overtaken] if self.overtaken else chunk

    def lane_of(self, chunk: Sequence[Difference]) -> Lane:
        """For what a chunk is sent: for the most urgent of it."""
        return Lane(min(self.rows[one.record.id].lane for one in chunk))

    def in_order(self) -> Iterator[tuple[Stream, list[Difference]]]:
        """What is to be sent, stream by stream, in the order of the lanes; all of consent goes before anything else."""
        place = {id_: number for number, id_ in enumerate(self.rows)}
        ordered = sorted(self.todo, key=lambda one: place[one.record.id])
        first = [one for one in ordered if self.rows[one.record.id].lane == Lane.CONSENT]
        yield from _grouped(first)
        yield from _grouped(ordered[len(first) :])

    def finished(self, sent: Sequence[Sent]) -> list[Claimed]:
        """Rows that may be settled once these edits are booked: their last edit is done, and nothing is left over."""
        for one in sent:
            self.left[one.row.record_id] -= 1
            if one.receipt.error is not None:
                self.failed.add(one.row.record_id)
        ids = {one.row.record_id for one in sent}
        return [self.rows[id_] for id_ in ids if not self.left[id_] and id_ not in self.failed]


def deliver(
    hub: Hub,
    connection: Connection,
    *,
    run_id: int | None = None,
    most: int | None = None,
    between: Callable[[], Delivered] | None = None,
) -> Delivered:
    """Work what is due in a connection's outbox, the most urgent kind first: everything, or at `most` so many.

    `between` is done after each call, and is what must not wait for the end. A long delivery gives way to others.
    """
    done = Delivered()
    gives_way = hub.gives_way if most is None and connection.leave not in _BESIDE else None
    while (batch := _claim(hub, connection, done, run_id, limit=_left(done, most), between=between)) is not None:
        done.outdated.clear()
        for stream, edits in batch.in_order():
            for chunk in batches(edits):
                if done.halted or stream.id in done.until or stream.id in done.outdated:
                    _give_back(hub, connection, stream, batch, chunk, done)
                else:
                    with calling(batch.lane_of(chunk)):
                        _send(hub, connection, stream, batch, batch.still(chunk), done, run_id)
                    if between is not None:
                        _let_go(hub, connection, batch, done)
                        done.interrupt(between())
                    if gives_way is not None and gives_way():
                        return _gave_way(hub, connection, done)
        # What is held back while a walk goes on is due at once, for the turn's own delivery.
        if done.halted or connection.leave in _BESIDE:
            break
    return done


def deliver_refusals(hub: Hub, connection: Connection) -> Delivered:
    """Write the refusals that wait for a connection, and nothing else: between two pages of a long walk.

    Whoever asks not to be written to any more does not wait for a first load. Nothing is created meanwhile, since a
    stream that was not read whole may hold it already.
    """
    with hub.store.reading() as tx:
        if not outbox.has_refusals(tx, connection.id, hub.clock()):
            return Delivered()
    with Run(hub, connection.id, "deliver", None) as run, calling(Lane.CONSENT):
        done = deliver(hub, replace(connection, leave=Leave.REFUSALS), run_id=run.id)
        run.counts = done.counts()
    return done


def _gave_way(hub: Hub, connection: Connection, done: Delivered) -> Delivered:
    """What was claimed and is not sent is due as it was."""
    with hub.store.writing() as tx:
        outbox.unlease(tx, connection.id)
    done.gave_way = True
    return done


def _left(done: Delivered, most: int | None) -> int:
    """How many rows may be worked next."""
    return CHUNK if most is None else min(CHUNK, most - done.writes - done.dead)


def _claim(
    hub: Hub,
    connection: Connection,
    done: Delivered,
    run_id: int | None,
    *,
    limit: int,
    between: Callable[[], Delivered] | None,
) -> _Batch | None:
    """Lease rows and compare them; what is in step is settled at once."""
    if limit <= 0:
        return None
    now = hub.clock()
    with hub.store.reading() as tx:
        known = connections.streams_of(tx, connection.id)
    until = unwritable(known, now)
    ready = _writable(connection, until) if connection.leave in _BESIDE else _ready(connection, known, until)
    with hub.store.writing() as tx:
        leave = connection.leave
        rank = outbox.most_urgent(tx, connection.id, now=now, ranks=ready, leave=leave)
        if rank is None:
            return None
        limit = min(limit, at_once(connection, rank))
        rows = outbox.claim(tx, connection.id, now=now, until=now + LEASE, limit=limit, ranks=[rank], leave=leave)
    batch = _Batch({row.record_id: row for row in rows})
    found = _compared(hub, connection, batch)
    if ties := [one for one in found if one.step is Step.TIE]:
        done.tied += tie(hub, ties, run_id)
        found = _compared(hub, connection, batch)
    looked = [one for one in found if one.step is Step.UPDATE or one.takes_back or one.archives]
    stale = [one for one in looked if one.stream.id not in until and _unsure(one, now)]
    if stale:
        until |= _renew(hub, connection, stale, done, between)
        found = _compared(hub, connection, batch)
    with hub.store.writing() as tx:
        serialise(tx, records.CHANGING)
        if leaving := [one for one in found if one.step is Step.CUT]:
            cut_off(tx, Changes(now, run_id), connection, leaving)
        wanted = _without_refused(tx, connection, [one for one in found if one.step in _SENT])
        kept = _without_paused(tx, connection, batch, wanted, until, done)
        if len(rows) == CHUNK and (over := beyond_full(kept, batch.rows)):
            outbox.put_back(
                tx, connection.id, [Later(id_, now, batch.rows[id_].attempts, None) for id_ in sorted(over)]
            )
            batch.failed |= over
            kept = [one for one in kept if one.record.id not in over]
        put_aside(tx, connection, batch.rows, batch.held, now)
        batch.failed |= batch.held
        busy = {one.record.id for one in wanted} | batch.held
        deliveries.wait_for(tx, [(connection.id, target, one.record.id) for one in found for target in one.missing])
        # What was refused once and is there all the same (an answer was lost, or somebody typed it) is so no more.
        in_step = batch.rows.keys() - {one.record.id for one in found if one.step in _SENT} - batch.held
        deliveries.unbury(tx, connection.id, deliveries.refused(tx, connection.id, in_step))
        outbox.settle(tx, connection.id, [row for row in rows if row.record_id not in busy])
    batch.todo = kept
    batch.left.update(one.record.id for one in kept)
    done.looked += len(rows)
    done.in_step += len(rows) - len(busy)
    return batch


def _compared(hub: Hub, connection: Connection, batch: _Batch) -> list[Difference]:
    with hub.store.reading() as tx:
        found = differences(hub, tx, connection, load_found(tx, list(batch.rows)))
    if connection.leave in (Leave.NARROWING, Leave.REFUSALS):
        released = {row.record_id for row in batch.rows.values() if row.released}
        found, batch.held = narrowing(found, released if connection.leave is Leave.NARROWING else set())
    if connection.leave in _BESIDE:
        later = (Step.TIE, Step.CUT) if connection.leave is Leave.REFUSALS else _NO_EDIT
        batch.held |= {one.record.id for one in found if one.step in later}
        found = [one for one in found if one.step not in later]
    return found


def _ready(connection: Connection, known: Sequence[StreamRow], until: Mapping[int, Instant]) -> list[int]:
    """Ranks that may be written. A stream never read whole may already hold what we would create there.

    One that is paused keeps no other of its rank waiting; where all of a rank are, its rows are left alone.
    """
    whole = {row.id for row in known if row.phase == "poll"}
    shut = {row.id for row in known if row.pause_side == Side.WHOLE}
    writing = [stream for stream in connection.streams if stream.policy.writes]
    waiting = {stream.rank for stream in writing if stream.policy.reads and stream.id not in whole | shut}
    return sorted({stream.rank for stream in writing if stream.id not in until} - waiting)


def _writable(connection: Connection, until: Mapping[int, Instant]) -> list[int]:
    """Ranks of which some stream may be written now."""
    return sorted({one.rank for one in connection.streams if one.policy.writes and one.id not in until})


def _unsure(one: Difference, now: int) -> bool:
    checked = one.stream.manifest.versions == "opaque"
    bound = one.bound
    return not checked and bound is not None and max(bound.read_at, bound.wrote_at or 0) < now - FRESH


def _renew(
    hub: Hub,
    connection: Connection,
    stale: Sequence[Difference],
    done: Delivered,
    between: Callable[[], Delivered] | None,
) -> dict[int, Instant]:
    """Read again what we are about to write over, and take in what people changed meanwhile.

    Gives the streams that we may not read any more, and until when they are paused.
    """
    for stream, group in _grouped(stale):
        ids = [one.bound.remote_id for one in group if one.bound]
        for some in chunks(ids, stream.manifest.fetch_size):
            if done.halted or stream.id in done.until:
                break
            try:
                read_again(hub, stream, some)
            except ToolError as error:
                done.until[stream.id] = stop(hub, connection, stream, error)
                done.stopped[stream.name] = error
            if between is not None:
                done.interrupt(between())
    return done.until


def _without_paused(
    tx: Tx,
    connection: Connection,
    batch: _Batch,
    wanted: Sequence[Difference],
    until: Mapping[int, Instant],
    done: Delivered,
) -> list[Difference]:
    """Leave out what a paused stream would take; it stays in the outbox, and no attempt is counted."""
    waits: dict[int, Instant] = {}
    for one in wanted:
        if one.stream.id in until:
            id_ = one.record.id
            waits[id_] = min(waits.get(id_, until[one.stream.id]), until[one.stream.id])
    later = [Later(id_, due_at, batch.rows[id_].attempts, "paused") for id_, due_at in waits.items()]
    outbox.put_back(tx, connection.id, later)
    batch.failed |= waits.keys()
    done.put_back += len(later)
    return [one for one in wanted if one.stream.id not in until]


def _without_refused(tx: Tx, connection: Connection, found: Sequence[Difference]) -> list[Difference]:
    """Leave out what was refused before and has not changed since."""
    letters = deliveries.dead_letters(tx, connection_id=connection.id, record_ids=[one.record.id for one in found])
    refused = {letter.record_id: letter.cause for letter in letters}
    return [one for one in found if refused.get(one.record.id) != cause_of(one)]


def _let_go(hub: Hub, connection: Connection, batch: _Batch, done: Delivered) -> None:
    """Give back what was prepared of whoever has refused since: that goes out before anything else of them."""
    unsent = [row for row in batch.rows.values() if batch.left[row.record_id] > 0]
    with hub.store.reading() as tx:
        ids = outbox.overtaken(tx, connection.id, unsent) - batch.overtaken
    if not ids:
        return
    now = hub.clock()
    with hub.store.writing() as tx:
        outbox.put_back(tx, connection.id, [Later(id_, now, batch.rows[id_].attempts, None) for id_ in sorted(ids)])
    batch.overtaken |= ids
    batch.failed |= ids
    done.put_back += len(ids)


def _send(
    hub: Hub,
    connection: Connection,
    stream: Stream,
    batch: _Batch,
    chunk: Sequence[Difference],
    done: Delivered,
    run_id: int | None,
) -> None:
    chunk, edits = _written_down(hub, connection, stream, batch, chunk, done)
    if not edits:
        return
    causes = causes_of(hub, chunk, batch.rows)
    with sending(stream, causes.values(), run_id) as span:
        receipts = list(_written(hub, stream, edits, done))
        sent = [
            Sent(one, edit, receipt, batch.rows[one.record.id])
            for one, edit, receipt in zip(chunk, edits, receipts, strict=True)
        ]
        book(hub, connection, stream, sent, batch.finished(sent), done, run_id=run_id)
        tell_sent(hub, stream, span, sent, causes)


def _written_down(
    hub: Hub, connection: Connection, stream: Stream, batch: _Batch, chunk: Sequence[Difference], done: Delivered
) -> tuple[Sequence[Difference], list[Edit]]:
    """Note what is about to be sent. What has become a question since it was prepared, and who was erased, is left out.

    An answer to what was sent just before may have brought that news; it is looked at again.
    """
    with hub.store.writing(durable=True) as tx:
        serialise(tx, records.CHANGING)
        prepared = [one for one in chunk if not one.erases]
        moot = records.erased(tx, [one.record.id for one in prepared])
        # Whoever refused since then is to be told that before anything else.
        moot |= outbox.overtaken(tx, connection.id, [batch.rows[one.record.id] for one in prepared])
        asked = reviews.undecided(tx, [one.record.id for one in prepared])
        moot |= {one.record.id for one in prepared if _is_asked(one, asked.get(one.record.id, set()) - set(one.asked))}
        if moot:
            now = hub.clock()
            outbox.put_back(
                tx, connection.id, [Later(id_, now, batch.rows[id_].attempts, None) for id_ in sorted(moot)]
            )
            batch.failed |= moot
            done.put_back += len(moot)
            chunk = [one for one in chunk if one.erases or one.record.id not in moot]
        edits = [_edit(hub, one) for one in chunk]
        creates = [
            Intent(edit.key, connection.id, stream.id, one.record.id, hub.clock(), pack(edit.fields))
            for one, edit in zip(chunk, edits, strict=True)
            if edit.verb is Verb.CREATE
        ]
        updates = [(one.bound, one.fields or {}) for one in chunk if one.bound is not None and one.step is Step.UPDATE]
        deliveries.intend(tx, creates)
        bindings.note_sent(tx, updates)
    return chunk, edits


def _is_asked(one: Difference, asked: Collection[str]) -> bool:
    """Whether a new question is about something that is about to be written, or whether the record is somebody else."""
    if not asked or one.step not in (Step.CREATE, Step.UPDATE):
        return False
    if one.step is Step.CREATE and "" in asked:
        return True
    lines = (line for line in one.stream.translator.lines if line.field in asked)
    return any(path in (one.fields or {}) for line in lines for path in line.writes)


def _written(hub: Hub, stream: Stream, edits: Sequence[Edit], done: Delivered) -> Iterator[Receipt]:
    """One receipt an edit. A call that was refused as a whole is halved until the bad item stands alone."""
    connector = hub.open(stream.source)
    done.calls += 1
    try:
        receipts = connector.write(stream.name, edits)
    except (Refused, Unsupported) as error:
        if len(edits) == 1:
            yield Receipt(error=error)
            return
        middle = len(edits) // 2
        for half in (edits[:middle], edits[middle:]):
            # Between two calls another worker may have taken over, and have sent this already.
            with hub.store.writing():
                pass
            yield from _written(hub, stream, half, done)
    except ToolError as error:
        yield from (Receipt(error=error) for _ in edits)
    else:
        if len(receipts) != len(edits):
            doubt = Unknown(f"The connector gave {len(receipts)} receipts for {len(edits)} edits.", stream=stream.name)
            receipts = [Receipt(error=doubt) for _ in edits]
        yield from receipts


def _edit(hub: Hub, one: Difference) -> Edit:
    # The connection is part of it: two tools may be given the same record at the same time, or be one account.
    key = f"concord-{hub.installation}-{one.record.id}-{one.stream.connection_id}.{one.incarnation}"
    if one.bound is None:
        return Edit(Verb.CREATE, one.stream.name, key, fields=one.fields or {})
    verb = Verb.DELETE if one.step is Step.DELETE else Verb.UPDATE
    return Edit(
        verb,
        one.stream.name,
        key,
        remote_id=one.bound.remote_id,
        fields=one.fields or {},
        version=one.bound.version,
        held=one.bound.expected,
        for_good=one.erases and one.stream.manifest.erases,
    )


def _give_back(
    hub: Hub,
    connection: Connection,
    stream: Stream,
    batch: _Batch,
    chunk: Sequence[Difference],
    done: Delivered,
) -> None:
    """What was prepared and is not sent now goes back to the outbox; no attempt is counted."""
    until = done.until.get(stream.id)
    # What was prepared with lines that rest by now is prepared anew at once, without them.
    wait = 0 if stream.id in done.outdated and not done.halted else SECOND
    due_at = hub.clock() + wait if until is None else until
    rows = [batch.rows[one.record.id] for one in chunk]
    later = [Later(row.record_id, due_at, row.attempts, None if until is None else "paused") for row in rows]
    batch.failed |= {row.record_id for row in rows}
    with hub.store.writing() as tx:
        outbox.put_back(tx, connection.id, later)
    done.put_back += len(later)


def _grouped(found: Sequence[Difference]) -> Iterator[tuple[Stream, list[Difference]]]:
    groups: dict[int, list[Difference]] = {}
    for one in found:
        groups.setdefault(one.stream.id, []).append(one)
    for group in groups.values():
        yield group[0].stream, group


def settle_intents(hub: Hub, connection: Connection) -> dict[str, ToolError]:
    """Creates that may have been sent before a crash or a time-out: look for each, and bind what is found.

    Merges that a person asked for are made here, too, or found to be made already.

    Comes before anything else in a connection's turn, so that a poll never takes our own create for a stranger;
    what the tool raises therefore ends the turn, or stops the whole stream. Gives the streams that stopped.
    """
    with hub.store.reading() as tx:
        open_intents = deliveries.intents_of(tx, connection.id)
        known = connections.streams_of(tx, connection.id) if open_intents else []
    shut = {row.id for row in known if not may_read(row, hub.clock())}
    stopped: dict[str, ToolError] = {}
    for intent in open_intents:
        stream = hub.stream(intent.stream_id)
        if intent.stream_id in shut:
            continue
        if stream is not None:
            try:
                settled = _settle(hub, stream, intent)
            except ToolError as error:
                stop(hub, connection, stream, error)
                shut.add(stream.id)
                stopped[stream.name] = error
                continue
            if not settled:
                continue
        with hub.store.writing(durable=True) as tx:
            deliveries.resolve(tx, [intent.key])
            not_created(tx, [intent.key], now=hub.clock())
            if any(one.state == bindings.State.BOUND for one in _made_there(tx, intent)):
                # What was refused before was taken at last, though nobody heard the answer.
                deliveries.unbury(tx, connection.id, [intent.record_id])
    return stopped


def _made_there(tx: Tx, intent: Intent) -> list[Bound]:
    return bindings.of_records(tx, [intent.record_id], [intent.stream_id])


def _settle(hub: Hub, stream: Stream, intent: Intent) -> bool:
    """See to one intent; True when nothing is left to do about it."""
    if is_merge(intent):
        return fulfil(hub, stream, intent)
    _look_for(hub, stream, intent)
    return True


def _look_for(hub: Hub, stream: Stream, intent: Intent) -> None:
    began_at = hub.clock()
    try:
        remote = hub.open(stream.source).find(stream.name, intent.key)
    except Unsupported:
        # Such a tool promises that a repeated create is harmless, or the contract suite would not pass it. About
        # somebody who was erased nothing is repeated: a person must look.
        with hub.store.writing() as tx:
            untold(tx, stream, intent.key, now=hub.clock())
        return
    if remote is None:
        return
    if remote.deleted:
        with hub.store.writing(durable=True) as tx:
            note_deleted(tx, hub.clock(), stream, intent.record_id, remote.id)
        return
    sent = unpack(intent.sent) if intent.sent else None
    trip = Trip(hub, stream, began_at, hub.clock(), trusted=True, sent=sent)
    inbound(trip, Page([remote._replace(key=intent.key)], {}))
