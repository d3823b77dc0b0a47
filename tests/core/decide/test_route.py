from __future__ import annotations

from typing import Any

import pytest

from core.decide.route import Hearer, Lane, hearers, lane

CONNECTIONS = (
    Hearer("crm", {"contact": frozenset({"email", "phone", "owner"}), "deal": frozenset({"stage"})}),
    Hearer("book", {"contact": frozenset({"email", "phone"})}),
    Hearer("mail", {"contact": frozenset({"email", "consent.email"})}),
    Hearer("reader", {"contact": frozenset()}),
)


@pytest.mark.parametrize(
    ("kind", "changed", "cause", "expected"),
    [
        ("contact", {"consent.email"}, "live", Lane.CONSENT),
        ("contact", {"consent.sms", "phone"}, "backfill", Lane.CONSENT),
        ("contact", None, "live", Lane.FIRST_RESPONSE),
        ("contact", {"phone"}, "live", Lane.LIVE),
        ("deal", None, "live", Lane.LIVE),
        ("activity", None, "live", Lane.ACTIVITY),
        ("activity", {"done"}, "live", Lane.ACTIVITY),
        ("contact", None, "backfill", Lane.BACKFILL),
        ("activity", {"done"}, "backfill", Lane.BACKFILL),
    ],
)
def test_lanes(kind: str, changed: set[str] | None, cause: Any, expected: Lane):
    assert lane(kind, changed, cause) is expected


def test_the_lanes_stand_in_order():
    assert sorted(Lane) == [Lane.CONSENT, Lane.FIRST_RESPONSE, Lane.LIVE, Lane.ACTIVITY, Lane.BACKFILL]


@pytest.mark.parametrize(
    ("kind", "changed", "told"),
    [
        ("contact", {"phone"}, ("crm", "book")),
        ("contact", {"consent.email"}, ("mail",)),
        ("contact", {"birthday"}, ()),
        ("contact", set(), ()),
        ("contact", None, ("crm", "book", "mail")),
        ("deal", None, ("crm",)),
        ("ticket", None, ()),
    ],
)
def test_who_writes_what_changed_hears_of_it(kind: str, changed: set[str] | None, told: tuple[str, ...]):
    assert hearers(kind, changed, CONNECTIONS) == told


def test_a_source_whose_word_stands_is_left_out():
    record = {"email": "a@x.y", "phone": "+1", "owner": 3}
    assert hearers("contact", {"phone"}, CONNECTIONS, "crm", said={"phone": "+1"}, values=record) == ("book",)
    said = {"email": "a@x.y", "phone": "+1", "owner": 3, "first_name": "Ann"}
    assert hearers("contact", None, CONNECTIONS, "crm", said=said, values=record) == ("book", "mail")


def test_a_source_that_was_overruled_hears_of_it_even_when_nothing_changed():
    record = {"phone": "+2"}
    assert hearers("contact", set(), CONNECTIONS, "crm", said={"phone": "+1"}, values=record) == ("crm",)
    assert hearers("contact", {"email"}, CONNECTIONS, "mail", said={"phone": "+1"}, values={"email": "a@x.y"}) == (
        "crm",
        "book",
        "mail",
    )


def test_a_source_is_not_told_of_a_field_it_does_not_carry():
    assert hearers("contact", set(), CONNECTIONS, "book", said={"owner": 4}, values={"owner": 3}) == ()


def test_blank_and_missing_are_the_same_word():
    assert hearers("contact", {"phone"}, CONNECTIONS[:1], "crm", said={"phone": ""}, values={}) == ()


def test_a_source_of_which_nothing_is_known_is_told_like_any_other():
    assert hearers("contact", {"phone"}, CONNECTIONS, "crm") == ("crm", "book")
