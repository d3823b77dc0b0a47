"""Which line of its kind a card prefers, and what a line is for: `PREF` and `TYPE` in their several spellings."""

from __future__ import annotations

import re

from connectors._kit.dav.contentline import Line

UNMARKED = 101
"""The rank of a line that says nothing about preference; `PREF` goes from 1 to 100."""


def rank(line: Line) -> int:
    """How much this line is preferred among its kind: 1 most, `UNMARKED` when it does not say."""
    for token in line.tokens:
        name, _, text = token.upper().partition("=")
        if name == "PREF":
            return int(text) if re.fullmatch("[0-9]{1,3}", text) else 1
        if name == "TYPE" and "PREF" in _words(text):
            return 1
    return UNMARKED


def types(line: Line) -> frozenset[str]:
    """The words of its TYPE parameters and bare parameters, lower case."""
    found: set[str] = set()
    for token in line.tokens:
        name, equals, text = token.partition("=")
        found |= _words(text.lower()) if equals and name.upper() == "TYPE" else {token.lower()} - {""}
    return frozenset(found)


def unpreferred(line: Line) -> tuple[str, ...]:
    """Its parameters without any mark of preference."""
    kept = []
    for token in line.without("PREF"):
        name, equals, text = token.partition("=")
        if equals and name.upper() == "TYPE" and "PREF" in _words(text.upper()):
            words = [word for word in text.replace('"', "").split(",") if word.upper() != "PREF"]
            token = f"{name}={','.join(words)}" if words else ""  # noqa: PLW2901 - the same parameter, shorter
        if token:
            kept.append(token)
    return tuple(kept)


def _words(text: str) -> set[str]:
    return set(text.replace('"', "").split(","))
