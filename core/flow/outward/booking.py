"""Booking: what the tool answered, written down in one transaction, and what each answer means for the outbox.

After a write, `expected` is what the tool gives back, so that its own spelling is never taken for news. Decisions
about errors are `core.decide.outcome`'s.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson

from core.decide.brake import Load
from core.decide.keys import identity_digest
from core.decide.outcome import DONE, Outcome, outcome
from core.decide.route import Lane
from core.errors import Again, Exists, Forbidden, Gone, Reach, Refused, SchemaChanged, Stale, ToolError
from core.flow.brake.weighing import Item, measured, note_written
from core.flow.changes import Changes
from core.flow.drift.describing import explains_writing
from core.flow.erasure import answered
from core.flow.erasure.answered import nameless
from core.flow.hub import Connection, Hub, Stream
from core.flow.inward.rereading import fetched
from core.flow.outward.compare import Difference
from core.flow.outward.freeing import try_freed
from core.flow.outward.looking import looked_after
from core.flow.pausing import end_pause, pause, pause_stream
from core.mapping import paths
from core.model.claim import Claims
from core.model.instant import SECOND, Instant
from core.model.values import is_blank
from core.ports import Edit, Fields, Receipt, Remote, Verb
from core.store import Tx, bindings, connections, deliveries, outbox, records
from core.store.bindings import Bound, State
from core.store.codec import UNKNOWN_DIGEST, digest, dumps, pack, squeeze
from core.store.database import allocate, serialise
from core.store.deliveries import DeadLetter, Delivery
from core.store.outbox import Claimed, Later
from core.store.records import State as RecordState
from core.store.reviews import Question


@dataclass(slots=True)
class Delivered:
    """What a trip did, in numbers."""

    looked: int = 0
    in_step: int = 0
    created: int = 0
    updated: int = 0
    deleted: int = 0
    tied: int = 0
    """Records that a filter had cut off, and that are heard again."""
    put_back: int = 0
    dead: int = 0
    calls: int = 0
    paused: bool = False
    """The connection stopped."""
    stopped: dict[str, ToolError] = field(default_factory=dict)
    """Streams that stopped; the others go on."""
    until: dict[int, Instant] = field(default_factory=dict)
    """Stream id → when one that stopped is written again at the earliest."""
    outdated: set[int] = field(default_factory=set)
    """Ids of streams of which lines have come to rest since the present edits were prepared."""
    halted: bool = False
    """The tool cannot take more now; what is left waits in the outbox."""
    gave_way: bool = False
    """Others were to have their turn; what is left is due at once."""

    @property
    def writes(self) -> int:
        """Items that the tool took."""
        return self.created + self.updated + self.deleted

    def join(self, earlier: Delivered) -> None:
        """Count in what was delivered just before."""
        for name, value in earlier.counts().items():
            setattr(self, name, getattr(self, name) + value)
        self.stopped |= earlier.stopped

    def interrupt(self, told: Delivered) -> None:
        """Count in what was delivered between two calls, and stop where that had to stop."""
        self.join(told)
        self.until |= told.until
        self.paused |= told.paused
        self.halted |= told.halted

    def counts(self) -> dict[str, int]:
        """The numbers that are not zero."""
        names = ("looked", "in_step", "created", "updated", "deleted", "tied", "put_back", "dead", "calls")
        return {name: value for name in names if (value := getattr(self, name))}


ONE_RECORDS_OWN = Outcome("dead_letter", counts_attempt=True, dead_letter=True)
_WITHOUT_LINES = Outcome("again", 0.0)
_OF_A_RECORD = (Refused, Stale, Gone, Exists)
"""Answers about a record, which a tool gives only to those who may write it."""


class Sent(NamedTuple):
    """One edit that was sent, with the answer."""

    difference: Difference
    edit: Edit
    receipt: Receipt
    row: Claimed


def cause_of(one: Difference) -> int:
    """A fingerprint of what is wanted, and of what is there: while both are the same, a refused edit is not sent again.

    A tool judges the whole record, so that an edit made there may be all that was in the way.
    """
    there = one.bound.digest if one.bound is not None else 0
    return digest(dumps([one.step, one.stream.name, sorted((one.fields or {}).items(), key=str), there]).encode())


def book(
    hub: Hub,
    connection: Connection,
    stream: Stream,
    sent: Sequence[Sent],
    finished: Sequence[Claimed],
    done: Delivered,
    *,
    run_id: int | None = None,
) -> None:
    """Write down a batch of answers and settle the finished rows; before that, look at what an answer asks for."""
    held = _read_back(hub, stream, sent)
    now = hub.clock()
    # A delete of what is gone already is done, for all that the tool calls it an error.
    good = [one for one in sent if _verdict(one) is DONE]
    bad = [(one, _verdict(one)) for one in sent if one.receipt.error is not None]
    # The tool's own word for it, taken in before the row is worked again.
    bad = [(one, looked_after(hub, stream, one.edit, one.row, one.receipt.error, verdict)) for one, verdict in bad]
    bad = _without_resting_lines(hub, stream, _as_far_as_it_reaches(good, bad))
    if any(verdict is _WITHOUT_LINES for _, verdict in bad):
        done.outdated.add(stream.id)
    actions = {id(one): verdict.action for one, verdict in bad}
    with hub.store.writing(durable=True) as tx:
        serialise(tx, records.CHANGING)
        changes = Changes(now, run_id)
        erased = records.erased(tx, [one.row.record_id for one in sent])
        if erased:
            good, bad = _apart_from_erased(hub, tx, changes, stream, good, bad, erased, done)
            finished = [row for row in finished if row.record_id not in erased]
        _look_again(tx, good)
        _book_done(tx, changes, connection, stream, good, held, done)
        _book_failed(tx, connection, stream, good, bad, done, now)
        if _answers_again(tx, stream, good, bad):
            end_pause(tx, stream, now=now)
        changes.write(tx)
        told = [_logged(one, actions.get(id(one), "done"), connection, now, run_id) for one in sent]
        deliveries.log(tx, [nameless(one) if one.record_id in erased else one for one in told])
        _note_written(tx, connection, stream, good, now)
        deliveries.resolve(tx, [one.edit.key for one in good if one.edit.verb is Verb.CREATE])
        deliveries.unbury(tx, connection.id, [one.row.record_id for one in good])
        outbox.settle(tx, connection.id, finished)
        try_freed(tx, connection, stream, [one.edit for one in good], now=now)


def _apart_from_erased(
    hub: Hub,
    tx: Tx,
    changes: Changes,
    stream: Stream,
    good: Sequence[Sent],
    bad: Sequence[tuple[Sent, Outcome]],
    erased: Collection[int],
    done: Delivered,
) -> tuple[list[Sent], list[tuple[Sent, Outcome]]]:
    """Book what concerns somebody who was erased; gives the rest, and the deletes that went wrong, like any other's."""
    mine = [one for one in good if one.row.record_id in erased]
    failed = [(one, verdict) for one, verdict in bad if one.row.record_id in erased and not one.difference.erases]
    deleted = [one for one in mine if one.difference.erases]
    for one in deleted:
        answered.deleted(tx, one.difference.bound, one.edit, one.receipt.error, now=changes.now)
    for one in mine:
        if one.edit.verb is Verb.CREATE:
            remote_id = one.receipt.remote_id or ""
            answered.created(hub, tx, changes, stream, one.row.record_id, remote_id, one.edit.key)
    keys = [one.edit.key for one, verdict in failed if one.edit.verb is Verb.CREATE and verdict.action != "look"]
    answered.not_created(tx, keys, now=changes.now)
    refused = [(one, verdict) for one, verdict in bad if one.difference.erases and verdict.dead_letter]
    for one, _ in refused:
        answered.refused(tx, changes, stream, one.difference.bound, one.receipt.error)
    done.deleted += len(deleted)
    deliveries.resolve(tx, [*keys, *(one.edit.key for one in mine if one.edit.verb is Verb.CREATE)])
    deliveries.unbury(tx, stream.connection_id, [one.row.record_id for one in deleted])
    # There may be more of them in this tool, or what was sent meanwhile is to be deleted now.
    marked = {one.row.record_id for one in (*mine, *(one for one, _ in (*failed, *refused)))}
    outbox.put_back(tx, stream.connection_id, [Later(id_, changes.now, 0, None) for id_ in sorted(marked)])
    rest = [one for one in good if one.row.record_id not in erased]
    booked = {id(one) for one, _ in (*failed, *refused)}
    return rest, [(one, verdict) for one, verdict in bad if id(one) not in booked]


def _note_written(tx: Tx, connection: Connection, stream: Stream, good: Sequence[Sent], now: Instant) -> None:
    """Count what was done there: the brake weighs what comes with it, and learns what is usual."""
    asked, unasked = Load(), Load()
    updates = [one for one in good if one.edit.verb is Verb.UPDATE]
    items = [Item(one.difference, one.edit.held, one.edit.fields, one.row.lane != Lane.BACKFILL) for one in updates]
    for one, (_, load) in zip(updates, measured(items), strict=True):
        (asked if one.row.released else unasked).add(load)
    for one in good:
        into = asked if one.row.released else unasked
        if one.edit.verb is Verb.CREATE:
            into.create(live=one.row.lane != Lane.BACKFILL)
        into.deletes += one.edit.verb is Verb.DELETE
    note_written(tx, connection.id, stream.kind, asked=asked, unasked=unasked, now=now)


def _look_again(tx: Tx, good: Sequence[Sent]) -> None:
    """The bindings as they are by now: while the call was out, another connection's news may have moved them."""
    held = [one.difference.bound for one in good if one.difference.bound is not None]
    present = {row.id: row for row in bindings.of_ids(tx, [bound.id for bound in held])} if held else {}
    for one in good:
        if one.difference.bound is not None:
            one.difference.bound = present.get(one.difference.bound.id, one.difference.bound)


def _read_back(hub: Hub, stream: Stream, sent: Sequence[Sent]) -> dict[str, Remote]:
    """Where the tool does not say what it holds now, look: one read a batch."""
    silent = [
        one.receipt.remote_id
        for one in sent
        if one.receipt.error is None
        and one.receipt.fields is None
        and one.receipt.remote_id
        and one.edit.verb is not Verb.DELETE
    ]
    if not silent:
        return {}
    try:
        return {remote.id: remote for remote in fetched(hub, stream, silent) if not remote.deleted}
    except ToolError:
        # The writes are done and must be booked; the next reading is then compared field by field.
        return {}


def _book_done(
    tx: Tx,
    changes: Changes,
    connection: Connection,
    stream: Stream,
    good: Sequence[Sent],
    held: Mapping[str, Remote],
    done: Delivered,
) -> None:
    made = [one for one in good if one.edit.verb is Verb.CREATE]
    there = bindings.of_remotes(tx, stream.id, [one.receipt.remote_id or "" for one in made]) if made else {}
    ids = iter(allocate(tx, "binding", len(made)) if made else ())
    deleted = [one.row.record_id for one in good if one.edit.verb is Verb.DELETE]
    # One that was edited elsewhere while we deleted it here lives on, and is put back.
    now = records.load(tx, deleted, to_change=True) if deleted else {}
    alive = {id_ for id_, record in now.items() if record.state == RecordState.LIVE}
    for one in good:
        bound = one.difference.bound
        if one.edit.verb is Verb.DELETE:
            assert bound is not None  # noqa: S101 - a delete is only ever made of a binding
            state = State.RELEASED if bound.record_id in alive else State.GONE
            changes.bindings[bound.id] = bound._replace(state=state, wrote_at=changes.now)
            changes.tell(bound.record_id, "gone", pack(Claims().to_json()), bound.id)
            done.deleted += 1
        elif bound is not None:
            changes.bindings[bound.id] = _held_now(one, bound, held, changes.now)
            done.updated += 1
        else:
            _book_created(changes, connection, stream, one, there, next(ids), held)
            done.created += 1


def _book_created(
    changes: Changes,
    connection: Connection,
    stream: Stream,
    one: Sent,
    there: Mapping[str, Bound],
    fresh_id: int,
    held: Mapping[str, Remote],
) -> None:
    record_id, remote_id = one.row.record_id, one.receipt.remote_id or ""
    known = there.get(remote_id)
    if known is not None and known.record_id != record_id and known.state == State.BOUND:
        subject = {"of": known.record_id, "connection": connection.name, "remote_id": remote_id}
        changes.questions.append(Question("duplicate", subject, record_id=record_id))
        return
    base = known or _unheard(fresh_id, stream, remote_id, record_id, changes.now)
    row = _held_now(one, base._replace(state=State.BOUND, record_id=record_id, moved_to=None), held, changes.now)
    if known is None:
        changes.new_bindings.append(row)
    else:
        changes.bindings[row.id] = row
    if stream.manifest.identity is not None and (mark := paths.get(row.expected, stream.manifest.identity)):
        changes.keys.append((identity_digest(stream.id, mark), record_id))
    changes.bound.append((connection.id, record_id))


def _unheard(id_: int, stream: Stream, remote_id: str, record_id: int, now: Instant) -> Bound:
    """A binding of what we made ourselves: the tool has said nothing about it yet."""
    claims, nothing = bindings.packed(Claims()), pack({})
    return Bound(
        id_, stream.id, remote_id, record_id, State.BOUND, UNKNOWN_DIGEST, None, None, now, None, claims, nothing,
        None, None, None,
    )  # fmt: skip


def note_deleted(tx: Tx, now: Instant, stream: Stream, record_id: int, remote_id: str) -> None:
    """A record that we made was deleted there before we knew its id: it is not made again unasked."""
    if records.erased(tx, [record_id]) or bindings.of_remotes(tx, stream.id, [remote_id]):
        return
    (id_,) = allocate(tx, "binding", 1)
    bindings.insert(tx, [_unheard(id_, stream, remote_id, record_id, now)._replace(state=State.GONE)])


def _held_now(one: Sent, bound: Bound, held: Mapping[str, Remote], now: Instant) -> Bound:
    """The binding after a write: what the tool holds, and where that is not what we told it."""
    receipt, read_back = one.receipt, held.get(one.receipt.remote_id or "")
    version, modified_at = receipt.version, receipt.modified_at
    if read_back is not None:
        fields, whole = dict(read_back.fields), not read_back.partial
        version, modified_at = read_back.version, read_back.modified_at
    elif receipt.fields is not None and receipt.whole:
        fields, whole = dict(receipt.fields), True
    else:
        fields, whole = _laid_over(bound.expected, {**one.edit.fields, **(receipt.fields or {})}), False
    # What else the tool shows differently is no work of ours: it stays unheard, and the next reading tells it.
    unheard = _unheard_fields(one, bound.expected, fields)
    fields, whole = _laid_over(fields, unheard), whole and not unheard
    raw = orjson.dumps(fields)
    told = {**bound.told, **one.edit.fields}
    respelt = {path: value for path, value in told.items() if paths.get(fields, path) != value}
    return bound._replace(
        digest=digest(raw) if whole else UNKNOWN_DIGEST,
        version=version,
        modified_at=modified_at if modified_at is not None else bound.modified_at,
        wrote_at=now,
        packed_expected=squeeze(raw),
        packed_told=bindings.packed_told(respelt, {}),
    )


def _unheard_fields(one: Sent, before: Fields, fields: Fields) -> Fields:
    """Mapped fields that we did not write and that changed all the same, as they were known to be before."""
    others = one.difference.stream.translator.remote_fields - one.edit.fields.keys()
    known = {path: (paths.get(before, path), paths.get(fields, path)) for path in others}
    return {path: was for path, (was, now) in known.items() if was != now and not (is_blank(was) and is_blank(now))}


def _laid_over(expected: Fields, fields: Mapping[str, object]) -> Fields:
    for path, value in fields.items():
        paths.put(expected, path, value)
    return expected


def _verdict(one: Sent) -> Outcome:
    return outcome(one.receipt.error, attempts=one.row.attempts, verb=one.edit.verb, spread=one.row.record_id)


def _book_failed(
    tx: Tx,
    connection: Connection,
    stream: Stream,
    good: Sequence[Sent],
    bad: Sequence[tuple[Sent, Outcome]],
    done: Delivered,
    now: Instant,
) -> None:
    stopped_until = _stop(tx, connection, stream, bad, done, now)
    later: list[Later] = []
    dead: list[tuple[Sent, DeadLetter]] = []
    unsent: list[str] = []
    unchanged: list[Bound] = []
    for one, verdict in bad:
        error = one.receipt.error
        assert error is not None  # noqa: S101 - these are the failed ones
        if verdict.action != "look" and one.edit.verb is Verb.CREATE:
            unsent.append(one.edit.key)
        if one.difference.bound is not None and verdict.action not in ("done", "reread", "gone", "look"):
            unchanged.append(one.difference.bound)
        if verdict.dead_letter:
            dead.append((one, _letter(one, error, connection, stream, now)))
            continue
        due_at = stopped_until if verdict.pause else now + int((verdict.wait or 0) * SECOND)
        attempts = one.row.attempts + verdict.counts_attempt
        later.append(Later(one.row.record_id, due_at, attempts, error.error_code))
        # What took other items of the same batch is not down: only this one waits.
        throttled = verdict.action == "throttled" and error.reach is not Reach.RECORD
        done.halted |= throttled or (error.again is Again.LATER and verdict.action != "throttled" and not good)
    deliveries.resolve(tx, unsent)
    bindings.note_sent(tx, [(bound, {}) for bound in unchanged])
    deliveries.bury(tx, [letter for _, letter in dead])
    outbox.settle(tx, connection.id, [one.row for one, _ in dead])
    outbox.put_back(tx, connection.id, later)
    done.dead += len(dead)
    done.put_back += len(later)


def _as_far_as_it_reaches(good: Sequence[Sent], bad: Sequence[tuple[Sent, Outcome]]) -> list[tuple[Sent, Outcome]]:
    """Where the same may be done to other records of the batch, a missing permission is this record's alone."""
    done = {one.edit.verb for one in good}
    return [
        (one, ONE_RECORDS_OWN if isinstance(one.receipt.error, Forbidden) and one.edit.verb in done else verdict)
        for one, verdict in bad
    ]


def _without_resting_lines(hub: Hub, stream: Stream, bad: list[tuple[Sent, Outcome]]) -> list[tuple[Sent, Outcome]]:
    """Where lines of the mapping rest because of what the tool says, all that it refused for them is sent without."""
    changed = [one for one, verdict in bad if isinstance(verdict.error, SchemaChanged) and verdict.pause]
    named = {path for one in changed for path in one.edit.fields}
    if not changed or not explains_writing(hub, stream, named):
        return bad
    return [(one, _WITHOUT_LINES if isinstance(verdict.error, SchemaChanged) else verdict) for one, verdict in bad]


def _stop(
    tx: Tx,
    connection: Connection,
    stream: Stream,
    bad: Sequence[tuple[Sent, Outcome]],
    done: Delivered,
    now: Instant,
) -> Instant:
    """Pause as much as the worst answer asks for; gives when what waits for it is due again."""
    pausing = [(one, verdict.error, verdict.reach) for one, verdict in bad if verdict.error is not None]
    wide = [error for _, error, reach in pausing if reach is not Reach.STREAM]
    if wide:
        if not done.paused:
            pause(tx, connection, wide[0], now=now)
        done.paused = done.halted = True
    elif pausing:
        one, error, _ = pausing[0]
        # It may have come from looking at the record again, and then reading is not allowed either.
        writing = error is one.receipt.error
        done.stopped[stream.name] = error
        done.until[stream.id] = pause_stream(tx, connection, stream, error, writing=writing, now=now)
        return done.until[stream.id]
    return now


def _answers_again(tx: Tx, stream: Stream, good: Sequence[Sent], bad: Sequence[tuple[Sent, Outcome]]) -> bool:
    """Whether a paused stream was written, or its tool looked at what we sent: what it was paused for is mended."""
    heard = bool(good) or any(isinstance(one.receipt.error, _OF_A_RECORD) for one, _ in bad)
    if not heard or any(verdict.error is not None for _, verdict in bad):
        return False
    return connections.stream_row(tx, stream.id).pause_code is not None


def _letter(one: Sent, error: ToolError, connection: Connection, stream: Stream, now: Instant) -> DeadLetter:
    return DeadLetter(
        now,
        connection.id,
        stream.id,
        one.row.record_id,
        str(one.edit.verb),
        error.error_code,
        str(error),
        str(error.acts),
        error.remedy,
        cause_of(one.difference),
        pack(one.edit.fields),
    )


def _logged(one: Sent, action: str, connection: Connection, now: Instant, run_id: int | None) -> Delivery:
    error = one.receipt.error
    return Delivery(
        now,
        run_id,
        connection.id,
        one.row.record_id,
        one.receipt.remote_id or one.edit.remote_id,
        str(one.edit.verb),
        action,
        error.error_code if error else None,
        dumps(sorted(one.edit.fields)),
        str(error) if error else None,
        _replaced(one.edit) if error is None else None,
    )


def _replaced(edit: Edit) -> bytes | None:
    """What the tool was known to hold where an update wrote over it: an undo puts it back."""
    if edit.verb is not Verb.UPDATE:
        return None
    return pack({path: paths.get(edit.held, path) for path in edit.fields})
