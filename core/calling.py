"""Calling: for what a tool is being called right now, so that what cannot wait is let through before what can.

A trip says it with `calling`; whoever keeps a tool's limits asks `lane`. It follows the thread; work that is handed to
another thread takes it along with `carried`. The lanes are the outbox's own (`core.decide.route`): a poll and whatever
a person waits for go as live edits, a first load as backfill.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import ParamSpec, TypeVar

from core.decide.route import Lane

P = ParamSpec("P")
R = TypeVar("R")

_LANE: ContextVar[Lane] = ContextVar("lane", default=Lane.LIVE)


def lane() -> Lane:
    """For what the tool is called now; `LIVE` where nobody has said."""
    return _LANE.get()


@contextmanager
def calling(chosen: Lane) -> Iterator[None]:
    """Calls made in the block are for this."""
    before = _LANE.set(chosen)
    try:
        yield
    finally:
        _LANE.reset(before)


def carried(work: Callable[P, R]) -> Callable[P, R]:
    """The work, to be done in other threads for what the present one calls."""
    chosen = lane()

    def carry(*given: P.args, **more: P.kwargs) -> R:
        with calling(chosen):
            return work(*given, **more)

    return carry
