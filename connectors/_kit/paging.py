"""Paging: the ways in which tools cut a stream into pages, as small functions for `read(stream, cursor) -> Page`.

Each takes our cursor and a function that asks the tool for one page, and gives the `Page` with the next
cursor. The one with care in it is `since`: a walk by stamp and id, which stands equal stamps, late commits
and caps on results.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from core.model.instant import MILLISECOND, Instant
from core.model.values import Json
from core.ports import Cursor, Page, Remote

T = TypeVar("T")


class Slice(NamedTuple):
    """What a tool gave for one page: records, and its own word for where to go on, None at the end."""

    records: Sequence[Remote]
    after: str | None = None
    total: int | None = None


def by_cursor(cursor: Cursor | None, ask: Callable[[str | None], Slice], *, now: Instant | None = None) -> Page:
    """The tool hands out a cursor (a token, or the address of the next page) for a walk through everything.

    With `now` (the tool's), the moment at which the walk began is kept, and the next poll goes on from there
    with `since` or `by_id`; see `backfilling`. Without it each poll walks anew. Either way the walk is
    complete.
    """
    began = (cursor or {}).get("high", now)
    kept: dict[str, Json] = {} if began is None else {"high": began}
    slice_ = ask(_text(cursor, "page"))
    if slice_.after is not None:
        return Page(slice_.records, {"page": slice_.after, **kept}, more=True, total=slice_.total)
    return Page(slice_.records, kept, complete=True, total=slice_.total)


def backfilling(cursor: Cursor | None) -> bool:
    """Whether a walk with `by_cursor` begins or goes on; if not, it is the turn of `since` or `by_id`."""
    return not cursor or "page" in cursor


def by_token(cursor: Cursor | None, ask: Callable[[str | None], tuple[Slice, str | None]]) -> Page:
    """The tool keeps a change log: at the end of a walk it gives the token with which the next poll begins.

    `ask(token)` gives the slice and, at the end, that token. The first walk (token None) is complete.
    """
    token, walk = _text(cursor, "token"), cursor is None or bool(cursor.get("walk"))
    slice_, last = ask(token)
    if slice_.after is not None:
        following: dict[str, Json] = {"token": slice_.after} | ({"walk": True} if walk else {})
        return Page(slice_.records, following, more=True, total=slice_.total)
    return Page(slice_.records, {"token": last if last is not None else token}, complete=walk, total=slice_.total)


def by_offset(cursor: Cursor | None, ask: Callable[[int, int], Sequence[Remote]], *, size: int) -> Page:
    """The tool takes an offset and a size. A full page means that there is more.

    Records that are deleted during a walk pull others past it; the next walk, or `since`, shows these.
    """
    offset = int((cursor or {}).get("offset") or 0)
    records = ask(offset, size)
    if len(records) >= size:
        return Page(records, {"offset": offset + len(records)}, more=True)
    return Page(records, {}, complete=True)


def next_link(headers: Mapping[str, str]) -> str | None:
    """The address with `rel="next"` in a `Link` header (lower-case names), or None."""
    for link in re.finditer(r"<([^>]*)>((?:\s*;\s*[^,;=]+(?:=(?:\"[^\"]*\"|[^,;]*))?)*)", headers.get("link", "")):
        relations = re.search(r";\s*rel\s*=\s*\"?([^\";]*)\"?", link.group(2), re.IGNORECASE)
        if relations and "next" in relations.group(1).lower().split():
            return link.group(1)
    return None


class Window(NamedTuple):
    """What to ask for next: records with `since <= stamp < until`, in order of stamp and id.

    With `after`, those of the first stamp whose ids do not come behind it may be left out.
    """

    since: Instant
    until: Instant
    after: str | None = None


class Found(NamedTuple):
    """What a window gave: records in order of (stamp, id), each with its stamp.

    `capped` if there may be more.
    """

    records: Sequence[tuple[Instant, Remote]]
    capped: bool = False


def since(
    cursor: Cursor | None,
    ask: Callable[[Window], Found],
    *,
    now: Instant,
    look_back: int = 0,
    start: Instant = 0,
    smallest: int = MILLISECOND,
) -> Page:
    """A walk by modified stamp that misses nothing, in pages of whatever size `ask` gives.

    - Equal stamps: the place is (stamp, id), and `ask` is told both; where it cannot filter by id, what was shown
      already is dropped here, and a window that gives nothing new but is full is split.
    - Late commits: a poll begins `look_back` µs behind the last place; the hub knows what it has seen.
    - New records during a walk: `until` is fixed when the walk begins (the tool's `now`), the rest is for the next.

    `smallest` µs is the tool's finest stamp; a single stamp with more records than the tool shows cannot be
    walked without a filter by id, and raises `OverflowError`.
    """
    place = _place(cursor, now=now, look_back=look_back, start=start)
    found = ask(Window(place.since, place.until, place.after))
    fresh = [(stamp, record) for stamp, record in found.records if place.before(stamp, record.id)]
    records = [record for _, record in fresh]
    if not found.capped:
        return Page(records, {"high": place.until}, complete=place.walk)
    if fresh:
        stamp, last = fresh[-1]
        return Page(records, place.on(stamp, last.id), more=True)
    return _narrowed(place, found, ask, smallest)


def _narrowed(place: _Place, found: Found, ask: Callable[[Window], Found], smallest: int) -> Page:
    """A full answer with nothing new: too many records share the first stamp.

    Step over it if it can be emptied.
    """
    step = ask(Window(place.since, place.since + smallest, place.after))
    if step.capped:
        raise OverflowError(
            f"more than {len(found.records)} records share one stamp, and the tool cannot be asked for the rest"
        )
    fresh = [record for stamp, record in step.records if place.before(stamp, record.id)]
    return Page(fresh, place.on(place.since + smallest, None), more=True)


class _Place(NamedTuple):
    since: Instant
    until: Instant
    after: str | None
    walk: bool

    def before(self, stamp: Instant, id_: str) -> bool:
        """Whether a record lies behind this place."""
        return stamp > self.since or self.after is None or (stamp == self.since and id_ > self.after)

    def on(self, stamp: Instant, id_: str | None) -> dict[str, Json]:
        """The cursor of a place further on in the same walk."""
        return {"since": stamp, "until": self.until, "after": id_, "walk": self.walk}


def _place(cursor: Cursor | None, *, now: Instant, look_back: int, start: Instant) -> _Place:
    if not cursor:
        return _Place(start, now, None, walk=True)
    if "since" in cursor:
        return _Place(cursor["since"], cursor["until"], cursor["after"], bool(cursor["walk"]))
    return _Place(max(start, cursor["high"] - look_back), now, None, walk=False)


def by_id(
    cursor: Cursor | None, ask: Callable[[Window], Slice], *, now: Instant, look_back: int = 0, start: Instant = 0
) -> Page:
    """A poll of a window of stamps in the order of ids, for tools whose search is capped or cannot sort by two fields.

    `ask` gives records with `since <= stamp < until` and an id behind `after`; any `Slice.after` says that
    there is more. A record that changes meanwhile leaves the window and shows in the next poll.
    """
    place = _place(cursor, now=now, look_back=look_back, start=start)
    slice_ = ask(Window(place.since, place.until, place.after))
    if slice_.after is not None and slice_.records:
        return Page(slice_.records, place.on(place.since, slice_.records[-1].id), more=True, total=slice_.total)
    return Page(slice_.records, {"high": place.until}, complete=place.walk, total=slice_.total)


def split(window: Window, count: Callable[[Window], int], cap: int, *, smallest: int = MILLISECOND) -> list[Window]:
    """Windows of at most `cap` records each that together make up this one, for tools that cut off at a cap.

    `count` asks the tool how many records a window holds. A window no wider than `smallest` µs is not split
    further.
    """
    if window.until - window.since <= smallest or count(window) <= cap:
        return [window]
    middle = window.since + (window.until - window.since) // 2
    halves = (window._replace(until=middle), Window(middle, window.until))
    return [part for half in halves for part in split(half, count, cap, smallest=smallest)]


def batches(items: Sequence[T], size: int) -> list[Sequence[T]]:
    """The items in groups of at most `size`."""
    return [items[start : start + size] for start in range(0, len(items), size)]


def _text(cursor: Cursor | None, name: str) -> str | None:
    found = (cursor or {}).get(name)
    return None if found is None else str(found)
