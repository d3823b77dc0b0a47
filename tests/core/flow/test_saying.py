"""What a person says in the hub is a claim like any other, and an answer to a review settles it."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import ConfigError
from core.flow.asking import ask
from core.flow.reviews.answering import answer
from core.flow.saying import say
from core.flow.undo.replay import folded_again
from core.store.records import State
from tests.support import Lab, people

EMAIL = "person0@shore0.example"


def with_one_person(lab: Lab) -> None:
    """One contact that `a` and `b` agree on."""
    a = lab.tool("a")
    lab.tool("b")
    a.create("contacts", people(1)[0])
    lab.settle()


def test_a_word_in_the_hub_reaches_every_tool_and_is_explained(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        with_one_person(lab)
        record = lab.record(email=EMAIL)
        say(lab.hub, record.id, {"job_title": "Harbour master"})
        lab.settle()
        assert {one["job_title"] for name in "ab" for one in lab.tools[name].all("contacts").values()} == {
            "Harbour master"
        }
        (why,) = ask(lab.hub, lab.record(email=EMAIL), "job_title").why
        assert why.winner is not None
        assert why.winner.source == "hub"
        with lab.hub.store.reading() as tx:
            assert folded_again(lab.hub, tx, [record.id])[record.id]["job_title"] == "Harbour master"


def test_a_later_edit_in_a_tool_overrules_it(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        with_one_person(lab)
        say(lab.hub, lab.record(email=EMAIL).id, {"job_title": "Harbour master"})
        lab.settle()
        lab.wait(60)
        lab.tools["b"].edit("contacts", lab.find("b", email=EMAIL), {"job_title": "Pilot"})
        lab.settle()
        assert lab.record(email=EMAIL).values["job_title"] == "Pilot"


@pytest.mark.parametrize(
    ("values", "words"), [({"shoe_size": 42}, "no field 'shoe_size'"), ({"email": "nobody"}, "email address")]
)
def test_a_word_that_is_none_changes_nothing(tmp_path: Path, values: dict[str, object], words: str) -> None:
    with Lab(tmp_path) as lab:
        with_one_person(lab)
        before = lab.record(email=EMAIL)
        with pytest.raises(ConfigError, match=words):
            say(lab.hub, before.id, values)
        assert lab.record(email=EMAIL) == before


def test_an_asked_field_waits_for_the_answer_and_then_goes_out(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        a, b = lab.tool("a"), lab.tool("b")
        lab.rules("contact: {job_title: ask}\n")
        for tool, title in ((a, "Baker"), (b, "Cook")):
            tool.create("contacts", {**people(1)[0], "job_title": title})
        lab.settle()
        (review,) = lab.reviews("ask")
        assert review.field == "job_title"
        assert {one["job_title"] for name in "ab" for one in lab.tools[name].all("contacts").values()} == {
            "Baker",
            "Cook",
        }
        with pytest.raises(ConfigError, match="takes value"):
            answer(lab.hub, review, "perhaps")
        answer(lab.hub, review, "value", "Cook")
        lab.settle()
        assert not lab.reviews()
        assert {one["job_title"] for name in "ab" for one in lab.tools[name].all("contacts").values()} == {"Cook"}


def doubtful(lab: Lab) -> None:
    """One address, two people with wholly different names: nobody can tell."""
    a, b = lab.tool("a"), lab.tool("b")
    a.create("contacts", {"email": EMAIL, "first_name": "Ann", "last_name": "Shore"})
    b.create("contacts", {"email": EMAIL, "first_name": "Zebedee", "last_name": "Quint"})
    lab.settle()


def test_an_ambiguous_newcomer_is_created_nowhere_until_answered(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        doubtful(lab)
        (review,) = lab.reviews("ambiguous")
        assert len(lab.all("a")) == 1
        answer(lab.hub, review, "different")
        lab.settle()
        assert not lab.reviews("ambiguous")
        assert len(lab.all("a")) == 2, "somebody else, so a tells them apart"


def test_an_ambiguous_newcomer_that_is_the_same_is_joined(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        doubtful(lab)
        (review,) = lab.reviews("ambiguous")
        (candidate,) = review.subject["candidates"]
        answer(lab.hub, review, "same", candidate)
        lab.settle()
        live = [record for record in lab.records() if record.state == State.LIVE]
        assert [record.id for record in live] == [candidate]
        assert len(lab.all("a")) == 1


def test_a_field_that_two_tools_keep_turning_is_frozen(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        with_one_person(lab)
        for turn in range(8):
            name, title = ("a", "Day shift") if turn % 2 else ("b", "Night shift")
            lab.wait(60)
            lab.tools[name].edit("contacts", lab.find(name, email=EMAIL), {"job_title": title})
            lab.settle()
            if lab.reviews("frozen"):
                break
        (review,) = lab.reviews("frozen")
        assert review.field == "job_title"
        held = {one["job_title"] for name in "ab" for one in lab.tools[name].all("contacts").values()}
        assert len(held) == 2, "the last turn is not written on"
        answer(lab.hub, review, "value", "Night shift")
        lab.settle()
        assert {one["job_title"] for name in "ab" for one in lab.tools[name].all("contacts").values()} == {
            "Night shift"
        }


def test_a_suddenly_empty_source_deletes_nothing_until_a_person_agrees(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        deleting = {"deletes_in": "propagate", "deletes_out": "propagate"}
        a = lab.tool("a", mode="listing", policy=deleting)
        lab.tool("b", policy=deleting)
        ids = [a.create("contacts", person) for person in people(30)]
        lab.settle()
        for id_ in ids[:25]:
            a.delete("contacts", id_)
        lab.settle()
        (review,) = lab.reviews("brake")
        assert len(lab.all("b")) == 30
        answer(lab.hub, review, "release")
        lab.settle()
        assert len(lab.all("b")) == 5
        assert not lab.reviews("brake")
