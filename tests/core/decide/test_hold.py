"""A held field: whatever is said, it does not change; let go, it is what it would be had nobody held it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.decide.fold import fold
from core.decide.rules import HUB, Rule, Rules
from core.decide.why import explain
from core.model.claim import Claim, Claims, Stamp, Voice
from core.model.hold import Hold, field_of, holds, name_of
from core.model.shapes import SHAPES
from core.model.values import Json

CONTACT = SHAPES["contact"]
FIELDS = ("job_title", "phone", "email", "other_emails", "tags")
VALUES = {
    "job_title": st.sampled_from([None, "Baker", "Cook"]),
    "phone": st.sampled_from([None, "+442079460018", "+442079460019"]),
    "email": st.sampled_from(["ann@shore.example", "ann@hill.example"]),
    "other_emails": st.sampled_from([None, ["ann@shore.example"], ["ann@dale.example"]]),
    "tags": st.sampled_from([None, ["a"], ["a", "b"]]),
}
NAMED = {"job_title": Rule("fill"), "phone": Rule("system_of_record", source="crm")}
RULES = [
    Rules.default(SHAPES),
    Rules(kinds={"contact": Rule("ask")}).prepared(SHAPES),
    Rules(fields={"contact": NAMED}).prepared(SHAPES),
]


@st.composite
def claims(draw: st.DrawFn) -> Claims:
    said = {}
    for name in draw(st.sets(st.sampled_from(FIELDS))):
        at = draw(st.integers(0, 50))
        said[name] = Claim(draw(VALUES[name]), Stamp(at, draw(st.integers(0, at))))
    return Claims.of(said)


TOOLS = st.lists(st.builds(Voice, st.sampled_from(["crm", "news", "shop"]), claims()), max_size=4)


def held(own: Claims, field: str, value: Json, at: int = 10) -> Claims:
    stamp = Stamp(at, at)
    word = Hold(value, "Bob", "the tool is wrong", None, stamp).word()
    return own.renewed({name_of(field): Claim(word, stamp)})


@given(st.sampled_from(RULES), claims(), TOOLS, TOOLS, st.sampled_from(FIELDS), st.data())
def test_a_held_field_does_not_change_whatever_arrives_and_nothing_is_asked_about_it(
    rules: Rules, own: Claims, before: list[Voice], after: list[Voice], field: str, data: st.DataObject
) -> None:
    value = data.draw(VALUES[field])
    person = Voice(HUB, held(own, field, value))
    for voices in ([person, *before], [*before, *after, person]):
        folded = fold(CONTACT, rules, voices)
        wanted = value
        if field == "other_emails" and isinstance(value, list):
            # What stands in the field beside stands there.
            wanted = [one for one in value if one != folded.values.get("email")] or None
        assert folded.values.get(field) == wanted
        assert field not in {one.field for one in folded.asks}
        assert not any(field_of(name) for name in folded.values)
        why = explain(CONTACT, rules, voices, field)
        assert why.held is not None
        assert "held by Bob since" in why.sentence


@given(st.sampled_from(RULES), claims(), TOOLS, st.sampled_from(FIELDS), st.data())
def test_after_it_was_let_go_the_record_is_what_it_is_without_the_hold(
    rules: Rules, own: Claims, tools: list[Voice], field: str, data: st.DataObject
) -> None:
    holding = held(own, field, data.draw(VALUES[field]))
    let_go = holding.renewed({name_of(field): Claim(None, Stamp(20, 20))})
    assert fold(CONTACT, rules, [Voice(HUB, let_go), *tools]) == fold(CONTACT, rules, [Voice(HUB, own), *tools])


@given(claims(), TOOLS, st.sampled_from(FIELDS), st.data())
def test_other_fields_do_not_notice_and_no_order_matters(
    own: Claims, tools: list[Voice], field: str, data: st.DataObject
) -> None:
    # What does not stand in a field stands in the set beside it.
    beside = {field, *next((one for one in (("email", "other_emails"), ("phone", "other_phones")) if field in one), ())}
    voices = [Voice(HUB, held(own, field, data.draw(VALUES[field]))), *tools]
    mine = fold(CONTACT, RULES[0], voices)
    free = fold(CONTACT, RULES[0], [Voice(HUB, own), *tools])
    assert {k: v for k, v in mine.values.items() if k not in beside} == {
        k: v for k, v in free.values.items() if k not in beside
    }
    assert fold(CONTACT, RULES[0], data.draw(st.permutations(voices))).values == mine.values


def test_of_two_holds_of_one_field_the_newer_stands_and_one_that_was_let_go_later_holds_no_more() -> None:
    older, newer = held(Claims(), "phone", "+441", 1), held(Claims(), "phone", "+442", 2)
    assert holds([Voice(HUB, newer), Voice(HUB, older)])["phone"].value == "+442"
    gone = older.renewed({name_of("phone"): Claim(None, Stamp(3, 3))})
    assert holds([Voice(HUB, newer), Voice(HUB, gone)]) == {}
