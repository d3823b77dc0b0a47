"""Working hours: the laws of counting in them, and the days on which people count wrong."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from core.decide.movement.hours import Hours, Span, Stretch
from core.model.instant import DAY, HOUR, MINUTE, Instant, from_iso, iso, moment

NINE_TO_FIVE = ((Stretch(540, 1020),),) * 5 + ((), ())
WITH_A_BREAK = ((Stretch(540, 720), Stretch(780, 1020)),) * 5 + ((), ())
ZONES = ("UTC", "Europe/London", "America/New_York", "America/Havana", "Asia/Kolkata", "Australia/Lord_Howe")
BEGIN, END = from_iso("2025-01-01T00:00:00Z"), from_iso("2027-12-31T00:00:00Z")


def shop(
    week: tuple[tuple[Stretch, ...], ...] = NINE_TO_FIVE,
    *,
    zone: str = "Europe/London",
    off: str = "",
    yearly: str = "",
) -> Hours:
    days = frozenset(date.fromisoformat(one) for one in off.split())
    each = frozenset((int(one[:2]), int(one[3:])) for one in yearly.split())
    return Hours(zone, week, days, each)


def at(text: str, zone: str = "Europe/London") -> Instant:
    """A clock on the wall: `2026-11-27 16:58`."""
    naive = moment(from_iso(f"{text.replace(' ', 'T')}:00Z")).replace(tzinfo=ZoneInfo(zone))
    return from_iso(naive.isoformat())


def wall(there: Instant, zone: str = "Europe/London") -> str:
    return f"{moment(there).astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"


# The laws.


@st.composite
def a_day(draw: st.DrawFn, earliest: int = 0, latest: int = 48) -> tuple[Stretch, ...]:
    edges = sorted(draw(st.lists(st.integers(earliest, latest), max_size=6, unique=True)))
    return tuple(Stretch(opens * 30, closes * 30) for opens, closes in zip(edges[::2], edges[1::2], strict=False))


@st.composite
def some_hours(draw: st.DrawFn, earliest: int = 0, latest: int = 48) -> Hours:
    week = draw(st.tuples(*[a_day(earliest, latest)] * 7).filter(any))
    holidays = draw(st.frozensets(st.dates(date(2025, 1, 1), date(2027, 12, 31)), max_size=8))
    yearly = draw(st.frozensets(st.sampled_from([(1, 1), (12, 25), (12, 26), (2, 29), (5, 1)]), max_size=3))
    return Hours(draw(st.sampled_from(ZONES)), week, holidays, yearly)


moments = st.integers(BEGIN, END)
spans = st.integers(0, 6_000).map(lambda minutes: Span(minutes=minutes)) | st.integers(1, 12).map(
    lambda days: Span(days=days)
)


@given(some_hours(), moments, st.integers(0, 10_000))
def test_so_much_lies_between_a_moment_and_its_deadline(hours: Hours, since: Instant, minutes: int):
    assert hours.between(since, hours.after(since, Span(minutes))) == minutes * MINUTE


@given(some_hours(), moments, st.integers(0, 5_000), st.integers(0, 5_000))
def test_two_spans_one_after_the_other_are_their_sum(hours: Hours, since: Instant, one: int, other: int):
    halfway = hours.after(since, Span(one))
    assert hours.opening(hours.after(halfway, Span(other))) == hours.opening(hours.after(since, Span(one + other)))


@given(some_hours(), st.tuples(moments, moments, moments))
def test_working_time_adds_up(hours: Hours, three: tuple[Instant, Instant, Instant]):
    first, second, third = sorted(three)
    assert hours.between(first, second) + hours.between(second, third) == hours.between(first, third)
    assert 0 <= hours.between(first, second) <= second - first
    assert hours.between(second, first) == 0


@given(some_hours(), moments, moments, spans)
def test_who_begins_later_is_never_due_earlier(hours: Hours, one: Instant, other: Instant, span: Span):
    assert hours.after(min(one, other), span) <= hours.after(max(one, other), span)


@given(some_hours(), moments, st.integers(0, 5_000), st.integers(0, 5_000))
def test_a_longer_span_is_never_due_earlier(hours: Hours, since: Instant, one: int, other: int):
    assert hours.after(since, Span(min(one, other))) <= hours.after(since, Span(max(one, other)))


@given(some_hours(), moments, spans)
def test_nothing_is_due_in_closed_hours(hours: Hours, since: Instant, span: Span):
    due = hours.after(since, span)
    assert due >= since
    assert hours.is_open(due) or hours.is_open(due - 1), iso(due)


@given(some_hours(), moments)
def test_the_opening_is_open_and_nothing_is_worked_before_it(hours: Hours, since: Instant):
    opens = hours.opening(since)
    assert hours.is_open(opens)
    assert hours.between(since, opens) == 0
    assert (opens == since) is hours.is_open(since)


@given(some_hours(earliest=8, latest=44), moments, st.integers(1, 600))
@examples(max_examples=30)
def test_it_counts_as_somebody_would_with_a_clock_in_hand(hours: Hours, since: Instant, minutes: int):
    """Minute by minute, by the clock on the wall; clocks change in the small hours."""
    zone, now, left = ZoneInfo(hours.zone), since - since % MINUTE, minutes
    since = now
    while left:
        here = moment(now).astimezone(zone)
        off = here.date() in hours.holidays or (here.month, here.day) in hours.yearly
        minute = here.hour * 60 + here.minute
        is_open = not off and any(one.opens <= minute < one.closes for one in hours.week[here.weekday()])
        assert hours.is_open(now) is is_open
        left -= is_open
        now += MINUTE
    assert hours.after(since, Span(minutes)) == now


@given(some_hours(), st.lists(st.tuples(moments, spans), min_size=1, max_size=5))
def test_what_was_asked_before_changes_nothing(hours: Hours, asked: list[tuple[Instant, Span]]):
    fresh = [Hours(hours.zone, hours.week, hours.holidays, hours.yearly) for _ in asked]
    assert [hours.after(*one) for one in asked] == [new.after(*one) for new, one in zip(fresh, asked, strict=True)]
    assert hours == fresh[0]
    assert hash(hours) == hash(fresh[0])


def test_threads_find_the_same():
    hours, since = shop(WITH_A_BREAK), at("2026-11-27 16:58")
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: hours.after(since, Span(10_000)), range(64)))
    assert found == {shop(WITH_A_BREAK).after(since, Span(10_000))}


# The days on which people count wrong.


def test_a_window_that_begins_late_on_friday_goes_on_at_mondays_opening():
    assert wall(shop().after(at("2026-11-27 16:58"), Span(15))) == "2026-11-30 09:13"
    assert shop().between(at("2026-11-27 16:58"), at("2026-11-30 09:10")) == 12 * MINUTE


def test_a_window_that_fits_ends_at_closing_and_not_at_the_next_opening():
    assert wall(shop().after(at("2026-11-27 16:45"), Span(15))) == "2026-11-27 17:00"


def test_two_in_the_night_of_a_holiday_waits_for_the_next_working_day():
    hours = shop(off="2026-12-28", yearly="12-25 12-26")
    assert wall(hours.after(at("2026-12-25 02:00"), Span(15))) == "2026-12-29 09:15"
    assert not hours.is_open(at("2026-12-25 10:00"))
    assert not hours.is_open(at("2030-12-25 10:00"))
    assert hours.is_open(at("2027-12-28 10:00"))


def test_a_break_at_noon_is_not_worked():
    hours = shop(WITH_A_BREAK)
    assert wall(hours.after(at("2026-11-27 11:50"), Span(15))) == "2026-11-27 13:05"
    assert not hours.is_open(at("2026-11-27 12:30"))


@pytest.mark.parametrize(
    ("since", "days", "due"),
    [
        ("2026-11-26 10:30", 1, "2026-11-27 10:30"),
        ("2026-11-27 10:30", 1, "2026-11-30 10:30"),
        ("2026-11-27 18:00", 1, "2026-12-01 09:00"),
        ("2026-11-28 12:00", 2, "2026-12-02 09:00"),
        ("2026-12-24 16:00", 1, "2026-12-28 16:00"),
        ("2026-12-24 16:00", 2, "2026-12-29 13:00"),
    ],
)
def test_whole_days_lead_to_the_same_time_of_a_working_day(since: str, days: int, due: str):
    short_tuesdays = (NINE_TO_FIVE[0], (Stretch(540, 780),), *NINE_TO_FIVE[2:])
    hours = shop(short_tuesdays if since.startswith("2026-12-24") else NINE_TO_FIVE, yearly="12-25")
    assert wall(hours.after(at(since), Span(days=days))) == due


def test_whole_days_that_lead_into_a_break_end_before_it():
    week = (((Stretch(540, 1020),),) + (WITH_A_BREAK[0],) * 4) + ((), ())
    assert wall(shop(week).after(at("2026-11-30 12:30"), Span(days=1))) == "2026-12-01 12:00"


def test_whole_days_that_lead_before_the_opening_end_at_it():
    week = ((Stretch(480, 1020),), (Stretch(600, 1020),), *NINE_TO_FIVE[2:])
    assert wall(shop(week).after(at("2026-11-30 08:15"), Span(days=1))) == "2026-12-01 10:00"


def test_opening_at_nine_is_nine_on_the_day_on_which_clocks_change():
    every_day = ((Stretch(540, 1020),),) * 7
    for day in ("2026-03-29", "2026-10-25"):
        hours = shop(every_day)
        assert wall(hours.opening(at(f"{day} 00:30"))) == f"{day} 09:00"
        assert hours.between(at(f"{day} 00:00"), at(f"{day} 23:00")) == 8 * HOUR


def test_who_works_through_the_night_works_an_hour_less_or_more_when_clocks_change():
    never_closed = shop(((Stretch(0, 1440),),) * 7)
    assert never_closed.between(at("2026-03-29 00:00"), at("2026-03-30 00:00")) == 23 * HOUR
    assert never_closed.between(at("2026-10-25 00:00"), at("2026-10-26 00:00")) == 25 * HOUR


def test_hours_that_clocks_skip_are_nobodys():
    nights = ((Stretch(75, 105), Stretch(120, 150)),) * 7
    hours, day = shop(nights), at("2026-03-29 00:00")
    assert hours.between(day, day + DAY) == 30 * MINUTE
    assert wall(hours.opening(day)) == "2026-03-29 02:00"
    assert shop(((Stretch(90, 150),),) * 7).between(day, day + DAY) == 30 * MINUTE


def test_a_whole_day_that_clocks_skip_is_no_working_day():
    """Samoa had no 30th of December 2011."""
    hours = shop(((Stretch(540, 1020),),) * 7, zone="Pacific/Apia")
    due = hours.after(at("2011-12-29 10:00", "Pacific/Apia"), Span(days=1))
    assert wall(due, "Pacific/Apia") == "2011-12-31 10:00"


def test_an_installation_that_never_closes_counts_every_hour():
    hours, since = Hours(), at("2026-11-28 03:00")
    assert hours.is_open(since)
    assert hours.after(since, Span(90)) == since + 90 * MINUTE
    assert hours.after(since, Span(days=3)) == since + 3 * DAY
    assert hours.between(since, since + 400 * DAY) == 400 * DAY


def test_an_installation_with_no_open_day_counts_every_hour_towards_what_is_due():
    hours, since = shop(((),) * 7), at("2026-11-28 03:00")
    assert not hours.is_open(since)
    assert hours.opening(since) == since
    assert hours.after(since, Span(90)) == since + 90 * MINUTE
    assert hours.after(since, Span(days=2)) == since + 2 * DAY
    assert hours.between(since, since + DAY) == 0


def test_an_installation_whose_every_day_is_a_holiday_does_not_search_for_ever():
    leap = (date(2024, 1, 1) + timedelta(days=number) for number in range(366))
    hours, since = Hours(yearly=frozenset((one.month, one.day) for one in leap)), at("2026-11-28 03:00")
    assert hours.after(since, Span(90)) == since + 90 * MINUTE
    assert hours.after(since, Span(days=2)) == since + 2 * DAY
    assert hours.opening(since) == since


@pytest.mark.parametrize("far", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])
def test_a_placeholder_at_the_edge_of_the_calendar_breaks_nothing(far: str):
    hours, there = shop(), from_iso(far)
    assert hours.after(there, Span(60)) == there + HOUR
    assert hours.after(there, Span(days=2)) == there + 2 * DAY
    assert hours.opening(there) == there
    assert not hours.is_open(there)
    assert hours.between(there, there + DAY) == 0


@pytest.mark.parametrize(
    ("span", "said"), [(Span(15), "15min"), (Span(240), "4h"), (Span(days=2), "2d"), (Span(), "0min")]
)
def test_a_span_is_told_as_it_is_written(span: Span, said: str):
    assert str(span) == said
