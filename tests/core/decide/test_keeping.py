"""`keep` in the configuration: how long what the hub has done is kept."""

from __future__ import annotations

import pytest

from core.decide.keeping import WORDS, Keeping, Span, load_keeping
from core.mapping.problem import MappingError
from core.model.instant import DAY, from_iso

NOW = from_iso("2026-03-31T12:00:00Z")


def test_what_is_not_said_is_as_usual():
    assert load_keeping("", file="f") == Keeping() == load_keeping("keep:\n".replace("keep:", "{}"), file="f")
    found = load_keeping("history: 2 years\nwebhooks: 1 day\nruns: forever", file="f")
    assert found == Keeping(history=Span(2, "years"), webhooks=Span(1, "days"), runs=Span(0, "days"))


def test_spans_go_by_the_calendar():
    assert Span(1, "months").before(NOW) == from_iso("2026-02-28T12:00:00Z")
    assert Span(7, "days").before(NOW) == NOW - 7 * DAY
    assert Span(0, "days").before(NOW) is None
    assert [str(one) for one in (Span(0, "days"), Span(13, "months"))] == ["forever", "13 months"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("histroy: 1 year", ("histroy", "history")),
        ("history: soon", ("13 months", "concord.yaml:1:10")),
        ("history: 0 days", ("13 months",)),
        ("runs: 2 days", ("too short", "30 days")),
        ("webhooks: [1]", ("webhooks",)),
        ("- 1", ("not a map",)),
    ],
)
def test_a_mistake_is_told_with_its_place_and_a_remedy(text: str, words: tuple[str, ...]):
    with pytest.raises(MappingError) as told:
        load_keeping(text, file="concord.yaml")
    for word in words:
        assert word in str(told.value)


def test_every_word_has_a_default_that_it_allows():
    for name, word in WORDS.items():
        assert load_keeping(f"{name}: {word.usual}", file="f") == Keeping()
