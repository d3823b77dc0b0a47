"""The small parts of a movement policy's file: words, lengths of time, addresses, conditions, first actions.

Each reader gives the value, or None after it has noted in `source` what is wrong, where, and what to do about it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from core.decide.movement.hours import Span
from core.decide.movement.policy import FirstAction
from core.decide.movement.words import FIRST, FIRST_TYPES, TOLD
from core.decide.reviewing import duration
from core.mapping.filter import Filter, place_of, read_filter
from core.mapping.problem import Place, did_you_mean, one_of
from core.mapping.source import Entry, Node, Source
from core.model.contact_points import email
from core.model.instant import MINUTE, Instant
from core.model.locale import Locale
from core.model.plain import flag
from core.model.shape import Shape
from core.model.values import Json

_LENGTH = "30min, 4h or 2d"
_BRACES = re.compile(r"\{([^{}]*)\}")


@dataclass(slots=True)
class Pieces:
    """Reads parts of one file."""

    source: Source
    shapes: Mapping[str, Shape]
    locale: Locale

    # Maps.

    def entries(self, node: Node, what: str, words: Collection[str] = ()) -> list[Entry]:
        """The lines of a map; with `words`, no others than these."""
        if node.value is None:
            return []
        if not node.is_map:
            self.source.problem(node.place, f"{what} is not a map.", found=node.told(), expected="`key: value` lines")
            return []
        for one in node.entries if words else ():
            if one.key not in words:
                remedy = did_you_mean(one.key, words) or "Leave it out."
                self.source.problem(
                    one.place, f"`{one.key}` is not a word of {what}.", expected=one_of(words), remedy=remedy
                )
        return [one for one in node.entries if not words or one.key in words]

    def below(self, line: Entry, what: str, words: Collection[str]) -> dict[str, Entry]:
        """Word → its line, of a part that has a name."""
        if line.node.value is None:
            self.source.problem(line.place, f"{what} says nothing.", expected=f"lines with {one_of(words)}")
        return {str(one.key): one for one in self.entries(line.node, what, words)}

    def named(self, node: Node, what: str) -> Iterator[Entry]:
        """The lines of a map of names; two that differ by capitals alone are one too many."""
        seen: dict[str, Place] = {}
        for one in self.entries(node, what):
            known = seen.setdefault(str(one.key).strip().casefold(), one.place)
            if known != one.place:
                self.source.problem(
                    one.place,
                    f"{what} has `{one.key}` twice.",
                    found=f"the same name on line {known.line}",
                    remedy="Give one of them another name.",
                )
            yield one

    def needed(self, said: Mapping[str, Entry], key: str, line: Entry, what: str, words: Mapping[str, str]) -> bool:
        """Whether a line is there that cannot be left out."""
        if key not in said and line.node.is_map:
            told = re.sub(r" \(\[.*?\)", "", words[key])
            self.source.problem(line.place, f"{what} has no `{key}`.", expected=told, remedy=f"Add `{key}: …`.")
        return key in said

    # Single values.

    def text(self, line: Entry | None) -> str:
        """Words."""
        if line is None:
            return ""
        if line.node.is_map or line.node.is_list or line.node.value is None:
            self._unfit(line, "words", f"Write `{line.key}: …` on one line.")
            return ""
        return str(line.node.value).strip()

    def told(self, line: Entry | None, words: Collection[str] = TOLD) -> str:
        """Words in which braces stand for the record's own."""
        text = self.text(line)
        for found in _BRACES.findall(text) if line else ():
            if found not in words:
                remedy = did_you_mean(found, words) or "Leave it out."
                self.source.problem(
                    line.node.place if line else Place(1, 1),
                    f"`{{{found}}}` stands for nothing.",
                    expected=one_of(f"{{{one}}}" for one in words),
                    remedy=remedy,
                )
        return text

    def flag(self, line: Entry | None, otherwise: bool) -> bool:
        """Yes or no."""
        if line is None:
            return otherwise
        try:
            found = flag(line.node.plain())
        except ValueError:
            found = None
        if found is None:
            self._unfit(line, "yes or no", "Write yes or no.")
        return otherwise if found is None else bool(found)

    def span(self, line: Entry | None) -> Span | None:
        """A length of working time."""
        said = str(line.node.plain()).strip() if line else ""
        length = self.time(line)
        if length is None:
            return None
        return Span(days=int(said[:-1])) if said.endswith("d") else Span(minutes=length // MINUTE)

    def time(self, line: Entry | None) -> Instant | None:
        """A length of time in which every hour counts, in µs."""
        if line is None:
            return None
        try:
            return duration(str(line.node.plain()))
        except (ValueError, OverflowError):
            self._unfit(line, "a length of time", f"Write {_LENGTH}.")
            return None

    def word(self, line: Entry | None, words: Iterable[str]) -> str:
        """One of some words; '' where it is none of them."""
        return next(iter(self.several(line, words)), "")

    def several(self, line: Entry | None, words: Iterable[str]) -> tuple[str, ...]:
        """One of some words, or a list of them."""
        known, found = [str(one) for one in words], []
        for node in self._nodes(line):
            said = str(node.plain())
            if said in known:
                found.append(said)
            else:
                self.source.problem(
                    node.place,
                    f"`{line.key if line else ''}` has a value it cannot have.",
                    found=node.told(),
                    expected=one_of(known),
                    remedy=did_you_mean(said, known) or "Choose one of these.",
                )
        return tuple(dict.fromkeys(found))

    def _nodes(self, line: Entry | None) -> list[Node]:
        if line is None:
            return []
        return list(line.node.value) if line.node.is_list else [line.node]

    def address(self, said: Json, place: Place) -> str:
        """An email address in its normal form; '' where it is none."""
        try:
            found = email(said) or ""
        except ValueError:
            found = ""
        if not found:
            self.source.problem(
                place,
                "This is no email address.",
                found=f"`{said}`",
                expected="the address by which a tool knows the person",
                remedy="Write it in full, e.g. anna@shop.example.",
            )
        return found

    def addresses(self, line: Entry | None) -> dict[str, int]:
        """Address → share: a single one, a list, or a map."""
        if line is None:
            return {}
        if not line.node.is_map:
            found = [self.address(node.plain(), node.place) for node in self._nodes(line)]
            return {one: 1 for one in found if one}
        shares = {self.address(one.key, one.place): self._share(one) for one in line.node.entries}
        return {one: share for one, share in shares.items() if one}

    def _share(self, line: Entry) -> int:
        found = line.node.value
        if isinstance(found, int) and not isinstance(found, bool) and found > 0:
            return found
        self._unfit(line, "a whole number, at least 1", "Write `2` for twice as much as somebody with `1`.")
        return 1

    # Parts that several sections have.

    def condition(self, line: Entry | None, kind: str, besides: Mapping[str, Json] | None = None) -> Filter:
        """The filter that a line says, with what holds besides where it does not ask for that itself."""
        said = line.node.plain() if line else {}
        if isinstance(said, dict) and (said or line is None):
            said = {**(besides or {}), **said}
        if not said and line is None:
            return Filter(())
        found, faults = read_filter(said, self.shapes[kind], self.locale)
        for fault in faults:
            place = place_of(line, fault) if line else Place(1, 1)
            self.source.problem(place, fault.what, found=fault.found, expected=fault.expected, remedy=fault.remedy)
        return found

    def first(self, line: Entry | None) -> FirstAction | None:
        """A first action."""
        if line is None:
            return None
        said = self.below(line, "`first`", FIRST)
        has_both = [self.needed(said, key, line, "The first action", FIRST) for key in ("say", "within")]
        span = self.span(said.get("within"))
        kind = self.word(said.get("type"), FIRST_TYPES) or "task"
        say = self.told(said.get("say"))
        return FirstAction(say, span, kind) if all(has_both) and span else None

    def _unfit(self, line: Entry, expected: str, remedy: str) -> None:
        said = f"`{line.key}` has a value it cannot have."
        self.source.problem(line.node.place, said, found=line.node.told(), expected=expected, remedy=remedy)
