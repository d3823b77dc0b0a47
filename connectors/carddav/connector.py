"""The `carddav` connector: contacts in any address-book server, read by sync token and written card by card.

This is the door: settings, check and describe. `connectors/_kit/dav` finds the book, walks it and changes it;
`cards.py`, `vcard.py` and `editing.py` know cards.
"""

from __future__ import annotations

from collections.abc import Sequence

import xxhash

from connectors._kit.dav.connection import http_for
from connectors._kit.dav.discovery import Collection, choose, collections_at, remedy
from connectors._kit.dav.members import Members
from connectors._kit.dav.protocol import Dav
from connectors._kit.dav.reading import Walker
from connectors._kit.dav.writing import Writer
from connectors.carddav.cards import CARDDAV, Cards
from connectors.carddav.vcard import FIELDS
from core.errors import Garbled, SchemaChanged, Unsupported
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


def build(context: Context) -> CardDav:
    """The connector for one connection."""
    return CardDav(context)


class CardDav:
    """One address book. Checks, reads and writes; see `core.ports`."""

    def __init__(self, context: Context) -> None:
        settings = context.settings
        self._url, self._form = str(settings["url"]), Cards()
        self._username = str(settings.get("username") or "")
        self._wanted = str(settings.get("book") or "")
        self._concurrent = max(1, int(settings.get("concurrent") or 4))
        self._clock = context.clock
        self._book: Collection | None = None
        self._writer: Writer | None = None
        self._dav = Dav(http_for(context), CARDDAV, max(1, int(settings.get("page_size") or 100)))
        self._members = Members(self._dav, self._form)
        marks = "\n".join((self._url, self._username, self._wanted))
        settings_mark = xxhash.xxh3_64_hexdigest(marks.encode())
        self._walker = Walker(self._dav, self._members, self._find_book, settings_mark)

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
            return Checkup(account, (Finding(False, error.message, remedy(self._dav)),))
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
        """The next page; see `_kit/dav/reading.py`."""
        _only_contacts(stream)
        return self._walker.page(cursor)

    def fetch(self, stream: str, ids: Sequence[str]) -> Sequence[Remote]:
        """These cards as they are now; a missing one as a tombstone."""
        _only_contacts(stream)
        return list(self._members.at(self._known_book().url, list(dict.fromkeys(ids))).values()) if ids else []

    def write(self, stream: str, edits: Sequence[Edit]) -> Sequence[Receipt]:
        """Carry out edits; see `_kit/dav/writing.py`."""
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
            self._writer = Writer(self._dav, self._form, self._known_book(), self._clock, self._concurrent)
        return self._writer

    def _known_book(self) -> Collection:
        return self._book or self._find_book()

    def _find_book(self) -> Collection:
        """Look for the book anew: it may have moved to another address."""
        found = collections_at(self._dav, self._url)
        self._book = choose(found, self._wanted, room=CARDDAV.room, setting=CARDDAV.setting)
        self._writer = None
        return self._book


def _rights(book: Collection) -> tuple[Finding, ...]:
    if not book.missing:
        return (Finding(True, "The account may read, add, change and delete cards."),)
    remedy = "Ask the owner of the address book to share it with the right to write."
    return tuple(Finding(False, f"The account may not {words} in '{book.name}'.", remedy) for words in book.missing)


def _only_contacts(stream: str) -> None:
    if stream != STREAM:
        raise Unsupported(f"An address book has no stream '{stream}', only '{STREAM}'.", stream=stream)
