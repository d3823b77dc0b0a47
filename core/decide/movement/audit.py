"""The audit: does an open record have its owner, its next action, its timing, and a recovery? Pure.

Four verdicts from what stands and the policy, each with what it rests on, or what is missing, who acts, and the fix.
A verdict says until when it holds, so that nobody has to look at it before, unless the record changes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from core.decide.movement.hours import Span
from core.decide.movement.person import Person
from core.decide.movement.policy import DONE, Ladder, Policy, Rung, Stage, Step, To
from core.decide.movement.subject import Subject, filled
from core.decide.movement.traces import Trace
from core.model.instant import Instant, from_iso, iso
from core.model.values import Values

ELEMENTS = ("owner", "action", "timing", "recovery")
ADMIN = "admin"
HUB = "the rules of ownership"
RUNG = "rung "
"""What the names of steps that are rungs of a ladder begin with."""

_A_DAY = Span(days=1)


class Element(NamedTuple):
    """One of the four verdicts."""

    ok: bool
    because: str
    """What it rests on, or what is missing, in a few words."""
    who: str = ""
    """Who acts where it is missing: a name, `admin`, or '' where it is there."""
    fix: str = ""
    """What that one does about it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the audit says of one record."""

    stage: Stage
    owner: Element
    action: Element
    timing: Element
    recovery: Element
    since: Instant
    """When the present stage began."""
    waits_since: Instant | None
    """Since when they wait for a word of ours; None while nobody does."""
    asked_at: Instant
    """The latest occasion on which a word or a step of ours is owed: the stage's begin, or their latest word."""
    answered_after: Instant | None
    """Working time from the stage's begin to our first word, in µs; None while there is none."""
    in_window: bool | None
    """Whether that was in time; False also while it is late, None while it can still be in time."""
    stalls_at: Instant
    """When the first step is overdue: from here the ladder counts."""
    overdue_since: Instant | None
    """When the next action had to be done, where that has passed; None where it has not, or where there is none."""
    untouched: bool
    """Whether nobody of us has ever said a word to them."""
    next_rung: tuple[int, Instant] | None
    """(place in the ladder, when it is due); None where none is left or none is armed."""
    stale: bool
    """Whether it has been in its stage for longer than it should."""
    holds_until: Instant | None
    """The next moment at which the clock alone can change this; None for never."""

    @property
    def elements(self) -> tuple[Element, Element, Element, Element]:
        """In the order of `ELEMENTS`."""
        return (self.owner, self.action, self.timing, self.recovery)

    @property
    def score(self) -> int:
        """0 to 4."""
        return sum(one.ok for one in self.elements)

    @property
    def word(self) -> str:
        """0–2 are storage, 3 is usable but inconsistent, 4 is protected."""
        return ("storage", "storage", "storage", "usable", "protected")[self.score]


def judge(policy: Policy, subject: Subject, now: Instant) -> Verdict | None:
    """The verdict on a record; None for one that is in no open stage."""
    stage = policy.stage_of(subject.kind, subject.values)
    if stage is None:
        return None
    since = _entered(subject)
    said = sorted((one for one in subject.traces if one.was_said(now)), key=lambda one: one.at or 0)
    waits_since = _waiting(subject, said, since, now)
    step = _next_step(subject.traces, now)
    owed_since = waits_since if waits_since is not None else _last(said, since)
    limit = policy.hours.after(owed_since, _window(stage))
    stalls_at = step.due if step is not None and step.due is not None else limit
    recovery, next_rung = _recovery(policy, stage, subject, stalls_at)
    answer = _answer(policy, stage, subject, said, since, now)
    oldest = since + stage.oldest if stage.oldest is not None else None
    moments = [stalls_at, next_rung[1] if next_rung else None, oldest, answer.due, *_turns(subject.traces)]
    return Verdict(
        stage=stage,
        owner=_owner(subject.owner),
        action=_action(step, subject, stage),
        timing=_timing(step, stage, subject.owner, _bound(policy, stage, step, waits_since, limit), now),
        recovery=recovery,
        since=since,
        waits_since=waits_since,
        asked_at=max([since, *_theirs(subject, said, now)]),
        answered_after=answer.after,
        in_window=answer.in_window,
        stalls_at=stalls_at,
        overdue_since=step.due if step is not None and step.due is not None and step.due <= now else None,
        untouched=not _ours(subject, said, now),
        next_rung=next_rung,
        stale=oldest is not None and oldest <= now,
        holds_until=min((one for one in moments if one is not None and one > now), default=None),
    )


def _owner(owner: Person | None) -> Element:
    if owner is None:
        return Element(False, "nobody owns it", ADMIN, "Give it an owner, or a rule of ownership that fits it.")
    if owner.queue:
        return Element(False, f"{owner.called} is a queue", ADMIN, "Give it to one person.")
    if not owner.active:
        who = owner.manager.called if owner.manager is not None and owner.manager.can_act else ADMIN
        return Element(False, f"{owner.called} can no longer sign in", who, "Give it to somebody who is there.")
    return Element(True, owner.called)


def _action(step: Trace | None, subject: Subject, stage: Stage) -> Element:
    if step is not None:
        return Element(True, f"{step.type or step.kind}: {step.title or 'untitled'}")
    fix = f"{filled(stage.first.say, subject, stage.name)}." if stage.first else "Put down what happens next."
    return Element(False, "no next step is set down", _name(subject.owner), fix)


def _timing(step: Trace | None, stage: Stage, owner: Person | None, limit: Instant | None, now: Instant) -> Element:
    if step is None:
        return Element(False, "there is nothing to be in time", _name(owner), "Put down what happens next, and when.")
    if step.due is None:
        return Element(False, "the next step has no due time", _name(owner), "Say by when.")
    if step.due <= now:
        return Element(False, f"overdue since {iso(step.due)}", _name(owner), "Do it, or move it and say why.")
    if limit is not None and step.due > limit:
        window = stage.first.within if stage.first else ""
        told = f"due {iso(step.due)}, outside the window of {window} that ends {iso(limit)}"
        return Element(False, told, _name(owner), "Answer within the window.")
    return Element(True, f"due {iso(step.due)}")


def _recovery(
    policy: Policy, stage: Stage, subject: Subject, stalls_at: Instant
) -> tuple[Element, tuple[int, Instant] | None]:
    ladder = policy.ladder_of(stage)
    if ladder is None or not ladder.rungs:
        fix = f"Give the stage {stage.name} a ladder."
        return Element(False, f"nothing is to happen when {stage.name} stalls", ADMIN, fix), None
    # What is asked first is a review, with an owner and a time of its own: it does not stall unheard.
    off = sorted({one.do for one in ladder.rungs if policy.mode(one.do) not in DONE})
    armed = [one for one in ladder.rungs if one.do not in off]
    if not armed:
        fix = f"Switch follow-through on: {', '.join(off)}."
        return Element(False, f"the ladder {ladder.name} is not armed", ADMIN, fix), None
    if all(carrier(policy, one, subject.owner) is None for one in armed):
        fix = "Name somebody in `escalate_to`, or give owners their managers."
        return Element(False, f"nobody is there to carry out {ladder.name}", ADMIN, fix), None
    left = rung_after(policy, ladder, stalls_at, climbed(subject, ladder, stalls_at))
    if left is None:
        return Element(False, f"every rung of {ladder.name} was taken", ADMIN, "See to it yourself."), None
    place, at = left
    return Element(True, f"{ladder.name}: {ladder.rungs[place].do} at {iso(at)}"), left


def rung_after(policy: Policy, ladder: Ladder, stalls_at: Instant, climbed: int) -> tuple[int, Instant] | None:
    """The next rung that is armed, by place, and when it is due; each counts from the one before."""
    at = stalls_at
    for place, rung in enumerate(ladder.rungs):
        at = policy.hours.after(at, rung.after)
        if place >= climbed and policy.mode(rung.do) in DONE:
            return place, at
    return None


def climbed(subject: Subject, ladder: Ladder, stalls_at: Instant) -> int:
    """How many rungs were taken since it stalled; what comes before the last one taken is not made up for."""
    places = range(len(ladder.rungs))
    return max(
        (place + 1 for place in places if rung_name(subject, ladder, place, stalls_at) in subject.taken), default=0
    )


def rung_name(subject: Subject, ladder: Ladder, place: int, stalls_at: Instant) -> str:
    """What a rung is called as a step that is taken once: it holds when the action was due."""
    return f"{RUNG}{subject.record_id} {ladder.name} {place} at {stalls_at}"


def carrier(policy: Policy, rung: Rung, owner: Person | None) -> str | None:
    """Whose a rung is, by address or name, `HUB` where rules of ownership see to it; None where nobody can."""
    if rung.do is Step.REASSIGN and not rung.to:
        return HUB if policy.assignments else policy.escalate_to
    if rung.to in (To.OWNER, ""):
        return owner.reached_at if owner is not None and owner.can_act else policy.escalate_to
    if rung.to == To.MANAGER:
        manager = owner.manager if owner is not None else None
        return manager.reached_at if manager is not None and manager.can_act else policy.escalate_to
    return rung.to


def _next_step(traces: Sequence[Trace], now: Instant) -> Trace | None:
    """The one that comes first and can still be in time; else the latest that is overdue; else one without a time."""
    ahead = [one for one in traces if one.is_ahead(now)]
    timed = [(one.due, one.record_id, one) for one in ahead if one.due is not None]
    coming = [one for one in timed if one[0] > now]
    if coming:
        return min(coming)[2]
    if timed:
        return max(timed)[2]
    return min(ahead, key=lambda one: one.record_id, default=None)


def _entered(subject: Subject) -> Instant:
    """When the present stage began: as a tool says, as the hub saw it, or when the record was made or first held."""
    for name in ("stage_entered_at", None, "engaged_on", "created_at"):
        if name is None and subject.entered_at is not None:
            return subject.entered_at
        value = subject.values.get(name) if name else None
        if isinstance(value, str) and value:
            return from_iso(value if "T" in value else f"{value}T00:00:00Z")
    return subject.held_since


def _waiting(subject: Subject, said: Sequence[Trace], since: Instant, now: Instant) -> Instant | None:
    """Since when they wait for a word of ours: since the stage began, or since theirs that nobody answered."""
    answered = max(_ours(subject, said, now), default=None)
    asked = [one for one in (since, *_theirs(subject, said, now)) if answered is None or one > answered]
    return min(asked, default=None)


class _Answer(NamedTuple):
    """How the stage's first word of ours came."""

    due: Instant
    after: Instant | None
    in_window: bool | None


def _answer(
    policy: Policy, stage: Stage, subject: Subject, said: Sequence[Trace], since: Instant, now: Instant
) -> _Answer:
    due = policy.hours.after(since, _window(stage))
    first = min((at for at in _ours(subject, said, now) if at >= since), default=None)
    if first is None:
        return _Answer(due, None, False if due <= now else None)
    return _Answer(due, policy.hours.between(since, first), first <= due)


def _bound(
    policy: Policy, stage: Stage, step: Trace | None, waits_since: Instant | None, limit: Instant
) -> Instant | None:
    """By when the next step must be due; None where nobody waits for it."""
    if waits_since is None or stage.first is None:
        return None
    if step is not None and step.made is not None and step.made > limit:
        # Set down when the window had passed, it makes good for it if it is as soon as a first one had to be.
        return policy.hours.after(step.made, stage.first.within)
    return limit


def _last(said: Sequence[Trace], since: Instant) -> Instant:
    """When anybody last spoke: from there a next step is owed."""
    return max([since, *(one.at for one in said if one.at is not None)])


def _ours(subject: Subject, said: Sequence[Trace], now: Instant) -> list[Instant]:
    """When we spoke or wrote to them."""
    spoken = [one.at for one in said if one.outbound is not False and one.at is not None]
    return spoken + _moments(subject.values, "last_contacted_at", now)


def _theirs(subject: Subject, said: Sequence[Trace], now: Instant) -> list[Instant]:
    """When they spoke or wrote to us."""
    spoken = [one.at for one in said if one.outbound is False and one.at is not None]
    return spoken + _moments(subject.values, "last_replied_at", now)


def _moments(values: Values, name: str, now: Instant) -> list[Instant]:
    value = values.get(name)
    at = from_iso(value) if isinstance(value, str) and value else None
    return [at] if at is not None and at <= now else []


def _window(stage: Stage) -> Span:
    return stage.first.within if stage.first else _A_DAY


def _turns(traces: Collection[Trace]) -> list[Instant]:
    """The moments at which traces become another thing: due, begun, ended."""
    return [at for one in traces for at in (one.at, one.ends, one.due) if at is not None]


def _name(owner: Person | None) -> str:
    return owner.called if owner is not None and owner.can_act else ADMIN
