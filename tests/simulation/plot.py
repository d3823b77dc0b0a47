"""Plots: what happens in one simulated history, drawn from a seed before anything runs.

A plot names three tools with their habits and a list of steps. Every step stands alone: one that no longer makes
sense because an earlier one was left out does nothing, so that a failing plot can be cut down to what matters.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, NamedTuple

from connectors._kit.mischief import Switch
from core.model.instant import HOUR, SECOND

TOOLS = ("amber", "birch", "coral")

PERSONAL = ("first_name", "last_name", "phone", "job_title", "email")
"""Fields that people edit. `asked` holds who it is, and nobody edits it."""

TROUBLE = (
    Switch.THROTTLED,
    Switch.UNAVAILABLE,
    Switch.LOST_ANSWER,
    Switch.CUT,
    Switch.PARTIAL,
    Switch.GARBLED,
    Switch.LAGGING,
    Switch.LATE,
    Switch.TIED,
    Switch.DOUBLED,
    Switch.SHUFFLED,
    Switch.EXPIRED,
    Switch.EMPTY,
)


class Step(NamedTuple):
    """One thing that happens. `tool` is an index into the plot's tools, `who` the number of a person."""

    what: str
    tool: int = 0
    who: int = 0
    name: str = ""
    """A field, a switch, or where a crash strikes."""
    value: Any = None
    meanwhile: int = 0
    """A person's edit that happens before this call of the tool's next turn, instead of now; 0 for now."""


@dataclass(frozen=True)
class Habit:
    """How one of the tools is."""

    mode: str = "token"
    answers: str = "whole"
    versions: bool = True
    idempotent: bool = True
    spellings: str = ""
    skew: int = 0
    """µs."""
    resolution: int = 1
    deletes_in: str = "unlink"
    deletes_out: str = "unlink"


@dataclass(frozen=True)
class Plot:
    """A whole history, ready to be played."""

    seed: int
    habits: tuple[Habit, ...]
    preference: bool = False
    """Whether one tool is believed first where edits are equally new; else a person is asked."""
    steps: tuple[Step, ...] = field(default=())

    def without(self, start: int, end: int) -> Plot:
        """The plot with some steps left out."""
        return replace(self, steps=self.steps[:start] + self.steps[end:])

    def __str__(self) -> str:
        """For people who look for what went wrong."""
        lines = [f"seed {self.seed}, preference: {self.preference}"]
        lines += [f"  {name}: {habit}" for name, habit in zip(TOOLS, self.habits, strict=True)]
        return "\n".join([*lines, *(f"  {number}. {told(step)}" for number, step in enumerate(self.steps))])


def told(step: Step) -> str:
    """A step in words."""
    tool = TOOLS[step.tool]
    when = f", before call {step.meanwhile} of its next turn" if step.meanwhile else ""
    return {
        "create": f"in {tool} somebody adds person {step.who}: {step.value}",
        "edit": f"in {tool} somebody sets {step.name} of person {step.who} to {step.value!r}",
        "delete": f"in {tool} somebody deletes person {step.who}",
        "recreate": f"in {tool} somebody deletes person {step.who} and types it in again",
        "merge": f"in {tool} somebody merges person {step.value} into person {step.who}",
        "turn": f"the turn of {tool}",
        "wait": f"{step.value} µs pass",
        "trouble": f"{tool} will be {step.name} {step.value} times",
        "crash": f"the hub is killed {step.name} {step.value} from here",
        "reconcile": f"{tool} is reconciled",
    }[step.what] + when


LENGTHS = (8, 12, 16, 24)
"""Most that goes wrong does so in a handful of steps; some needs more."""


def plot(seed: int) -> Plot:
    """The plot of a seed."""
    random = Random(seed)
    length = random.choice(LENGTHS)
    habits = tuple(_habit(random) for _ in TOOLS)
    writer = _Writer(random)
    steps = tuple(writer.opening()) + tuple(writer.step() for _ in range(length))
    return Plot(seed, habits, random.random() < 0.5, steps)


def _habit(random: Random) -> Habit:
    versions = random.random() < 0.8
    return Habit(
        mode=random.choice(("token", "token", "stamp", "listing")),
        answers=random.choice(("whole", "whole", "written", "nothing")),
        versions=versions,
        idempotent=random.random() < 0.6,
        spellings=random.choice(("", "", "phone: phone", "last_name: upper", "job_title: truncate 6")),
        skew=random.choice((0, 0, SECOND, -SECOND, 2 * HOUR, -HOUR)),
        resolution=random.choice((1, 1, SECOND)),
        deletes_in=random.choice(("unlink", "propagate", "propagate", "ignore", "archive", "ask")),
        deletes_out=random.choice(("unlink", "propagate", "propagate")),
    )


class _Writer:
    """Draws steps; every value it invents is new, so that it can be told apart later."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.people = random.randint(3, 7)
        self.number = 0

    def opening(self) -> list[Step]:
        """People are there before the hub comes, some of them in several tools, with differing values."""
        return [
            self._create(tool, who)
            for who in range(self.people)
            for tool in self.random.sample(range(len(TOOLS)), self.random.choice((1, 1, 2, 3)))
        ]

    def step(self) -> Step:
        """The next thing that happens."""
        chances = {
            self._turn: 34,
            self._edit: 24,
            self._wait: 12,
            self._trouble: 12,
            self._crash: 6,
            self._delete: 3,
            self._recreate: 2,
            self._newcomer: 4,
            self._merge: 1,
            self._reconcile: 2,
        }
        (draw,) = self.random.choices(list(chances), weights=list(chances.values()))
        return draw()

    def _new(self) -> int:
        self.number += 1
        return self.number

    def _tool(self) -> int:
        return self.random.randrange(len(TOOLS))

    def _who(self) -> int:
        return self.random.randrange(self.people)

    def _value(self, name: str, who: int) -> str:
        number = self._new()
        if name == "phone":
            return f"+44 7700 9{number:05d}"
        if name == "email":
            return f"person{who}.{number}@shore.example"
        return f"{'abcdefgh'[number % 8]}{number:03d} {name.partition('_')[0]}".title()

    def _create(self, tool: int, who: int) -> Step:
        fields = {"asked": f"person {who}", "email": f"person{who}@shore.example"}
        for name in ("first_name", "phone", "job_title"):
            if self.random.random() < 0.6:
                fields[name] = self._value(name, who)
        if self.random.random() < 0.6:
            fields["last_name"] = f"Shore{who}"
        return Step("create", tool, who, value=fields)

    def _newcomer(self) -> Step:
        self.people += 1
        return self._create(self._tool(), self.people - 1)

    def _turn(self) -> Step:
        return Step("turn", self._tool())

    def _edit(self) -> Step:
        who = self._who()
        name = self.random.choices(PERSONAL, weights=(5, 5, 5, 5, 1))[0]
        clears = name != "email" and self.random.random() < 0.1
        value = None if clears else self._value(name, who)
        meanwhile = self.random.randint(1, 5) if self.random.random() < 0.2 else 0
        return Step("edit", self._tool(), who, name, value, meanwhile)

    def _wait(self) -> Step:
        return Step("wait", value=int(self.random.choice((0.5, 1, 3, 10, 60, 600, 2_000)) * SECOND))

    def _trouble(self) -> Step:
        return Step("trouble", self._tool(), name=str(self.random.choice(TROUBLE)), value=self.random.choice((1, 1, 2)))

    def _crash(self) -> Step:
        place = self.random.choice(("before commit", "after commit", "before call", "after call"))
        return Step("crash", name=place, value=self.random.randint(1, 9))

    def _delete(self) -> Step:
        return Step("delete", self._tool(), self._who(), meanwhile=self.random.choice((0, 0, 3)))

    def _recreate(self) -> Step:
        return Step("recreate", self._tool(), self._who())

    def _merge(self) -> Step:
        who, other = self.random.sample(range(self.people), 2)
        return Step("merge", self._tool(), who, value=other)

    def _reconcile(self) -> Step:
        return Step("reconcile", self._tool())
