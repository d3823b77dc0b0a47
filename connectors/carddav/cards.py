"""Cards as the core sees them: members of an address book fetched in one request and read into `Remote`s.

One card that cannot be read never stops the others: it is a `Remote` with a `problem`. Used by reading and
writing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import urljoin

from connectors.carddav.dav import BrokenXml, Dav, Resource, strong
from connectors.carddav.vcard import CardError, read
from core.ports import Remote


def remotes(dav: Dav, book_url: str, paths: Sequence[str]) -> dict[str, Remote]:
    """These members as they are now, by path; a missing one as a tombstone.

    What is no contact card (a group, another kind of file) is left out.
    """
    found: dict[str, Remote] = {}
    for start in range(0, len(paths), dav.batch):
        for resource in _members(dav, book_url, paths[start : start + dav.batch]):
            remote = remote_of(resource)
            if remote is not None:
                found[remote.id] = remote
    return found


def remote_of(resource: Resource) -> Remote | None:
    """A member as a record; None for what is no contact card."""
    if resource.status in (404, 410):
        return Remote(resource.path, {}, deleted=True)
    if resource.status == _BROKEN:
        return Remote(resource.path, {}, problem=f"{_name(resource.path)}: it comes in no XML.")
    return remote_of_text(resource.path, resource.card, resource.etag) if resource.card else None


def remote_of_text(path: str, text: str, version: str | None) -> Remote | None:
    """A card's text as a record; None for a group of contacts."""
    try:
        card = read(text)
    except CardError as error:
        return Remote(path, {"card": text}, version, problem=f"{_name(path)}: {error}.")
    return None if card.is_group else Remote(path, card.fields, version, card.revised_at)


_BROKEN = 0


def _members(dav: Dav, book_url: str, paths: Sequence[str]) -> Iterable[Resource]:
    try:
        answer = dav.multiget(book_url, paths)
    except BrokenXml:
        # Perhaps one card holds something the server cannot put into XML: find it, and read the others.
        if len(paths) == 1:
            return [Resource(paths[0], _BROKEN, {})]
        half = len(paths) // 2
        return [*_members(dav, book_url, paths[:half]), *_members(dav, book_url, paths[half:])]
    asked = set(paths)
    told = [resource for resource in answer.resources if resource.path in asked]
    missing = asked.difference(resource.path for resource in told)
    return [*told, *(_alone(dav, book_url, path) for path in sorted(missing))]


def _alone(dav: Dav, book_url: str, path: str) -> Resource:
    """A member that the server left out of its answer; silence is no proof that it was deleted."""
    answer = dav.get(urljoin(book_url, path))
    if answer.status in (404, 410):
        return Resource(path, answer.status, {})
    return Resource.of_card(path, strong(answer.headers.get("etag", "")), answer.text)


def _name(path: str) -> str:
    return path.rpartition("/")[2]
