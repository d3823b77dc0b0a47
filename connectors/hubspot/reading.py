"""Walking a stream: everything by list, then what changed by search, and now and then what was deleted.

A list has no cap but no filter either; a search shows at most 10,000 rows and never one that was deleted. So a walk
goes by list the first time; a poll searches what changed since, in the order of ids and behind the last id, which
stands the cap and any number of equal stamps; and deleted records come from a list of their own, at most once in
`archived_every`. Who unsubscribes need not move their contact's stamp: where the mapping reads subscriptions, all that
refuse are looked through once in `optouts_every`. A cursor holds `high` (HubSpot's time up to which everything was
shown), `looked` (up to when deleted records were) and `asked` (up to when refusals were).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from connectors._kit.paging import Slice, Window, backfilling, by_cursor, by_id
from connectors._kit.payload import Payload
from connectors.hubspot.client import Client
from connectors.hubspot.describing import Shapes
from connectors.hubspot.records import Records, tombstones
from connectors.hubspot.subscriptions import STREAM, Subscriptions
from connectors.hubspot.words import OBJECTS, OPTED_OUT
from core.errors import CursorExpired
from core.model.instant import MILLISECOND, SECOND, Instant
from core.model.values import Json
from core.ports import Cursor, Page, Remote

_LONGEST_QUERY = 12_000
"""Characters of property names in an address; beyond them a page is listed by id and read in a batch."""
_GROUPS = 5
"""Alternatives that one search takes."""


class Pace(NamedTuple):
    """How a connection reads."""

    page_size: int
    look_back: int
    """µs."""
    archived_every: int
    """µs."""
    optouts_every: int
    """µs; 0: never."""


class Walker:
    """Reads any stream but owners."""

    def __init__(
        self, client: Client, shapes: Shapes, records: Records, pace: Pace, watched: Subscriptions | None = None
    ) -> None:
        """`watched` are the subscriptions, where the mapping reads them."""
        self._client = client
        self._shapes = shapes
        self._records = records
        self._pace = pace
        self._watched = watched

    def page(self, stream: str, cursor: Cursor | None) -> Page:
        """The page at a cursor; see `core.ports.Reads.read`."""
        held = _checked(cursor)
        if "gone" in held:
            return self._archived(stream, held)
        if "out" in held:
            return self._refusing(stream, held)
        looked, asked = held.pop("looked", None), held.pop("asked", None)
        if backfilling(held):
            return self._listed(stream, held, looked, asked)
        return self._changed(stream, held, looked, asked)

    # --- everything

    def _listed(self, stream: str, held: dict[str, Json], looked: Instant | None, asked: Instant | None) -> Page:
        if not held:
            self._client.know_the_account()
        names = ",".join(self._shapes.of(stream).names)
        page = by_cursor(held, lambda after: self._list(stream, names, after), now=self._began())
        high = page.next["high"]
        return page._replace(next={**page.next, "looked": looked or high, **self._asked(stream, asked or high)})

    def _list(self, stream: str, names: str, after: str | None) -> Slice:
        fits = len(names) <= _LONGEST_QUERY
        told = self._asked_list(stream, names if fits else "hs_object_id", after, archived=False)
        found = list(told.each("results"))
        records = (
            self._records.whole(stream, found) if fits else self._records.by_id(stream, [one.id("id") for one in found])
        )
        return Slice([*tombstones(records), *records], _after(told))

    # --- what changed

    def _changed(self, stream: str, held: dict[str, Json], looked: Instant | None, asked: Instant | None) -> Page:
        at = self._client.clock()
        page = by_id(
            held,
            lambda window: self._search(stream, window),
            now=self._client.time.of(at),
            look_back=self._pace.look_back,
        )
        # The first answer of this process tells how HubSpot's clock stands. Where it is behind ours, so is our place.
        began = self._client.time.of(at)
        following = {
            name: min(value, began) if name in ("high", "until") else value for name, value in page.next.items()
        }
        looked = began if looked is None else looked
        done = {**following, "looked": looked, **self._asked(stream, began if asked is None else asked)}
        if page.more:
            return page._replace(next=done)
        if began - looked >= self._pace.archived_every:
            return page._replace(next={**done, "gone": "", "until": began}, more=True, complete=False)
        if self._asks(done, began):
            return page._replace(next={**done, "out": 0, "until": began}, more=True, complete=False)
        return page._replace(next=done)

    def _search(self, stream: str, window: Window) -> Slice:
        """Records changed since a moment, behind an id. There is no upper end: what changes meanwhile may show too."""
        filters = [_filter(OBJECTS[stream].stamp, "GTE", str(window.since // MILLISECOND))]
        return self._found(stream, [filters], window.after)

    def _found(self, stream: str, alternatives: list[list[Mapping[str, Any]]], behind: str | None) -> Slice:
        """Records that fit one of these lists of filters, by their ids and behind an id."""
        more = [_filter("hs_object_id", "GT", behind)] if behind is not None else []
        body = {
            "filterGroups": [{"filters": [*filters, *more]} for filters in alternatives],
            "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
            "properties": ["hs_object_id"],
            "limit": min(200, 2 * self._pace.page_size),
        }
        told = self._client.ask("search", "do_search", stream, body).payload()
        ids = sorted({one.id("id") for one in told.each("results")}, key=int)
        records = self._records.by_id(stream, ids)
        # The last one names the place, so what was merged into them comes before.
        return Slice([*tombstones(records), *records], _after(told))

    # --- who refuses

    def _asked(self, stream: str, at: Instant) -> dict[str, Json]:
        """The part of a cursor that says up to when refusals were looked through."""
        return {"asked": at} if stream == STREAM and self._watched is not None else {}

    def _asks(self, held: Mapping[str, Json], now: Instant) -> bool:
        """Whether it is time to look through refusals again."""
        every = self._pace.optouts_every
        return "asked" in held and bool(every) and now - held["asked"] >= every

    def _refusing(self, stream: str, held: dict[str, Json]) -> Page:
        """Everybody who refuses some mail, whenever they said so; a few properties in one search."""
        types = self._watched.types() if self._watched is not None else []
        names = [OPTED_OUT, *(f"{OPTED_OUT}_{id_}" for id_ in types)]
        place = int(held["out"])
        alternatives = [[_filter(name, "EQ", "true")] for name in names[place : place + _GROUPS]]
        page = self._found(stream, alternatives, held.get("behind"))
        rest = {name: value for name, value in held.items() if name not in ("out", "behind", "until")}
        if page.after is not None and page.records:
            return Page(page.records, {**held, "behind": page.records[-1].id}, more=True)
        if place + _GROUPS < len(names):
            following = {**rest, "out": place + _GROUPS, "until": held["until"]}
            return Page(page.records, following, more=True)
        return Page(page.records, {**rest, "asked": held["until"]})

    # --- what was deleted

    def _archived(self, stream: str, held: dict[str, Json]) -> Page:
        since = held["looked"] - self._pace.look_back
        told = self._asked_list(stream, "hs_object_id", held["gone"] or None, archived=True)
        records = [_tombstone(one) for one in told.each("results")]
        fresh = [one for one in records if one.modified_at is None or one.modified_at >= since]
        after = _after(told)
        if after is not None:
            return Page(fresh, {**held, "gone": after}, more=True)
        done = {"high": held["high"], "looked": held["until"], **_part(held, "asked")}
        if self._asks(done, held["until"]):
            return Page(fresh, {**done, "out": 0, "until": held["until"]}, more=True)
        return Page(fresh, done)

    def _asked_list(self, stream: str, names: str, after: str | None, *, archived: bool) -> Payload:
        return self._client.ask(
            "basic", "get_page", stream,
            limit=self._pace.page_size, after=after, properties=[names], archived=archived,
        ).payload()  # fmt: skip

    def _began(self) -> Instant:
        return self._client.time.of(self._client.clock())


def _after(told: Payload) -> str | None:
    return told.id("paging.next.after", None)


def _filter(name: str, operator: str, value: str) -> Mapping[str, Any]:
    return {"propertyName": name, "operator": operator, "value": value}


def _part(held: Mapping[str, Json], name: str) -> dict[str, Json]:
    return {name: held[name]} if name in held else {}


def _tombstone(told: Payload) -> Remote:
    archived_at = told.instant("archivedAt", None)
    return Remote(told.id("id"), {}, modified_at=archived_at, deleted=True)


def _checked(cursor: Cursor | None) -> dict[str, Json]:
    """The cursor taken apart; `CursorExpired` for one that is not of our making."""
    held = dict(cursor or {})
    moments = [held[name] for name in ("high", "looked", "asked", "since", "until", "out") if name in held]
    known = not held or "high" in held or "since" in held
    if not known or not all(isinstance(one, int) for one in moments):
        raise CursorExpired("The place in the stream is not one that this connector gave.")
    return held


def pace(settings: Mapping[str, Any]) -> Pace:
    """How the settings want it."""

    def number(name: str, default: float) -> float:
        given = settings.get(name)
        return default if given in (None, "") else float(given)

    return Pace(
        page_size=max(1, min(100, int(number("page_size", 100)))),
        look_back=int(max(0.0, number("look_back", 60)) * SECOND),
        archived_every=int(max(0.0, number("archived_every", 3600)) * SECOND),
        optouts_every=int(max(0.0, number("optouts_every", 3600)) * SECOND),
    )
