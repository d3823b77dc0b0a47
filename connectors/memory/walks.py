"""How the memory tool is walked: a change log by token, a query by stamp, or a plain listing.

Each takes a `View` of one stream and the cursor, and gives the next page. What can be seen, and in which form, the
view says; here is only where a walk stands and when it ends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from connectors.memory.world import State, World
from core.model.instant import Instant
from core.ports import Page, Remote


class View(NamedTuple):
    """One stream as one call sees it."""

    world: World
    stream: str
    visible: int
    """The last revision that this call sees: a lagging one sees an older state."""
    show: Callable[[str, State | None], Remote]
    page_size: int
    look_back: Instant
    cap: int | None
    """So many rows a query by stamp answers at most, without a word of the rest."""
    now: Instant
    """By the tool's own clock."""
    half: bool = False
    """Only every other record is shown."""

    def at(self, id_: str) -> State | None:
        """A record's state as this call sees it."""
        return self.world.at(self.stream, id_, self.visible)

    @property
    def ids(self) -> list[str]:
        """Every record there ever was."""
        return list(self.world.states.get(self.stream, {}))


def by_token(view: View, cursor: Mapping[str, Any]) -> Page:
    """The change log behind a revision; the first walk is complete."""
    head = cursor.get("head", view.visible if not cursor else None)
    after = cursor.get("revision", 0)
    records: list[Remote] = []
    for revision, id_ in view.world.log_after(view.stream, after):
        if revision > view.visible:
            break
        state = view.at(id_)
        if state is None or state.revision != revision or (state.deleted and head and revision <= head):
            continue
        if len(records) == view.page_size:
            more = {"revision": after} | ({"head": head} if head is not None else {})
            return Page(records, more, more=True)
        records.append(view.show(id_, state))
        after = revision
    return Page(records, {"revision": max(after, view.visible)}, complete=head is not None)


def by_stamp(view: View, cursor: Mapping[str, Any]) -> Page:
    """What was modified behind a stamp, with a look back at each new poll. A full answer may not be all there is.

    However long a walk rests in the middle, the next one looks back from when it began: what is edited in the very
    second at which it stands may come to lie before its place.
    """
    walk, until = cursor.get("walk", not cursor), cursor.get("until", view.now)
    high = cursor.get("high", 0)
    place = (cursor.get("stamp", high - view.look_back), cursor.get("id", ""))
    states = ((id_, view.at(id_)) for id_ in view.ids)
    behind = sorted(
        ((state.modified_at, id_), state)
        for id_, state in states
        if state and (state.modified_at, id_) > place and not (walk and state.deleted)
    )
    answer = behind[: view.cap]
    page = answer[: view.page_size]
    high = max([high, *(stamp for (stamp, _), _ in page)])
    records = [view.show(id_, state) for (_, id_), state in page]
    if page and (len(answer) > len(page) or len(answer) == view.cap):
        stamp, id_ = page[-1][0]
        return Page(records, {"high": high, "stamp": stamp, "id": id_, "walk": walk, "until": until}, more=True)
    return Page(records, {"high": min(high, until)}, complete=walk)


def by_listing(view: View, cursor: Mapping[str, Any]) -> Page:
    """Everything there is, oldest first, each time anew."""
    states = ((id_, view.at(id_)) for id_ in view.ids)
    live = sorted((state.born, id_, state) for id_, state in states if state and not state.deleted)
    if view.half:
        live = live[::2]
    behind = [entry for entry in live if entry[0] > cursor.get("born", 0)]
    page, rest = behind[: view.page_size], behind[view.page_size :]
    return Page(
        [view.show(id_, state) for _, id_, state in page],
        {"born": page[-1][0]} if rest else {},
        more=bool(rest),
        complete=not rest,
        total=len(live),
    )
