"""The contract about reading.

Pages join up, cursors resume, changes and deletes show, nothing is invented.
"""

# ruff: noqa: S101 -- assertions are what this module is for
from __future__ import annotations

import json
from typing import Any

from connectors._kit.contract.base import Tests, add, fetched, holds, later, point
from connectors._kit.contract.harness import Harness, Walk
from connectors._kit.contract.words import announced
from connectors._kit.quality import Point
from core.ports import Remote


class ReadingTests(Tests):
    """`read` and `fetch`."""

    @point(Point.READING, "reads")
    def test_an_empty_stream_is_one_empty_page(self, connector: Any, stream: str) -> None:
        page = connector.read(stream, None)
        assert not page.records
        assert not page.more

    @point(Point.READING, "reads")
    def test_pages_join_up_to_every_record_once(self, tool: Harness, connector: Any, stream: str) -> None:
        ids = add(tool, stream, tool.several_pages or 3)
        walk = tool.read_all(connector, stream)
        assert sorted(record.id for record in walk.records) == sorted(ids)
        assert len(walk.pages) > 1 or tool.several_pages is None, "several_pages does not fill one page"
        for number, id_ in enumerate(ids):
            holds(tool, walk.live[id_].fields, tool.sample(stream, number))

    @point(Point.RESUME, "reads")
    def test_a_walk_resumes_from_a_stored_cursor(self, tool: Harness, connector: Any, stream: str) -> None:
        ids = add(tool, stream, tool.several_pages or 3)
        first = connector.read(stream, None)
        stored = json.loads(json.dumps(dict(first.next)))
        again = tool.connect()
        rest = tool.read_all(again, stream, stored).records if first.more else []
        again.close()
        assert sorted(record.id for record in [*first.records, *rest]) == sorted(ids)

    @point(Point.RESUME, "reads")
    def test_reading_a_page_again_gives_it_again(self, tool: Harness, connector: Any, stream: str) -> None:
        add(tool, stream, tool.several_pages or 3)
        first, again = connector.read(stream, None), connector.read(stream, None)
        assert [record.id for record in first.records] == [record.id for record in again.records]

    @point(Point.READING, "reads")
    def test_nothing_changed_is_no_news(self, tool: Harness, connector: Any, stream: str) -> None:
        add(tool, stream, 3)
        walk = tool.read_all(connector, stream)
        later(tool)
        poll = tool.read_all(connector, stream, walk.cursor)
        if tool.manifest.streams[stream].cursor in ("token", "offset"):
            assert not poll.records
        assert _readings(poll) <= _readings(walk), "a poll shows records that nobody changed as if they had"

    @point(Point.READING, "reads")
    def test_an_edit_in_the_tool_shows_at_the_next_poll(self, tool: Harness, connector: Any, stream: str) -> None:
        ids = add(tool, stream, 3)
        walk = tool.read_all(connector, stream)
        later(tool)
        tool.edit(stream, ids[1], tool.change(stream, 1))
        poll = tool.read_all(connector, stream, walk.cursor)
        holds(tool, poll.live[ids[1]].fields, tool.change(stream, 1))
        before, after = walk.live[ids[1]], poll.live[ids[1]]
        assert after.version is None or after.version != before.version
        assert before.modified_at is None or after.modified_at is None or after.modified_at > before.modified_at

    @point(Point.READING, "reads")
    def test_a_new_record_shows_at_the_next_poll(self, tool: Harness, connector: Any, stream: str) -> None:
        add(tool, stream, 2)
        walk = tool.read_all(connector, stream)
        later(tool)
        id_ = tool.create(stream, tool.sample(stream, 9))
        assert id_ in tool.read_all(connector, stream, walk.cursor).live

    @point(Point.DELETES, "reads", "delete_signal=tombstone|archived")
    def test_a_delete_shows_as_a_tombstone(self, tool: Harness, connector: Any, stream: str) -> None:
        ids = add(tool, stream, 3)
        walk = tool.read_all(connector, stream)
        later(tool)
        tool.delete(stream, ids[0])
        poll = tool.read_all(connector, stream, walk.cursor)
        assert [record.id for record in poll.records if record.deleted] == [ids[0]]

    @point(Point.DELETES, "reads", "delete_signal=listing")
    def test_a_delete_shows_by_absence_from_a_complete_walk(self, tool: Harness, connector: Any, stream: str) -> None:
        ids = add(tool, stream, 3)
        assert tool.read_all(connector, stream).complete, "a full walk says that it is complete"
        later(tool)
        tool.delete(stream, ids[0])
        walk = tool.read_all(connector, stream)
        assert walk.complete
        assert set(walk.live) == set(ids[1:])

    @point(Point.READING, "reads")
    def test_fetch_gives_what_is_there_and_tombstones_for_the_rest(
        self, tool: Harness, connector: Any, stream: str
    ) -> None:
        ids = add(tool, stream, 2)
        tool.delete(stream, ids[1])
        found = {remote.id: remote for remote in connector.fetch(stream, ids)}
        assert set(found) == set(ids), "every id that was asked for is answered under that id"
        assert not found[ids[0]].deleted
        assert found[ids[1]].deleted
        holds(tool, found[ids[0]].fields, tool.sample(stream, 0))

    @point(Point.READING, "reads")
    def test_fetch_and_read_show_the_same(self, tool: Harness, connector: Any, stream: str) -> None:
        (id_,) = add(tool, stream, 1)
        read, fetched_ = tool.read_all(connector, stream).live[id_], fetched(connector, stream, id_)
        assert read.fields == fetched_.fields
        assert read.version == fetched_.version

    @point(Point.READING, "reads")
    def test_what_is_read_is_plain_json(self, tool: Harness, connector: Any, stream: str) -> None:
        add(tool, stream, 1)
        page = connector.read(stream, None)
        for remote in page.records:
            assert json.loads(json.dumps(remote.fields)) == remote.fields
        assert json.loads(json.dumps(dict(page.next))) == dict(page.next)

    @point(Point.MERGES, "reads", "delete_signal=tombstone|archived")
    def test_a_merge_forwards_to_the_survivor(self, tool: Harness, connector: Any, stream: str) -> None:
        announced(tool, Point.MERGES)
        winner, loser = add(tool, stream, 2)
        walk = tool.read_all(connector, stream)
        later(tool)
        survivor = tool.merge(stream, winner, loser)
        poll = tool.read_all(connector, stream, walk.cursor)
        gone = {record.id: record.moved_to for record in poll.records if record.deleted}
        assert gone[loser] == survivor
        assert fetched(connector, stream, loser).moved_to == survivor


def _readings(walk: Walk) -> set[str]:
    return {_reading(record) for record in walk.records}


def _reading(record: Remote) -> str:
    return json.dumps([record.id, record.version, record.modified_at, record.deleted, record.fields], sort_keys=True)
