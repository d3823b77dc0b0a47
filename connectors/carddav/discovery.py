"""Finding the address book: from whatever address a person gives to the collection that holds the cards.

RFC 6764 and 6352: the address itself, else `/.well-known/carddav`; the signed-in principal; its address-book
home; the books in it. The connector asks once and remembers.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote, urljoin, urlsplit

from connectors.carddav.dav import Dav, Multistatus, Resource, path_of
from core.errors import Garbled, Gone, Refused, SchemaChanged, Unsupported

REMEDY = "Give the server's address-book address; the connector's README lists the common ones."
_NEEDED = {
    "read": "read its cards",
    "write-content": "change cards",
    "bind": "add cards",
    "unbind": "delete cards",
}
_WITHIN = {"write": {"write-content", "bind", "unbind"}, "all": set(_NEEDED)}
_PROPS = (
    "D:resourcetype", "D:displayname", "D:current-user-principal", "C:addressbook-home-set",
    "D:supported-report-set", "D:current-user-privilege-set",
)  # fmt: skip


class Book(NamedTuple):
    """One address book."""

    url: str
    name: str
    syncs: bool
    """The server can say what changed since a token."""
    missing: tuple[str, ...]
    """What the account may not do there, in words; empty where the server does not tell."""

    @property
    def path(self) -> str:
        """Its path, ending in a slash."""
        return path_of(self.url).rstrip("/") + "/"


def books_at(dav: Dav, url: str) -> tuple[Book, ...]:
    """All address books that the address leads to.

    Raises `SchemaChanged` when it leads to none, and `Garbled` when nothing there speaks WebDAV at all.
    """
    garbled: Garbled | None = None
    for start in (url, urljoin(url, "/.well-known/carddav")):
        try:
            found = _at(dav, start)
        except Garbled as error:
            garbled = error
            continue
        if found:
            return found
    raise garbled or SchemaChanged("No address book was found there.", remedy=REMEDY, at=urlsplit(url).hostname)


def choose(books: tuple[Book, ...], wanted: str) -> Book:
    """The book with this name, path or last part of its path; the only one when nothing is said."""
    name = wanted.strip().strip("/").casefold()
    found = [book for book in books if not name or name in _names(book)]
    if len(found) == 1:
        return found[0]
    known = ", ".join(f"'{book.name}' ({unquote(book.path)})" for book in books)
    what = "There are several address books" if found else f"There is no address book '{wanted}'"
    raise SchemaChanged(
        f"{what}: {known}.",
        remedy="Put the name or path of one of them into the setting `book`.",
        found=len(books),
    )


def _at(dav: Dav, start: str) -> tuple[Book, ...]:
    """The books that one address leads to; none when it is no WebDAV address or leads nowhere."""
    here = _looked(dav, start, 0)
    if here is None:
        return ()
    itself = _itself(here)
    if _is_book(itself):
        return (_book(itself, here.url),)
    principal = next(iter(itself.hrefs("D:current-user-principal")), "")
    homes = _addresses(itself, here)
    if not homes and principal:
        there = _looked(dav, urljoin(here.url, principal), 0)
        homes = _addresses(_itself(there), there) if there else []
    pages = [page for home in homes or [here.url] if (page := _looked(dav, home, 1))]
    return tuple(_book(one, page.url) for page in pages for one in page.resources if _is_book(one))


def _looked(dav: Dav, url: str, depth: int) -> Multistatus | None:
    try:
        return dav.propfind(url, _PROPS, depth)
    except (Gone, Unsupported, Refused):
        # No WebDAV at this address (a bare 405, say); the next one may be right.
        return None


def _itself(answer: Multistatus) -> Resource:
    own = path_of(answer.url).rstrip("/")
    empty = Resource(own, 404, {})
    return next((one for one in answer.resources if one.path.rstrip("/") == own), next(iter(answer.resources), empty))


def _addresses(resource: Resource, answer: Multistatus) -> list[str]:
    return [urljoin(answer.url, href) for href in resource.hrefs("C:addressbook-home-set")]


def _is_book(resource: Resource) -> bool:
    return "addressbook" in resource.names("D:resourcetype")


def _book(resource: Resource, base: str) -> Book:
    url = urljoin(base, resource.path.rstrip("/") + "/")
    granted = set(resource.names("D:current-user-privilege-set"))
    may = granted.union(*(inner for outer, inner in _WITHIN.items() if outer in granted))
    missing = tuple(words for name, words in _NEEDED.items() if granted and name not in may)
    name = resource.text("D:displayname") or unquote(resource.path.rstrip("/").rpartition("/")[2])
    return Book(url, name, "sync-collection" in resource.names("D:supported-report-set"), missing)


def _names(book: Book) -> set[str]:
    path = unquote(book.path).strip("/").casefold()
    return {book.name.strip().casefold(), path, path.rpartition("/")[2]}
