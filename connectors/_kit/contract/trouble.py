"""The contract in bad weather: throttled, broken, lagging, answers lost.

Nothing is lost and nothing done twice.
"""

# ruff: noqa: S101 -- assertions are what this module is for
from __future__ import annotations

from typing import Any

import pytest

from connectors._kit.contract.base import Tests, add, create, done, error_of, later, point, reading_error
from connectors._kit.contract.harness import Harness
from connectors._kit.contract.words import needs_switch, troublemaker
from connectors._kit.mischief import Mischief, Switch
from connectors._kit.quality import Point
from core.errors import CursorExpired, Exists, Garbled, Throttled, Unavailable, Unknown


class TroubleTests(Tests):
    """What the stand-in's mischief must not break."""

    @point(Point.LIMITS, "reads")
    def test_a_wish_for_silence_is_heard(self, tool: Harness, connector: Any, stream: str) -> None:
        mischief = troublemaker(tool)
        mischief.chances[Switch.THROTTLED] = 1.0
        with pytest.raises(Throttled):
            connector.read(stream, None)
        mischief.calm()
        later(tool, 600)
        connector.read(stream, None)

    @point(Point.ERRORS, "reads")
    def test_a_tool_that_fails_is_unavailable(self, tool: Harness, connector: Any, stream: str) -> None:
        mischief = troublemaker(tool)
        mischief.chances[Switch.UNAVAILABLE] = 1.0
        with pytest.raises(Unavailable):
            connector.read(stream, None)

    @point(Point.ERRORS, "creates")
    def test_a_write_that_was_turned_away_wrote_nothing(self, tool: Harness, connector: Any, stream: str) -> None:
        mischief = troublemaker(tool)
        mischief.chances[Switch.UNAVAILABLE] = 1.0
        error = error_of(connector, stream, [create(tool, stream, 1)])
        assert isinstance(error, Unavailable | Throttled | Unknown)
        mischief.calm()
        assert tool.count(stream) == 0

    @point(Point.MISCHIEF, "creates")
    def test_a_lost_answer_is_unknown_and_can_be_looked_up(self, tool: Harness, connector: Any, stream: str) -> None:
        mischief = troublemaker(tool)
        mischief.once(Switch.LOST_ANSWER)
        edit = create(tool, stream, 1)
        error = error_of(connector, stream, [edit])
        needs_switch(mischief, Switch.LOST_ANSWER)
        assert isinstance(error, Unknown), "only the tool knows whether it happened"
        assert tool.count(stream) == 1
        found = connector.find(stream, edit.key)
        assert found is not None
        if tool.manifest.streams[stream].idempotent_create:
            (receipt,) = connector.write(stream, [edit])
            met = receipt.error.remote_id if isinstance(receipt.error, Exists) else receipt.remote_id
            assert met == found.id
        assert tool.count(stream) == 1

    @point(Point.MISCHIEF, "creates")
    def test_a_batch_cut_short_can_be_looked_up(self, tool: Harness, connector: Any, stream: str) -> None:
        mischief = troublemaker(tool)
        mischief.once(Switch.CUT)
        size = min(3, tool.manifest.streams[stream].batch_size)
        edits = [create(tool, stream, number) for number in range(size)]
        error = error_of(connector, stream, edits)
        needs_switch(mischief, Switch.CUT)
        assert isinstance(error, Unknown)
        made = [connector.find(stream, edit.key) for edit in edits]
        assert tool.count(stream) == len([found for found in made if found is not None])

    @point(Point.MISCHIEF, "creates")
    def test_an_item_that_was_not_done_is_that_items_receipt(self, tool: Harness, connector: Any, stream: str) -> None:
        mischief = troublemaker(tool)
        size = min(3, tool.manifest.streams[stream].batch_size)
        mischief.once(Switch.PARTIAL)
        receipts = connector.write(stream, [create(tool, stream, number) for number in range(size)])
        needs_switch(mischief, Switch.PARTIAL)
        bad = [receipt for receipt in receipts if receipt.error is not None]
        assert len(bad) == 1
        done(receipt for receipt in receipts if receipt.error is None)
        assert tool.count(stream) == size - 1

    @point(Point.ERRORS, "reads")
    def test_a_web_page_instead_of_data_is_garbled(self, tool: Harness, connector: Any, stream: str) -> None:
        mischief = troublemaker(tool)
        mischief.chances[Switch.GARBLED] = 1.0
        error = reading_error(connector, stream, None)
        needs_switch(mischief, Switch.GARBLED)
        assert isinstance(error, Garbled)

    @point(Point.MISCHIEF, "reads", "cursor=token")
    def test_a_cursor_that_expired_says_so(self, tool: Harness, connector: Any, stream: str) -> None:
        mischief = troublemaker(tool)
        add(tool, stream, 1)
        walk = tool.read_all(connector, stream)
        mischief.once(Switch.EXPIRED)
        error = reading_error(connector, stream, walk.cursor)
        needs_switch(mischief, Switch.EXPIRED)
        assert isinstance(error, CursorExpired)

    @point(Point.MISCHIEF, "reads")
    def test_doubled_and_shuffled_pages_still_hold_everything(self, tool: Harness, connector: Any, stream: str) -> None:
        mischief = troublemaker(tool)
        ids = add(tool, stream, tool.several_pages or 3)
        mischief.chances |= {Switch.DOUBLED: 1.0, Switch.SHUFFLED: 1.0}
        assert set(tool.read_all(connector, stream).live) == set(ids)

    @point(Point.MISCHIEF, "reads")
    def test_what_a_lagging_read_hid_shows_later(self, tool: Harness, connector: Any, stream: str) -> None:
        mischief = troublemaker(tool)
        (id_,) = add(tool, stream, 1)
        later(tool)
        walk = tool.read_all(connector, stream)
        tool.edit(stream, id_, tool.change(stream, 1))
        lagging = _lagging_poll(tool, connector, stream, walk.cursor, mischief)
        later(tool)
        assert id_ in {*lagging.live, *tool.read_all(connector, stream, lagging.cursor).live}


def _lagging_poll(tool: Harness, connector: Any, stream: str, cursor: Any, mischief: Mischief) -> Any:
    mischief.chances[Switch.LAGGING] = 1.0
    poll = tool.read_all(connector, stream, cursor)
    mischief.calm()
    return poll
