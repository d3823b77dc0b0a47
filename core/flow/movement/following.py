"""Following through: the steps that the hub takes, by itself or on a person's word, each once, whatever crashes.

    records with steps due ▶ what is due ▶ owners, tasks, reminders, mails ▶ noted as taken ┐ one transaction a page
                                 └▶ asked first: a review      history, outbox ◀────────────┘

A step that is taken is a row in the transaction in which it is taken. What it sets down is a claim of the hub's, so it
reaches the tools through the outbox, and is judged anew because history tells of it. A mail is only booked here:
`core.flow.movement.acknowledging` sends it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from core.decide.movement.assigning import Assigned
from core.decide.movement.doing import OWNING, RETRY, activity, refs, whom
from core.decide.movement.person import Person
from core.decide.movement.policy import Mode, Step
from core.decide.movement.steps import Deed, due_steps, moot_reminders
from core.decide.movement.subject import Subject
from core.flow.changes import Changes
from core.flow.desk import Work, load_works
from core.flow.hub import Hub
from core.flow.making import make_each
from core.flow.movement.gathering import person, subjects
from core.flow.refold import refold
from core.flow.restored.following import careful, waits
from core.flow.running import Run
from core.flow.saying import say_each
from core.model.instant import Instant, iso
from core.model.values import Json
from core.store import Tx, messages, movement, records, restores, reviews, steps
from core.store.database import serialise
from core.store.messages import Booked
from core.store.reviews import Question
from core.store.steps import Taken

PAGE = 500
_EVERY = 100_000
"""More people than any business has."""


@dataclass(slots=True)
class Followed:
    """What was done."""

    taken: Counter[str] = field(default_factory=Counter)
    """Step → how often."""
    asked: int = 0
    """Steps that wait for a person's word."""
    over: int = 0
    """Reminders that remind of nothing any more."""
    nobody: int = 0
    """Records for which nobody could be found."""

    def counts(self) -> dict[str, int]:
        """The numbers that are not zero, for the log; whom nobody could be found for is no deed."""
        found = {**{str(step): count for step, count in self.taken.items()}, "asked": self.asked, "over": self.over}
        return {name: count for name, count in found.items() if count}


def follow(hub: Hub) -> Followed:
    """Take every step that is due and that the hub may take by itself; put the others that are due to a person."""
    done = Followed()
    with hub.store.reading() as tx:
        if not movement.with_steps(tx, 0, 1):
            return done
        restored = restores.latest(tx)
        if restored is not None and waits(tx, restored, hub.clock()):
            return done
    with Run(hub, hub.own_id, "follow_through") as run:
        last = 0
        while True:
            with hub.store.writing(durable=True) as tx:
                serialise(tx, records.CHANGING)
                ids = movement.with_steps(tx, last, PAGE)
                if not ids:
                    break
                last = ids[-1]
                _Page(hub, tx, run.id, ids, restored).follow(done)
        run.counts = done.counts()
    return done


def take(hub: Hub, run_id: int, names: Collection[str], record_ids: Collection[int]) -> None:
    """Take these steps, on a person's word; what is not due any more is not taken."""
    with hub.store.writing(durable=True) as tx:
        serialise(tx, records.CHANGING)
        _Page(hub, tx, run_id, sorted(record_ids)).take(names)


def leave(hub: Hub, run_id: int, left: Collection[tuple[str, Step, int]]) -> None:
    """These steps (name, step, record) are not taken on this occasion: a person said so."""
    now = hub.clock()
    with hub.store.writing() as tx:
        known = steps.taken(tx, {record_id for _, _, record_id in left})
        new = [one for one in left if one[0] not in known.get(one[2], ())]
        steps.take(tx, [Taken(name, record_id, str(step), None, run_id, now) for name, step, record_id in new])
        movement.look_again(tx, {record_id for _, _, record_id in left}, now)


class _Page:
    """One page of records about which something is to be done."""

    def __init__(
        self, hub: Hub, tx: Tx, run_id: int, ids: Sequence[int], restored: restores.Restored | None = None
    ) -> None:
        self.hub, self.tx, self.ids, self.restored = hub, tx, ids, restored
        self.changes = Changes(hub.clock(), run_id)
        self.taken: list[Taken] = []
        self.booked: list[Booked] = []
        self.asked: list[Question] = []
        self.alone: set[int] = set()
        """Records for which nobody could be found."""
        self.given_to: dict[int, int] = {}
        """Record → whom it is given to."""
        self.set_down: list[tuple[Deed, dict[str, Json]]] = []
        """Steps that are activities, with what these say."""
        found, _ = subjects(hub, tx, ids)
        verdicts = movement.of_records(tx, ids)
        self.subjects = [one._replace(entered_at=verdicts[one.record_id].since) for one in found]
        moot = (id_ for one in self.subjects for id_ in moot_reminders(hub.movement, one, self.changes.now))
        self.over = list(dict.fromkeys(moot))
        """Reminders that remind of nothing any more."""
        self.works = load_works(hub, tx, [*(one.record_id for one in self.subjects), *self.over])
        staff = records.after(tx, 0, ("owner",), _EVERY)
        self.people = {row.id: person(row) for row in staff}
        self.load, self.given = Counter(movement.load_of(tx)), dict(steps.last_given(tx))
        around = {
            one for each in self.subjects for name in ("company", "contact", "contacts") for one in refs(each, name)
        }
        self.around = {id_: row.values for id_, row in records.load(tx, around).items()}

    def follow(self, done: Followed) -> None:
        """Take what the hub takes by itself, and ask about the rest."""
        for subject, deed in self._due():
            if deed.mode is Mode.ACT:
                self._do(subject, deed)
            elif deed.mode is Mode.ASK:
                self._ask(subject, deed)
        self._write()
        done.taken += Counter(Step(one.step) for one in self.taken)
        done.asked += len(self.asked)
        done.over += len(self.over)
        done.nobody += len(self.alone)

    def take(self, names: Collection[str]) -> None:
        """Take the steps with these names, as far as they are due."""
        for subject, deed in self._due():
            if deed.name in names:
                self._do(subject, deed)
        self._write()

    def _due(self) -> Iterator[tuple[Subject, Deed]]:
        for subject in self.subjects:
            due = due_steps(self.hub.movement, subject, self.changes.now)
            for deed in careful(due, self.restored, subject.entered_at, self.changes.now):
                yield subject, deed

    def _do(self, subject: Subject, deed: Deed) -> None:
        if deed.step in OWNING and subject.record_id in self.given_to:
            # Whom nobody owns any more may be due to be given on, too: one new owner answers both.
            self._note(deed, self.given_to[subject.record_id])
        elif deed.step in OWNING:
            found = self._find(subject, self.changes.now)
            if found is None:
                self.alone.add(subject.record_id)
            else:
                self._give(subject, deed, found)
        elif deed.step is Step.ACKNOWLEDGE:
            self.booked.append(Booked.of(deed, self.changes.now))
            self._note(deed, None)
        else:
            values = activity(deed, subject, self._owner_now(subject), self.people.values(), self.changes.now)
            self.set_down.append((deed, values))

    def _ask(self, subject: Subject, deed: Deed) -> None:
        """Put a step to whoever owns the record; to whom the configuration names where nobody does."""
        found = self._find(subject, self.changes.now) if deed.step in OWNING else None
        if deed.step in OWNING and found is None:
            self.alone.add(subject.record_id)
            return
        owner, to = subject.owner, found.person.reached_at if found is not None else deed.to
        told = {"name": deed.name, "step": str(deed.step), "say": deed.say, "to": to}
        whose = owner.reached_at if owner is not None and owner.can_act else None
        self.asked.append(Question("step", told, record_id=subject.record_id, field=deed.title, owner=whose))

    def _write(self) -> None:
        self._carry_out()
        changed = [work for work in self.works.values() if work.heard]
        refold(self.hub, self.tx, self.changes, changed, cause="live")
        self.changes.write(self.tx)
        steps.take(self.tx, self.taken)
        messages.book(self.tx, self.booked)
        reviews.ask(self.tx, self.asked, now=self.changes.now)
        movement.settle_steps(self.tx, self.ids)
        # History tells of what was done, but not if it is undone or deleted before anybody looks.
        movement.look_again(self.tx, set(self.ids) - self.alone, self.changes.now)
        movement.look_again(self.tx, self.alone, self.changes.now + RETRY)

    def _owner_now(self, subject: Subject) -> Person | None:
        given = self.given_to.get(subject.record_id)
        return self.people.get(given, subject.owner) if given is not None else subject.owner

    def _find(self, subject: Subject, now: Instant) -> Assigned | None:
        """Who gets it; not whoever has it."""
        return whom(
            self.hub.movement, subject, self.people.values(), self.around, at=now, load=self.load, given=self.given
        )

    def _give(self, subject: Subject, deed: Deed, found: Assigned) -> None:
        self.given_to[subject.record_id] = found.person.record_id
        self.load[found.person.record_id] += 1
        if subject.owner is not None:
            self.load[subject.owner.record_id] -= 1
        self.given[found.person.record_id] = self.changes.now
        self._note(deed, found.person.record_id)

    def _carry_out(self) -> None:
        """Say whose the records are and set the activities down, for a number of statements that does not grow."""
        said: list[tuple[Work, dict[str, Json]]] = [
            (self.works[id_], {"owner": owner}) for id_, owner in self.given_to.items()
        ]
        done = {"done": True, "status": "done", "completed_at": iso(self.changes.now)}
        said += [(self.works[id_], dict(done)) for id_ in self.over if id_ in self.works]
        say_each(self.hub, self.tx, self.changes, said)
        made = make_each(self.hub, self.tx, self.changes, "activity", [values for _, values in self.set_down])
        for (deed, _), id_ in zip(self.set_down, made, strict=True):
            self._note(deed, id_)

    def _note(self, deed: Deed, made: int | None) -> None:
        assert self.changes.run_id is not None  # noqa: S101 - every page belongs to a run
        self.taken.append(Taken(deed.name, deed.record_id, str(deed.step), made, self.changes.run_id, self.changes.now))
