"""Mischief: repeatable, certain when it is asked for, and gone when it is told to calm down."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors._kit.mischief import Mischief, Switch, spelling, spellings

RULES = ["trim", "upper", "lower", "squeeze", "phone", "truncate 5"]


def test_what_is_queued_happens_so_many_times() -> None:
    mischief = Mischief()
    mischief.once("lost_answer", 2)
    assert [mischief.fires(Switch.LOST_ANSWER) for _ in range(3)] == [True, True, False]
    assert not mischief.fires(Switch.THROTTLED)
    assert mischief.happened[Switch.LOST_ANSWER] == 2


def test_chances_are_seeded() -> None:
    def story(seed: int) -> list[bool]:
        mischief = Mischief(Random(seed), {"throttled": 0.5})
        return [mischief.fires(Switch.THROTTLED) for _ in range(50)]

    assert story(1) == story(1) != story(2)
    assert 10 < sum(story(1)) < 40


def test_calm_is_calm() -> None:
    mischief = Mischief(chances={"throttled": 1.0})
    mischief.once(Switch.CUT)
    mischief.calm()
    assert not [switch for switch in Switch if mischief.fires(switch)]


def test_an_unknown_switch_is_an_error() -> None:
    with pytest.raises(ValueError, match="sunshine"):
        Mischief(chances={"sunshine": 1.0})


@given(st.lists(st.integers()), st.integers())
def test_a_disturbed_page_still_holds_everything(page: list[int], seed: int) -> None:
    mischief = Mischief(Random(seed), {"doubled": 0.5, "shuffled": 0.5})
    assert set(mischief.disturbed(page)) == set(page)


@given(st.sampled_from(RULES), st.text())
def test_spelling_twice_changes_nothing_more(rule: str, text: str) -> None:
    spell = spelling(rule)
    once = spell(text)
    assert spell(once) == once or rule in ("upper", "lower")  # a few letters change length with their case


def test_rules_are_read() -> None:
    read = spellings("phone: phone; last_name: squeeze, upper; title: truncate 3;")
    assert read["phone"]("+44 113-496 0000") == "+4411 3496 0000"
    assert read["phone"]("n/a") == "n/a"
    assert read["last_name"](" van  der ") == "VAN DER"
    assert read["title"]("Director") == "Dir"
    assert spellings("") == {}


@pytest.mark.parametrize("rules", ["phone", "phone: shout", "phone: truncate x"])
def test_wrong_rules_are_errors(rules: str) -> None:
    with pytest.raises(ValueError, match="spelling"):
        spellings(rules)
