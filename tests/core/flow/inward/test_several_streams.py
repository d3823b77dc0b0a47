"""A tool that keeps one kind in several streams: which takes a new record, what it says, and what stays as it is."""

from __future__ import annotations

from typing import Any

import pytest

from api.building import ConnectionSpec
from core.flow.asking import ask
from core.flow.outward.agreement import Reconciled
from core.flow.outward.reconcile import reconcile
from core.flow.reviews.answering import answer
from core.flow.saying import say
from core.flow.undo.replay import folded_again
from core.store.bindings import State
from tests.support import EVERYTHING, PEOPLE, Lab

WORK = """
contacts:
  as: contact
  fields: {email: email, first_name: first_name, last_name: last_name}
tasks:
  as: activity
  when: {type: task}
  fields:
    subject: title
    due_at: due
    contacts: {field: who, ref: contact}
notes:
  as: activity
  when: {type: [note, email]}
  fields:
    type: kind
    subject: headline
    body: text
    contacts: {field: who, ref: contact}
"""
"""Two streams of activities; calls and meetings are for neither."""

SALES = """
Lead:
  as: contact
  when: {lifecycle_stage: [subscriber, lead]}
  fields: {email: Email, first_name: FirstName, last_name: LastName, job_title: Title}
Contact:
  as: contact
  fields: {email: Email, first_name: FirstName, last_name: LastName, job_title: Title}
Task:
  as: activity
  fields:
    subject: Subject
    contacts: {field: WhoIds, ref: contact}
"""

ANN = {"email": "ann@shore.example", "first_name": "Ann", "last_name": "Shore"}
BOB = {"email": "bob@quay.example", "first_name": "Bob", "last_name": "Quay"}


pytestmark = pytest.mark.usefixtures("free_streams")


def measured(lab: Lab, name: str) -> Reconciled:
    return reconcile(lab.hub, lab.connection(name), mend=False)


def in_step(lab: Lab, name: str, kind: str, records: int) -> None:
    """The connection holds so many records of a kind, all of them as they should be."""
    found = measured(lab, name).by_kind
    assert (found[kind].records, found[kind].missing, found[kind].share) == (records, 0, 1.0)
    assert reconcile(lab.hub, lab.connection(name)).marked == 0


# --- outwards


def test_each_record_is_created_in_the_stream_that_claims_it(lab: Lab):
    lab.tool("a", mapping=WORK)
    b = lab.tool("b", mapping=EVERYTHING)
    for type_ in ("task", "note", "email", "call"):
        b.create("activities", {"type": type_, "subject": f"A {type_}"})
    lab.settle()
    assert [one["title"] for one in lab.tools["a"].all("tasks").values()] == ["A task"]
    assert {(one["kind"], one["headline"]) for one in lab.tools["a"].all("notes").values()} == {
        ("note", "A note"),
        ("email", "A email"),
    }


def test_what_no_stream_takes_is_neither_missing_nor_tried(lab: Lab):
    lab.tool("a", mapping=WORK)
    b = lab.tool("b", mapping=EVERYTHING)
    for type_ in ("task", "call", "meeting"):
        b.create("activities", {"type": type_, "subject": f"A {type_}"})
    b.create("activities", {"subject": "Of no type"})
    lab.settle()
    assert lab.tools["a"].calls["write"] == 1
    assert lab.dead_letters() == []
    assert lab.pending() == 0
    in_step(lab, "a", "activity", 1)
    in_step(lab, "b", "activity", 4)
    assert measured(lab, "b").whole.records == 4
    lab.wait(3_600)
    assert all(turn.quiet for turn in lab.settle())
    assert lab.tools["a"].writes == 1


def test_a_stream_without_when_takes_the_rest_wherever_it_stands(lab: Lab):
    mapping = "journal:\n  as: activity\n  fields: {type: kind, subject: headline}\n" + WORK
    lab.tool("a", mapping=mapping)
    b = lab.tool("b", mapping=EVERYTHING)
    for type_ in ("task", "note", "call"):
        b.create("activities", {"type": type_, "subject": f"A {type_}"})
    lab.settle()
    assert [len(lab.all("a", stream)) for stream in ("journal", "tasks", "notes")] == [1, 1, 1]
    assert lab.all("a", "journal", kind="call")
    in_step(lab, "a", "activity", 3)


@pytest.mark.parametrize("closed", [{"writes": False}, {"creates": False}])
def test_what_a_stream_claims_goes_to_no_other_while_it_is_not_written(lab: Lab, closed: dict[str, bool]):
    mapping = WORK + "journal:\n  as: activity\n  fields: {type: kind, subject: headline}\n"
    lab.tool("a", mapping=mapping, streams={"tasks": closed})
    b = lab.tool("b", mapping=EVERYTHING)
    b.create("activities", {"type": "task", "subject": "A task"})
    b.create("activities", {"type": "call", "subject": "A call"})
    lab.settle()
    assert lab.all("a", "tasks") == []
    assert len(lab.all("a", "journal")) == 1
    in_step(lab, "a", "activity", 1)


def test_a_stream_that_only_comes_in_does_not_stand_before_one_that_goes_out(lab: Lab):
    log = "log:\n  as: activity\n  direction: in\n  fields: {type: kind, subject: headline}\n"
    lab.tool("a", mapping=log + "journal:\n  as: activity\n  fields: {type: kind, subject: headline}\n")
    lab.tool("b", mapping=EVERYTHING).create("activities", {"type": "call", "subject": "A call"})
    lab.settle()
    assert lab.all("a", "log") == []
    assert len(lab.all("a", "journal", headline="A call")) == 1


def test_a_change_of_what_no_stream_takes_is_nobodys_work(lab: Lab):
    lab.tool("a", mapping=WORK)
    b = lab.tool("b", mapping=EVERYTHING)
    call = b.create("activities", {"type": "call", "subject": "Ring Ann"})
    lab.settle()
    lab.wait(60)
    b.edit("activities", call, subject="Ring Ann at noon")
    lab.turn("b")
    assert lab.record(subject="Ring Ann at noon").values["type"] == "call"
    assert lab.pending() == 0


def test_a_record_is_taken_once_it_fits_even_if_the_field_is_not_written(lab: Lab):
    lab.tool("a", mapping=WORK.partition("notes:")[0])
    b = lab.tool("b", mapping=EVERYTHING)
    call = b.create("activities", {"type": "call", "subject": "Ring Ann"})
    lab.settle()
    assert lab.all("a", "tasks") == []
    lab.wait(60)
    b.edit("activities", call, type="task")
    lab.settle()
    assert len(lab.all("a", "tasks", title="Ring Ann")) == 1
    in_step(lab, "a", "activity", 1)


def test_a_word_in_the_hub_makes_it_fit_as_well(lab: Lab):
    lab.tool("a", mapping=WORK)
    lab.tool("b", mapping=EVERYTHING).create("activities", {"type": "call", "subject": "Ring Ann"})
    lab.settle()
    say(lab.hub, lab.record(subject="Ring Ann").id, {"type": "task"})
    lab.settle()
    assert len(lab.all("a", "tasks", title="Ring Ann")) == 1


def test_a_bound_record_stays_in_its_stream_and_is_updated_there(lab: Lab):
    lab.tool("a", mapping=WORK)
    b = lab.tool("b", mapping=EVERYTHING)
    task = b.create("activities", {"type": "task", "subject": "Ring Ann"})
    lab.settle()
    (here,) = lab.all("a", "tasks")
    for type_, subject in (("note", "Rang Ann"), ("call", "Ringing Ann")):
        lab.wait(60)
        b.edit("activities", task, type=type_, subject=subject)
        lab.settle()
        assert lab.held("a", here, "tasks")["title"] == subject
        assert lab.all("a", "notes") == []
        assert lab.record(subject=subject).values["type"] == type_
    in_step(lab, "a", "activity", 1)


def test_what_the_tool_lost_in_one_stream_is_not_made_in_the_other(lab: Lab):
    lab.tool("a", mapping=WORK)
    b = lab.tool("b", mapping=EVERYTHING)
    task = b.create("activities", {"type": "task", "subject": "Ring Ann"})
    lab.settle()
    lab.tools["a"].delete("tasks", lab.all("a", "tasks")[0])
    lab.settle()
    lab.wait(60)
    b.edit("activities", task, type="note", subject="Rang Ann")
    lab.settle()
    assert lab.all("a", "tasks") == lab.all("a", "notes") == []


def test_a_line_that_only_writes_the_asked_field_is_kept_in_step(lab: Lab):
    mapping = WORK.replace("    subject: title\n", "    subject: title\n    type: {field: kind, direction: out}\n")
    lab.tool("a", mapping=mapping)
    lab.tool("b", mapping=EVERYTHING).create("activities", {"type": "task", "subject": "Ring Ann"})
    lab.settle()
    (task,) = lab.all("a", "tasks", kind="task")
    lab.wait(60)
    lab.tools["a"].edit("tasks", task, kind="chore")
    lab.settle()
    assert reconcile(lab.hub, lab.connection("a")).marked == 1
    lab.settle()
    assert lab.held("a", task, "tasks")["kind"] == "task"


# --- inwards


def test_what_is_read_says_by_its_stream_what_it_is(lab: Lab):
    a = lab.tool("a", mapping=WORK)
    lab.tool("b", mapping=EVERYTHING)
    a.create("tasks", {"title": "Ring Ann"})
    a.create("notes", {"headline": "Ann rang", "kind": "note"})
    a.create("notes", {"headline": "Of no type"})
    lab.settle()
    held = {(one.get("type"), one["subject"]) for one in lab.tools["b"].all("activities").values()}
    assert held == {("task", "Ring Ann"), ("note", "Ann rang"), (None, "Of no type")}
    (why,) = ask(lab.hub, lab.record(subject="Ring Ann"), "type").why
    assert why.winner is not None
    assert (why.winner.source, why.value) == ("a", "task")
    for name in ("a", "b"):
        in_step(lab, name, "activity", 3)
    records = lab.records("activity")
    with lab.hub.store.reading() as tx:
        assert folded_again(lab.hub, tx, [one.id for one in records]) == {one.id: one.values for one in records}


def test_our_own_creates_come_back_as_no_news(lab: Lab):
    lab.tool("a", mapping=WORK)
    lab.tool("b", mapping=EVERYTHING).create("activities", {"type": "task", "subject": "Ring Ann"})
    lab.settle()
    (task,) = lab.all("a", "tasks")
    lab.wait(60)
    lab.tools["a"].edit("tasks", task, title="Ring Ann at noon")
    lab.settle()
    record = lab.record(subject="Ring Ann at noon")
    (bound,) = lab.bound(record, "a")
    # Being among the tasks is no news either: the tool was told so, it did not say it.
    assert set(bound.claims) == {"subject"}
    assert record.values["type"] == "task"
    assert lab.all("b", "activities", subject="Ring Ann at noon", type="task")


def test_a_when_that_is_added_later_speaks_for_what_is_there_already(lab: Lab):
    bare = WORK.replace("  when: {type: task}\n", "")
    a = lab.tool("a", mapping=bare)
    a.create("tasks", {"title": "Ring Ann"})
    lab.settle()
    assert "type" not in lab.record(subject="Ring Ann").values
    calls = a.api_calls
    for mapping, type_ in ((WORK, "task"), (WORK.replace("when: {type: task}", "when: {type: call}"), "call")):
        spec = ConnectionSpec("a", "memory", {"world": a.name}, mapping, "a.yaml", {"*": {}})
        lab.installation.put_connection(spec)
        lab.installation.reconsider()
        lab.refreshed()
        assert lab.record(subject="Ring Ann").values["type"] == type_
    assert a.api_calls == calls


# --- references


def sold(lab: Lab) -> dict[str, int]:
    """A lead and a customer in `b`, known in `a` as a Lead and a Contact; gives email → record id."""
    lab.tool("a", mapping=SALES)
    b = lab.tool("b", mapping=EVERYTHING)
    b.create("contacts", {**ANN, "stage": "lead"})
    b.create("contacts", {**BOB, "stage": "customer"})
    lab.settle()
    assert len(lab.all("a", "Lead", Email=ANN["email"])) == 1
    assert len(lab.all("a", "Contact", Email=BOB["email"])) == 1
    return {one.values["email"]: one.id for one in lab.records()}


def test_references_go_out_to_both_streams(lab: Lab):
    sold(lab)
    b = lab.tools["b"]
    people = [lab.find("b", email=one["email"]) for one in (ANN, BOB)]
    b.create("activities", {"type": "task", "subject": "Invite both", "contact_ids": people})
    lab.settle()
    (task,) = lab.tools["a"].all("Task").values()
    (lead,), (contact,) = lab.all("a", "Lead"), lab.all("a", "Contact")
    assert sorted(task["WhoIds"]) == sorted([lead, contact])
    in_step(lab, "a", "activity", 1)


def test_references_come_in_from_both_streams(lab: Lab):
    ids = sold(lab)
    (lead,), (contact,) = lab.all("a", "Lead"), lab.all("a", "Contact")
    for subject, person in (("To the lead", lead), ("To the contact", contact)):
        lab.tools["a"].create("Task", {"Subject": subject, "WhoIds": [person]})
    lab.settle()
    assert lab.record(subject="To the lead").values["contacts"] == [ids[ANN["email"]]]
    assert lab.record(subject="To the contact").values["contacts"] == [ids[BOB["email"]]]
    (told,) = lab.all("b", "activities", subject="To the contact")
    assert lab.held("b", told, "activities")["contact_ids"] == [lab.find("b", email=BOB["email"])]


@pytest.mark.parametrize("stream", ["Lead", "Contact"])
def test_a_reference_waits_for_whichever_stream_shows_it(lab: Lab, stream: str):
    a = lab.tool("a", mapping=SALES)
    a.create("Task", {"Subject": "Ring somebody", "WhoIds": ["late"]})
    lab.settle()
    assert "contacts" not in lab.record(subject="Ring somebody").values
    a.create(stream, {"Email": ANN["email"], "FirstName": "Ann"}, id="late")
    lab.settle()
    assert lab.record(subject="Ring somebody").values["contacts"] == [lab.record(email=ANN["email"]).id]


# --- one person in two streams


def test_who_is_held_in_one_stream_is_not_created_in_the_other(lab: Lab):
    sold(lab)
    b = lab.tools["b"]
    lab.wait(60)
    b.edit("contacts", lab.find("b", email=ANN["email"]), stage="customer", job_title="Chair")
    lab.settle()
    assert lab.all("a", "Contact", Email=ANN["email"]) == []
    assert len(lab.all("a", "Lead", Email=ANN["email"], Title="Chair")) == 1
    in_step(lab, "a", "contact", 2)


@pytest.mark.parametrize("together", [True, False])
def test_one_person_in_two_streams_is_shown_as_a_duplicate(lab: Lab, together: bool):
    a = lab.tool("a", mapping=SALES)
    lab.tool("b", mapping=PEOPLE)
    lead = {"Email": ANN["email"], "FirstName": "Ann", "LastName": "Shore"}
    a.create("Lead", lead)
    if not together:
        lab.settle()
    a.create("Contact", {**lead, "Title": "Chair"})
    lab.settle()
    first, second = lab.records()
    (review,) = lab.reviews("duplicate")
    assert (review.record_id, review.subject) == (second.id, {"of": first.id, "connection": "a"})
    # Created nowhere else until somebody has looked, as with two of one stream.
    assert len(lab.all("b")) == 1
    assert [len(lab.bound(one, "a")) for one in (first, second)] == [1, 1]
    before = lab.writes()
    assert reconcile(lab.hub, lab.connection("a")).marked == 0
    lab.wait(3_600)
    lab.settle()
    assert lab.writes() == before
    answer(lab.hub, review, "noted")
    lab.settle()
    assert [len(lab.all("a", stream)) for stream in ("Lead", "Contact")] == [1, 1]


def test_two_of_one_stream_are_shown_in_the_same_words(lab: Lab):
    """What the test above holds two streams to."""
    a = lab.tool("a", mapping=SALES)
    for _ in range(2):
        a.create("Contact", {"Email": ANN["email"], "FirstName": "Ann", "LastName": "Shore"})
    lab.settle()
    first, second = lab.records()
    (review,) = lab.reviews("duplicate")
    assert (review.record_id, review.subject) == (second.id, {"of": first.id, "connection": "a"})


def test_who_left_one_stream_may_come_back_in_the_other(lab: Lab):
    """A lead that is turned into a contact: the lead goes first, and the contact is the same person."""
    a = lab.tool("a", mapping=SALES)
    lab.tool("b", mapping=PEOPLE)
    lead = {"Email": ANN["email"], "FirstName": "Ann", "LastName": "Shore"}
    old = a.create("Lead", lead)
    lab.settle()
    a.delete("Lead", old)
    a.create("Contact", {**lead, "Title": "Chair"})
    lab.settle()
    (record,) = lab.records()
    states: dict[str, Any] = {one.remote_id: one.state for one in lab.bound(record, "a")}
    assert states.pop(old) != State.BOUND
    assert list(states.values()) == [State.BOUND]
    assert lab.reviews() == []
    assert lab.held("b", lab.find("b", email=ANN["email"]))["job_title"] == "Chair"
