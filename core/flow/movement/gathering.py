"""Gathering: what the audit must know about a page of records, in a constant number of statements."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from core.decide.movement.person import Person, person_of
from core.decide.movement.policy import MOVING
from core.decide.movement.subject import Subject
from core.decide.movement.traces import KINDS, OWN_EVIDENCE, Trace, targets, trace_of
from core.flow.hub import Hub
from core.model.values import Values
from core.store import Tx, bindings, movement, records, steps
from core.store.bindings import State as BindingState
from core.store.records import Record, State

SUBJECTS = ("contact", "deal", "ticket")
"""The kinds that can be open and have the four elements."""
LINKED = (*KINDS, "deal", "owner")
"""The kinds of which it is kept what they are about."""

_TOLD = (*MOVING, *OWN_EVIDENCE)


def points_to(record: Record) -> set[int]:
    """Which records a record is about; nothing once it is gone."""
    return targets(record.kind, record.values) if record.state == State.LIVE else set()


def subjects(hub: Hub, tx: Tx, ids: Collection[int]) -> tuple[list[Subject], list[int]]:
    """What is known about these records, and those of them that are none to be judged (gone, or of another kind)."""
    found = records.load(tx, ids)
    open_ = {id_: one for id_, one in found.items() if one.kind in SUBJECTS and one.state == State.LIVE}
    values = {id_: one.values for id_, one in open_.items()}
    people = _people(tx, values.values())
    traces, done = _traces(hub, tx, open_, values), steps.deeds(tx, open_)
    asks = any(stage.others_only for stage in hub.movement.stages)
    said_by = _said_by(hub, tx, values) if asks else {}
    gathered = [
        Subject(
            id_, one.kind, values[id_], one.created_at, people.get(_one(values[id_], "owner")), traces[id_],
            done.get(id_, steps.Deeds()).names, said_by.get(id_), made=done.get(id_, steps.Deeds()).made,
        )
        for id_, one in open_.items()
    ]  # fmt: skip
    return gathered, [id_ for id_ in ids if id_ not in open_]


def _traces(hub: Hub, tx: Tx, open_: Mapping[int, Record], values: Mapping[int, Values]) -> dict[int, list[Trace]]:
    """What others say about each: about itself, and for a deal about its people, too, where they name no other deal."""
    people = {id_: _some(values[id_], "contacts") for id_, one in open_.items() if one.kind == "deal"}
    about = movement.about_these(tx, {*open_, *(id_ for some in people.values() for id_ in some)})
    known = records.load(tx, {id_ for some in about.values() for id_ in some} - open_.keys())
    asks = any(stage.others_only for stage in hub.movement.stages)
    came_by = bindings.first_streams(tx, known) if asks else {}
    made: dict[int, Trace] = {}
    for id_, one in known.items():
        if one.kind in KINDS and one.state == State.LIVE:
            title = hub.shapes[one.kind].name_of(one.values)
            trace = trace_of(id_, one.kind, one.values, title, answered_within=hub.movement.answered_within)
            made[id_] = trace._replace(source=hub.sources.get(came_by.get(id_, 0), ""))
    found: dict[int, list[Trace]] = {}
    for id_ in open_:
        own = [made[one] for one in about.get(id_, ()) if one in made]
        near = [made[one] for person in people.get(id_, ()) for one in about.get(person, ()) if one in made]
        told = {one.record_id: one for one in own} | {one.record_id: one for one in near if one.is_free_for(id_)}
        found[id_] = list(told.values())
    return found


def _said_by(hub: Hub, tx: Tx, values: Mapping[int, Values]) -> dict[int, dict[str, frozenset[str]]]:
    """Record → field → the tools that claim the value that stands, of those by which stages and evidence are told."""
    found: dict[int, dict[str, frozenset[str]]] = {}
    for bound in bindings.of_records(tx, values):
        if bound.state == BindingState.UNLINKED or bound.record_id not in values:
            continue
        stands, fields = values[bound.record_id], found.setdefault(bound.record_id, {})
        claimed, source = bound.claims.values, hub.sources.get(bound.stream_id, "")
        for name in _TOLD:
            if claimed.get(name) is not None and claimed[name] == stands.get(name):
                fields[name] = fields.get(name, frozenset()) | {source}
    return found


def _people(tx: Tx, every: Collection[Values]) -> dict[int, Person]:
    owners = records.load(tx, {one for values in every if (one := _one(values, "owner"))})
    managers = records.load(tx, {one for row in owners.values() if (one := _one(row.values, "manager"))})
    chiefs = {id_: person(row) for id_, row in managers.items()}
    return {id_: person(row, chiefs.get(_one(row.values, "manager"))) for id_, row in owners.items()}


def person(row: Record, manager: Person | None = None) -> Person:
    """An owner as the four elements know one."""
    return person_of(row.id, row.values, live=row.state == State.LIVE, manager=manager)


def _one(values: Values, name: str) -> int:
    """The record that a ref points to, 0 for none."""
    value = values.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _some(values: Values, name: str) -> Sequence[int]:
    value = values.get(name)
    return [one for one in value if isinstance(one, int)] if isinstance(value, list) else ()
