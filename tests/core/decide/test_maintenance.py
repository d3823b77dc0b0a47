"""Maintenance windows: when a connection is left alone, and until when."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.decide.maintenance import Hold, Window, hold, load_windows
from core.mapping.problem import MappingError
from core.model.instant import MINUTE, Instant, from_iso, instant, moment

SATURDAY = from_iso("2026-11-28T00:00:00Z")


def at(text: str) -> Instant:
    return from_iso(text)


def test_over_midnight_it_belongs_to_the_day_on_which_it_begins():
    (window,) = load_windows('a: {days: [saturday], from: "22:00", to: "06:00"}', file="f")["a"]
    held = Hold(at("2026-11-29T06:00:00Z"), reads=False, everything=False)
    assert hold([window], at("2026-11-28T22:00:00Z")) == held
    assert hold([window], at("2026-11-29T05:59:59Z")) == held
    assert hold([window], at("2026-11-29T06:00:00Z")) is None
    assert hold([window], at("2026-11-28T21:59:59Z")) is None
    assert hold([window], at("2026-11-29T22:30:00Z")) is None


def test_the_clock_is_that_of_the_zone_also_when_it_is_changed():
    (window,) = load_windows('a: {from: "00:30", to: "03:00", zone: Europe/London, hold: reads and writes}', file="f")[
        "a"
    ]
    # On 29 March 2026 one o'clock is two o'clock.
    held = hold([window], at("2026-03-29T00:45:00Z"))
    assert held == Hold(at("2026-03-29T02:00:00Z"), reads=True, everything=False)
    # On 25 October two o'clock is one o'clock again.
    assert hold([window], at("2026-10-24T23:45:00Z")) == Hold(at("2026-10-25T03:00:00Z"), reads=True, everything=False)
    assert hold([window], at("2026-07-01T00:00:00Z")) is not None
    assert hold([window], at("2026-12-01T00:00:00Z")) is None


def test_several_hold_together_and_say_what():
    found = load_windows(
        """
shop:
  - {from: "01:00", to: "03:00"}
  - {from: "02:00", to: "04:00", hold: reads and writes, everything: true}
mail: {from: "00:00", to: "24:00", days: sunday}
""",
        file="f",
    )
    both = hold(found["shop"], at("2026-11-28T02:30:00Z"))
    assert both == Hold(at("2026-11-28T04:00:00Z"), reads=True, everything=True)
    assert both is not None
    assert both.what == "reads and writes, refusals of consent too"
    assert hold(found["shop"], at("2026-11-28T01:30:00Z")) == Hold(at("2026-11-28T03:00:00Z"), False, False)
    assert hold(found["mail"], at("2026-11-29T23:59:00Z")) == Hold(at("2026-11-30T00:00:00Z"), False, False)
    assert hold((), SATURDAY) is None


zones = st.sampled_from(("UTC", "Europe/London", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"))
minutes = st.integers(0, 1439)


@given(st.frozensets(st.integers(0, 6)), minutes, minutes, zones, st.integers(0, 1_440 * 400))
def test_what_holds_ends_and_ends_when_the_clock_says(
    days: frozenset[int], begins: int, ends: int, zone: str, later: int
):
    now = SATURDAY + later * MINUTE
    window = Window(days, begins, ends, zone)
    found = hold([window], now)
    if found is None:
        return
    assert now < found.until <= now + 25 * 60 * MINUTE
    after = hold([window], found.until)
    # Only one that begins right then goes on.
    assert after is None or ends == begins or after.until > found.until
    clock = moment(found.until).astimezone(ZoneInfo(zone))
    wanted = datetime(clock.year, clock.month, clock.day, ends // 60, ends % 60, tzinfo=ZoneInfo(zone))
    # A time that the change of the clock leaves out is an hour later.
    assert abs(instant(wanted) - found.until) <= 60 * MINUTE


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('a: {from: "22:00"}', ("`to`", "f:1:4")),
        ('a: {from: "25:00", to: "03:00"}', ("`from`", "f:1:11")),
        ('a: {from: "24:00", to: "03:00"}', ("`from`",)),
        ('a: {from: "01:00", to: "03:00", day: monday}', ("`day` is not a word", "days")),
        ('a: {from: "01:00", to: "03:00", days: [munday]}', ("munday", "monday")),
        ('a: {from: "01:00", to: "03:00", zone: Europe/Londn}', ("Europe/London",)),
        ('a: {from: "01:00", to: "03:00", hold: read}', ("reads and writes",)),
        ('a: {from: "01:00", to: "03:00", everything: some}', ("neither true nor false",)),
        ('a: {from: "02:00", to: "02:00"}', ("no length",)),
        ('b: {from: "01:00", to: "03:00"}', ("There is no connection `b`",)),
        ("a: never", ("no window",)),
        ("- a", ("not a map",)),
    ],
)
def test_a_mistake_is_told_with_its_place_and_a_remedy(text: str, words: tuple[str, ...]):
    with pytest.raises(MappingError) as told:
        load_windows(text, file="f", connections=["a"])
    for word in words:
        assert word in str(told.value)
