"""One contact card, read: its fields in plain words.

One vCard property can hold several values and one value can sit in several properties, so the mapping speaks
of simple fields (`email`, `other_emails`, `n.given`, `adr.city`) and this module knows where they live;
`editing.py` writes them. No text whatever makes reading fail with anything but `CardError`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from connectors._kit.dav.contentline import Line, parts, split, unescape
from connectors._kit.dav.dialect import MemberError
from connectors.carddav.preference import rank, types
from core.model.instant import Instant, from_iso
from core.ports import FieldInfo, Fields

N_PARTS = ("family", "given", "additional", "prefix", "suffix")
ADR_PARTS = ("pobox", "extended", "street", "city", "region", "postal_code", "country")
ADDRESS = ADR_PARTS[2:]
"""The parts that make a canonical address; the first two are deprecated and only ever kept."""
ORG_PARTS = ("org", "department")
TEXTS = {"fn": "FN", "nickname": "NICKNAME", "title": "TITLE", "role": "ROLE", "note": "NOTE", "url": "URL"}
"""Fields that are the whole value of a property, the preferred one where there are several."""

_KINDS = ("X-ADDRESSBOOKSERVER-KIND", "KIND")
LABELS = frozenset({"X-ABLABEL", "X-ABADR"})
"""Lines that only say something about another line of their group."""
_STAMP = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)T(\d\d):?(\d\d):?(\d\d)(?:\.\d+)?(Z|[+-]\d\d:?\d\d)", re.ASCII)
_NOT_FOR_TALKING = frozenset({"fax", "pager", "modem", "textphone", "bbs"})

FIELDS: tuple[FieldInfo, ...] = (
    FieldInfo("fn", label="Full name, as address books show it"),
    *(FieldInfo(f"n.{part}", label=f"Name: {part}") for part in N_PARTS),
    FieldInfo("nickname", label="Nickname"),
    FieldInfo("email", "email", label="Preferred email address, else the first"),
    FieldInfo("other_emails", "json", label="All other email addresses"),
    FieldInfo("phone", "phone", label="Preferred telephone number, else the first; no fax or pager"),
    FieldInfo("other_phones", "json", label="All other telephone numbers; no fax or pager"),
    FieldInfo("org", label="Organisation"),
    FieldInfo("department", label="Department, the organisation's first unit"),
    FieldInfo("title", label="Job title"),
    FieldInfo("role", label="Role"),
    FieldInfo("note", label="Note"),
    FieldInfo("url", "url", label="Website"),
    FieldInfo("bday", "date", label="Birthday with a year"),
    FieldInfo("bday_text", label="Birthday that is no full date, as it stands", read_only=True),
    FieldInfo("categories", "tags", label="Categories"),
    FieldInfo("adr", "address", label="Preferred address, else the first"),
    *(FieldInfo(f"adr.{part}", label=f"Address: {part}") for part in ADDRESS),
    FieldInfo("uid", label="The card's own id", read_only=True),
    FieldInfo("card", label="The whole card as text", read_only=True),
)
"""The fields every card may have. Any `X-…` property is a field too, by its name in lower case."""


class CardError(MemberError):
    """This text is no card, or this change cannot stand in one; the message is one plain sentence."""


class Card(NamedTuple):
    """A card as read."""

    fields: Fields
    """What it says, blank fields left out, and its whole text under `card`."""
    revised_at: Instant | None
    """The moment in REV, where the card has one with a zone."""
    is_group: bool
    """It is a group of contacts (Apple and vCard 4.0 keep groups as cards), not a contact."""


class Points(NamedTuple):
    """A property with several values of which one is preferred."""

    name: str
    first: str
    rest: str
    alike: Callable[[str, str], bool]
    """Whether two spellings mean the same value."""


def _same_number(one: str, other: str) -> bool:
    # With or without country code and trunk zero, however grouped: the shorter number ends the longer one.
    digits = ["".join(filter(str.isdecimal, number)).lstrip("0") for number in (one, other)]
    short, long = sorted(digits, key=len)
    return one == other or (len(short) >= 6 and long.endswith(short))


POINTS = (
    Points("EMAIL", "email", "other_emails", lambda one, other: one.casefold() == other.casefold()),
    Points("TEL", "phone", "other_phones", _same_number),
)


def read(text: str) -> Card:
    """Read a card. Raises `CardError` for what is no whole card."""
    by_name: dict[str, list[Line]] = {}
    for line in body(split(text)):
        by_name.setdefault(line.name, []).append(line)
    fields: Fields = {field: _text(by_name.get(name, ())) for field, name in TEXTS.items()}
    fields["n"] = _named(by_name.get("N", ())[:1], N_PARTS)
    fields["adr"] = _named(best(by_name.get("ADR", ())), ADR_PARTS)
    fields |= _named(best(by_name.get("ORG", ())), ORG_PARTS)
    for points in POINTS:
        fields[points.first], fields[points.rest] = _points(holding(by_name.get(points.name, ()), points))
    fields["bday"] = _date(by_name.get("BDAY", ()))
    fields["bday_text"] = "" if fields["bday"] else _text(by_name.get("BDAY", ()))
    fields["categories"] = _categories(by_name.get("CATEGORIES", ()))
    fields["uid"] = _text(by_name.get("UID", ())[:1])
    fields |= {name.lower(): _text(own) for name, own in by_name.items() if is_extra(name.lower())}
    return Card(
        {name: value for name, value in fields.items() if value} | {"card": text},
        _stamp(_text(by_name.get("REV", ()))),
        any(_text(by_name.get(name, ())).lower() == "group" for name in _KINDS),
    )


def body(lines: Iterable[Line]) -> list[Line]:
    """The lines of the first card, without those of a card inside it (vCard 2.1's AGENT) and its last one."""
    depth = 0
    own: list[Line] = []
    for line in lines:
        if depth == 0 and not (line.name == "BEGIN" or not line.raw.strip("\ufeff \t\r\n")):
            raise CardError("the text does not begin with BEGIN:VCARD")
        if line.name == "BEGIN":
            depth += 1
            if depth == 1 and line.value.strip().upper() != "VCARD":
                raise CardError("the text is not a card but something else")
        elif line.name == "END":
            depth -= 1
        if depth == 1 and line.name != "END":
            own.append(line)
        if depth == 0 and own:
            return own
    raise CardError("the card is cut off: END:VCARD is missing" if depth else "the text is empty")


def best(lines: Iterable[Line]) -> list[Line]:
    """Lines that say something, the preferred one first."""
    return sorted((line for line in lines if line.value.strip("; \t")), key=rank)


def _text(lines: Iterable[Line]) -> str:
    line = next(iter(best(lines)), None)
    return unescape(line.value) if line else ""


def part(piece: str) -> str:
    """One part of a structured value as one text."""
    # Many cards leave the commas of a street bare; read as one text either way.
    return ", ".join(filter(None, map(unescape, parts(piece, ","))))


def _named(lines: Iterable[Line], names: tuple[str, ...]) -> Fields:
    line = next(iter(lines), None)
    pieces = parts(line.value, ";") if line else []
    return {name: text for name, piece in zip(names, pieces, strict=False) if (text := part(piece))}


def holding(lines: Iterable[Line], points: Points) -> list[Line]:
    """The lines with an address or number to write to or talk on."""
    return [line for line in lines if point(line) and (points.name == "EMAIL" or _is_voice(line))]


def _is_voice(line: Line) -> bool:
    return not types(line) & _NOT_FOR_TALKING or bool(types(line) & {"voice", "cell"})


def point(line: Line) -> str:
    """The address or number itself, without `tel:` or `mailto:`."""
    text = unescape(line.value)
    scheme, colon, rest = text.partition(":")
    return rest.strip() if colon and scheme.lower() in ("tel", "mailto") else text


def _points(lines: list[Line]) -> tuple[str, list[str]]:
    if not lines:
        return "", []
    first = point(best(lines)[0])
    return first, [value for value in dict.fromkeys(map(point, lines)) if value != first]


def _categories(lines: Iterable[Line]) -> list[str]:
    words = [unescape(word) for line in lines for word in parts(line.value, ",")]
    return [word for word in dict.fromkeys(words) if word]


def _date(lines: Iterable[Line]) -> str:
    line = next(iter(best(lines)), None)
    if line is None:
        return ""
    found = re.match(r"(\d{4})-?(\d\d)-?(\d\d)(?:T|\Z)", unescape(line.value), re.ASCII)
    # Apple writes a birthday without a year as one in 1604 and says so in a parameter.
    if not found or any(token.upper().startswith("X-APPLE-OMIT-YEAR") for token in line.tokens):
        return ""
    text = "-".join(found.groups())
    return text if iso_date(text) else ""


def iso_date(text: str) -> bool:
    """Whether a text is a date like 1996-04-15."""
    try:
        return len(text) == 10 and from_iso(f"{text}T00:00:00Z") is not None
    except ValueError:
        return False


def is_extra(name: str) -> bool:
    """Whether a field, by its lower-case name, is an `X-…` property of its own."""
    return bool(re.fullmatch(r"x-[\w-]+", name)) and name.upper() not in (*LABELS, *_KINDS)


def _stamp(text: str) -> Instant | None:
    found = _STAMP.fullmatch(text)
    if not found:
        return None
    year, month, day, hour, minute, second, zone = found.groups()
    zone = zone if zone == "Z" else f"{zone[:3]}:{zone[-2:]}"
    try:
        return from_iso(f"{year}-{month}-{day}T{hour}:{minute}:{second}{zone}")
    except (ValueError, OverflowError):
        return None
