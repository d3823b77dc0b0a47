"""What plots from `FOLLOWING` on have besides: a policy by which the hub follows through, and people who work by it.

Everything a step sets down says whom it is about (`asked` holds who somebody is), so that the laws find it in any tool.
Drawn with dice of its own, so that a seed keeps what it told before.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from core.decide.movement.hours import Span
from core.decide.movement.policy import (
    Assignment,
    FirstAction,
    HandOff,
    Ladder,
    Mode,
    Policy,
    Rung,
    Stage,
    To,
    Touch,
)
from core.decide.movement.policy import Step as Act
from core.mapping.filter import Filter, filter_of
from core.model.instant import HOUR, MINUTE
from core.model.locale import Locale
from core.model.shapes import SHAPES
from tests.simulation.plot import TOOLS, Step

Scene = list[Step]

OWNERS = """
owners:
  as: owner
  fields:
    name: {field: name}
    email: {field: email}
    active: {field: active}
"""

OWNED = """    lifecycle_stage: {field: stage}
    owner: {field: owner_id, ref: owner}
"""
"""Lines of contacts."""

ACTIVITIES = """
activities:
  as: activity
  fields:
    type: {field: type}
    subject: {field: subject}
    due_at: {field: due_at}
    starts_at: {field: starts_at}
    done: {field: done}
    contacts: {field: contact_ids, ref: contact}
    owner: {field: owner_id, ref: owner}
"""

FOLLOWING = 10_000_000_000
"""Seeds from this one on have a policy; those before tell what they always told."""

MISSED = "Missed call"
SAYS = ("Call", "Remind of", "Escalate", "Ring back", "Greet")
"""With which words the steps' activities begin; whom they are about comes after them."""

LADDER_LASTS = 90 * MINUTE
"""From the moment at which something stalls until its last rung."""
LONGEST = 6 * HOUR
"""Within this much time each step falls due that a record can still ask for, if nobody does anything."""


def staff(number: int) -> str:
    """The address of one of those who own records."""
    return f"staff{number}@works.example"


def _fits(kind: str, **said: Any) -> Filter:
    found = filter_of(said, SHAPES[kind], Locale(), where="simulation")
    assert found is not None
    return found


POLICY = Policy(
    mark="simulation",
    stages=(
        Stage(
            "lead",
            "contact",
            _fits("contact", lifecycle_stage="lead"),
            "They asked.",
            "captured",
            first=FirstAction("Call {asked}", Span(minutes=20)),
        ),
    ),
    ladders={
        "usual": Ladder(
            "usual",
            (
                Rung(Span(minutes=20), Act.REMIND, To.OWNER, "Remind of {asked}"),
                Rung(Span(minutes=30), Act.ESCALATE, To.MANAGER, "Escalate {asked}"),
                Rung(Span(minutes=40), Act.REASSIGN, ""),
            ),
        )
    },
    ladder="usual",
    hand_offs=(
        HandOff(
            "missed call",
            "activity",
            _fits("activity", type="call", subject=MISSED),
            None,
            FirstAction("Ring back {asked}", Span(minutes=15)),
        ),
    ),
    assignments=(Assignment("anybody", "contact", Filter(())),),
    reactivate=(
        Touch(
            "quiet",
            "contact",
            _fits("contact", lifecycle_stage="customer"),
            2 * HOUR,
            FirstAction("Greet {asked}", Span(minutes=30)),
        ),
    ),
    modes=dict.fromkeys((Act.ASSIGN, Act.TASK, Act.REMIND, Act.ESCALATE, Act.REASSIGN, Act.REACTIVATE), Mode.ACT),
    escalate_to=staff(0),
)


class Owed:
    """Adds what is owed to some people, and those who owe it."""

    def __init__(self, seed: int, people: int) -> None:
        """`people` are there."""
        self.random = Random(f"{seed} follow-through")
        self.follows = seed >= FOLLOWING
        self.people = people
        self.staff = self.random.choice((2, 3, 3))
        self.number = 0

    def opening(self, steps: Sequence[Step]) -> Scene:
        """Those who own records, and how far those people have come who were there before the hub."""
        if not self.follows:
            return list(steps)
        hired = [
            Step("hire", tool, who, value={"name": f"Staff{who}", "email": staff(who), "active": True})
            for who in range(self.staff)
            for tool in range(len(TOOLS))
        ]
        stages = {who: self.random.choice(("lead", "lead", "lead", "customer", "other")) for who in range(self.people)}
        return hired + [
            replace_value(step, stage=stages[step.who]) if step.what == "create" and step.who in stages else step
            for step in steps
        ]

    def among(self, scenes: Sequence[Scene]) -> list[Scene]:
        """The scenes, with others put among them."""
        if not self.follows:
            return list(scenes)
        found = [[*self._turns(), self._follow()], *scenes]
        for _ in range(self.random.choice((2, 3, 3, 4))):
            scene = self.random.choice(
                (
                    self._later,
                    self._later,
                    self._killed,
                    self._killed,
                    self._beside,
                    self._task,
                    self._task,
                    self._back,
                    self._leaves,
                    self._missed,
                    self._owned,
                    self._taken_back,
                )
            )
            found.insert(self.random.randint(1, len(found)), scene())
        return found

    # --- what scenes are made of

    def _who(self) -> int:
        return self.random.randrange(self.people)

    def _tool(self) -> int:
        return self.random.randrange(len(TOOLS))

    def _turns(self) -> Scene:
        """The turns of all tools: what is known somewhere is known everywhere."""
        return [Step("turn", tool) for tool in range(len(TOOLS))]

    def _heard(self, tool: int) -> Scene:
        """A tool is read, and the hub looks what follows from that."""
        return [Step("turn", tool), self._follow()]

    def _follow(self) -> Step:
        if self.random.random() < 0.25:
            return Step("follow", name="together", value=self.random.randint(1, 8))
        return Step("follow")

    def _wait(self) -> Step:
        return Step("wait", value=self.random.randint(10, 60) * MINUTE)

    # --- scenes

    def _later(self) -> Scene:
        """Time goes by, and what is due by then is done."""
        scene = [self._wait(), self._follow()]
        return [*scene, *self._turns()] if self.random.random() < 0.5 else scene

    def _killed(self) -> Scene:
        """The hub is killed while it follows through, and looks again."""
        place = self.random.choice(("before commit", "after commit", "after commit"))
        crash = Step("crash", name=place, value=self.random.randint(1, 7))
        scene = [crash, self._follow(), Step("follow")]
        if self.random.random() < 0.6:
            return [self._wait(), *scene]
        tool = self._tool()
        return [Step("edit", tool, self._who(), "stage", "lead"), Step("turn", tool), *scene]

    def _beside(self) -> Scene:
        """Another worker follows through in the middle of a tool's turn."""
        tool = self._tool()
        return [self._wait(), Step("follow", tool, meanwhile=self.random.randint(1, 6)), Step("turn", tool)]

    def _task(self) -> Scene:
        """Somebody does a task, moves it, or throws it away."""
        tool, what = self._tool(), self.random.choice(("finish", "finish", "move", "move", "drop"))
        step = Step(what, tool, self._who(), value=self.random.randint(30, 120) * MINUTE)
        scene = [*self._turns(), step, *self._heard(tool)]
        return [*scene, self._wait(), self._follow()] if self.random.random() < 0.5 else scene

    def _back(self) -> Scene:
        """A lead is done with, and is a lead again later."""
        tool, who = self._tool(), self._who()
        away, lead = (Step("edit", tool, who, "stage", stage) for stage in ("other", "lead"))
        return [
            *self._turns(),
            Step("finish", tool, who),
            away,
            *self._heard(tool),
            self._wait(),
            lead,
            *self._heard(tool),
        ]

    def _leaves(self) -> Scene:
        """One of those who own records leaves, or comes back."""
        tool, who = self._tool(), self.random.randrange(self.staff)
        scene = [Step("staff", tool, who, value=False), *self._heard(tool)]
        if self.random.random() < 0.5:
            scene += [self._wait(), Step("staff", tool, who, value=True), *self._heard(tool)]
        return scene

    def _missed(self) -> Scene:
        """Somebody calls, and nobody is there."""
        tool = self._tool()
        return [Step("miss", tool, self._who()), *self._heard(tool)]

    def _owned(self) -> Scene:
        """Somebody is given to somebody by a person."""
        tool = self._tool()
        return [Step("own", tool, self._who(), value=self.random.randrange(self.staff)), *self._heard(tool)]

    def _taken_back(self) -> Scene:
        """A person undoes what the hub did by itself."""
        return [self._wait(), self._follow(), *self._turns(), Step("undo"), *self._turns(), self._follow()]


def replace_value(step: Step, **more: Any) -> Step:
    """A step that sets more fields."""
    return step._replace(value={**step.value, **more})
