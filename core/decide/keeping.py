"""Keeping: how long the hub keeps what it has done; `keep` in the configuration. Records are kept by `retention`.

keep:
history: 13 months      # older edits of one tool in a row are told as one
deliveries: 13 months   # what went out, and what the tool answered
runs: 13 months         # trips of the hub; what people did stays
plans: 90 days          # that nobody has applied
webhooks: 7 days        # as they came, and their events
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from dateutil.relativedelta import relativedelta

from core.mapping.problem import MappingError, did_you_mean, one_of
from core.mapping.source import Entry, Node, Source
from core.model.instant import DAY, Instant, instant, moment

FOREVER = "forever"
_SPAN = re.compile(r"(\d+)\s*(days?|months?|years?)")
_MONTH = 30 * DAY


class Span(NamedTuple):
    """A length of time by the calendar; number 0 is for ever."""

    number: int
    unit: str
    """days, months or years."""

    def before(self, now: Instant) -> Instant | None:
        """What is older than that goes; None where nothing ever does."""
        if not self.number:
            return None
        return instant(moment(now) - relativedelta(**{self.unit: self.number}))  # type: ignore[arg-type]  # one of three

    def __str__(self) -> str:
        """As it is said."""
        return f"{self.number} {self.unit}" if self.number else FOREVER


class _Word(NamedTuple):
    says: str
    usual: Span
    least: Instant
    """A shorter time would break a promise."""
    why: str


WORDS: Mapping[str, _Word] = {
    "history": _Word(
        "each single edit; older edits of one tool in a row are told as one, and what stands stays explained",
        Span(13, "months"), _MONTH, "a run can be undone as long as its edits are told one by one",
    ),
    "deliveries": _Word(
        "what went out to the tools and what they answered",
        Span(13, "months"), _MONTH, "an undo puts back what they say was written over",
    ),
    "runs": _Word(
        "the hub's own trips; what people did stays for good",
        Span(13, "months"), _MONTH, "a run is undone by its number",
    ),
    "plans": _Word("plans that nobody has applied", Span(90, "days"), DAY, "somebody may still apply it"),
    "webhooks": _Word(
        "webhooks as they came, and their events", Span(7, "days"), DAY, "tools send an event again for a day",
    ),
}  # fmt: skip
"""Word of `keep` → what it speaks of, how long by default, and how long at least."""


class Keeping(NamedTuple):
    """How long what is kept."""

    history: Span = WORDS["history"].usual
    deliveries: Span = WORDS["deliveries"].usual
    runs: Span = WORDS["runs"].usual
    plans: Span = WORDS["plans"].usual
    webhooks: Span = WORDS["webhooks"].usual


def load_keeping(text: str, *, file: str) -> Keeping:
    """What a text says; `MappingError` with everything that is wrong in it. No text says what holds by default."""
    if not text.strip():
        return Keeping()
    source = Source(file, text)
    root = source.tree()
    found = read_keeping(root, source) if root is not None else Keeping()
    if source.problems:
        raise MappingError(source.problems)
    return found


def read_keeping(root: Node, source: Source) -> Keeping:
    """What a node says; mistakes are noted in `source`, with their place."""
    if root.value is None:
        return Keeping()
    if not root.is_map:
        source.problem(root.place, "`keep` is not a map.", found=root.told(), expected="`history: 13 months` lines")
        return Keeping()
    spans = {str(line.key): span for line in root.entries if (span := _span(line, source)) is not None}
    return Keeping(**spans)


def _span(line: Entry, source: Source) -> Span | None:
    word = WORDS.get(str(line.key))
    if word is None:
        remedy = did_you_mean(str(line.key), tuple(WORDS)) or "Choose one of these."
        source.problem(
            line.place, f"`{line.key}` is nothing that is kept.", expected=one_of(tuple(WORDS)), remedy=remedy
        )
        return None
    said = str(line.node.plain()).strip()
    if said == FOREVER:
        return Span(0, "days")
    found = _SPAN.fullmatch(said)
    if found is None or not int(found[1]):
        source.problem(
            line.node.place, f"`{line.key}` does not say how long it is kept.", found=line.node.told(),
            expected="`13 months`, days or years, or `forever`", remedy=f"Write `{line.key}: {word.usual}`.",
        )  # fmt: skip
        return None
    span = Span(int(found[1]), f"{found[2].rstrip('s')}s")
    if (DAY * {"days": 1, "months": 30, "years": 365}[span.unit]) * span.number < word.least:
        days = word.least // DAY
        source.problem(
            line.node.place, f"`{line.key}: {span}` is too short: {word.why}.", expected=f"{days} days or more",
            remedy=f"Write `{line.key}: {days} days`, or more.",
        )  # fmt: skip
        return None
    return span
