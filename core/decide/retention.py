"""Retention: how long records of a kind are kept, and what then becomes of them; `retention` in the configuration.

contact: {keep: 36 months, since: [last_contacted_at, last_replied_at], then: erase}
activity: {keep: 24 months, then: list}

A record is due when nothing has happened to it for as long as it is kept: none of the moments in `since`, and, where it
has none of them, no change of any kind.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple, cast, get_args

from dateutil.relativedelta import relativedelta

from core.mapping.problem import MappingError, did_you_mean, one_of
from core.mapping.source import Entry, Node, Source
from core.model.instant import Instant, from_iso, instant, moment
from core.model.shape import Shape
from core.model.shapes import SHAPES
from core.model.values import Values

Then = Literal["list", "erase"]
_WORDS = ("keep", "since", "then")
_KEEP = re.compile(r"(\d+)\s*(days?|months?|years?)")


class Retention(NamedTuple):
    """What holds for one kind."""

    kind: str
    number: int
    unit: str
    """days, months or years."""
    since: tuple[str, ...] = ()
    """Fields that hold moments; the newest of them counts."""
    then: Then = "list"
    """`list` shows what is due and does nothing; `erase` erases it when somebody says `concord retention --erase`."""

    def __str__(self) -> str:
        """As it is said."""
        return f"{self.number} {self.unit}"


def is_due(values: Values, updated_at: Instant, rule: Retention, now: Instant) -> bool:
    """Whether a record has been kept for long enough."""
    moments = [from_iso(str(values[name])) for name in rule.since if values.get(name)]
    last = max(moments, default=updated_at)
    span = relativedelta(**{rule.unit: rule.number})  # type: ignore[arg-type]  # one of three names
    return instant(moment(last) + span) <= now


def load_retention(text: str, *, file: str) -> tuple[Retention, ...]:
    """The schedule in a text; `MappingError` with everything that is wrong in it."""
    if not text.strip():
        return ()
    source = Source(file, text)
    root = source.tree()
    found = read_retention(root, source) if root is not None else ()
    if source.problems:
        raise MappingError(source.problems)
    return found


def read_retention(root: Node, source: Source) -> tuple[Retention, ...]:
    """The rules by kind; mistakes are noted in `source`, with their place."""
    if root.value is None:
        return ()
    if not root.is_map:
        expected = "`kind: {keep: 36 months, …}` lines"
        source.problem(root.place, "`retention` is not a map.", found=root.told(), expected=expected)
        return ()
    return tuple(found for line in root.entries if (found := _rule(line, source)) is not None)


def _rule(line: Entry, source: Source) -> Retention | None:
    kind = str(line.key)
    if kind not in SHAPES:
        remedy = did_you_mean(kind, tuple(SHAPES)) or "Choose one of these."
        source.problem(line.place, f"There is no kind `{kind}`.", expected=one_of(tuple(SHAPES)), remedy=remedy)
        return None
    if not line.node.is_map:
        expected = "`{keep: 36 months, since: […], then: list}`"
        source.problem(line.node.place, f"`{kind}` has no rule.", found=line.node.told(), expected=expected)
        return None
    for one in line.node.entries:
        if one.key not in _WORDS:
            remedy = did_you_mean(one.key, _WORDS) or "Leave it out."
            source.problem(one.place, f"`{one.key}` is not a word of a rule.", expected=one_of(_WORDS), remedy=remedy)
    said = {str(one.key): one.node for one in line.node.entries}
    kept = _kept(said.get("keep"), line, source)
    since, then = _since(said.get("since"), source, SHAPES[kind]), _then(said.get("then"), source)
    return Retention(kind, *kept, since, then) if kept else None


def _kept(node: Node | None, line: Entry, source: Source) -> tuple[int, str] | None:
    found = _KEEP.fullmatch(str(node.plain()).strip()) if node is not None else None
    if found is None or not int(found[1]):
        place = node.place if node is not None else line.place
        source.problem(
            place, f"`{line.key}` does not say how long it is kept.", expected="`keep: 36 months`, days or years"
        )
        return None
    return int(found[1]), f"{found[2].rstrip('s')}s"


def _since(node: Node | None, source: Source, shape: Shape) -> tuple[str, ...]:
    if node is None:
        return ()
    plain = node.plain()
    names = tuple(str(one) for one in plain) if isinstance(plain, list) else (str(plain),)
    moments = tuple(name for name, field in shape.fields.items() if field.type == "instant")
    if wrong := next((name for name in names if name not in moments), None):
        remedy = did_you_mean(wrong, moments) or "Choose one of these."
        source.problem(
            node.place, f"`{wrong}` is no moment of a {shape.kind}.", expected=one_of(moments), remedy=remedy
        )
    return names


def _then(node: Node | None, source: Source) -> Then:
    if node is None:
        return "list"
    said = str(node.plain())
    if said not in get_args(Then):
        source.problem(node.place, f"`then: {said}` is nothing that can be done.", expected=one_of(get_args(Then)))
        return "list"
    return cast("Then", said)
