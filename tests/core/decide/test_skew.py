from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.decide.skew import UNKNOWN, Skew, correct, estimate
from core.model.instant import HOUR, MILLISECOND, MINUTE, SECOND


def answered(sent_at: int, offset: int, took: int = 100 * MILLISECOND) -> tuple[int, int, int]:
    """An answer from a tool whose clock is `offset` ahead, dated to the second half-way through."""
    shown = sent_at + took // 2 + offset
    return sent_at, sent_at + took, shown - shown % SECOND


def test_nothing_is_known_before_the_first_answer():
    assert estimate([]) == UNKNOWN == Skew(0, 2 * SECOND)


def test_one_answer_bounds_the_skew_to_about_a_second():
    skew = estimate([answered(HOUR, offset=90 * SECOND)])
    assert abs(skew.offset - 90 * SECOND) <= skew.uncertainty <= 600 * MILLISECOND


@given(
    st.integers(-10 * MINUTE, 10 * MINUTE),
    st.lists(st.tuples(st.integers(0, HOUR), st.integers(0, 2 * SECOND)), min_size=1, max_size=30),
)
def test_the_true_skew_lies_within_the_estimates_uncertainty(offset: int, calls: list[tuple[int, int]]):
    skew = estimate([answered(HOUR + sent, offset, took) for sent, took in calls])
    assert abs(skew.offset - offset) <= skew.uncertainty + 1


def test_many_answers_narrow_it_down():
    calls = [HOUR + second * SECOND + second * 37 * MILLISECOND for second in range(27)]
    skew = estimate([answered(at, offset=-7 * SECOND, took=20 * MILLISECOND) for at in calls])
    assert skew.uncertainty < 50 * MILLISECOND
    assert abs(skew.offset + 7 * SECOND) < 50 * MILLISECOND


def test_answers_from_another_clock_are_left_out():
    honest = [answered(HOUR + place * 1_300 * MILLISECOND, offset=5 * SECOND) for place in range(8)]
    cached = [answered(HOUR + place * SECOND, offset=-20 * MINUTE) for place in range(3)]
    skew = estimate([*cached, *honest])
    assert abs(skew.offset - 5 * SECOND) <= skew.uncertainty <= SECOND


def test_a_sample_that_ends_before_it_began_says_nothing():
    assert estimate([(2 * SECOND, SECOND, 5 * SECOND)]) == UNKNOWN


def test_a_moment_is_corrected_to_our_clock():
    assert correct(100, Skew(30, 5)) == 70
