"""Readings that are old, stale, partial, doubled or ambiguous, and what is made of each."""

from __future__ import annotations

from unittest.mock import patch

import pytest

from core.flow.inward.arrivals import Trip
from core.flow.inward.inbound import inbound
from core.model.instant import SECOND
from core.ports import Page, Remote
from core.store import connections
from tests.support import Lab, people

ANN = {"email": "ann@shore.example", "first_name": "Ann", "last_name": "Shore"}


def agreed(lab: Lab) -> str:
    """Ann in both tools; gives her id in `b`."""
    lab.tool("a").create("contacts", ANN)
    lab.tool("b")
    lab.settle()
    lab.wait(60)
    return lab.find("b", first_name="Ann")


def taken_in(lab: Lab, remote: Remote, *, began_at: int | None = None, trusted: bool = False) -> Trip:
    at = lab.clock() if began_at is None else began_at
    trip = Trip(lab.hub, lab.stream("b"), at, lab.clock(), trusted=trusted)
    inbound(trip, Page([remote], {}))
    return trip


def test_a_reading_older_than_the_one_kept_is_no_news(lab: Lab):
    theirs = agreed(lab)
    (bound,) = lab.bound(lab.record(first_name="Ann"), "b")
    assert bound.modified_at is not None
    taken_in(lab, Remote(theirs, {**ANN, "job_title": "Clerk"}, "v0", bound.modified_at - SECOND))
    assert "job_title" not in lab.record(first_name="Ann").values
    taken_in(lab, Remote(theirs, {**ANN, "job_title": "Clerk"}, "v9", bound.modified_at + SECOND))
    assert lab.record(first_name="Ann").values["job_title"] == "Clerk"


def test_a_reading_that_began_before_our_write_had_ended_is_read_again(lab: Lab):
    theirs = agreed(lab)
    began_at = lab.clock()
    old = lab.held("b", theirs)
    lab.wait(10)
    lab.tools["a"].edit("contacts", lab.find("a", first_name="Ann"), job_title="Chair")
    lab.turn("a")
    lab.turn("b")
    trip = Trip(lab.hub, lab.stream("b"), began_at, lab.clock())
    late = Remote(theirs, {**old, "job_title": "Clerk"}, "v0", lab.clock())
    assert inbound(trip, Page([late], {})).again == [theirs]
    assert lab.record(first_name="Ann").values["job_title"] == "Chair"


def test_a_page_in_disorder_and_with_doubles_makes_every_record_once(lab: Lab):
    source = lab.tool("a")
    for number in range(20):
        source.create("contacts", {"email": f"p{number}@shore.example"})
    source.mischief.once("doubled")
    source.mischief.once("shuffled")
    turn = lab.turn("a")
    assert turn.intake.created == len(lab.records()) == 20


def test_a_partial_reading_leaves_what_it_does_not_name(lab: Lab):
    theirs = agreed(lab)
    taken_in(lab, Remote(theirs, {"job_title": "Chair"}, "v9", lab.clock(), partial=True))
    values = lab.record(first_name="Ann").values
    assert (values["job_title"], values["last_name"]) == ("Chair", "Shore")


def test_a_partial_reading_of_somebody_unknown_is_fetched_whole(lab: Lab):
    agreed(lab)
    trip = Trip(lab.hub, lab.stream("b"), lab.clock(), lab.clock())
    new = Remote("con-77", {"job_title": "Chair"}, partial=True)
    assert inbound(trip, Page([new], {})).again == ["con-77"]
    assert len(lab.records()) == 1


def test_duplicates_inside_one_tool_are_listed_and_created_nowhere_else(lab: Lab):
    source = lab.tool("a")
    lab.tool("b")
    source.create("contacts", ANN)
    source.create("contacts", {**ANN, "job_title": "Chair"})
    lab.settle()
    (review,) = lab.reviews("duplicate")
    assert review.subject["connection"] == "a"
    assert len(lab.all("a")) == 2
    assert len(lab.all("b")) == 1


def test_an_ambiguous_newcomer_is_a_question_and_is_created_nowhere(lab: Lab):
    lab.tool("a").create("contacts", ANN)
    lab.tool("b").create("contacts", {"email": "ann@shore.example", "first_name": "Bertram", "last_name": "Quill"})
    lab.settle()
    (review,) = lab.reviews("ambiguous")
    assert review.subject["candidates"] == [1]
    assert len(lab.records()) == 2
    assert (len(lab.all("a")), lab.tools["a"].writes) == (1, 0)


def test_lagging_reads_lose_nothing(lab: Lab):
    lab.tool("a", mode="token")
    lab.tool("b", mode="stamp")
    for name in ("a", "b"):
        lab.tools[name].lag = 20 * SECOND
    lab.settle()
    for number in range(5):
        lab.tools["a"].create("contacts", {"email": f"p{number}@shore.example"})
        lab.wait(7)
        lab.turn("a")
        lab.turn("b")
    lab.wait(60)
    lab.settle()
    assert len(lab.all("b")) == len(lab.records()) == 5


def test_a_walk_that_ends_where_it_began_is_over(lab: Lab):
    tool = lab.tool("a", mode="stamp", page_size=2)
    tool.habits.resolution = SECOND
    ids = [tool.create("contacts", {"email": f"p{number}@shore.example"}) for number in range(4)]
    tool.habits.cap = 2
    lab.turn("a")
    with patch("core.flow.inward.ahead.INTAKE", 1):
        # The same four, and a last page that shows nothing and gives the same place as before.
        assert lab.turn("a").intake.read == 4
    tool.edit("contacts", ids[0], job_title="Chair")
    lab.wait(3_600)
    tool.create("contacts", {"email": "p4@shore.example"})
    lab.turn("a")
    assert lab.record(email="p0@shore.example").values["job_title"] == "Chair"


def test_what_cannot_be_read_is_kept_as_a_problem_with_its_place(lab: Lab):
    lab.tool("a").create("contacts", {**ANN, "phone": "call me"})
    lab.turn("a")
    (bound,) = lab.bound(lab.record(first_name="Ann"), "a")
    assert "phone" in (bound.problems or "")
    place = "people.csv line 17: no comma where one should be"
    inbound(Trip(lab.hub, lab.stream("a"), lab.clock(), lab.clock()), Page([], {}, problems=[place]))
    with lab.hub.store.reading() as tx:
        assert [one[2] for one in connections.unread_places(tx)] == [place]


def test_a_first_load_yields_to_live_work_and_goes_on(lab: Lab, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("core.flow.sync.PART", 0)
    for name in ("b", "c"):
        lab.tool(name)
    lab.tools["b"].create("contacts", people(1)[0])
    lab.settle()
    lab.tool("a")
    for person in people(2_500, start=1):
        lab.tools["a"].create("contacts", person)
    lab.tools["b"].edit("contacts", lab.find("b"), job_title="Head")
    lab.wait(60)
    rounds = [lab.sync(everything=False)]
    assert lab.held("c", lab.find("c", email=people(1)[0]["email"]))["job_title"] == "Head"
    assert len(lab.records()) == 1_001
    assert not any(turn.quiet for turn in rounds[0] if turn.connection == "a")
    while len(lab.records()) < 2_501:
        rounds.append(lab.sync(everything=False))
    assert len(rounds) == 3
    assert sum(turn.intake.read for one in rounds for turn in one if turn.connection == "a") == 2_500
    lab.wait(60)
    lab.sync(until_quiet=True)
    assert [len(lab.all(name)) for name in ("a", "b", "c")] == [2_501] * 3
