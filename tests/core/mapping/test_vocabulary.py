"""Vocabularies both ways, and what becomes of words they do not list."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.mapping import Vocabulary

WORDS = {"new": "lead", "fresh": "lead", "client": "customer", 1: "low"}


def both(unknown: str = "refuse", words: dict | None = None):
    pair = Vocabulary("v", WORDS if words is None else words, unknown).pair()
    assert pair.inward
    assert pair.outward
    return pair.inward, pair.outward


def test_words_go_both_ways_and_the_first_is_written():
    inward, outward = both()
    assert [inward(word) for word in ("new", "fresh", "client", 1, "1")] == ["lead", "lead", "customer", "low", "low"]
    assert [outward(word) for word in ("lead", "customer", "low")] == ["new", "client", 1]


def test_lists_go_word_by_word():
    inward, outward = both("blank")
    assert inward(["new", "client", "odd"]) == ["lead", "customer"]
    assert inward(["odd"]) is None
    assert outward(["lead"]) == ["new"]


@pytest.mark.parametrize(("unknown", "value"), [("keep", "odd"), ("blank", None), ("other", "other")])
def test_unknown_words_of_the_tool(unknown: str, value: object):
    assert both(unknown)[0]("odd") == value


@pytest.mark.parametrize(("unknown", "value"), [("keep", "odd"), ("blank", None)])
def test_unknown_words_of_ours(unknown: str, value: object):
    assert both(unknown)[1]("odd") == value


@pytest.mark.parametrize("unknown", ["refuse", "other"])
def test_words_without_a_counterpart_are_not_invented(unknown: str):
    with pytest.raises(ValueError, match="'odd' is not in the vocabulary `v`"):
        both(unknown)[1]("odd")


def test_an_unknown_word_is_refused_by_name():
    with pytest.raises(ValueError, match="'odd' is not in the vocabulary `v`"):
        both()[0]("odd")
    with pytest.raises(ValueError, match="is not in the vocabulary"):
        both()[0]({"a": 1})


def test_a_kept_word_is_not_written_where_it_means_another():
    _, outward = both("keep")
    with pytest.raises(ValueError, match="another word's meaning"):
        outward("client")


@given(
    st.dictionaries(st.text("abc", min_size=1, max_size=2), st.text("abc", min_size=1, max_size=2), min_size=1),
    st.sampled_from(["keep", "refuse"]),
    st.text("abcd", min_size=1, max_size=2),
)
def test_what_is_written_comes_back(words: dict, unknown: str, value: str):
    inward, outward = both(unknown, words)
    try:
        written = outward(value)
    except ValueError:
        return
    assert inward(written) == value
