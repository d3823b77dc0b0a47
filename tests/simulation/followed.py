"""Law 11 about follow-through: what the hub does by itself it does once for each occasion, and leaves nothing undone.

Steps are told by what they set down, in the hub's own words and in the tools, and not by the names under which the hub
keeps them: those only must fit.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from core.decide.movement.policy import Mode
from core.decide.movement.policy import Step as Act
from core.decide.movement.steps import due_steps
from core.flow.movement.gathering import subjects
from core.model.claim import Claims
from core.model.values import Values
from core.ports import Fields
from core.store import history, movement, steps
from core.store.records import Record, State
from core.store.steps import Taken
from tests.simulation.look import Look, stands
from tests.simulation.owed import LADDER_LASTS, POLICY, SAYS

GIVING = (Act.ASSIGN, Act.REASSIGN)


class _Through:
    """What follow-through did, as the store tells it."""

    def __init__(self, look: Look) -> None:
        hub = look.lab.hub
        self.people = {id_: one for id_, one in look.records.items() if one.kind == "contact"}
        self.staff = {id_: one for id_, one in look.records.items() if one.kind == "owner"}
        ours = {one.id for one in look.stage.own_runs("follow_through")}
        with hub.store.reading() as tx:
            seen = history.of_records(tx, [id_ for id_, one in look.records.items() if one.kind == "activity"])
            rows = steps.steps_of(tx, list(self.people))
            told = history.of_records(tx, list(self.people))
            self.kept = movement.of_records(tx, list(self.people))
            found, _ = subjects(hub, tx, list(self.people))
        self.subjects = [
            one._replace(entered_at=self.kept[one.record_id].since if one.record_id in self.kept else None)
            for one in found
        ]
        self.taken: dict[int, list[Taken]] = defaultdict(list)
        for row in rows:
            self.taken[row.record_id].append(row)
        self.made: dict[int, Values] = {
            one.record_id: Claims.from_json(one.delta).values
            for one in seen
            if one.what == "seen" and one.run_id in ours
        }
        """Activity → what the hub said it is; of those who were erased nothing is told."""
        self.given: dict[int, list[tuple[int, object]]] = defaultdict(list)
        """Record → (run, to whom), as history tells it."""
        for entry in told:
            said = Claims.from_json(entry.delta) if entry.what == "heard" and entry.run_id in ours else Claims()
            if entry.run_id is not None and "owner" in said.values:
                self.given[entry.record_id].append((entry.run_id, said.values["owner"]))


class _Occasions(NamedTuple):
    """How often something may have been owed anew to somebody."""

    tasks: int
    givings: int


def _occasions(look: Look, record: Record) -> _Occasions | None:
    """None for whom nobody can tell, since records were made one, or nobody knows who it is."""
    ledger, who = look.stage.ledger, look.person(record)
    if who in ledger.merged | ledger.nameless | ledger.readdressed | look.stage.erased.people:
        return None
    if look.was_merged(record) or record.state == State.MERGED or record.id in look.doubtful:
        return None
    happened = ledger.happened[who] + sum(ledger.made.get(place) == who for place in ledger.deleted)
    happened += len(look.stage.undone)
    return _Occasions(1 + 2 * happened, 2 + 4 * happened + ledger.happened["staff"])


def set_down_once(look: Look) -> Iterator[str]:
    """At most one activity an occasion, in the hub and in each tool."""
    if not look.stage.plot.follows:
        return
    through = _Through(look)
    known = Counter(
        row.made_id for rows in through.taken.values() for row in rows if row.step not in GIVING and row.made_id
    )
    about: dict[int, Counter[str]] = defaultdict(Counter)
    for id_, said in through.made.items():
        if known[id_] != 1:
            yield f"once: activity {id_} ({said.get('subject')}) was set down by {known[id_]} steps"
        for whom in said.get("contacts") or ():
            about[whom][_says(said)] += 1
    for id_, counted in about.items():
        occasions = _occasions(look, look.records[id_]) if id_ in look.records else None
        for says, count in counted.items():
            if occasions is not None and count > occasions.tasks:
                who = look.person(look.records[id_])
                yield f"once: '{says} {who}' was set down {count} times, on {occasions.tasks} occasions at most"
    yield from _in_tools(look, Counter(str(said.get("subject")) for said in through.made.values()))


def _in_tools(look: Look, ours: Counter[str]) -> Iterator[str]:
    for name, held in look.held.items():
        told = Counter(
            str(one.get("subject"))
            for one in held.values()
            if str(one.get("subject")).startswith(SAYS) and _of_whom(one) not in look.stage.erased.people
        )
        for subject, count in told.items():
            if count > ours[subject]:
                yield f"once: {name} holds '{subject}' {count} times, which was set down {ours[subject]} times"


def _of_whom(task: Fields) -> str:
    """Who a task is about, by its words."""
    return "person" + str(task.get("subject")).rpartition("person")[2]


def _says(said: Values) -> str:
    return next((one for one in SAYS if str(said.get("subject")).startswith(one)), "?")


def given_once(look: Look) -> Iterator[str]:
    """Who is given to somebody is given once an occasion, and to whom it is noted."""
    if not look.stage.plot.follows:
        return
    through = _Through(look)
    for id_, record in through.people.items():
        if record.state == State.ERASED:
            continue
        given = through.given[id_]
        noted = {(row.run_id, row.made_id) for row in through.taken[id_] if row.step in GIVING}
        if noted != set(given) or len(given) > len(noted):
            yield f"once: record {id_} was given away in {given}, and that is noted as {sorted(noted)}"
        occasions = _occasions(look, record)
        if occasions is not None and len(given) > occasions.givings:
            yield f"once: record {id_} was given away {len(given)} times, on {occasions.givings} occasions at most"


def helped(look: Look) -> Iterator[str]:
    """Nothing that is owed is left undone."""
    if not look.stage.plot.follows:
        return
    through = _Through(look)
    now = look.lab.clock()
    there = {id_ for id_, one in through.staff.items() if stands(one) and one.values.get("active") is not False}
    for subject in through.subjects:
        record = look.records[subject.record_id]
        if record.id in look.doubtful or "lifecycle_stage" in look.undecided.get(record.id, ()):
            continue
        owner = record.values.get("owner")
        for deed in due_steps(POLICY, subject, now):
            # Nobody is left to whom it could be given.
            if deed.mode is Mode.ACT and not (deed.step in GIVING and not there - {owner}):
                yield f"helped: of record {record.id} '{deed.name}' is due, and not done"
        taken = through.taken[record.id]
        if record.values.get("lifecycle_stage") == "lead":
            if owner not in there and there - {owner}:
                yield f"helped: record {record.id} is owned by {owner}, though {sorted(there)} are there"
            yield from _lead_helped(through, record, now)
        elif record.values.get("lifecycle_stage") == "customer" and not _took(taken, Act.REACTIVATE, 0):
            yield f"helped: record {record.id} is quiet, and nobody was told"


def _lead_helped(through: _Through, record: Record, now: int) -> Iterator[str]:
    taken, kept = through.taken[record.id], through.kept.get(record.id)
    if kept is None or kept.since is None or kept.stalls_at is None:
        yield f"helped: record {record.id} was not looked at"
        return
    (subject,) = [one for one in through.subjects if one.record_id == record.id]
    if not any(one.is_ahead(now) for one in subject.traces) and not _took(taken, Act.TASK, kept.since):
        yield f"helped: record {record.id} has no next step, and had none since {kept.since}"
    for step in (Act.REMIND, Act.ESCALATE) if kept.stalls_at + LADDER_LASTS <= now else ():
        if not _took(taken, step, kept.stalls_at):
            yield f"helped: record {record.id} stalls since {kept.stalls_at}, and nobody took '{step}'"


def _took(taken: list[Taken], step: Act, since: int) -> bool:
    return any(row.step == step and row.at >= since for row in taken)


def erased_with_them(look: Look) -> Iterator[str]:
    """What was set down about somebody who was erased is erased with them."""
    stage = look.stage
    again = {who for place, who in stage.ledger.made.items() if place not in stage.erased.places}
    gone = stage.erased.people - again - stage.ledger.merged - stage.ledger.nameless
    for name, held in look.held.items():
        for id_, one in held.items():
            for who in gone:
                if str(one.get("subject")).startswith(SAYS) and _of_whom(one) == who:
                    yield f"erased: {name} still holds {id_} '{one.get('subject')}'"
