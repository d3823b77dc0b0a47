"""Many records at once, a crash in between, and anything in any order."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest

from core.flow.saying import say
from core.flow.undo.taking_back import take_back
from core.flow.undo.undoing import plan_undo, undo
from core.store.records import State
from tests.core.flow.undo.undone import everywhere, explained, latest, let_through, merged, recent, settled
from tests.core.store.test_statements import counted
from tests.support import EVERYTHING, Lab, people

__all__ = ["explained"]


# Many at once.


@pytest.mark.parametrize("deals", [600, pytest.param(8_800, marks=[pytest.mark.chaos, pytest.mark.timeout(900)])])
def test_a_bad_import_of_many_deals_is_taken_back_but_for_what_was_changed_since(lab: Lab, deals: int) -> None:
    for name in ("a", "b", "c", "sheet"):
        lab.tool(name, mapping=EVERYTHING, page_size=200)
    for number in range(deals):
        lab.tools["a"].create("deals", {"name": f"Deal {number}", "stage": "open", "status": "open"})
    lab.settle()
    lab.wait(60)
    before = {name: held_deals(lab, name) for name in lab.tools}
    for id_ in lab.all("sheet", "deals"):
        lab.tools["sheet"].edit("deals", id_, name=f"#REF! {id_}", stage="lost")
    lab.turn("sheet")
    run = next(one.id for one in recent(lab, "sheet") if one.stream == "deals")
    lab.settle()
    let_through(lab)
    assert {one["stage"] for one in lab.tools["b"].all("deals").values()} == {"lost"}
    lab.wait(60)
    worked_on = lab.all("b", "deals")[::60]
    for id_ in worked_on:
        lab.tools["b"].edit("deals", id_, stage="won")
    lab.settle()
    lab.wait(60)
    planned = plan_undo(lab.hub, run)
    assert {name: one.updates for name, one in planned.tools.items()} == dict.fromkeys(lab.tools, deals)
    assert planned.tools["a"].fields == {"name": deals, "stage": deals - len(worked_on)}
    assert [(one.field, one.value, one.source) for one in planned.kept] == len(worked_on) * [("stage", "won", "b")]
    undo(lab.hub, run)
    settled(lab)
    changed = {lab.tools["b"].all("deals")[id_]["name"] for id_ in worked_on}
    for name in lab.tools:
        for id_, fields in held_deals(lab, name).items():
            was = before[name][id_]
            assert fields == ({**was, "stage": "won"} if was["name"] in changed else was)


def held_deals(lab: Lab, name: str) -> dict[str, dict[str, Any]]:
    return {
        id_: {field: one.get(field) for field in ("name", "stage", "status")}
        for id_, one in lab.tools[name].all("deals").items()
    }


def test_the_number_of_statements_does_not_depend_on_how_many_records_there_are(lab: Lab) -> None:
    lab.tool("a")
    lab.tool("sheet")
    counts = []
    for start, number in ((0, 5), (100, 60)):
        for person in people(number, start=start):
            lab.tools["sheet"].create("contacts", person)
        lab.settle()
        let_through(lab)
        lab.wait(60)
        for person in people(number, start=start):
            lab.tools["sheet"].edit("contacts", lab.find("sheet", email=person["email"]), job_title="?")
        lab.turn("sheet")
        run = latest(lab, "pull", "sheet")
        lab.settle()
        let_through(lab)
        with counted(lab.hub.store) as seen:
            undo(lab.hub, run)
        counts.append(len(seen))
        settled(lab)
    assert counts[0] == counts[1]


def test_what_a_crash_broke_off_is_finished_when_it_is_asked_for_again(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.tool("a")
    lab.tool("sheet")
    for person in people(6):
        lab.tools["sheet"].create("contacts", person)
    lab.settle()
    lab.wait(60)
    for id_ in lab.all("sheet"):
        lab.tools["sheet"].edit("contacts", id_, job_title="?")
    lab.turn("sheet")
    run = latest(lab, "pull", "sheet")
    lab.settle()
    monkeypatch.setattr("core.flow.undo.undoing.PAGE", 2)
    calls = iter(range(10))

    def dies(*args: Any) -> Any:
        if next(calls) == 2:
            raise KeyboardInterrupt
        return take_back(*args)

    with monkeypatch.context() as patch:
        patch.setattr("core.flow.undo.undoing.take_back", dies)
        with pytest.raises(KeyboardInterrupt):
            undo(lab.hub, run)
    lab.settle()
    titles = [one.get("job_title") for one in lab.tools["a"].all("contacts").values()]
    assert (titles.count("?"), titles.count(None)) == (2, 4)
    undo(lab.hub, run)
    settled(lab)
    assert everywhere(lab, "job_title") == {None}


FIELDS = ("job_title", "first_name", "last_name")


@dataclass
class Edit:
    """What a person said in a run, and whether it counts."""

    email: str
    fields: dict[str, str]
    run: int
    counts: bool = True


@pytest.mark.parametrize("play", range(4))
def test_whatever_is_undone_the_last_word_that_counts_stands_everywhere(lab: Lab, rng: Random, play: int) -> None:
    rng = Random(rng.random() + play)
    for name in ("a", "b", "c"):
        lab.tool(name)
    persons = people(4)
    for person in persons:
        lab.tools[rng.choice("abc")].create("contacts", person)
    lab.settle()
    edits: list[Edit] = []
    undone: dict[int, Edit] = {}
    for number in range(30):
        lab.wait(6 * 3_600)
        if edits and rng.random() < 0.45:
            # A run that counts is undone; of one that does not, the undo is.
            edit = rng.choice(edits)
            last = next((run for run, one in reversed(undone.items()) if one is edit), None)
            run = undo(lab.hub, edit.run if last is None else last)
            edit.counts = not edit.counts
            undone[run] = edit
        else:
            edits.append(said(lab, rng, rng.choice(persons)["email"], number))
        if rng.random() < 0.7:
            lab.settle()
    settled(lab)
    for name in lab.tools:
        for held in lab.tools[name].all("contacts").values():
            known = next(one for one in persons if one["email"] == held["email"])
            words = [one.fields for one in edits if one.email == held["email"] and one.counts]
            stands = {**known, **{field: value for one in words for field, value in one.items()}}
            assert {field: held.get(field) for field in FIELDS} == {field: stands.get(field) for field in FIELDS}


def said(lab: Lab, rng: Random, email: str, number: int) -> Edit:
    """A person says something about some fields in a tool or in the hub, and the hub hears it as one run."""
    fields = {field: f"{field} {number}" for field in rng.sample(FIELDS, rng.randint(1, 2))}
    name = rng.choice("abch")
    if name == "h":
        run = say(lab.hub, lab.record(email=email).id, fields)
    else:
        lab.turn(name)
        lab.wait(60)
        lab.tools[name].edit("contacts", lab.find(name, email=email), fields)
        lab.turn(name)
        run = latest(lab, "pull", name)
    return Edit(email, fields, run)


def test_on_the_other_store_too(tmp_path: Path, postgres_url: str) -> None:
    with Lab(tmp_path / "elsewhere", database_url=postgres_url) as lab:
        run = merged(lab)
        undo(lab.hub, run)
        settled(lab)
        assert [one.state for one in lab.records()] == [State.LIVE, State.LIVE]
        lab.tool("sheet")
        lab.settle()
        for person in people(3, start=10):
            lab.tools["sheet"].create("contacts", person)
        lab.turn("sheet")
        imported = latest(lab, "pull", "sheet")
        lab.settle()
        assert len(lab.all("b")) == 5
        lab.wait(60)
        assert plan_undo(lab.hub, imported).tools["b"].deletes == 3
        undo(lab.hub, imported)
        settled(lab)
        assert len(lab.all("b")) == 2
