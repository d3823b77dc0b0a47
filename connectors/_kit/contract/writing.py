"""The contract about writing.

Receipts are true and in order, repeats are harmless, others' work is respected.
"""

# ruff: noqa: S101 -- assertions are what this module is for
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from connectors._kit.contract.base import (
    Tests,
    add,
    change,
    create,
    declares,
    delete,
    done,
    error_of,
    fetched,
    holds,
    later,
    point,
)
from connectors._kit.contract.harness import Harness
from connectors._kit.payload import dig, nested
from connectors._kit.quality import Point
from core.errors import Exists, Gone, Refused, Stale, ToolError, Unsupported
from core.ports import Edit, Merges, Receipt, Verb, Writes


class WritingTests(Tests):
    """`write` and `find`."""

    @point(Point.WRITING, "creates")
    def test_nothing_to_write_is_nothing_written(self, tool: Harness, connector: Any, stream: str) -> None:
        assert list(connector.write(stream, [])) == []
        assert tool.count(stream) == 0

    @point(Point.WRITING, "creates")
    def test_a_create_makes_a_record(self, tool: Harness, connector: Any, stream: str) -> None:
        (receipt,) = done(connector.write(stream, [create(tool, stream, 1)]))
        holds(tool, tool.show(stream, receipt.remote_id), tool.sample(stream, 1))
        holds(tool, fetched(connector, stream, receipt.remote_id).fields, tool.sample(stream, 1))

    @point(Point.CREATES_ONCE, "creates", "idempotent_create")
    def test_a_repeated_create_makes_no_second_record(self, tool: Harness, connector: Any, stream: str) -> None:
        edit = create(tool, stream, 1)
        (first,) = done(connector.write(stream, [edit]))
        (second,) = connector.write(stream, [edit])
        met = second.error.remote_id if isinstance(second.error, Exists) else second.remote_id
        assert met == first.remote_id
        assert tool.count(stream) == 1

    @point(Point.CREATES_ONCE, "creates")
    def test_find_knows_what_a_create_made(self, tool: Harness, connector: Any, stream: str) -> None:
        one, other = done(connector.write(stream, [create(tool, stream, 1)])), create(tool, stream, 2)
        found = connector.find(stream, create(tool, stream, 1).key)
        assert found is not None
        assert found.id == one[0].remote_id
        assert connector.find(stream, other.key) is None

    @point(Point.WRITING, "creates")
    def test_different_keys_make_different_records(self, tool: Harness, connector: Any, stream: str) -> None:
        one = done(connector.write(stream, [create(tool, stream, 1)]))
        two = done(connector.write(stream, [create(tool, stream, 2)]))
        assert one[0].remote_id != two[0].remote_id
        assert tool.count(stream) == 2

    @point(Point.WRITING, "updates")
    def test_an_update_changes_its_fields_and_no_others(self, tool: Harness, connector: Any, stream: str) -> None:
        (id_,) = add(tool, stream, 1)
        edit = change(tool, stream, fetched(connector, stream, id_))
        later(tool)
        done(connector.write(stream, [edit]))
        changed = {name.split(".")[0] for name in edit.fields}
        rest = {n: v for n, v in tool.sample(stream, 0).items() if n.split(".")[0] not in changed}
        assert rest, "a sample has more fields than the one that changes"
        holds(tool, tool.show(stream, id_), rest)
        holds(tool, tool.show(stream, id_), edit.fields)

    @point(Point.WRITING, "updates")
    def test_none_clears_a_field(self, tool: Harness, connector: Any, stream: str) -> None:
        name = tool.clearable(stream)
        if name is None:
            pytest.skip(f"no field of {stream} can be cleared")
        (id_,) = add(tool, stream, 1)
        edit = replace(change(tool, stream, fetched(connector, stream, id_)), fields={name: None})
        later(tool)
        done(connector.write(stream, [edit]))
        assert dig(tool.show(stream, id_) or {}, name) in (None, "", [], {})
        assert dig(fetched(connector, stream, id_).fields, name) in (None, "", [], {})

    @point(Point.WRITING, "updates", "versions=opaque")
    def test_a_stale_update_is_refused_and_writes_nothing(self, tool: Harness, connector: Any, stream: str) -> None:
        (id_,) = add(tool, stream, 1)
        read = fetched(connector, stream, id_)
        assert read.version is not None
        later(tool)
        tool.edit(stream, id_, tool.change(stream, 1))
        seen = tool.show(stream, id_)
        (receipt,) = connector.write(stream, [change(tool, stream, read, 2)])
        assert isinstance(receipt.error, Stale)
        assert tool.show(stream, id_) == seen

    @point(Point.DELETES, "deletes", "versions=opaque")
    def test_a_stale_delete_is_refused(self, tool: Harness, connector: Any, stream: str) -> None:
        (id_,) = add(tool, stream, 1)
        read = fetched(connector, stream, id_)
        later(tool)
        tool.edit(stream, id_, tool.change(stream, 1))
        (receipt,) = connector.write(stream, [delete(stream, read)])
        assert isinstance(receipt.error, Stale)
        assert tool.show(stream, id_) is not None

    @point(Point.WRITING, "updates")
    def test_an_update_of_what_is_gone_says_gone(self, tool: Harness, connector: Any, stream: str) -> None:
        (id_,) = add(tool, stream, 1)
        read = fetched(connector, stream, id_)
        tool.delete(stream, id_)
        (receipt,) = connector.write(stream, [change(tool, stream, read)])
        assert isinstance(receipt.error, Gone)
        assert tool.count(stream) == 0

    @point(Point.DELETES, "deletes")
    def test_a_delete_takes_the_record_away(self, tool: Harness, connector: Any, stream: str) -> None:
        ids = add(tool, stream, 2)
        done(connector.write(stream, [delete(stream, fetched(connector, stream, ids[0]))]))
        assert tool.show(stream, ids[0]) is None
        assert tool.show(stream, ids[1]) is not None
        assert fetched(connector, stream, ids[0]).deleted

    @point(Point.DELETES, "deletes")
    def test_a_delete_of_what_is_gone_is_gone_or_done(self, tool: Harness, connector: Any, stream: str) -> None:
        (id_,) = add(tool, stream, 1)
        read = fetched(connector, stream, id_)
        tool.delete(stream, id_)
        (receipt,) = connector.write(stream, [delete(stream, read)])
        assert receipt.error is None or isinstance(receipt.error, Gone)

    @point(Point.DELETES, "erases")
    def test_what_is_deleted_for_good_is_not_there(self, tool: Harness, connector: Any, stream: str) -> None:
        ids = add(tool, stream, 3)
        erasures = [replace(delete(stream, fetched(connector, stream, id_)), for_good=True) for id_ in ids[:2]]
        receipts = _write(tool, connector, stream, erasures)
        if not all(isinstance(one.error, Unsupported) for one in receipts):
            # Where not all of it is ours to delete, that is said, and a person does the rest.
            done(receipts)
        assert [tool.show(stream, id_) is None for id_ in ids] == [True, True, False]
        assert fetched(connector, stream, ids[0]).deleted
        (again,) = connector.write(stream, erasures[:1])
        assert again.error is None or isinstance(again.error, Gone)

    @point(Point.WRITING, "creates", "updates")
    def test_one_bad_edit_does_not_fail_the_others(self, tool: Harness, connector: Any, stream: str) -> None:
        (id_,) = add(tool, stream, 1)
        missing = fetched(connector, stream, id_)
        tool.delete(stream, id_)
        good, bad, fine = create(tool, stream, 1), change(tool, stream, missing), create(tool, stream, 2)
        receipts = _write(tool, connector, stream, [good, bad, fine])
        assert receipts[1].error is not None
        done([receipts[0], receipts[2]])
        assert tool.count(stream) == 2

    @point(Point.ERRORS, "creates")
    def test_a_refused_record_is_refused_alone(self, tool: Harness, connector: Any, stream: str) -> None:
        wrong = tool.refused(stream)
        if wrong is None:
            pytest.skip(f"{tool.connector} refuses no record of {stream}")
        bad = Edit(Verb.CREATE, stream, "key-refused", fields=wrong)
        if tool.manifest.streams[stream].batch_size > 1:
            receipts = _write(tool, connector, stream, [create(tool, stream, 1), bad, create(tool, stream, 2)])
            done([receipts[0], receipts[2]])
            assert isinstance(receipts[1].error, Refused)
        else:
            (receipt,) = connector.write(stream, [bad])
            assert isinstance(receipt.error, Refused)
        assert connector.find(stream, bad.key) is None

    @point(Point.WRITING, "creates")
    def test_the_largest_batch_gives_receipts_in_order(self, tool: Harness, connector: Any, stream: str) -> None:
        size = min(tool.manifest.streams[stream].batch_size, tool.largest_batch or 200)
        edits = [create(tool, stream, number) for number in range(size)]
        receipts = done(connector.write(stream, edits))
        assert len({receipt.remote_id for receipt in receipts}) == size
        for number in {0, size // 2, size - 1}:
            holds(tool, tool.show(stream, receipts[number].remote_id), tool.sample(stream, number))

    @point(Point.WRITING, "creates")
    def test_a_receipt_says_what_the_tool_holds(self, tool: Harness, connector: Any, stream: str) -> None:
        returns = tool.manifest.streams[stream].returns
        edit = create(tool, stream, 1)
        (receipt,) = done(connector.write(stream, [edit]))
        now = fetched(connector, stream, receipt.remote_id)
        assert receipt.version in (None, now.version)
        assert receipt.whole == (returns == "whole"), f"the manifest says that a receipt returns {returns}"
        if returns == "whole":
            assert receipt.fields == now.fields
        elif returns == "written":
            assert receipt.fields is not None
            assert {name: dig(now.fields, name) for name in receipt.fields} == dict(receipt.fields)

    @point(Point.WRITING, "reads", "updates")
    def test_our_own_write_reads_back_as_its_receipt(self, tool: Harness, connector: Any, stream: str) -> None:
        (id_,) = add(tool, stream, 1)
        walk = tool.read_all(connector, stream)
        later(tool)
        (receipt,) = done(connector.write(stream, [change(tool, stream, walk.live[id_])]))
        poll = tool.read_all(connector, stream, walk.cursor)
        assert id_ in poll.live
        assert receipt.version in (None, poll.live[id_].version)
        holds(tool, poll.live[id_].fields, tool.change(stream, 1))

    @point(Point.WRITING, "updates", "versions=opaque")
    def test_a_receipts_version_allows_the_next_update(self, tool: Harness, connector: Any, stream: str) -> None:
        (id_,) = add(tool, stream, 1)
        (first,) = done(connector.write(stream, [change(tool, stream, fetched(connector, stream, id_), 1)]))
        now = fetched(connector, stream, id_)
        later(tool)
        version = first.version or now.version
        done(connector.write(stream, [replace(change(tool, stream, now, 2), version=version)]))
        holds(tool, tool.show(stream, id_), tool.change(stream, 2))

    @point(Point.MERGES, "native_merge")
    def test_a_merge_of_ours_leaves_one_and_leads_to_it(self, tool: Harness, connector: Any, stream: str) -> None:
        if not isinstance(connector, Merges):
            pytest.skip(f"{tool.connector} lets nobody merge from outside")
        survivor, loser = add(tool, stream, 2)
        (receipt,) = done([connector.merge(stream, survivor, loser)])
        assert tool.count(stream) == 1
        assert fetched(connector, stream, loser).moved_to == receipt.remote_id
        held = fetched(connector, stream, receipt.remote_id)
        assert not held.deleted
        name = next(iter(tool.change(stream, 1)))
        holds(tool, held.fields, {name: dig(nested(tool.sample(stream, 0)), name)})
        with pytest.raises(ToolError):
            _raised(connector.merge(stream, survivor, loser))
        assert tool.count(stream) == 1

    @point(Point.WRITING)
    def test_what_is_not_declared_is_said_to_be_unsupported(self, tool: Harness, connector: Any, stream: str) -> None:
        if not isinstance(connector, Writes):
            pytest.skip(f"{tool.connector} writes nothing")
        for verb in Verb:
            if not declares(tool.manifest, f"{verb}s", stream):
                edit = Edit(verb, stream, "key-undeclared", "some-id", fields=tool.sample(stream, 1))
                assert isinstance(error_of(connector, stream, [edit]), Unsupported), f"{stream}: {verb}"


def _write(tool: Harness, connector: Any, stream: str, edits: list[Edit]) -> list[Any]:
    """Write in batches as large as the manifest allows."""
    size = tool.manifest.streams[stream].batch_size
    return [
        receipt
        for start in range(0, len(edits), size)
        for receipt in connector.write(stream, edits[start : start + size])
    ]


def _raised(receipt: Receipt) -> None:
    """Raise what a receipt says went wrong."""
    if receipt.error is not None:
        raise receipt.error
