"""Walking the audience: what changed since, in the order of change; whole at first, and again now and then.

A list that is cut by offset moves while it is read: whoever is edited goes to its end, and the others slip under the
reader. So a page begins, where it can, at the stamp on which the last one ended; and where very many members share a
stamp (an import), pages overlap, and one that shows nothing known begins the stamp anew. What was shown is left out.

A whole walk shows what no stamp tells: tags that somebody changed, and, by their absence, who was deleted for good. It
comes once in `whole_every`. A cursor holds `high` (Mailchimp's time up to which all was shown) and `walked` (when the
last whole walk began).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import xxhash

from connectors._kit.payload import Payload
from connectors.mailchimp.client import Client
from connectors.mailchimp.members import Members
from core.errors import CursorExpired
from core.model.instant import SECOND, Instant, moment
from core.model.values import Json
from core.ports import Cursor, Page

LARGEST = 1000
_OVERLAP = 100
"""Rows of the last page that the next one shows again, where both are cut by offset."""


class Pace(NamedTuple):
    """How a connection reads."""

    page_size: int
    look_back: int
    """µs."""
    whole_every: int
    """µs; 0: never again."""

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Pace:
        """How the settings want it."""

        def number(name: str, default: float) -> float:
            given = settings.get(name)
            return default if given in (None, "") else max(0.0, float(given))

        return cls(
            page_size=max(1, min(LARGEST - _OVERLAP, int(number("page_size", 500)))),
            look_back=int(number("look_back", 120) * SECOND),
            whole_every=int(number("whole_every", 86_400) * SECOND),
        )


class _Place(NamedTuple):
    """Where a walk is: so far into what changed since a moment."""

    whole: bool
    since: Instant | None = None
    offset: int = 0
    seen: tuple[str, ...] = ()
    """Marks of what was shown already and may come again."""
    began: Instant | None = None
    walked: Instant | None = None

    def on(self) -> dict[str, Json]:
        """The cursor."""
        return {**self._asdict(), "seen": list(self.seen)}


class Walker:
    """Reads the members."""

    def __init__(self, client: Client, members: Members, pace: Pace) -> None:
        self._client = client
        self._members = members
        self._pace = pace

    def page(self, cursor: Cursor | None) -> Page:
        """The page at a cursor; see `core.ports.Reads.read`."""
        at = self._client.clock()
        place = self._place(cursor, at)
        asked = self._asked(place, _overlap(place))
        if place.seen and place.offset and not _known(asked.rows, place.seen):
            # So many members went away from under us that the pages no longer touch.
            place = place._replace(offset=0, seen=())
            asked = self._asked(place, 0)
        # The first answer of this process tells how Mailchimp's clock stands.
        place = place._replace(began=self._client.time.of(at) if place.began is None else place.began)
        fresh = [told for mark, told in asked.rows.items() if mark not in place.seen]
        records = self._members.whole(fresh)
        total = asked.total if place.since is None else None
        if asked.full:
            return Page(records, self._further(place, asked).on(), more=True, total=total)
        walked = place.began if place.whole else place.walked
        return Page(records, {"high": place.began, "walked": walked}, complete=place.whole, total=total)

    def _asked(self, place: _Place, overlap: int) -> _Asked:
        count, offset = self._pace.page_size + overlap, place.offset - overlap
        params: dict[str, Any] = {"count": count, "offset": offset, "sort_field": "last_changed", "sort_dir": "ASC"}
        if place.since is not None:
            params["since_last_changed"] = told_to_the_second(place.since)
        told = self._client.ask("GET", "members", params=params).payload()
        rows = {_mark(one.id("contact_id")): one for one in told.each("members")}
        return _Asked(rows, told.whole("total_items", None), offset + len(rows), len(rows) >= count)

    def _further(self, place: _Place, asked: _Asked) -> _Place:
        """On from a full page: behind its last stamp, or, where too many share that, behind its last row."""
        stamps = {mark: _stamp(told) for mark, told in asked.rows.items()}
        last = max(stamps.values())
        since = last // SECOND * SECOND - SECOND
        again = [mark for mark, stamp in stamps.items() if stamp >= since]
        if (place.since is None or since > place.since) and 2 * len(again) <= len(stamps):
            return place._replace(since=since, offset=0, seen=tuple(again))
        return place._replace(offset=asked.end, seen=tuple(asked.rows)[-_OVERLAP:])

    def _place(self, cursor: Cursor | None, at: Instant) -> _Place:
        held = dict(cursor or {})
        try:
            if "seen" in held:
                return _Place(**{**held, "seen": tuple(held["seen"])})
            if not held:
                return _Place(whole=True)
            since, walked = held["high"] - self._pace.look_back, held["walked"]
            if self._is_due(walked, at):
                return _Place(whole=True, walked=walked)
            return _Place(whole=False, since=since, walked=walked)
        except (KeyError, TypeError) as error:
            raise CursorExpired("The place in the audience is not one that this connector gave.") from error

    def _is_due(self, walked: Instant | None, at: Instant) -> bool:
        every = self._pace.whole_every
        return bool(every) and (walked is None or self._client.time.of(at) - walked >= every)


class _Asked(NamedTuple):
    """What a call gave: members by mark, each once."""

    rows: dict[str, Payload]
    total: int | None
    end: int
    """The offset behind it."""
    full: bool


def told_to_the_second(at: Instant) -> str:
    """A moment as Mailchimp's filters take it."""
    return moment(at).replace(microsecond=0).isoformat()


def _overlap(place: _Place) -> int:
    return min(_OVERLAP, place.offset, len(place.seen))


def _known(rows: Mapping[str, Payload], seen: tuple[str, ...]) -> bool:
    return not rows.keys().isdisjoint(seen)


def _mark(id_: str) -> str:
    return f"{xxhash.xxh3_64_intdigest(id_.encode()):x}"


def _stamp(told: Payload) -> Instant:
    return told.instant("last_changed") if told.text("last_changed", "") else 0
