"""Receipts of one-by-one writes: what was done stays done, whatever happens to the rest."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connectors._kit.receipts import one_by_one
from core.errors import Reach, Refused, Throttled, ToolError, Unknown
from core.ports import Edit, Receipt, Verb

EDITS = [Edit(Verb.CREATE, "contacts", f"k{number}") for number in range(4)]


def failing(at: int, error: ToolError) -> Callable[[Edit], Receipt]:
    def act(edit: Edit) -> Receipt:
        if edit.key == f"k{at}":
            raise error
        return Receipt(edit.key)

    return act


@pytest.mark.parametrize(
    "error", [Refused("no"), Unknown("no answer"), Throttled("this one later").reaching(Reach.RECORD)]
)
def test_an_items_own_error_is_its_receipt(error: ToolError) -> None:
    receipts = one_by_one(EDITS, failing(1, error))
    assert [receipt.remote_id for receipt in receipts] == ["k0", None, "k2", "k3"]
    assert receipts[1].error is error


def test_an_error_for_all_is_raised_while_nothing_is_done() -> None:
    with pytest.raises(Throttled):
        one_by_one(EDITS, failing(0, Throttled("slow down", wait=3)))


def test_an_error_for_all_keeps_what_is_done_and_tries_no_more() -> None:
    error = Throttled("slow down", wait=3)
    tried: list[str] = []

    def act(edit: Edit) -> Receipt:
        tried.append(edit.key)
        return failing(2, error)(edit)

    receipts = one_by_one(EDITS, act)
    assert [receipt.remote_id for receipt in receipts] == ["k0", "k1", None, None]
    assert [receipt.error for receipt in receipts] == [None, None, error, error]
    assert tried == ["k0", "k1", "k2"]


def test_nothing_is_nothing() -> None:
    assert one_by_one([], failing(0, Refused("no"))) == []
