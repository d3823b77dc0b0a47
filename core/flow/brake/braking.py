"""Braking: before a connection is written to, all that waits for it is weighed. Too much of it waits for a person.

    note what waits ▶ count ▶ compare ▶ weigh ▶ all of it may go out | a review, and only opt-outs go out meanwhile

What a person released, and what follows from a person's own act, is not weighed: there the word was given. Nothing
here keeps a state of its own: each turn weighs again, so what comes back to normal lets the rest out by itself. A
source that suddenly misses its records (`core.flow.brake.missing`) asks in the same review. `core.decide.brake` judges.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from core.decide import brake
from core.decide.brake import Excess, Leave
from core.errors import ConfigError
from core.flow.brake.weighing import PAGE, SHOWN, WEEKS, Found, consents, title, weigh
from core.flow.hub import Connection, Hub
from core.flow.outward.compare import Difference, Step
from core.model.instant import HOUR, MINUTE, Instant, iso
from core.model.shapes import KIND_ORDER
from core.ports import Fields
from core.store import Tx, bindings, deliveries, outbox, records, reviews, runs
from core.store.outbox import Claimed, Later
from core.store.reviews import Question, Review

AGAIN = 10 * MINUTE
"""What is held and has not changed is weighed again after this: what was written yesterday counts no more."""
RETRY = MINUTE
"""A record of which only a narrower consent went out is looked at again after this."""
TENTH = 10
"""A run behind less than a tenth of what waits is not what caused it, unless there is no other."""


class _Causes(NamedTuple):
    """What is behind that which waits."""

    by_people: bool
    """Some of it follows from people's own acts, and is released now."""
    runs: Counter[int]
    """Run → records, of the rest."""


def weighed(hub: Hub, connection: Connection, between: Callable[[], object]) -> Connection:
    """The connection with leave to write what may go out now; asks a person where that is not everything.

    `between` is done now and then where much is weighed. What it makes due is weighed in the next turn.
    """
    now = hub.clock()
    with hub.store.reading() as tx:
        asked = open_review(tx, connection.id)
        if asked is None and not outbox.is_due(tx, connection.id, now):
            # What falls due a moment later was not weighed now, and waits for the next turn.
            return replace(connection, leave=Leave.NARROWING)
    with hub.store.writing() as tx:
        outbox.look(tx, connection.id)
        deliveries.forget_written(tx, connection.id, before=(now - WEEKS) // HOUR)
        waits = outbox.fingerprint(tx, connection.id)
    told = asked.subject if asked is not None else {}
    if told.get("missing") or _is_known(connection, told, waits, now):
        return replace(connection, leave=Leave.NARROWING)
    found = weigh(hub, connection, now, between)
    if found.excess:
        causes = _behind(hub, connection, found)
        found = weigh(hub, connection, now, between) if causes.by_people else found
        if found.excess:
            _hold(hub, connection, found, causes.runs, waits, now)
            return replace(connection, leave=Leave.NARROWING)
    if asked is not None:
        let_go(hub, asked, "back to normal")
    return replace(connection, leave=Leave.WEIGHED)


def open_review(tx: Tx, connection_id: int) -> Review | None:
    """The open question of a connection's brake."""
    asked = reviews.open_reviews(tx, what="brake", limit=None)
    return next((one for one in asked if (one.connection_id, one.field) == (connection_id, "")), None)


def let_go(hub: Hub, review: Review, answer: str) -> None:
    """There is nothing to be asked any more: what was put aside is due."""
    with hub.store.writing() as tx:
        reviews.close_ids(tx, [review.id], now=hub.clock(), answer=answer)
        outbox.hasten(tx, review.connection_id, now=hub.clock())


def _is_known(connection: Connection, told: Mapping[str, Any], waits: Sequence[int], now: Instant) -> bool:
    """Whether just this was weighed a short while ago and held."""
    seen = told.get("weighed")
    if not seen or now >= seen["at"] + AGAIN:
        return False
    return bool(seen["waits"] == waits and seen["by"] == str(connection.limits))


# Whose word it is.


def _behind(hub: Hub, connection: Connection, found: Found) -> _Causes:
    """Release what follows from people's own acts, and say which runs are behind the rest."""
    by_people, causes = False, Counter[int]()
    for kind in sorted({one.kind for one in found.excess}):
        last = 0
        while True:
            with hub.store.writing() as tx:
                page = outbox.weighed_after(tx, connection.id, KIND_ORDER.index(kind), last, PAGE)
                if not page:
                    break
                last = page[-1][0]
                ids = [record_id for record_id, _ in page]
                since, whose = bindings.told_at(tx, ids, connection.stream_ids), _said_of(tx, ids)
                news = {id_: [one for one in acts if one.at > since.get(id_, 0)] for id_, acts in whose.items()}
                agreed = {id_ for id_, acts in news.items() if acts and all(one.by_person for one in acts)}
                if agreed:
                    outbox.release(tx, connection.id, agreed)
            by_people = by_people or bool(agreed)
            # What a tool held before it was connected may be older than what it is now told.
            left = [news[id_] or acts for id_, acts in whose.items() if id_ not in agreed]
            causes.update(_caused_by(acts, connection) for acts in left)
    causes.pop(0, None)
    return _Causes(by_people, causes)


def _said_of(tx: Tx, ids: Sequence[int]) -> dict[int, list[runs.Behind]]:
    """Record → what was said of it, oldest first; what we write ourselves says nothing."""
    whose: dict[int, list[runs.Behind]] = {}
    for one in runs.behind(tx, ids):
        if one.what != "deliver":
            whose.setdefault(one.record_id, []).append(one)
    return whose


def _caused_by(acts: Sequence[runs.Behind], connection: Connection) -> int:
    """The latest run of somebody else's, or else the latest; 0 for none."""
    said = [one for one in acts if one.run_id]
    others = [one for one in said if one.connection_id != connection.id]
    return next((one.run_id for one in reversed(others or said) if one.run_id), 0)


# Holding.


def _hold(
    hub: Hub, connection: Connection, found: Found, causes: Counter[int], waits: Sequence[int], now: Instant
) -> None:
    told = [one.told(connection.name) for one in found.excess]
    with hub.store.reading() as tx:
        subject = {
            "connection": connection.name,
            "note": f"{_sentence(told)} Nothing is written to {connection.name} until a person agrees.",
            "limits": [{**one.to_json(), "told": words} for one, words in zip(found.excess, told, strict=True)],
            "counts": {kind: load.counts() for kind, load in found.loads.items()},
            "samples": _samples(hub, tx, connection, found),
            "runs": _runs(hub, tx, causes),
            "weighed": {"waits": waits, "by": str(connection.limits), "at": now},
        }
    with hub.store.writing() as tx:
        reviews.ask(tx, [Question("brake", subject, connection_id=connection.id)], now=now)


def _sentence(told: Sequence[str]) -> str:
    words = "; ".join(told)
    return f"{words[:1].upper()}{words[1:]}."


def _samples(hub: Hub, tx: Tx, connection: Connection, found: Found) -> list[dict[str, Any]]:
    """A few records of each limit that is passed."""
    shown: dict[int, dict[str, Any]] = {}
    for one in found.excess:
        kept = found.samples.get((one.kind, one.case, one.field), [])
        if one.case == "deletes" or one.made:
            kept = [*_not_compared(hub, tx, connection, one), *kept]
        for sample in kept[:SHOWN]:
            shown.setdefault(sample["record"], sample)
    return list(shown.values())[:SHOWN]


def _not_compared(hub: Hub, tx: Tx, connection: Connection, one: Excess) -> list[dict[str, Any]]:
    """Some of the records that would be deleted, or made."""
    deleted, rank = one.case == "deletes", KIND_ORDER.index(one.kind)
    ids = outbox.some(tx, connection.id, rank, connection.stream_ids, deleted=deleted, limit=SHOWN)
    step = Step.DELETE if deleted else Step.CREATE
    found = records.load(tx, ids) if ids else {}
    return [{**title(hub, found[id_]), "step": str(step), "fields": {}} for id_ in ids if id_ in found]


def _runs(hub: Hub, tx: Tx, causes: Counter[int]) -> list[dict[str, Any]]:
    """The runs that most of it comes from."""
    names = {one.id: one.name for one in hub.connections.values()}
    most = [(id_, count) for id_, count in causes.most_common() if count * TENTH >= causes.total()]
    told = []
    for run_id, count in (most or causes.most_common())[:SHOWN]:
        if (run := runs.one(tx, run_id)) is not None:
            where = {"connection": names.get(run.connection_id, ""), "stream": run.stream}
            told.append({"run": run.id, "what": run.what, **where, "at": iso(run.began_at), "records": count})
    return told


# What goes out all the same.


def narrowing(found: Sequence[Difference], released: set[int]) -> tuple[list[Difference], set[int]]:
    """What may go out while the brake holds, and the records of which something is held back.

    Whoever asks not to be written to any more is heard at once, whatever else waits.
    """
    free: list[Difference] = []
    held: set[int] = set()
    for one in found:
        at_once = one.record.id in released or one.erases
        if at_once or one.step not in (Step.CREATE, Step.UPDATE, Step.DELETE):
            free.append(one)
            continue
        fields = _narrowing_fields(one)
        if fields:
            free.append(replace(one, fields=fields))
        if len(fields) < len(one.fields or {}) or one.step is not Step.UPDATE:
            held.add(one.record.id)
    return free, held


def _narrowing_fields(one: Difference) -> Fields:
    if one.step is not Step.UPDATE or one.bound is None:
        return {}
    fields = {path: name for path, name in consents(one.stream).items() if path in (one.fields or {})}
    if not fields:
        return {}
    (was,) = one.stream.translator.read([one.bound.expected])
    values = one.record.values
    return {
        path: value
        for path, value in (one.fields or {}).items()
        if path in fields and brake.narrows(was.values.get(fields[path]), values.get(fields[path]))
    }


def put_aside(tx: Tx, connection: Connection, rows: Mapping[int, Claimed], held: set[int], now: Instant) -> None:
    """Give back what is held back; what the brake holds is looked at again after a while, or when it lets go."""
    waits_for_all = connection.leave in (Leave.LIVE, Leave.REFUSALS)
    due_at, note = (now, None) if waits_for_all else (now + RETRY, "brake")
    later = [Later(id_, due_at, rows[id_].attempts, note) for id_ in sorted(held)]
    outbox.put_back(tx, connection.id, later)


# A person's word.


def release(hub: Hub, review: Review) -> None:
    """A person agrees: what waits goes out, once; what comes later is weighed as before."""
    with hub.store.writing() as tx:
        if review.subject.get("limits"):
            outbox.release(tx, review.connection_id)
            deliveries.agree_to_written(tx, review.connection_id)
        outbox.hasten(tx, review.connection_id, now=hub.clock())


def reject(hub: Hub, review: Review) -> None:
    """A person does not agree: the runs that caused it are undone. `ConfigError` where none of them can be.

    If what is left is still too much, the next turn asks again.
    """
    causes = [one if isinstance(one, int) else one["run"] for one in review.subject.get("runs", ())]
    if not causes and not review.subject.get("limits"):
        return
    if not causes:
        raise ConfigError(
            "No run caused this: it follows from rules or a mapping.",
            remedy="Put the earlier ones in force again with `concord apply`; the brake lets go by itself then.",
            id=review.id,
        )
    # Imported here, because undoing stands on what writes, and that on this.
    from core.flow.undo.undoing import undo

    refused = []
    for run_id in causes:
        try:
            undo(hub, run_id)
        except ConfigError as error:
            refused.append(error)
    if len(refused) == len(causes):
        raise refused[0]
