"""Addresses change, are shared, are swapped and are given to somebody else; people stay who they are."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.memory.tool import Habits
from core.flow.asking import find
from core.flow.outward.reconcile import reconcile
from core.flow.reviews.answering import answer
from core.store.records import Record, State
from tests.support import EVERYTHING, Lab

PLAIN = """
contacts:
  as: contact
  fields: {email: email, first_name: first_name, last_name: last_name, job_title: job_title, phone: phone}
"""
"""A tool that keeps one address a person."""
COMPANIES = """
companies:
  as: company
  fields: {name: name, domain: domain, other_domains: other_domains}
"""
OLD, NEW = "ann@old.example", "ann@new.example"
ANN = {"email": OLD, "first_name": "Ann", "last_name": "Shore"}
CARL = {"email": OLD, "first_name": "Carl", "last_name": "Hill"}


def live(lab: Lab, kind: str = "contact") -> list[Record]:
    return [record for record in lab.records(kind) if record.state == State.LIVE]


def settled(lab: Lab) -> None:
    """Everything is in step, and nothing more is written."""
    writes = lab.writes()
    lab.wait(3_600)
    lab.settle()
    assert lab.writes() == writes
    for name in lab.tools:
        assert reconcile(lab.hub, lab.connection(name)).whole.share == 1.0
    assert lab.dead_letters() == []


def spread(lab: Lab, name: str) -> None:
    """A tool that was connected late gets what it lacks."""
    lab.settle()
    reconcile(lab.hub, lab.connection(name))
    lab.settle()


def known(lab: Lab, mapping: str = PLAIN, **settings: Any) -> str:
    """Ann in `a`, `b` and `c`; `b` has spoken of her with the same address. Gives her id in `a`."""
    a, b = lab.tool("a", mapping=mapping, **settings), lab.tool("b", mapping=mapping, **settings)
    lab.tool("c", mapping=mapping, **settings)
    id_ = a.create("contacts", ANN)
    b.create("contacts", {**ANN, "job_title": "Baker"})
    lab.settle()
    assert len(live(lab)) == 1
    lab.wait(60)
    return id_


def moved_to_new(lab: Lab, id_: str) -> None:
    """Ann has a new address, and `a` knows first."""
    lab.tools["a"].edit("contacts", id_, {"email": NEW})
    lab.settle()
    lab.wait(60)


# A new address


def test_a_person_with_a_new_address_stays_the_same_everywhere(lab: Lab) -> None:
    id_ = known(lab)
    (before,) = live(lab)
    moved_to_new(lab, id_)
    (record,) = live(lab)
    assert record.id == before.id
    assert record.values["email"] == NEW
    for name in lab.tools:
        assert [one["email"] for one in lab.tools[name].all("contacts").values()] == [NEW]
    assert [one.id for one in find(lab.hub, "contact", NEW)] == [record.id]
    settled(lab)


def test_the_old_address_stays_beside_only_where_somebody_still_claims_it(lab: Lab) -> None:
    moved_to_new(lab, known(lab))
    assert live(lab)[0].values["other_emails"] == [OLD], "b has said so, and has not taken it back"


def test_an_address_that_was_taken_out_is_forgotten(lab: Lab) -> None:
    moved_to_new(lab, known(lab, EVERYTHING))
    (record,) = live(lab)
    assert "other_emails" not in record.values, "a keeps several addresses, and has taken this one out"
    assert find(lab.hub, "contact", OLD) == [], "nobody is found by an address that is nobody's"
    lab.tools["c"].create("contacts", CARL)
    lab.settle()
    assert len(live(lab)) == 2
    assert lab.reviews() == []
    settled(lab)


# An address that is used again


def test_a_newcomer_with_a_former_address_and_another_name_is_a_question(lab: Lab) -> None:
    moved_to_new(lab, known(lab))
    carl = lab.tool("d", mapping=PLAIN).create("contacts", CARL)
    lab.settle()
    ann, newcomer = live(lab)
    (asked,) = lab.reviews("ambiguous")
    assert (asked.record_id, asked.subject["candidates"]) == (newcomer.id, [ann.id])
    assert asked.subject["evidence"] == ["same email", "but the names are wholly different"]
    assert len(lab.all("a")) == 1, "he is created nowhere before it is known who he is"

    answer(lab.hub, asked, "different")
    spread(lab, "d")
    assert [len(lab.all(name)) for name in "abcd"] == [2, 2, 2, 2]
    assert lab.held("d", carl)["email"] == OLD
    assert {one["email"] for one in lab.tools["a"].all("contacts").values()} == {OLD, NEW}
    settled(lab)


def test_a_newcomer_in_a_tool_that_holds_the_former_owner_too_is_somebody_else(lab: Lab) -> None:
    moved_to_new(lab, known(lab))
    lab.tools["c"].create("contacts", CARL)
    lab.settle()
    assert lab.reviews() == [], "the tool itself tells them apart, and so do their names"
    assert [len(lab.all(name)) for name in "abc"] == [2, 2, 2]
    settled(lab)


def test_a_newcomer_with_a_former_address_and_the_same_name_is_joined(lab: Lab) -> None:
    moved_to_new(lab, known(lab))
    lab.tool("d", mapping=PLAIN).create("contacts", ANN)
    lab.settle()
    assert len(live(lab)) == 1
    assert lab.reviews("ambiguous") == []


def test_who_was_told_apart_is_told_apart_in_the_next_tool_too(lab: Lab) -> None:
    moved_to_new(lab, known(lab))
    lab.tools["c"].create("contacts", CARL)
    lab.settle()
    ann, carl = live(lab)
    lab.tool("d", mapping=PLAIN).create("contacts", {**CARL, "job_title": "Cook"})
    spread(lab, "d")
    assert lab.reviews() == []
    assert {one.id: one.values.get("job_title") for one in live(lab)} == {ann.id: "Baker", carl.id: "Cook"}
    settled(lab)


def test_a_tool_that_gives_an_address_to_somebody_new_is_believed(lab: Lab) -> None:
    """In one page: Ann's address changes, and Carl comes with the one she had."""
    id_ = known(lab)
    a = lab.tools["a"]
    a.edit("contacts", id_, {"email": NEW})
    a.create("contacts", CARL)
    lab.settle()
    assert {one.values["first_name"]: one.values["email"] for one in live(lab)} == {"Ann": NEW, "Carl": OLD}
    assert {one["first_name"]: one["email"] for one in lab.tools["b"].all("contacts").values()} == {
        "Ann": NEW,
        "Carl": OLD,
    }
    assert lab.reviews() == []
    settled(lab)


def test_a_domain_that_changed_hands_is_a_question(lab: Lab) -> None:
    a, _ = lab.tool("a", mapping=COMPANIES), lab.tool("b", mapping=COMPANIES)
    harbour = a.create("companies", {"name": "Harbour Bakery", "domain": "harbour.example"})
    lab.settle()
    lab.wait(60)
    a.edit("companies", harbour, {"domain": "bakery.example", "other_domains": ["harbour.example"]})
    lab.settle()
    lab.wait(60)
    lab.tool("c", mapping=COMPANIES).create("companies", {"name": "Pier Hotel", "domain": "harbour.example"})
    lab.settle()
    assert len(live(lab, "company")) == 2
    assert len(lab.all("a", "companies")) == 1
    (asked,) = lab.reviews("ambiguous")
    assert asked.subject["evidence"] == [
        "same domain",
        "but the names are wholly different, and one of the two has this domain only beside another",
    ]


# Swapped and handed on


def two_bound(lab: Lab, **settings: Any) -> tuple[str, str]:
    """Ann and Carl, known in `a` and `b`; their ids in `a`."""
    a, _ = lab.tool("a", mapping=PLAIN), lab.tool("b", mapping=PLAIN, **settings)
    ann, carl = a.create("contacts", ANN), a.create("contacts", {**CARL, "email": "carl@hill.example"})
    lab.settle()
    lab.wait(60)
    return ann, carl


def test_two_people_who_swap_their_addresses_stay_who_they_are(lab: Lab) -> None:
    ann, carl = two_bound(lab)
    before = {one.id: one.values["first_name"] for one in live(lab)}
    lab.tools["a"].edit("contacts", ann, {"email": "carl@hill.example"})
    lab.tools["a"].edit("contacts", carl, {"email": OLD})
    lab.settle()
    assert {one.id: one.values["first_name"] for one in live(lab)} == before
    expected = {"Ann": "carl@hill.example", "Carl": OLD}
    for name in "ab":
        assert {one["first_name"]: one["email"] for one in lab.tools[name].all("contacts").values()} == expected
    assert lab.reviews() == []
    settled(lab)
    lab.tool("c", mapping=PLAIN).create("contacts", {**ANN, "email": "carl@hill.example"})
    spread(lab, "c")
    assert len(live(lab)) == 2, "the next tool finds Ann by the address she has now"
    assert [one["first_name"] for one in lab.tools["c"].all("contacts").values()].count("Ann") == 1


@pytest.mark.parametrize("first", ["ann", "carl"])
def test_an_address_handed_from_one_to_the_other_leaves_both_bound(lab: Lab, first: str) -> None:
    ann, carl = two_bound(lab)
    ids = {one.values["first_name"]: one.id for one in live(lab)}
    edits = {"ann": (ann, {"email": NEW}), "carl": (carl, {"email": OLD})}
    for who in (first, *({"ann", "carl"} - {first})):
        lab.tools["a"].edit("contacts", edits[who][0], edits[who][1])
        lab.turn("a")
    lab.settle()
    assert {one.values["first_name"]: (one.id, one.values["email"]) for one in live(lab)} == {
        "Ann": (ids["Ann"], NEW),
        "Carl": (ids["Carl"], OLD),
    }
    assert [bound.remote_id for bound in lab.bound(lab.record(first_name="Ann"), "a")] == [ann]
    assert [bound.remote_id for bound in lab.bound(lab.record(first_name="Carl"), "a")] == [carl]
    assert lab.reviews() == []
    settled(lab)


@pytest.mark.parametrize("heir", ["newer", "older", "newcomer"])
def test_an_address_handed_on_reaches_a_tool_where_it_must_be_one_persons(lab: Lab, heir: str) -> None:
    ann, carl = two_bound(lab, habits=Habits(unique={"contacts": "email"}))
    a, b = lab.tools["a"], lab.tools["b"]
    gives, takes = (ann, carl) if heir == "newer" else (carl, ann)
    handed = lab.held("a", gives)["email"]
    if heir == "newcomer":
        # He comes first, and is refused what is not given up yet.
        a.create("contacts", {"email": handed, "first_name": "Dora", "last_name": "Quay"})
        lab.settle()
        assert [one.code for one in lab.dead_letters()] == ["exists"]
        lab.wait(60)
    else:
        a.edit("contacts", takes, {"email": handed})
    a.edit("contacts", gives, {"email": NEW})
    lab.settle()
    assert {NEW, handed} <= {one["email"] for one in b.all("contacts").values()}
    assert len(b.all("contacts")) == len(a.all("contacts"))
    settled(lab)


# Shared addresses


def test_a_shared_inbox_joins_nobody(lab: Lab) -> None:
    inbox = "info@shore.example"
    a, b = lab.tool("a", mapping=PLAIN), lab.tool("b", mapping=PLAIN)
    a.create("contacts", {"email": inbox, "first_name": "Ann", "last_name": "Shore"})
    b.create("contacts", {"email": inbox, "first_name": "Carl", "last_name": "Hill"})
    lab.settle()
    assert len(live(lab)) == 2
    assert lab.reviews() == []


def test_a_couple_with_one_address_is_asked_about_and_then_told_apart(lab: Lab) -> None:
    berg = {"email": "berg@shore.example", "last_name": "Berg"}
    a, b = lab.tool("a", mapping=PLAIN), lab.tool("b", mapping=PLAIN)
    a.create("contacts", {**berg, "first_name": "Anna"})
    b.create("contacts", {**berg, "first_name": "Peter"})
    lab.settle()
    (asked,) = lab.reviews("ambiguous")
    assert asked.subject["evidence"] == ["same email", "but the first names differ"]
    answer(lab.hub, asked, "different")
    lab.settle()
    assert [len(lab.all(name)) for name in "ab"] == [2, 2]
    lab.wait(60)
    lab.tool("c", mapping=PLAIN).create("contacts", {**berg, "first_name": "Pete", "job_title": "Baker"})
    spread(lab, "c")
    assert len(live(lab)) == 2
    assert lab.record(job_title="Baker").values["last_name"] == "Berg"
    assert {one.values["first_name"] for one in live(lab)} == {"Anna", "Pete"}
    settled(lab)


def test_a_nickname_is_no_second_person(lab: Lab) -> None:
    berg = {"email": "berg@shore.example", "last_name": "Berg"}
    lab.tool("a", mapping=PLAIN).create("contacts", {**berg, "first_name": "Robert"})
    lab.settle()
    lab.tool("b", mapping=PLAIN).create("contacts", {**berg, "first_name": "Bob"})
    lab.settle()
    assert len(live(lab)) == 1
    assert lab.reviews("ambiguous") == []
