"""The books of an account: no window holds too many calls, each lane gets its share, and Redis keeps the same books."""

from __future__ import annotations

import itertools
import secrets
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors._kit import allowance
from connectors._kit.accounts import Account, Local, Shared, Wire
from connectors._kit.allowance import FAILURES, LOOK, SHARES, TURN, USED_UP, Terms, Verdict, terms
from connectors._kit.clock import VirtualTime
from core.decide.route import Lane
from core.model.instant import DAY, MINUTE, SECOND, Instant

Make = Callable[[VirtualTime], Account]


@pytest.fixture(params=["here", "redis"])
def make(request: pytest.FixtureRequest) -> Make:
    """Fresh books, in this process or in Redis; both must keep every law."""
    if request.param == "here":
        return Local
    url = request.getfixturevalue("redis_url")
    return lambda time: shared(url, time)


def shared(url: str, time: VirtualTime) -> Shared:
    wire = Wire(url, time)
    # Whatever Redis says against the script is a fault here, and no reason to go on alone.
    wire.lost = redis.ConnectionError
    return Shared(wire, secrets.token_hex(8), Local(time), clock=time)


class Crowd:
    """Callers who want to call again as soon as their last call went, in virtual time."""

    def __init__(self, account: Account, agreed: Terms, time: VirtualTime, lanes: list[Lane]) -> None:
        self.account, self.agreed, self.time = account, agreed, time
        self.due = [(time(), number, lane) for number, lane in enumerate(lanes)]
        self.went: list[tuple[Instant, Lane]] = []
        self.asked_at: dict[int, Instant] = {}
        self.longest: Counter[Lane] = Counter()

    def run(self, seconds: float, pause: int = 0) -> None:
        end = self.time() + int(seconds * SECOND)
        while True:
            self.due.sort()
            at, number, lane = self.due.pop(0)
            if at > end:
                self.due.append((at, number, lane))
                return
            self.time.sleep(max(0, at - self.time()) / SECOND)
            now = self.time()
            since = self.asked_at.setdefault(number, now)
            verdict = self.account.ask(self.agreed, lane, 1, f"caller {number:03}")
            if verdict.go:
                self.went.append((now, lane))
                self.longest[lane] = max(self.longest[lane], now - since)
                del self.asked_at[number]
                self.due.append((now + pause, number, lane))
            else:
                self.due.append((now + max(1, verdict.wait), number, lane))


def most_in(went: list[Instant], window: int) -> int:
    """The largest number of calls in any window, its end left out."""
    most = first = 0
    for place, at in enumerate(went):
        while went[first] <= at - window:
            first += 1
        most = max(most, place - first + 1)
    return most


# --- the window


@given(
    st.integers(1, 60),
    st.floats(0.2, 20),
    st.lists(st.floats(0, 6), min_size=1, max_size=40),
    st.lists(st.sampled_from(list(Lane)), min_size=1, max_size=6),
)
def test_no_window_holds_more_than_is_published(
    requests: int, per: float, pauses: list[float], lanes: list[Lane]
) -> None:
    time = VirtualTime()
    crowd = Crowd(Local(time), terms(requests, per), time, lanes)
    for pause in pauses:
        crowd.run(pause)
        time.sleep(pause)
        crowd.due = [(time(), number, lane) for _, number, lane in crowd.due]
    assert most_in([at for at, _ in crowd.went], int(per * SECOND)) <= requests


@pytest.mark.parametrize(("requests", "per"), [(190, 10.0), (100, 1.0), (25, 1.0), (10, 1.0), (600, 60.0)])
def test_nearly_all_of_it_is_used_when_there_is_work(make: Make, requests: int, per: float) -> None:
    time = VirtualTime()
    crowd = Crowd(make(time), terms(requests, per), time, [Lane.BACKFILL] * 4)
    crowd.run(3 * per)
    window = int(per * SECOND)
    assert most_in([at for at, _ in crowd.went], window) <= requests
    last = [at for at, _ in crowd.went if at > time() - window]
    assert len(last) >= 0.94 * requests


def test_an_envelope_of_many_calls_is_booked_whole() -> None:
    agreed = terms(600, 60, burst=50)
    assert agreed.burst + agreed.rate * 60 <= 600
    time, went = VirtualTime(), []
    account = Local(time)
    while time() < VirtualTime()() + 200 * SECOND:
        verdict = account.ask(agreed, Lane.LIVE, 50, "a")
        if verdict.go:
            went += [time()] * 50
        time.sleep(max(1, verdict.wait) / SECOND)
    assert most_in(went, 60 * SECOND) <= 600
    assert len(went) > 1_500


# --- lanes


def test_whoever_is_alone_has_everything(make: Make) -> None:
    time = VirtualTime()
    alone = Crowd(make(time), terms(20, 1), time, [Lane.BACKFILL] * 3)
    alone.run(10)
    assert len(alone.went) >= 190


def test_each_lane_gets_its_share_and_nobody_starves(make: Make) -> None:
    time = VirtualTime()
    lanes = list(Lane) * 2
    crowd = Crowd(make(time), terms(50, 1), time, lanes)
    crowd.run(20)
    counted = Counter(lane for _, lane in crowd.went)
    for lane, share in enumerate(SHARES):
        assert counted[Lane(lane)] / len(crowd.went) == pytest.approx(share / sum(SHARES), abs=0.02)


@given(st.lists(st.sampled_from(list(Lane)), min_size=2, max_size=10), st.integers(5, 60))
def test_wanting_lanes_get_at_least_their_share(lanes: list[Lane], requests: int) -> None:
    time = VirtualTime()
    crowd = Crowd(Local(time), terms(requests, 1), time, lanes)
    crowd.run(20)
    counted = Counter(lane for _, lane in crowd.went)
    whole = sum(SHARES[lane] for lane in set(lanes))
    for lane in set(lanes):
        # One call of each other lane may be ahead, and the burst of the beginning is for whoever comes first.
        owed = SHARES[lane] / whole * len(crowd.went)
        assert counted[lane] >= owed - len(lanes) - 3


def test_a_live_call_does_not_stand_behind_a_backfill(make: Make) -> None:
    time = VirtualTime()
    agreed = terms(10, 1)
    crowd = Crowd(make(time), agreed, time, [Lane.BACKFILL] * 12)
    crowd.run(5)
    crowd.due.append((time(), 99, Lane.LIVE))
    crowd.run(10, pause=SECOND // 2)
    assert crowd.longest[Lane.LIVE] <= 2 / agreed.rate * SECOND
    assert crowd.longest[Lane.BACKFILL] > 2 / agreed.rate * SECOND


def test_what_a_lane_did_not_want_is_no_credit() -> None:
    time = VirtualTime()
    account, agreed = Local(time), terms(20, 1)
    crowd = Crowd(account, agreed, time, [Lane.LIVE] * 2)
    crowd.run(60)
    both = Crowd(account, agreed, time, [Lane.LIVE] * 2 + [Lane.BACKFILL] * 2)
    both.run(10)
    counted = Counter(lane for _, lane in both.went)
    assert counted[Lane.BACKFILL] <= 0.3 * len(both.went)


def test_whoever_went_away_keeps_nobody_waiting(make: Make) -> None:
    time = VirtualTime()
    account, agreed = make(time), terms(2, 1)
    for number in itertools.count():
        if not account.ask(agreed, Lane.CONSENT, 1, f"gone {number}").go:
            break
    time.sleep(5)
    assert account.ask(agreed, Lane.BACKFILL, 1, "here").go
    waits = account.ask(agreed, Lane.CONSENT, 1, "first")
    assert waits.why == TURN
    account.leave(agreed, "first")
    time.sleep(waits.wait / SECOND)
    assert account.ask(agreed, Lane.BACKFILL, 1, "here").go


# --- what the tool says


def test_a_window_told_by_the_tool_is_kept(make: Make) -> None:
    time = VirtualTime()
    account, agreed = make(time), terms(100, 1)
    first = account.ask(agreed, Lane.LIVE, 1, "a")
    account.tell("learn", agreed, 2, 7 * SECOND, 0, first.booked)
    assert account.ask(agreed, Lane.LIVE, 1, "a").go
    assert account.ask(agreed, Lane.LIVE, 1, "a").go
    shut = account.ask(agreed, Lane.LIVE, 1, "a")
    assert not shut.go
    assert shut.wait == 7 * SECOND
    time.sleep(7)
    assert account.ask(agreed, Lane.LIVE, 1, "a").go


def test_calls_that_the_tool_cannot_have_counted_are_taken_off(make: Make) -> None:
    account, agreed = make(VirtualTime()), terms(100, 1)
    first = account.ask(agreed, Lane.LIVE, 1, "a")
    account.ask(agreed, Lane.LIVE, 1, "b")
    account.tell("learn", agreed, 1, 7 * SECOND, 0, first.booked)
    assert not account.ask(agreed, Lane.LIVE, 1, "c").go


def test_a_refusal_is_silence_and_then_a_slower_pace_that_grows_again(make: Make) -> None:
    time = VirtualTime()
    account, agreed = make(time), terms(100, 1)
    account.ask(agreed, Lane.LIVE, 1, "a")
    for _ in range(5):
        account.tell("refused", agreed, 3 * SECOND, False)
    assert account.report(agreed).rate == pytest.approx(agreed.rate * 0.7), "refusals that come together ease it once"
    assert account.ask(agreed, Lane.LIVE, 1, "a").wait == 3 * SECOND
    time.sleep(9)
    assert account.report(agreed).rate == pytest.approx(agreed.rate)


def test_refusals_that_say_no_time_are_answered_by_longer_and_longer_silence(make: Make) -> None:
    time = VirtualTime()
    account, agreed, waits = make(time), terms(100, 1), []
    for _ in range(9):
        account.tell("refused", agreed, -1, False)
        waits.append(account.ask(agreed, Lane.LIVE, 1, "a").wait)
        time.sleep(waits[-1] / SECOND)
    assert waits[0] == SECOND
    assert waits[-1] == MINUTE
    assert waits == sorted(waits)


def test_of_a_tool_that_publishes_nothing_the_refusals_teach_a_pace(make: Make) -> None:
    time = VirtualTime()
    account, agreed = make(time), Terms()
    for number in range(40):
        assert account.ask(agreed, Lane.LIVE, 1, "a").go, number
        time.sleep(0.025)
    account.tell("refused", agreed, SECOND, False)
    learnt = account.report(agreed).rate
    assert 20 < learnt < 40
    time.sleep(10)
    assert account.report(agreed).rate > learnt
    time.sleep(600)
    assert account.report(agreed).rate == 0, "it is forgotten when nothing was refused for long"


# --- the day


def asked(account: Account, agreed: Terms, lane: Lane = Lane.LIVE) -> Verdict:
    return account.ask(agreed, lane, 1, "a")


def test_a_days_calls_end_at_the_reserve_and_begin_anew(make: Make) -> None:
    time = VirtualTime("2026-11-21T22:00:00Z")
    account, agreed = make(time), terms(None, daily=100, reserve=0.1)
    went = 0
    while asked(account, agreed).go:
        went += 1
    assert went == 90
    shut = asked(account, agreed)
    assert (shut.why, shut.wait) == (USED_UP, 2 * 60 * MINUTE)
    report = account.report(agreed)
    assert (report.left, report.allowed, report.used_up_until) == (10, 100, time() + 2 * 60 * MINUTE)
    assert asked(account, agreed, Lane.CONSENT).go, "a refusal may use the reserve"
    while asked(account, agreed, Lane.CONSENT).go:
        went += 1
    assert went == 99
    time.sleep(2 * 3600)
    assert asked(account, agreed).go
    assert account.report(agreed).left == 99


def test_a_day_told_by_the_tool_goes_before_our_own_count(make: Make) -> None:
    time = VirtualTime()
    account, agreed = make(time), terms(None, daily=100, reserve=0.1)
    verdict = asked(account, agreed)
    account.tell("learn", agreed, 50, 3600 * SECOND, 200, verdict.booked)
    report = account.report(agreed)
    assert (report.left, report.allowed, report.resets_at) == (50, 200, time() + 3600 * SECOND)
    went = 0
    while asked(account, agreed).go:
        went += 1
    assert went == 30
    time.sleep(3600)
    assert account.report(agreed).left == 200


def test_of_a_rolling_quota_one_look_now_and_then_tells_that_there_is_more(make: Make) -> None:
    time = VirtualTime()
    account, agreed = make(time), terms(None, reserve=0.1)
    account.tell("learn", agreed, 5, 0, 100, 0)
    for _ in range(3):
        shut = asked(account, agreed)
        assert shut.why == USED_UP
        assert shut.wait <= LOOK
        time.sleep(shut.wait / SECOND)
        assert asked(account, agreed).go, "the look"
    assert asked(account, agreed).why == USED_UP
    assert asked(account, agreed, Lane.CONSENT).go
    account.tell("learn", agreed, 80, 0, 100, 0)
    assert asked(account, agreed).go


@given(st.integers(1, 500), st.floats(0, 0.9))
def test_nothing_but_looks_is_taken_from_the_reserve(allowed: int, reserve: float) -> None:
    account, agreed = Local(VirtualTime()), terms(None, reserve=reserve)
    account.tell("learn", agreed, allowed, 0, allowed, 0)
    went = 0
    while asked(account, agreed).go:
        went += 1
    assert allowed - went >= int(allowed * reserve) - 1


def test_when_even_the_reserve_is_gone_everybody_waits(make: Make) -> None:
    time = VirtualTime()
    account, agreed = make(time), terms(None, daily=100)
    account.tell("refused", agreed, 3600 * SECOND, True)
    for lane in Lane:
        shut = asked(account, agreed, lane)
        assert (shut.why, shut.wait) == (USED_UP, 3600 * SECOND)
    time.sleep(3600)
    assert asked(account, agreed).go


def test_what_was_known_of_the_day_is_taken_up_once(make: Make) -> None:
    time = VirtualTime()
    agreed = terms(None, daily=100, reserve=0)
    account = make(time)
    account.tell("seed", agreed, time() // DAY, 60, 0, 0, 0)
    assert account.report(agreed).left == 40
    asked(account, agreed)
    account.tell("seed", agreed, time() // DAY, 90, 0, 0, 0)
    assert account.report(agreed).left == 39
    stale = make(time)
    stale.tell("seed", agreed, time() // DAY - 1, 60, 0, 0, 0)
    assert stale.report(agreed).left == 100


# --- rest


def test_a_tool_that_fails_is_let_rest_and_one_call_sees(make: Make) -> None:
    time = VirtualTime()
    account, agreed = make(time), Terms()
    for _ in range(FAILURES - 1):
        assert asked(account, agreed).go
        account.tell("answered", agreed, False)
    assert asked(account, agreed).go
    account.tell("answered", agreed, False)
    rests = []
    for _ in range(9):
        shut = asked(account, agreed)
        assert shut.why == allowance.RESTING
        assert shut.wait == asked(account, agreed, Lane.CONSENT).wait
        rests.append(shut.wait)
        time.sleep(shut.wait / SECOND)
        assert asked(account, agreed).go, "the probe"
        assert account.ask(agreed, Lane.LIVE, 1, "b").why == allowance.RESTING, "the others wait for it"
        account.tell("answered", agreed, False)
    assert rests[0] == allowance.FIRST_REST
    assert rests[-1] == allowance.LONGEST_REST
    assert rests == sorted(rests)
    time.sleep(allowance.LONGEST_REST / SECOND)
    assert asked(account, agreed).tense
    account.tell("answered", agreed, True)
    assert account.ask(agreed, Lane.LIVE, 1, "b").go
    assert not account.ask(agreed, Lane.LIVE, 1, "b").tense


def test_a_probe_that_never_comes_back_is_followed_by_another(make: Make) -> None:
    time = VirtualTime()
    account, agreed = make(time), Terms()
    for _ in range(FAILURES):
        account.tell("answered", agreed, False)
    time.sleep(2)
    assert asked(account, agreed).go
    time.sleep(allowance.PROBE / SECOND - 1)
    assert not account.ask(agreed, Lane.LIVE, 1, "b").go
    time.sleep(1)
    assert account.ask(agreed, Lane.LIVE, 1, "b").go


def test_success_in_between_is_no_row_of_failures(make: Make) -> None:
    account, agreed = make(VirtualTime()), Terms()
    for _ in range(FAILURES * 2):
        account.tell("answered", agreed, False)
        account.tell("answered", agreed, True)
    assert asked(account, agreed).go


@pytest.mark.parametrize("told", [False, True])
def test_late_calls_count_in_the_day_in_which_they_were_made(make: Make, told: bool) -> None:
    time = VirtualTime()
    account, agreed = make(time), terms(None, daily=0 if told else 100, reserve=0)
    time.sleep((DAY - time() % DAY) / SECOND + 3_600)
    if told:
        account.tell("learn", agreed, 100, int(23 * 3_600 * SECOND), 100, 0)
    account.tell("late", agreed, 30, time() - 60 * MINUTE)
    assert account.report(agreed).left == 70
    account.tell("late", agreed, 30, time() - 61 * MINUTE)
    assert account.report(agreed).left == 70, "those of yesterday do not count"


# --- Redis keeps the same books

ENTRIES = st.one_of(
    st.tuples(st.just("ask"), st.sampled_from(list(Lane)), st.integers(1, 4), st.sampled_from("abcdef")),
    st.tuples(st.just("ask"), st.sampled_from(list(Lane)), st.integers(1, 4), st.sampled_from("abcdef")),
    st.tuples(st.just("learn"), st.integers(0, 40), st.integers(0, 20), st.sampled_from([0, 0, 50]), st.integers(0, 9)),
    st.tuples(st.just("refused"), st.integers(-1, 5), st.booleans()),
    st.tuples(st.just("answered"), st.booleans()),
    st.tuples(st.just("answered"), st.just(False)),
    st.tuples(st.just("late"), st.integers(1, 9), st.sampled_from([0, 60, 50_000, 90_000])),
    st.tuples(st.just("wait"), st.sampled_from([0.001, 0.03, 0.4, 2.0, 11.0, 400.0, 40_000.0])),
)
AGREED = st.sampled_from([terms(20, 1, daily=60), terms(190, 10), Terms(), terms(5, 2, burst=4, daily=30, reserve=0.3)])


@given(AGREED, st.lists(ENTRIES, max_size=60))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_redis_and_this_process_keep_the_same_books(
    redis_url: str, agreed: Terms, entries: list[tuple[Any, ...]]
) -> None:
    time = VirtualTime()
    here, there = Local(time), shared(redis_url, time)
    for entry, *given_ in entries:
        if entry == "wait":
            time.sleep(given_[0])
        elif entry == "ask":
            lane, calls, who = given_
            assert here.ask(agreed, lane, calls, who) == there.ask(agreed, lane, calls, who)
        elif entry == "learn":
            remaining, reset, allowed, booked = given_
            for one in (here, there):
                one.tell("learn", agreed, remaining, reset * SECOND, allowed, booked)
        elif entry == "refused":
            for one in (here, there):
                one.tell("refused", agreed, given_[0] * SECOND, given_[1])
        elif entry == "late":
            for one in (here, there):
                one.tell("late", agreed, given_[0], time() - given_[1] * SECOND)
        else:
            for one in (here, there):
                one.tell("answered", agreed, given_[0])
        assert here.report(agreed) == there.report(agreed)
