"""A tool merges two of its records: ours follow, nothing comes back, and nothing that was said is lost."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import ConfigError
from core.flow.identity.joining import join, pick, plan_join
from core.flow.outward.reconcile import reconcile
from core.flow.reviews.answering import answer
from core.flow.sync import turn
from core.flow.undo.replay import folded_again
from core.flow.undo.undoing import undo
from core.store import runs
from core.store.records import State
from tests.support import EVERYTHING, Lab, people

DELETING = {"deletes_in": "propagate", "deletes_out": "propagate"}


def two_people(lab: Lab) -> tuple[str, str]:
    """Two contacts in `a`, both known in `b`."""
    a = lab.tool("a", policy=DELETING)
    lab.tool("b", policy=DELETING)
    first, second = (a.create("contacts", person) for person in people(2))
    lab.settle()
    return first, second


def test_the_survivor_takes_over_what_was_bound_to_the_other(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        first, second = two_people(lab)
        lab.tools["a"].edit("contacts", second, {"job_title": "Baker"})
        lab.settle()
        lab.tools["a"].merge("contacts", first, second)
        lab.settle()
        states = sorted(record.state for record in lab.records())
        assert states == [State.LIVE, State.MERGED]
        assert len(lab.all("a")) == 1, "what was merged away came back"
        assert len(lab.all("b")) == 2, "a merge there is no delete here"
        assert len(lab.reviews("duplicate")) == 1, "a person is told of the double"


def test_a_merge_into_a_new_id_is_joined_and_not_made_anew(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        first, second = two_people(lab)
        lab.tools["a"].merge("contacts", first, second, into_new=True)
        lab.settle()
        live = [record for record in lab.records() if record.state == State.LIVE]
        assert len(live) == 1
        assert len(lab.all("a")) == 1
        before = lab.writes()
        lab.settle()
        assert lab.writes() == before


def test_who_was_deleted_and_is_merged_into_somebody_who_lives_is_given_again_with_them(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        first, second = two_people(lab)
        a, b = lab.tools["a"], lab.tools["b"]
        there = {id_: lab.held("b", id_)["email"] for id_ in lab.all("b")}
        for id_ in there:
            b.delete("contacts", id_)
        a.edit("contacts", first, {"job_title": "Baker"})
        for name in ("a", "b"):
            turn(lab.hub, lab.connection(name), delivers=False)
        assert sorted(record.state for record in lab.records()) == [State.LIVE, State.DELETED]
        a.merge("contacts", first, second)
        turn(lab.hub, lab.connection("a"), delivers=False)
        lab.settle()
        assert (len(lab.all("a")), len(lab.all("b"))) == (1, 1), "who was worked on since is put back"
        assert lab.held("b", lab.all("b")[0])["job_title"] == "Baker"


def test_the_history_of_the_survivor_explains_it(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        first, second = two_people(lab)
        lab.tools["a"].merge("contacts", first, second)
        lab.settle()
        with lab.hub.store.reading() as tx:
            live = {record.id: record.values for record in lab.records() if record.state == State.LIVE}
            assert folded_again(lab.hub, tx, list(live)) == live


def test_references_to_the_merged_one_find_the_survivor(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        a = lab.tool("a", mapping=EVERYTHING, policy=DELETING)
        keep, lose = (a.create("companies", {"name": name, "domain": f"{name}.shop"}) for name in ("harbour", "pier"))
        deal = a.create("deals", {"name": "Twelve loaves", "company_id": lose})
        lab.settle()
        a.merge("companies", keep, lose)
        lab.tool("b", mapping=EVERYTHING, policy=DELETING)
        lab.settle()
        reconcile(lab.hub, lab.connection("b"))
        lab.settle()
        (company,) = lab.all("b", "companies")
        (told,) = lab.tools["b"].all("deals").values()
        assert told["company_id"] == company
        assert deal in a.all("deals")


def test_who_merges_has_chosen_and_nobody_is_asked_again(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        a, b = lab.tool("a", policy=DELETING), lab.tool("b", policy=DELETING, unique="contacts.email")
        # Both were made in `b` at the same moment, so that only the merge in `a` can tell whose name stands.
        for person in people(2):
            b.create("contacts", person)
        lab.settle()
        keep, lose = sorted(a.all("contacts"))
        chosen = a.all("contacts")[keep]
        lab.wait(3_600)
        a.merge("contacts", keep, lose)
        lab.settle()
        (record,) = [one for one in lab.records() if one.state == State.LIVE]
        assert {name: record.values[name] for name in ("email", "first_name", "last_name")} == {
            name: chosen[name] for name in ("email", "first_name", "last_name")
        }
        assert [one.what for one in lab.reviews()] == ["duplicate"]
        held = list(b.all("contacts").values())
        assert {one["last_name"] for one in held} == {chosen["last_name"]}
        assert {one["email"] for one in held} == {one["email"] for one in people(2)}, "each keeps its own address"
        assert lab.dead_letters() == []
        for name in ("a", "b"):
            assert reconcile(lab.hub, lab.connection(name)).whole.share == 1.0


def test_an_edit_after_the_merge_is_newer_than_it(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        first, second = two_people(lab)
        lab.wait(60)
        lab.tools["a"].merge("contacts", first, second)
        lab.wait(60)
        told = next(id_ for id_, one in lab.tools["b"].all("contacts").items() if one["email"] == people(2)[0]["email"])
        lab.tools["b"].edit("contacts", told, {"last_name": "Quay"})
        lab.settle()
        assert lab.tools["a"].all("contacts")[first]["last_name"] == "Quay"


def test_a_merge_never_chooses_between_consents(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        a = lab.tool("a", mapping=EVERYTHING, policy=DELETING)
        ids = [
            a.create("contacts", {**person, "email_consent": consent})
            for person, consent in zip(people(2), ("granted", "denied"), strict=True)
        ]
        lab.tool("b", mapping=EVERYTHING, policy=DELETING)
        lab.settle()
        lab.wait(3_600)
        a.merge("contacts", *ids)
        lab.settle()
        (record,) = [one for one in lab.records() if one.state == State.LIVE]
        assert record.values["consent.email"] == "denied"


# More than the cap are a question


def capped(lab: Lab, cap: int) -> None:
    lab.dressed = lambda hub: replace(hub, blocks=replace(hub.blocks, cap=cap))


def test_a_chain_of_merges_without_end_becomes_a_question(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        capped(lab, 3)
        a = lab.tool("a", policy=DELETING)
        lab.tool("b", policy=DELETING)
        first, *others = (a.create("contacts", person) for person in people(5))
        lab.settle()
        for other in others:
            lab.wait(60)
            a.merge("contacts", first, other)
            lab.settle()
        states = Counter(record.state for record in lab.records())
        assert states == {State.MERGED: 2, State.LIVE: 3}
        asked = lab.reviews("ambiguous")
        assert len(asked) == 2
        assert asked[0].subject["evidence"][1] == "but more than 3 records would be one then"
        assert len(lab.all("b")) == 5, "what was not merged here is left alone there"
        answer(lab.hub, asked[0], "same")
        assert Counter(record.state for record in lab.records()) == {State.MERGED: 3, State.LIVE: 2}


def test_one_page_of_merges_is_held_to_the_cap_too(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        capped(lab, 3)
        a = lab.tool("a", policy=DELETING)
        first, *others = (a.create("contacts", person) for person in people(6))
        lab.settle()
        lab.wait(60)
        for other in others:
            a.merge("contacts", first, other)
        lab.settle()
        assert Counter(record.state for record in lab.records()) == {State.MERGED: 2, State.LIVE: 4}
        assert len(lab.reviews("ambiguous")) == 3


def test_many_tools_that_hold_one_person_are_no_chain(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        capped(lab, 3)
        names = [f"tool{number}" for number in range(5)]
        tools = [lab.tool(name, policy=DELETING) for name in names]
        first, second = (tools[0].create("contacts", person) for person in people(2))
        lab.settle()
        lab.wait(60)
        tools[0].merge("contacts", first, second)
        lab.settle()
        assert Counter(record.state for record in lab.records()) == {State.LIVE: 1, State.MERGED: 1}


# A person merges two records of the hub


def test_a_plan_says_what_joining_does_and_changes_nothing(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        two_people(lab)
        lab.wait(60)
        b = lab.tools["b"]
        b.edit("contacts", lab.find("b", email="person1@shore1.example"), {"job_title": "Baker"})
        lab.settle()
        writes, before = lab.writes(), list(lab.records())
        winner, loser = pick(lab.hub, before[0].id, before[1].id)
        planned = plan_join(lab.hub, winner, loser)
        assert lab.records() == before
        assert (lab.reviews(), lab.pending()) == ([], 0)
        assert planned.differs["job_title"] == (None, "Baker")
        assert planned.values["job_title"] == "Baker"
        assert planned.doubles == {"a": sorted(lab.all("a")), "b": sorted(lab.all("b"))}

        joined = join(lab.hub, winner, loser)
        (record,) = [one for one in lab.records() if one.state == State.LIVE]
        assert (record.id, record.values) == (winner, planned.values)
        assert lab.writes() == writes, "a tool is written by its own turn"
        lab.settle()
        done = [
            (going.connection, going.remote_id, path, lab.held(going.connection, going.remote_id or "").get(path))
            for going in planned.writes
            for path in going.fields
        ]
        foreseen = [
            (going.connection, going.remote_id, path, wanted)
            for going in planned.writes
            for path, (_, wanted) in going.fields.items()
        ]
        assert done == foreseen
        assert lab.writes() - writes == len(planned.writes)
        with lab.hub.store.reading() as tx:
            run = runs.one(tx, joined)
            assert folded_again(lab.hub, tx, [winner]) == {winner: record.values}
        assert run is not None
        assert (run.what, run.subject) == ("merge", {"winner": winner, "loser": loser})
        assert sorted(one.connection_id for one in lab.reviews("duplicate")) == sorted(
            lab.connection(name).id for name in "ab"
        )


def test_who_names_a_winner_is_not_asked_what_no_rule_decides(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        a = lab.tool("a", policy=DELETING)
        lab.tool("b", policy=DELETING)
        # Both were made at the same moment: nobody can tell which name is newer.
        for person in people(2):
            a.create("contacts", person)
        lab.settle()
        older, newer = lab.records()
        assert pick(lab.hub, newer.id, older.id) == (older.id, newer.id)
        assert pick(lab.hub, newer.id, older.id, newer.id) == (newer.id, older.id)
        planned = plan_join(lab.hub, newer.id, older.id)
        join(lab.hub, newer.id, older.id)
        lab.settle()
        (record,) = [one for one in lab.records() if one.state == State.LIVE]
        assert record.values["last_name"] == newer.values["last_name"]
        assert {"email", "first_name", "last_name"} <= set(planned.chosen)
        assert [one.what for one in lab.reviews()] == ["duplicate", "duplicate"]


def test_a_refusal_stands_whoever_is_the_winner(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        a = lab.tool("a", mapping=EVERYTHING, policy=DELETING)
        for person, consent in zip(people(2), ("granted", "denied"), strict=True):
            a.create("contacts", {**person, "email_consent": consent})
        lab.settle()
        granted, denied = lab.records()
        assert plan_join(lab.hub, granted.id, denied.id).values["consent.email"] == "denied"
        join(lab.hub, granted.id, denied.id)
        lab.settle()
        assert {one["email_consent"] for one in a.all("contacts").values()} == {"denied"}


def test_what_cannot_be_one_is_said(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        a = lab.tool("a", mapping=EVERYTHING, policy=DELETING)
        first, second = (a.create("contacts", person) for person in people(2))
        a.create("companies", {"name": "Harbour", "domain": "harbour.shop"})
        lab.settle()
        one, other = lab.records()
        (company,) = lab.records("company")
        for ids, words in (
            ((one.id, one.id), "Both words name"),
            ((one.id, 4_711), "Record 4711 is not there"),
            ((one.id, company.id), "A company and a contact are never one"),
            ((one.id, other.id, company.id), "none of the two"),
        ):
            with pytest.raises(ConfigError, match=words):
                pick(lab.hub, *ids)
        a.merge("contacts", first, second)
        lab.settle()
        gone = next(record for record in lab.records() if record.state == State.MERGED)
        with pytest.raises(ConfigError, match=f"Record {gone.id} is not there"):
            pick(lab.hub, company.id, gone.id)


def test_a_merge_by_a_person_is_undone_by_its_number(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        two_people(lab)
        before = [(one.id, one.values, one.state) for one in lab.records()]
        held = {name: lab.tools[name].all("contacts") for name in "ab"}
        run = join(lab.hub, before[0][0], before[1][0])
        lab.settle()
        lab.wait(60)
        undo(lab.hub, run)
        lab.settle()
        assert [(one.id, one.values, one.state) for one in lab.records()] == before
        assert {name: lab.tools[name].all("contacts") for name in "ab"} == held
        assert lab.reviews() == []
