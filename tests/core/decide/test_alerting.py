"""Alerting: what is told when, as properties over looks at a world that is sometimes wrong, and as small stories."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.decide.alerting import Alerting, News, Standing, Trouble, compare, load_alerting, next_told
from core.mapping.problem import MappingError
from core.model.instant import HOUR, MINUTE

RESTS = Trouble("connection", "crm", "crm rests: signed out", "Sign in again.")


def looks(alerting: Alerting, present: list[bool], every: int = MINUTE) -> list[list[str]]:
    """What is told at each look, while a trouble is there or not."""
    stands: list[Standing] = []
    told = []
    for number, there in enumerate(present):
        news, stands = compare(alerting, stands, [RESTS] if there else [], number * every)
        told.append([one.what for one in news])
    return told


def test_it_is_told_when_it_has_lasted_again_while_it_lasts_and_once_when_it_is_over() -> None:
    alerting = Alerting(after=2 * MINUTE, again=HOUR)
    told = looks(alerting, [True] * 130 + [False] * 10)
    assert [(minute, what) for minute, whats in enumerate(told) for what in whats] == [
        (2, "first"), (62, "again"), (122, "again"), (132, "over"),
    ]  # fmt: skip


def test_what_is_over_before_anybody_heard_is_never_told() -> None:
    assert looks(Alerting(after=2 * MINUTE), [True, True, False, False, True, False, False]) == [[]] * 7


def test_what_comes_back_within_a_moment_was_never_over() -> None:
    told = looks(Alerting(after=2 * MINUTE), [True] * 4 + [False] + [True] * 4 + [False] * 4)
    assert [what for whats in told for what in whats] == ["first", "over"]


@given(st.lists(st.booleans(), max_size=80), st.integers(0, 5), st.integers(1, 20))
def test_first_and_over_take_turns_and_again_comes_between(present: list[bool], after: int, again: int) -> None:
    told = looks(Alerting(after=after * MINUTE, again=again * MINUTE), present)
    open_ = False
    for what in (what for whats in told for what in whats):
        assert (what == "first") != open_
        open_ = what != "over"


@given(st.lists(st.sampled_from(["lag", "queue", "brake"]), unique=True), st.sampled_from(["lag", "queue", "brake"]))
def test_troubles_do_not_touch_one_another(kinds: list[str], watched: str) -> None:
    alerting = Alerting(after=0)
    troubles = [Trouble(kind, "crm", kind) for kind in kinds]
    news, stands = compare(alerting, [], troubles, 0)
    assert {one.about.kind for one in news} == set(kinds) == {one.kind for one in stands}
    news, _ = compare(alerting, stands, [one for one in troubles if one.kind != watched], MINUTE)
    assert [(one.what, one.about.kind) for one in news] == ([("over", watched)] if watched in kinds else [])


def test_the_words_are_those_of_now_and_the_age_that_of_the_beginning() -> None:
    _, stands = compare(Alerting(after=MINUTE), [], [RESTS], 0)
    news, _ = compare(Alerting(after=MINUTE), stands, [RESTS._replace(says="crm rests: still")], 5 * MINUTE)
    assert news == [News("first", Standing("connection", "crm", 0, None, None, "crm rests: still", "Sign in again."))]


def test_a_file_says_it_and_every_mistake_has_its_place() -> None:
    said = "mail: mail\nto: [Anna@Shop.example]\nafter: 5min\nlag: 1h\nqueue: 50\nagreement: 99.5 %\n"
    assert load_alerting(said, file="alerts.yaml") == Alerting(
        "mail", ("anna@shop.example",), 5 * MINUTE, lag=HOUR, queue=50, agreement=0.995
    )
    assert load_alerting("", file="alerts.yaml") == Alerting()
    with pytest.raises(MappingError) as wrong:
        load_alerting("mial: x\nto: anna\nafter: soon\nqueue: many\nagreement: 120 %\ndead_letters: 0\n", file="a.yaml")
    assert [one.line for one in wrong.value.problems] == [1, 2, 3, 4, 5, 6]
    assert "Did you mean" in str(wrong.value)


@given(st.lists(st.booleans(), max_size=60), st.integers(0, 60))
def test_nothing_but_its_end_is_told_of_one_that_is_put_off(present: list[bool], until: int) -> None:
    alerting = Alerting(after=2 * MINUTE, again=5 * MINUTE)
    plain, quiet = looks(alerting, present), []
    stands: list[Standing] = []
    for number, there in enumerate(present):
        stands = [one._replace(quiet_until=until * MINUTE) for one in stands]
        news, stands = compare(alerting, stands, [RESTS] if there else [], number * MINUTE)
        quiet.append([one.what for one in news])
    assert {what for whats in quiet[1:until] for what in whats} <= {"over"}
    if until == 0:
        assert quiet == plain


def test_one_that_goes_and_comes_while_it_is_put_off_stays_so() -> None:
    alerting = Alerting(after=5 * MINUTE)
    _, stands = compare(alerting, [], [RESTS], 0)
    stands = [one._replace(quiet_until=HOUR) for one in stands]
    _, stands = compare(alerting, stands, [], MINUTE)
    _, (one,) = compare(alerting, stands, [RESTS], 2 * MINUTE)
    assert (one.quiet_until, one.gone_at, next_told(alerting, one)) == (HOUR, None, HOUR)
