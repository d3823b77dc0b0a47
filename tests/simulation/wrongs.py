"""What deliberate faults put in the place of parts of the flow (`tests.simulation.faults`).

Each is given what stands there and gives what does it wrong; none depends on more of a function than it changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from core.decide.fold import Folded
from core.decide.match import Ambiguous, Join
from core.decide.outcome import DONE
from core.decide.route import Lane
from core.decide.settle import latest
from core.errors import Refused, Unknown
from core.flow.inward.arrivals import Intake
from core.flow.movement.following import PAGE, Followed, _Page
from core.flow.reviews.reviewing import _later
from core.flow.running import Run
from core.model.instant import MINUTE
from core.ports import Receipt, Remote
from core.store import movement, reviews, steps, tables
from core.store.runs import Lease
from tests.simulation.watch import CONSENT_PATH
from tests.simulation.words import PLAIN

Make = Callable[[Any], Any]
"""From what stands somewhere, what takes its place."""


def nothing(_real: Any) -> Any:
    """Is not done."""
    return lambda *_, **__: None


def gives(value: Any) -> Make:
    """Always gives this."""
    return lambda _real: lambda *_, **__: value


# --- writing


def rows_dropped(_real: Any) -> Any:
    def settle(tx: Any, connection_id: int, rows: Any) -> None:
        drop(tx, connection_id, [row.record_id for row in rows])

    return settle


def drop(tx: Any, connection_id: int, ids: Sequence[int]) -> None:
    c = tables.outbox.c
    tx.execute(tables.outbox.delete().where(c.connection_id == connection_id, c.record_id.in_(ids)))


def errors_taken_for_done(real: Any) -> Any:
    def written(hub: Any, stream: Any, edits: Any, done: Any) -> Iterator[Receipt]:
        for edit, receipt in zip(edits, real(hub, stream, edits, done), strict=True):
            yield receipt if receipt.error is None else Receipt(remote_id=edit.remote_id or edit.key)

    return written


def refused_together(_real: Any) -> Any:
    def written(hub: Any, stream: Any, edits: Any, done: Any) -> Any:
        try:
            return hub.open(stream.source).write(stream.name, edits)
        except Refused as error:
            return [Receipt(error=error) for _ in edits]

    return written


def unknown_is_done(real: Any) -> Any:
    return lambda error, **more: DONE if isinstance(error, Unknown) else real(error, **more)


def any_version(real: Any) -> Any:
    return lambda *args: replace(real(*args), version=None)


def as_told(real: Any) -> Any:
    def held_now(one: Any, bound: Any, _held: Any, now: int) -> Any:
        return real(one._replace(receipt=replace(one.receipt, fields=None)), bound, {}, now)

    return held_now


def letters_stay(_real: Any) -> Any:
    def without_refused(tx: Any, connection: Any, found: Any) -> Any:
        c = tables.dead_letter.c
        query = tables.dead_letter.select().with_only_columns(c.record_id).where(c.connection_id == connection.id)
        dead = set(tx.execute(query).scalars())
        return [one for one in found if str(one.step) != "nothing" and one.record.id not in dead]

    return without_refused


def without_questions(real: Any) -> Any:
    return lambda hub, group, values, ids, erased, _undecided, *more: real(hub, group, values, ids, erased, {}, *more)


def consent_aside(real: Any) -> Any:
    def edit(*args: Any) -> Any:
        made = real(*args)
        others = {path: value for path, value in made.fields.items() if path != CONSENT_PATH}
        return replace(made, fields=others or made.fields)

    return edit


# --- asking


def always_first(real: Any) -> Any:
    return lambda duties, review, now: real(duties, review._replace(escalated_at=None), now)


def not_looked_again(_real: Any) -> Any:
    def pass_on(hub: Any, duties: Any, late: Any, done: Any, now: Any) -> Any:
        subject = {"reviews": [one.id for one in late], "to": duties.escalate_to}
        with hub.store.writing() as tx:
            reviews.escalate(tx, [_later(duties, one, now) for one in late])
        with Run(hub, hub.own_id, "escalate", subject=subject):
            pass
        done.passed_on += [one.id for one in late]
        return late

    return pass_on


# --- reading


def checkpoint_first(real: Any) -> Any:
    def inbound(trip: Any, page: Any, *, keep: Any = None) -> Intake:
        if keep is not None:
            with trip.hub.store.writing() as tx:
                keep(tx)
        taken: Intake = real(trip, page)
        return taken

    return inbound


def deaf_after_writes(real: Any) -> Any:
    def look(trip: Any, remote: Any, glance: Any, mark: int) -> Any:
        if glance.wrote_at is not None and trip.now - glance.wrote_at < MINUTE:
            return "old"
        return real(trip, remote, glance, mark)

    return look


def own_words_believed(real: Any) -> Any:
    def heard(shape: Any, **known: Any) -> Any:
        return real(shape, **{**known, "before": known["claims"].values})

    return heard


def walk_taken_for_whole(real: Any) -> Any:
    return lambda hub, stream, row, run_id, until: real(hub, stream, row._replace(began_at=None), run_id, until)


def missing_is_gone(_real: Any) -> Any:
    return lambda _hub, _stream, ids: [Remote(id_, {}, deleted=True) for id_ in ids]


def part_for_whole(_real: Any) -> Any:
    return lambda item, _held: (item[0]._replace(partial=False), *item[1:])


def blanks_claimed(real: Any) -> Any:
    return lambda values, stamp: real({**dict.fromkeys(PLAIN[:-1]), **values}, stamp)


# --- deciding


def first_candidate(real: Any) -> Any:
    def match(*args: Any, **more: Any) -> Any:
        found = real(*args, **more)
        return Join(found.record_ids[0], found.evidence) if isinstance(found, Ambiguous) else found

    return match


def last_voice_wins(real: Any) -> Any:
    def fold(shape: Any, rules: Any, voices: Any) -> Folded:
        folded: Folded = real(shape, rules, voices)
        said = {name: value for voice in voices for name, value in voice.claims.values.items() if name in PLAIN}
        return Folded({**folded.values, **{name: value for name, value in said.items() if value}}, folded.asks)

    return fold


def losers_silent(real: Any) -> Any:
    def take_over(changes: Any, loser: Any, winner: Any, rows: Any) -> None:
        rows = list(rows)
        real(changes, loser, winner, rows)
        for row in rows:
            winner.voices.pop(row.id, None)

    return take_over


def retired_silent(real: Any) -> Any:
    def say(work: Any, bound: Any, source: str, claims: Any, *, retired: bool = False) -> None:
        real(work, bound, source, claims, retired=retired)
        if retired:
            work.voices.pop(bound.id, None)

    return say


def no_first_lane(real: Any) -> Any:
    def lane(*args: Any) -> Lane:
        found: Lane = real(*args)
        return Lane.LIVE if found is Lane.CONSENT else found

    return lane


def edits_untold(real: Any) -> Any:
    def tell(changes: Any, record_id: int, what: str, *more: Any) -> None:
        if what != "heard":
            real(changes, record_id, what, *more)

    return tell


def newest_consent(real: Any) -> Any:
    return {**real, "strictest": latest}


def lease_for_all(real: Any) -> Any:
    return lambda *args, **more: real(*args, **more) or Lease(1, 0)


def one_hearer(real: Any) -> Any:
    return lambda changes, ids, *more: real(changes, list(ids)[:1], *more)


def given_up(_real: Any) -> Any:
    return lambda tx, connection_id, rows: drop(tx, connection_id, [row.record_id for row in rows])


# --- erasing


def history_kept(real: Any) -> Any:
    def forget_records(tx: Any, record_ids: Sequence[int], *, now: int) -> Any:
        history = list(tx.execute(tables.history.select().where(tables.history.c.record_id.in_(record_ids))).mappings())
        counts = real(tx, record_ids, now=now)
        if history:
            tx.execute(tables.history.insert(), [dict(row) for row in history])
        return counts

    return forget_records


def booked_as_ever(real: Any) -> Any:
    def apart(hub: Any, tx: Any, changes: Any, stream: Any, good: Any, bad: Any, erased: Any, done: Any) -> Any:
        deletes = [one for one in good if one.difference.erases]
        real(hub, tx, changes, stream, deletes, [], erased, done)
        return [one for one in good if not one.difference.erases], list(bad)

    return apart


# --- following through


def noted_beside(real: Any) -> Any:
    def follow(hub: Any) -> Any:
        kept: list[Any] = []
        with patch.object(steps, "take", lambda _tx, rows: kept.extend(rows)):
            done = real(hub)
        with hub.store.writing() as tx:
            taken_again(steps.take)(tx, kept)
        return done

    return follow


def looked_before(_real: Any) -> Any:
    def follow(hub: Any) -> Any:
        done = Followed()
        with hub.store.reading() as tx:
            ids = movement.with_steps(tx, 0, PAGE)
            page = _Page(hub, tx, 0, ids)
        if ids:
            with Run(hub, hub.own_id, "follow_through") as run, hub.store.writing() as tx:
                page.tx, page.changes.run_id = tx, run.id
                page.follow(done)
                run.counts = done.counts()
        return done

    return follow


def taken_again(real: Any) -> Any:
    def take(tx: Any, rows: Any) -> None:
        known = set(tx.execute(tables.step.select().with_only_columns(tables.step.c.name)).scalars())
        real(tx, [one for one in rows if one.name not in known])

    return take


def rung_alone(_real: Any) -> Any:
    return lambda subject, ladder, place, _stalls_at: f"rung {subject.record_id} {ladder.name} {place}"


def task_alone(real: Any) -> Any:
    def task(policy: Any, subject: Any, first: Any, name: str, *more: Any) -> Any:
        return real(policy, subject, first, name.partition(" since ")[0], *more)

    return task


def named_by_the_clock(real: Any) -> Any:
    def due_steps(policy: Any, subject: Any, now: Any) -> Any:
        # Ladders keep their rungs, or there would be no end of them.
        free = subject._replace(taken=frozenset(one for one in subject.taken if one.startswith("rung")))
        return [
            one if one.name.startswith("rung") else one._replace(name=f"{one.name} at {now}")
            for one in real(policy, free, now)
        ]

    return due_steps
