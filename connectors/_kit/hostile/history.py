"""Histories: what happens, step by step, drawn from a seed and told in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import NamedTuple

TROUBLES = ("throttled", "unavailable", "lost_answer", "cut", "partial", "garbled", "doubled", "shuffled", "expired")
LIES = ("empty", "half")
"""What a tool may do only once it has been read to its end: a first reading that lies cannot be seen through."""
DEATHS = ("before commit", "after commit", "before call", "after call")
_WEIGHTS = {
    "create": 5, "edit": 6, "sync": 5, "trouble": 3, "kill": 2, "delete": 1, "merge": 0.5, "race": 1.5, "lie": 0.7,
    "deny": 0.7, "rest": 1,
}  # fmt: skip


class Step(NamedTuple):
    """One thing that happens; `place` is 0 for the tool under test, 1 for the one beside it."""

    what: str
    place: int = 0
    who: int = 0
    name: str = ""
    """A field, a trouble or where the hub dies."""
    value: str = ""
    number: int = 1


@dataclass(frozen=True)
class Abilities:
    """What may be drawn for a connector."""

    fields: tuple[str, ...]
    without: frozenset[str] = frozenset()
    """Steps and troubles that make no sense on it."""


@dataclass(frozen=True)
class History:
    """A seed's steps, and the names of the two tools."""

    seed: int
    steps: tuple[Step, ...]
    tools: tuple[str, str] = ("the tool", "memory")

    def without(self, start: int, end: int, /) -> History:
        """The same without some steps."""
        return replace(self, steps=self.steps[:start] + self.steps[end:])

    def __str__(self) -> str:
        """The steps in words, numbered."""
        return "\n".join(f"  {at}. {told(step, self.tools)}" for at, step in enumerate(self.steps, 1))


def told(step: Step, tools: Sequence[str]) -> str:
    """A step in words."""
    where, who = tools[step.place], f"person {step.who}"
    words = {
        "create": f"somebody adds {who} in {where}",
        "edit": f"somebody sets {step.name} of {who} to '{step.value}' in {where}",
        "race": f"between the hub's reading and its next write, {step.name} of {who} becomes '{step.value}' in {where}",
        "delete": f"somebody deletes {who} in {where}",
        "merge": f"somebody merges person {step.number} into {who} in {where}",
        "deny": f"{who} withdraws consent to email in {where}",
        "sync": "the hub syncs",
        "trouble": f"{where} misbehaves: {step.name}, {step.number} times",
        "lie": f"{where} answers a whole reading wrongly: {step.name}",
        "kill": f"the hub is killed at its next '{step.name}' number {step.number}",
        "rest": "the hub syncs until nothing moves",
    }
    return words[step.what]


def draw(seed: int, can: Abilities, tools: tuple[str, str]) -> History:
    """The history of a seed."""
    random = Random(f"hostile {seed}")  # noqa: S311 -- histories must be repeatable, not secret
    weights = {what: weight for what, weight in _WEIGHTS.items() if what not in can.without}
    steps, people = [Step("create", random.randrange(2), 0), Step("create", random.randrange(2), 1), Step("sync")], 2
    for number in range(random.randint(8, 18)):
        what = random.choices(list(weights), list(weights.values()))[0]
        if what == "create":
            people += 1
        step = _step(what, random, can, people, number)
        if step is not None:
            steps.append(step)
    return History(seed, tuple(steps), tools)


def _step(what: str, random: Random, can: Abilities, people: int, number: int) -> Step | None:
    place, who = random.randrange(2), random.randrange(people)
    step: Step | None = Step(what, place, who)
    match what:
        case "create":
            step = Step(what, place, people - 1 if random.random() < 0.8 else who)
        case "edit" | "race":
            step = Step(what, place if what == "edit" else 0, who, random.choice(can.fields), f"Word {number}")
        case "trouble":
            name = random.choice([one for one in TROUBLES if one not in can.without])
            step = Step(what, 0 if random.random() < 0.8 else 1, name=name, number=random.randint(1, 2))
        case "lie":
            step = Step(what, 0, name=random.choice([one for one in LIES if one not in can.without]))
        case "kill":
            step = Step(what, name=random.choice(DEATHS), number=random.randint(1, 6))
        case "merge":
            other = random.randrange(people)
            step = Step(what, 0, who, number=other) if other != who else None
        case "deny":
            step = Step(what, 1, who)
    return step
