"""Pipeline reality: what a stage claims, held against what the tools show. Pure.

Two things can be wrong: a stage claims what nothing shows (*Booked* without a meeting), or something is shown that a
later stage stands for (money came in, and the deal is still open). Each comes with the one act that mends it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from core.decide.movement.policy import EVIDENCE, MOVING, Policy, Stage
from core.decide.movement.subject import Subject
from core.decide.movement.traces import Shown, evidence_of
from core.model.instant import Instant
from core.model.values import Json

CLAIM, EVIDENCE_ALONE = "claim", "evidence"
MENDED = "mend "
"""What the names of steps begin with by which a person has mended a finding."""


class Finding(NamedTuple):
    """One thing that does not fit together."""

    what: str
    """`claim`: the stage claims what nothing shows. `evidence`: something is shown, and the stage does not say so."""
    stage: str
    """The stage it is about: the present one, or the later one that is shown."""
    word: str
    """Of `EVIDENCE`: what is missing (`a or b` where either would do), or what is there."""
    because: str
    """In a sentence."""
    shown_by: int | None
    """The record that shows it."""
    move: Mapping[str, Json]
    """What to say of the record to mend it; empty: open a task for its owner instead."""
    task: str
    """The subject of that task."""


def findings(policy: Policy, subject: Subject, now: Instant) -> list[Finding]:
    """What does not fit together about a record, open or closed."""
    stage = policy.place_of(subject.kind, subject.values)
    if stage is None:
        return []
    shown = evidence_of(subject.values, subject.traces, now)
    found = [] if _bears(stage, subject, shown) else [_unshown(policy, subject, stage, shown)]
    later = _further(policy, subject, stage, shown)
    return found + ([later] if later is not None else [])


def _bears(stage: Stage, subject: Subject, shown: Mapping[str, list[Shown]]) -> bool:
    """Whether a stage may be claimed of a record, by what is shown."""
    every = [one for word in stage.evidence for one in shown.get(word, ())]
    said_by = subject.said_by or {}
    movers = {source for test in stage.when.tests if test.field in MOVING for source in said_by.get(test.field, ())}
    if not stage.others_only or not stage.evidence or not movers:
        return bool(every) or not stage.evidence
    # Who says so, and what shows it, must not be of one and the same tool alone.
    sources = [{one.trace.source} if one.trace is not None else said_by.get(one.field, frozenset()) for one in every]
    return any(len(movers | some) > 1 for some in sources)


def _unshown(policy: Policy, subject: Subject, stage: Stage, shown: Mapping[str, list[Shown]]) -> Finding:
    """The stage claims what nothing shows: back to the last stage before it that is shown, or one asks its owner."""
    word = " or ".join(stage.evidence)
    missing = ", or that ".join(EVIDENCE[one] for one in stage.evidence)
    way = [one for one in _way(policy, subject) if one.open]
    # What is closed is not opened again by a click: somebody looks why nothing shows it.
    before = way[: way.index(stage)] if stage in way else []
    fitting = [one for one in before if _bears(one, subject, shown)]
    move = fitting[-1].moves(subject.values) if fitting else {}
    task = f"Is it {stage.name}? Nothing shows it"
    who = "no tool but the one that says so" if stage.others_only else "no tool"
    return Finding(CLAIM, stage.name, word, f"It is {stage.name}, and {who} shows that {missing}.", None, move, task)


def _further(policy: Policy, subject: Subject, stage: Stage, shown: Mapping[str, list[Shown]]) -> Finding | None:
    """The furthest later stage of its way whose evidence is there, though no tool says so."""
    way = _way(policy, subject)
    later = way[way.index(stage) + 1 :] if stage in way else []
    for one in reversed(later):
        # What the present stage rests on itself speaks for no other.
        words = [word for word in one.evidence if word in shown and word not in stage.evidence]
        if words:
            trace = shown[words[0]][0].trace
            because = f"It is {stage.name}, yet {EVIDENCE[words[0]]}."
            if trace is not None and trace.title:
                because = f"{because[:-1]} ({trace.title})."
            task = f"{stage.name}, yet {words[0]}: is it {one.name}?"
            return Finding(
                EVIDENCE_ALONE,
                one.name,
                words[0],
                because,
                trace.record_id if trace else None,
                one.moves(subject.values),
                task,
            )
    return None


def _way(policy: Policy, subject: Subject) -> list[Stage]:
    """The stages of the record's own way, in the order of the policy."""
    return [one for one in policy.stages if one.kind == subject.kind and one.suits(subject.values)]
