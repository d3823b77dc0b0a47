"""A merge is taken apart again: each side has what was said of it, also what was said since."""

from __future__ import annotations

from core.flow.reviews.answering import answer
from core.flow.undo.undoing import plan_undo, undo
from core.store import apart
from core.store.bindings import State as BindingState
from core.store.records import State
from tests.core.flow.undo.undone import ANN, DELETING, explained, latest, merged, recent, settled
from tests.support import EVERYTHING, Lab, people

__all__ = ["explained"]


def test_a_tools_merge_is_taken_apart(lab: Lab) -> None:
    run = merged(lab)
    undo(lab.hub, run)
    settled(lab)
    first, second = lab.records()
    assert {first.state, second.state} == {State.LIVE}
    assert {(one.values["first_name"], one.values.get("job_title")) for one in (first, second)} == {
        ("First0", None), ("First1", "Cook"),
    }  # fmt: skip
    assert second.merged_into is None
    assert [row.state for row in lab.bound(second, "a")] == [BindingState.MOVED], "there it is one, by the tool's word"
    assert len(lab.all("a")) == 1
    assert sorted(one["email"] for one in lab.tools["b"].all("contacts").values()) == sorted(
        one["email"] for one in people(2)
    )
    assert lab.reviews("duplicate") == []
    with lab.hub.store.reading() as tx:
        assert (second.id, first.id) in apart.told_apart(tx, [first.id])
    lab.wait(60)
    lab.tools["b"].edit("contacts", lab.find("b", first_name="First1"), job_title="Chair")
    settled(lab)
    assert [one.values.get("job_title") for one in lab.records()] == [None, "Chair"]


def test_a_merge_that_was_taken_apart_is_made_again(lab: Lab) -> None:
    run = merged(lab)
    winner = next(one for one in lab.records() if one.state == State.LIVE)
    undo(lab.hub, undo(lab.hub, run))
    settled(lab)
    first, second = lab.records()
    assert (first.state, first.values) == (State.LIVE, winner.values)
    assert (second.state, second.merged_into) == (State.MERGED, first.id)
    with lab.hub.store.reading() as tx:
        assert apart.told_apart(tx, [first.id, second.id]) == set()


def test_what_was_said_after_a_merge_goes_with_whom_it_was_said_of(lab: Lab) -> None:
    run = merged(lab)
    other = next(id_ for id_, one in lab.tools["b"].all("contacts").items() if one["email"] == people(2)[1]["email"])
    lab.tools["b"].edit("contacts", other, job_title="Chair")
    lab.settle()
    lab.wait(60)
    undo(lab.hub, run)
    settled(lab)
    assert [one.values.get("job_title") for one in lab.records()] == [None, "Chair"]
    assert lab.held("b", other)["job_title"] == "Chair"


def test_an_earlier_run_is_undone_through_a_later_merge(lab: Lab) -> None:
    for name in ("a", "b"):
        lab.tool(name, policy=DELETING)
    ids = [lab.tools["a"].create("contacts", person) for person in people(2)]
    lab.settle()
    lab.wait(60)
    lab.tools["b"].edit("contacts", lab.find("b", first_name="First1"), asked="twelve loaves")
    lab.turn("b")
    run = latest(lab, "pull", "b")
    lab.settle()
    lab.wait(60)
    lab.tools["a"].merge("contacts", *ids)
    settled(lab)
    assert lab.record(first_name="First0").values["asked"] == "twelve loaves"
    (kept,) = plan_undo(lab.hub, run).kept
    assert (kept.field, kept.source) == ("asked", "a"), "whoever merged there has said it again"
    undo(lab.hub, run)
    settled(lab)
    said = [row.claims.values.get("asked") for row in lab.bound(lab.record(first_name="First0"), "b")]
    assert said == [None, None]


def test_merges_in_a_row_are_taken_apart_from_either_end(lab: Lab) -> None:
    lab.tool("a", policy=DELETING)
    lab.tool("b", policy=DELETING)
    ids = [lab.tools["a"].create("contacts", person) for person in people(3)]
    lab.settle()
    merges = []
    for winner, loser in ((ids[1], ids[2]), (ids[0], ids[1])):
        lab.wait(60)
        lab.tools["a"].merge("contacts", winner, loser)
        lab.turn("a")
        merges.append(latest(lab, "pull", "a"))
        lab.settle()
    lab.wait(60)
    states = []
    for run in merges:
        undo(lab.hub, run)
        settled(lab)
        states.append([one.state for one in lab.records()])
    assert states == [[State.LIVE, State.MERGED, State.LIVE], 3 * [State.LIVE]]
    assert sorted(one["first_name"] for one in lab.tools["b"].all("contacts").values()) == [
        "First0", "First1", "First2",
    ]  # fmt: skip


def test_references_to_the_one_that_was_merged_find_it_again(lab: Lab) -> None:
    a = lab.tool("a", mapping=EVERYTHING, policy=DELETING)
    lab.tool("b", mapping=EVERYTHING, policy=DELETING)
    keep, lose = (a.create("companies", {"name": name, "domain": f"{name}.shop"}) for name in ("harbour", "pier"))
    a.create("deals", {"name": "Twelve loaves", "company_id": lose})
    lab.settle()
    lab.wait(60)
    pier = lab.find("b", "companies", name="pier")
    a.merge("companies", keep, lose)
    lab.turn("a")
    run = next(one.id for one in recent(lab, "a") if one.stream == "companies")
    lab.settle()
    lab.wait(60)
    undo(lab.hub, run)
    settled(lab)
    (deal,) = lab.tools["b"].all("deals").values()
    assert deal["company_id"] == pier


def test_a_persons_merge_is_taken_apart_and_asked_about_again(lab: Lab) -> None:
    a, b = lab.tool("a"), lab.tool("b")
    a.create("contacts", {"email": ANN["email"], "first_name": "Ann", "last_name": "Shore"})
    b.create("contacts", {"email": ANN["email"], "first_name": "Zebedee", "last_name": "Quint"})
    lab.settle()
    (review,) = lab.reviews("ambiguous")
    before = {name: len(lab.all(name)) for name in lab.tools}
    run = answer(lab.hub, review, "same", review.subject["candidates"][0])
    settled(lab)
    back = undo(lab.hub, run)
    settled(lab)
    assert [one.id for one in lab.reviews("ambiguous")] == [review.id]
    assert sorted(one.values["first_name"] for one in lab.records()) == ["Ann", "Zebedee"]
    assert {name: len(lab.all(name)) for name in lab.tools} == before, "it waits for the answer again"
    undo(lab.hub, back)
    settled(lab)
    assert lab.reviews("ambiguous") == []
    assert sorted(one.state for one in lab.records()) == [State.LIVE, State.MERGED]
