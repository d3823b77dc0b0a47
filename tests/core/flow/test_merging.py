"""A tool merges two of its records: ours follow, nothing comes back, and nothing that was said is lost."""

from __future__ import annotations

from pathlib import Path

from core.flow.reconcile import reconcile
from core.flow.replay import folded_again
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
