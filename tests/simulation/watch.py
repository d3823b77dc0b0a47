"""Laws that are held while a plot is played: before each write, and each time the hub pauses for breath.

They ask the store only for what stands and what waits, and compare it with what is about to be sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from connectors._kit.mischief import Switch
from core.decide.route import Lane
from core.decide.settle import strictness
from core.flow.hub import Stream
from core.model.instant import Instant
from core.model.values import Json, is_blank
from core.ports import Edit, Verb
from core.store import Tx, bindings, deliveries, history, records, reviews, tables
from core.store.bindings import Bound
from core.store.bindings import State as BindingState
from core.store.records import Record, State
from tests.simulation.plot import Step

if TYPE_CHECKING:
    from tests.simulation.play import Stage

CONSENT = "consent.email"
CONSENT_PATH = "email_consent"
NARROWEST = 3
FEW, SHARE = 2, 0.3
"""Up to how many, and up to which share of what a tool holds, may be deleted without a word."""


def narrow(status: Json) -> int:
    """How narrow a consent is; nothing known counts as the widest, like a grant."""
    return 0 if is_blank(status) else strictness(status)


class Watch:
    """Looks over the hub's shoulder and keeps what it sees done wrong."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.breaches: list[str] = []
        self.asides = 0
        """Other workers' turns inside the present one: what they hear, this one has not been told."""
        self.writes: dict[str, list[Instant]] = {}
        """Tool → when each call began that wrote to it."""
        self.released = False
        """Whether a person has let go what a brake held."""
        self._due: dict[int, list[Instant]] = {}
        """Review → when it was due, each time it was looked at."""
        self._deletes: dict[str, int] = {}
        self._listed = any(habit.mode == "listing" for habit in stage.plot.habits)
        self._concerned = any(_of_consent(step) for step in stage.plot.steps)
        self._consent: dict[int, int] = {}
        """Record id → how narrow its consent was at the last look."""
        self._widest: dict[int, int] = {}
        """Binding id → the widest consent of its record since it was made."""

    # --- before each write

    def began(self, name: str) -> None:
        """The hub makes a call that writes: what people do from now on it cannot know."""
        self.writes.setdefault(name, []).append(self.stage.lab.clock())

    def write(self, name: str, stream_name: str, edits: Sequence[Edit]) -> None:
        """The hub is about to send these edits to a tool."""
        edits = self._unerased(name, stream_name, edits)
        self._weigh(name, stream_name, edits)
        if self.asides:
            return
        stream = self.stage.lab.stream(name, stream_name)
        with self.stage.lab.installation.store.reading() as tx:
            bound = bindings.of_remotes(tx, stream.id, [one.remote_id for one in edits if one.remote_id])
            ids = [_record_id(edit, bound) for edit in edits]
            found = records.load(tx, ids)
            asked = reviews.undecided(tx, ids)
            # What was lost from the outbox is found again, though not as what it was.
            concerned = self._concerned and not self.stage.lost_any
            waiting = self._opt_outs(tx, name, set(ids)) if concerned else []
        for edit, id_ in zip(edits, ids, strict=True):
            if edit.verb is not Verb.DELETE and id_ in found:
                self._asked(name, stream, edit, id_, asked.get(id_, set()))
                if stream_name == "contacts":
                    self._refusal(name, edit, found[id_], bound.get(edit.remote_id or ""))
        if waiting:
            self.breaches.append(f"consent: {name} is written {stream_name} before the refusals of records {waiting}")

    def _unerased(self, name: str, stream_name: str, edits: Sequence[Edit]) -> Sequence[Edit]:
        """Those that are about the living: whoever asked to be erased is deleted whatever else holds."""
        if not self.stage.erased.people:
            return edits
        stream = self.stage.lab.stream(name, stream_name)
        with self.stage.lab.installation.store.reading() as tx:
            bound = bindings.of_remotes(tx, stream.id, [one.remote_id for one in edits if one.remote_id])
            erased = records.erased(tx, [_record_id(edit, bound) for edit in edits])
        return [one for one in edits if _record_id(one, bound) not in erased]

    def _weigh(self, name: str, stream_name: str, edits: Sequence[Edit]) -> None:
        """Nobody deletes a large part of what a tool holds without a person's word."""
        gone = [edit for edit in edits if edit.verb is Verb.DELETE]
        if not gone:
            return
        deletes = len(gone) - self._taken_back(name, stream_name, gone)
        self._unasked(name, stream_name, gone)
        if deletes <= 0:
            return
        self._deletes[name] = self._deletes.get(name, 0) + deletes
        held = len(self.stage.lab.tools[name].all(stream_name)) + self._deletes[name] - deletes
        if self._deletes[name] > max(FEW, SHARE * held) and not self.released:
            self.breaches.append(f"brake: {self._deletes[name]} of {held} {stream_name} are deleted in {name} unasked")

    def _taken_back(self, name: str, stream_name: str, gone: Sequence[Edit]) -> int:
        """How many of these a person took back, by the number of the run that had set them down."""
        if not self.stage.undone or stream_name != "activities" or not gone:
            return 0
        stream = self.stage.lab.stream(name, stream_name)
        with self.stage.lab.installation.store.reading() as tx:
            ours = bindings.of_remotes(tx, stream.id, [one.remote_id for one in gone if one.remote_id])
            back = self._set_down(tx)
        return sum(one.record_id in back for one in ours.values())

    def _set_down(self, tx: Tx) -> set[int]:
        """What the hub had set down by itself, and a person took back."""
        return {id_ for run in self.stage.undone for id_ in history.records_of_run(tx, run)}

    def _unasked(self, name: str, stream_name: str, gone: Sequence[Edit]) -> None:
        """Nobody is deleted whom nobody has deleted."""
        deleted = [one.remote_id for one in gone if one.remote_id]
        stream, hub = self.stage.lab.stream(name, stream_name), self.stage.lab.hub
        with self.stage.lab.installation.store.reading() as tx:
            ours = bindings.of_remotes(tx, stream.id, deleted)
            every = bindings.of_records(tx, {one.record_id for one in ours.values()})
            back = self._set_down(tx)
        places = {(hub.sources[one.stream_id], one.remote_id): one.record_id for one in every}
        meant = {id_ for place, id_ in places.items() if place in self.stage.ledger.deleted}
        meant |= back if stream_name == "activities" else set()
        for one in ours.values():
            if one.record_id not in meant:
                self.breaches.append(f"unasked: {name} {one.remote_id} is deleted, though nobody deleted it anywhere")

    def _asked(self, name: str, stream: Stream, edit: Edit, id_: int, asked: set[str]) -> None:
        """What a person is asked about is left alone."""
        fields = {line.remote: line.field for line in stream.translator.lines}
        for path in edit.fields:
            if fields.get(path) in asked:
                self.breaches.append(f"asked: {path} of record {id_} is written to {name} while a person is asked")

    def _refusal(self, name: str, edit: Edit, record: Record, held: Bound | None) -> None:
        """An opt-out goes before, or with, any other write of that person."""
        stands = record.values.get(CONSENT)
        known = held.expected.get(CONSENT_PATH) if held else None
        if narrow(stands) > narrow(known) and edit.fields.get(CONSENT_PATH) != stands:
            self.breaches.append(f"consent: {name} is told of record {record.id} without its being {stands}")

    def _opt_outs(self, tx: Tx, name: str, ids: set[int]) -> list[int]:
        """Records whose consent became narrower and is due for this tool, though it goes on with something else."""
        box = tables.outbox.c
        query = tables.outbox.select().with_only_columns(box.record_id, box.lane)
        query = query.where(box.connection_id == self.stage.lab.connection(name).id)
        # What was marked since the brake looked is weighed at the next turn; what the tool has just turned away
        # because the record moved there is tried again after the others.
        due = (box.due_at <= self.stage.lab.clock(), box.weighed == box.mark, box.attempts == 0)
        rows = list(tx.execute(query.where(*due)))
        if all(lane == Lane.CONSENT for record_id, lane in rows if record_id in ids):
            return []
        waiting = {record_id for record_id, _ in rows} - ids
        # What the tool itself has refused went first in its time. It goes again with whatever is written of that person
        # next, as that is written: nobody knows that it would be taken now.
        letters = deliveries.dead_letters(tx, connection_id=self.stage.lab.connection(name).id, record_ids=waiting)
        refused = {one.record_id for one in letters if CONSENT_PATH in one.edit}
        waiting -= {record_id for record_id, lane in rows if record_id in refused and lane != Lane.CONSENT}
        stands = {id_: narrow(one.values.get(CONSENT)) for id_, one in records.load(tx, waiting).items()}
        return [
            one.record_id
            for one in bindings.of_records(tx, waiting, [self.stage.lab.stream(name).id])
            if one.state == BindingState.BOUND and stands[one.record_id] > self._told(one)
        ]

    def _told(self, one: Bound) -> int:
        """How narrow the tool takes the consent to be; one that never became narrower has not to be told first."""
        return max(narrow(one.expected.get(CONSENT_PATH)), self._widest.get(one.id, NARROWEST))

    # --- from time to time

    def look(self) -> None:
        self._deletes.clear()
        if self.stage.waits:
            self._due_times()
        if self._listed:
            self._false_alarms()
        if self._concerned:
            self._consents()

    def nobody_left_behind(self) -> None:
        """The hub has looked what is owed: whose owner has left, as it knows, is given to somebody who is there."""
        owners = {one.id: one for one in self.stage.lab.records("owner") if one.state == State.LIVE}
        there = {id_ for id_, one in owners.items() if one.values.get("active") is not False}
        people = [one for one in self.stage.lab.records() if one.state == State.LIVE]
        leads = [one for one in people if one.values.get("lifecycle_stage") == "lead"]
        with self.stage.lab.installation.store.reading() as tx:
            asked = reviews.undecided(tx, [one.id for one in leads])
        for one in leads:
            owner = one.values.get("owner")
            if there and owner in owners.keys() - there and not asked.get(one.id):
                self.breaches.append(f"helped: record {one.id} was left with {owner}, who has left")

    def _due_times(self) -> None:
        """A question gets more time once."""
        for review in self.stage.lab.reviews():
            times = self._due.setdefault(review.id, [])
            if review.due_at not in times:
                times.append(review.due_at)
            if len(times) > 2:
                self.breaches.append(f"once: review {review.id} ({review.what}) was passed on a second time")

    def _false_alarms(self) -> None:
        """Nobody is asked about records that are all there."""
        for review in self.stage.lab.reviews("brake"):
            name = str(review.subject.get("connection"))
            happened = self.stage.lab.tools[name].mischief.happened
            gone = sum(place == name for place, _ in self.stage.ledger.deleted)
            lied = happened[Switch.EMPTY] or happened[Switch.HALF] or happened[Switch.LAGGING]
            if review.subject.get("missing") and gone <= FEW and not lied:
                self.breaches.append(f"brake: it is asked whether much is gone from {name}, where {gone} were deleted")

    def _consents(self) -> None:
        """Nobody but the person concerned widens a consent, and no such person is here."""
        now = {one.id: one for one in self.stage.lab.records()}
        for id_, before in self._consent.items():
            one = _end(now, id_)
            if one.state == State.ERASED:
                continue
            if narrow(one.values.get(CONSENT)) < before:
                self.breaches.append(f"consent: of record {one.id} it widened to {one.values.get(CONSENT)!r}")
        self._consent = {id_: narrow(one.values.get(CONSENT)) for id_, one in now.items()}
        with self.stage.lab.installation.store.reading() as tx:
            bound = bindings.of_records(tx, list(now))
        for row in bound:
            self._widest[row.id] = min(self._widest.get(row.id, NARROWEST), self._consent[row.record_id])


def _of_consent(step: Step) -> bool:
    return step.name == CONSENT_PATH or (step.what == "create" and CONSENT_PATH in step.value)


def _end(found: Mapping[int, Record], id_: int) -> Record:
    one = found[id_]
    while one.merged_into is not None:
        one = found[one.merged_into]
    return one


def _record_id(edit: Edit, bound: Mapping[str, Bound]) -> int:
    held = bound.get(edit.remote_id or "")
    return held.record_id if held is not None else int(edit.key.split("-")[2])
