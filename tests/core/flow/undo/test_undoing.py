"""Undoing a run restores what it changed, except what somebody changed since; and an undo is undone like any other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.errors import ConfigError
from core.flow.hub import Hub
from core.flow.reviews.answering import answer
from core.flow.saying import say
from core.flow.undo.undoing import plan_undo, undo
from core.store import runs
from core.store.bindings import State as BindingState
from core.store.records import State
from tests.core.flow.undo.undone import ANN, agreed, as_planned, edited, everywhere, explained, latest, settled
from tests.support import EVERYTHING, PEOPLE, Lab, people

__all__ = ["explained"]


def test_an_edit_is_taken_back_in_every_tool_and_where_it_came_from(lab: Lab) -> None:
    agreed(lab, "a", "b", "sheet")
    run = edited(lab, "sheet", job_title="#REF!", last_name="?")
    assert everywhere(lab, "job_title") == {"#REF!"}
    planned = plan_undo(lab.hub, run)
    assert planned.records == 1
    assert planned.kept == []
    assert {name: dict(one.fields) for name, one in planned.tools.items()} == {
        name: {"job_title": 1, "last_name": 1} for name in ("a", "b", "sheet")
    }
    assert everywhere(lab, "job_title") == {"#REF!"}, "a plan changes nothing"
    with as_planned(lab, planned):
        number = undo(lab.hub, run)
    settled(lab)
    assert (everywhere(lab, "job_title"), everywhere(lab, "last_name")) == ({"Baker"}, {"Shore"})
    with lab.hub.store.reading() as tx:
        done = runs.one(tx, number)
    assert done is not None
    assert (done.what, done.subject, done.counts) == ("undo", {"undoes": run}, {"undone": 1})


def test_the_undo_is_undone_and_that_too(lab: Lab) -> None:
    agreed(lab, "a", "b")
    run = edited(lab, "b", job_title="Cook")
    titles = []
    for _ in range(3):
        run = undo(lab.hub, run)
        settled(lab)
        titles.append(everywhere(lab, "job_title"))
    assert titles == [{"Baker"}, {"Cook"}, {"Baker"}]


@pytest.mark.parametrize("later", ["a", "b", "hub"])
def test_what_somebody_said_later_stands_and_is_listed(lab: Lab, later: str) -> None:
    agreed(lab, "a", "b")
    run = edited(lab, "b", job_title="Cook", last_name="?")
    if later == "hub":
        say(lab.hub, lab.record(email=ANN["email"]).id, {"job_title": "Chair"})
        settled(lab)
    else:
        edited(lab, later, job_title="Chair")
    (kept,) = plan_undo(lab.hub, run).kept
    assert (kept.field, kept.value, kept.source) == ("job_title", "Chair", later)
    undo(lab.hub, run)
    settled(lab)
    assert (everywhere(lab, "job_title"), everywhere(lab, "last_name")) == ({"Chair"}, {"Shore"})


def test_runs_are_undone_in_any_order(lab: Lab) -> None:
    agreed(lab, "a", "b")
    first, second = edited(lab, "b", job_title="Cook"), edited(lab, "b", job_title="Chair")
    undo(lab.hub, first)
    settled(lab)
    assert everywhere(lab, "job_title") == {"Chair"}
    undo(lab.hub, second)
    settled(lab)
    assert everywhere(lab, "job_title") == {"Baker"}


def test_a_persons_word_in_the_hub_is_taken_back(lab: Lab) -> None:
    agreed(lab, "a", "b")
    run = say(lab.hub, lab.record(email=ANN["email"]).id, {"job_title": "Chair", "phone": "+447700900000"})
    settled(lab)
    undo(lab.hub, run)
    settled(lab)
    assert (everywhere(lab, "job_title"), everywhere(lab, "phone")) == ({"Baker"}, {None})


def test_a_tool_that_is_only_read_keeps_the_bad_value_and_is_not_heard_again(lab: Lab) -> None:
    lab.tool("a")
    lab.tool("sheet", policy={"writes": False})
    for tool in lab.tools.values():
        tool.create("contacts", ANN)
    lab.settle()
    lab.wait(60)
    run = edited(lab, "sheet", job_title="#REF!")
    assert lab.held("a", lab.find("a"))["job_title"] == "#REF!"
    undo(lab.hub, run)
    settled(lab)
    assert lab.held("a", lab.find("a"))["job_title"] == "Baker"
    assert lab.held("sheet", lab.find("sheet"))["job_title"] == "#REF!"


# Newcomers.


@pytest.mark.parametrize("mode", ["token", "stamp", "listing"])
def test_what_a_run_made_goes_from_where_we_put_it_and_stays_where_it_came_from(lab: Lab, mode: str) -> None:
    for name in ("a", "b", "sheet"):
        lab.tool(name, mode=mode)
    keep = lab.tools["a"].create("contacts", ANN)
    lab.settle()
    for person in people(5):
        lab.tools["sheet"].create("contacts", person)
    lab.turn("sheet")
    run = latest(lab, "pull", "sheet")
    lab.settle()
    assert len(lab.all("b")) == 6
    lab.wait(60)
    planned = plan_undo(lab.hub, run)
    assert {name: one.deletes for name, one in planned.tools.items()} == {"a": 5, "b": 5}
    with as_planned(lab, planned):
        undo(lab.hub, run)
    settled(lab)
    assert (lab.all("a"), len(lab.all("b")), len(lab.all("sheet"))) == ([keep], 1, 6)
    assert sorted(one.state for one in lab.records()) == [State.LIVE] + 5 * [State.DELETED]
    # Somebody takes one of them up: then it is as if it were seen for the first time, with all it shows.
    lab.tools["sheet"].edit("contacts", lab.find("sheet", first_name="First3"), job_title="Chair")
    settled(lab)
    for name in ("a", "b"):
        assert {**people(5)[3], "job_title": "Chair"}.items() <= lab.held(
            name, lab.find(name, first_name="First3")
        ).items()
    assert len(lab.all("b")) == 2


def test_what_was_made_comes_back_when_the_undo_is_undone(lab: Lab) -> None:
    lab.tool("a")
    lab.tool("sheet").create("contacts", ANN)
    lab.turn("sheet")
    run = latest(lab, "pull", "sheet")
    lab.settle()
    back = undo(lab.hub, run)
    settled(lab)
    assert lab.all("a") == []
    undo(lab.hub, back)
    settled(lab)
    assert ANN.items() <= lab.held("a", lab.find("a")).items()
    lab.wait(60)
    edited(lab, "sheet", job_title="Chair")
    assert everywhere(lab, "job_title") == {"Chair"}


@pytest.mark.parametrize("by", ["a", "hub"])
def test_a_record_that_somebody_has_worked_on_since_is_kept_whole(lab: Lab, by: str) -> None:
    lab.tool("a")
    lab.tool("sheet")
    for person in (ANN, *people(2)):
        lab.tools["sheet"].create("contacts", person)
    lab.turn("sheet")
    run = latest(lab, "pull", "sheet")
    lab.settle()
    lab.wait(3_600)
    if by == "hub":
        say(lab.hub, lab.record(email=ANN["email"]).id, {"job_title": "Chair"})
        settled(lab)
    else:
        edited(lab, by, job_title="Chair")
    (kept,) = plan_undo(lab.hub, run).kept
    assert (kept.field, kept.source) == (None, by)
    undo(lab.hub, run)
    settled(lab)
    assert [one["email"] for one in lab.tools["a"].all("contacts").values()] == [ANN["email"]]
    assert everywhere(lab, "job_title") >= {"Chair"}


def test_an_edit_that_nobody_has_heard_of_yet_saves_what_would_be_deleted(lab: Lab) -> None:
    lab.tool("a")
    lab.tool("sheet").create("contacts", ANN)
    lab.turn("sheet")
    run = latest(lab, "pull", "sheet")
    lab.settle()
    lab.wait(3_600)
    undo(lab.hub, run)
    id_ = lab.find("a")
    lab.tools["a"].edit("contacts", id_, job_title="Chair")
    settled(lab)
    assert {**ANN, "job_title": "Chair"}.items() <= lab.held("a", id_).items()
    assert lab.record(email=ANN["email"]).state == State.LIVE


def undeletable(hub: Hub) -> Hub:
    """The hub with tools that delete nothing."""
    return replace(
        hub,
        connections={
            id_: replace(
                one,
                streams=tuple(
                    replace(stream, manifest=stream.manifest.model_copy(update={"deletes": False}))
                    for stream in one.streams
                ),
            )
            for id_, one in hub.connections.items()
        },
    )


def test_what_a_tool_cannot_delete_is_listed_and_left(lab: Lab) -> None:
    lab.tool("a")
    lab.tool("sheet").create("contacts", ANN)
    lab.turn("sheet")
    run = latest(lab, "pull", "sheet")
    lab.settle()
    lab.dressed = undeletable
    lab.refreshed()
    (left,) = plan_undo(lab.hub, run).left
    assert (left.connection, left.record.values["email"]) == ("a", ANN["email"])
    undo(lab.hub, run)
    settled(lab)
    assert len(lab.all("a")) == 1
    lab.tools["a"].edit("contacts", lab.find("a"), last_name="Quay")
    settled(lab)
    assert lab.held("sheet", lab.find("sheet"))["job_title"] == "Baker"
    assert {**ANN, "last_name": "Quay"}.items() <= lab.held("a", lab.find("a")).items()
    assert lab.record(email=ANN["email"]).state == State.LIVE


def test_somebody_whom_another_tool_knows_too_stays_as_that_tool_knows_him(lab: Lab) -> None:
    lab.tool("a")
    lab.tool("sheet").create("contacts", ANN)
    lab.turn("sheet")
    run = latest(lab, "pull", "sheet")
    lab.settle()
    lab.tool("b").create("contacts", {"email": ANN["email"], "first_name": "Ann", "last_name": "Shore", "asked": "rye"})
    lab.settle()
    undo(lab.hub, run)
    settled(lab)
    for name in ("a", "b"):
        held = lab.held(name, lab.find(name))
        assert (held["asked"], held.get("job_title")) == ("rye", None)
    assert lab.held("sheet", lab.find("sheet"))["job_title"] == "Baker", "what the sheet knew alone is still in it"


def test_what_was_joined_is_untied_and_nothing_is_written_over_it(lab: Lab) -> None:
    agreed(lab, "a", fields={**ANN, "asked": "rye"})
    lab.tool("sheet").create("contacts", {"email": ANN["email"], "first_name": "Annie", "phone": "+447700900000"})
    lab.turn("sheet")
    run = latest(lab, "pull", "sheet")
    lab.settle()
    assert lab.held("a", lab.find("a"))["phone"] == "+447700900000"
    undo(lab.hub, run)
    before = lab.held("sheet", lab.find("sheet"))
    settled(lab)
    held = lab.held("a", lab.find("a"))
    assert (held["first_name"], held.get("phone")) == ("Ann", None)
    assert lab.held("sheet", lab.find("sheet")) == before
    (row,) = lab.bound(lab.record(asked="rye"), "sheet")
    assert row.state == BindingState.RETRACTED
    lab.tools["sheet"].edit("contacts", lab.find("sheet"), phone="+447700900001")
    settled(lab)
    assert everywhere(lab, "phone") == {"+447700900001"}


def test_a_refusal_outlives_the_undo(lab: Lab) -> None:
    lab.tool("a", mapping=EVERYTHING)
    lab.tools["a"].create("contacts", ANN)
    lab.tool("sheet", mapping=EVERYTHING)
    lab.settle()
    lab.wait(60)
    lab.tools["sheet"].edit("contacts", lab.find("sheet"), job_title="?", email_consent="denied")
    lab.tools["sheet"].create("contacts", {**people(1)[0], "email_consent": "denied"})
    lab.turn("sheet")
    run = latest(lab, "pull", "sheet")
    lab.settle()
    planned = plan_undo(lab.hub, run)
    assert [(one.field, one.why) for one in planned.kept] == [("consent.email", "an undo never widens consent")]
    undo(lab.hub, run)
    settled(lab)
    held = lab.held("a", lab.find("a"))
    assert (held["job_title"], held["email_consent"]) == ("Baker", "denied")
    lab.tools["a"].create("contacts", people(1)[0])
    settled(lab)
    back = lab.record(email=people(1)[0]["email"])
    assert (back.state, back.values["consent.email"]) == (State.LIVE, "denied")


def test_a_grant_is_taken_back(lab: Lab) -> None:
    lab.tool("a", mapping=EVERYTHING)
    lab.tools["a"].create("contacts", ANN)
    lab.tool("sheet", mapping=EVERYTHING)
    lab.settle()
    lab.wait(60)
    run = edited(lab, "sheet", email_consent="granted")
    assert lab.record(email=ANN["email"]).values["consent.email"] == "granted"
    undo(lab.hub, run)
    lab.settle()
    assert "consent.email" not in lab.record(email=ANN["email"]).values


# Deletions.


@pytest.mark.parametrize("deletes_in", ["propagate", "archive", "unlink", "ignore"])
def test_what_was_deleted_is_put_back(lab: Lab, deletes_in: str) -> None:
    id_ = agreed(lab, "a", "b", policy={"deletes_in": deletes_in, "deletes_out": "propagate"})
    lab.tools["a"].delete("contacts", id_)
    lab.turn("a")
    run = latest(lab, "pull", "a")
    lab.settle()
    lab.wait(60)
    planned = plan_undo(lab.hub, run)
    assert planned.tools["a"].creates == 1
    with as_planned(lab, planned):
        back = undo(lab.hub, run)
    settled(lab)
    assert lab.record(email=ANN["email"]).state == State.LIVE
    for name in ("a", "b"):
        assert ANN.items() <= lab.held(name, lab.find(name)).items()
    if deletes_in == "propagate":
        undo(lab.hub, back)
        settled(lab)
        assert lab.all("a") == lab.all("b") == []


def test_the_question_about_a_deletion_closes_with_it(lab: Lab) -> None:
    id_ = agreed(lab, "a", "b", policy={"deletes_in": "ask", "deletes_out": "propagate"})
    lab.tools["a"].delete("contacts", id_)
    lab.turn("a")
    run = latest(lab, "pull", "a")
    lab.settle()
    assert len(lab.reviews("delete")) == 1
    (review,) = lab.reviews("delete")
    back = undo(lab.hub, run)
    assert lab.reviews("delete") == []
    undo(lab.hub, back)
    assert [one.id for one in lab.reviews("delete")] == [review.id]
    undo(lab.hub, run)
    settled(lab)
    assert (len(lab.all("a")), lab.reviews("delete")) == (1, [])


@pytest.mark.parametrize("word", ["delete", "keep"])
def test_the_answer_about_a_deletion_is_taken_back(lab: Lab, word: str) -> None:
    id_ = agreed(lab, "a", "b", policy={"deletes_in": "ask", "deletes_out": "propagate"})
    lab.tools["a"].delete("contacts", id_)
    lab.settle()
    (review,) = lab.reviews("delete")
    run = answer(lab.hub, review, word)
    undo(lab.hub, run)
    settled(lab)
    assert [one.id for one in lab.reviews("delete")] == [review.id]
    assert (lab.all("a"), len(lab.all("b"))) == ([], 1)


# Questions.


def test_an_answer_is_taken_back_and_the_question_put_again(lab: Lab) -> None:
    lab.tool("a"), lab.tool("b")
    lab.rules("contact: {job_title: ask}\n")
    for name, title in (("a", "Baker"), ("b", "Cook")):
        lab.tools[name].create("contacts", {**people(1)[0], "job_title": title})
    lab.settle()
    (review,) = lab.reviews("ask")
    lab.wait(60)
    run = answer(lab.hub, review, "value", "Cook")
    lab.settle()
    assert lab.reviews() == []
    back = undo(lab.hub, run)
    settled(lab)
    assert [one.id for one in lab.reviews()] == [review.id]
    undo(lab.hub, back)
    settled(lab)
    assert lab.reviews() == []
    assert everywhere(lab, "job_title") == {"Cook"}


def test_an_answer_that_changed_no_record_is_only_asked_again(lab: Lab) -> None:
    a, b = lab.tool("a"), lab.tool("b")
    a.create("contacts", {"email": ANN["email"], "first_name": "Ann", "last_name": "Shore"})
    b.create("contacts", {"email": ANN["email"], "first_name": "Zebedee", "last_name": "Quint"})
    lab.settle()
    (review,) = lab.reviews("ambiguous")
    run = answer(lab.hub, review, "different")
    assert plan_undo(lab.hub, run).opened == [review.id]
    assert lab.reviews("ambiguous") == []
    undo(lab.hub, run)
    assert [one.id for one in lab.reviews("ambiguous")] == [review.id]


def test_a_question_that_the_run_raised_closes(lab: Lab) -> None:
    lab.tool("a"), lab.tool("b")
    lab.rules("contact: {job_title: ask}\n")
    agreed_id = lab.tools["a"].create("contacts", ANN)
    lab.settle()
    lab.wait(60)
    run = edited(lab, "b", job_title="Cook")
    assert len(lab.reviews("ask")) == 1
    undo(lab.hub, run)
    settled(lab)
    assert lab.reviews() == []
    assert lab.held("a", agreed_id)["job_title"] == "Baker"
    assert everywhere(lab, "job_title") == {"Baker"}


# What nobody reads.

ONLY_OUT = PEOPLE.replace(
    "    asked: {field: asked}\n", "    asked: {field: note, direction: out, when_blank: ignore}\n"
)


def test_what_a_write_replaced_in_a_field_that_nobody_reads_is_put_back_once(lab: Lab) -> None:
    lab.tool("a", mapping=ONLY_OUT)
    lab.tool("b")
    id_ = lab.tools["a"].create("contacts", {**ANN, "note": "rang twice"})
    lab.settle()
    lab.wait(60)
    run = edited(lab, "b", asked="twelve loaves")
    assert lab.held("a", id_)["note"] == "twelve loaves"
    undo(lab.hub, run)
    settled(lab)
    assert lab.held("a", id_)["note"] == "rang twice"
    lab.wait(60)
    lab.tools["a"].edit("contacts", id_, note="rang again")
    settled(lab)
    assert lab.held("a", id_)["note"] == "rang again"


def test_it_is_left_alone_where_somebody_has_written_there_since(lab: Lab) -> None:
    lab.tool("a", mapping=ONLY_OUT)
    lab.tool("b")
    id_ = lab.tools["a"].create("contacts", {**ANN, "note": "rang twice"})
    lab.settle()
    lab.wait(60)
    run = edited(lab, "b", asked="twelve loaves")
    lab.wait(60)
    lab.tools["a"].edit("contacts", id_, note="done")
    lab.turn("a")
    undo(lab.hub, run)
    lab.settle()
    assert lab.held("a", id_)["note"] != "rang twice"


# What cannot be undone.


def test_what_cannot_be_undone_says_why_and_what_to_do(lab: Lab) -> None:
    agreed(lab, "a", "b")
    pulled = edited(lab, "b", job_title="Cook")
    with pytest.raises(ConfigError, match="no run 999"):
        plan_undo(lab.hub, 999)
    with pytest.raises(ConfigError, match="only wrote to a") as delivered:
        undo(lab.hub, latest(lab, "deliver", "a"))
    assert f"run {pulled} (pull contacts of b, 1 record)" in delivered.value.remedy
    back = undo(lab.hub, pulled)
    with pytest.raises(ConfigError, match=f"undone already, by run {back}") as twice:
        undo(lab.hub, pulled)
    assert f"concord undo {back}" in twice.value.remedy


def test_a_configuration_is_not_undone_by_its_number(lab: Lab) -> None:
    agreed(lab, "a", "b")
    with lab.hub.store.writing() as tx:
        subject = {"mappings": {str(lab.connection("a").id): [3, 4]}, "rules": []}
        number = runs.begin(tx, lab.hub.own_id, "apply", stream=None, at=lab.clock(), subject=subject)
        runs.end(tx, number, at=lab.clock(), counts={})
    with pytest.raises(ConfigError, match="configuration") as told:
        undo(lab.hub, number)
    assert "version 3 of the mapping of a" in told.value.remedy
    assert "concord plan" in told.value.remedy


def test_a_run_that_goes_on_or_changed_nothing_is_not_undone(lab: Lab) -> None:
    agreed(lab, "a", "b")
    with lab.hub.store.writing() as tx:
        id_ = lab.connection("a").id
        number = runs.begin(tx, id_, "pull", stream="contacts", at=lab.clock())
        taken = runs.take_lease(tx, f"connection {id_}", "somebody", now=lab.clock(), until=lab.clock() + 10**9)
    with pytest.raises(ConfigError, match="still running"):
        undo(lab.hub, number)
    with lab.hub.store.writing() as tx:
        assert taken is not None
        runs.drop_lease(tx, f"connection {id_}", taken.token)
    with pytest.raises(ConfigError, match="changed nothing"):
        undo(lab.hub, number)
