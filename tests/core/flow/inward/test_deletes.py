"""Deletes: what each policy does, edits against deletes, and when something missing may be called gone."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest

from core.errors import CursorExpired
from core.flow.inward.arrivals import Trip
from core.flow.inward.inbound import inbound
from core.ports import Page, Remote
from core.store import connections
from core.store.records import State
from tests.support import Lab, people

ANN = {"email": "ann@shore.example", "first_name": "Ann"}


def agreed(lab: Lab, deletes_in: str = "unlink", deletes_out: str = "unlink", **settings: Any) -> tuple[str, str]:
    """Ann in both tools; gives her ids there."""
    policy = {"deletes_in": deletes_in, "deletes_out": deletes_out}
    ours = lab.tool("a", policy=policy, **settings).create("contacts", ANN)
    lab.tool("b", policy=policy, **settings)
    lab.settle()
    lab.wait(60)
    return ours, lab.find("b", first_name="Ann")


@pytest.mark.parametrize("mode", ["token", "stamp", "listing"])
@pytest.mark.parametrize(
    ("deletes_in", "deletes_out", "state", "held_elsewhere", "review"),
    [
        ("ignore", "propagate", State.LIVE, True, False),
        ("unlink", "propagate", State.LIVE, True, False),
        ("ask", "propagate", State.LIVE, True, True),
        ("archive", "propagate", State.ARCHIVED, True, False),
        ("propagate", "propagate", State.DELETED, False, False),
        ("propagate", "unlink", State.DELETED, True, False),
        ("propagate", "ignore", State.DELETED, True, False),
    ],
)
def test_a_delete_does_what_the_policy_says(
    lab: Lab, mode: str, deletes_in: str, deletes_out: str, state: State, held_elsewhere: bool, review: bool
):
    ours, theirs = agreed(lab, deletes_in, deletes_out, mode=mode)
    lab.tools["a"].delete("contacts", ours)
    lab.settle()
    (record,) = lab.records()
    assert record.state == state
    assert record.values["first_name"] == "Ann"
    assert (theirs in lab.all("b")) == held_elsewhere
    assert bool(lab.reviews("delete")) == review
    lab.wait(3_600)
    lab.settle()
    assert lab.all("a") == [], "what was deleted is not put back unasked"


@pytest.mark.parametrize("first_heard", ["a", "b"])
def test_delete_here_and_edit_there_the_edit_survives_in_either_order(lab: Lab, first_heard: str):
    ours, theirs = agreed(lab, "propagate", "propagate")
    lab.tools["a"].delete("contacts", ours)
    lab.wait(5)
    lab.tools["b"].edit("contacts", theirs, job_title="Chair")
    lab.turn(first_heard)
    lab.settle()
    (record,) = lab.records()
    assert (record.state, record.values["job_title"]) == (State.LIVE, "Chair")
    assert lab.held("b", theirs)["job_title"] == "Chair"
    assert lab.held("a", lab.find("a", first_name="Ann"))["job_title"] == "Chair"


def test_our_own_delete_is_no_news_when_it_comes_back(lab: Lab):
    ours, _ = agreed(lab, "propagate", "propagate")
    lab.tools["a"].delete("contacts", ours)
    lab.settle()
    lab.wait(60)
    assert all(turn.quiet for turn in lab.settle())
    assert lab.reviews() == []


def test_a_record_that_was_typed_in_again_is_the_same_record(lab: Lab):
    ours, theirs = agreed(lab, "propagate", "propagate")
    lab.tools["a"].recreate("contacts", ours)
    lab.settle()
    (record,) = lab.records()
    assert record.state == State.LIVE
    assert lab.held("b", theirs)["first_name"] == "Ann"
    assert len(lab.all("a")) == 1


def test_who_comes_again_after_a_delete_is_known_again(lab: Lab):
    ours, _ = agreed(lab, "propagate", "propagate")
    lab.tools["a"].delete("contacts", ours)
    lab.settle()
    assert lab.all("b") == []
    lab.wait(3_600)
    lab.tools["a"].create("contacts", {**ANN, "job_title": "Chair"})
    lab.settle()
    (record,) = lab.records()
    assert (record.state, record.values["job_title"]) == (State.LIVE, "Chair")
    assert len(lab.all("a")) == 1


@pytest.mark.parametrize("mode", ["listing", "stamp"])
def test_what_a_whole_listing_no_longer_shows_is_gone_after_a_direct_look(lab: Lab, mode: str):
    lab.tool("a", policy={"deletes_in": "propagate"}, mode="listing", page_size=3)
    ids = [lab.tools["a"].create("contacts", fields) for fields in people(8)]
    lab.turn("a")
    lab.tools["a"].delete("contacts", ids[0])
    before = lab.tools["a"].calls["fetch"]
    assert lab.turn("a").intake.gone == 1
    assert lab.tools["a"].calls["fetch"] == before + 1
    assert [one.state for one in lab.records()].count(State.DELETED) == 1


def test_what_went_missing_while_a_walk_was_broken_off_is_gone_before_all_is_quiet(lab: Lab):
    source = lab.tool("a", policy={"deletes_in": "propagate"}, mode="listing", page_size=2)
    ids = [source.create("contacts", fields) for fields in people(5)]
    lab.settle()
    with patch("core.flow.inward.ahead.INTAKE", 1):
        # It is begun anew once, and the next time broken off behind its first page.
        source.mischief.once("expired", 2)
        assert isinstance(lab.turn("a").error, CursorExpired)
        source.delete("contacts", ids[0])
        lab.wait(3_600)
        lab.settle()
    assert [one.state for one in lab.records()].count(State.DELETED) == 1


def test_a_listing_that_lies_deletes_nothing(lab: Lab):
    lab.tool("a", policy={"deletes_in": "propagate"}, mode="listing")
    for fields in people(5):
        lab.tools["a"].create("contacts", fields)
    lab.turn("a")
    lab.tools["a"].mischief.once("empty")
    assert lab.turn("a").intake.gone == 0
    assert {one.state for one in lab.records()} == {State.LIVE}
    assert lab.turn("a").quiet


def test_a_suddenly_empty_source_is_a_question_and_deletes_nothing(lab: Lab):
    source = lab.tool("a", policy={"deletes_in": "propagate"}, mode="listing")
    lab.tool("b", policy={"deletes_out": "propagate"})
    ids = [source.create("contacts", fields) for fields in people(40)]
    lab.settle()
    for id_ in ids:
        source.delete("contacts", id_)
    lab.turn("a")
    lab.turn("b")
    assert len(lab.all("b")) == 40
    (review,) = lab.reviews("brake")
    assert review.subject["missing"]["contacts"]["told"] == "40 of 40 contacts in a are missing at once"


def test_a_walk_that_was_broken_off_concludes_no_deletes_and_the_next_one_does(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("core.flow.inward.ahead.INTAKE", 2)
    source = lab.tool("a", policy={"deletes_in": "propagate"}, mode="listing", page_size=2)
    ids = [source.create("contacts", fields) for fields in people(6)]
    lab.turn("a")
    source.delete("contacts", ids[0])
    source.mischief.calm()
    calls = 0
    connector = lab.installation.connector("a")
    read = connector.read

    def breaks(stream: str, cursor: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 2:
            source.mischief.once("unavailable")
        return read(stream, cursor)

    connector.read = breaks
    assert lab.turn("a").error is not None
    connector.read = read
    resumed = lab.turn("a")
    assert (resumed.error, resumed.intake.gone) == (None, 0)
    assert lab.turn("a").intake.gone == 1


def test_an_expired_cursor_starts_a_new_generation_that_finds_what_was_deleted_meanwhile(lab: Lab):
    source = lab.tool("a", policy={"deletes_in": "propagate"})
    ids = [source.create("contacts", fields) for fields in people(5)]
    lab.turn("a")

    def generation() -> int:
        with lab.hub.store.reading() as tx:
            return connections.stream_row(tx, lab.stream("a").id).generation

    before = generation()
    source.edit("contacts", ids[1], job_title="Chair")
    source.delete("contacts", ids[0])
    source.expire_cursors()
    turn = lab.turn("a")
    assert turn.error is None
    assert (turn.intake.heard, turn.intake.gone) == (1, 1)
    assert generation() > before
    assert len(lab.records()) == 5


def test_deleting_one_of_two_records_of_the_same_person_deletes_nobody(lab: Lab):
    policy = {"deletes_in": "propagate", "deletes_out": "propagate"}
    first, second = lab.tool("a", policy=policy), lab.tool("b", policy=policy)
    keep, lose = (second.create("contacts", fields) for fields in people(2))
    lab.settle()
    first.merge("contacts", lab.find("a", first_name="First0"), lab.find("a", first_name="First1"))
    lab.settle()
    assert len(lab.reviews("duplicate")) == 1
    lab.wait(60)
    second.delete("contacts", lose)
    lab.settle()
    assert [one.state for one in lab.records()] == [State.LIVE, State.MERGED]
    assert lab.held("b", keep)["first_name"] == "First0"
    assert len(lab.all("a")) == 1


def test_an_edit_that_a_person_is_asked_about_survives_a_delete(lab: Lab):
    """Two tools differ and nobody can tell who was last: what a third one deletes meanwhile is not gone."""
    policy = {"deletes_in": "propagate", "deletes_out": "propagate"}
    for name in ("a", "b", "c"):
        lab.tool(name, policy=policy)
    lab.tools["a"].create("contacts", ANN)
    lab.settle()
    lab.wait(60)
    lab.tools["a"].edit("contacts", lab.find("a"), first_name="Anna")
    lab.tools["b"].edit("contacts", lab.find("b"), first_name="Anne")
    lab.tools["c"].delete("contacts", lab.find("c"))
    lab.settle()
    (record,) = lab.records()
    assert record.state == State.LIVE
    assert [one.field for one in lab.reviews("ask")] == ["first_name"]
    assert len(lab.all("c")) == 1


def test_a_late_notice_of_a_record_that_is_gone_brings_nobody_back(lab: Lab):
    tool = lab.tool("a")
    id_ = tool.create("contacts", ANN)
    shown = Remote(id_, dict(tool.get("contacts", id_) or {}), modified_at=lab.clock())
    tool.delete("contacts", id_)
    lab.settle()
    trip = Trip(lab.hub, lab.stream("a"), lab.clock(), lab.clock(), told=True)
    assert inbound(trip, Page([shown], {})).again == [id_], "it is read before it is believed"
    assert lab.records() == []
