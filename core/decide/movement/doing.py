"""Doing: what a step comes to: who gets the record, or which activity is set down about it. Pure.

Follow-through carries it out (`core.flow.movement.following`); a trial of a policy only goes on as if it had
(`core.decide.movement.trying`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from core.decide.movement.assigning import Assigned, assign
from core.decide.movement.person import Person
from core.decide.movement.policy import Policy, Step
from core.decide.movement.steps import Deed
from core.decide.movement.subject import Subject
from core.decide.movement.traces import ACKNOWLEDGEMENT, REMINDER
from core.model.instant import HOUR, Instant, iso
from core.model.values import Json, Values

RETRY = HOUR
"""After so long it is tried again to find somebody for a record that nobody could be found for."""
OWNING = (Step.ASSIGN, Step.REASSIGN)
"""Steps that give a record to somebody and set nothing down."""
REMINDING = (Step.REMIND, Step.ESCALATE)
"""Steps that set down what only reminds of another one."""


def whom(
    policy: Policy,
    subject: Subject,
    people: Iterable[Person],
    around: Mapping[int, Values],
    *,
    at: Instant,
    load: Mapping[int, int],
    given: Mapping[int, Instant],
) -> Assigned | None:
    """Who gets a record now, and not whoever has it; None where nobody can be found.

    `around` are its company and people by id; `load` and `given` as `assign` wants them.
    """
    near = [around[id_] for id_ in (*refs(subject, "contact"), *refs(subject, "contacts")) if id_ in around]
    firm = [around[id_] for id_ in refs(subject, "company") if id_ in around]
    return assign(
        policy,
        subject.kind,
        _placed(subject.values, [*near, *firm]),
        people,
        at=at,
        arrived_at=subject.held_since,
        load=load,
        last_given=given,
        company_owner=_owner(firm),
        contact_owner=_owner(near),
        not_to=[subject.owner.record_id] if subject.owner is not None else (),
    )


def activity(
    deed: Deed, subject: Subject, owner: Person | None, people: Iterable[Person], now: Instant
) -> dict[str, Json]:
    """The activity that a step is, where it is no mail and gives nothing to anybody; `owner` owns the record by now."""
    whose = owner if deed.step not in REMINDING else _whose(deed, owner, people)
    values: dict[str, Json] = {
        "type": deed.type,
        "subject": deed.say,
        "status": "planned",
        "done": False,
        "due_at": iso(deed.due_at if deed.due_at is not None else now),
        "created_at": iso(now),
        **about(subject),
    }
    if whose is not None and whose.can_act:
        values["owner"] = whose.record_id
    if deed.step in REMINDING:
        values["tags"] = [REMINDER]
    return values


def mail(subject: Subject, person_id: int, now: Instant, title: str, text: str = "") -> dict[str, Json]:
    """An acknowledgement that went out, as an email beside its record."""
    values: dict[str, Json] = {
        "type": "email",
        "direction": "outbound",
        "subject": title,
        "body": text,
        "status": "done",
        "done": True,
        "starts_at": iso(now),
        "completed_at": iso(now),
        "created_at": iso(now),
        "tags": [ACKNOWLEDGEMENT],
        "contacts": [person_id],
    }
    return values if subject.kind == "contact" else {**values, subject.kind: subject.record_id}


def addressee(subject: Subject) -> int | None:
    """Who is written to about a record: itself, or the first of its people."""
    if subject.kind == "contact":
        return subject.record_id
    return next(iter(refs(subject, "contacts") or refs(subject, "contact")), None)


def about(subject: Subject) -> dict[str, Json]:
    """The refs by which an activity is about a record, and about its people."""
    if subject.kind == "contact":
        return {"contacts": [subject.record_id]}
    people: list[Json] = [*(refs(subject, "contacts") or refs(subject, "contact"))]
    return {subject.kind: subject.record_id, **({"contacts": people} if people else {})}


def refs(subject: Subject, name: str) -> list[int]:
    """The records that a field refers to."""
    value = subject.values.get(name)
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, int)]


def _whose(deed: Deed, owner: Person | None, people: Iterable[Person]) -> Person | None:
    return next((one for one in people if deed.to in (one.email, one.called)), owner)


def _owner(those: Sequence[Values]) -> int | None:
    return next((one for values in those if isinstance(one := values.get("owner"), int)), None)


def _placed(values: Values, near: Sequence[Values]) -> Values:
    """The record's values with the place and language of its person or company, where it has none itself."""
    found: dict[str, Json] = dict(values)
    for name in ("address", "language"):
        if not found.get(name):
            found[name] = next((one[name] for one in near if one.get(name)), None)
    return found
