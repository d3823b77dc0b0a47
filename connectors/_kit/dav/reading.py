"""Walking a collection page by page: everything from the start, or what changed since the last poll.

A server with sync-collection is read by token; any other by a mark of the whole listing (its ctag, else a
digest of its versions) and, when that moved, in full. The mark or token is always older than the content read
after it, so nothing falls in between. A walk's list of members is kept in memory only; the cursor holds how far
the walk is and the mark it ends with, and a fresh process asks for the list again.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from typing import NamedTuple
from urllib.parse import urlsplit

import xxhash

from connectors._kit.dav.discovery import Collection
from connectors._kit.dav.members import Members
from connectors._kit.dav.protocol import Dav, Resource, path_of
from core.errors import CursorExpired, Garbled, Gone, SchemaChanged
from core.model.values import Json
from core.ports import Cursor, Page, Remote

MODES = ("token", "listing")
_DIGEST = "digest:"


class _Place(NamedTuple):
    """A cursor, taken apart. `since` is where the last walk ended; `until` and `after` belong to one under way."""

    url: str
    mode: str
    since: str = ""
    until: str = ""
    after: str | None = None

    @property
    def full(self) -> bool:
        """Whether the walk shows every member there is."""
        return self.mode == "listing" or not self.since


class _Walk(NamedTuple):
    """What a walk has to show: paths in order, and those of them that are gone."""

    until: str
    paths: list[str]
    gone: frozenset[str] = frozenset()
    unchanged: bool = False
    """A listing that need not be shown: it is the one that was shown last."""


class Walker:
    """Reads one collection. `settings` marks the connection's settings: a cursor made with others is not ours."""

    def __init__(self, dav: Dav, members: Members, find: Callable[[], Collection], settings: str) -> None:
        self._dav = dav
        self._members = members
        self._find = find
        self._settings = settings
        self._walk: _Walk | None = None

    def page(self, cursor: Cursor | None) -> Page:
        """The page at a cursor; see `core.ports.Reads.read`."""
        place = self._place(cursor)
        walk = self._walk if self._under_way(place) else None
        if walk is None:
            place, walk = self._begun(place)
        first = 0 if place.after is None else bisect_right(walk.paths, place.after)
        chunk = walk.paths[first : first + self._dav.batch]
        more = first + self._dav.batch < len(walk.paths)
        self._walk = walk if more else None
        ended = _Place(place.url, place.mode, walk.until)
        ahead = place._replace(after=chunk[-1], until=walk.until) if more else ended
        return Page(
            self._records(place, walk, chunk),
            self._cursor(ahead),
            more=more,
            complete=place.full and not more and not walk.unchanged,
            total=len(walk.paths) if place.full and not walk.unchanged else None,
        )

    def _under_way(self, place: _Place) -> bool:
        return self._walk is not None and place.after is not None and self._walk.until == place.until

    def _begun(self, place: _Place) -> tuple[_Place, _Walk]:
        """Ask the server what there is to show. A walk that is resumed ends where it was to end when it began."""
        walk = self._by_token(place) if place.mode == "token" else self._by_listing(place)
        if walk is None:
            # The server offers sync-collection and then declines it.
            place = place._replace(mode="listing")
            walk = self._by_listing(place)
        return place, walk._replace(until=place.until or walk.until)

    def _by_token(self, place: _Place) -> _Walk | None:
        members: dict[str, bool] = {}
        token = place.since
        while True:
            answer = self._dav.sync(place.url, token)
            if answer is None and place.since:
                raise CursorExpired(f"The server no longer knows our place in the {self._dav.dialect.room}.")
            if answer is None or not answer.token:
                return None
            own = path_of(answer.url).rstrip("/")
            cut = any(one.status == 507 for one in answer.resources if one.path.rstrip("/") == own)
            members |= {one.path: one.status == 404 for one in answer.resources if self._is_member(one, own)}
            if not cut:
                return _walk_of(answer.token, members, full=place.full)
            if answer.token == token:
                raise Garbled("The server cut its list of changes short and gives no way to the rest.")
            token = answer.token

    def _by_listing(self, place: _Place) -> _Walk:
        try:
            mark = "" if place.since.startswith(_DIGEST) else self._ctag(place.url)
            if mark and mark == place.since and place.after is None:
                return _Walk(mark, [], unchanged=True)
            answer = self._dav.propfind(place.url, ["D:getetag", "D:getcontenttype", "D:resourcetype"], 1)
        except Gone as error:
            what = f"The {self._dav.dialect.room} is no longer there."
            raise SchemaChanged(what, at=urlsplit(place.url).hostname) from error
        own = path_of(answer.url).rstrip("/")
        members = [one for one in answer.resources if self._is_member(one, own)]
        mark = mark or _digest(members)
        if mark == place.since and place.after is None:
            return _Walk(mark, [], unchanged=True)
        return _walk_of(mark, {one.path: False for one in members}, full=True)

    def _ctag(self, url: str) -> str:
        resources = self._dav.propfind(url, ["S:getctag"], 0).resources
        return f"ctag:{tag}" if resources and (tag := resources[0].text("S:getctag")) else ""

    def _records(self, place: _Place, walk: _Walk, chunk: list[str]) -> list[Remote]:
        there = [path for path in chunk if path not in walk.gone]
        found = self._members.at(place.url, there) if there else {}
        tombstones = [Remote(path, {}, deleted=True) for path in chunk if path in walk.gone]
        # In a full walk, a member that went while we walked was never shown; the next poll tells of it.
        return tombstones + [remote for remote in found.values() if not (place.full and remote.deleted)]

    def _is_member(self, resource: Resource, own: str) -> bool:
        """Whether this may belong to the stream: no collection, nothing outside, no file of another type."""
        kind = resource.text("D:getcontenttype").lower()
        inside = resource.path.startswith(f"{own}/") and not resource.path.endswith("/")
        return inside and "collection" not in resource.names("D:resourcetype") and self._members.takes(kind)

    # --- cursors

    def _place(self, cursor: Cursor | None) -> _Place:
        if cursor is None:
            found = self._find()
            return _Place(found.url, MODES[0] if found.syncs else MODES[1])
        texts = [cursor.get(name) for name in ("url", "mode", "since", "until")]
        if cursor.get("settings") != self._settings or not all(isinstance(text, str) for text in texts):
            raise CursorExpired(f"The place in the {self._dav.dialect.room} belongs to other settings.")
        url, mode, since, until = map(str, texts)
        after = cursor.get("after")
        return _Place(url, mode, since, until, None if after is None else str(after))

    def _cursor(self, place: _Place) -> dict[str, Json]:
        return {"settings": self._settings, **place._asdict()}


def _walk_of(until: str, members: dict[str, bool], *, full: bool) -> _Walk:
    """A walk over members (path → gone). A first listing may name what was deleted long ago; nobody knows it here."""
    gone = frozenset() if full else frozenset(path for path, is_gone in members.items() if is_gone)
    return _Walk(until, sorted(path for path, is_gone in members.items() if not (full and is_gone)), gone)


def _digest(members: Iterable[Resource]) -> str:
    lines = sorted(f"{one.path} {one.etag}" for one in members)
    return f"{_DIGEST}{xxhash.xxh3_128_hexdigest(chr(10).join(lines).encode())}"
