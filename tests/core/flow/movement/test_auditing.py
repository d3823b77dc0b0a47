"""The audit as it runs: one edit judges one record, the clock only those whose time came, and a crash nobody twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connectors._kit.hostile.mortal import Fate, MortalStore
from core.decide.movement.hours import Hours, Span
from core.decide.movement.policy import FirstAction, Ladder, Mode, Policy, Rung, Stage, Step
from core.flow.movement import auditing
from core.flow.movement.auditing import audit
from core.mapping.filter import Filter, filter_of
from core.model.instant import DAY, HOUR, MINUTE, SECOND, iso
from core.model.locale import Locale
from core.model.shapes import SHAPES
from core.store import bindings, movement, scores
from core.store.movement import Kept
from tests.core.store.test_statements import counted
from tests.support import EVERYTHING, Lab, emptied


def fits(kind: str, **said: Any) -> Filter:
    found = filter_of(said, SHAPES[kind], Locale(), where="test")
    assert found is not None
    return found


FIRST = FirstAction("Call {name}", Span(minutes=30))
POLICY = Policy(
    hours=Hours(),
    mark="one",
    stages=(
        Stage("captured", "contact", fits("contact", lifecycle_stage="lead"), "They asked.", "captured", first=FIRST),
        Stage("open", "deal", fits("deal", status="open"), "It may be bought.", "qualified", oldest=30 * DAY),
    ),
    ladders={"usual": Ladder("usual", (Rung(Span(minutes=60), Step.REMIND, "owner"),))},
    ladder="usual",
    modes={Step.REMIND: Mode.ACT},
    escalate_to="boss@shop.example",
)


@pytest.fixture(params=["sqlite", "postgresql"])
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    url = None if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    with Lab(tmp_path, database_url=url) as made:
        made.dressed = lambda hub: replace(hub, movement=POLICY)
        made.tool("crm", mapping=EVERYTHING)
        yield made
    if url is not None:
        emptied(url)


def verdict(lab: Lab, record_id: int) -> Kept | None:
    with lab.hub.store.reading() as tx:
        return movement.of_records(tx, [record_id]).get(record_id)


def there(lab: Lab, record_id: int) -> str:
    """The elements that are there, by their first letters."""
    found = verdict(lab, record_id)
    assert found is not None
    return "".join(letter for place, letter in enumerate("oatr") if found.elements >> place & 1)


def settled(lab: Lab) -> int:
    """Sync, audit; gives how many records were judged."""
    lab.settle()
    return audit(lab.hub).judged


def lead(lab: Lab, number: int = 1, **fields: Any) -> str:
    person = {"email": f"ann{number}@shore.example", "first_name": "Ann", "stage": "lead"}
    return lab.tools["crm"].create("contacts", {**person, **fields})


def test_a_fresh_lead_gets_its_elements_one_by_one(lab: Lab) -> None:
    crm = lab.tools["crm"]
    id_ = lead(lab)
    settled(lab)
    ann = lab.record(email="ann1@shore.example").id
    assert there(lab, ann) == "r"
    owner = crm.create("owners", {"name": "Priya Nair", "email": "priya@shop.example", "active": True})
    crm.edit("contacts", id_, {"owner_id": owner})
    settled(lab)
    assert there(lab, ann) == "or"
    due = iso(lab.clock() + 20 * MINUTE)
    crm.create("activities", {"type": "task", "subject": "Call Ann", "due_at": due, "contact_ids": [id_]})
    settled(lab)
    assert there(lab, ann) == "oatr"


def test_what_is_not_done_in_time_is_found_by_the_clock_alone(lab: Lab) -> None:
    crm = lab.tools["crm"]
    id_ = lead(lab)
    due = iso(lab.clock() + 20 * MINUTE)
    crm.create("activities", {"type": "task", "subject": "Call", "due_at": due, "contact_ids": [id_]})
    settled(lab)
    ann = lab.record(email="ann1@shore.example").id
    assert there(lab, ann) == "atr"
    assert audit(lab.hub).judged == 0
    lab.wait(21 * MINUTE / SECOND)
    assert audit(lab.hub).judged == 1
    assert there(lab, ann) == "ar"
    found = verdict(lab, ann)
    assert found is not None
    assert "overdue since" in found.told["elements"][2][1]


def test_a_task_done_leaves_no_next_step(lab: Lab) -> None:
    crm = lab.tools["crm"]
    id_ = lead(lab)
    due = iso(lab.clock() + 20 * MINUTE)
    task = crm.create("activities", {"type": "task", "subject": "Call", "due_at": due, "contact_ids": [id_]})
    settled(lab)
    ann = lab.record(email="ann1@shore.example").id
    crm.edit("activities", task, {"done": True})
    settled(lab)
    assert there(lab, ann) == "r"


def test_a_step_on_the_person_serves_their_deal_unless_it_names_another(lab: Lab) -> None:
    crm = lab.tools["crm"]
    person = lead(lab)
    first = crm.create("deals", {"name": "Patio", "status": "open", "contact_ids": [person]})
    crm.create("deals", {"name": "Wall", "status": "open", "contact_ids": [person]})
    settled(lab)
    due = iso(lab.clock() + DAY)
    step = {"type": "task", "subject": "Measure", "due_at": due, "contact_ids": [person], "deal_id": first}
    crm.create("activities", step)
    settled(lab)
    patio, wall = lab.record(name="Patio").id, lab.record(name="Wall").id
    assert there(lab, patio) == "atr"
    assert there(lab, wall) == "r"
    crm.create("activities", {"type": "task", "subject": "Ring", "due_at": due, "contact_ids": [person]})
    settled(lab)
    assert there(lab, wall) == "atr"


def test_an_owner_who_leaves_takes_the_element_from_all_of_theirs(lab: Lab) -> None:
    crm = lab.tools["crm"]
    owner = crm.create("owners", {"name": "Priya Nair", "email": "priya@shop.example", "active": True})
    for number in range(40):
        lead(lab, number, owner_id=owner)
    other = crm.create("owners", {"name": "Quinn Roe", "email": "quinn@shop.example", "active": True})
    lead(lab, 99, owner_id=other)
    settled(lab)
    crm.edit("owners", owner, {"active": False})
    assert settled(lab) == 40
    lacking = {there(lab, one.id) for one in lab.records() if one.values.get("email") != "ann99@shore.example"}
    assert lacking == {"r"}


def test_what_is_won_or_gone_is_not_open(lab: Lab) -> None:
    crm = lab.tools["crm"]
    deal = crm.create("deals", {"name": "Patio", "status": "open"})
    settled(lab)
    patio = lab.record(name="Patio").id
    assert verdict(lab, patio) is not None
    crm.edit("deals", deal, {"status": "won"})
    settled(lab)
    assert verdict(lab, patio) is None


def test_an_edit_judges_what_it_concerns_and_nothing_else(lab: Lab) -> None:
    ids = [lead(lab, number) for number in range(60)]
    settled(lab)
    lab.tools["crm"].edit("contacts", ids[7], {"job_title": "Baker"})
    assert settled(lab) == 1
    assert settled(lab) == 0


def test_a_new_policy_judges_everything_anew(lab: Lab) -> None:
    for number in range(5):
        lead(lab, number)
    settled(lab)
    stage = replace(POLICY.stages[0], when=fits("contact", lifecycle_stage="customer"))
    lab.dressed = lambda hub: replace(hub, movement=replace(POLICY, mark="two", stages=(stage,)))
    lab.refreshed()
    assert audit(lab.hub).closed == 5
    with lab.hub.store.reading() as tx:
        assert scores.scores(tx, "stage", lab.clock()) == []


def test_a_policy_that_changes_in_the_middle_of_the_first_walk_misses_nothing(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [lead(lab, number) for number in range(6)]
    due = iso(lab.clock() + 20 * MINUTE)
    for id_ in ids:
        lab.tools["crm"].create("activities", {"type": "task", "subject": "Call", "due_at": due, "contact_ids": [id_]})
    lab.settle()
    monkeypatch.setattr(auditing, "PAGE", 2)
    pages = iter([None] * 2)
    monkeypatch.setattr(movement, "link", _breaking(movement.link, pages))
    with pytest.raises(RuntimeError, match="crash"):
        audit(lab.hub)
    monkeypatch.undo()
    lab.dressed = lambda hub: replace(hub, movement=replace(POLICY, mark="two"))
    lab.refreshed()
    audit(lab.hub)
    assert {there(lab, one.id) for one in lab.records()} == {"atr"}


def _breaking(link: Any, pages: Iterator[None]) -> Any:
    """The same until its pages are used up; then the hub is killed."""

    def linked(*words: Any) -> Any:
        if next(pages, "over") == "over":
            raise RuntimeError("crash")
        return link(*words)

    return linked


@pytest.mark.parametrize("write", range(1, 4))
def test_another_worker_may_come_to_the_end_in_the_midst_of_it(lab: Lab, write: int) -> None:
    lead(lab)
    lab.settle()

    def meanwhile() -> None:
        audit(lab.hub)

    fate = Fate(pauses=write, paused=meanwhile)
    audit(replace(lab.hub, store=MortalStore(lab.hub.store, fate)))
    assert there(lab, lab.record(email="ann1@shore.example").id) == "r"


def test_the_number_of_statements_does_not_depend_on_the_records(lab: Lab) -> None:
    def statements(start: int, size: int) -> int:
        for number in range(start, start + size):
            lead(lab, number)
        lab.settle()
        with counted(lab.hub.store) as seen:
            assert audit(lab.hub).judged == size
        return len(seen)

    settled(lab)
    assert statements(0, 3) == statements(100, 60)


def test_a_tick_with_nothing_due_costs_the_same_however_much_is_held(lab: Lab) -> None:
    lead(lab)
    settled(lab)
    with counted(lab.hub.store) as few:
        audit(lab.hub)
    for number in range(2, 50):
        lead(lab, number)
    settled(lab)
    with counted(lab.hub.store) as many:
        audit(lab.hub)
    assert len(few) == len(many) <= 5


def test_a_stage_that_lasts_too_long_turns_stale_by_the_clock(lab: Lab) -> None:
    lab.tools["crm"].create("deals", {"name": "Patio", "status": "open"})
    settled(lab)
    patio = lab.record(name="Patio").id
    found = verdict(lab, patio)
    assert found is not None
    assert not found.stale
    lab.wait((30 * DAY + HOUR) / SECOND)
    audit(lab.hub)
    found = verdict(lab, patio)
    assert found is not None
    assert found.stale


def test_where_a_stage_asks_for_it_only_what_came_from_another_tool_shows_it(lab: Lab) -> None:
    booked = replace(POLICY.stages[1], name="booked", evidence=("meeting",), others_only=True)
    lab.dressed = lambda hub: replace(hub, movement=replace(POLICY, stages=(booked,)))
    lab.refreshed()
    lab.tool("calendar", mapping=EVERYTHING)
    person = lead(lab)
    names = ("Patio", "Wall")
    deals = {name: lab.tools["crm"].create("deals", {"name": name, "status": "open"}) for name in names}
    settled(lab)
    starts = {"type": "meeting", "subject": "Visit", "starts_at": iso(lab.clock() + DAY)}
    lab.tools["crm"].create("activities", {**starts, "deal_id": deals["Patio"], "contact_ids": [person]})
    with lab.hub.store.reading() as tx:
        (there,) = [one.remote_id for one in bindings.of_records(tx, [lab.record(name="Wall").id])
                    if lab.hub.sources[one.stream_id] == "calendar"]  # fmt: skip
    lab.tools["calendar"].create("activities", {**starts, "subject": "Look", "deal_id": there})
    settled(lab)
    found = {name: verdict(lab, lab.record(name=name).id) for name in names}
    assert {name: one.shown if one else None for name, one in found.items()} == {"Patio": 0, "Wall": 1}


def test_who_says_what_is_looked_up_by_the_same_statements_however_many_records(lab: Lab) -> None:
    stage = replace(POLICY.stages[0], evidence=("asked",), others_only=True)
    lab.dressed = lambda hub: replace(hub, movement=replace(POLICY, stages=(stage,)))
    lab.refreshed()

    def statements(start: int, size: int) -> int:
        for number in range(start, start + size):
            lead(lab, number)
        lab.settle()
        with counted(lab.hub.store) as seen:
            audit(lab.hub)
        return len(seen)

    settled(lab)
    assert statements(0, 3) == statements(100, 40)
