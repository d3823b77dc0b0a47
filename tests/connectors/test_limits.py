"""Limits: never more calls than allowed, the tool's word counts, and nobody waits longer than he was told."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors._kit.clock import VirtualTime
from connectors._kit.limits import (
    Bucket,
    Learnt,
    RollingQuota,
    Unlimited,
    gate,
    learnt_from,
    limits_for,
    standard_headers,
)
from core.errors import Throttled
from core.manifest import Limits
from core.model.instant import DAY, SECOND


def bucket(time: VirtualTime, requests: float = 10, per: float = 1, **more: float) -> Bucket:
    return Bucket(requests, per, clock=time, sleep=time.sleep, **{"reserve": 0, **more})  # type: ignore[arg-type]


@given(st.integers(1, 20), st.floats(0.5, 10), st.lists(st.floats(0, 3), min_size=1, max_size=60), st.floats(0, 0.5))
def test_any_window_holds_at_most_size_and_refill(
    requests: int, per: float, pauses: list[float], reserve: float
) -> None:
    time = VirtualTime()
    limits = bucket(time, requests, per, reserve=reserve, max_wait=1e9)
    taken = []
    for pause in pauses:
        time.sleep(pause)
        limits.take()
        taken.append(time())
    rate = limits.size / per
    for first, start in enumerate(taken):
        for last, end in enumerate(taken[first:], first):
            assert last - first + 1 <= limits.size + rate * (end - start) / SECOND + 1 + 1e-3


def test_a_burst_is_free_and_then_it_waits() -> None:
    time = VirtualTime()
    limits = bucket(time)
    for _ in range(10):
        limits.take()
    assert time.slept == 0
    limits.take()
    assert time.slept == pytest.approx(0.1)


def test_a_reserve_is_left_to_others() -> None:
    assert bucket(VirtualTime(), reserve=0.2).size == 8


def test_too_long_a_wait_is_throttled_and_books_nothing() -> None:
    time = VirtualTime()
    limits = bucket(time, 1, 100, max_wait=30)
    limits.take()
    for _ in range(3):
        with pytest.raises(Throttled) as caught:
            limits.take()
        assert caught.value.wait == pytest.approx(100)
    time.sleep(100)
    slept = time.slept
    limits.take()
    assert time.slept == slept


def test_the_tools_own_count_is_believed_when_it_is_lower() -> None:
    time = VirtualTime()
    limits = bucket(time)
    limits.learn(Learnt(2, 1))
    limits.take(2)
    assert time.slept == 0
    limits.take()
    assert time.slept == pytest.approx(0.1)
    limits.learn(Learnt(9999, 1))
    limits.take()
    assert time.slept == pytest.approx(0.2)


def test_nothing_left_is_silence_until_the_reset() -> None:
    time = VirtualTime()
    limits = bucket(time)
    limits.learn(Learnt(0, 12))
    limits.take()
    assert time.slept == 12


def test_a_pause_is_silence() -> None:
    time = VirtualTime()
    limits = bucket(time)
    limits.pause(5)
    limits.pause(3)
    limits.take()
    assert time.slept == 5


def test_a_daily_quota_ends_at_midnight() -> None:
    time = VirtualTime("2026-11-21T22:00:00Z")
    limits = bucket(time, 1000, 1, daily=3)
    limits.take(3)
    with pytest.raises(Throttled) as caught:
        limits.take()
    assert caught.value.wait == 2 * 3600
    time.sleep(2 * 3600)
    assert time() % DAY == 0
    limits.take(3)


def quota(time: VirtualTime, beside: Bucket | Unlimited | None = None, reserve: float = 0.1) -> RollingQuota:
    return RollingQuota(beside or Unlimited(), clock=time, reserve=reserve, wait=300)


def test_before_a_tool_says_anything_its_quota_stops_nobody() -> None:
    limits = quota(VirtualTime())
    limits.take(1_000)
    assert limits.left is None


def test_of_a_rolling_quota_the_reserve_is_left_to_others() -> None:
    time = VirtualTime()
    limits = quota(time)
    limits.learn(Learnt(12, 0, allowed=100))
    limits.take()
    limits.take()
    assert limits.left == (10, 100)
    limits.learn(Learnt(10, 0, allowed=100))
    with pytest.raises(Throttled) as caught:
        limits.take()
    assert caught.value.wait == pytest.approx(300)


@given(st.integers(1, 500), st.floats(0, 0.9), st.integers(1, 60))
def test_a_rolling_quota_never_takes_from_the_reserve_but_to_look(allowed: int, reserve: float, tries: int) -> None:
    time = VirtualTime()
    limits = quota(time, reserve=reserve)
    limits.learn(Learnt(allowed, 0, allowed=allowed))
    taken = 0
    for _ in range(tries + allowed):
        try:
            limits.take()
        except Throttled:
            continue
        taken += 1
    assert allowed - taken >= int(allowed * reserve) - 1


def test_only_a_look_now_and_then_tells_that_there_is_more() -> None:
    time = VirtualTime()
    limits = quota(time)
    limits.learn(Learnt(5, 0, allowed=100))
    for waited in (120, 180):
        with pytest.raises(Throttled) as caught:
            limits.take()
        assert caught.value.wait is not None
        assert caught.value.wait <= 300
        time.sleep(waited)
    limits.take()
    with pytest.raises(Throttled):
        limits.take()
    limits.learn(Learnt(80, 0, allowed=100))
    for _ in range(70):
        limits.take()


def test_a_quota_leaves_shorter_limits_to_those_beside_it() -> None:
    time = VirtualTime()
    limits = quota(time, bucket(time))
    limits.learn(Learnt(50, 0, allowed=100))
    limits.learn(Learnt(0, 7))
    limits.take()
    assert time.slept == 7
    limits.pause(60)
    with pytest.raises(Throttled):
        limits.take()
    assert limits.left == (49, 100), "a refused call was not made"


def test_threads_together_keep_the_limit() -> None:
    time = VirtualTime()
    limits = bucket(time, 10, 1, max_wait=1e9)
    start = time()

    def work() -> None:
        for _ in range(10):
            limits.take()

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time() - start >= 3.9 * SECOND


def test_a_clock_that_goes_back_gives_nothing_away() -> None:
    time = VirtualTime()
    limits = bucket(time)
    limits.take(10)
    time._now -= 60 * SECOND
    limits.take()
    assert time.slept >= 0.1


def test_headers_are_read() -> None:
    assert standard_headers({"ratelimit-remaining": "3", "ratelimit-reset": "7"}) == Learnt(3, 7)
    assert standard_headers({"x-ratelimit-remaining": "3", "x-ratelimit-reset": "1790000000"}) is None
    assert standard_headers({"x-ratelimit-remaining": "many", "x-ratelimit-reset": "7"}) is None
    assert standard_headers({}) is None
    own = {"x-left": "5", "x-ms": "10000"}
    assert learnt_from(own, remaining="x-left", reset="x-ms", unit=0.001) == Learnt(5, 10)
    assert learnt_from(own, remaining="x-left", per_seconds=10) == Learnt(5, 10)


def test_what_a_manifest_declares() -> None:
    time = VirtualTime()
    assert isinstance(limits_for(Limits(), clock=time, sleep=time.sleep), Unlimited)
    declared = limits_for(Limits(requests=100, per_seconds=10), clock=time, sleep=time.sleep)
    assert isinstance(declared, Bucket)
    assert declared.size == 90


def test_a_gate_lets_so_many_in_and_is_one_for_an_account() -> None:
    first, again, other = gate("account", 2), gate("account", 5), gate("another", 2)
    assert first is again
    assert first is not other
    with first, again:
        late = threading.Thread(target=first.__enter__, daemon=True)
        late.start()
        late.join(timeout=0.05)
        assert late.is_alive(), "a third has to wait"
    late.join(timeout=5)
    assert not late.is_alive()
