"""The movement policy: what an installation asks of its open records, as `mappings/movement.yaml` says it.

`core.decide.movement.reading` makes a `Policy` of the file; `audit` judges by it. Windows and rungs count working
time (`core.decide.movement.hours`), ages and quiet count every hour.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from core.decide.movement.hours import Hours, Span
from core.mapping.comparing import WORDS
from core.mapping.filter import Filter
from core.model.instant import DAY, Instant
from core.model.values import Json, Values

JOURNEY = ("signal", "captured", "responded", "qualified", "scheduled", "delivered", "retained")
"""How far a relation has come, whatever a tool calls it."""

MOVING = ("stage", "status", "lifecycle_stage", "lead_status")
"""The fields that say how far a record has come."""

EVIDENCE: Mapping[str, str] = {
    "asked": "they asked for something: words, a page or a campaign are kept",
    "contacted": "somebody of us called, wrote or met them",
    "replied": "they called, wrote or answered",
    "meeting": "a meeting with them is in a calendar",
    "met": "a meeting with them took place",
    "document": "a proposal, estimate, quote or contract was sent",
    "accepted": "a document was accepted or signed",
    "invoice": "an invoice was issued",
    "payment": "money came in",
}
"""What a stage can ask for, found in the records of every tool."""

ANSWERED_WITHIN = 14 * DAY
"""So long a sent document counts as a next step, where a policy says nothing else."""


ANY, OTHER = "any", "other"
"""Which tools may show what a stage asks for."""


class Mode(StrEnum):
    """How far the hub goes by itself with a step."""

    OFF = "off"
    DRY = "dry"
    ASK = "ask"
    ACT = "act"


DONE = (Mode.ASK, Mode.ACT)
"""Modes in which a step is taken in the end: by itself, or on a person's word."""


class Step(StrEnum):
    """What follow-through can do."""

    ASSIGN = "assign"
    ACKNOWLEDGE = "acknowledge"
    TASK = "task"
    REMIND = "remind"
    ESCALATE = "escalate"
    REASSIGN = "reassign"
    REACTIVATE = "reactivate"


class To(StrEnum):
    """Whom a rung turns to, where it names nobody by address."""

    OWNER = "owner"
    MANAGER = "manager"


class Rung(NamedTuple):
    """One step of a ladder."""

    after: Span
    """Since the action was due, or since the rung before."""
    do: Step
    to: str
    """`owner`, `manager`, or an address; '' for whom the rules of ownership name (`reassign`)."""
    say: str = ""
    """The subject of the task or mail; `{name}`, `{owner}`, `{asked}` and `{stage}` stand for the record's own."""


class Ladder(NamedTuple):
    """What happens when a first step stalls."""

    name: str
    rungs: tuple[Rung, ...]


class FirstAction(NamedTuple):
    """The task that a stage or a hand-off begins with."""

    say: str
    within: Span
    type: str = "task"
    """A type of activity."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a kind of record."""

    name: str
    kind: str
    """`contact`, `deal` or `ticket`."""
    when: Filter
    """Which records are in it; the first stage that fits counts."""
    means: str
    """One sentence that everybody can check."""
    journey: str
    """A word of `JOURNEY`."""
    evidence: tuple[str, ...] = ()
    """Words of `EVIDENCE`, any one of which the stage must show; none: it is believed."""
    others_only: bool = False
    """Whether only evidence counts that lives in another tool than the one that says it is in this stage."""
    exit: str = ""
    """What must be true to leave it, in words."""
    first: FirstAction | None = None
    """What is to be done first; its `within` is the response window."""
    oldest: Instant | None = None
    """A record should not be in it longer than this, in µs; None for any time."""
    ladder: str | None = None
    """Name of its ladder; None for the policy's own."""
    open: bool = True
    """Whether it asks for a next step; of a stage that is not open only the evidence is looked at."""

    def moves(self, values: Values) -> dict[str, Json]:
        """What to say of a record so that it is in this stage; empty where the condition names no value for it."""
        found: dict[str, Json] = {}
        for test in self.when.tests:
            if test.field in MOVING and not test.holds(values):
                named = test.operand if isinstance(test.operand, list | tuple) else [test.operand]
                if test.word is not WORDS["is"] or named[0] is None:
                    return {}
                found[test.field] = named[0]
        return found

    def suits(self, values: Values) -> bool:
        """Whether the stage is one of the record's own way: what is no mark of a stage (its pipeline, say) fits."""
        return all(test.holds(values) for test in self.when.tests if test.field not in MOVING)


class HandOff(NamedTuple):
    """Something that happened and asks for a first action: a missed call, an estimate without a reply, a no-show."""

    name: str
    kind: str
    """`activity` or `document`."""
    when: Filter
    quiet: Instant | None
    """Only if nothing was heard for so long after it, in µs; None: at once."""
    first: FirstAction
    ladder: str | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who gets a record that has nobody: the first rule that fits."""

    name: str
    kind: str
    when: Filter
    arrives: str = ""
    """`outside`: only what came outside working hours; '' for any time."""
    quiet: Instant | None = None
    """Only what nobody has touched for so long, in µs."""
    to: tuple[str, ...] = ()
    """Addresses of those who may get it; none: every active person."""
    team: str = ""
    """Only people of this team."""
    same_as: str = ""
    """`company` or `contact`: whoever owns that one, where somebody does."""
    by: tuple[str, ...] = ()
    """`territory`, `language`: narrow it to those who serve the record's place or speak its language."""
    share: Mapping[str, int] = field(default_factory=dict)
    """Address → weight in the round robin; 1 where not named."""


class Absence(NamedTuple):
    """Somebody is away; nothing new is given to them and their rungs go on to the next."""

    who: str
    since: Instant
    until: Instant


class Touch(NamedTuple):
    """Something to do after a sale, or after long quiet."""

    name: str
    kind: str
    when: Filter
    after: Instant
    """µs since it was won, or since anybody last spoke."""
    first: FirstAction


class Acknowledgement(NamedTuple):
    """What somebody who asked for something is told at once."""

    name: str
    kind: str
    """`contact`, `deal` or `ticket`."""
    when: Filter
    within: Instant
    """Only while what they asked is not older than this, in µs: later it is no acknowledgement."""
    subject: str
    question: str
    """The one question it asks."""
    next: str
    """The one thing that happens next."""
    text: str
    """The letter; a paragraph in which braces stand for nothing is left out."""
    topic: str | None = None
    """The purpose for which the consent gate is asked; None for mail at all."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What an installation asks of its open records."""

    hours: Hours = field(default_factory=Hours)
    mark: str = ""
    """A digest of the file, by which it is known whether verdicts are by this policy."""
    stages: tuple[Stage, ...] = ()
    ladders: Mapping[str, Ladder] = field(default_factory=dict)
    ladder: str | None = None
    """The ladder of a stage that names none."""
    hand_offs: tuple[HandOff, ...] = ()
    assignments: tuple[Assignment, ...] = ()
    absences: tuple[Absence, ...] = ()
    reactivate: tuple[Touch, ...] = ()
    after_sale: tuple[Touch, ...] = ()
    acknowledgements: tuple[Acknowledgement, ...] = ()
    mail: str | None = None
    """The connection that sends mail."""
    modes: Mapping[Step, Mode] = field(default_factory=dict)
    """How far the hub goes by itself; what is not named is `off`."""
    escalate_to: str | None = None
    """Who hears where an owner has no manager."""
    answered_within: Instant = ANSWERED_WITHIN
    """So long a sent document counts as a next step that waits for a reply, in µs."""

    def stage_of(self, kind: str, values: Values) -> Stage | None:
        """The stage a record is in; None for one that is not open."""
        stage = self.place_of(kind, values)
        return stage if stage is not None and stage.open else None

    def place_of(self, kind: str, values: Values) -> Stage | None:
        """The stage a record is in, open or not; None for one that no stage speaks of."""
        return next((one for one in self.stages if one.kind == kind and one.when.holds(values)), None)

    def ladder_of(self, stage: Stage) -> Ladder | None:
        """What happens when the first step of this stage stalls."""
        name = stage.ladder or self.ladder
        return self.ladders.get(name) if name else None

    def mode(self, step: Step) -> Mode:
        """How far the hub goes by itself with a step."""
        return self.modes.get(step, Mode.OFF)
