"""Receipts of tools that take one record a call: which errors are an item's own, and which end the batch.

An error that the next item would meet too ends it. It may be raised only while nothing was done yet; after
that the items done keep their receipts, and the rest carry the error, so that the hub never takes done work
for undone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from core.errors import Forbidden, Garbled, Reach, SignedOut, Throttled, ToolError, Unavailable
from core.ports import Receipt

Item = TypeVar("Item")

ENDING: tuple[type[ToolError], ...] = (Throttled, Unavailable, SignedOut, Forbidden, Garbled)
"""Errors that the next item would meet as well, unless they say that they reach no farther than their record."""


def one_by_one(items: Sequence[Item], act: Callable[[Item], Receipt]) -> list[Receipt]:
    """Carry out edits, or send messages, one call each. `act` raises what goes wrong with its item."""
    receipts: list[Receipt] = []
    for item in items:
        try:
            receipts.append(act(item))
        except ToolError as error:
            if not _ends(error):
                receipts.append(Receipt(error=error))
                continue
            if not receipts:
                raise
            return receipts + [Receipt(error=error)] * (len(items) - len(receipts))
    return receipts


def _ends(error: ToolError) -> bool:
    return isinstance(error, ENDING) and error.reach is not Reach.RECORD
