"""Counts are said as people say them, wherever the hub tells of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.model.many import many, verb

PLACES = ("api", "core")
COUNTED = "review|record|question|entrie|place|stream|write|change|letter|notice|run"
SEVERAL = re.compile(r"(?<!of )(?<!the first )\{[^{}]*:,\} (" + COUNTED + r")s\b")
"""A count with a word after it that is always several."""


@pytest.mark.parametrize(
    ("count", "one", "said"),
    [
        (0, "review", "0 reviews"),
        (1, "review", "1 review"),
        (2, "review", "2 reviews"),
        (1_200, "entry", "1,200 entries"),
        (1, "entry", "1 entry"),
        (2, "day", "2 days"),
        (2, "dead letter", "2 dead letters"),
    ],
)
def test_one_is_said_otherwise_than_several(count: int, one: str, said: str) -> None:
    assert many(count, one) == said


def test_a_word_of_its_own_for_several_and_its_verb() -> None:
    assert many(2, "person", "people") == "2 people"
    assert (verb(1, "is", "are"), verb(0, "is", "are")) == ("is", "are")


def test_no_sentence_says_several_of_whatever_there_is() -> None:
    root = Path(__file__).parents[3]
    found = [
        f"{path.relative_to(root)}: {line.strip()}"
        for place in PLACES
        for path in sorted((root / place).rglob("*.py"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if SEVERAL.search(line)
    ]
    assert found == []
