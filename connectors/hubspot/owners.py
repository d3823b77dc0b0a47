"""Owners: the users of the account, active and deactivated, from two lists and without any change log.

A poll looks through the active ones. The deactivated ones are looked through when somebody joined or left, and once in
`archived_every` all the same; so a poll without news is one call.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import xxhash

from connectors._kit.payload import Payload
from connectors.hubspot.client import Client
from connectors.hubspot.reading import Pace
from core.errors import CursorExpired
from core.model.instant import Instant
from core.model.values import Json
from core.ports import Cursor, Page, Remote

_ALL = 1 << 64


class _Place(NamedTuple):
    """Where a walk is. `crowd` tells one set of active owners from another."""

    archived: bool = False
    after: str | None = None
    crowd: int = 0
    was: int | None = None
    """The crowd of the last walk."""
    looked: Instant | None = None
    """When the deactivated ones were last looked through."""


class Owners:
    """Reads the owners of an account."""

    def __init__(self, client: Client, pace: Pace) -> None:
        self._client = client
        self._pace = pace

    def page(self, cursor: Cursor | None) -> Page:
        """The page at a cursor; see `core.ports.Reads.read`."""
        place = _place(cursor)
        records, place, after = self._step(place)
        if after is None and not place.archived and self._has_to_look(place):
            more, place, after = self._step(place._replace(archived=True, after=None))
            records += more
        if after is not None:
            return Page(records, _cursor(place._replace(after=after)), more=True)
        looked = self._client.clock() if place.archived else place.looked
        return Page(records, _cursor(_Place(was=place.crowd, looked=looked)), complete=place.archived)

    def _step(self, place: _Place) -> tuple[list[Remote], _Place, str | None]:
        """One page of either list: its records, the place with them counted, and where that list goes on."""
        told = self._asked(place.after, archived=place.archived)
        records = [_remote(one) for one in told.each("results")]
        if not place.archived:
            crowd = sum(xxhash.xxh3_64_intdigest(id_.encode()) for id_ in {one.id for one in records})
            place = place._replace(crowd=(place.crowd + crowd) % _ALL)
        return records, place, told.id("paging.next.after", None)

    def by_id(self, ids: Sequence[str]) -> list[Remote]:
        """These owners as they are now; a missing one as a tombstone."""
        wanted = dict.fromkeys(ids)
        found: dict[str, Remote] = {}
        for archived in (False, True):
            if len(found) < len(wanted):
                found |= {one.id: one for one in self._all(archived=archived) if one.id in wanted}
        return [found.get(id_) or Remote(id_, {}, deleted=True) for id_ in wanted]

    def _has_to_look(self, place: _Place) -> bool:
        if place.looked is None or place.was != place.crowd:
            return True
        return self._client.clock() - place.looked >= self._pace.archived_every

    def _all(self, *, archived: bool) -> Iterator[Remote]:
        after: str | None = None
        while True:
            told = self._asked(after, archived=archived)
            yield from (_remote(one) for one in told.each("results"))
            after = told.id("paging.next.after", None)
            if after is None:
                return

    def _asked(self, after: str | None, *, archived: bool) -> Payload:
        return self._client.ask(
            "owners", "get_page", limit=self._pace.page_size, after=after, archived=archived
        ).payload()


def _remote(told: Payload) -> Remote:
    fields = {name: value for name, value in told.object("").items() if value not in (None, "")}
    id_ = told.id("id")
    return Remote(
        id_,
        {**fields, "id": id_, "archived": told.flag("archived", False)},
        version=told.text("updatedAt", None),
        modified_at=told.instant("updatedAt", None),
    )


def _cursor(place: _Place) -> dict[str, Json]:
    told: dict[str, Json] = {"after": place.after, "archived": place.archived, "looked": place.looked}
    return told | {"crowd": f"{place.crowd:x}", "was": None if place.was is None else f"{place.was:x}"}


def _place(cursor: Cursor | None) -> _Place:
    if not cursor:
        return _Place()
    try:
        crowd, was = int(cursor["crowd"], 16), cursor["was"]
        return _Place(bool(cursor["archived"]), cursor["after"], crowd, was and int(was, 16), cursor["looked"])
    except (KeyError, TypeError, ValueError) as error:
        raise CursorExpired("The place among the owners is not one that this connector gave.") from error
