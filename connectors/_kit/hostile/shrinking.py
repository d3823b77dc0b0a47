"""Cutting a failing history down: ever smaller runs of steps are left out, as long as the same law is broken."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol, Self, TypeVar


class Cuttable(Protocol):
    """A history in steps."""

    @property
    def steps(self) -> Sequence[Any]:
        """What happens, in order."""

    def without(self, start: int, end: int, /) -> Self:
        """The same history without some of its steps."""


History = TypeVar("History", bound=Cuttable)


def shrunk(one: History, fails: Callable[[History], list[str]], *, seconds: float = 30.0) -> tuple[History, list[str]]:
    """A shorter history that still breaks the same law, and what it breaks."""
    told = fails(one)
    law = told[0].partition(":")[0] if told else ""
    until = time.monotonic() + seconds
    size = max(1, len(one.steps) // 2)
    while size and time.monotonic() < until:
        at = 0
        while at < len(one.steps) and time.monotonic() < until:
            shorter = one.without(at, at + size)
            found = fails(shorter)
            if found and found[0].startswith(law):
                one, told = shorter, found
            else:
                at += size
        size //= 2
    return one, told
