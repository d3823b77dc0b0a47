from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.decide import nicknames
from core.decide.blocks import Blocks
from core.decide.keys import folded, keys_of
from core.decide.match import Ambiguous, Candidate, Join, Match, New, Weighed, match, weigh

ANN = {"first_name": "Ann", "last_name": "Shore", "email": "ann@shore.example", "phone": "+447700900123"}


def matched(kind: str, values: dict[str, Any], *candidates: Candidate, blocks: Blocks | None = None) -> Match:
    blocks = blocks or Blocks()
    return match(kind, values, keys_of(kind, values, blocks), candidates, blocks=blocks)


def people(values: dict[str, Any], *others: dict[str, Any]) -> Match:
    return matched("contact", values, *(Candidate(place, other) for place, other in enumerate(others, start=1)))


def companies(values: dict[str, Any], *others: dict[str, Any]) -> Match:
    return matched("company", values, *(Candidate(place, other) for place, other in enumerate(others, start=1)))


# Verified


def test_one_verified_address_joins():
    assert people(ANN, {"email": "ann@shore.example"}) == Join(1, ("same email",))


def test_an_address_beside_is_as_good_as_the_one_that_stands():
    assert people(ANN, {"email": "a@b.example", "other_emails": ["ann@shore.example"]}) == Join(1, ("same email",))


def test_nobody_known_is_new():
    assert people(ANN) == New()
    assert people({}) == New()


def test_equal_digests_of_different_values_do_not_count():
    assert people(ANN, {"email": "somebody@else.example"}) == New()


def test_several_records_with_one_address_are_a_question():
    assert people(ANN, ANN, ANN) == Ambiguous((1, 2), ("same email", "same phone and last name"))


def test_two_addresses_of_two_records_are_a_question():
    both = {"email": "a@x.example", "other_emails": ["b@x.example"]}
    assert isinstance(people(both, {"email": "a@x.example"}, {"email": "b@x.example"}), Ambiguous)


def test_one_address_and_wholly_different_names_are_a_question():
    found = people(ANN, {"email": "ann@shore.example", "first_name": "Zoltan", "last_name": "Fekete"})
    assert found == Ambiguous((1,), ("same email", "but the names are wholly different"))


@pytest.mark.parametrize(
    "names",
    [
        {"first_name": "Anne", "last_name": "Shore"},
        {"first_name": "Ann", "last_name": "Miller"},
        {"first_name": "Shore", "last_name": "Ann"},
        {"last_name": "Miller"},
        {"full_name": "A. Shore"},
    ],
)
def test_one_address_and_names_that_may_be_one_persons_join(names: dict[str, str]):
    assert isinstance(people(ANN, {"email": "ann@shore.example", **names}), Join)


def test_a_record_that_this_tool_holds_already_is_not_joined_but_shown_as_a_duplicate():
    found = matched("contact", ANN, Candidate(7, ANN, taken=True))
    assert found == New(duplicate_of=7, evidence=("same email", "same phone and last name"))


def test_beside_a_taken_record_the_free_one_is_joined():
    found = matched("contact", ANN, Candidate(7, ANN, taken=True), Candidate(8, ANN))
    assert isinstance(found, Join)
    assert found.record_id == 8


def test_a_key_that_too_many_records_share_does_not_match():
    crowd = [Candidate(place, {"email": "ann@shore.example"}) for place in range(1, 5)]
    assert matched("contact", ANN, *crowd, blocks=Blocks(cap=3)) == New()
    assert isinstance(matched("contact", ANN, *crowd, blocks=Blocks(cap=4)), Ambiguous)


# Who shares an address


def couple(first: str, last: str = "Berg", **more: Any) -> dict[str, Any]:
    return {"first_name": first, "last_name": last, "email": "berg@shore.example", **more}


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ("Bob", "Robert"),
        ("Anna", "Ann"),
        ("Rob", "Robert"),
        ("A.", "Anna"),
        ("Anna Maria", "Anna"),
        ("Hans-Peter", "Hans Peter"),
        ("Jon", "John"),
        ("Micheal", "Michael"),
        ("Stephen", "Steven"),
        ("Jürgen", "Georg"),
        ("Noor", "Nour"),
        ("Yara", "Jara"),
        ("Zofia", "Sophie"),
        ("Sanne", "Sanna"),
        ("Erik", "Eric"),
        ("", "Anna"),
    ],
)
def test_one_address_and_two_forms_of_one_name_join(mine: str, theirs: str):
    assert isinstance(people(couple(mine), couple(theirs)), Join)
    assert isinstance(people(couple(theirs), couple(mine)), Join)


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ("Anna", "Peter"),
        ("Peter", "Petra"),
        ("Martin", "Martina"),
        ("Alexander", "Alexandra"),
        ("Tim", "Tom"),
        ("Andrea", "Andreas"),
    ],
)
def test_a_couple_with_one_address_is_a_question(mine: str, theirs: str):
    found = Ambiguous((1,), ("same email", "but the first names differ"))
    assert people(couple(mine), couple(theirs)) == found
    assert people(couple(theirs), couple(mine)) == found


def test_a_first_name_alone_tells_two_people_apart():
    assert isinstance(people(couple("Anna", ""), couple("Peter")), Ambiguous)


def test_of_a_couple_with_one_address_the_name_says_who_it_is():
    anna, peter = couple("Anna"), couple("Peter")
    assert people(couple("Peter"), anna, peter) == Join(2, ("same email",))
    assert isinstance(people(couple(""), anna, peter), Ambiguous)
    assert isinstance(people(couple("Clara"), anna, peter), Ambiguous)


def test_of_a_couple_that_the_tool_holds_the_one_of_that_name_is_the_double():
    couple_there = Candidate(1, couple("Anna"), taken=True), Candidate(2, couple("Peter"), taken=True)
    assert matched("contact", couple("Peter"), *couple_there) == New(duplicate_of=2, evidence=("same email",))
    assert matched("contact", couple("Clara"), *couple_there) == New()


# Addresses and domains that changed hands

FORMER = {"first_name": "Ann", "last_name": "Shore", "email": "ann@new.example", "other_emails": ["desk@shore.example"]}


def heir(first: str = "", last: str = "") -> dict[str, Any]:
    return {"first_name": first, "last_name": last, "email": "desk@shore.example"}


def test_a_former_address_joins_who_has_the_name():
    assert people(heir("Ann", "Shore"), FORMER) == Join(1, ("same email",))
    assert isinstance(people(heir(), FORMER), Join)


def test_a_former_address_with_another_name_is_a_question():
    assert people(heir("Carl", "Hill"), FORMER) == Ambiguous((1,), ("same email", "but the names are wholly different"))
    found = people(heir("Ann", "Hill"), FORMER)
    assert found == Ambiguous(
        (1,), ("same email", "but the last names differ, and one of the two has this email only beside another")
    )


def test_a_present_address_joins_whoever_married():
    assert isinstance(people({**ANN, "last_name": "Hill"}, ANN), Join)


def test_who_has_the_address_now_goes_before_who_had_it():
    now = heir("Carl", "Hill")
    assert people(heir("Carl", "Hill"), FORMER, now) == Join(2, ("same email",))


def test_a_domain_that_changed_hands_is_a_question():
    before = {"name": "Harbour Bakery", "domain": "new.example", "other_domains": ["harbour.example"]}
    now = {"name": "Pier Hotel", "domain": "harbour.example"}
    found = companies(now, before)
    assert isinstance(found, Ambiguous)
    assert found.evidence[-1] == (
        "but the names are wholly different, and one of the two has this domain only beside another"
    )
    assert isinstance(companies({**now, "name": "The Harbour Bakery Ltd"}, before), Join)
    assert isinstance(companies({"domain": "harbour.example"}, before), Join)
    assert companies(now, before, {**now, "name": "Pier Hotel Inc"}) == Join(2, ("same domain", "same name"))


@pytest.mark.parametrize("inbox", ["info", "sales", "kontakt", "helpdesk", "rechnung"])
def test_a_shared_inbox_never_joins_two_people(inbox: str):
    email = {"email": f"{inbox}@shore.example"}
    found = [
        people({**email, **mine}, {**email, **theirs})
        for mine in ({}, {"first_name": "Ann"}, {"first_name": "Ann", "last_name": "Shore"})
        for theirs in ({"first_name": "Bob", "last_name": "Hill"}, {"first_name": "Bob"}, {"last_name": "Hill"})
    ]
    assert not [one for one in found if isinstance(one, Join)]
    assert isinstance(
        people({**email, "first_name": "Ann"}, {**email, "first_name": "Ann", "last_name": "S"}), Ambiguous
    )


# The evidence side by side


def test_two_records_are_weighed_in_words():
    found = weigh("contact", couple("Anna", phone="+447700900123"), couple("Peter", phone="+447700900123"))
    assert found == Weighed(("same email", "same phone and last name"), ("the first names differ",))
    assert weigh("contact", ANN, {**ANN, "email": "a@b.example"}) == Weighed(
        ("same phone and last name", "same first and last name"), ("each has a different email",)
    )
    assert weigh(
        "company", {"name": "Acme", "domain": "a.example"}, {"name": "Acme", "domain": "b.example"}
    ) == Weighed(("same name",), ("each has a different domain",))
    assert weigh("deal", {"name": "Patio"}, {"name": "Patio"}) == Weighed((), ())


# Weak signs of a person


def test_phone_and_whole_name_together_join():
    assert people(ANN, {**ANN, "email": "ann@home.example"}) == Join(1, ("same phone and last name",))


def test_a_couple_with_one_phone_are_two_people():
    assert people(ANN, {**ANN, "first_name": "Bob", "email": "bob@shore.example"}) == New()


def test_phone_and_family_name_without_a_first_name_are_a_question():
    found = people(ANN, {"last_name": "Shore", "phone": ANN["phone"]})
    assert found == Ambiguous((1,), ("same phone and last name", "but one of the two has no first name"))


def test_an_initial_is_as_good_as_the_first_name():
    assert isinstance(people(ANN, {"first_name": "A.", "last_name": "Shore", "phone": ANN["phone"]}), Join)


def test_name_and_company_join_unless_the_addresses_differ():
    here = {"first_name": "Ann", "last_name": "Shore", "company": 11}
    assert people(here, {**here, "email": "ann@shore.example"}) == Join(1, ("same name",))
    found = people({**here, "email": "ann@home.example"}, {**here, "email": "ann@shore.example"})
    assert found == Ambiguous((1,), ("same name", "but each has a different email"))


def test_a_shared_inbox_joins_only_with_the_same_name_or_none():
    inbox = {"email": "info@shore.example"}
    named = {**inbox, "first_name": "Ann", "last_name": "Shore"}
    assert isinstance(people(inbox, inbox), Join)
    assert isinstance(people(named, named), Join)
    assert people(named, {**inbox, "first_name": "Bob", "last_name": "Hill"}) == New()
    assert isinstance(people(inbox, named), Ambiguous)


# Companies


def test_one_domain_joins_whatever_the_names():
    assert isinstance(companies({"name": "A", "domain": "x.example"}, {"name": "B", "domain": "x.example"}), Join)


def test_a_companys_name_joins_where_only_one_has_it():
    bakery = {"name": "Bluebird Bakery"}
    assert companies(bakery, {"name": "BLUEBIRD BAKERY LTD", "domain": "bluebird.example"}) == Join(
        1, ("same name", "same beginning of the name", "same end of the name")
    )
    assert isinstance(companies(bakery, {"name": "Bluebird Bakery"}, {"name": "Bluebird Bakery Inc"}), Ambiguous)


def test_one_name_and_two_domains_are_a_question():
    found = companies({"name": "Acme", "domain": "acme.example"}, {"name": "Acme", "domain": "acme.test"})
    assert found == Ambiguous((1,), ("same name", "but each has a different domain"))


@pytest.mark.parametrize("slip", ["Blubird Bakery", "Bluebird Bakrey", "Bluebirds Bakery", "Bluebird Bakers Ltd"])
def test_a_slip_of_the_pen_in_a_companys_name_is_a_question_never_a_merge(slip: str):
    found = companies({"name": slip}, {"name": "Bluebird Bakery"})
    assert isinstance(found, Ambiguous)
    assert found.evidence[-1] == "but the names differ by a few letters"


def test_names_that_only_begin_alike_are_two_companies():
    assert companies({"name": "Bluebird Bakery"}, {"name": "Bluebird Brewing"}) == New()


def test_names_that_differ_by_a_number_are_two_companies():
    assert companies({"name": "Corner Shop No 12"}, {"name": "Corner Shop No 13"}) == New()


# Owners and other kinds


def test_owners_match_by_address_then_by_name():
    found = matched("owner", {"name": "Priya Nair"}, Candidate(3, {"name": "Priya Nair", "email": "p@x.example"}))
    assert found == Join(3, ("same name",))


def test_deals_are_never_matched():
    deal = {"name": "Patio", "company": 11}
    assert matched("deal", deal, Candidate(1, deal)) == New()


# Laws

VALUES = st.fixed_dictionaries(
    {},
    optional={
        "email": st.sampled_from(["a@x.example", "b@x.example", "info@x.example"]),
        "first_name": st.sampled_from(["Ann", "Anne", "Bob", "A", "Robert"]),
        "other_emails": st.just(["c@x.example", "a@x.example"]),
        "last_name": st.sampled_from(["Shore", "Hill"]),
        "phone": st.sampled_from(["+447700900123", "+447700900124"]),
        "company": st.sampled_from([11, 12]),
    },
)


@given(VALUES, st.lists(st.tuples(VALUES, st.booleans()), max_size=5), st.data())
def test_the_order_of_candidates_does_not_matter(
    values: dict[str, Any], others: list[tuple[dict[str, Any], bool]], data: st.DataObject
):
    candidates = [Candidate(place, other, taken=taken) for place, (other, taken) in enumerate(others)]
    found, again = matched("contact", values, *candidates), None
    again = matched("contact", values, *data.draw(st.permutations(candidates)))
    assert type(found) is type(again)
    ids = ("record_id", "record_ids", "duplicate_of")
    assert [getattr(found, name, None) for name in ids] == [getattr(again, name, None) for name in ids]


@given(VALUES, st.lists(VALUES, max_size=5))
def test_what_is_taken_is_never_joined(values: dict[str, Any], others: list[dict[str, Any]]):
    candidates = [Candidate(place, other, taken=True) for place, other in enumerate(others)]
    assert isinstance(matched("contact", values, *candidates), New)


@given(VALUES, VALUES)
def test_who_is_one_with_whom_does_not_depend_on_who_came_first(one: dict[str, Any], other: dict[str, Any]):
    assert type(people(one, other)) is type(people(other, one))


def test_nicknames_are_written_as_names_are_compared():
    lines = [line.split() for line in nicknames._LINES.strip().splitlines()]
    assert [name for line in lines for name in line if folded(name) != name] == []
    assert [line for line in lines if len(set(line)) < max(2, len(line))] == []
