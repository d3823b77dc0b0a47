from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.decide.fold import Folded, alone, fold
from core.decide.rules import RULES, Rule, Rules
from core.decide.why import explain
from core.model.claim import Claim, Claims, Stamp, Voice
from core.model.shape import Field
from core.model.shapes import SHAPES
from core.model.values import Json, is_blank
from tests.core.decide.voices import CONTACT, rules_with, voice

DEFAULT = Rules.default(SHAPES)


def folded(rules: Rules, *voices: Voice):
    return fold(CONTACT, rules, voices)


def value(rules: Rules, field: str, *voices: Voice):
    return folded(rules, *voices).values.get(field)


# One voice


def test_a_single_voice_is_taken_at_its_word():
    record = folded(DEFAULT, voice("a", first_name="Ann", lead_score=0, description=None, company=11))
    assert record.values == {"first_name": "Ann", "lead_score": 0, "company": 11}
    assert record.asks == ()


def test_a_retired_voice_still_counts():
    assert value(DEFAULT, "phone", voice("a", 1, retired=True, phone="+1"), voice("b", 2, email="x@y.z")) == "+1"


def test_no_voice_makes_an_empty_record():
    assert folded(DEFAULT).values == {}


def test_a_field_no_shape_declares_is_kept():
    assert value(DEFAULT, "shoe_size", voice("a", 1, shoe_size=43), voice("b", 2, shoe_size=44)) == 44


# latest


def test_the_newest_claim_stands():
    assert value(DEFAULT, "phone", voice("a", 5, phone="+5"), voice("b", 3, phone="+3")) == "+5"


def test_a_newest_clearing_clears():
    assert value(DEFAULT, "phone", voice("a", 5, phone=None), voice("b", 3, phone="+3")) is None


def test_an_older_clearing_is_overruled():
    assert value(DEFAULT, "phone", voice("a", 2, phone=None), voice("b", 3, phone="+3")) == "+3"


def test_overlapping_edits_are_decided_by_the_preference():
    voices = voice("a", 10, since=4, phone="+1"), voice("b", 6, phone="+2")
    assert value(rules_with(preference=("b", "a")), "phone", *voices) == "+2"
    assert value(rules_with(preference=("c", "a", "b")), "phone", *voices) == "+1"


def test_a_rules_own_order_goes_before_the_preference():
    voices = voice("a", 10, since=4, phone="+1"), voice("b", 6, phone="+2")
    rules = rules_with(preference=("a",), phone=Rule("latest", prefer=("b",)))
    assert value(rules, "phone", *voices) == "+2"


def test_overlapping_edits_without_preference_are_asked_about_and_the_earliest_is_kept():
    record = folded(DEFAULT, voice("a", 10, since=4, phone="+1"), voice("b", 6, phone="+2"))
    (ask,) = record.asks
    assert ask.field == "phone"
    assert ask.rule == "latest"
    assert ask.contenders == (("b", "+2", 6), ("a", "+1", 10))
    assert record.values["phone"] == "+2"


def test_a_preference_that_names_no_contender_asks():
    record = folded(rules_with(preference=("c",)), voice("a", 10, since=4, phone="+1"), voice("b", 6, phone="+2"))
    assert record.asks


def test_a_claim_certainly_older_than_another_does_not_contend():
    # c's interval touches nobody's: b is certainly newer, whatever the vague one says.
    record = folded(
        DEFAULT,
        voice("vague", 100, since=0, phone="+1"),
        voice("b", 50, phone="+2"),
        voice("c", 20, since=10, phone="+3"),
    )
    assert {source for source, _, _ in record.asks[0].contenders} == {"vague", "b"}


def test_a_person_beats_an_overlap():
    assert value(DEFAULT, "phone", voice("a", 10, since=4, phone="+1"), voice("hub", 6, phone="+2")) == "+2"


def test_a_person_does_not_beat_what_is_certainly_newer():
    assert value(DEFAULT, "phone", voice("a", 10, phone="+1"), voice("hub", 6, phone="+2")) == "+1"


def test_equal_values_never_conflict():
    record = folded(DEFAULT, voice("a", 10, since=4, phone="+1"), voice("b", 6, phone="+1"))
    assert record.values["phone"] == "+1"
    assert not record.asks


def test_an_answered_question_stays_answered_until_the_next_edit():
    voices = [voice("a", 10, since=4, phone="+1"), voice("b", 6, phone="+2"), voice("hub", 11, phone="+2")]
    assert folded(DEFAULT, *voices).values["phone"] == "+2"
    assert not folded(DEFAULT, *voices).asks
    assert value(DEFAULT, "phone", *voices, voice("c", 12, phone="+3")) == "+3"


# The other rules, one line of the table each


@pytest.mark.parametrize(
    ("rule", "standing"),
    [
        (Rule("prefer", prefer=("c", "b")), "bb"),
        (Rule("prefer", prefer=("x",)), "aaa"),
        (Rule("system_of_record", source="b"), "bb"),
        (Rule("system_of_record", source="x"), "aaa"),
        (Rule("fill"), "bb"),
        (Rule("most_complete"), "dddd"),
        (Rule("hold"), "aaa"),
    ],
    ids=str,
)
def test_rules_by_example(rule: Rule, standing: str):
    voices = (
        voice("a", 9, job_title="aaa"),
        voice("b", 2, job_title="bb"),
        voice("c", 1, job_title=None),
        voice("d", 3, job_title="dddd"),
    )
    assert value(rules_with(job_title=rule), "job_title", *voices) == standing


def test_prefer_skips_a_blank_word():
    rules = rules_with(phone=Rule("prefer", prefer=("a", "b")))
    assert value(rules, "phone", voice("a", 9, phone=None), voice("b", 1, phone="+1")) == "+1"


def test_a_system_of_record_may_clear():
    rules = rules_with(phone=Rule("system_of_record", source="a"))
    assert value(rules, "phone", voice("a", 1, phone=None), voice("b", 9, phone="+1")) is None


def test_most_complete_prefers_the_address_with_most_parts_and_then_the_newest():
    rules = rules_with(address="most_complete")
    full = {"street": "1 High Street", "city": "Leeds"}
    newer = {"street": "2 Low Street", "city": "York"}
    voices = voice("a", 1, address=full), voice("b", 9, address={"city": "Hull"}), voice("c", 5, address=newer)
    assert value(rules, "address", *voices) == newer


def test_a_persons_edit_holds_against_newer_ones():
    rules = rules_with(phone=Rule("hold", days=30))
    assert value(rules, "phone", voice("hub", 1, phone="+1"), voice("b", 9, phone="+2")) == "+1"
    assert value(rules, "phone", voice("hub", 1, phone=None), voice("b", 9, phone="+2")) is None


@pytest.mark.parametrize(
    ("field", "values", "least", "most"),
    [
        ("lead_score", (9, 10.5), 9, 10.5),
        ("birthday", ("1984-05-09", "1979-01-01"), "1979-01-01", "1984-05-09"),
        (
            "stage_entered_at",
            ("2026-11-21T09:00:00Z", "2026-11-21T09:00:00.5Z"),
            "2026-11-21T09:00:00Z",
            "2026-11-21T09:00:00.5Z",
        ),
        (
            "budget",
            ({"amount": "9.00", "currency": "GBP"}, {"amount": "10.00", "currency": "GBP"}),
            {"amount": "9.00", "currency": "GBP"},
            {"amount": "10.00", "currency": "GBP"},
        ),
    ],
)
def test_max_and_min(field: str, values: tuple[Json, Json], least: Json, most: Json):
    voices = [voice("a", 2, **{field: values[0]}), voice("b", 1, **{field: values[1]})]
    assert _budgeted("max", field, *voices).values[field] == most
    assert _budgeted("min", field, *voices).values[field] == least


def test_a_persons_answer_settles_amounts_in_different_currencies():
    pounds, euros = {"amount": "9.00", "currency": "GBP"}, {"amount": "10.00", "currency": "EUR"}
    voices = (voice("a", 2, budget=pounds), voice("b", 1, budget=euros))
    answered = _budgeted("max", "budget", *voices, voice("hub", 5, budget=pounds))
    assert (answered.values["budget"], answered.asks) == (pounds, ())
    agreed = _budgeted("max", "budget", *voices, voice("hub", 5, budget=pounds), voice("c", 9, budget=pounds))
    assert (agreed.values["budget"], agreed.asks) == (pounds, ())
    since = _budgeted("max", "budget", *voices, voice("hub", 5, budget=pounds), voice("c", 9, budget=euros))
    assert since.asks[0].field == "budget"


def test_amounts_in_different_currencies_are_asked_about():
    record = _budgeted(
        "max",
        "budget",
        voice("a", 2, budget={"amount": "9.00", "currency": "GBP"}),
        voice("b", 1, budget={"amount": "10.00", "currency": "EUR"}),
    )
    assert record.asks[0].field == "budget"
    assert "currencies" in record.asks[0].note


def _budgeted(rule: str, field: str, *voices: Voice) -> Folded:
    """The fold of a contact with a sum of money among its fields."""
    budget = Field("budget", "money", "What they may spend.", {"amount": "9.00", "currency": "GBP"})
    return fold(CONTACT.extended([budget]), Rules((), {}, {"contact": {field: Rule(rule)}}), voices)


def test_ask_asks_unless_all_agree_or_a_person_has_the_last_word():
    rules = rules_with(phone="ask")
    a, b = voice("a", 1, phone="+1"), voice("b", 2, phone="+2")
    assert folded(rules, a, b).asks[0].contenders == (("a", "+1", 1), ("b", "+2", 2))
    assert value(rules, "phone", a, b) == "+1"
    assert not folded(rules, a, voice("b", 2, phone="+1"), voice("c", 3, phone=None)).asks
    assert value(rules, "phone", a, b, voice("hub", 2, phone="+3")) == "+3"
    assert folded(rules, a, b, voice("hub", 1, phone="+3")).asks


def test_who_says_what_a_person_answered_does_not_ask_again():
    rules = rules_with(phone="ask")
    told = voice("a", 1, phone="+1"), voice("b", 2, phone="+2"), voice("hub", 3, phone="+2")
    assert folded(rules, *told, voice("c", 9, phone="+2")) == folded(rules, *told)
    assert folded(rules, *told, voice("c", 9, phone="+1")).asks
    assert folded(rules, *told, voice("c", 9, phone=None)).asks


# Consent


def test_the_strictest_consent_stands_however_old():
    voices = voice("a", 9, consent__email="granted"), voice("b", 1, consent__email="denied")
    assert value(DEFAULT, "consent.email", *voices) == "denied"


@pytest.mark.parametrize("stricter", ["denied", "suppressed", "pending"])
def test_only_the_persons_own_newer_grant_answers_a_stricter_word(stricter: str):
    older = voice("b", 5, consent__email=stricter)
    assert value(DEFAULT, "consent.email", older, voice("form:x", 6, explicit=True, consent__email="granted")) == (
        "granted"
    )
    assert value(DEFAULT, "consent.email", older, voice("form:x", 4, explicit=True, consent__email="granted")) == (
        stricter
    )
    vague = voice("form:x", 9, since=5, explicit=True, consent__email="granted")
    assert value(DEFAULT, "consent.email", older, vague) == stricter


def test_an_opt_out_after_the_grant_stands():
    voices = voice("form:x", 6, explicit=True, consent__email="granted"), voice("b", 7, consent__email="denied")
    assert value(DEFAULT, "consent.email", *voices) == "denied"


def test_silence_about_consent_is_no_word():
    voices = voice("a", 1, consent__email="denied"), voice("b", 9, consent__email=None)
    assert value(DEFAULT, "consent.email", *voices) == "denied"


# Sets


def test_a_set_holds_what_anyone_has():
    assert value(DEFAULT, "tags", voice("a", 1, tags=["x", "z"]), voice("b", 2, tags=["y", "z"])) == ["x", "y", "z"]


def test_an_element_taken_out_later_is_gone_and_one_put_in_later_stays():
    gone = voice("a", 5, tags=["x"], without={"tags": ["z"]})
    assert value(DEFAULT, "tags", gone, voice("b", 2, tags=["z"])) == ["x"]
    assert value(DEFAULT, "tags", gone, voice("b", 6, tags=["z"])) == ["x", "z"]


def test_an_email_that_does_not_stand_is_kept_beside():
    record = folded(DEFAULT, voice("a", 5, email="new@x.y"), voice("b", 2, email="old@x.y", other_emails=["o@x.y"]))
    assert record.values["email"] == "new@x.y"
    assert record.values["other_emails"] == ["o@x.y", "old@x.y"]


def test_what_stands_as_email_is_not_repeated_beside_it():
    assert folded(DEFAULT, voice("a", 5, email="new@x.y", other_emails=["new@x.y", "o@x.y"])).values == {
        "email": "new@x.y",
        "other_emails": ["o@x.y"],
    }
    voices = voice("a", 5, email="new@x.y"), voice("b", 2, email="new@x.y", other_emails=["new@x.y"])
    assert folded(DEFAULT, *voices).values == {"email": "new@x.y"}


def test_an_email_that_its_source_took_out_does_not_come_back():
    took_out = voice("a", 5, email="new@x.y", other_emails=None, without={"other_emails": ["old@x.y"]})
    record = folded(DEFAULT, took_out, voice("b", 2, email="old@x.y"))
    assert record.values == {"email": "new@x.y"}


# References


def test_an_unresolved_reference_neither_stands_nor_contends():
    unresolved = {"in": "b", "stream": "companies", "id": "77"}
    assert value(DEFAULT, "company", voice("a", 1, company=11), voice("b", 9, company=unresolved)) == 11
    assert folded(DEFAULT, voice("b", 9, company=unresolved)).values == {}
    both = voice("b", 9, company=unresolved), voice("c", 9, company=dict(unresolved))
    assert folded(DEFAULT, *both).values == {}


def test_of_several_references_the_resolved_ones_stand():
    deal, rules = SHAPES["deal"], DEFAULT
    unresolved = {"in": "b", "stream": "people", "id": "7"}
    assert fold(deal, rules, [voice("b", contacts=[9, unresolved])]).values == {"contacts": [9]}
    assert fold(deal, rules, [voice("b", contacts=[unresolved])]).values == {}


def test_the_fold_leaves_its_input_alone():
    voices = [voice("a", 5, email="n@x.y", tags=["b", "a"], company={"in": "a", "stream": "s", "id": "1"})]
    voices.append(voice("b", 5, email="m@x.y", tags=["c"]))
    before = copy.deepcopy(voices)
    fold(CONTACT, DEFAULT, voices[:1])
    fold(CONTACT, DEFAULT, voices)
    assert voices == before


# Laws 2, 4 and 5, over random voices and rules

SOURCES = ("a", "b", "c", "hub")
WORDS = st.sampled_from([None, "x", "y", "zz"])
SETS = st.one_of(st.none(), st.lists(st.sampled_from(["p", "q", "r"]), min_size=1, unique=True).map(sorted))
REFS = st.sampled_from([None, 1, 2, {"in": "a", "stream": "s", "id": "1"}])
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "job_title": WORDS,
    "email": st.sampled_from([None, "p", "q"]),
    "other_emails": SETS,
    "tags": SETS,
    "company": REFS,
    "lead_score": st.sampled_from([None, 0, 1, 2.5]),
    "consent.email": st.sampled_from([None, "granted", "pending", "suppressed", "denied"]),
}


@st.composite
def some_voices(draw: st.DrawFn):
    voices = []
    for source in draw(st.lists(st.sampled_from(SOURCES), min_size=1, max_size=5)):
        claims = {}
        for name in draw(st.sets(st.sampled_from(sorted(FIELDS)), min_size=1)):
            at = draw(st.integers(0, 6))
            stamp = Stamp(at, draw(st.integers(0, at)), explicit=draw(st.booleans()))
            claimed: Any = draw(FIELDS[name])
            removed: tuple[str, ...] = ()
            if name in {"tags", "other_emails"}:
                removed = tuple(sorted(draw(st.sets(st.sampled_from("pqr"))) - set(claimed or ())))
            claims[name] = Claim(claimed, stamp, removed)
        voices.append(Voice(source, Claims.of(claims)))
    return voices


SINGLE_RULES = sorted(RULES.keys() - {"union", "strictest", "max", "min"})


@st.composite
def some_rules(draw: st.DrawFn):
    order = st.lists(st.sampled_from(SOURCES), unique=True).map(tuple)
    rule = st.builds(Rule, st.sampled_from(SINGLE_RULES), order, st.sampled_from(SOURCES))
    named = {name: draw(rule) for name in ("job_title", "email", "company")}
    named["lead_score"] = Rule(draw(st.sampled_from([*SINGLE_RULES, "max", "min"])))
    return Rules(draw(order), {}, {"contact": named}).prepared(SHAPES)


@given(some_voices(), some_rules(), st.data())
def test_the_order_of_arrival_and_repetition_do_not_matter(voices: list[Voice], rules: Rules, data: st.DataObject):
    once = fold(CONTACT, rules, voices)
    shuffled = data.draw(st.permutations(voices))
    assert fold(CONTACT, rules, shuffled) == once
    assert fold(CONTACT, rules, [*shuffled, *voices]) == once


@given(some_voices(), some_rules())
def test_one_voice_by_itself_makes_what_the_fold_makes_of_it(voices: list[Voice], rules: Rules):
    for one in voices:
        assert alone(CONTACT, rules, one.claims.values) == fold(CONTACT, rules, [one]).values


@given(some_voices(), some_rules())
def test_every_value_names_its_claim_and_rule(voices: list[Voice], rules: Rules):
    record = fold(CONTACT, rules, voices)
    for field in FIELDS:
        why = explain(CONTACT, rules, voices, field)
        assert why.value == record.values.get(field)
        assert why.asked == (field in {ask.field for ask in record.asks})
        if why.winner and not why.asked:
            spoken = [one.claims.get(field) for one in voices if one.source == why.winner.source]
            assert any(claim and claim.stamp == why.winner.stamp for claim in spoken)


@given(some_voices(), some_rules())
def test_every_claim_stands_or_is_overruled_by_name_or_waits_in_a_question(voices: list[Voice], rules: Rules):
    for field in FIELDS:
        why = explain(CONTACT, rules, voices, field)
        lost = [(loser.source, loser.value, loser.stamp) for loser in why.losers]
        assert all(loser.reason for loser in why.losers)
        for one in voices:
            claim = one.claims.get(field)
            if claim is None or (one.source, claim.value, claim.stamp) in lost:
                continue
            if isinstance(claim.value, list):
                assert set(claim.value) <= set(why.value)
            else:
                assert claim.value == why.value or (is_blank(claim.value) and is_blank(why.value))


@given(some_voices(), some_rules())
def test_what_stands_was_said_by_somebody(voices: list[Voice], rules: Rules):
    for field, standing in fold(CONTACT, rules, voices).values.items():
        said = [one.claims.values.get(field) for one in voices]
        if field in {"tags", "other_emails"}:
            elements = {element for words in said for element in words or ()}
            emails = {one.claims.values.get("email") for one in voices}
            assert set(standing) <= elements | (emails if field == "other_emails" else set())
        else:
            assert standing in said


@given(some_voices(), some_rules())
def test_consent_is_never_wider_than_the_strictest_word_unless_the_person_granted_it(voices: list[Voice], rules: Rules):
    standing = fold(CONTACT, rules, voices).values.get("consent.email")
    claims = [claim for one in voices if (claim := one.claims.get("consent.email"))]
    if standing == "granted" and any(claim.value not in {None, "granted"} for claim in claims):
        assert any(claim.value == "granted" and claim.stamp.explicit for claim in claims)
