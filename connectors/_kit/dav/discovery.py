"""Finding the address book or calendar: from whatever address a person gives to the collection itself.

RFC 6764, 6352 and 4791: the address itself, else `/.well-known/…`; the signed-in principal; its home; the collections
in it. The connector asks once and remembers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import unquote, urljoin, urlsplit

from connectors._kit.dav.protocol import Dav, Multistatus, Resource, path_of
from core.errors import Garbled, Gone, Refused, SchemaChanged, Unsupported

_NEEDED = {
    "read": "read {}",
    "write-content": "change {}",
    "bind": "add {}",
    "unbind": "delete {}",
}
_WITHIN = {"write": {"write-content", "bind", "unbind"}, "all": set(_NEEDED)}
_PROPS = (
    "D:resourcetype", "D:displayname", "D:current-user-principal",
    "D:supported-report-set", "D:current-user-privilege-set",
)  # fmt: skip


class Collection(NamedTuple):
    """One address book or calendar."""

    url: str
    name: str
    syncs: bool
    """The server can say what changed since a token."""
    missing: tuple[str, ...]
    """What the account may not do there, in words; empty where the server does not tell."""
    itself: Resource
    """All that the server says about it."""

    @property
    def path(self) -> str:
        """Its path, ending in a slash."""
        return path_of(self.url).rstrip("/") + "/"


def remedy(dav: Dav) -> str:
    """What to do when an address leads nowhere."""
    return f"Give the server's {dav.dialect.room} address; the connector's README lists the common ones."


def collections_at(dav: Dav, url: str) -> tuple[Collection, ...]:
    """All collections of the dialect that the address leads to.

    Raises `SchemaChanged` when it leads to none, and `Garbled` when nothing there speaks WebDAV at all.
    """
    garbled: Garbled | None = None
    for start in (url, urljoin(url, f"/.well-known/{dav.dialect.well_known}")):
        try:
            found = _at(dav, start)
        except Garbled as error:
            garbled = error
            continue
        if found:
            return found
    what = f"No {dav.dialect.room} was found there."
    raise garbled or SchemaChanged(what, remedy=remedy(dav), at=urlsplit(url).hostname)


def choose(found: Sequence[Collection], wanted: str, *, room: str, setting: str) -> Collection:
    """The one with this name, path or last part of its path; the only one when nothing is said.

    `room` is what people call it, `setting` where they name it.
    """
    name = wanted.strip().strip("/").casefold()
    fitting = [one for one in found if not name or name in _names(one)]
    if len(fitting) == 1:
        return fitting[0]
    known = ", ".join(f"'{one.name}' ({unquote(one.path)})" for one in found)
    what = f"There are several {room}s" if fitting else f"There is no {room} '{wanted}'"
    raise SchemaChanged(
        f"{what}: {known}.",
        remedy=f"Put the name or path of one of them into the setting `{setting}`.",
        found=len(found),
    )


def _at(dav: Dav, start: str) -> tuple[Collection, ...]:
    """The collections that one address leads to; none when it is no WebDAV address or leads nowhere."""
    here = _looked(dav, start, 0)
    if here is None:
        return ()
    itself = _itself(here)
    if _is_one(dav, itself):
        return (_collection(dav, itself, here.url),)
    principal = next(iter(itself.hrefs("D:current-user-principal")), "")
    homes = _homes(dav, itself, here)
    if not homes and principal:
        there = _looked(dav, urljoin(here.url, principal), 0)
        homes = _homes(dav, _itself(there), there) if there else []
    pages = [page for home in homes or [here.url] if (page := _looked(dav, home, 1))]
    return tuple(_collection(dav, one, page.url) for page in pages for one in page.resources if _is_one(dav, one))


def _looked(dav: Dav, url: str, depth: int) -> Multistatus | None:
    try:
        return dav.propfind(url, (*_PROPS, dav.dialect.home, *dav.dialect.more), depth)
    except (Gone, Unsupported, Refused):
        # No WebDAV at this address (a bare 405, say); the next one may be right.
        return None


def _itself(answer: Multistatus) -> Resource:
    own = path_of(answer.url).rstrip("/")
    empty = Resource(own, 404, {})
    return next((one for one in answer.resources if one.path.rstrip("/") == own), next(iter(answer.resources), empty))


def _homes(dav: Dav, resource: Resource, answer: Multistatus) -> list[str]:
    return [urljoin(answer.url, href) for href in resource.hrefs(dav.dialect.home)]


def _is_one(dav: Dav, resource: Resource) -> bool:
    return dav.dialect.collection in resource.names("D:resourcetype")


def _collection(dav: Dav, resource: Resource, base: str) -> Collection:
    url = urljoin(base, resource.path.rstrip("/") + "/")
    granted = set(resource.names("D:current-user-privilege-set"))
    may = granted.union(*(inner for outer, inner in _WITHIN.items() if outer in granted))
    members = plural(dav.dialect.member)
    missing = tuple(words.format(members) for name, words in _NEEDED.items() if granted and name not in may)
    name = resource.text("D:displayname") or unquote(resource.path.rstrip("/").rpartition("/")[2])
    return Collection(url, name, "sync-collection" in resource.names("D:supported-report-set"), missing, resource)


def plural(word: str) -> str:
    """Several of what the word names: cards, entries."""
    return f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"


def _names(one: Collection) -> set[str]:
    path = unquote(one.path).strip("/").casefold()
    return {one.name.strip().casefold(), path, path.rpartition("/")[2]}
