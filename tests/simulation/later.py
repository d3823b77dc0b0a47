"""Drawn later: what plots have learnt since, with dice of its own, so that a seed keeps what it told before.

Questions fall due while days go by, a word in the hub is taken back, a tool says which fields it has, and somebody
asks to be erased.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Protocol

from core.model.instant import DAY, HOUR
from tests.simulation.plot import TOOLS, Habit, Step

Scene = list[Step]

DAYS = (1, 3, 3, 5, 9, 16, 31)
"""Days that go by until somebody looks again: questions are due after two or seven, defaults after 14 or 30."""


class Writer(Protocol):
    """What is asked of whoever draws the rest."""

    people: int

    def _value(self, name: str, who: int) -> str: ...


class Later:
    """Adds scenes to those that are drawn."""

    def __init__(self, seed: int, themes: frozenset[str], writer: Writer) -> None:
        self.random = Random(f"{seed} later")
        self.writer = writer
        self.waits = self.random.random() < 0.25
        self.asks = self.waits and self.random.random() < 0.4
        self._unsays = "hub" in themes and self.random.random() < 0.7
        self._closed = "long trouble" in themes and self.random.random() < 0.7

        # Its own dice again: the stories of before must not change.
        self.dice = Random(f"{seed} erasures")
        self._erases = self.dice.random() < 0.15

    def habit(self, one: Habit) -> Habit:
        """The habit of a tool, which may describe all its fields."""
        return replace(one, closed=self._closed and self.random.random() < 0.7)

    def among(self, scenes: Sequence[Scene]) -> list[Scene]:
        """The scenes, with others put among them."""
        found = list(scenes)
        if self.waits:
            for _ in range(self.random.choice((1, 2, 3))):
                found.insert(self.random.randint(0, len(found)), self._late())
        if self._unsays:
            for _ in range(self.random.choice((1, 1, 2))):
                found.insert(self.random.randint(0, len(found)), self._unsaid())
        if self._erases:
            for _ in range(self.dice.choice((1, 1, 2))):
                found.insert(self.dice.randint(0, len(found)), self._erased())
        return found

    def _late(self) -> Scene:
        """Days go by, and what is late is seen to; the hub may be killed over it, or two may look at once."""
        wait = Step("wait", value=self.random.choice(DAYS) * DAY + self.random.randrange(6) * HOUR)
        tick = Step("tick")
        if self.random.random() < 0.3:
            tick = tick._replace(name="together", value=self.random.randint(1, 4))
        scene = [wait, tick, Step("wait", value=HOUR), Step("tick")]
        if self.random.random() < 0.3:
            place = self.random.choice(("before commit", "after commit"))
            scene.insert(1, Step("crash", name=place, value=self.random.randint(1, 6)))
        if self.random.random() < 0.5:
            # Whatever is a question is one before.
            scene = [*(Step("turn", tool) for tool in range(len(TOOLS))), *scene]
        return scene

    def _unsaid(self) -> Scene:
        """Somebody says something in the hub, and takes it back, before or after it went out."""
        who, name = self.random.randrange(self.writer.people), self.random.choice(("phone", "job_title"))
        say = Step("say", who=who, name=name, value=self.writer._value(name, 0))
        out = [Step("turn", tool) for tool in range(len(TOOLS)) if self.random.random() < 0.5]
        edits = self.random.random() < 0.3
        tool = self.random.randrange(len(TOOLS))
        since = [Step("edit", tool, who, name, self.writer._value(name, who)), Step("turn", tool)] if edits else []
        return [say, *out, *since, Step("unsay", who=who)]

    def _erased(self) -> Scene:
        """Somebody asks to be erased: at rest, while a tool is written, or as the hub is killed over it."""
        dice, tools = self.dice, range(len(TOOLS))
        who, tool = dice.randrange(self.writer.people), dice.randrange(len(TOOLS))
        erase = Step("erase", tool, who)
        before: Scene = []
        if dice.random() < 0.4:
            # Somebody whom only one tool holds yet is about to be made in the others.
            self.writer.people += 1
            erase = erase._replace(who=self.writer.people - 1)
            source = dice.choice([one for one in tools if one != tool])
            before = [Step("create", source, erase.who, value=_fields(erase.who)), Step("turn", source)]
            if dice.random() < 0.5:
                before.append(Step("trouble", tool, name=dice.choice(("lost_answer", "cut", "partial")), value=1))
        after: Scene = []
        if before and dice.random() < 0.6:
            erase = erase._replace(name="in writing")
            after = [Step("turn", tool)]
        elif dice.random() < 0.5:
            erase = erase._replace(meanwhile=dice.randint(1, 4))
            after = [Step("turn", tool)]
        elif dice.random() < 0.3:
            before.append(Step("crash", name=dice.choice(("before commit", "after commit")), value=dice.randint(1, 3)))
        if dice.random() < 0.4:
            after += [Step("trouble", dice.randrange(len(TOOLS)), name="lagging", value=1)]
        after += [Step("turn", one) for one in tools if dice.random() < 0.5]
        if dice.random() < 0.3:
            after += [Step("wait", value=HOUR), Step("create", dice.randrange(len(TOOLS)), erase.who,
                                                     value=_fields(erase.who))]  # fmt: skip
        return [*before, erase, *after]


def _fields(who: int) -> dict[str, str]:
    return {
        "asked": f"person {who}",
        "email": f"person{who}@shore.example",
        "last_name": f"Shore{who}",
        "phone": f"+44 7700 8{who:05d}",
    }
