"""Edits of a contact card that leave every other line as it stands.

The laws, held by tests: what was edited reads back as it was written, what was not edited stays byte for
byte, and an edit that changes nothing changes nothing. A value that moves (an address that becomes the
preferred one) keeps its line and so its parameters. Only FN, REV and group labels follow on their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from connectors._kit.dav.contentline import Line, escape, parts, unescape
from connectors._kit.dav.draft import Draft, listed, plain
from connectors.carddav.preference import rank, unpreferred
from connectors.carddav.vcard import (
    ADDRESS,
    ADR_PARTS,
    LABELS,
    N_PARTS,
    ORG_PARTS,
    POINTS,
    TEXTS,
    CardError,
    Points,
    best,
    body,
    holding,
    is_extra,
    iso_date,
    part,
    point,
    read,
)
from core.model.values import Json
from core.ports import Fields

_NAME_STYLES = (
    ("given", "family"),
    ("given", "additional", "family"),
    ("prefix", "given", "family"),
    ("prefix", "given", "additional", "family", "suffix"),
    ("given", "family", "suffix"),
    ("family", "given"),
)


def new(uid: str, changes: Mapping[str, Json]) -> str:
    """A card for these fields, vCard 3.0: every server and client takes it."""
    bare = f"BEGIN:VCARD\r\nVERSION:3.0\r\nUID:{uid}\r\nFN:\r\nN:;;;;\r\nEND:VCARD\r\n"
    return edit(bare, {"fn": None, **changes})


def edit(text: str, changes: Mapping[str, Json], *, revision: str | None = None) -> str:
    """The card with these fields changed; None, blank text and empty lists clear.

    `revision` becomes the card's REV if it has one and anything changed. Raises `MemberError`.
    """
    card = _Draft(text)
    for name, value in _flat(changes).items():
        card.put(name, value)
    for points in POINTS:
        if points.first in changes or points.rest in changes:
            card.put_points(points, changes)
    if card.text != text or "fn" in changes:
        card.put_shown_name(changes)
    if revision and card.text != text:
        card.put_text("REV", revision, only_if_there=True)
    return card.text


class _Draft(Draft):
    """A card being edited: its lines, replaced one by one."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.before = read(text).fields
        self.version = next((line.value.strip() for line in self.named("VERSION")), "3.0")

    def own(self) -> list[Line]:
        """The lines of the card itself."""
        return body(self.lines)

    def put(self, name: str, value: Json) -> None:
        """Set one flat field. Those with several values are left to `put_points`."""
        group, _, place = name.rpartition(".")
        if name in TEXTS:
            self.put_text(TEXTS[name], plain(name, value))
        elif name == "bday":
            self.put_birthday(plain(name, value))
        elif name == "categories":
            self.put_categories(listed(name, value), best(self.named("CATEGORIES")))
        elif name in ORG_PARTS:
            self.put_part("ORG", ORG_PARTS, name, plain(name, value))
        elif group in ("n", "adr") and place in (N_PARTS if group == "n" else ADR_PARTS):
            self.put_part(group.upper(), N_PARTS if group == "n" else ADR_PARTS, place, plain(name, value))
        elif is_extra(name):
            self.put_text(name.upper(), plain(name, value))
        elif not any(name in (points.first, points.rest) for points in POINTS):
            raise CardError(f"'{name}' is not a field of a card that can be written")

    def put_text(self, name: str, value: str, *, only_if_there: bool = False) -> None:
        """The preferred line of this name gets this value; no value removes it."""
        held = best(self.named(name))
        # An address is not text: its commas and semicolons stand as they are.
        spelt = escape(value) if name != "URL" else value.replace("\\", "\\\\").replace("\n", "\\n")
        if held and not value:
            self.swap(held[0], "") if name == "FN" else self.remove(held[:1])
        elif held and unescape(held[0].value) != value:
            self.swap(held[0], spelt)
        elif not held and value and self.named(name):
            self.swap(self.named(name)[0], spelt)
        elif not held and value and not only_if_there:
            self.add(name, spelt)

    def put_part(self, name: str, names: tuple[str, ...], which: str, value: str) -> None:
        """One part of a structured value; the other parts stay as they are spelt."""
        held = self.named(name)[:1] if name == "N" else best(self.named(name))
        pieces = parts(held[0].value, ";") if held else []
        pieces += [""] * (len(names) - len(pieces)) if name != "ORG" or which != "org" else [""] * (not pieces)
        place = names.index(which)
        if part(pieces[place]) == value:
            return
        pieces[place] = escape(value)
        spelt = ";".join(pieces)
        if not held:
            self.add(name, spelt)
        elif spelt.strip("; ") or name == "N":
            # A formatted label would go on showing the old address.
            self.swap(held[0], spelt, held[0].without("LABEL"))
        else:
            self.remove(held[:1])

    def put_birthday(self, value: str) -> None:
        """A full date, in the form the line or the card's version has."""
        held = best(self.named("BDAY"))
        if value == self.before.get("bday", ""):
            return
        if value and not iso_date(value):
            raise CardError(f"'bday' takes a date like 1996-04-15, not '{value[:20]}'")
        basic = not re.search(r"\d-\d", held[0].value) if held else self.version == "4.0"
        spelt = value.replace("-", "") if basic else value
        if not value:
            self.remove(held)
        elif held:
            self.swap(held[0], spelt, held[0].without("VALUE", "X-APPLE-OMIT-YEAR"))
        else:
            self.add("BDAY", spelt)

    def put_points(self, points: Points, changes: Mapping[str, Json]) -> None:
        """Give the card these values, each in the line that has it already, so that its parameters stay."""
        first, rest = self.wanted_points(points, changes)
        lines = holding(self.named(points.name), points)
        wanted = list(dict.fromkeys([first, *rest] if first else rest))
        value_at = _places(lines, wanted, points)
        missing = [value for value in wanted if value not in value_at.values()]
        stood = next((place for place, line in enumerate(lines) if line is best(lines)[0]), None)
        if first in missing and stood is not None and stood not in value_at:
            # The value that stood is replaced where it stood, unless it goes on as one of the others.
            value_at[stood] = first
            missing.remove(first)
        self.remove([line for place, line in enumerate(lines) if place not in value_at])
        for place, value in value_at.items():
            self.put_point(lines[place], value)
        for value in missing:
            self.add(points.name, escape(value))
        if first:
            self.prefer(points, first)

    def wanted_points(self, points: Points, changes: Mapping[str, Json]) -> tuple[str, list[str]]:
        """The value that is to stand first and all others."""
        before, others = self.before.get(points.first, ""), self.before.get(points.rest, [])
        first = plain(points.first, changes[points.first]) if points.first in changes else before
        if points.rest in changes:
            return first, [value for value in listed(points.rest, changes[points.rest]) if value != first]
        # Nobody asked to lose the one that stood when another of the card's own takes its place.
        moved = [before] if any(points.alike(first, other) for other in others) and first != before else []
        return first, [*moved, *(value for value in others if not points.alike(value, first))]

    def put_point(self, line: Line, value: str) -> None:
        """Another value in the same line; a `tel:` address stays one where the number fits in it."""
        is_uri = line.value.strip().lower().startswith(("tel:", "mailto:"))
        if point(line) == value:
            return
        if is_uri and re.fullmatch(r"\+?[0-9().-]+", value):
            self.swap(line, f"tel:{value}")
        else:
            self.swap(line, escape(value), line.without("VALUE") if is_uri else line.tokens)

    def prefer(self, points: Points, first: str) -> None:
        """Mark lines so that `first` is the preferred value, touching none when it is already."""
        lines = best(holding(self.named(points.name), points))
        if point(lines[0]) == first:
            return
        for line in lines:
            if rank(line) <= 1 and point(line) != first:
                self.swap(line, line.value, unpreferred(line))
        lines = best(holding(self.named(points.name), points))
        if point(lines[0]) != first:
            chosen = next(line for line in lines if point(line) == first)
            mark = "PREF=1" if self.version == "4.0" else "TYPE=pref"
            self.swap(chosen, chosen.value, [*unpreferred(chosen), mark])

    def put_shown_name(self, changes: Mapping[str, Json]) -> None:
        """FN must be there and say something; one that was made of the name follows the name."""
        shown = self.before.get("fn", "")
        after = read(self.text).fields
        if "fn" in changes or not shown:
            self.put_text("FN", after.get("fn") or _display_name(after))
        elif style := _name_style(shown, self.before):
            self.put_text("FN", _in_style(after, style) or _display_name(after))
        elif shown == _display_name(self.before):
            self.put_text("FN", _display_name(after))

    def remove(self, gone: Iterable[Line]) -> None:
        """Take lines out, and the labels of groups of which nothing else is left."""
        gone = list(gone)
        groups = {line.group for line in gone if line.group}
        kept = [line for line in self.lines if not any(line is one for one in gone)]
        spoken = {line.group for line in kept if line.name not in LABELS}
        self.lines = [line for line in kept if line.group not in groups or line.group in spoken]


def _places(lines: list[Line], wanted: list[str], points: Points) -> dict[int, str]:
    """Which line is to hold which value: its own, else one that means the same, spelt otherwise."""
    value_at = {place: point(line) for place, line in enumerate(lines) if point(line) in wanted}
    for value in wanted:
        if value not in value_at.values():
            alike = (
                place for place, line in enumerate(lines) if place not in value_at and points.alike(point(line), value)
            )
            value_at |= dict.fromkeys(list(alike)[:1], value)
    return value_at


def _flat(changes: Mapping[str, Json]) -> dict[str, Json]:
    """Changes with `n` and `adr` taken apart; a whole address clears the parts it does not name."""
    flat: dict[str, Json] = {}
    for name, value in changes.items():
        if name not in ("n", "adr"):
            flat[name] = value
            continue
        if value is not None and not isinstance(value, dict):
            raise CardError(f"'{name}' must be an object with parts such as {name}.{ADDRESS[1]}")
        named = value or {}
        for inner in {**dict.fromkeys(ADDRESS if name == "adr" else N_PARTS), **named}:
            flat[f"{name}.{inner}"] = named.get(inner)
    return flat


def _in_style(fields: Fields, style: tuple[str, ...]) -> str:
    name = fields.get("n", {})
    return " ".join(name[one] for one in style if one in name)


def _name_style(shown: str, fields: Fields) -> tuple[str, ...] | None:
    return next((style for style in _NAME_STYLES if shown and shown == _in_style(fields, style)), None)


def _display_name(fields: Fields) -> str:
    """What to show for a card: its name, else its organisation, else a way to reach it."""
    name = _in_style(fields, _NAME_STYLES[0]) or fields.get("org") or fields.get("nickname")
    return str(name or fields.get("email") or fields.get("phone") or "Unnamed")
