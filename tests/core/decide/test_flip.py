from __future__ import annotations

import pytest

from core.decide.flip import flips
from core.model.instant import DAY, HOUR
from core.model.values import Json


def history(values: str, every: int = HOUR) -> list[tuple[int, Json]]:
    return [(place * every, value) for place, value in enumerate(values)]


@pytest.mark.parametrize(
    ("values", "flipping"),
    [
        ("ababab", False),
        ("abababa", True),
        ("abcabca", False),
        ("abcabcab", True),
        ("abcdefghij", False),
        ("aaaaaaaaaa", False),
        ("aabbaabbaabba", True),
        ("a", False),
        ("", False),
    ],
)
def test_going_back_and_forth_six_times_is_flipping(values: str, flipping: bool):
    assert flips(history(values)) is flipping


def test_slow_changes_are_not():
    assert not flips(history("abababa", every=DAY))
    assert flips(history("abababa", every=DAY), within=7 * DAY)


def test_only_the_time_before_the_latest_change_counts():
    old = [(at - 30 * DAY, value) for at, value in history("abababa")]
    assert not flips([*old, *history("ab")])


def test_the_order_of_the_history_does_not_matter():
    assert flips(history("abababa")[::-1])


def test_how_often_is_up_to_the_caller():
    assert flips(history("aba"), k=2)
    assert not flips(history("aba"), k=3)


def test_values_of_any_type_are_compared():
    values = [{"amount": "1.00", "currency": "GBP"}, None, ["x"], {"currency": "GBP", "amount": "1.00"}]
    assert flips([(place, value) for place, value in enumerate(values)], k=3) is False
    assert flips([(place, values[place % 2]) for place in range(7)])
