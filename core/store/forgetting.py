"""Forgetting: what the tables hold of some records is taken out, for good.

What stays is numbers: that there was a record, that runs touched it, that something was sent. Whatever could name the
person goes: values, claims, payloads, history, refused edits, questions, and the words of other rows that name them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Connection, Table, and_, delete, or_, select, update

from core.model.claim import Claims
from core.store import database
from core.store.bindings import Bound, State, packed, packed_told
from core.store.codec import UNKNOWN_DIGEST, dumps, loads, pack, unpack
from core.store.database import among
from core.store.records import State as RecordState
from core.store.tables import (
    about,
    binding,
    dead_letter,
    delivery,
    history,
    intent,
    key,
    message,
    new_key,
    new_word,
    outbox,
    plan,
    record,
    review,
    run,
    step,
    unread,
    verdict,
    waiting_in,
    waiting_out,
    word,
)


def forget_records(tx: Connection, record_ids: Collection[int], *, now: int) -> dict[str, int]:
    """Take out everything that is filed under these records but their bindings; gives table → rows."""
    ids = list(record_ids)
    blank = {"values": "{}", "state": int(RecordState.ERASED), "merged_into": None, "updated_at": now}
    # That there was a write, when and of what kind, is the tool's history as much as the person's.
    sent = {"remote_id": None, "before": None, "note": None}
    return {
        "record": tx.execute(update(record).where(among(tx, record.c.id, ids)).values(**blank)).rowcount,
        "history": _drop(tx, history, history.c.record_id, ids),
        "key": sum(_drop(tx, table, table.c.record_id, ids) for table in (key, new_key)),
        "word": sum(_drop(tx, table, table.c.record_id, ids) for table in (word, new_word)),
        "delivery": tx.execute(update(delivery).where(among(tx, delivery.c.record_id, ids)).values(**sent)).rowcount,
        "dead_letter": _drop(tx, dead_letter, dead_letter.c.record_id, ids),
        "review": _blank_reviews(tx, ids, now=now),
        "verdict": _drop(tx, verdict, verdict.c.record_id, ids),
        "step": _drop(tx, step, step.c.record_id, ids),
        "message": _drop(tx, message, message.c.record_id, ids),
        "about": sum(_drop(tx, about, about.c[name], ids) for name in ("record_id", "target_id")),
        "waiting_out": sum(_drop(tx, waiting_out, waiting_out.c[name], ids) for name in ("record_id", "target_id")),
        # The rows stay: whoever is at work on one must find that its mark has moved on.
        "outbox": tx.execute(update(outbox).where(among(tx, outbox.c.record_id, ids)).values(note=None)).rowcount,
    }


def blank_bindings(tx: Connection, rows: Sequence[Bound], record_id: int, going: Collection[int]) -> None:
    """Leave of these bindings nothing but where they are; those in `going` are to be deleted by the outbox.

    All of them belong to `record_id` from now on. Those of which nobody needs to know are dropped elsewhere.
    """
    nothing, empty = packed(Claims()), pack({})
    values = [
        (record_id, int(State.ERASED), UNKNOWN_DIGEST, None, None, nothing, empty, wish(goes=one.id in going), None,
         None, None, one.id)
        for one in rows
    ]  # fmt: skip
    columns = ("record_id", "state", "digest", "version", "modified_at", "claims", "expected", "told", "problems",
               "moved_to", "moved_stream_id")  # fmt: skip
    database.update(tx, binding, ("id",), columns, values)


def wish(*, goes: bool) -> bytes | None:
    """What an erased binding wants of the outbox: to be deleted there, or nothing."""
    return packed_told({}, {}, None, {"gone": True}) if goes else None


def forget_bindings(tx: Connection, rows: Sequence[Bound]) -> int:
    """Take out what was filed under these bindings elsewhere: keys of what was kept out, refs that wait for them."""
    strangers = [-one.id for one in rows]
    count = sum(_drop(tx, table, table.c.record_id, strangers) for table in (key, new_key))
    count += _drop(tx, waiting_in, waiting_in.c.binding_id, [one.id for one in rows])
    places = [(one.stream_id, one.remote_id) for one in rows]
    database.delete(tx, waiting_in, ("stream_id", "remote_id"), places)
    return count


def forget_sent(tx: Connection, record_ids: Collection[int]) -> list[tuple[str, int, int]]:
    """Blank what creates of these records were sent with, and drop merges that were asked for.

    Gives (key, connection id, stream id) of the creates, which must still be looked for.
    """
    mine = among(tx, intent.c.record_id, record_ids)
    tx.execute(delete(intent).where(mine, intent.c.sent.is_(None)))
    tx.execute(update(intent).where(mine).values(sent=pack({})))
    query = select(intent.c.key, intent.c.connection_id, intent.c.stream_id).where(mine).order_by(intent.c.key)
    return [(row[0], row[1], row[2]) for row in tx.execute(query)]


def _drop(tx: Connection, table: Table, column: Column[Any], ids: Collection[int]) -> int:
    return int(tx.execute(delete(table).where(among(tx, column, ids))).rowcount)


def _blank_reviews(tx: Connection, ids: Collection[int], *, now: int) -> int:
    c = review.c
    mine = among(tx, c.record_id, ids)
    tx.execute(update(review).where(mine, c.closed_at.is_(None)).values(closed_at=now, answer="erased"))
    return int(tx.execute(update(review).where(mine).values(subject="{}", answer="erased")).rowcount)


# What names them elsewhere.


def forget_words(tx: Connection, record_ids: Collection[int], words: Collection[str]) -> dict[str, int]:
    """Take out of other rows what names these records or holds one of these words; gives table → rows.

    A scan of the tables that hold sentences, since hardly anybody is erased.
    """
    return {
        "run": _other_runs(tx, words),
        "unread": _rows_with(tx, unread, unread.c.place, words, None),
        "outbox": _rows_with(tx, outbox, outbox.c.note, words, {"note": None}),
        "delivery": _rows_with(tx, delivery, delivery.c.note, words, {"note": None}),
        "dead_letter": _rows_with(tx, dead_letter, dead_letter.c.message, words, {"message": "erased"}),
        "plan": _plan_lines(tx, set(record_ids), words),
    }


def forget_questions(tx: Connection, record_ids: Collection[int], words: Collection[str], *, now: int) -> set[int]:
    """Close questions about others in which these are a candidate, or are named; gives the records they were about."""
    c, ids = review.c, set(record_ids)
    found = (
        {row[0]: row[1] for row in tx.execute(select(c.id, c.record_id).where(_has(c.subject, words)))} if words else {}
    )
    for id_, record_id, subject in tx.execute(
        select(c.id, c.record_id, c.subject).where(c.what.in_(("ambiguous", "duplicate")))
    ):
        told = loads(subject)
        if ids & {told.get("of"), *told.get("candidates", ())}:
            found[id_] = record_id
    mine = among(tx, c.id, list(found))
    tx.execute(update(review).where(mine, c.closed_at.is_(None)).values(closed_at=now, answer="erased"))
    tx.execute(update(review).where(mine).values(subject="{}"))
    return set(found.values()) - ids - {0}


def _other_runs(tx: Connection, words: Collection[str]) -> int:
    if not words:
        return 0
    c = run.c
    told = tx.execute(update(run).where(_has(c.message, words)).values(message="erased")).rowcount
    subject = update(run).where(c.subject.is_not(None), _has(c.subject, words)).values(subject=dumps({"erased": True}))
    return int(told + tx.execute(subject).rowcount)


def _rows_with(
    tx: Connection, table: Table, column: Column[Any], words: Collection[str], becomes: Mapping[str, Any] | None
) -> int:
    """Change the rows whose column holds a word, or drop them where they become nothing."""
    if not words:
        return 0
    there = and_(column.is_not(None), _has(column, words))
    statement = delete(table).where(there) if becomes is None else update(table).where(there).values(**becomes)
    return int(tx.execute(statement).rowcount)


def _has(column: Column[Any], words: Collection[str]) -> Any:
    return or_(*(column.icontains(word, autoescape=True) for word in words))


def _plan_lines(tx: Connection, ids: set[int], words: Collection[str]) -> int:
    """Lines of kept plans are (connection, stream, record, …)."""
    c, changed = plan.c, 0
    for id_, lines in tx.execute(select(c.id, c.lines)).all():
        told = unpack(lines)
        kept = [line for line in told if line[2] not in ids and not names(line, words)]
        if len(kept) < len(told):
            tx.execute(update(plan).where(c.id == id_).values(lines=pack(kept)))
            changed += len(told) - len(kept)
    return changed


def names(value: Any, words: Iterable[str]) -> bool:
    """Whether one of these words is somewhere in a JSON value, whatever the case."""
    text = dumps(value).casefold()
    return any(dumps(word)[1:-1].casefold() in text for word in words)


def forget_in_history(
    tx: Connection, record_ids: Collection[int], binding_ids: Collection[int], words: Collection[str]
) -> int:
    """Take out of other records' history what was once said there by these bindings, or holds one of these words.

    Two that were made one by mistake and parted again have each other's words in their history.
    """
    spoken = among(tx, history.c.binding_id, binding_ids)
    mine = among(tx, history.c.record_id, record_ids)
    changed = tx.execute(delete(history).where(mine, spoken)).rowcount
    c = history.c
    for id_, delta in tx.execute(select(c.id, c.delta).where(mine)).all():
        told = unpack(delta)
        if not names(told, words):
            continue
        told["set"] = {name: pair for name, pair in told.get("set", {}).items() if not names(pair, words)}
        tx.execute(update(history).where(c.id == id_).values(delta=pack(told)))
        changed += 1
    return int(changed) + _replaced_with(tx, record_ids, words)


def _replaced_with(tx: Connection, record_ids: Collection[int], words: Collection[str]) -> int:
    """What tools were known to hold of other records while they were taken for this one."""
    c = delivery.c
    query = select(c.id, c.before).where(among(tx, c.record_id, record_ids), c.before.is_not(None))
    mine = [id_ for id_, before in tx.execute(query) if names(unpack(before), words)]
    return int(tx.execute(update(delivery).where(among(tx, c.id, mine)).values(before=None)).rowcount)
