"""Paging.

Whatever way a tool cuts its stream, pages join up, ties are not lost, and caps are walked around.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors._kit.paging import (
    Found,
    Slice,
    Window,
    backfilling,
    batches,
    by_cursor,
    by_id,
    by_offset,
    by_token,
    next_link,
    since,
    split,
)
from core.ports import Page, Remote

RECORDS = [Remote(f"r{number}", {}) for number in range(7)]


def walk(read: Callable[[Any], Page], cursor: Any = None) -> tuple[list[str], Page]:
    """Every id from a cursor on, the cursor stored in between; and the last page."""
    ids: list[str] = []
    for _ in range(500):
        page = read(None if cursor is None else json.loads(json.dumps(cursor)))
        ids += [record.id for record in page.records]
        if not page.more:
            return ids, page
        cursor = page.next
    raise AssertionError("the walk does not end")


def by_three(after: str | None) -> Slice:
    start = int(after or 0)
    more = start + 3 < len(RECORDS)
    return Slice(RECORDS[start : start + 3], str(start + 3) if more else None, len(RECORDS))


def test_a_cursor_walks_to_the_end_and_begins_anew() -> None:
    ids, last = walk(lambda cursor: by_cursor(cursor, by_three))
    assert ids == [record.id for record in RECORDS]
    assert last.complete
    assert last.total == 7
    assert last.next == {}


def test_a_backfill_remembers_when_it_began() -> None:
    moments = iter(range(100, 200))
    _, last = walk(lambda cursor: by_cursor(cursor, by_three, now=next(moments)))
    assert last.next == {"high": 100}
    assert backfilling(None)
    assert backfilling(by_cursor(None, by_three, now=1).next)
    assert not backfilling(last.next)


def test_a_token_of_the_last_page_begins_the_next_poll() -> None:
    def ask(token: str | None) -> tuple[Slice, str | None]:
        if token == "later":
            return Slice([]), "latest"
        slice_ = by_three(token)
        return slice_, None if slice_.after else "later"

    ids, last = walk(lambda cursor: by_token(cursor, ask))
    assert len(ids) == 7
    assert (last.complete, last.next) == (True, {"token": "later"})
    ids, last = walk(lambda cursor: by_token(cursor, ask), last.next)
    assert (ids, last.complete, last.next) == ([], False, {"token": "latest"})


@pytest.mark.parametrize("size", [1, 3, 7, 8])
def test_an_offset_walks_to_the_end(size: int) -> None:
    ids, last = walk(lambda cursor: by_offset(cursor, lambda at, many: RECORDS[at : at + many], size=size))
    assert ids == [record.id for record in RECORDS]
    assert last.complete


@pytest.mark.parametrize(
    ("header", "link"),
    [
        ('<https://x/a?page=2>; rel="next", <https://x/a?page=9>; rel="last"', "https://x/a?page=2"),
        ('<https://x/a?page=1>; rel="prev", <https://x/a?b=1,2;3>; title="a,b"; rel="next"', "https://x/a?b=1,2;3"),
        ("</a?page=2>; rel=next", "/a?page=2"),
        ('<https://x/a>; rel="prev"', None),
        ('<https://x/a>; rel="nextish"', None),
        ("", None),
    ],
)
def test_link_headers(header: str, link: str | None) -> None:
    assert next_link({"link": header} if header else {}) == link


STAMPS = st.lists(st.integers(0, 12), max_size=25)


def tool(stamps: list[int], cap: int, *, knows_ids: bool) -> Callable[[Window], Found]:
    rows = sorted((stamp, f"id{number:02}") for number, stamp in enumerate(stamps))

    def ask(window: Window) -> Found:
        inside = [
            row
            for row in rows
            if window.since <= row[0] < window.until
            and (not knows_ids or window.after is None or row > (window.since, window.after))
        ]
        return Found([(stamp, Remote(id_, {})) for stamp, id_ in inside[:cap]], len(inside) > cap)

    return ask


@given(STAMPS, st.integers(1, 5))
def test_a_walk_by_stamp_shows_each_record_once_whatever_the_ties(stamps: list[int], cap: int) -> None:
    ids, last = walk(lambda cursor: since(cursor, tool(stamps, cap, knows_ids=True), now=100, smallest=1))
    assert sorted(ids) == sorted(f"id{number:02}" for number in range(len(stamps)))
    assert len(ids) == len(set(ids))
    assert (last.complete, last.next) == (True, {"high": 100})


@given(STAMPS, st.integers(1, 5))
def test_without_a_filter_by_id_it_shows_all_or_says_that_it_cannot(stamps: list[int], cap: int) -> None:
    crowd = max((stamps.count(stamp) for stamp in stamps), default=0)
    ask = tool(stamps, cap, knows_ids=False)
    try:
        ids, _ = walk(lambda cursor: since(cursor, ask, now=100, smallest=1))
    except OverflowError:
        assert crowd > cap
        return
    assert set(ids) == {f"id{number:02}" for number in range(len(stamps))}


@given(STAMPS, STAMPS, st.integers(1, 5), st.integers(0, 5))
def test_a_poll_shows_what_came_since_and_looks_back(before: list[int], after: list[int], cap: int, back: int) -> None:
    def read(stamps: list[int], now: int) -> Callable[[Any], Page]:
        ask = tool(stamps, cap, knows_ids=True)
        return lambda cursor: since(cursor, ask, now=now, look_back=back, smallest=1)

    _, last = walk(read(before, 13))
    late = [13 + stamp for stamp in after] + [13 - back]
    ids, last = walk(read(before + late, 50), last.next)
    assert {f"id{len(before) + number:02}" for number in range(len(late))} <= set(ids)
    assert not last.complete


def test_what_changes_during_a_walk_waits_for_the_next() -> None:
    page = since({"since": 5, "until": 10, "after": "a", "walk": False}, lambda _: Found([]), now=99)
    assert page.next == {"high": 10}


@given(STAMPS, st.integers(1, 5))
def test_a_window_can_be_walked_in_the_order_of_ids(stamps: list[int], cap: int) -> None:
    def ask(window: Window) -> Slice:
        rows = [f"id{number:02}" for number, stamp in enumerate(stamps) if window.since <= stamp < window.until]
        rest = [Remote(id_, {}) for id_ in rows if window.after is None or id_ > window.after]
        return Slice(rest[:cap], "more" if len(rest) > cap else None)

    ids, last = walk(lambda cursor: by_id(cursor, ask, now=100), {"high": 4})
    assert ids == [f"id{number:02}" for number, stamp in enumerate(stamps) if stamp >= 4]
    assert last.next == {"high": 100}


@given(STAMPS, st.integers(1, 5))
def test_split_windows_cover_everything_once_and_fit_the_cap(stamps: list[int], cap: int) -> None:
    def count(window: Window) -> int:
        return sum(window.since <= stamp < window.until for stamp in stamps)

    windows = split(Window(0, 13), count, cap, smallest=1)
    assert sum(count(window) for window in windows) == len(stamps)
    assert [window.since for window in windows] == [0, *(window.until for window in windows[:-1])]
    assert all(count(window) <= cap or window.until - window.since <= 1 for window in windows)


@given(st.lists(st.integers()), st.integers(1, 9))
def test_batches_join_up(items: list[int], size: int) -> None:
    cut = batches(items, size)
    assert [item for batch in cut for item in batch] == items
    assert all(0 < len(batch) <= size for batch in cut)
