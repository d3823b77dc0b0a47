from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.decide.echo import heard, is_news, is_stale, news, stamp_for
from core.decide.fold import fold
from core.decide.rules import Rules
from core.decide.skew import Skew
from core.model.claim import Claim, Claims, Evidence, Stamp, Voice
from core.model.instant import SECOND
from core.model.shapes import SHAPES
from core.model.values import Json
from tests.core.decide.voices import CONTACT

FIRST, LATER, NAMED = Stamp(10, 0), Stamp(20, 15, Evidence.MODIFIED), Stamp(18, 18, Evidence.EVENT)
FIELDS = ("first_name", "phone", "email", "other_emails", "tags", "lead_score", "consent.email")
CLEAR = dict.fromkeys(FIELDS, "clear")


def hear(
    now: Json,
    before: Json,
    claims: Claims | None = None,
    *,
    stamp: Stamp = LATER,
    when_blank: dict[str, str] | None = None,
    fields: Collection[str] = FIELDS,
    **more: Any,
):
    claims = Claims() if claims is None else claims
    when_blank = {} if when_blank is None else when_blank
    return heard(
        CONTACT, now=now, before=before, claims=claims, stamp=stamp, when_blank=when_blank, fields=fields, **more
    )


def claimed(stamp: Stamp = FIRST, **values: Json):
    return Claims.of({name.replace("__", "."): Claim(value, stamp) for name, value in values.items()})


# First sight


def test_at_first_sight_every_value_is_a_claim_and_a_blank_is_none():
    claims = hear({"first_name": "Ann", "lead_score": 0, "phone": None, "tags": []}, None, stamp=FIRST)
    assert dict(claims.items()) == {"first_name": Claim("Ann", FIRST), "lead_score": Claim(0, FIRST)}


def test_first_sight_of_an_empty_record_is_no_echo():
    assert hear({}, None) == Claims({}, (LATER,))


def test_a_named_field_carries_the_events_stamp_at_first_sight():
    claims = hear({"first_name": "Ann", "phone": "+1"}, None, stamp=FIRST, named={"phone"}, named_stamp=NAMED)
    assert claims.get("phone").stamp == NAMED
    assert claims.get("first_name").stamp == FIRST


def test_a_binding_seen_again_without_expectations_keeps_the_age_of_what_it_still_says():
    claims = hear({"first_name": "Ann", "phone": "+2"}, None, claimed(first_name="Ann", phone="+1"))
    assert claims.get("first_name").stamp == FIRST
    assert claims.get("phone") == Claim("+2", LATER)


# Echoes


@pytest.mark.parametrize(
    ("now", "before"),
    [
        ({"phone": "+1", "tags": ["a", "b"]}, {"tags": ["b", "a"], "phone": "+1"}),
        ({"phone": "+1", "first_name": None}, {"phone": "+1"}),
        ({"phone": "+1", "tags": []}, {"phone": "+1", "tags": None}),
        ({"phone": "+1", "not_read": "x"}, {"phone": "+1"}),
        ({}, {}),
    ],
)
def test_a_reading_of_what_was_expected_is_an_echo(now: Json, before: Json):
    assert hear(now, before) is None


@given(
    st.dictionaries(
        st.sampled_from(["first_name", "phone", "tags"]),
        st.sampled_from([None, "x", ["p"], ["p", "q"]]),
    )
)
def test_whatever_was_expected_its_reading_is_an_echo(values: dict[str, Json]):
    assert hear(dict(values), values, when_blank=CLEAR) is None


def test_an_old_word_said_again_after_our_write_is_news():
    claims = hear({"phone": "+1"}, {"phone": "+2"}, claimed(phone="+1"))
    assert claims.get("phone") == Claim("+1", LATER)


# Edits


def test_only_what_differs_is_claimed_anew():
    claims = hear(
        {"first_name": "Ann", "phone": "+2"},
        {"first_name": "Ann", "phone": "+1"},
        claimed(first_name="Ann", phone="+1"),
    )
    assert claims.get("phone") == Claim("+2", LATER)
    assert claims.get("first_name") == Claim("Ann", FIRST)


def test_fields_an_event_names_carry_its_stamp_and_the_others_the_readings():
    claims = hear(
        {"first_name": "Anna", "phone": "+2"},
        {"first_name": "Ann", "phone": "+1"},
        named={"phone", "email"},
        named_stamp=NAMED,
    )
    assert claims.get("phone").stamp == NAMED
    assert claims.get("first_name").stamp == LATER
    assert "email" not in claims


def test_fields_claimed_together_carry_one_stamp():
    before = {"email": "a@x.y", "other_emails": ["c@x.y"]}
    claims = hear({**before, "email": "b@x.y"}, before, named={"email"}, named_stamp=NAMED)
    assert claims.get("email").stamp == claims.get("other_emails").stamp == NAMED


VALUES = st.dictionaries(
    st.sampled_from(["first_name", "phone", "lead_score", "tags"]), st.sampled_from(["x", "y", "z"])
)
TAGGED = VALUES.map(lambda values: {**values, **({"tags": [values["tags"]]} if "tags" in values else {})})


@given(now=TAGGED, before=TAGGED, named=st.sets(st.sampled_from(FIELDS)))
def test_what_is_named_changes_how_well_a_moment_is_known_and_nothing_else(
    now: dict[str, Json], before: dict[str, Json], named: set[str]
):
    known = claimed(**before)
    plain = hear(now, before, known, when_blank=CLEAR)
    told = hear(now, before, known, when_blank=CLEAR, named=named, named_stamp=NAMED)
    assert (plain is None) == (told is None), "an echo stays an echo, whatever is named"
    for name, claim in plain.items() if plain else ():
        fresh = claim.stamp == LATER
        assert told.get(name) == claim._replace(stamp=NAMED if fresh and name in named else claim.stamp)
        assert fresh == (now.get(name) != before.get(name)), "what is as it was keeps its age, named or not"


def test_a_partial_reading_says_nothing_about_the_rest():
    claims = hear({"phone": "+2"}, {"phone": "+1", "first_name": "Ann"}, said={"phone"}, when_blank=CLEAR)
    assert list(claims) == ["phone"]


def test_a_field_the_mapping_does_not_read_is_no_news():
    assert hear({"phone": "+2"}, {"phone": "+1"}, fields=("first_name",)) is None


@pytest.mark.parametrize(("word", "claim"), [("clear", Claim(None, LATER)), ("ignore", None), (None, None)])
def test_a_value_that_became_blank_is_a_clearing_where_the_mapping_says_so(word: str | None, claim: Claim | None):
    when_blank = {"phone": word} if word else {}
    claims = hear({}, {"phone": "+1"}, claimed(phone="+1"), when_blank=when_blank)
    assert (claims.get("phone") if claims else None) == claim


def test_news_names_the_fields_that_are_no_echo():
    assert news({"phone": "+2"}, {"phone": "+1", "first_name": "Ann"}, FIELDS, {}) == ["phone"]


# Sets


def test_an_element_that_disappeared_was_taken_out():
    claims = hear({"tags": ["a"]}, {"tags": ["a", "b"]}, claimed(tags=["a", "b"]))
    assert claims.get("tags") == Claim(["a"], LATER, ("b",))


def test_what_was_taken_out_stays_out_until_it_is_put_back():
    once = hear({"tags": ["a"]}, {"tags": ["a", "b"]}, claimed(tags=["a", "b"]))
    twice = hear({"tags": ["c"]}, {"tags": ["a"]}, once, stamp=Stamp(30, 30))
    assert twice.get("tags").without == ("a", "b")
    back = hear({"tags": ["b", "c"]}, {"tags": ["c"]}, twice, stamp=Stamp(40, 40))
    assert back.get("tags") == Claim(["b", "c"], Stamp(40, 40), ("a",))


def test_clearing_a_set_takes_out_all_of_it():
    claims = hear({}, {"tags": ["a", "b"]}, claimed(tags=["a", "b"]), when_blank=CLEAR)
    assert claims.get("tags") == Claim(None, LATER, ("a", "b"))


def test_an_element_another_source_has_goes_when_it_is_taken_out_here():
    here = hear({"tags": ["a"]}, {"tags": ["a", "b"]}, claimed(tags=["a"]))
    other = Voice("other", claimed(tags=["b"]))
    record = fold(CONTACT, Rules.default(SHAPES), [Voice("here", here), other])
    assert record.values["tags"] == ["a"]


# What is claimed together


def test_an_address_and_the_addresses_beside_it_are_claimed_together():
    before = {"email": "a@x.y", "other_emails": ["c@x.y"]}
    claims = hear({"email": "b@x.y", "other_emails": ["c@x.y"]}, before)
    assert claims.get("email") == Claim("b@x.y", LATER)
    assert claims.get("other_emails") == Claim(["c@x.y"], LATER, ("a@x.y",))
    claims = hear({"email": "a@x.y", "other_emails": ["d@x.y"]}, before)
    assert claims.get("email") == Claim("a@x.y", LATER)
    assert claims.get("other_emails").without == ("c@x.y",)


def test_an_address_that_moved_beside_was_not_taken_out():
    before = {"email": "a@x.y", "other_emails": ["c@x.y"]}
    claims = hear({"email": "c@x.y", "other_emails": ["a@x.y"]}, before)
    assert claims.get("other_emails") == Claim(["a@x.y"], LATER)


def test_a_tool_with_room_for_one_address_takes_none_out():
    claims = hear({"email": "b@x.y"}, {"email": "a@x.y"}, fields=("email",))
    assert list(claims) == ["email"]


def test_a_blank_that_is_ignored_stays_ignored_beside_an_edit():
    before = {"email": "a@x.y", "other_emails": ["c@x.y"]}
    assert list(hear({"email": "b@x.y"}, before)) == ["email"]


def test_an_address_replaced_in_a_tool_with_room_for_many_was_taken_out():
    claims = hear({"email": "b@x.y"}, {"email": "a@x.y"})
    assert claims.get("other_emails") == Claim(None, LATER, ("a@x.y",))
    claims = hear({"email": "b@x.y"}, {})
    assert list(claims) == ["email"]


# Consent


@pytest.mark.parametrize("now", [{"consent.email": "granted"}, {"consent.email": "pending"}, {}])
def test_a_narrow_consent_is_not_replaced_by_a_wider_one(now: Json):
    before = {"consent.email": "denied"}
    claims = claimed(consent__email="denied")
    assert hear(now, before, claims, when_blank=CLEAR) == claims


@pytest.mark.parametrize(
    ("before", "now"), [("granted", "denied"), ("pending", "suppressed"), ("granted", None), ("granted", "pending")]
)
def test_a_narrower_consent_is_heard(before: Json, now: Json):
    claims = hear({"consent.email": now}, {"consent.email": before}, claimed(consent__email=before), when_blank=CLEAR)
    assert claims.get("consent.email") == Claim(now, LATER)


def test_the_person_may_widen_consent():
    explicit = Stamp(20, 20, Evidence.EVENT, explicit=True)
    claims = hear(
        {"consent.email": "granted"},
        {"consent.email": "denied"},
        claimed(consent__email="denied"),
        stamp=explicit,
    )
    assert claims.get("consent.email") == Claim("granted", explicit)


# Law 4 for one binding: whatever echoes arrive in between, the claims are those of the genuine edits


@given(st.lists(st.tuples(st.sampled_from(["edit", "write", "echo"]), st.sampled_from(["x", "y", "z"])), max_size=12))
def test_echoes_in_between_change_nothing(steps: list[tuple[str, str]]):
    expected, claims, last = {"phone": "w"}, claimed(phone="w"), "w"
    for at, (step, value) in enumerate(steps, start=100):
        if step == "write":
            expected = {"phone": value}
        elif step == "echo":
            assert hear(dict(expected), expected, claims) is None
        elif value != expected["phone"]:
            claims = hear({"phone": value}, expected, claims, stamp=Stamp(at, at))
            expected, last = {"phone": value}, value
    assert claims.get("phone").value == last


# Stamps


def test_a_modified_stamp_is_corrected_for_skew_and_has_an_interval():
    stamp = stamp_for(110 * SECOND, 200 * SECOND, skew=Skew(10 * SECOND, 3 * SECOND))
    assert stamp == Stamp(100 * SECOND, 97 * SECOND, Evidence.MODIFIED)


def test_a_modified_stamp_is_never_surer_than_a_second():
    assert stamp_for(50 * SECOND, 90 * SECOND, skew=Skew(0, 10)).since == 49 * SECOND


def test_a_stamp_from_the_future_counts_as_the_moment_of_reading():
    assert stamp_for(500 * SECOND, 90 * SECOND, skew=Skew(0, 0)).at == 90 * SECOND


@pytest.mark.parametrize(("last_read_at", "since"), [(None, 0), (40, 40), (95, 90)])
def test_without_a_stamp_it_was_some_time_since_the_last_reading(last_read_at: int | None, since: int):
    assert stamp_for(None, 90, last_read_at) == Stamp(90, since, Evidence.FIRST_SEEN)


def test_an_events_stamp_says_so():
    assert stamp_for(50 * SECOND, 90 * SECOND, evidence=Evidence.EVENT).evidence == Evidence.EVENT


@pytest.mark.parametrize(
    ("kept", "reading", "newer"), [(None, 5, True), (5, None, True), (5, 6, True), (5, 5, True), (6, 5, False)]
)
def test_only_an_older_stamp_is_no_news(kept: int | None, reading: int | None, newer: bool):
    assert is_news(kept, reading) is newer


@pytest.mark.parametrize(
    ("began_at", "wrote_at", "stale"), [(5, None, False), (5, 6, True), (5, 5, False), (6, 5, False)]
)
def test_a_reading_begun_before_our_write_had_ended_is_stale(began_at: int, wrote_at: int | None, stale: bool):
    assert is_stale(began_at, wrote_at) is stale
