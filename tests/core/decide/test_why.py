from __future__ import annotations

import pytest

from core.decide.keys import awaiting
from core.decide.rules import Rule, Rules
from core.decide.why import Why, explain, text
from core.model.claim import Voice
from core.model.instant import from_iso
from core.model.shapes import SHAPES
from core.model.values import Json
from tests.core.decide.voices import CONTACT, rules_with, voice

DEFAULT = Rules.default(SHAPES)
MORNING = from_iso("2026-11-21T09:00:00Z")


def why(field: str, *voices: Voice, rules: Rules = DEFAULT):
    return explain(CONTACT, rules, voices, field)


def reasons(explained: Why):
    return {loser.source: loser.reason for loser in explained.losers}


def test_the_sentence_names_source_time_rule_and_the_others():
    explained = why("phone", voice("crm-one", MORNING, phone="+1"), voice("book-two", MORNING - 1, phone="+2"))
    assert explained.winner.source == "crm-one"
    assert explained.sentence == (
        "phone is +1, as crm-one said on 2026-11-21T09:00:00Z (rule latest: the newest claim stands). "
        "book-two says +2 since 2026-11-21T08:59:59.999999Z: older."
    )


def test_a_question_is_told_as_one():
    explained = why("phone", voice("a", 10, since=4, phone="+1"), voice("b", 6, phone="+2"))
    assert explained.asked
    assert reasons(explained) == {"a": "waits for a person's answer"}
    assert explained.sentence.startswith("phone waits for a person: these edits are too close in time")
    assert "a says +1" in explained.sentence
    assert explained.sentence.endswith("Until then +2 is kept.")


def test_a_field_nobody_claims_is_nothing():
    explained = why("phone", voice("a", 1, email="x@y.z"))
    assert (explained.value, explained.winner, explained.losers) == (None, None, ())
    assert explained.sentence.startswith("phone is nothing")


@pytest.mark.parametrize(
    ("rules", "voices", "reason"),
    [
        (
            rules_with(phone=Rule("prefer", prefer=("a", "b"))),
            (voice("a", 1, phone="+1"), voice("b", 9, phone="+2")),
            "a goes before it by the rule prefer: a, b",
        ),
        (
            rules_with(phone=Rule("system_of_record", source="a")),
            (voice("a", 1, phone="+1"), voice("b", 9, phone="+2")),
            "a goes before it by the rule system_of_record: a",
        ),
        (
            rules_with(phone=Rule("hold")),
            (voice("hub", 1, phone="+1"), voice("b", 9, phone="+2")),
            "hub goes before it by the rule hold",
        ),
        (
            rules_with(phone=Rule("fill")),
            (voice("a", 1, phone="+1"), voice("b", 9, phone="+2")),
            "overruled by the rule fill: the first value ever given stands",
        ),
        (
            rules_with(phone=Rule("fill")),
            (voice("a", 1, phone="+1"), voice("b", 9, phone=None)),
            "says nothing",
        ),
        (
            rules_with(preference=("a",)),
            (voice("a", 8, phone="+1"), voice("b", 9, since=5, phone="+2")),
            "about as new, and a is believed first",
        ),
        (
            DEFAULT,
            (voice("hub", 8, phone="+1"), voice("b", 9, since=5, phone="+2")),
            "about as new, and a person's word goes first",
        ),
    ],
)
def test_each_loser_is_given_the_reason_that_decided(rules: Rules, voices: tuple[Voice, ...], reason: str):
    explained = why("phone", *voices, rules=rules)
    assert explained.value == "+1"
    assert reasons(explained) == {"b": reason}


def test_consent_says_which_word_is_narrower_or_answered():
    narrow = why("consent.email", voice("a", 9, consent__email="granted"), voice("b", 1, consent__email="denied"))
    assert reasons(narrow) == {"a": "denied is narrower; only the person widens it"}
    grant = voice("form:x", 9, explicit=True, consent__email="granted")
    answered = why("consent.email", grant, voice("b", 1, consent__email="denied"))
    assert reasons(answered) == {"b": "older than the person's own grant, which answers it"}


def test_a_set_names_the_elements_that_do_not_stand():
    gone = voice("a", 5, tags=["x"], without={"tags": ["z"]})
    explained = why("tags", gone, voice("b", 2, tags=["y", "z"]))
    assert explained.value == ["x", "y"]
    assert explained.winner is None
    assert reasons(explained) == {"b": "z was taken out, replaced, or stands in the field beside"}
    assert "put together from several sources" in explained.sentence


def test_addresses_kept_beside_are_explained_from_both_fields():
    explained = why("other_emails", voice("a", 5, email="n@x.y"), voice("b", 2, email="o@x.y"))
    assert explained.value == ["o@x.y"]


def test_a_reference_to_something_unknown_is_named():
    unresolved = {"in": "b", "stream": "companies", "id": "77"}
    explained = why("company", voice("a", 1, company=11), voice("b", 9, company=unresolved))
    assert explained.value == 11
    assert reasons(explained) == {"b": "points to a record that is not known yet"}


@pytest.mark.parametrize(
    ("value", "words"), [(None, "nothing"), ([], "nothing"), ("x", "x"), (0, "0"), (["b"], '["b"]'), (True, "true")]
)
def test_values_are_printed_for_people(value: Json, words: str):
    assert text(value) == words


def test_an_address_that_is_awaited_is_told_as_it_is():
    deal, ann = SHAPES["deal"], awaiting("contact", "ann@shore.example")
    explained = explain(deal, DEFAULT, (voice("a", 1, contacts=[7, ann]),), "contacts")
    assert explained.value == [7]
    assert reasons(explained) == {"a": "nobody alone is known by the address ann@shore.example"}
    assert "a says 7, ann@shore.example since" in explained.sentence
    assert text(ann) == "ann@shore.example"
