"""Salesforce's ids: 15 characters where case counts, and 18 that say the case again in their last three."""

from __future__ import annotations

import re
from collections import Counter

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_POD = "5g00000"
"""What follows the prefix in every id of this org."""


def long_id(short: str) -> str:
    """The 18 characters of a 15-character id: each of the last three says which of five letters are capitals."""
    chunks = (short[place : place + 5] for place in (0, 5, 10))
    return short + "".join(_SUFFIX[sum(char.isupper() << bit for bit, char in enumerate(chunk))] for chunk in chunks)


def read_id(text: object) -> str | None:
    """The 18 characters of an id in either form, whatever case an 18-character one came in; None for anything else."""
    if not isinstance(text, str) or not re.fullmatch(r"[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?", text):
        return None
    if len(text) == 15:
        return long_id(text)
    if any(char not in _SUFFIX for char in text[15:].upper()):
        return None
    return _recased(text)


def _recased(text: str) -> str | None:
    """An 18-character id with the case that its suffix tells; None where a capital is told of a digit."""
    capitals = [bool(_SUFFIX.index(text[15 + place // 5].upper()) >> place % 5 & 1) for place in range(15)]
    short = "".join(char.upper() if capital else char.lower() for char, capital in zip(text, capitals, strict=False))
    made = long_id(short)
    return made if made[15:] == text[15:].upper() else None


class Ids:
    """Gives new ids, ascending within a prefix as text sorts."""

    def __init__(self) -> None:
        self._given: Counter[str] = Counter()

    def next(self, prefix: str) -> str:
        """The next 18-character id."""
        self._given[prefix] += 1
        number, tail = self._given[prefix], ""
        for _ in range(5):
            number, digit = divmod(number, 62)
            tail = _DIGITS[digit] + tail
        return long_id(f"{prefix}{_POD}{tail}")
