"""Accounts: one limit for all who call, in threads and processes, and nothing fails while Redis is away."""

from __future__ import annotations

import secrets
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis

from connectors._kit.accounts import CAUTIOUS, Accounts, Meter, account_of, meter
from connectors._kit.allowance import terms
from connectors._kit.clock import VirtualTime
from connectors._kit.limits import Learnt
from core.calling import calling, carried, lane
from core.decide.route import Lane
from core.errors import Resting, Throttled
from core.model.instant import DAY, HOUR, SECOND
from core.ports import Context

_TAKES = """
import sys
from api.assembly import now
from connectors._kit.accounts import Accounts
from connectors._kit.allowance import terms
from core.errors import Throttled

meter = Accounts(clock=now, redis_url=sys.argv[1]).meter("shop", sys.argv[2], terms(None, daily=200, reserve=0.1))
went = 0
try:
    while True:
        meter.take()
        went += 1
except Throttled:
    print(went)
"""


def test_two_processes_share_one_limit(redis_url: str) -> None:
    account = secrets.token_hex(8)
    command = [sys.executable, "-c", _TAKES, redis_url, account]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    went = [int(one.communicate(timeout=120)[0]) for one in both]
    assert sum(went) == 180


def test_the_clocks_of_workers_do_not_matter(redis_url: str) -> None:
    account, agreed = secrets.token_hex(8), terms(None, daily=100, reserve=0)
    went = 0
    for skew in (-2 * HOUR, 0, 2 * HOUR):
        time = VirtualTime(VirtualTime()() + skew)
        metered = Accounts(clock=time, sleep=time.sleep, redis_url=redis_url).meter("shop", account, agreed)
        for _ in range(40):
            try:
                metered.take()
            except Throttled:
                break
            went += 1
    assert went == 100


@pytest.mark.parametrize("is_shared", [False, True])
def test_connections_to_one_account_share_its_limit_and_others_do_not(is_shared: bool, request: Any) -> None:
    url = request.getfixturevalue("redis_url") if is_shared else None
    time = VirtualTime()
    accounts = Accounts(clock=time, sleep=time.sleep, redis_url=url)
    agreed = terms(None, daily=3, reserve=0)
    one, two, other = (accounts.meter(name, account, agreed) for name, account in (("a", "x"), ("b", "x"), ("c", "y")))
    one.take(2)
    two.take(1)
    with pytest.raises(Throttled):
        one.take()
    other.take(3)
    assert two.left == (0, 3)


def test_threads_together_keep_the_pace() -> None:
    time = VirtualTime()
    metered = Accounts(clock=time, sleep=time.sleep).meter("shop", "x", terms(10, 1), max_wait=1e9)
    start = time()
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(lambda _: metered.take(), range(50)))
    assert time() - start >= 4.9 * SECOND


def test_without_redis_calls_go_on_at_a_cautious_pace() -> None:
    time = VirtualTime()
    agreed = terms(100, 1)
    accounts = Accounts(clock=time, sleep=time.sleep, redis_url="redis://127.0.0.1:1/0")
    metered = accounts.meter("shop", "x", agreed, max_wait=1e9)
    start = time()
    for _ in range(51):
        metered.take()
        metered.learn(Learnt(90, 1))
        metered.answered(True)
    assert (time() - start) / SECOND == pytest.approx(50 / (agreed.rate * CAUTIOUS), rel=0.02)
    metered.refused(5)
    assert metered.report().quiet_until is not None
    accounts.close()


def test_after_redis_was_emptied_the_day_is_learnt_anew(redis_url: str) -> None:
    time = VirtualTime()
    accounts = Accounts(clock=time, sleep=time.sleep, redis_url=redis_url)
    metered = accounts.meter("shop", secrets.token_hex(8), terms(100, 1))
    metered.learn(Learnt(0, 3600, allowed=100), metered.take())
    with pytest.raises(Throttled):
        metered.take()
    with redis.Redis.from_url(redis_url) as client:
        client.flushdb()
        client.script_flush()
    metered.learn(Learnt(40, 3600, allowed=100), metered.take())
    assert metered.left == (40, 100)


def _of_one_day(redis_url: str) -> tuple[VirtualTime, Accounts, Meter, Meter]:
    """A clock that shows Redis' own day, the books of a process, and its meter beside another process's."""
    time, account, agreed = VirtualTime(), secrets.token_hex(8), terms(None, daily=100, reserve=0)
    with redis.Redis.from_url(redis_url) as client:
        seconds, _ = client.time()
    time.sleep(seconds - time() / SECOND)
    both = [Accounts(clock=time, sleep=time.sleep, redis_url=redis_url) for _ in range(2)]
    mine, others = (one.meter("shop", account, agreed) for one in both)
    return time, both[0], mine, others


def _away(accounts: Accounts, time: VirtualTime, monkeypatch: pytest.MonkeyPatch, calls: Callable[[], object]) -> None:
    """Do something while Redis does not answer this process; afterwards it does again."""
    wire = accounts._wire
    assert wire is not None

    def lost(*_: object) -> None:
        raise redis.ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(wire, "_script", lost)
        calls()
    time.sleep(5.1)


def test_calls_made_while_redis_was_away_count_in_the_day_of_all(redis_url: str, monkeypatch: pytest.MonkeyPatch):
    time, accounts, mine, others = _of_one_day(redis_url)
    mine.take(10)
    _away(accounts, time, monkeypatch, lambda: [mine.take(10) for _ in range(4)])
    assert others.left == (90, 100), "nobody knows yet"
    mine.take(1)
    assert others.left == (49, 100)
    mine.take(1)
    assert others.left == (48, 100), "and they are added once"
    others.take(48)
    with pytest.raises(Throttled):
        mine.take()


def test_what_is_owed_is_of_one_day_and_waits_until_it_is_taken(redis_url: str, monkeypatch: pytest.MonkeyPatch):
    time, accounts, mine, others = _of_one_day(redis_url)
    now = time()

    def calls() -> None:
        time.sleep((DAY - now % DAY) / SECOND - 60)
        mine.take(30)
        time.sleep(120)
        mine.take(7)

    _away(accounts, time, monkeypatch, calls)
    _away(accounts, time, monkeypatch, lambda: mine.take(2))
    # Redis keeps its own clock, by which it is still the day before: what is owed is of that or a later day.
    mine.take(1)
    assert others.left == (90, 100)


def test_an_answer_to_a_call_that_was_made_alone_takes_nothing_from_the_shared_books(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
):
    time, accounts, mine, others = _of_one_day(redis_url)
    others.take(60)
    booked: list[int] = []
    _away(accounts, time, monkeypatch, lambda: booked.append(mine.take()))
    mine.learn(Learnt(900, 3600, allowed=1000), booked[0])
    assert others.left == (900, 1000)


def test_a_restart_takes_up_what_was_known_of_the_day() -> None:
    time = VirtualTime()
    kept: dict[str, Any] = {}
    agreed = terms(None, daily=100, reserve=0)

    def opened() -> Accounts:
        return Accounts(
            clock=time, sleep=time.sleep, keep=lambda name, told: kept.update(told), kept=lambda name: dict(kept)
        )

    first = opened().meter("shop", "x", agreed)
    first.take(60)
    first.answered(True)
    assert opened().meter("shop", "x", agreed).left == (40, 100)
    first.learn(Learnt(10, 0, allowed=500))
    time.sleep(60)
    first.answered(True)
    assert opened().meter("shop", "x", agreed).left == (10, 500)


def test_it_is_kept_at_once_that_reading_and_writing_wait() -> None:
    time, kept = VirtualTime(), []
    accounts = Accounts(clock=time, sleep=time.sleep, keep=lambda name, told: kept.append((name, told["x"])))
    metered = accounts.meter("shop", "x", terms(100, 1))
    metered.take()
    metered.answered(True)
    metered.refused(3600, used_up=True)
    assert [told["used_up_until"] for _, told in kept] == [None, time() + 3600 * SECOND]
    for _ in range(5):
        with pytest.raises(Throttled):
            metered.take()
    assert len(kept) == 2, "and not again with each call"


def test_the_lane_follows_whoever_calls_into_other_threads() -> None:
    found: Counter[Lane] = Counter()

    def look(_: int) -> None:
        found[lane()] += 1

    with calling(Lane.BACKFILL), ThreadPoolExecutor(3) as pool:
        list(pool.map(carried(look), range(9)))
    assert found == {Lane.BACKFILL: 9}
    thread = threading.Thread(target=look, args=(0,))
    thread.start()
    thread.join()
    assert found[Lane.LIVE] == 1
    assert lane() == Lane.LIVE


def test_a_refusal_of_consent_may_use_the_reserve_and_nothing_else() -> None:
    time = VirtualTime()
    context = Context("shop", {"reserve": 20}, time, sleep=time.sleep)
    metered = meter(context, account_of("shop", "key"), None, daily=10)
    for _ in range(8):
        metered.take()
    for chosen in (Lane.FIRST_RESPONSE, Lane.LIVE, Lane.ACTIVITY, Lane.BACKFILL):
        with calling(chosen), pytest.raises(Throttled):
            metered.take()
    with calling(Lane.CONSENT):
        metered.take(2)
        with pytest.raises(Throttled):
            metered.take()


def test_a_rest_is_told_at_once_and_by_everybody() -> None:
    time = VirtualTime()
    accounts = Accounts(clock=time, sleep=time.sleep)
    one, two = (accounts.meter(name, "x", terms(None)) for name in "ab")
    for _ in range(5):
        one.take()
        one.answered(False)
    with pytest.raises(Resting):
        two.take()
    assert time.slept == 0


def test_no_key_of_an_account_gives_a_secret_away() -> None:
    assert "pat-secret" not in account_of("shop", "pat-secret")
    assert account_of("shop", "a", "bc") != account_of("shop", "ab", "c")
