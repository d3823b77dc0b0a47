"""The `carddav` connector: contacts in any address-book server, read by sync token and written card by card.

This is the door: settings, check and describe. `discovery.py` finds the book, `reading.py` walks it, `writing.py`
changes it, `vcard.py` and `editing.py` know cards, `dav.py` knows the protocol.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from urllib.parse import urlsplit

import xxhash

from connectors._kit.auth import Basic, NoAuth
from connectors._kit.errors import Reply
from connectors._kit.http import Http
from connectors._kit.limits import Bucket, Unlimited
from connectors.carddav.cards import remotes
from connectors.carddav.dav import Dav
from connectors.carddav.discovery import REMEDY, Book, books_at, choose
from connectors.carddav.reading import Walker
from connectors.carddav.vcard import FIELDS
from connectors.carddav.writing import Writer
from core.errors import Garbled, SchemaChanged, SignedOut, ToolError, Unsupported
from core.ports import (
    Checkup,
    Context,
    Cursor,
    Description,
    Edit,
    Finding,
    Page,
    Receipt,
    Remote,
)

STREAM = "contacts"
_ICLOUD = "icloud.com"


def build(context: Context) -> CardDav:
    """The connector for one connection."""
    return CardDav(context)


class CardDav:
    """One address book. Checks, reads and writes; see `core.ports`."""

    def __init__(self, context: Context) -> None:
        settings = context.settings
        self._url = str(settings["url"])
        self._username = str(settings.get("username") or "")
        self._wanted = str(settings.get("book") or "")
        self._concurrent = max(1, int(settings.get("concurrent") or 4))
        self._clock = context.clock
        self._book: Book | None = None
        self._writer: Writer | None = None
        self._dav = Dav(_http(context, self._url, self._username), max(1, int(settings.get("page_size") or 100)))
        marks = "\n".join((self._url, self._username, self._wanted))
        self._walker = Walker(self._dav, self._find_book, xxhash.xxh3_64_hexdigest(marks.encode()))

    @property
    def requests(self) -> int:
        """How many requests were sent so far."""
        return sum(self._dav.http.calls.values())

    def check(self) -> Checkup:
        """Sign in, find the book and see what we may do there."""
        account = self._username or "anonymous"
        try:
            book = self._find_book()
        except SchemaChanged as error:
            return Checkup(account, (Finding(False, error.message, error.remedy),))
        except Garbled as error:
            return Checkup(account, (Finding(False, error.message, REMEDY),))
        how = "reads only what changed" if book.syncs else "reads everything whenever something changed"
        return Checkup(account, (Finding(True, f"Address book '{book.name}' at {book.path}; {how}."), *_rights(book)))

    def describe(self, stream: str) -> Description:
        """The fields of a card; any `X-…` property is a field too."""
        _only_contacts(stream)
        return Description(stream, FIELDS, open=True)

    def close(self) -> None:
        """Let the connections go."""
        self._dav.http.close()

    def read(self, stream: str, cursor: Cursor | None) -> Page:
        """The next page; see `reading.py`."""
        _only_contacts(stream)
        return self._walker.page(cursor)

    def fetch(self, stream: str, ids: Sequence[str]) -> Sequence[Remote]:
        """These cards as they are now; a missing one as a tombstone."""
        _only_contacts(stream)
        return list(remotes(self._dav, self._known_book().url, list(dict.fromkeys(ids))).values()) if ids else []

    def write(self, stream: str, edits: Sequence[Edit]) -> Sequence[Receipt]:
        """Carry out edits; see `writing.py`."""
        _only_contacts(stream)
        receipts = self._known_writer().write(edits)
        if any(isinstance(receipt.error, SchemaChanged) for receipt in receipts):
            self._book = self._writer = None
        return receipts

    def find(self, stream: str, key: str) -> Remote | None:
        """The card that an earlier create with this key made."""
        _only_contacts(stream)
        return self._known_writer().find(key)

    def _known_writer(self) -> Writer:
        if self._writer is None:
            self._writer = Writer(self._dav, self._known_book().url, self._clock, self._concurrent)
        return self._writer

    def _known_book(self) -> Book:
        return self._book or self._find_book()

    def _find_book(self) -> Book:
        """Look for the book anew: it may have moved to another address."""
        self._book = choose(books_at(self._dav, self._url), self._wanted)
        self._writer = None
        return self._book


def _http(context: Context, url: str, username: str) -> Http:
    is_icloud = f".{urlsplit(url).hostname}".endswith(f".{_ICLOUD}")
    # iCloud does not publish its limits; one request a second is known to be let through (2026-11-21).
    pace = float(context.settings.get("pace") or (1 if is_icloud else 0))
    sleep = context.sleep or time.sleep
    return Http(
        url,
        clock=context.clock,
        auth=Basic(username, str(context.settings.get("password") or "")) if username else NoAuth(),
        limits=Bucket(pace, 1.0, clock=context.clock, sleep=sleep, reserve=0) if pace else Unlimited(),
        sleep=context.sleep,
        explain=_explained,
        # iCloud sends from contacts.icloud.com to hosts such as p42-contacts.icloud.com, which ask for the password.
        trusted=[_ICLOUD] if is_icloud else [],
        connection=context.name,
    )


def _explained(reply: Reply, _: str) -> ToolError | None:
    offered = reply.headers.get("www-authenticate", "").lower()
    if reply.status == 401 and "digest" in offered and "basic" not in offered:
        return SignedOut(
            "The server wants Digest sign-in, which Concord does not speak.",
            remedy="Switch the server to Basic over HTTPS (Baïkal: Settings, WebDAV authentication type).",
        )
    return None


def _rights(book: Book) -> tuple[Finding, ...]:
    if not book.missing:
        return (Finding(True, "The account may read, add, change and delete cards."),)
    remedy = "Ask the owner of the address book to share it with the right to write."
    return tuple(Finding(False, f"The account may not {words} in '{book.name}'.", remedy) for words in book.missing)


def _only_contacts(stream: str) -> None:
    if stream != STREAM:
        raise Unsupported(f"An address book has no stream '{stream}', only '{STREAM}'.", stream=stream)
