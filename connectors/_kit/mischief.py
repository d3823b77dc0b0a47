"""Mischief: the ways in which tools and networks misbehave, switched on per test.

One seeded `Mischief` is asked at each place where something can go wrong; it answers by a queue of things
that shall happen for certain, and after that by chance. Stand-ins (`sandbox.py`) and the memory tool share
it, so that a name means the same everywhere. What a switch does is the stand-in's business; here is only
when. The spellings are the habits of tools that keep a value in their own way.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Switch(StrEnum):
    """One kind of trouble."""

    THROTTLED = "throttled"
    """Too many requests: refused before anything is done, with a wait."""
    UNAVAILABLE = "unavailable"
    """Fails before anything is done (5xx)."""
    LOST_ANSWER = "lost_answer"
    """Done, and then the answer never comes."""
    CUT = "cut"
    """The connection breaks in the middle of a batch: a first part is done, and no answer comes."""
    PARTIAL = "partial"
    """Asked once per item: this item of a batch is refused, the others are done."""
    GARBLED = "garbled"
    """The answer is a web page or broken JSON."""
    LAGGING = "lagging"
    """A read shows the state of some time ago."""
    LATE = "late"
    """A person's change is committed under an older stamp."""
    TIED = "tied"
    """A change gets the very stamp of the one before."""
    DOUBLED = "doubled"
    """A page shows some records twice."""
    SHUFFLED = "shuffled"
    """A page comes out of order."""
    EXPIRED = "expired"
    """A cursor is no longer honoured."""
    EMPTY = "empty"
    """A full tool answers that it holds nothing."""
    HALF = "half"
    """A whole walk leaves every other record out, and says that it is complete."""
    QUOTA = "quota"
    """The calls of the day are used up: refused from now on, for hours, with the wait."""
    OUTAGE = "outage"
    """Nobody answers any more, for days."""


class Mischief:
    """When trouble happens. Thread-safe; the same seed and the same questions give the same trouble.

    `chances` gives each switch its probability per question. `once` queues trouble that happens for certain
    at the next question. `happened` counts what did happen.
    """

    def __init__(
        self, random: Random | None = None, chances: Mapping[str, float] | None = None, *, wait: float = 2.0
    ) -> None:
        self.random = random or Random(0)  # noqa: S311 -- trouble must be repeatable, not secret
        self.chances: dict[Switch, float] = {Switch(name): chance for name, chance in (chances or {}).items()}
        self.wait = wait
        """Seconds that a throttled caller is told to wait."""
        self.quota = 6 * 3600.0
        """Seconds until there are calls again once the day's are used up."""
        self.outage = 72 * 3600.0
        """Seconds that an outage lasts."""
        self.happened: Counter[Switch] = Counter()
        self._certain: Counter[Switch] = Counter()
        self._lock = threading.Lock()

    def once(self, switch: Switch | str, times: int = 1) -> None:
        """Let this happen for certain at the next question about it, so many times."""
        with self._lock:
            self._certain[Switch(switch)] += times

    def calm(self) -> None:
        """No more trouble from now on."""
        with self._lock:
            self.chances.clear()
            self._certain.clear()

    def fires(self, switch: Switch) -> bool:
        """Whether this trouble happens now."""
        with self._lock:
            if self._certain[switch]:
                self._certain[switch] -= 1
                fired = True
            else:
                chance = self.chances.get(switch, 0.0)
                fired = chance > 0 and self.random.random() < chance
            self.happened[switch] += fired
            return fired

    def below(self, limit: int) -> int:
        """A random whole number from 0 up to but not including `limit` (at least 1)."""
        with self._lock:
            return self.random.randrange(max(1, limit))

    def disturbed(self, page: Sequence[T]) -> list[T]:
        """The records of a page, some doubled and out of order where that trouble happens."""
        records = list(page)
        if records and self.fires(Switch.DOUBLED):
            records += [records[self.below(len(records))] for _ in range(1 + len(records) // 4)]
        if len(records) > 1 and self.fires(Switch.SHUFFLED):
            with self._lock:
                self.random.shuffle(records)
        return records


Spelling = Callable[[str], str]
"""How a tool keeps a text. Idempotent: spelling twice changes nothing more."""


def _grouped_phone(text: str) -> str:
    digits = re.sub(r"\D", "", text)
    if len(digits) < 5:
        return text
    plus = "+" if text.strip().startswith("+") else ""
    return plus + " ".join(digits[place : place + 4] for place in range(0, len(digits), 4))


_SPELLINGS: dict[str, Spelling] = {
    "trim": str.strip,
    "upper": str.upper,
    "lower": str.lower,
    "squeeze": lambda text: " ".join(text.split()),
    "phone": _grouped_phone,
}


def spelling(rule: str) -> Spelling:
    """The spelling a rule names: trim, upper, lower, squeeze, phone, or `truncate N`.

    `ValueError` for others.
    """
    name, _, number = rule.strip().partition(" ")
    if name == "truncate" and number.strip().isdigit():
        length = int(number)
        return lambda text: text[:length]
    if rule.strip() not in _SPELLINGS:
        known = ", ".join([*_SPELLINGS, "truncate N"])
        raise ValueError(f"'{rule.strip()}' is not a spelling; known are {known}")
    return _SPELLINGS[rule.strip()]


def spellings(rules: str) -> dict[str, Spelling]:
    """Read `phone: phone; last_name: trim, upper` as field name → spelling, in the order given."""
    read: dict[str, Spelling] = {}
    for part in filter(str.strip, rules.split(";")):
        name, colon, steps = part.partition(":")
        if not colon:
            raise ValueError(f"'{part.strip()}' names no spelling: write `field: spelling`")
        read[name.strip()] = _in_turn([spelling(step) for step in steps.split(",")])
    return read


def _in_turn(steps: Sequence[Spelling]) -> Spelling:
    def spell(text: str) -> str:
        for step in steps:
            text = step(text)
        return text

    return spell
