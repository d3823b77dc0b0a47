"""Vocabularies: tables of words, between a tool's and ours, both ways.

Several of the tool's words may mean one of ours; the first listed is the one that is written. What to do with a word
that no line names is part of the vocabulary.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from core.mapping.problem import START, Place
from core.mapping.steps.step import Pair, Turn, told
from core.model.values import Json

HANDLINGS = ("keep", "refuse", "blank")
"""What `unknown:` may say besides a canonical word to put in."""

SPELLINGS = ("exact", "any")
"""What `spelling:` may say: whether capitals, spaces, hyphens and the like tell two of the tool's words apart."""

_MARKS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """One named table. `words` is the tool's word → ours, in the order of the file."""

    name: str
    words: Mapping[Json, str]
    unknown: str = "refuse"
    """`keep` passes the word on, `refuse` makes a problem of it, `blank` takes it for nothing; any other text is the
    canonical word that stands in for it."""
    place: Place = START
    places: Mapping[Json, Place] = field(default_factory=dict)
    """The tool's word → where it stands in the file."""
    spelling: str = "exact"
    """`any` takes `Web Form`, `web-form` and `WEBFORM` for one word of the tool's."""
    common: bool = False
    """Whether it comes with the hub and every mapping may use it."""

    @property
    def written(self) -> dict[str, Json]:
        """Our word → the tool's word that is written for it."""
        table: dict[str, Json] = {}
        for theirs, ours in self.words.items():
            table.setdefault(ours, theirs)
        return table

    @property
    def shared(self) -> dict[str, list[Json]]:
        """Our words for which the tool has several, each with those words."""
        table: dict[str, list[Json]] = {}
        for theirs, ours in self.words.items():
            table.setdefault(ours, []).append(theirs)
        return {ours: theirs for ours, theirs in table.items() if len(theirs) > 1}

    @property
    def stand_in(self) -> str | None:
        """The canonical word for unknown ones, where there is one."""
        return None if self.unknown in HANDLINGS else self.unknown

    def knows(self, word: str) -> bool:
        """Whether a word is one of ours here: what `unknown: keep` passed on is not."""
        return word in self.words.values()

    def pair(self) -> Pair:
        """Both ways as functions; a list is turned word by word."""
        return Pair(_each(self._inward()), _each(self._outward()))

    def _inward(self) -> Turn:
        # A tool may send 1 where the file says "1", or the other way round.
        table = {**{str(theirs): ours for theirs, ours in self.words.items()}, **self.words}
        alike = self._alike()

        def inward(value: Json) -> Json:
            found = table.get(value) if value.__hash__ else None
            if found is None:
                found = alike(value)
            return self._unknown(value, self.stand_in) if found is None else found

        return inward

    def _alike(self) -> Turn:
        """What a value means that is spelt otherwise than in the file; None where it is not known so, either."""
        if self.spelling == "exact":
            texts = {str(theirs): ours for theirs, ours in self.words.items()}
            return lambda value: None if isinstance(value, str) else texts.get(str(value))
        plain: dict[str, str] = {}
        for theirs, ours in self.words.items():
            plain.setdefault(_plain(theirs), ours)
        return lambda value: plain.get(_plain(value))

    def _outward(self) -> Turn:
        table, inward = self.written, self._inward()

        def outward(value: Json) -> Json:
            if value in table:
                return table[value]
            word = self._unknown(value, None)
            if word is not None and inward(word) != value:
                raise ValueError(f"{told(value)} is another word's meaning in the vocabulary `{self.name}`")
            return word

        return outward

    def _unknown(self, value: Json, stand_in: str | None) -> Json:
        if stand_in is not None:
            return stand_in
        if self.unknown == "keep":
            return value
        if self.unknown == "blank":
            return None
        raise ValueError(f"{told(value)} is not in the vocabulary `{self.name}`")


def _plain(word: Json) -> str:
    """A word without capitals and without what stands between its letters and digits."""
    return _MARKS.sub("", str(word).casefold())


def _each(turn: Turn) -> Turn:
    def each(value: Json) -> Json:
        if value.__class__ is list:
            return [word for word in map(turn, value) if word is not None] or None
        return turn(value)

    return each
