"""Three address books on real servers, the people in them, and a reader of cards that is not the connector's.

Numbers say who is who: person 7 has the same addresses in every book, and what differs between the books follows
from the number too. Cards are read back from the servers' own answers, line by line, without `connectors.carddav`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4
from xml.etree import ElementTree

import httpx

from api.assembly import Installation
from api.building import ConnectionSpec
from api.settings import Settings
from connectors._kit.dav.servers import Server, radicale, seed, xandikos
from core.flow.hub import Hub
from core.flow.sync import Turn, sync

ROOT = Path(__file__).parents[2]
MAPPING = (ROOT / "mappings" / "carddav.yaml").read_text(encoding="utf-8")
NAMES = ("office", "shop", "van")
"""The connections, the most believed first: two Radicale, one Xandikos."""
RULES = "preference: [office, shop, van]\n"
POLICY = {"*": {"deletes_in": "propagate", "deletes_out": "propagate"}}

_FIRST = ("Ann", "Bo", "Cleo", "Dev", "Eve", "Finn", "Gita", "Hugo", "Ines", "Jóhanna")
_LAST = ("Shore", "O'Neil", "Müller", "Ngô", "van Dam", "Łuk", "Park")
UNKNOWN = (
    "X-FAVOURITE;TYPE=tea:Earl Grey\\, no milk",
    "X-LOYALTY-NUMBER:{number:08d}",
    "RELATED;TYPE=friend:urn:uuid:f81d4fae-7dec-11d0-a765-{number:012d}",
)
"""Lines of every seeded card that the hub has no use for."""


class Cast(NamedTuple):
    """Who is in which book: each holds `common` people that all have, some that one other has too, and its own."""

    size: int
    common: int

    def of(self, book: str) -> list[int]:
        """The people in a book, `size` of them."""
        rest = self.size - self.common
        shared = rest // 3
        place = NAMES.index(book)
        # Book k shares a third of its rest with the book before it and a third with the one behind it.
        pairs = [
            range(self.common + pair * shared, self.common + (pair + 1) * shared) for pair in (place, (place + 2) % 3)
        ]
        alone = rest - 2 * shared
        first = self.common + 3 * shared + place * alone
        return [*range(self.common), *pairs[0], *pairs[1], *range(first, first + alone)]

    @property
    def people(self) -> list[int]:
        """Everybody."""
        return sorted({one for name in NAMES for one in self.of(name)})


def email(number: int) -> str:
    """The address by which a person is known everywhere."""
    return f"person.{number}@firm{number % 50}.example"


def phone(number: int, place: int = 0) -> str:
    """A number as E.164."""
    return f"+4420794{number % 10_000:05d}" if not place else f"+44113496{number % 1_000:04d}"


def card(number: int, book: str) -> str:
    """A person's card as one book holds it."""
    place = NAMES.index(book)
    first, last = _FIRST[number % len(_FIRST)], f"{_LAST[number % len(_LAST)]} {number}"
    title = f"Buyer\\, says the {book}" if number % 5 == 0 else "Buyer"
    lines = [
        "BEGIN:VCARD",
        "VERSION:3.0",
        f"UID:{book}-{number}",
        f"FN:{first} {last}",
        f"N:{last};{first};;;",
        f"EMAIL;TYPE=INTERNET,pref:{email(number).upper() if number % 6 == place else email(number)}",
        f"TEL;TYPE=CELL,pref:{_spelt(phone(number), place if number % 7 < 3 else 0)}",
        f"TITLE:{title}",
        f"ORG:Firm {number % 50};Purchasing",
        f"ADR;TYPE=WORK,pref:;;{number} High Street;Leeds;;LS1 4AP;United Kingdom",
        f"ADR;TYPE=HOME:;;{number} Low Lane;Leeds;;LS2 9JT;United Kingdom",
    ]
    if number % 11 == 0 and place == 1:
        lines.insert(-3, f"TEL;TYPE=WORK:{phone(number, 1)}")
        lines.insert(-3, f"EMAIL;TYPE=HOME:home.{number}@post.example")
    if number % 4 == 0:
        lines.append(f"TEL;TYPE=FAX:+44 20 7946 9{number % 1000:03d}")
    lines += [one.format(number=number) for one in UNKNOWN]
    lines += [f"item1.URL:https://firm{number % 50}.example/", "item1.X-ABLabel:_$!<HomePage>!$_"]
    return "\r\n".join([*lines, "END:VCARD", ""])


def _spelt(number: str, way: int) -> str:
    """A London number the way people type it."""
    area, rest = number[3:5], number[5:]
    return [number, f"0{area} {rest[:4]} {rest[4:]}", f"+44 (0){area}-{rest[:4]}.{rest[4:]}"][way]


def group(book: str, members: Sequence[int]) -> str:
    """A group as Apple keeps it: a card that is no person."""
    lines = ["BEGIN:VCARD", "VERSION:3.0", f"UID:group-{book}", "N:Customers;;;;", "FN:Customers"]
    lines += ["X-ADDRESSBOOKSERVER-KIND:group"]
    lines += [f"X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:{book}-{one}" for one in members]
    return "\r\n".join([*lines, "END:VCARD", ""])


# --- reading, apart from the connector


class Seen(NamedTuple):
    """A card as this reader understands it."""

    path: str
    lines: tuple[str, ...]
    """Its unfolded lines as the server gave them."""

    def values(self, name: str) -> list[str]:
        """The values of a property."""
        found = (line.partition(":") for line in self.lines)
        return [value for head, _, value in found if head.split(";")[0].rpartition(".")[2].upper() == name]

    def of_type(self, name: str, word: str) -> list[str]:
        """The lines of a property that carry a type."""
        return [line for line in self.lines if line.upper().startswith(name) and word in line.partition(":")[0].upper()]

    @property
    def is_group(self) -> bool:
        return self.values("X-ADDRESSBOOKSERVER-KIND") == ["group"]

    @property
    def emails(self) -> frozenset[str]:
        return frozenset(value.lower() for value in self.values("EMAIL"))

    @property
    def phones(self) -> frozenset[str]:
        """As digits with the country's code; no fax."""
        fax = {line.partition(":")[2] for line in self.of_type("TEL", "FAX")}
        return frozenset(_digits(value) for value in self.values("TEL") if value not in fax)

    @property
    def name(self) -> tuple[str, ...]:
        """Family and given name."""
        (value,) = self.values("N")
        return tuple(value.split(";")[:2])

    @property
    def number(self) -> int:
        """Whose card this is."""
        (found,) = {match[1] for one in self.emails if (match := re.match(r"person\.(\d+)@", one))}
        return int(found)

    @property
    def facts(self) -> tuple[object, ...]:
        """What must be equal in every book."""
        street = [line.partition(":")[2] for line in self.lines if line.startswith("ADR") and "Low Lane" not in line]
        return (self.name, self.emails, self.phones, *self.values("TITLE"), *self.values("ORG"), *street)


Cards = dict[int, Seen]
"""Person → card."""


_MULTIGET = (
    '<C:addressbook-multiget xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav">'
    "<prop><C:address-data/></prop>{hrefs}</C:addressbook-multiget>"
)


def _unfolded(text: str) -> tuple[str, ...]:
    return tuple(re.sub(r"\r?\n[ \t]", "", text).splitlines())


def _digits(text: str) -> str:
    digits = re.sub(r"\D", "", text.replace("(0)", ""))
    return digits if digits.startswith("44") else f"44{digits.lstrip('0')}"


@dataclass
class Book:
    """A server's address book as a person's own program sees it."""

    server: Server
    client: httpx.Client

    def cards(self) -> dict[str, Seen]:
        """Path → card, of everything the server lists; two requests."""
        listing = self._ask("PROPFIND", '<propfind xmlns="DAV:"><prop><getetag/></prop></propfind>')
        paths = [one.text or "" for one in listing.iter("{DAV:}href")]
        hrefs = "".join(f"<href>{escape(path)}</href>" for path in paths if path.endswith(".vcf"))
        report = self._ask("REPORT", _MULTIGET.format(hrefs=hrefs))
        found = {}
        for answer in report.iter("{DAV:}response"):
            path, text = (
                answer.findtext("{DAV:}href"),
                answer.findtext(".//{urn:ietf:params:xml:ns:carddav}address-data"),
            )
            assert path is not None
            assert text is not None
            found[path] = Seen(path, _unfolded(text))
        return found

    def _ask(self, method: str, body: str) -> ElementTree.Element:
        headers = {"Depth": "1", "Content-Type": "text/xml"}
        answer = self.client.request(method, self.server.book, headers=headers, content=body.encode())
        return ElementTree.fromstring(answer.raise_for_status().content)  # noqa: S314 - our own server's

    def groups(self) -> list[Seen]:
        """The cards that are no people."""
        return [one for one in self.cards().values() if one.is_group]

    def people(self) -> Cards:
        """Person → card; fails when the book holds somebody twice."""
        cards = [one for one in self.cards().values() if not one.is_group]
        found = {one.number: one for one in cards}
        assert len(found) == len(cards), f"{len(cards)} cards of {len(found)} people"
        return found

    def change(self, seen: Seen, **values: str) -> None:
        """Put a card back with other values: property → value of its first line."""
        lines = list(_unfolded(self.client.get(seen.path).raise_for_status().content.decode()))
        for name, value in values.items():
            place = next(at for at, line in enumerate(lines) if re.match(rf"{name}[;:]", line))
            lines[place] = f"{lines[place].partition(':')[0]}:{value}"
        body = "\r\n".join([*lines, ""]).encode()
        self.client.put(seen.path, content=body, headers={"Content-Type": "text/vcard"}).raise_for_status()

    def add(self, text: str) -> None:
        """Put a new card into the book."""
        path = f"{self.server.book}{uuid4()}.vcf"
        self.client.put(path, content=text.encode(), headers={"Content-Type": "text/vcard"}).raise_for_status()

    def delete(self, seen: Seen) -> None:
        """Take a card away."""
        self.client.delete(seen.path).raise_for_status()


# --- the stage


@dataclass
class Town:
    """The three books and the hub between them."""

    installation: Installation
    cast: Cast
    books: Mapping[str, Book]
    everybody: set[int] = field(default_factory=set)
    """The people who should be in every book."""

    def __post_init__(self) -> None:
        self.everybody = set(self.cast.people)

    @property
    def hub(self) -> Hub:
        """The hub as it is configured now."""
        return self.installation.hub()

    def sync(self) -> list[Turn]:
        """One run until all is quiet; fails on any error."""
        turns = sync(self.hub, until_quiet=True)
        assert not [turn.error for turn in turns if turn.error is not None]
        return turns

    def requests(self) -> dict[str, int]:
        """Requests sent so far, by connection."""
        return {name: self.installation.connector(name).requests for name in self.books}

    def people(self) -> dict[str, Cards]:
        """What the servers hold, read side by side."""
        with ThreadPoolExecutor(len(self.books)) as readers:
            found = readers.map(Book.people, self.books.values())
            return dict(zip(self.books, found, strict=True))


@contextmanager
def town(
    folder: Path,
    cast: Cast,
    *,
    database_url: str | None = None,
    policy: Mapping[str, Mapping[str, object]] = POLICY,
) -> Iterator[Town]:
    """Servers filled and running, and a hub that knows them; all of it ends with the block."""
    with ExitStack() as stack:
        settings = Settings(data=folder / "data", database_url=database_url)
        installation = stack.enter_context(Installation(settings))
        # The servers need a second each to start; they do it side by side.
        with ThreadPoolExecutor(len(NAMES)) as starters:
            entering = [starters.submit(stack.enter_context, _filled(folder / name, name, cast)) for name in NAMES]
            servers = [one.result() for one in entering]
        for name, server in zip(NAMES, servers, strict=True):
            account = {"url": server.url, "username": server.username, "password": server.password}
            installation.put_connection(ConnectionSpec(name, "carddav", account, MAPPING, "carddav.yaml", policy))
        installation.put_rules(RULES, file="rules.yaml")
        books = {
            name: Book(server, stack.enter_context(server.client()))
            for name, server in zip(NAMES, servers, strict=True)
        }
        yield Town(installation, cast, books)


@contextmanager
def _filled(folder: Path, name: str, cast: Cast) -> Iterator[Server]:
    make: AbstractContextManager[Server] = xandikos(folder) if name == "van" else radicale(folder)
    with make as server:
        people = cast.of(name)
        seed(server, {f"{one}.vcf": card(one, name) for one in people} | {"group.vcf": group(name, people[:3])})
        yield server


__all__ = ["NAMES", "UNKNOWN", "Book", "Cards", "Cast", "Seen", "Town", "card", "email", "town"]
