"""How often a stream is polled: within what is declared, sooner when busy, later when quiet, later where it is told."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.decide.scheduling import Pace, pause, streak

seconds = st.floats(0.5, 86_400)
maybe = st.none() | seconds
streaks = st.integers(-1_000, 1_000)


@st.composite
def paces(draw: st.DrawFn) -> Pace:
    return Pace.of(draw(seconds), draw(maybe), draw(maybe))


@given(paces(), streaks, st.booleans())
def test_never_sooner_nor_later_than_declared(pace: Pace, polls: int, told: bool):
    assert pace.fastest <= pause(pace, polls, told=told) <= pace.slowest


@given(paces(), streaks, st.booleans())
def test_one_more_quiet_poll_is_never_a_reason_to_look_sooner_nor_one_with_news_to_look_later(
    pace: Pace, polls: int, told: bool
):
    now = pause(pace, polls, told=told)
    after_quiet, after_news = (pause(pace, streak(polls, quiet=quiet), told=told) for quiet in (True, False))
    if polls >= 0:
        assert after_quiet >= now
        assert after_news <= now
    else:
        assert after_news <= now <= after_quiet


@given(paces(), streaks)
def test_where_webhooks_tell_it_is_never_polled_more_often(pace: Pace, polls: int):
    assert pause(pace, polls, told=True) >= pause(pace, polls, told=False)


@given(seconds, maybe, maybe)
def test_the_shortest_time_is_kept_whatever_else_is_declared(
    usual: float, fastest: float | None, slowest: float | None
):
    pace = Pace.of(usual, fastest, slowest)
    assert pace.fastest <= pace.usual <= pace.slowest
    if fastest is not None:
        assert pace.fastest == fastest
    if slowest is not None and slowest >= pace.fastest:
        assert pace.slowest == slowest


@given(st.lists(st.booleans(), max_size=50))
def test_a_streak_counts_what_is_alike_and_begins_anew(found: list[bool]):
    polls = 0
    for quiet in found:
        polls = streak(polls, quiet=quiet)
    alike = 0
    for quiet in reversed(found):
        if quiet is not found[-1]:
            break
        alike += 1
    assert polls == (alike if found and found[-1] else -alike)


def test_figures():
    usual = Pace.of(60)
    assert usual == Pace(60, 30, 240)
    assert [pause(usual, polls, told=False) for polls in (-5, -1, 0, 9, 10, 20, 99)] == [30, 30, 60, 60, 120, 180, 240]
    assert [pause(usual, polls, told=True) for polls in (-5, 0, 10)] == [120, 120, 240]
    assert pause(Pace.of(60, 5), -2, told=False) == 15
