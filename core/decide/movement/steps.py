"""Steps: what follow-through has to do about a record now, each named so that it can be done once only. Pure.

    somebody asked ▶ acknowledge     nobody owns it ▶ assign     no next step, or something handed off ▶ task
    the step stalls ▶ the ladder, rung by rung          quiet, or won ▶ touch

A step's name holds what it answers: the stage and when it began, the missed call, the rung and when the action was
due. So the same step is never taken twice for one occasion, and taken again for the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from core.decide.movement.audit import Verdict, carrier, judge, rung_name
from core.decide.movement.policy import DONE, FirstAction, HandOff, Mode, Policy, Step, Touch
from core.decide.movement.subject import Subject, filled
from core.decide.movement.traces import ACKNOWLEDGEMENT, REMINDER, Trace
from core.model.instant import DAY, Instant, from_iso
from core.model.values import Values

IN_TALKS = 14 * DAY
"""Whoever heard from us within this time is in talks with us: what they write then is no request to be confirmed."""


class Deed(NamedTuple):
    """One step that is due."""

    name: str
    """The same for the same occasion, whoever works it out."""
    step: Step
    mode: Mode
    record_id: int
    say: str = ""
    """Subject of the task or mail."""
    type: str = "task"
    """A type of activity."""
    due_at: Instant | None = None
    """By when it is to be done; after it a mail is not sent any more."""
    to: str | None = None
    """An address or a name; None for the record's owner."""
    rung: int | None = None
    """Its place in the ladder."""
    on: str = ""
    """What it answers, in the policy's own words: a stage, a hand-off, a ladder."""

    @property
    def title(self) -> str:
        """What it is called where several are listed; two of one record differ, unless they are for the same thing."""
        return f"{self.step} {self.on}".strip()


def due_steps(policy: Policy, subject: Subject, now: Instant) -> list[Deed]:
    """What is to be done about a record now, but for what was taken already; nothing whose mode is `off`."""
    return steps_by(policy, subject, judge(policy, subject, now), now)


def steps_by(policy: Policy, subject: Subject, verdict: Verdict | None, now: Instant) -> list[Deed]:
    """The same, where it was judged already."""
    every = [*_asked(policy, subject, now)]
    every += _opening(policy, subject, verdict, now) if verdict is not None else []
    every += _handed_off(policy, subject, now)
    every += _touches(policy, subject, now)
    return [one for one in every if one.mode is not Mode.OFF and one.name not in subject.taken]


def wakes_at(policy: Policy, subject: Subject, now: Instant) -> Instant | None:
    """The next moment at which the clock alone asks for a hand-off or a touch; None for never."""
    moments = [
        at for trace in subject.traces for one in policy.hand_offs if (at := _hands_off(one, trace, subject, now))
    ]
    moments += [begins + one.after for one, begins, _ in _occasions(policy, subject, now)]
    return min((at for at in moments if at > now), default=None)


def moot_reminders(policy: Policy, subject: Subject, now: Instant) -> list[int]:
    """The hub's reminders that remind of nothing: the next step is there and in time, or the record is closed."""
    ours = (one for one in subject.traces if one.record_id in subject.made)
    waiting = [one.record_id for one in ours if one.has_tag(REMINDER) and not one.done]
    verdict = judge(policy, subject, now) if waiting else None
    return waiting if verdict is None or (verdict.action.ok and verdict.timing.ok) else []


def _asked(policy: Policy, subject: Subject, now: Instant) -> Iterator[Deed]:
    """What somebody who asked for something is told at once, unless we are in talks with them."""
    fits = (one for one in policy.acknowledgements if one.kind == subject.kind and one.when.holds(subject.values))
    rule = next(fits, None)
    asked_at = asked_last(subject, now) if rule is not None else None
    if rule is None or asked_at is None or asked_at + rule.within <= now:
        return
    ours = [one for one in subject.traces if one.was_said(now) and one.outbound is not False]
    told = [one for one in subject.traces if one.has_tag(ACKNOWLEDGEMENT)]
    if _since(ours, asked_at - IN_TALKS) or _since(told, asked_at - rule.within):
        return
    yield Deed(
        f"acknowledge {subject.record_id} of {asked_at}",
        Step.ACKNOWLEDGE,
        policy.mode(Step.ACKNOWLEDGE),
        subject.record_id,
        filled(rule.subject, subject, rule.name),
        "email",
        asked_at + rule.within,
        on=rule.name,
    )


def asked_last(subject: Subject, now: Instant) -> Instant | None:
    """When they last asked for something: by a form or a message, or as they were put down with what they want."""
    by_word = [one.at for one in subject.traces if one.kind == "activity" and one.outbound is False]
    moments = [at for at in by_word if at is not None and at <= now]
    if subject.values.get("asked"):
        moments.append(_moment(subject.values, "created_at") or subject.held_since)
    return max(moments, default=None)


def _since(traces: Iterable[Trace], moment: Instant) -> bool:
    return any(one.at is not None and one.at >= moment for one in traces)


def _opening(policy: Policy, subject: Subject, verdict: Verdict, now: Instant) -> Iterator[Deed]:
    """What an open record asks for: somebody, a next step, and what happens when that stalls."""
    stage, id_ = verdict.stage, subject.record_id
    if not verdict.owner.ok:
        gone = subject.owner.record_id if subject.owner is not None else 0
        yield Deed(f"assign {id_} from {gone} in {verdict.since}", Step.ASSIGN, policy.mode(Step.ASSIGN), id_)
    owed_since = verdict.waits_since if verdict.waits_since is not None else verdict.since
    if stage.first is not None and not verdict.action.ok:
        due_at = policy.hours.after(
            max(owed_since, now) if verdict.stalls_at <= now else owed_since, stage.first.within
        )
        name = f"task {id_} {stage.name} since {owed_since}"
        task = _task(policy, subject, stage.first, name, stage.name, due_at)
        yield task
        if task.mode in DONE and task.name not in subject.taken:
            # Nobody is reminded of what is only now set down.
            return
    if verdict.next_rung is not None and verdict.next_rung[1] <= now:
        place, _ = verdict.next_rung
        ladder = policy.ladder_of(stage)
        if ladder is not None:
            rung = ladder.rungs[place]
            name = rung_name(subject, ladder, place, verdict.stalls_at)
            to = carrier(policy, rung, subject.owner)
            say = filled(rung.say or f"{{name}}: {rung.do}", subject, stage.name)
            yield Deed(name, rung.do, policy.mode(rung.do), id_, say, due_at=now, to=to, rung=place, on=ladder.name)


def _handed_off(policy: Policy, subject: Subject, now: Instant) -> Iterator[Deed]:
    """What somebody is owed since something happened: a missed call, an estimate that nobody answered."""
    for trace in subject.traces:
        for one in policy.hand_offs:
            begins = _hands_off(one, trace, subject, now)
            if begins is not None and begins <= now:
                due_at = policy.hours.after(begins, one.first.within)
                name = f"hand-off {subject.record_id} {one.name} of {trace.record_id}"
                yield _task(policy, subject, one.first, name, one.name, max(due_at, now))


def _hands_off(one: HandOff, trace: Trace, subject: Subject, now: Instant) -> Instant | None:
    """Since when this asks for its first action; None where it does not, or was answered."""
    if one.kind != trace.kind or trace.values is None or not one.when.holds(trace.values):
        return None
    happened = trace.at if trace.at is not None else trace.made
    if happened is None or happened > now:
        return None
    later = [at for other in subject.traces if other.was_said(now) and (at := other.at) is not None and at > happened]
    if later or any(other.is_ahead(now) and (other.made or 0) > happened for other in subject.traces):
        return None
    return happened + (one.quiet or 0)


def _touches(policy: Policy, subject: Subject, now: Instant) -> Iterator[Deed]:
    """What is due after a sale, or after long quiet."""
    for one, begins, step in _occasions(policy, subject, now):
        if begins + one.after <= now:
            due_at = policy.hours.after(now, one.first.within)
            name = f"touch {subject.record_id} {one.name} since {begins}"
            yield _task(policy, subject, one.first, name, one.name, due_at)._replace(step=step, mode=policy.mode(step))


def _occasions(policy: Policy, subject: Subject, now: Instant) -> Iterator[tuple[Touch, Instant, Step]]:
    """(touch, since when it counts, the step it is) for those that a record fits."""
    closed_at = _moment(subject.values, "closed_at")
    if closed_at is not None:
        for one in policy.after_sale:
            if one.kind == subject.kind and one.when.holds(subject.values):
                yield one, closed_at, Step.TASK
    for one in policy.reactivate:
        if one.kind == subject.kind and one.when.holds(subject.values):
            yield one, _last_spoken(subject, now), Step.REACTIVATE


def _last_spoken(subject: Subject, now: Instant) -> Instant:
    spoken = [at for trace in subject.traces if trace.was_said(now) and (at := trace.at) is not None]
    spoken += [at for name in ("last_contacted_at", "last_replied_at") if (at := _moment(subject.values, name))]
    return max(spoken, default=_moment(subject.values, "created_at") or subject.held_since)


def _task(policy: Policy, subject: Subject, first: FirstAction, name: str, stage: str, due_at: Instant) -> Deed:
    say = filled(first.say, subject, stage)
    return Deed(name, Step.TASK, policy.mode(Step.TASK), subject.record_id, say, first.type, due_at, on=stage)


def _moment(values: Values, name: str) -> Instant | None:
    value = values.get(name)
    return from_iso(value) if isinstance(value, str) and value else None
