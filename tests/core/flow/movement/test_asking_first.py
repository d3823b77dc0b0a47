"""Steps that are asked first: whoever owns the record decides, and what they decide happens once and can be undone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.decide.movement.policy import Mode, Policy, Step
from core.flow.movement.auditing import audit
from core.flow.movement.following import follow
from core.flow.reviews.answering import answer, answers
from core.flow.undo.undoing import undo
from core.model.instant import HOUR, MINUTE, SECOND
from core.store import movement, runs
from core.store.reviews import Review
from tests.core.decide.movement.policies import iso_at
from tests.core.flow.movement.test_following import MAPPING, RULED
from tests.support import Lab, emptied

ASKED = replace(RULED, mark="asked", modes=dict.fromkeys(Step, Mode.ASK))


@pytest.fixture(params=["sqlite", "postgresql"])
def lab(request: pytest.FixtureRequest, tmp_path: Path, free_streams: None) -> Iterator[Lab]:
    url = None if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    with Lab(tmp_path, database_url=url, start=iso_at("2026-05-01 10:00"), tick=0) as made:
        under(made, ASKED)
        made.tool("crm", mapping=MAPPING)
        made.tools["crm"].create(
            "owners", {"name": "Priya", "email": "priya@shop.example", "active": True, "team": "Sales"}
        )
        yield made
    if url is not None:
        emptied(url)


def under(lab: Lab, policy: Policy) -> None:
    lab.dressed = lambda hub: replace(hub, movement=policy)


def go(lab: Lab) -> None:
    lab.settle()
    audit(lab.hub)
    follow(lab.hub)
    lab.settle()
    audit(lab.hub)


def later(lab: Lab, time: int) -> None:
    lab.wait(time / SECOND)
    go(lab)


def asked(lab: Lab) -> dict[str, Review]:
    return {one.field: one for one in lab.reviews("step")}


def tasks(lab: Lab) -> list[str]:
    return [str(one["subject"]) for one in lab.tools["crm"].all("activities").values() if not one.get("done")]


def ann(lab: Lab, **fields: Any) -> None:
    lab.tools["crm"].create("contacts", {"email": "ann@shore.example", "first_name": "Ann", "stage": "lead", **fields})
    go(lab)


def test_each_step_is_a_question_with_an_owner_and_a_time_and_nothing_is_done_by_itself(lab: Lab) -> None:
    ann(lab)
    assert list(asked(lab)) == ["assign", "task captured"]
    assert asked(lab)["assign"].subject["to"] == "priya@shop.example"
    assert asked(lab)["assign"].due_at == lab.clock() + 4 * HOUR
    assert tasks(lab) == []
    go(lab)
    assert len(asked(lab)) == 2
    assert follow(lab.hub).counts() == {}, "who is asked already is not asked with every round"


def test_what_is_agreed_to_happens_once_and_what_is_left_is_not_asked_again(lab: Lab) -> None:
    ann(lab)
    assert answers(asked(lab)["assign"]) == ("do", "leave")
    answer(lab.hub, asked(lab)["assign"], "do")
    go(lab)
    (held,) = lab.tools["crm"].all("contacts").values()
    assert held["owner_id"] is not None
    assert list(asked(lab)) == ["task captured"]
    answer(lab.hub, asked(lab)["task captured"], "leave")
    go(lab)
    assert (asked(lab), tasks(lab)) == ({}, [])


def test_a_rung_is_put_to_whoever_owns_the_record_and_climbed_on_their_word(lab: Lab) -> None:
    (priya,) = lab.tools["crm"].all("owners")
    ann(lab, owner_id=priya)
    answer(lab.hub, asked(lab)["task captured"], "do")
    go(lab)
    assert tasks(lab) == ["Call Ann:"]
    later(lab, 80 * MINUTE)
    (rung,) = asked(lab).values()
    assert (rung.field, rung.owner) == ("remind usual", "priya@shop.example")
    kept = verdict(lab)
    assert kept.elements & 8, "a ladder that asks first is armed: the question has an owner and a time"
    answer(lab.hub, rung, "do")
    go(lab)
    assert sorted(tasks(lab)) == ["Call Ann:", "Still to do: Ann"]


def test_a_question_closes_when_somebody_has_done_it_meanwhile(lab: Lab) -> None:
    ann(lab)
    (priya,) = lab.tools["crm"].all("owners")
    (id_,) = lab.tools["crm"].all("contacts")
    lab.wait(60)
    lab.tools["crm"].edit("contacts", id_, {"owner_id": priya})
    go(lab)
    assert list(asked(lab)) == ["task captured"]


def test_an_answer_that_is_undone_puts_the_question_again(lab: Lab) -> None:
    ann(lab)
    run = answer(lab.hub, asked(lab)["task captured"], "do")
    go(lab)
    assert tasks(lab) == ["Call Ann:"]
    lab.wait(60)
    undo(lab.hub, run)
    go(lab)
    assert tasks(lab) == []
    assert sorted(asked(lab)) == ["assign", "task captured"]
    answer(lab.hub, asked(lab)["task captured"], "do")
    go(lab)
    assert tasks(lab) == ["Call Ann:"]


def test_a_round_that_is_undone_takes_its_tasks_back_and_does_not_set_them_down_again(lab: Lab) -> None:
    under(lab, RULED)
    lab.refreshed()
    ann(lab)
    assert tasks(lab) == ["Call Ann:"]
    with lab.hub.store.reading() as tx:
        (run,) = [one for one in runs.recent(tx, limit=100) if one.what == "follow_through"]
    lab.wait(60)
    undo(lab.hub, run.id)
    go(lab)
    assert tasks(lab) == []
    go(lab)
    assert tasks(lab) == []
    (held,) = lab.tools["crm"].all("contacts").values()
    assert not held.get("owner_id")


def verdict(lab: Lab) -> movement.Kept:
    (record,) = lab.records()
    with lab.hub.store.reading() as tx:
        return movement.of_records(tx, [record.id])[record.id]
