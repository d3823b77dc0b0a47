"""Counts as people say them: `1 review`, `2 reviews`, `1,200 entries`."""

from __future__ import annotations


def many(count: int, one: str, several: str | None = None) -> str:
    """A count and what is counted; `several` where an `s` at the end does not do."""
    return f"{count:,} {one if count == 1 else several or _several(one)}"


def verb(count: int, one: str, several: str) -> str:
    """The form of a verb that goes with a count."""
    return one if count == 1 else several


def _several(one: str) -> str:
    return f"{one[:-1]}ies" if one.endswith("y") and one[-2:-1] not in "aeiou" else f"{one}s"
