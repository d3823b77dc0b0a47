"""Plots: what happens in one simulated history, known before anything runs.

A plot names three tools with their habits and a list of steps. Every step stands alone: one that no longer makes
sense because an earlier one was left out does nothing, so that a failing plot can be cut down to what matters.
`tests.simulation.drawing` draws them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from api.assembly import Text

TOOLS = ("amber", "birch", "coral")

PERSONAL = ("first_name", "last_name", "phone", "job_title", "email")
"""Fields that people edit. `asked` holds who it is, and nobody edits it."""

UNWELCOME = "Unwelcome"
"""A tool that is choosy takes no text with this word in it."""


class Step(NamedTuple):
    """One thing that happens. `tool` is an index into the plot's tools, `who` the number of a person."""

    what: str
    tool: int = 0
    who: int = 0
    """A person's number, or a company's where the step is about one."""
    name: str = ""
    """A field, a switch, or where a crash strikes."""
    value: Any = None
    meanwhile: int = 0
    """What happens before this call of the tool's next turn, instead of now; 0 for now."""


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
    """µs to which its stamps are cut."""
    stamps: bool = True
    deletes_in: str = "unlink"
    deletes_out: str = "unlink"
    batch: int = 100
    cap: int | None = None
    choosy: bool = False
    """Takes no text that is unwelcome."""
    whole_batches: bool = False
    names_blanks: bool = False
    closed: bool = False
    """Describes all its fields, so that what changes of them is seen; else any field may be made up."""
    notices: str = ""
    """What its webhooks hold: `whole` records, `partial` ones, or `ids` only; none where empty."""


@dataclass(frozen=True)
class Plot:
    """A whole history, ready to be played."""

    seed: int
    habits: tuple[Habit, ...]
    preference: bool = False
    """Whether one tool is believed first where edits are equally new; else a person is asked."""
    companies: bool = False
    """Whether the tools hold companies, too."""
    answered: bool = False
    """Whether people answer, in the end, what they were asked."""
    retold: bool = False
    """Whether old news is told again in the end, in any order."""
    asks: bool = False
    """Whether a person is always asked which job title is right."""
    follows: bool = False
    """Whether the hub follows through by a policy (`tests.simulation.owed`)."""
    steps: tuple[Step, ...] = field(default=())

    def without(self, start: int, end: int) -> Plot:
        """The plot with some steps left out."""
        return replace(self, steps=self.steps[:start] + self.steps[end:])

    def __str__(self) -> str:
        """For people who look for what went wrong."""
        named = ("preference", "companies", "answered", "retold", "asks", "follows")
        chosen = [name for name in named if getattr(self, name)]
        lines = [f"seed {self.seed}, with {', '.join(chosen) or 'nothing special'}"]
        lines += [f"  {name}: {_unusual(habit)}" for name, habit in zip(TOOLS, self.habits, strict=True)]
        return "\n".join([*lines, *(f"  {number}. {told(step)}" for number, step in enumerate(self.steps))])


def rules_of(plot: Plot, chosen: Mapping[str, str]) -> Text | None:
    """The rules of a plot, with those that are chosen for fields of contacts."""
    lines = ["preference: [birch, amber, coral]"] if plot.preference else []
    lines += ["contact:", *(f"  {name}: {rule}" for name, rule in chosen.items())] if chosen else []
    return Text("\n".join(lines) + "\n", "rules.yaml") if lines else None


def _unusual(habit: Habit) -> str:
    usual = Habit()
    found = [f"{name}={value!r}" for name, value in vars(habit).items() if value != getattr(usual, name)]
    return ", ".join(found) or "nothing unusual"


_TOLD = {
    "create": "in {tool} somebody adds person {who}: {value}",
    "edit": "in {tool} somebody sets {name} of person {who} to {value!r}",
    "tag": "in {tool} somebody adds the tag {value!r} to person {who}",
    "untag": "in {tool} somebody takes the tag {value} (the first one where none is named) from person {who}",
    "delete": "in {tool} somebody deletes person {who}",
    "recreate": "in {tool} somebody deletes person {who} and types it in again (the same id: {value})",
    "merge": "in {tool} somebody merges person {value} into person {who}",
    "copy": "in {tool} somebody types in person {who} by the address that stands",
    "alias": "in {tool} somebody adds person {who} without an address, with the phone and family name of {value}",
    "found": "in {tool} somebody adds company {who}: {value}",
    "rename": "in {tool} somebody calls company {who} {value!r}",
    "employ": "in {tool} somebody says that person {who} works for company {value}",
    "dissolve": "in {tool} somebody deletes company {who}",
    "purge": "in {tool} somebody deletes nearly everybody",
    "say": "in the hub somebody sets {name} of person {who} to {value!r}",
    "turn": "the turn of {tool}",
    "read": "{tool} is read",
    "write": "{tool} is written",
    "aside": "in the turn of {tool} another worker takes the turn of {other}{slowly}",
    "wait": "{value} µs pass",
    "trouble": "{tool} will be {name} {value} times",
    "crash": "the hub is killed {name} {value} from here",
    "reconcile": "{tool} is reconciled",
    "forget": "what waits for {tool} in the outbox is lost",
    "post": "what {tool} had to tell by webhook arrives, {name}",
    "hide": "{tool} hides {name}",
    "retype": "{tool} takes whole numbers only as {name}",
    "restore": "{tool} has all its fields again",
    "tick": "somebody looks what questions are late{together}",
    "erase": "person {who} asks to be erased{writing}",
    "unsay": "in the hub the last word about person {who} is taken back",
    "sign out": "the token for {tool} ends",
    "sign in": "somebody signs in to {tool}",
    "follow": "the hub looks what is owed to whom, and follows through{together}",
    "undo": "somebody undoes what the hub did when it last followed through",
    "hire": "in {tool} somebody adds member {who} of the staff",
    "staff": "in {tool} somebody says that member {who} of the staff is there: {value}",
    "own": "in {tool} somebody gives person {who} to member {value} of the staff",
    "finish": "in {tool} somebody does a task about person {who}",
    "move": "in {tool} somebody moves a task about person {who} by {value} µs",
    "drop": "in {tool} somebody deletes a task about person {who}",
    "miss": "in {tool} somebody notes that nobody answered when person {who} called",
}


def told(step: Step) -> str:
    """A step in words."""
    when = f", before call {step.meanwhile} of its next turn" if step.meanwhile else ""
    other = TOOLS[step.value] if step.what == "aside" else ""
    slowly = ", while the first is frozen for minutes with an answer in its hands" if step.name == "frozen" else ""
    together = f", and another worker just before its write {step.value}" if step.name == "together" else ""
    writing = f", just as {TOOLS[step.tool]} is written" if step.name == "in writing" else ""
    words = _TOLD[step.what].format(
        tool=TOOLS[step.tool], who=step.who, name=step.name, value=step.value, other=other, slowly=slowly,
        together=together, writing=writing,
    )  # fmt: skip
    return words + when
