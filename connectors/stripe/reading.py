"""Walking a stream: whole at first, by Stripe's lists; then by its log of events.

No object says when it was changed, and no list can be asked for changes, so changes are known by events alone. An
event is a signal and no more: what it shows is written in the shapes of another version of the API, may be older than
our own last write, and events of one second have no order, so that a payment that is done might be undone by a late
word. So whatever an event is about is read again, as it is now. Stripe has no call for several objects; but those that
were made just now stand together in a list, a hundred at a time, and are read from there when they are many.

The place of a poll is `high`, Stripe's second at which the walk before it began, and `known`, marks of the events that
the next poll meets again because it looks back a little. Events are kept for thirty days; who was away for longer
begins anew (`CursorExpired`). The moment before a whole walk is noted together with the events before it, so that what
happens during the walk is seen afterwards, and nothing twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import xxhash

from connectors._kit.payload import Payload
from connectors.stripe.client import Client
from connectors.stripe.objects import Objects, at_second
from connectors.stripe.words import ABOUT, GONE, LARGEST, StreamWords
from core.errors import CursorExpired, Gone, Refused
from core.model.values import Json
from core.ports import Cursor, Page, Remote

KEPT = 30 * 86_400 - 3_600
"""Seconds for which Stripe keeps events, with an hour to spare."""
MOST_KNOWN = 500
"""Marks in a cursor. Events beyond these are looked at again, which does no harm."""
_MANY = 3
"""So many new objects are worth a list."""


class Pace(NamedTuple):
    """How a connection reads."""

    page_size: int
    look_back: int
    """Seconds."""

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Pace:
        """How the settings want it."""
        given = settings.get("look_back")
        look_back = 120 if given in (None, "") else max(0, int(given))
        return cls(max(1, min(LARGEST, int(settings.get("page_size") or LARGEST))), look_back)


class _Place(NamedTuple):
    """In the middle of a walk."""

    mark: int
    """Where the next poll begins."""
    known: tuple[str, ...]
    """Events that need no look any more: by the poll before, or before the whole walk."""
    since: int | None = None
    """Where the events begin; None in a whole walk."""
    after: str | None = None
    """The last object, or event, of the page before."""
    made: int | None = None
    """When that was made."""
    met: tuple[str, ...] = ()
    """Events that the next poll meets again."""

    def on(self) -> dict[str, Json]:
        """The cursor."""
        return {**self._asdict(), "known": list(self.known), "met": list(self.met)}


class Walker:
    """Reads streams."""

    def __init__(self, client: Client, objects: Objects, pace: Pace) -> None:
        self._client = client
        self._objects = objects
        self._pace = pace

    def page(self, words: StreamWords, cursor: Cursor | None) -> Page:
        """The page at a cursor; see `core.ports.Reads.read`."""
        place = self._place(words, cursor)
        return self._whole(words, place) if place.since is None else self._changes(words, place, place.since)

    def _place(self, words: StreamWords, cursor: Cursor | None) -> _Place:
        held = dict(cursor or {})
        try:
            if "mark" in held:
                place = _Place(**{**held, "known": tuple(held["known"]), "met": tuple(held["met"])})
                self._refuse_lost(place.since)
                return place
            if not held:
                return self._beginning(words)
            since = int(held["high"]) - self._pace.look_back
            self._refuse_lost(since)
            return _Place(self._client.seconds(self._client.clock()), tuple(held["known"]), since)
        except (KeyError, TypeError, ValueError) as error:
            raise CursorExpired("The place in Stripe is not one that this connector gave.") from error

    def _refuse_lost(self, since: int | None) -> None:
        if since is not None and self._client.seconds(self._client.clock()) - since > KEPT:
            raise CursorExpired("Stripe keeps events for thirty days, and the last look was longer ago.")

    def _beginning(self, words: StreamWords) -> _Place:
        """Where a whole walk begins; the events so far are known, for the walk shows what came of them."""
        at = self._client.clock()
        # The first answer of this process tells how Stripe's clock stands, so the events are asked for before the mark.
        told = self._events(words, self._client.seconds(at) - self._pace.look_back, None)
        mark = self._client.seconds(at)
        return _Place(mark, tuple(_mark(event) for event in told.each("data"))[:MOST_KNOWN])

    # --- all there is

    def _whole(self, words: StreamWords, place: _Place) -> Page:
        rows, more = self._listed(words, place)
        records = [self._objects.remote(words, one) for one in rows]
        if more and rows:
            last = rows[-1]
            return Page(records, place._replace(after=last.text("id"), made=last.whole("created")).on(), more=True)
        return Page(records, {"high": place.mark, "known": list(place.known)}, complete=True)

    def _listed(self, words: StreamWords, place: _Place) -> tuple[list[Payload], bool]:
        params: dict[str, Any] = {"limit": self._pace.page_size}
        if place.after is None:
            return self._objects.page(words, **params)
        try:
            return self._objects.page(words, **params, starting_after=place.after)
        except (Gone, Refused):
            # The last one of the page before is not there any more: on from its second, which shows a few again.
            return self._objects.page(words, **params, created={"lte": place.made})

    # --- what changed

    def _changes(self, words: StreamWords, place: _Place, since: int) -> Page:
        told = self._events(words, since, place.after)
        events = list(told.each("data"))
        fresh = [event for event in events if _mark(event) not in place.known]
        records = self._reread(words, _newest(words, fresh))
        again = place.mark - self._pace.look_back
        met = (*place.met, *(_mark(event) for event in events if event.whole("created") >= again))[:MOST_KNOWN]
        if events and told.flag("has_more"):
            return Page(records, place._replace(after=events[-1].text("id"), met=met).on(), more=True)
        return Page(records, {"high": place.mark, "known": list(met)})

    def _events(self, words: StreamWords, since: int, after: str | None) -> Payload:
        params: dict[str, Any] = {"limit": LARGEST, "created": {"gte": since}, "types": words.types}
        try:
            return self._client.get("events", **params, **({"starting_after": after} if after else {}))
        except Gone as error:
            raise CursorExpired("Stripe does not know the event any more at which the last page ended.") from error

    def _reread(self, words: StreamWords, told: Mapping[str, _Told]) -> list[Remote]:
        """What events are about, as it is now."""
        young = {id_: one.made for id_, one in told.items() if one.made is not None and not one.gone}
        found = self._together(words, young) if len(young) >= _MANY else {}
        return [_dated(found.get(id_) or self._now(words, id_, one), one) for id_, one in told.items()]

    def _now(self, words: StreamWords, id_: str, told: _Told) -> Remote:
        return Remote(id_, {}, deleted=True) if told.gone else self._objects.one(words, id_)

    def _together(self, words: StreamWords, young: Mapping[str, int]) -> dict[str, Remote]:
        """New objects from the list, where they stand together; one that is not in it is left out."""
        found: dict[str, Remote] = {}
        params: dict[str, Any] = {"created": {"gte": min(young.values()), "lte": max(young.values())}}
        # A few strangers may stand between them, but never so many that single calls would be fewer.
        for _ in range(0, len(young), _MANY):
            rows, more = self._objects.page(words, limit=LARGEST, **params)
            wanted = (one for one in rows if one.text("id") in young)
            found |= {remote.id: remote for remote in (self._objects.remote(words, one) for one in wanted)}
            if not more or not rows or len(found) == len(young):
                break
            params["starting_after"] = rows[-1].text("id")
        return found


class _Told(NamedTuple):
    """What the newest event about an object says."""

    at: int
    changed: frozenset[str] | None
    made: int | None = None
    """When the object was made, where an event tells that it was."""
    gone: bool = False


def _newest(words: StreamWords, events: Sequence[Payload]) -> dict[str, _Told]:
    """Id → the newest that is told of it; once gone, an object stays gone, whatever came in the same second."""
    told: dict[str, _Told] = {}
    for event in events:
        about = subject(event)
        if about is None or about[0] != words.name:
            continue
        one, other = _said(event), told.get(about[1])
        if other is not None:
            newer = one if one.at > other.at else other
            one = newer._replace(made=one.made or other.made, gone=one.gone or other.gone)
        told[about[1]] = one
    return told


def subject(event: Payload) -> tuple[str, str] | None:
    """The stream and id that an event is about; None where it is about no record of ours."""
    stream, path = ABOUT.get(event.text("data.object.object", ""), ("", ""))
    id_ = event.text(f"data.object.{path}", None) if path else None
    return (stream, id_) if id_ else None


def _said(event: Payload) -> _Told:
    own = ABOUT[event.text("data.object.object")][1] == "id"
    kind = event.text("type")
    made = event.whole("data.object.created", None) if own and kind.endswith(".created") else None
    before = event.object("data.previous_attributes", None) if own else None
    return _Told(event.whole("created"), None if not before else frozenset(_named(before)), made, kind in GONE)


def _named(before: Mapping[str, Json]) -> list[str]:
    """The paths of what an event says was otherwise before; what was nothing before changed as a whole."""
    return [
        path
        for name, value in before.items()
        for path in ([f"{name}.{inner}" for inner in value] if isinstance(value, dict) and value else [name])
    ]


def _dated(remote: Remote, told: _Told) -> Remote:
    return remote._replace(modified_at=at_second(told.at), changed=told.changed)


def _mark(event: Payload) -> str:
    return f"{xxhash.xxh3_64_intdigest(event.text('id').encode()):x}"
