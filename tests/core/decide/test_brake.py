"""What is too much: shares, the few that never are, what is usual, and what was written since yesterday."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.decide.brake import (
    CASES,
    Held,
    Limits,
    Load,
    Normal,
    could_pass,
    enough,
    narrows,
    plural,
    usual_of,
    weigh,
    widens,
)

HELD = Held(400, {"email": 400, "phone": 50})


def cases(load: Load, *, held: Held = HELD, normal: Normal | None = None, limits: Limits | None = None) -> list[str]:
    found = weigh("contact", load, held, normal or Normal(), limits or Limits())
    return [f"{one.case} {one.field}".strip() for one in found]


@pytest.mark.parametrize(
    ("load", "stopped"),
    [
        (Load(deletes=40), []),
        (Load(deletes=41), ["deletes"]),
        (Load(changes=200), []),
        (Load(changes=201), ["changes"]),
        (Load(creates=150, fills=51), ["changes"]),
        (Load(loaded=100_000), []),
        (Load(values=100_000), []),
        (Load(blanks=Counter(email=80)), []),
        (Load(blanks=Counter(email=81)), ["blanks email"]),
        (Load(blanks=Counter(phone=20)), []),
        (Load(blanks=Counter(phone=21)), ["blanks phone"]),
        (Load(blanks=Counter(fax=81)), ["blanks fax"]),
        (Load(widened=20), []),
        (Load(widened=21), ["consent"]),
        (Load(deletes=50, changes=300, widened=30), ["deletes", "changes", "consent"]),
    ],
)
def test_each_case_has_its_share_and_few_are_never_too_much(load: Load, stopped: list[str]):
    assert cases(load) == stopped


@pytest.mark.parametrize("case", CASES)
def test_each_case_may_be_switched_off(case: str):
    load = Load(deletes=400, changes=400, widened=400, blanks=Counter(email=400))
    limits = Limits.of({case: "off"})
    assert getattr(limits, case) is None
    assert not any(one.startswith(case) for one in cases(load, limits=limits))
    assert len(cases(load, limits=limits)) == len(CASES) - 1


def test_limits_are_those_that_were_chosen_and_else_as_usual():
    assert Limits.of({"deletes": 0.5, "few": 3}) == Limits(deletes=0.5, few=3)
    assert cases(Load(deletes=4), limits=Limits.of({"few": 3, "deletes": 0})) == ["deletes"]


def test_what_was_written_since_yesterday_counts_with_what_waits():
    normal = Normal(lately=Load(deletes=40))
    (one,) = weigh("contact", Load(deletes=1), Held(360), normal, Limits())
    assert (one.number, one.lately, one.limit) == (1, 40, 40)
    assert one.told("books") == (
        "1 of 360 contacts in books would be deleted, after 40 in the last day; usually it is none"
    )
    assert cases(Load(), normal=normal) == [], "nothing of it waits"


def test_twice_a_usual_day_is_no_reason_to_stop():
    normal = Normal(usual=Load(deletes=100))
    assert cases(Load(deletes=200), normal=normal) == []
    assert cases(Load(deletes=201), normal=normal) == ["deletes"]


def test_what_gathered_while_a_tool_was_away_is_work_but_for_what_would_be_lost():
    away = Normal(days=16)
    assert cases(Load(changes=320), normal=away) == []
    assert cases(Load(changes=321), normal=away) == ["changes"]
    lost = Load(deletes=41, widened=21, blanks=Counter(email=81))
    assert cases(lost, normal=away) == cases(lost) == ["deletes", "blanks email", "consent"]
    usually = Normal(usual=Load(deletes=2), days=16)
    assert cases(Load(deletes=64), normal=usually) == []
    assert cases(Load(deletes=65), normal=usually) == ["deletes"]


def test_one_flood_makes_no_habit():
    assert usual_of([Load(deletes=300)]) == Load()
    assert usual_of([Load(deletes=300), Load(deletes=2), Load()]) == Load(deletes=2)
    assert usual_of([Load(deletes=300), Load(deletes=250, blanks=Counter(email=1))]).counts() == {"deletes": 250}


def test_a_first_sync_is_weighed_by_the_values_that_it_writes_over():
    first = Normal(first=True)
    assert cases(Load(creates=5_000, fills=400, changes=400, values=225), normal=first) == []
    assert cases(Load(changes=1, values=226), normal=first) == ["changes"]
    assert cases(Load(deletes=41, blanks=Counter(email=81)), normal=first) == ["deletes", "blanks email"]


@pytest.mark.parametrize(
    ("load", "normal", "words"),
    [
        (
            Load(blanks=Counter(email=312)),
            Normal(usual=Load(blanks=Counter(email=2))),
            "the email of 312 of 400 contacts in books would be emptied; usually it is at most 2 a day",
        ),
        (Load(changes=300), Normal(), "300 of 400 contacts in books would be changed; usually it is none"),
        (
            Load(creates=1_250, changes=300),
            Normal(),
            "1,250 contacts would be added to the 400 in books and 300 changed; usually it is none",
        ),
        (
            Load(widened=30),
            Normal(),
            "30 of 400 contacts in books would be given a wider consent than they have; usually it is none",
        ),
        (
            Load(values=400),
            Normal(first=True),
            "400 of 450 values of contacts in books would be overwritten in a first sync",
        ),
    ],
)
def test_it_is_told_in_words(load: Load, normal: Normal, words: str):
    (one,) = weigh("contact", load, HELD, normal, Limits())
    assert one.told("books") == words


def test_a_record_is_counted_by_what_it_loses():
    load = Load()
    load.update({"a": "x", "b": None}, {"a": "y", "b": "z"}, live=True)
    load.update({"a": None}, {"a": "y"}, live=True)
    load.update({"a": None}, {"a": "y"}, live=False)
    load.update({"a": ["x"]}, {"a": ["y", "x"]}, live=True)
    load.update({"a": ["x", "y"]}, {"a": ["y"]}, live=True)
    load.update({"a": "x"}, {"a": None}, live=False)
    load.create(live=True)
    load.create(live=False)
    assert load.counts() == {"creates": 1, "fills": 2, "loaded": 2, "changes": 3, "values": 2, "blanks a": 1}


@pytest.mark.parametrize(
    ("before", "after", "wider", "narrower"),
    [
        (None, "granted", True, False),
        (None, "pending", False, True),
        (None, "denied", False, True),
        ("granted", "denied", False, True),
        ("granted", "pending", False, True),
        ("denied", "granted", True, False),
        ("denied", "suppressed", True, False),
        ("pending", "suppressed", False, True),
        ("denied", "denied", False, False),
        ("denied", None, False, False),
    ],
)
def test_consent_is_wider_or_narrower(before: str | None, after: str | None, wider: bool, narrower: bool):
    assert (widens(before, after), narrows(before, after)) == (wider, narrower)
    assert widens(before, after, live=False) == (wider and before is not None)


def test_several_of_a_kind():
    assert [plural(one) for one in ("contact", "company", "activity")] == ["contacts", "companies", "activities"]


counts = st.integers(0, 500)
loads = st.builds(
    Load, creates=counts, fills=counts, changes=counts, deletes=counts, widened=counts,
    blanks=st.builds(Counter, st.fixed_dictionaries({"email": counts})),
)  # fmt: skip
normals = st.builds(Normal, lately=loads, usual=loads, days=st.integers(1, 20))
shares = st.just(0.0) | st.floats(0.001, 1)
limits = st.builds(Limits, deletes=shares, blanks=shares, changes=shares, consent=shares, few=st.integers(0, 100))


@given(loads, normals, limits)
def test_what_cannot_pass_does_not(load: Load, normal: Normal, chosen: Limits):
    if not could_pass(load, 0, normal, chosen):
        assert weigh("contact", load, Held(), normal, chosen) == []


@given(loads, normals, limits)
def test_of_enough_records_no_share_is_passed(load: Load, normal: Normal, chosen: Limits):
    there = enough(load, normal, chosen)
    for one in weigh("contact", load, Held(there), normal, chosen):
        assert getattr(chosen, one.case) == 0


@given(loads, loads, normals, limits)
def test_more_is_never_less(load: Load, more: Load, normal: Normal, chosen: Limits):
    before = {(one.case, one.field) for one in weigh("contact", load, HELD, normal, chosen)}
    load.add(more)
    assert before <= {(one.case, one.field) for one in weigh("contact", load, HELD, normal, chosen)}


@given(loads)
def test_a_load_is_kept_in_counts(load: Load):
    assert Load.of(load.counts().items()).counts() == load.counts()
