"""One function a rule: from the words about one field, the one that stands, or the question to be asked.

Each takes the words, the rule and the order of sources that decides between equally new words. Ties end the
same way everywhere, by `_newness`, so that no result depends on the order of arrival.

Blank words: for `latest` a clearing is a word like any other and wins when it is the newest; so are the
clearings of a system of record and of a person under `hold`. Every other rule passes blank words over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import orjson

from core.decide.rules import HUB, Rule
from core.model.claim import Stamp
from core.model.instant import Instant, from_iso
from core.model.values import Json, is_blank


class Said(NamedTuple):
    """One source's word for the field at hand."""

    source: str
    value: Json
    stamp: Stamp
    without: tuple[Json, ...] = ()


class Verdict(NamedTuple):
    """What stands. `winner` is None when nobody says anything, or when a set is made of several words.

    When `asked` holds words, no rule decides between them; the value is then that of the earliest.
    """

    value: Json = None
    winner: Said | None = None
    asked: tuple[Said, ...] = ()
    note: str = ""


Order = Sequence[str]
"""Sources, the most believed first."""

STRICTNESS: Mapping[Json, int] = {"granted": 0, "pending": 1, "suppressed": 2, "denied": 3}
"""Consent from the widest to the narrowest; a word that is not here counts as the narrowest."""

NARROWEST = 3


def settle(words: Sequence[Said], rule: Rule, order: Order) -> Verdict:
    """The verdict of a rule over the words about one field."""
    return _RULES[rule.name](words, rule, order) if words else Verdict()


def latest(words: Sequence[Said], _rule: Rule, order: Order) -> Verdict:
    """The newest word. Between words that may each be the newest a person decides, then the order."""
    contenders = in_contention(words)
    if len(contenders) == 1:
        return _stands(contenders[0])
    newest = max(contenders, key=_newness)
    if all(word.value == newest.value for word in contenders):
        return Verdict(newest.value, newest)
    for source in (HUB, *order):
        listed = [word for word in contenders if word.source == source]
        if listed:
            return _stands(max(listed, key=_newness))
    return _asked(contenders, "these edits are too close in time to tell which is newer")


def in_contention(words: Sequence[Said]) -> list[Said]:
    """The words that may be the newest: all but those certainly older than another one."""
    since = max(word.stamp.since for word in words)
    return [word for word in words if word.stamp.at >= since]


def prefer(words: Sequence[Said], rule: Rule, order: Order) -> Verdict:
    """The first source of the list that says something; if none does, the newest word of the others."""
    for source in rule.prefer:
        listed = [word for word in words if word.source == source and not is_blank(word.value)]
        if listed:
            return _stands(max(listed, key=_newness))
    return _latest_saying(words, rule, order)


def system_of_record(words: Sequence[Said], rule: Rule, order: Order) -> Verdict:
    """That source's word, a clearing too; as long as it has never spoken, the newest word of the others."""
    own = [word for word in words if word.source == rule.source]
    return _stands(max(own, key=_newness)) if own else latest(words, rule, order)


def fill(words: Sequence[Said], _rule: Rule, order: Order) -> Verdict:
    """The earliest word that says something; between equally early ones the order decides."""
    rank = {source: place for place, source in enumerate(reversed(order), start=1)}
    saying = [word for word in words if not is_blank(word.value)]
    if not saying:
        return Verdict()
    return _stands(min(saying, key=lambda word: (word.stamp.at, -rank.get(word.source, 0), _newness(word))))


def most_complete(words: Sequence[Said], rule: Rule, order: Order) -> Verdict:
    """The word with most parts, elements or letters; between equally full ones the newest."""
    fullest = max(_size(word.value) for word in words)
    return _latest_saying([word for word in words if _size(word.value) == fullest], rule, order)


def union(words: Sequence[Said], _rule: Rule, _order: Order) -> Verdict:
    """Every element that some source has, unless a source took it out later than anyone had it."""
    elements = united(words)
    whole = [word for word in words if word.value == elements]
    return Verdict(elements or None, max(whole, key=_newness) if whole else None)


def united(words: Iterable[Said]) -> list[Json]:
    """The elements that stand, sorted."""
    held: dict[str, tuple[Instant, Json]] = {}
    taken: dict[str, Instant] = {}
    for word in words:
        at = word.stamp.at
        for element in word.value if isinstance(word.value, list) else ():
            key = element_key(element)
            if key not in held or at > held[key][0]:
                held[key] = at, element
        for element in word.without:
            key = element_key(element)
            taken[key] = max(at, taken.get(key, at))
    return [element for key, (at, element) in sorted(held.items()) if taken.get(key, at) <= at]


def largest(words: Sequence[Said], rule: Rule, order: Order) -> Verdict:
    """The largest number, sum or moment; sums in different currencies are asked about."""
    return _extreme(words, max, rule, order)


def smallest(words: Sequence[Said], rule: Rule, order: Order) -> Verdict:
    """The smallest number, sum or moment; see `largest`."""
    return _extreme(words, min, rule, order)


def strictest(words: Sequence[Said], _rule: Rule, _order: Order) -> Verdict:
    """The narrowest consent. Only the person's own grant, certainly newer, answers a narrower word."""
    grants = [word.stamp.since for word in words if word.stamp.explicit and word.value == "granted"]
    answered = max(grants, default=None)
    live = [
        word
        for word in words
        if not is_blank(word.value) and (answered is None or strictness(word.value) == 0 or word.stamp.at >= answered)
    ]
    if not live:
        return Verdict()
    return _stands(max(live, key=lambda word: (strictness(word.value), _newness(word))))


def strictness(status: Json) -> int:
    """How narrow a consent status is, 0 for granted to 3 for denied."""
    return STRICTNESS.get(status, NARROWEST)


def hold(words: Sequence[Said], rule: Rule, order: Order) -> Verdict:
    """A person's edit in the hub, a clearing too; without one, the newest word.

    For how many days it holds is not decided here: when they are over, the flow retires the person's claim.
    """
    people = [word for word in words if word.source == HUB]
    return _stands(max(people, key=_newness)) if people else latest(words, rule, order)


def ask(words: Sequence[Said], _rule: Rule, _order: Order) -> Verdict:
    """A person's answer, if nothing else was said since; a value on which all agree; else a question."""
    if (answer := _answer(words)) is not None:
        return _stands(answer)
    saying = [word for word in words if not is_blank(word.value)]
    if not saying:
        return Verdict()
    if all(word.value == saying[0].value for word in saying):
        return _stands(max(saying, key=_newness))
    return _asked(saying, "the sources differ, and the rule leaves this to a person")


_RULES: Mapping[str, Callable[[Sequence[Said], Rule, Order], Verdict]] = {
    "latest": latest,
    "prefer": prefer,
    "system_of_record": system_of_record,
    "fill": fill,
    "most_complete": most_complete,
    "union": union,
    "max": largest,
    "min": smallest,
    "strictest": strictest,
    "hold": hold,
    "ask": ask,
}


def element_key(element: Json) -> str:
    """A text that is equal for equal elements, and sorts them."""
    return element if isinstance(element, str) else orjson.dumps(element, option=orjson.OPT_SORT_KEYS).decode()


def _newness(word: Said) -> tuple[Instant, Instant, str, bytes]:
    """Older to newer, and for equally new words some order that is always the same."""
    text = orjson.dumps(word.value, option=orjson.OPT_SORT_KEYS)
    return word.stamp.at, word.stamp.since, word.source, text


def _answer(words: Sequence[Said]) -> Said | None:
    """A person's last word in the hub, if nobody has said anything else since; who says the same agrees with it."""
    answers = [word for word in words if word.source == HUB]
    answer = max(answers, key=_newness, default=None)
    if answer is None or any(word.stamp.at > answer.stamp.at and word.value != answer.value for word in words):
        return None
    return answer


def _stands(word: Said) -> Verdict:
    return Verdict(word.value, word)


def _asked(contenders: Iterable[Said], note: str) -> Verdict:
    """A question; until it is answered the earliest word that says something stands."""
    distinct = {_newness(word): word for word in contenders}
    oldest_first = [word for _, word in sorted(distinct.items())]
    standing = next((word for word in oldest_first if not is_blank(word.value)), oldest_first[0])
    return Verdict(standing.value, standing, tuple(oldest_first), note)


def _latest_saying(words: Iterable[Said], rule: Rule, order: Order) -> Verdict:
    saying = [word for word in words if not is_blank(word.value)]
    return latest(saying, rule, order) if saying else Verdict()


def _size(value: Json) -> int:
    """How much a value says: parts of an address, elements of a set, letters of a text."""
    if is_blank(value):
        return 0
    return len(value) if isinstance(value, str | list | dict) else 1


def _extreme(words: Sequence[Said], pick: Callable[..., Any], rule: Rule, order: Order) -> Verdict:
    saying = [word for word in words if not is_blank(word.value)]
    if not saying:
        return Verdict()
    if len({_unit(word.value) for word in saying}) > 1:
        if (answer := _answer(words)) is not None:
            return _stands(answer)
        return _asked(saying, "amounts in different currencies cannot be compared")
    end = pick(_measure(word.value) for word in saying)
    return latest([word for word in saying if _measure(word.value) == end], rule, order)


def _unit(value: Json) -> str:
    return str(value.get("currency", "")) if isinstance(value, dict) else ""


def _measure(value: Json) -> Any:
    """What a value is compared by: an amount, a moment, or itself (numbers; dates, which sort as text)."""
    if isinstance(value, dict):
        return Decimal(value["amount"])
    if isinstance(value, str) and "T" in value:
        return from_iso(value)
    return value
