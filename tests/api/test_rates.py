"""Buckets of tokens on a given clock, and who is asking behind which proxy."""

from __future__ import annotations

import pytest

from api.rates import MOST, Rates, asker, networks
from core.errors import ConfigError
from core.model.instant import MINUTE, SECOND


def test_a_minutes_worth_at_once_then_one_by_one():
    rates, now = Rates(6), 0
    assert [rates.wait("ann", now) for _ in range(6)] == [0] * 6
    assert rates.wait("ann", now) == 10
    assert rates.wait("bob", now) == 0
    assert rates.wait("ann", now + 9 * SECOND) >= 1
    assert rates.wait("ann", now + 10 * SECOND) == 0
    assert rates.wait("ann", now + 10 * SECOND) >= 9


def test_whoever_was_away_has_no_more_than_a_full_bucket():
    rates = Rates(2)
    assert [rates.wait("ann", 60 * MINUTE) for _ in range(3)] == [0, 0, 30]


def test_a_clock_that_steps_back_gives_nothing_and_takes_nothing():
    rates = Rates(1)
    assert rates.wait("ann", 60 * SECOND) == 0
    assert rates.wait("ann", 0) > 0
    assert rates.wait("ann", 60 * SECOND) == 0


def test_a_flood_of_addresses_costs_no_more_than_so_many_buckets():
    rates = Rates(1)
    for one in range(MOST + 50):
        rates.wait(str(one), 0)
    assert len(rates._buckets) == MOST


@pytest.mark.parametrize(
    ("peer", "forwarded", "who"),
    [
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("2001:db8:1:2::5", "", "2001:db8:1:2::/64"),
        ("testclient", "198.51.100.1", "testclient"),
    ],
)
def test_only_a_trusted_proxy_is_believed(peer: str, forwarded: str, who: str):
    assert asker(peer, forwarded, networks("10.0.0.0/8")) == who


def test_what_is_no_network_is_told():
    with pytest.raises(ConfigError, match="CONCORD_TRUSTED_PROXIES"):
        networks("10.0.0.0/8, the one over there")
