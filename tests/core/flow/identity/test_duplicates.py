"""What a tool holds twice is listed with a proposal, merged there when a person asks, and never merged twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connectors._kit.mischief import Switch
from connectors.memory.connector import MemoryConnector
from core.errors import ConfigError, Refused, ToolError, Unavailable
from core.flow.hub import Hub, Stream
from core.flow.identity import mending
from core.flow.identity.duplicates import compared, duplicates, side_by_side
from core.flow.identity.joining import join, plan_join
from core.flow.identity.mending import pair, request
from core.flow.outward.reconcile import reconcile
from core.flow.reviews.answering import answer
from core.flow.running import Run
from core.flow.undo.replay import folded_again
from core.ports import Receipt
from core.store import deliveries
from core.store.records import State
from core.store.reviews import Review
from tests.support import EVERYTHING, Lab, hasty, people

DELETING = {"deletes_in": "propagate", "deletes_out": "propagate"}
ANN = {"email": "ann@shore.example", "first_name": "Ann", "last_name": "Shore", "phone": "+447700900123"}


def twice_in_b(lab: Lab) -> tuple[str, str]:
    """One person in `a`, whom `b` holds under two ids, because `a` has merged two."""
    a, _ = lab.tool("a", mapping=EVERYTHING, policy=DELETING), lab.tool("b", mapping=EVERYTHING, policy=DELETING)
    first, second = (a.create("contacts", person) for person in people(2))
    lab.settle()
    one, other = sorted(lab.all("b"))
    lab.wait(60)
    a.merge("contacts", first, second)
    lab.settle()
    return one, other


def twice_in_a(lab: Lab) -> tuple[str, str]:
    """Two newcomers of `a` with one address, which are two records here; `b` knows the first one."""
    a, _ = lab.tool("a", policy=DELETING), lab.tool("b", policy=DELETING)
    first = a.create("contacts", ANN)
    lab.settle()
    lab.wait(60)
    second = a.create("contacts", {**ANN, "job_title": "Baker"})
    lab.settle()
    return first, second


def live(lab: Lab) -> list[Any]:
    return [record for record in lab.records() if record.state == State.LIVE]


def the_review(lab: Lab, what: str = "duplicate") -> Review:
    (review,) = lab.reviews(what)
    return review


def merged_once(lab: Lab, name: str) -> None:
    """One record, held once in this tool, explained by its history; nothing waits and nothing more is written."""
    assert (len(live(lab)), len(lab.all(name)), lab.reviews("duplicate")) == (1, 1, [])
    assert lab.tools[name].calls["merge"] == 1
    with lab.hub.store.reading() as tx:
        assert deliveries.intents_of(tx, lab.connection(name).id) == []
        every = {one.id: one.values for one in lab.records()}
        assert folded_again(lab.hub, tx, list(every)) == every
    writes = lab.writes()
    lab.wait(3_600)
    lab.settle()
    assert lab.writes() == writes
    for one in lab.tools:
        assert reconcile(lab.hub, lab.connection(one)).whole.share == 1.0


# Listing


def test_a_double_is_listed_with_a_proposal(lab: Lab) -> None:
    one, other = twice_in_b(lab)
    b = lab.tools["b"]
    b.create("deals", {"name": "Twelve loaves", "contact_ids": [other]})
    b.edit("contacts", other, {"address": {"city": "Hull"}})
    lab.settle()
    (found,) = duplicates(lab.hub)
    assert (found.connection, found.stream.name, found.review_id) == ("b", "contacts", the_review(lab).id)
    assert {copy.bound.remote_id for copy in found.copies} == {one, other}
    assert found.by_command
    told = found.to_json()
    assert told["how"] == [
        f"concord merge --in b --stream contacts {told['survivor']} {({one, other} - {told['survivor']}).pop()}"
    ]
    (record,) = live(lab)
    assert found.values == record.values
    assert duplicates(lab.hub, "a") == []


def test_who_is_referred_to_and_filled_more_should_stay(lab: Lab) -> None:
    a = lab.tool("a", mapping=EVERYTHING)
    first = a.create("contacts", ANN)
    lab.settle()
    second = a.create("contacts", ANN)
    a.create("deals", {"name": "Twelve loaves", "contact_ids": [second]})
    lab.settle()
    (found,) = duplicates(lab.hub)
    assert [copy.bound.remote_id for copy in found.copies] == [second, first]
    assert [copy.referred for copy in found.copies] == [1, 0]
    assert found.because == ("more records refer to it",)
    assert found.speaks_for == ("same email", "same phone and last name", "same first and last name")
    a.edit("contacts", first, {"job_title": "Baker"})
    lab.settle()
    (found,) = duplicates(lab.hub)
    assert found.copies[0].bound.remote_id == first
    assert found.because == ("it is filled more",)
    a.edit("contacts", first, {"email": None})
    lab.settle()
    (found,) = duplicates(lab.hub)
    assert (found.copies[0].bound.remote_id, found.because) == (
        second,
        ("it has the email", "more records refer to it"),
    )


def test_a_double_that_was_noted_is_listed_all_the_same(lab: Lab) -> None:
    twice_in_b(lab)
    answer(lab.hub, the_review(lab), "noted")
    (found,) = duplicates(lab.hub)
    assert found.review_id is None


# Merging in the tool


def test_the_tool_merges_what_it_holds_twice_and_nothing_comes_back(lab: Lab) -> None:
    one, _ = twice_in_b(lab)
    answer(lab.hub, the_review(lab), "merge", one)
    assert the_review(lab).closed_at is None, "it is open until the tool has done it"
    assert lab.tools["b"].calls["merge"] == 0, "nothing is sent before the next turn"
    lab.settle()
    assert lab.all("b") == [one]
    merged_once(lab, "b")


def test_two_newcomers_of_one_tool_become_one_record(lab: Lab) -> None:
    first, _ = twice_in_a(lab)
    assert len(lab.all("b")) == 1, "a double is created nowhere else"
    answer(lab.hub, the_review(lab), "merge", first)
    lab.settle("b", "a")
    lab.settle()
    assert lab.all("a") == [first]
    assert lab.held("a", first)["job_title"] == "Baker"
    assert len(lab.all("b")) == 1
    merged_once(lab, "a")


def test_a_tool_may_merge_into_a_new_id(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def anew(self: MemoryConnector, stream: str, survivor_id: str, loser_id: str) -> Receipt:
        with self._call("merge", stream):
            pass
        return Receipt(self.tool.merge(stream, survivor_id, loser_id, into_new=True))

    monkeypatch.setattr(MemoryConnector, "merge", anew)
    one, other = twice_in_b(lab)
    answer(lab.hub, the_review(lab), "merge")
    lab.settle()
    (left,) = lab.all("b")
    assert left not in (one, other)
    merged_once(lab, "b")


def test_references_of_the_loser_lead_to_the_survivor(lab: Lab) -> None:
    one, other = twice_in_b(lab)
    deal = lab.tools["b"].create("deals", {"name": "Twelve loaves", "contact_ids": [other]})
    lab.settle()
    answer(lab.hub, the_review(lab), "merge", one)
    lab.settle()
    # This tool leaves its references as they are; whatever slips, reconcile finds.
    reconcile(lab.hub, lab.connection("b"))
    lab.settle()
    assert lab.held("b", deal, "deals")["contact_ids"] == [one]


def test_the_ids_may_be_named_without_a_question(lab: Lab) -> None:
    a = lab.tool("a", policy=DELETING)
    first, second = (a.create("contacts", person) for person in people(2))
    lab.settle()
    asked(lab, first, second)
    lab.settle()
    assert lab.all("a") == [first]
    assert len(live(lab)) == 1


def asked(lab: Lab, survivor: str, loser: str, name: str = "a") -> None:
    connection = lab.connection(name)
    with Run(lab.hub, lab.hub.own_id, "merge", subject={"connection": name}) as run:
        request(lab.hub, run, connection, pair(lab.hub, connection, [survivor, loser]))


# What goes wrong


class Killed(BaseException):
    """The process ends here."""


def kill(*_: Any, **__: Any) -> None:
    raise Killed


@pytest.mark.parametrize("moment", ["before the call", "after the call"])
def test_a_crash_neither_loses_nor_repeats_a_merge(lab: Lab, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    one, _ = twice_in_b(lab)
    answer(lab.hub, the_review(lab), "merge", one)
    with monkeypatch.context() as patched:
        patched.setattr(mending, "_merge" if moment == "before the call" else "_take_in", kill)
        with pytest.raises(Killed):
            lab.turn("b")
    lab.wait(600)
    lab.restart()
    lab.settle()
    assert lab.all("b") == [one]
    merged_once(lab, "b")


def test_a_lost_answer_is_looked_into(lab: Lab) -> None:
    one, _ = twice_in_b(lab)
    answer(lab.hub, the_review(lab), "merge", one)
    lab.tools["b"].mischief.once(Switch.LOST_ANSWER)
    lab.settle()
    merged_once(lab, "b")


def once(error: ToolError) -> Callable[..., Receipt]:
    """A connector's merge that fails the first time."""
    merge, errors = MemoryConnector.merge, [error]

    def failing(self: MemoryConnector, stream: str, survivor_id: str, loser_id: str) -> Receipt:
        if errors:
            raise errors.pop()
        return merge(self, stream, survivor_id, loser_id)

    return failing


def test_a_merge_waits_for_a_tool_that_is_down(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    one, _ = twice_in_b(lab)
    answer(lab.hub, the_review(lab), "merge", one)
    monkeypatch.setattr(MemoryConnector, "merge", once(Unavailable("The tool does not answer.")))
    assert isinstance(lab.turn("b").error, Unavailable)
    assert len(lab.all("b")) == 2
    lab.settle()
    merged_once(lab, "b")


def test_what_the_tool_refuses_is_told_in_its_words_and_not_tried_again(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, _ = twice_in_b(lab)
    answer(lab.hub, the_review(lab), "merge", one)
    monkeypatch.setattr(MemoryConnector, "merge", once(Refused("One of them is under a legal hold.")))
    assert lab.turn("b").error is None
    lab.settle()
    assert "legal hold" in the_review(lab).subject["note"]
    assert len(lab.all("b")) == 2
    with lab.hub.store.reading() as tx:
        assert deliveries.intents_of(tx, lab.connection("b").id) == []


def test_a_survivor_that_is_gone_ends_the_merge(lab: Lab) -> None:
    first, second = twice_in_a(lab)
    answer(lab.hub, the_review(lab), "merge", first)
    lab.tools["a"].delete("contacts", first)
    lab.settle()
    assert lab.tools["a"].calls["merge"] == 0
    assert second in lab.all("a"), "the one that is left is not deleted for it"


def test_a_loser_that_a_person_merged_or_deleted_meanwhile_is_followed(lab: Lab) -> None:
    first, second = twice_in_a(lab)
    answer(lab.hub, the_review(lab), "merge", first)
    lab.tools["a"].merge("contacts", first, second)
    lab.settle()
    assert lab.tools["a"].calls["merge"] == 0
    assert (len(live(lab)), lab.reviews("duplicate")) == (1, [])


def test_a_tool_that_merges_nothing_is_said_in_words(lab: Lab) -> None:
    lab.dressed = without_merges
    one, other = twice_in_b(lab)
    (found,) = duplicates(lab.hub)
    survivor = found.copies[0].bound.remote_id
    (loser,) = {one, other} - {survivor}
    assert not found.by_command
    assert found.how[0].startswith(f"In b, bring what only {loser} has over to {survivor}, then delete {loser}")
    with pytest.raises(ConfigError, match="lets nobody merge contacts"):
        answer(lab.hub, the_review(lab), "merge")
    assert the_review(lab).closed_at is None


def without_merges(hub: Hub) -> Hub:
    """The hub, where no tool can merge."""

    def plain(stream: Stream) -> Stream:
        return replace(stream, manifest=stream.manifest.model_copy(update={"native_merge": False}))

    connections = {
        id_: replace(one, streams=tuple(plain(stream) for stream in one.streams))
        for id_, one in hub.connections.items()
    }
    return replace(hub, connections=connections)


def test_who_deletes_one_of_two_by_hand_has_mended_it(lab: Lab) -> None:
    one, other = twice_in_b(lab)
    lab.tools["b"].delete("contacts", other)
    lab.settle()
    assert (lab.all("b"), len(lab.all("a")), lab.reviews("duplicate")) == ([one], 1, [])


@pytest.mark.parametrize(
    ("ids", "words"), [(("con-1", "con-1"), "into itself"), (("con-1", "nobody"), "is not known to hold both")]
)
def test_ids_that_name_no_two_records_are_an_error(lab: Lab, ids: tuple[str, str], words: str) -> None:
    twice_in_b(lab)
    with pytest.raises(ConfigError, match=words):
        asked(lab, *ids, name="b")


def test_only_the_ids_of_the_double_are_an_answer(lab: Lab) -> None:
    one, other = twice_in_b(lab)
    with pytest.raises(ConfigError, match="Say which one is left"):
        answer(lab.hub, the_review(lab), "merge", "nobody")
    assert {one, other} == set(lab.all("b"))


# Side by side


def test_a_newcomer_and_its_candidates_stand_side_by_side(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        a, b = lab.tool("a"), lab.tool("b")
        a.create("contacts", {**ANN, "asked": "twelve loaves"})
        lab.settle("a")
        b.create("contacts", {"email": ANN["email"], "first_name": "Peter", "last_name": "Shore", "job_title": "Baker"})
        lab.settle("b")
        found = compared(lab.hub, the_review(lab, "ambiguous"))
        assert found is not None
        newcomer, candidate = found.sides
        assert [one.held_by[0].split()[0] for one in found.sides] == ["b", "a"]
        assert candidate.speaks_for == ("same email",)
        assert candidate.speaks_against == ("the first names differ",)
        rows = {one.field: (one.values, one.compared) for one in found.rows}
        assert rows["email"] == ((ANN["email"], ANN["email"]), ("same",))
        assert rows["first_name"] == (("Peter", "Ann"), ("differs",))
        assert rows["job_title"] == (("Baker", None), ("only here",))
        assert rows["asked"] == ((None, "twelve loaves"), ("only there",))
        told = side_by_side(lab.hub, the_review(lab, "ambiguous"))
        assert told is not None
        assert told["heads"] == ["field", newcomer.called, candidate.called, ""]
        assert ["against", "", "the first names differ", ""] in told["rows"]
        assert all(len(row) == len(told["heads"]) for row in told["rows"])


def test_a_double_stands_side_by_side_as_the_tool_holds_it(lab: Lab) -> None:
    one, other = twice_in_b(lab)
    found = compared(lab.hub, the_review(lab))
    assert found is not None
    assert {side.called for side in found.sides} == {f"b contacts {one}", f"b contacts {other}"}
    rows = {row.field: row.compared for row in found.rows}
    assert (rows["email"], rows["last_name"]) == (("differs",), ("same",))


def test_two_records_of_one_tool_stand_side_by_side(lab: Lab) -> None:
    twice_in_a(lab)
    found = compared(lab.hub, the_review(lab))
    assert found is not None
    assert found.sides[1].speaks_for == ("same email", "same phone and last name", "same first and last name")
    assert found.sides[1].speaks_against == ()


def test_other_questions_have_no_sides(lab: Lab) -> None:
    twice_in_b(lab)
    assert compared(lab.hub, the_review(lab)._replace(what="ask")) is None


def test_doubles_merges_and_joins_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    with Lab(tmp_path, database_url=hasty(postgres_url)) as lab:
        capped = 1
        lab.dressed = lambda hub: replace(hub, blocks=replace(hub.blocks, cap=capped))
        a = lab.tool("a", policy=DELETING)
        first, second, third = (a.create("contacts", person) for person in people(3))
        lab.settle()
        lab.wait(60)
        a.merge("contacts", first, second)
        lab.settle()
        assert len(lab.reviews("ambiguous")) == 1, "more than the cap"
        answer(lab.hub, the_review(lab, "ambiguous"), "same")
        lab.settle()
        winner, loser = (one.id for one in live(lab))
        planned = plan_join(lab.hub, winner, loser)
        assert len(live(lab)) == 2, "the plan is given up"
        join(lab.hub, winner, loser)
        assert live(lab)[0].values == planned.values
        (found,) = duplicates(lab.hub)
        assert {copy.bound.remote_id for copy in found.copies} == {first, third}
        answer(lab.hub, the_review(lab), "merge", first)
        lab.settle()
        assert lab.all("a") == [first]
        merged_once(lab, "a")
