"""The scorecard's figures: each number is as long as the list behind it, and a day is kept once."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.decide.movement.hours import Hours
from core.decide.movement.policy import Mode, Policy, Stage, Step
from core.flow.movement.auditing import audit
from core.flow.movement.following import follow
from core.flow.movement.scoring import KEPT, figures, groups, keep_day
from core.model.instant import DAY, HOUR, MINUTE, SECOND, instant, iso, moment
from core.store import movement, scorecards, scores
from core.store.scores import GROUPS, MARKS, Asked
from tests.core.flow.movement.test_auditing import POLICY as USUAL
from tests.core.flow.movement.test_auditing import fits
from tests.core.store.test_statements import counted
from tests.support import EVERYTHING, Lab, emptied

POLICY = replace(
    USUAL,
    hours=Hours("Europe/London"),
    stages=(
        replace(USUAL.stages[0], evidence=("asked", "replied")),
        Stage("open", "deal", fits("deal", status="open"), "It may be bought.", "qualified", oldest=30 * DAY),
        Stage(
            "won", "deal", fits("deal", status="won"), "They paid.", "delivered", evidence=("payment",), open=False
        ),
    ),
    modes={Step.REMIND: Mode.ACT},
)  # fmt: skip

MAPPING = EVERYTHING.replace(
    "    asked: {field: asked}\n", "    asked: {field: asked}\n    created_at: {field: created_at, direction: in}\n"
)


@pytest.fixture(params=["sqlite", "postgresql"])
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    url = None if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    with Lab(tmp_path, database_url=url, tick=0) as made:
        made.dressed = lambda hub: replace(hub, movement=POLICY)
        made.tool("crm", mapping=MAPPING)
        yield made
    if url is not None:
        emptied(url)


def settled(lab: Lab) -> None:
    lab.settle()
    audit(lab.hub)


def lead(lab: Lab, name: str, **fields: Any) -> str:
    person = {"email": f"{name.lower()}@shore.example", "first_name": name, "stage": "lead"}
    return lab.tools["crm"].create("contacts", {**person, **fields})


def task(lab: Lab, contact: str, minutes: int) -> str:
    due = iso(lab.clock() + minutes * MINUTE)
    said = {"type": "task", "subject": "Call", "due_at": due, "contact_ids": [contact]}
    return lab.tools["crm"].create("activities", said)


def whole(lab: Lab) -> dict[str, Any]:
    with lab.hub.store.reading() as tx:
        return figures(tx, lab.clock())


def titles(lab: Lab, **asked: Any) -> set[str]:
    """First names of those in the list behind a number."""
    with lab.hub.store.reading() as tx:
        found = scores.find(tx, Asked(**asked), lab.clock())
    names = {one.id: str(one.values.get("first_name") or one.values.get("name")) for one in _records(lab)}
    return {names[one.record_id] for one in found}


def _records(lab: Lab) -> list[Any]:
    return [*lab.records("contact"), *lab.records("deal")]


def mixed(lab: Lab, many: int, seed: int) -> None:
    """People and deals of all sorts, from two tools; some are overdue, some stalled and reminded of."""
    chance = random.Random(seed)
    other = lab.tool("other", mapping=EVERYTHING)
    owner = lab.tools["crm"].create("owners", {"name": "Priya", "email": "priya@shop.example", "active": True})
    for number in range(many):
        said = {
            "source": chance.choice(["web", "phone", None]),
            "owner_id": chance.choice([owner, None]),
            "asked": chance.choice(["A quote", None]),
        }
        id_ = lead(lab, f"Lead{number}", **said)
        if number % 3 == 0:
            other.create("contacts", {"email": f"lead{number}@shore.example"})
        if chance.random() < 0.6:
            task(lab, id_, chance.choice([20, 200, 100_000]))
        status = chance.choice(["open", "won", "lost"])
        lab.tools["crm"].create("deals", {"name": f"Deal{number}", "status": status, "contact_ids": [id_]})
    settled(lab)
    lab.wait(3 * HOUR / SECOND)
    audit(lab.hub)
    follow(lab.hub)
    settled(lab)


def test_each_number_is_as_long_as_the_list_behind_it(lab: Lab, seed: int) -> None:
    mixed(lab, 24, seed)
    now, none_of = lab.clock(), {None: "owner", "": "source"}
    seen = set()
    with lab.hub.store.reading() as tx:
        for by in (*GROUPS, "tool"):
            for one in scores.scores(tx, by, now):
                names = {"owner_id" if by == "owner" else by: one.key} if one.key not in none_of else {"none": by}
                for mark in MARKS:
                    behind = scores.find(tx, Asked(only=mark, **names), now)
                    assert len(behind) == one.counts[mark], f"{by} {one.key} {mark}"
                    seen |= {mark} if behind else set()
        (every,) = scores.scores(tx, None, now)
        for mark in MARKS:
            assert len(scores.find(tx, Asked(only=mark), now)) == every.counts[mark]
    assert {"open", "overdue", "unworked", "climbed", "stalled", "shown", "unshown", "unreal"} <= seen


def test_a_card_costs_the_same_statements_however_many_records(lab: Lab, seed: int) -> None:
    def statements() -> int:
        with counted(lab.hub.store) as seen, lab.hub.store.reading() as tx:
            figures(tx, lab.clock())
            for by in (*GROUPS, "tool"):
                groups(tx, by, lab.clock())
            scores.recoveries(tx, lab.clock())
        return len(seen)

    settled(lab)
    few = statements()
    mixed(lab, 20, seed)
    assert statements() == few


def test_an_action_is_overdue_once_its_time_has_passed_and_no_more_when_it_is_done(lab: Lab) -> None:
    done = task(lab, lead(lab, "Ann"), 20)
    task(lab, lead(lab, "Bob"), 50)
    settled(lab)
    assert whole(lab)["overdue"] == 0
    lab.wait(60 * 60)
    audit(lab.hub)
    assert titles(lab, only="overdue") == {"Ann", "Bob"}
    assert whole(lab)["overdue_hours"] == {"p50": 0.2, "oldest": 0.7}
    lab.tools["crm"].edit("activities", done, {"done": True})
    settled(lab)
    assert titles(lab, only="overdue") == {"Bob"}, "what is done is not overdue, though nothing follows it"


def test_a_lead_is_unworked_from_its_first_day_until_anybody_says_a_word(lab: Lab) -> None:
    crm = lab.tools["crm"]
    ann, bob = lead(lab, "Ann"), lead(lab, "Bob")
    settled(lab)
    lab.wait(2 * DAY / SECOND)
    stages = (replace(POLICY.stages[0], name="asked twice"), *POLICY.stages[1:])
    lab.dressed = lambda hub: replace(hub, movement=replace(POLICY, mark="two", stages=stages))
    lab.refreshed()
    crm.edit("contacts", ann, {"asked": "Are you there?"})
    settled(lab)
    lab.wait(DAY / SECOND)
    lead(lab, "Cy")
    settled(lab)
    assert whole(lab)["unworked"] == 3
    assert whole(lab)["unworked_hours"] == {"p50": 72.0, "oldest": 72.0}
    for id_ in (ann, bob):
        said = {"type": "email", "subject": "Hello", "starts_at": iso(lab.clock()), "contact_ids": [id_]}
        crm.create("activities", {**said, "done": True})
    settled(lab)
    assert titles(lab, only="unworked") == {"Cy"}


def test_the_share_of_stages_that_show_their_evidence_counts_closed_ones_too(lab: Lab) -> None:
    lead(lab, "Ann", asked="A quote")
    lead(lab, "Bob")
    crm = lab.tools["crm"]
    crm.create("deals", {"name": "Patio", "status": "won"})
    crm.create("deals", {"name": "Wall", "status": "open"})
    settled(lab)
    found = whole(lab)
    assert (found["claimed"], found["shown"], found["unshown"]) == (3, 1, 2)
    assert titles(lab, only="unshown") == {"Bob", "Patio"}
    assert titles(lab, only="shown") == {"Ann"}


def test_recovery_is_told_by_what_became_of_those_it_stepped_in_for(lab: Lab) -> None:
    crm = lab.tools["crm"]
    names = ("Ann", "Bob", "Cy")
    ids = {name: lead(lab, name) for name in names}
    for id_ in ids.values():
        task(lab, id_, 20)
    settled(lab)
    with lab.hub.store.reading() as tx:
        assert [one.taken for one in scores.recoveries(tx, lab.clock())] == [0]
    lab.wait(2 * HOUR / SECOND)
    audit(lab.hub)
    assert follow(lab.hub).taken == {"remind": 3}
    settled(lab)
    assert titles(lab, only="stalled") == {*names}
    task(lab, ids["Ann"], 24 * 60)
    crm.edit("contacts", ids["Bob"], {"stage": "customer"})
    settled(lab)
    with lab.hub.store.reading() as tx:
        every, remind = scores.recoveries(tx, lab.clock())
    assert every[1:] == remind[1:] == (3, 3, 0, 2), "a task alone outside the window answers nobody"
    said = {"type": "call", "subject": "Rang", "starts_at": iso(lab.clock()), "contact_ids": [ids["Ann"]]}
    crm.create("activities", {**said, "done": True})
    settled(lab)
    with lab.hub.store.reading() as tx:
        every, remind = scores.recoveries(tx, lab.clock())
    assert (remind.step, every.taken, every.records, every.recovered, every.stalled) == ("remind", 3, 3, 1, 1)
    assert titles(lab, only="recovered", step="remind") == {"Ann"}
    assert titles(lab, only="stalled", step="remind") == {"Cy"}
    assert titles(lab, step="escalate") == set()
    lab.wait(31 * DAY / SECOND)
    audit(lab.hub)
    with lab.hub.store.reading() as tx:
        assert [one.taken for one in scores.recoveries(tx, lab.clock())] == [0], "long ago is not told any more"


def test_a_day_is_kept_once_and_forgotten_after_thirteen_months(lab: Lab) -> None:
    lead(lab, "Ann")
    settled(lab)
    assert keep_day(lab.hub)
    assert not keep_day(lab.hub)
    today = POLICY.hours.day_of(lab.clock())
    lead(lab, "Bob")
    lab.wait(DAY / SECOND)
    settled(lab)
    assert keep_day(lab.hub)
    with lab.hub.store.reading() as tx:
        first, second = scorecards.since(tx, today)
        assert (first.day, first.figures["open"], second.figures["open"]) == (today, 1, 2)
        assert second.figures["owner"] == 0
    lab.wait(KEPT * DAY / SECOND)
    assert keep_day(lab.hub)
    with lab.hub.store.reading() as tx:
        days = [one.day for one in scorecards.since(tx, "")]
    assert days == [second.day, POLICY.hours.day_of(lab.clock())]
    assert date.fromisoformat(days[1]) - date.fromisoformat(days[0]) == timedelta(days=KEPT)


def test_keeping_a_day_costs_the_same_statements_and_looking_whether_it_is_kept_one(lab: Lab, seed: int) -> None:
    settled(lab)
    with counted(lab.hub.store) as few:
        assert keep_day(lab.hub)
    mixed(lab, 12, seed)
    lab.wait(DAY / SECOND)
    audit(lab.hub)
    with counted(lab.hub.store) as many:
        assert keep_day(lab.hub)
    assert len(many) == len(few)
    with counted(lab.hub.store) as again:
        assert not keep_day(lab.hub)
    assert len([one for one in again if one.startswith("SELECT")]) == 1


def test_nothing_is_kept_where_nothing_is_asked(lab: Lab) -> None:
    lab.dressed = lambda hub: replace(hub, movement=Policy())
    lab.refreshed()
    assert not keep_day(lab.hub)


def test_weeks_and_days_are_those_of_the_clock_on_the_wall() -> None:
    hours = Hours("Pacific/Auckland")
    at = instant(moment(0).replace(year=2027, month=1, day=3, hour=12))
    assert Hours().week_of(at) == "2026-W53"
    assert hours.week_of(at) == "2027-W01"
    assert (Hours().day_of(at), hours.day_of(at)) == ("2027-01-03", "2027-01-04")


def test_records_are_counted_by_the_week_in_which_they_came_in(lab: Lab) -> None:
    lead(lab, "Ann", created_at="2025-11-24T09:00:00Z")
    lead(lab, "Bob", created_at="2025-11-30T23:59:00Z")
    lead(lab, "Cy", created_at="2025-12-01T00:00:00Z")
    settled(lab)
    with lab.hub.store.reading() as tx:
        found = {one.key: one.figures["open"] for one in groups(tx, "week", lab.clock())}
    assert list(found.items()) == [("2025-W49", 1), ("2025-W48", 2)], "the newest first"
    assert titles(lab, week="2025-W48") == {"Ann", "Bob"}


def test_the_figures_of_a_verdict_are_found_again_as_they_were_kept(lab: Lab) -> None:
    lead(lab, "Ann", asked="A quote")
    settled(lab)
    with lab.hub.store.reading() as tx:
        (one,) = movement.after(tx, 0, 10)
    assert (one.shown, one.overdue_since, one.unworked_since, one.week) == (
        1, None, one.since, POLICY.hours.week_of(lab.clock()),
    )  # fmt: skip
