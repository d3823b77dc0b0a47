"""Receipts of tools that take one record a call: which errors are an item's own, and which end the batch.

An error that the next item would meet too ends it. It may be raised only while nothing was done yet; after
that the items done keep their receipts, and the rest carry the error, so that the hub never takes done work
for undone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from core.errors import Forbidden, Garbled, SignedOut, Throttled, ToolError, Unavailable
from core.ports import Edit, Receipt

ENDING: tuple[type[ToolError], ...] = (Throttled, Unavailable, SignedOut, Forbidden, Garbled)
"""Errors that the next item would meet as well."""


def one_by_one(edits: Sequence[Edit], act: Callable[[Edit], Receipt]) -> list[Receipt]:
    """Carry out edits one call each. `act` raises what goes wrong with its item."""
    receipts: list[Receipt] = []
    for edit in edits:
        try:
            receipts.append(act(edit))
        except ENDING as error:
            if not receipts:
                raise
            return receipts + [Receipt(error=error)] * (len(edits) - len(receipts))
        except ToolError as error:
            receipts.append(Receipt(error=error))
    return receipts
