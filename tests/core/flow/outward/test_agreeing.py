"""Two and three tools come into agreement, and then writes stop."""

from __future__ import annotations

import math

import pytest

from connectors._kit.mischief import spellings as read
from core.flow.asking import ask
from core.flow.outward.reconcile import reconcile
from core.flow.undo.replay import folded_again, replay
from core.store import outbox, tables
from tests.support import EVERYTHING, Lab, people

ANN = {"email": "ann@shore.example", "first_name": "Ann", "last_name": "Shore"}


def test_a_first_load_reaches_every_tool_once(lab: Lab):
    lab.tool("a").create("contacts", ANN)
    lab.tool("b").create("contacts", {"email": "bob@shore.example", "first_name": "Bob"})
    lab.tool("c").create("contacts", {**ANN, "phone": "+447700900123"})
    lab.settle()
    for name in ("a", "b", "c"):
        assert lab.held(name, lab.find(name, email="ann@shore.example")) == {
            **ANN,
            "phone": "+447700900123",
        }
        assert len(lab.all(name)) == 2
    assert len(lab.records()) == 2


def test_an_unchanged_second_sync_writes_nothing(lab: Lab):
    source = lab.tool("a")
    lab.tool("b")
    for fields in people(20):
        source.create("contacts", fields)
    lab.settle()
    before = lab.writes()
    lab.wait(3_600)
    assert all(turn.quiet for turn in lab.settle())
    assert lab.writes() == before == 20


@pytest.mark.parametrize("answers", ["whole", "written", "nothing"])
def test_two_thousand_records_need_no_more_write_calls_than_batches(lab: Lab, answers: str):
    source, target = lab.tool("a"), lab.tool("b", answers=answers)
    for fields in people(2_000):
        source.create("contacts", fields)
    assert not any(turn.error for turn in lab.sync(until_quiet=True))
    assert len(target.all("contacts")) == 2_000
    batches = math.ceil(2_000 / lab.stream("b").manifest.batch_size)
    assert target.calls["write"] <= 1.05 * batches
    assert source.writes == 0
    before = lab.writes()
    lab.sync(until_quiet=True)
    assert lab.writes() == before


def test_batches_are_full_where_a_part_of_what_is_claimed_is_in_step(lab: Lab):
    source, target = lab.tool("a"), lab.tool("b")
    for place, fields in enumerate(people(2_400)):
        source.create("contacts", fields)
        if place % 7 == 0:
            target.create("contacts", fields)
    assert not any(turn.error for turn in lab.sync(until_quiet=True))
    assert len(target.all("contacts")) == 2_400
    missing = 2_400 - math.ceil(2_400 / 7)
    assert target.writes == missing
    assert target.calls["write"] == math.ceil(missing / lab.stream("b").manifest.batch_size)


def test_an_edit_goes_round_and_is_no_news_when_it_comes_back(lab: Lab):
    ours = lab.tool("a").create("contacts", ANN)
    lab.tool("b")
    lab.settle()
    lab.wait(60)
    lab.tools["a"].edit("contacts", ours, job_title="Chair")
    lab.turn("a")
    assert lab.turn("b").delivered.updated == 1
    after = lab.turn("b")
    assert (after.intake.heard, after.delivered.writes) == (0, 0)
    assert lab.tools["b"].writes == 2


@pytest.mark.parametrize(
    "spellings", ["phone: phone", "last_name: upper", "last_name: truncate 3", "first_name: lower"]
)
@pytest.mark.parametrize("answers", ["whole", "written", "nothing"])
def test_a_tool_that_spells_its_own_way_causes_no_second_write(lab: Lab, spellings: str, answers: str):
    lab.tool("a").create("contacts", {**ANN, "phone": "+447700900123"})
    lab.tool("b", spellings=spellings, answers=answers)
    lab.tools["b"].habits.spellings = read(spellings)
    lab.settle()
    lab.wait(3_600)
    lab.settle()
    assert lab.tools["b"].writes == 1
    assert lab.tools["a"].writes == 0
    assert lab.record(email="ann@shore.example").values["last_name"] == "Shore"
    assert reconcile(lab.hub, lab.connection("b")).marked == 0


def test_of_two_edits_the_newer_stands_and_the_older_is_explained(lab: Lab):
    ours = lab.tool("a").create("contacts", ANN)
    lab.tool("b")
    lab.settle()
    theirs = lab.find("b", email="ann@shore.example")
    lab.wait(60)
    lab.tools["b"].edit("contacts", theirs, job_title="Clerk")
    lab.wait(60)
    lab.tools["a"].edit("contacts", ours, job_title="Chair")
    lab.settle()
    assert lab.held("b", theirs)["job_title"] == "Chair"
    (why,) = ask(lab.hub, lab.record(first_name="Ann"), "job_title").why
    assert why.value == "Chair"
    assert [(lost.source, lost.value, lost.reason) for lost in why.losers] == [("b", "Clerk", "older")]


def test_edits_too_close_to_tell_apart_wait_for_a_person_and_nothing_is_written(lab: Lab):
    ours = lab.tool("a").create("contacts", ANN)
    lab.tool("b")
    lab.settle()
    theirs = lab.find("b", email="ann@shore.example")
    lab.wait(60)
    lab.tools["b"].edit("contacts", theirs, job_title="Clerk")
    lab.tools["a"].edit("contacts", ours, job_title="Chair")
    lab.settle()
    assert lab.held("a", ours)["job_title"] == "Chair"
    assert lab.held("b", theirs)["job_title"] == "Clerk"
    (review,) = lab.reviews("ask")
    assert review.field == "job_title"
    lab.wait(60)
    lab.tools["a"].edit("contacts", ours, job_title="Chairwoman")
    lab.settle()
    assert lab.held("b", theirs)["job_title"] == "Chairwoman"
    assert lab.reviews() == []


def test_an_answer_by_an_edit_reaches_the_other_tool_even_if_it_is_what_stood(lab: Lab):
    ours = lab.tool("a").create("contacts", {**ANN, "job_title": "Chair"})
    theirs = lab.tool("b").create("contacts", {**ANN, "job_title": "Clerk"})
    lab.settle()
    assert [one.field for one in lab.reviews("ask")] == ["job_title"]
    lab.wait(60)
    lab.tools["a"].edit("contacts", ours, job_title=None)
    lab.wait(60)
    lab.turn("a")
    lab.tools["a"].edit("contacts", ours, job_title="Chair")
    lab.settle()
    assert lab.held("b", theirs)["job_title"] == "Chair"
    assert lab.reviews() == []


def test_a_value_that_was_cleared_is_cleared_everywhere(lab: Lab):
    ours = lab.tool("a").create("contacts", {**ANN, "job_title": "Chair"})
    lab.tool("b")
    lab.settle()
    lab.wait(60)
    lab.tools["a"].edit("contacts", ours, job_title=None)
    lab.settle()
    assert "job_title" not in lab.record(first_name="Ann").values
    assert not lab.held("b", lab.find("b", first_name="Ann")).get("job_title")


def test_what_slipped_is_found_by_reconcile(lab: Lab):
    lab.tool("a").create("contacts", ANN)
    lab.tool("b")
    lab.turn("b")
    lab.turn("a")
    with lab.hub.store.writing() as tx:
        outbox.forget(tx, lab.connection("b").id)
    assert lab.turn("b").delivered.created == 0
    found = reconcile(lab.hub, lab.connection("b"))
    assert (found.marked, found.whole.missing) == (1, 1)
    assert lab.turn("b").delivered.created == 1
    assert reconcile(lab.hub, lab.connection("b")).whole.share == 1.0


def test_a_ref_that_slipped_before_its_target_was_there_is_told_after_one_reconcile(lab: Lab):
    first = lab.tool("a", mapping=EVERYTHING)
    lab.tool("b", mapping=EVERYTHING)
    ann = first.create("contacts", ANN)
    lab.settle()
    company = first.create("companies", {"name": "Shore & Daughters", "domain": "shore.example"})
    lab.tools["a"].edit("contacts", ann, company_id=company)
    lab.turn("a")
    with lab.hub.store.writing() as tx:
        outbox.forget(tx, lab.connection("b").id)
    assert reconcile(lab.hub, lab.connection("b")).marked == 1
    lab.settle()
    there = lab.find("b", "companies", domain="shore.example")
    assert lab.held("b", lab.find("b", first_name="Ann"))["company_id"] == there


def test_what_slipped_in_two_tools_is_marked_for_both(lab: Lab):
    source = lab.tool("a")
    lab.tool("b")
    lab.tool("c")
    id_ = source.create("contacts", ANN)
    lab.settle()
    source.edit("contacts", id_, {"job_title": "Pilot"})
    lab.turn("a")
    with lab.hub.store.writing() as tx:
        for name in ("b", "c"):
            outbox.forget(tx, lab.connection(name).id)
    assert [reconcile(lab.hub, lab.connection(name)).marked for name in ("b", "c")] == [1, 1]
    assert lab.pending() == 2


def test_refs_wait_for_what_nobody_has_seen_and_resolve_themselves(lab: Lab):
    tool = lab.tool("a", mapping=EVERYTHING)
    tool.create("contacts", {**ANN, "company_id": "com-late"})
    lab.settle()
    person = lab.record(first_name="Ann")
    assert "company" not in person.values
    tool.create("companies", {"name": "Shore & Daughters"}, id="com-late")
    lab.settle()
    company = lab.record(name="Shore & Daughters")
    assert lab.record(first_name="Ann").values["company"] == company.id


def test_refs_are_told_in_the_other_tool_s_ids_once_it_holds_the_target(lab: Lab):
    first, second = lab.tool("a", mapping=EVERYTHING), lab.tool("b", mapping=EVERYTHING)
    second.create("companies", {"name": "Other", "domain": "other.example"})
    company = first.create("companies", {"name": "Shore & Daughters", "domain": "shore.example"})
    first.create("contacts", {**ANN, "company_id": company})
    lab.settle()
    there = lab.find("b", "companies", domain="shore.example")
    assert lab.held("b", lab.find("b", email="ann@shore.example"))["company_id"] == there
    assert there != company


def test_a_contact_is_written_again_when_its_company_gets_there_at_last(lab: Lab):
    first, second = lab.tool("a", mapping=EVERYTHING), lab.tool("b", mapping=EVERYTHING)
    company = first.create("companies", {"name": "Shore & Daughters", "domain": "shore.example"})
    first.create("contacts", {**ANN, "company_id": company})
    second.habits.validator = lambda stream, _fields: "no companies today" if stream == "companies" else None
    lab.settle()
    there = lab.find("b", email="ann@shore.example")
    assert "company_id" not in lab.held("b", there)
    second.habits.validator = None
    assert replay(lab.hub, lab.connection("b")) == 1
    lab.settle()
    assert lab.held("b", there)["company_id"] == lab.find("b", "companies", domain="shore.example")


@pytest.mark.parametrize("survivor_is_there", [False, True])
def test_a_contact_is_written_again_when_its_company_is_merged_away(lab: Lab, survivor_is_there: bool):
    first, second = lab.tool("a", mapping=EVERYTHING), lab.tool("b", mapping=EVERYTHING)
    keep, lose = (first.create("companies", {"name": name, "domain": f"{name}.example"}) for name in ("quay", "pier"))
    first.create("contacts", {**ANN, "company_id": lose})
    unwelcome = ("pier",) if survivor_is_there else ("quay", "pier")
    second.habits.validator = lambda _stream, fields: "not today" if fields.get("name") in unwelcome else None
    lab.settle()
    first.merge("companies", keep, lose)
    lab.settle()
    second.habits.validator = None
    replay(lab.hub, lab.connection("b"))
    lab.settle()
    company = lab.find("b", "companies", domain="quay.example")
    assert lab.held("b", lab.find("b", email="ann@shore.example"))["company_id"] == company


def test_where_companies_are_not_told_nothing_waits_for_one(lab: Lab):
    first, second = lab.tool("a", mapping=EVERYTHING), lab.tool("b")
    company = first.create("companies", {"name": "Shore & Daughters", "domain": "shore.example"})
    first.create("contacts", {**ANN, "company_id": company})
    lab.settle()
    assert lab.held("b", lab.find("b", first_name="Ann"))
    assert not second.all("companies")
    reconcile(lab.hub, lab.connection("b"))
    with lab.hub.store.reading() as tx:
        assert not tx.execute(tables.waiting_out.select()).all()


def test_turns_side_by_side_reach_the_same_agreement(lab: Lab):
    for name in ("a", "b", "c"):
        tool = lab.tool(name)
        for fields in people(40, start={"a": 0, "b": 20, "c": 40}[name]):
            tool.create("contacts", fields)
    turns = lab.sync(until_quiet=True)
    assert not any(turn.error for turn in turns)
    assert [len(lab.all(name)) for name in ("a", "b", "c")] == [80, 80, 80]
    assert len(lab.records()) == 80
    before = lab.writes()
    assert all(turn.quiet for turn in lab.sync(until_quiet=True))
    assert lab.writes() == before


def test_the_present_can_be_folded_again_from_history(lab: Lab):
    first, second = lab.tool("a"), lab.tool("b")
    ids = [first.create("contacts", fields) for fields in people(6)]
    lab.settle()
    lab.wait(60)
    first.edit("contacts", ids[0], job_title="Chair")
    second.edit("contacts", lab.find("b", first_name="First1"), phone=None)
    second.delete("contacts", lab.find("b", first_name="First2"))
    first.merge("contacts", ids[3], ids[4])
    lab.settle()
    records = lab.records()
    with lab.hub.store.reading() as tx:
        again = folded_again(lab.hub, tx, [one.id for one in records])
    assert again == {one.id: one.values for one in records}
    assert len([one for one in records if one.values]) == 5
