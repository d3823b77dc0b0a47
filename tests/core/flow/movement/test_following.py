"""Follow-through as stories: the clock goes on, and what is owed to a lead that nobody looks after happens, once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.decide.movement.policy import Assignment, Mode, Step
from core.flow.erasure.erasing import erase
from core.flow.movement.auditing import audit
from core.flow.movement.following import Followed, follow
from core.flow.restored.setting_back import set_back
from core.flow.undo.undoing import undo
from core.mapping.filter import Filter
from core.model.instant import DAY, SECOND, Instant, from_iso, iso
from core.ports import Fields
from core.store import movement, runs, steps
from core.store.movement import Kept
from core.store.steps import Taken
from tests.core.decide.movement.policies import POLICY, at, iso_at
from tests.core.store.test_statements import counted
from tests.remains import remains
from tests.support import EVERYTHING, Lab, emptied

MORE = """    status: {field: status}
    direction: {field: direction}
    outcome: {field: outcome}
    tags: {field: tags}
"""
OWNERS = """    manager: {field: manager_id, ref: owner}
    team: {field: team}
"""
DOCUMENTS = """
documents:
  as: document
  fields:
    name: {field: name}
    type: {field: type}
    status: {field: status}
    sent_at: {field: sent_at}
    contacts: {field: contact_ids, ref: contact}
    deal: {field: deal_id, ref: deal}
"""
MAPPING = (
    EVERYTHING.replace("    active: {field: active}\n", f"    active: {{field: active}}\n{OWNERS}") + MORE + DOCUMENTS
)
ANYBODY = Filter(())
_USUAL = POLICY.ladders["usual"]
LADDER = _USUAL._replace(rungs=tuple(one._replace(to="") if one.do is Step.REASSIGN else one for one in _USUAL.rungs))
"""Whoever ownership names gets it in the end, not the manager."""
RULED = replace(
    POLICY,
    assignments=tuple(Assignment(f"everybody ({kind})", kind, ANYBODY, team="Sales") for kind in ("contact", "deal")),
)


@pytest.fixture(params=["sqlite", "postgresql"])
def lab(request: pytest.FixtureRequest, tmp_path: Path, free_streams: None) -> Iterator[Lab]:
    url = None if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    with Lab(tmp_path, database_url=url, start=iso_at("2026-05-01 10:00"), tick=0) as made:
        made.dressed = lambda hub: replace(hub, movement=RULED)
        made.tool("crm", mapping=MAPPING)
        yield made
    if url is not None:
        emptied(url)


def person(lab: Lab, name: str, **fields: Any) -> str:
    email = f"{name.lower()}@shop.example"
    return lab.tools["crm"].create("owners", {"name": name, "email": email, "active": True, "team": "Sales", **fields})


def put(lab: Lab, stream: str, **fields: Any) -> str:
    return lab.tools["crm"].create(stream, fields)


def run(lab: Lab, until: str | None = None) -> Counter[str]:
    """Sync, judge and follow through until nothing more is done, at this moment or on the way to another one."""
    done: Counter[str] = Counter()
    end = at(until) if until else lab.clock()
    while True:
        while step := _round(lab).taken:
            done += step
        with lab.hub.store.reading() as tx:
            following = movement.next_due(tx)
        if following is None or following > end:
            break
        _wait_until(lab, following)
    _wait_until(lab, end)
    return done


def _round(lab: Lab) -> Followed:
    lab.settle()
    audit(lab.hub)
    done = follow(lab.hub)
    lab.settle()
    audit(lab.hub)
    return done


def _wait_until(lab: Lab, moment: Instant) -> None:
    lab.wait(max(0, moment - lab.clock()) / SECOND)


def tasks(lab: Lab) -> list[Fields]:
    """What the tool holds to be done."""
    return [one for one in lab.tools["crm"].all("activities").values() if not one.get("done") and one.get("due_at")]


def kept(lab: Lab, record_id: int) -> Kept:
    with lab.hub.store.reading() as tx:
        return movement.of_records(tx, [record_id])[record_id]


def taken(lab: Lab, record_id: int) -> list[Taken]:
    with lab.hub.store.reading() as tx:
        return steps.steps_of(tx, [record_id])


def ann(lab: Lab, **fields: Any) -> str:
    return put(lab, "contacts", email="ann@shore.example", first_name="Ann", stage="lead", **fields)


def test_a_web_lead_at_two_in_the_night_of_a_holiday_is_somebodys_in_the_morning(lab: Lab) -> None:
    priya = person(lab, "Priya")
    run(lab, "2026-05-04 02:00")
    ann(lab, asked="Quote for a patio", source="web")
    assert run(lab) == {Step.ASSIGN: 1, Step.TASK: 1}
    (held,) = lab.tools["crm"].all("contacts").values()
    assert held["owner_id"] == priya
    (task,) = tasks(lab)
    assert (task["subject"], task["owner_id"]) == ("Call Ann: Quote for a patio", priya)
    assert task["due_at"] == iso_at("2026-05-05 09:15"), "fifteen working minutes after the day after the holiday opens"
    assert kept(lab, lab.record(email="ann@shore.example").id).score == 4


def test_a_missed_call_two_minutes_before_closing_is_called_back_in_the_morning(lab: Lab) -> None:
    priya = person(lab, "Priya")
    id_ = put(lab, "contacts", email="ann@shore.example", first_name="Ann", stage="customer", owner_id=priya)
    run(lab, "2026-05-01 16:58")
    call = {"type": "call", "direction": "inbound", "outcome": "missed", "starts_at": iso_at("2026-05-01 16:58")}
    put(lab, "activities", subject="Missed call", contact_ids=[id_], **call)
    assert run(lab, "2026-05-01 17:30") == {Step.TASK: 1}
    (task,) = tasks(lab)
    assert (task["type"], task["subject"], task["owner_id"]) == ("call", "Call Ann back", priya)
    assert task["due_at"] == iso_at("2026-05-05 09:58")
    assert run(lab, "2026-05-05 12:00") == {}, "a missed call is one occasion"


def test_an_estimate_without_a_reply_is_asked_about_once(lab: Lab) -> None:
    priya = person(lab, "Priya")
    id_ = put(lab, "contacts", email="ann@shore.example", first_name="Ann", stage="customer", owner_id=priya)
    sent = {"type": "estimate", "status": "sent", "sent_at": iso_at("2026-05-01 10:00")}
    put(lab, "documents", name="Estimate", contact_ids=[id_], **sent)
    assert run(lab, "2026-05-04 09:59") == {}
    assert run(lab, "2026-05-04 10:00") == {Step.TASK: 1}
    (task,) = tasks(lab)
    assert task["subject"] == "Ask Ann about the estimate"
    assert run(lab, "2026-05-08 10:00") == {}


def test_somebody_who_did_not_come_is_offered_another_time(lab: Lab) -> None:
    priya = person(lab, "Priya")
    id_ = put(lab, "contacts", email="ann@shore.example", first_name="Ann", stage="customer", owner_id=priya)
    when = {"starts_at": iso_at("2026-05-01 11:00"), "ends_at": iso_at("2026-05-01 12:00")}
    visit = put(lab, "activities", type="meeting", subject="Visit", status="planned", contact_ids=[id_], **when)
    assert run(lab, "2026-05-01 12:00") == {}
    lab.tools["crm"].edit("activities", visit, {"status": "no_show"})
    assert run(lab) == {Step.TASK: 1}
    assert [one["subject"] for one in tasks(lab)] == ["Offer Ann another time"]


def test_the_leads_of_an_owner_who_leaves_are_shared_among_those_who_are_there(lab: Lab) -> None:
    priya, quinn, rob = (person(lab, name) for name in ("Priya", "Quinn", "Rob"))
    for number in range(400):
        put(
            lab,
            "contacts",
            email=f"lead{number}@shore.example",
            first_name=f"Lead{number}",
            stage="lead",
            owner_id=priya,
        )
    assert run(lab) == {Step.TASK: 400}
    lab.tools["crm"].edit("owners", priya, {"active": False})
    assert run(lab) == {Step.ASSIGN: 400}
    held = Counter(one["owner_id"] for one in lab.tools["crm"].all("contacts").values())
    assert held == {quinn: 200, rob: 200}
    assert run(lab) == {}


def test_a_lead_that_comes_back_after_a_year_is_a_new_occasion(lab: Lab) -> None:
    priya = person(lab, "Priya")
    id_ = ann(lab, asked="Quote for a patio", owner_id=priya)
    assert run(lab) == {Step.TASK: 1}
    (first,) = tasks(lab)
    run(lab, "2026-05-01 10:05")
    for task in lab.tools["crm"].all("activities"):
        lab.tools["crm"].edit("activities", task, {"done": True})
    lab.tools["crm"].edit("contacts", id_, {"stage": "other"})
    assert run(lab, "2027-05-03 10:00") == {}
    wrote = {"type": "email", "direction": "inbound", "starts_at": iso_at("2027-05-03 10:00")}
    put(lab, "activities", subject="Is it still on?", contact_ids=[id_], **wrote)
    lab.tools["crm"].edit("contacts", id_, {"stage": "lead"})
    assert run(lab) == {Step.TASK: 1}
    (again,) = tasks(lab)
    assert again["due_at"] == iso_at("2027-05-03 10:15") != first["due_at"]


def test_what_stalls_is_reminded_escalated_and_given_to_somebody_else(lab: Lab) -> None:
    boss = person(lab, "Boss", team="Management")
    priya = person(lab, "Priya", manager_id=boss)
    quinn = person(lab, "Quinn")
    lab.dressed = lambda hub: replace(
        hub, movement=replace(RULED, ladders={"usual": LADDER}, reactivate=(), hand_offs=())
    )
    lab.refreshed()
    id_ = ann(lab, asked="Quote", owner_id=priya)
    done = run(lab, "2026-05-20 10:00")
    assert done == {Step.TASK: 1, Step.REMIND: 1, Step.ESCALATE: 1, Step.REASSIGN: 1}
    by_subject = {one["subject"]: one["owner_id"] for one in tasks(lab)}
    assert by_subject == {"Call Ann: Quote": priya, "Still to do: Ann": priya, "Ann: escalate": boss}
    assert lab.held("crm", id_)["owner_id"] == quinn
    climbed = [(one.step, iso(one.at)) for one in taken(lab, lab.record(email="ann@shore.example").id)]
    assert climbed == [
        ("task", iso_at("2026-05-01 10:00")),
        ("remind", iso_at("2026-05-01 11:15")),
        ("escalate", iso_at("2026-05-01 15:15")),
        ("reassign", iso_at("2026-05-05 15:15")),
    ]


def test_an_owner_who_leaves_when_it_is_to_be_given_on_anyway_is_followed_by_one_other(lab: Lab) -> None:
    boss = person(lab, "Boss", team="Management")
    priya, *others = person(lab, "Priya", manager_id=boss), person(lab, "Quinn"), person(lab, "Rosa")
    lab.dressed = lambda hub: replace(
        hub, movement=replace(RULED, ladders={"usual": LADDER}, reactivate=(), hand_offs=())
    )
    lab.refreshed()
    id_ = ann(lab, asked="Quote", owner_id=priya)
    run(lab, "2026-05-05 15:00")
    _wait_until(lab, at("2026-05-05 15:20"))
    lab.tools["crm"].edit("owners", priya, {"active": False})
    assert run(lab) == {Step.ASSIGN: 1, Step.REASSIGN: 1}
    (owner,) = {one.made_id for one in taken(lab, lab.record(email="ann@shore.example").id) if "assign" in one.step}
    assert lab.held("crm", id_)["owner_id"] in others
    assert owner == lab.record(email="ann@shore.example").values["owner"]


def test_a_reminder_is_done_with_when_what_it_reminds_of_is(lab: Lab) -> None:
    priya = person(lab, "Priya")
    ann(lab, owner_id=priya)
    run(lab, "2026-05-01 11:20")
    assert sorted(str(one["subject"]) for one in tasks(lab)) == ["Call Ann:", "Still to do: Ann"]
    crm = lab.tools["crm"]
    (call,) = [id_ for id_, one in crm.all("activities").items() if one["subject"] == "Call Ann:"]
    crm.edit("activities", call, {"done": True})
    (id_,) = crm.all("contacts")
    spoken = {"type": "call", "direction": "outbound", "done": True, "starts_at": iso(lab.clock())}
    put(lab, "activities", subject="Spoke with Ann", contact_ids=[id_], **spoken)
    put(lab, "activities", type="task", subject="Send a quote", contact_ids=[id_], due_at=iso(lab.clock() + DAY))
    run(lab)
    assert [one["subject"] for one in tasks(lab)] == ["Send a quote"]
    with lab.hub.store.reading() as tx:
        assert [one.counts for one in runs.recent(tx, limit=100) if "over" in one.counts] == [{"over": 1}]


def test_a_reminder_about_what_is_closed_is_done_with_and_one_that_somebody_wrote_stays(lab: Lab) -> None:
    priya = person(lab, "Priya")
    id_ = ann(lab, owner_id=priya)
    own = {"type": "task", "subject": "My own", "tags": ["reminder"], "contact_ids": [id_], "done": False}
    put(lab, "activities", **own, due_at=iso(lab.clock()))
    run(lab, "2026-05-01 11:20")
    assert "Still to do: Ann" in {one["subject"] for one in tasks(lab)}
    lab.tools["crm"].edit("contacts", id_, {"stage": "customer"})
    run(lab)
    assert sorted(str(one["subject"]) for one in tasks(lab)) == ["Call Ann:", "My own"]


def test_the_ladder_is_climbed_though_its_first_rung_is_taken_back_before_anybody_looks(lab: Lab) -> None:
    boss = person(lab, "Boss", team="Management")
    ann(lab, asked="Quote", owner_id=person(lab, "Priya", manager_id=boss))
    assert run(lab) == {Step.TASK: 1}
    lab.wait(2 * DAY / SECOND)
    audit(lab.hub)
    assert follow(lab.hub).taken == {Step.REMIND: 1}
    with lab.hub.store.reading() as tx:
        (reminded, *_) = [one for one in runs.recent(tx, limit=10) if one.what == "follow_through"]
    undo(lab.hub, reminded.id)
    assert run(lab) == {Step.ESCALATE: 1}
    assert run(lab) == {}


def test_nothing_is_done_that_is_off_dry_or_asked_first(lab: Lab) -> None:
    for mode in (Mode.OFF, Mode.DRY, Mode.ASK):
        policy = replace(RULED, mark=str(mode), modes=dict.fromkeys(Step, mode))
        lab.dressed = lambda hub, policy=policy: replace(hub, movement=policy)  # type: ignore[misc]
        lab.refreshed()
        ann(lab)
        assert run(lab, iso(lab.clock() + DAY)[:16].replace("T", " ")) == {}
    assert tasks(lab) == []


def test_whom_nobody_could_be_found_for_gets_the_first_who_is_there(lab: Lab) -> None:
    ann(lab)
    assert run(lab, "2026-05-01 10:10") == {Step.TASK: 1}
    priya = person(lab, "Priya")
    assert run(lab) == {Step.ASSIGN: 1}
    (held,) = lab.tools["crm"].all("contacts").values()
    assert held["owner_id"] == priya


def test_a_crash_at_any_place_takes_no_step_twice(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    person(lab, "Priya")
    for number in range(3):
        put(lab, "contacts", email=f"lead{number}@shore.example", first_name=f"Lead{number}", stage="lead")
    lab.settle()
    audit(lab.hub)
    for where, place in ((steps, "take"), (movement, "settle_steps"), (movement, "look_again")):
        with monkeypatch.context() as broken:
            broken.setattr(where, place, _crash)
            with pytest.raises(RuntimeError, match="crash"):
                follow(lab.hub)
        assert [one for row in lab.records() for one in taken(lab, row.id)] == []
    assert run(lab) == {Step.ASSIGN: 3, Step.TASK: 3}
    assert len(tasks(lab)) == 3
    assert from_iso(tasks(lab)[0]["due_at"]) > lab.clock()


def test_the_number_of_statements_does_not_depend_on_the_records(lab: Lab) -> None:
    person(lab, "Priya")

    def statements(start: int, size: int) -> int:
        for number in range(start, start + size):
            put(lab, "contacts", email=f"lead{number}@shore.example", first_name=f"Lead{number}", stage="lead")
        lab.settle()
        audit(lab.hub)
        with counted(lab.hub.store) as seen:
            assert follow(lab.hub).taken == {Step.ASSIGN: size, Step.TASK: size}
        return len(seen)

    run(lab)
    assert statements(0, 3) == statements(100, 60)


def test_the_tasks_of_somebody_who_is_erased_go_with_them(lab: Lab) -> None:
    person(lab, "Priya")
    ann(lab, asked="A quote for my patio in Elm Road")
    assert run(lab) == {Step.ASSIGN: 1, Step.TASK: 1}
    erase(lab.hub, lab.record(email="ann@shore.example").id)
    lab.refreshed()
    lab.settle()
    assert tasks(lab) == []
    assert remains(lab.hub.store, ["Elm Road"]) == []
    assert run(lab, "2026-05-08 10:00") == {}


def _crash(*_: object) -> None:
    raise RuntimeError("crash")


def test_after_the_database_was_set_back_what_may_be_done_already_is_asked_about_for_a_week(lab: Lab) -> None:
    person(lab, "Priya")
    ann(lab, asked="Quote for a patio", source="web")
    lab.settle()
    lab.wait(60)
    set_back(lab.hub, {"by": "test"})
    audit(lab.hub)
    assert follow(lab.hub) == Followed(), "nothing before everything is read"
    assert run(lab) == {}
    assert {one.what for one in lab.reviews("step")} == {"step"}
    asked = lab.reviews("step")
    assert run(lab, "2026-05-04 12:00") == {}
    assert [one.id for one in lab.reviews("step")][: len(asked)] == [one.id for one in asked]
    assert _round(lab).counts() == {}, "what is asked is asked once"
    put(lab, "contacts", email="bea@shore.example", first_name="Bea", stage="lead", source="web")
    assert run(lab)[Step.ASSIGN] == 1, "what came since is followed through"
    lab.wait(8 * 86_400)
    lab.tools["crm"].edit("contacts", lab.find("crm", email="ann@shore.example"), {"last_name": "Shore"})
    # After a week it is as ever.
    assert run(lab)[Step.ASSIGN] == 1
    assert not lab.reviews("step")
