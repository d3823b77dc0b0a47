"""Words: a name is found by the beginning of any word of it, whatever the case, the accents and the order."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.decide.words import filed, holds, words_in, words_of
from core.model.shapes import SHAPES

CONTACT = SHAPES["contact"]
ANNA: dict[str, Any] = {"first_name": "Anna-Lena", "last_name": "Müller O'Néill"}


def test_words_are_small_plain_and_told_once() -> None:
    assert words_in("Anna-Lena  MÜLLER O'Néill, anna") == ("anna", "lena", "muller", "oneill")


@pytest.mark.parametrize(
    ("asked", "how_well"),
    [
        ("anna", 2), ("Müller", 2), ("MULLER anna", 2), ("O’Neill", 2), ("mul an", 1), ("lena o'n", 1),
        ("uller", 0), ("anna smith", 0),
    ],
)  # fmt: skip
def test_a_name_answers_what_begins_its_words(asked: str, how_well: int) -> None:
    assert holds(CONTACT, ANNA, words_in(asked)) == how_well


def test_who_has_no_name_is_called_by_what_is_known() -> None:
    assert words_of(CONTACT, {"email": "thea.kin@kitchen.example"}) == filed(
        "contact", ["thea", "kin", "kitchen", "example"]
    )


def test_a_sentence_for_a_name_is_filed_under_few_words() -> None:
    assert len(words_of(SHAPES["deal"], {"name": " ".join(f"word{n}" for n in range(100))})) == 12


def test_each_kind_is_filed_apart() -> None:
    assert len({filed(kind, ["ann"])[0] for kind in SHAPES}) == len(SHAPES)


@given(st.text(max_size=30), st.data())
def test_any_beginning_of_any_word_is_found_where_it_is_filed(name: str, data: st.DataObject) -> None:
    own = words_in(name)
    if not own:
        return
    word = data.draw(st.sampled_from(own))
    asked = word[: data.draw(st.integers(1, len(word)))]
    values = {"last_name": name}
    (sought,) = filed("contact", [asked])
    under = words_of(CONTACT, values)
    assert own.index(word) >= len(under) or any(sought <= one < sought + b"\xff" for one in under)
    assert holds(CONTACT, values, [asked])
