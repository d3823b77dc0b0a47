"""Trying a policy on a past that is said by hand: which steps at which moments, and what people did instead."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from core.decide.movement.acts import acts_of
from core.decide.movement.past import Past, State, Told, past_of
from core.decide.movement.person import Person
from core.decide.movement.policy import Absence, Assignment, Mode, Policy, Step
from core.decide.movement.trying import NOBODY, Did, Taken, Walk, World
from core.mapping.filter import Filter
from core.model.instant import iso
from tests.core.decide.movement.policies import BOSS, POLICY, PRIYA, at, iso_at

QUINN = Person(4, "quinn@shop.example", "Quinn")
BEGIN, UNTIL = at("2026-05-01 09:00"), at("2026-05-08 09:00")
LEAD = {"lifecycle_stage": "lead", "first_name": "Ann", "created_at": iso_at("2026-05-01 10:00")}
NAME = f"task 7 captured since {at('2026-05-01 10:00')}"


def past(id_: int, kind: str, *states: State) -> Past:
    return Past(id_, kind, states[0].at, states)


def state(when: str, values: dict[str, Any] | None, by: str = "crm", *, ours: bool = False) -> State:
    return State(at(when), values, by, ours)


def world(*around: Past, lead: Past | None = None, **more: Any) -> World:
    lead = lead or past(7, "contact", state("2026-05-01 10:00", {**LEAD, "owner": PRIYA.record_id}))
    staff = ((BEGIN, {one.record_id: one for one in (BOSS, PRIYA, QUINN)}),)
    about = {lead.record_id: [one.record_id for one in around]}
    return World({lead.record_id: lead}, {one.record_id: one for one in around}, about, staff, **more)


def walked(policy: Policy, there: World) -> list[Did]:
    walk = Walk(policy, there, BEGIN)
    walk.go(UNTIL)
    return walk.did


def told(did: list[Did]) -> list[tuple[str, str]]:
    return [(str(one.step), iso(one.at)) for one in did]


def call(when: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "call", "direction": "outbound", "done": True, "starts_at": iso_at(when), "contacts": [7], **more
    }  # fmt: skip


def test_the_past_is_told_backwards_from_what_stands() -> None:
    stands = {"stage": "customer", "owner": 4}
    said = [
        Told(at("2026-05-01 10:00"), {}, by="crm"),
        Told(at("2026-05-02 10:00"), {"owner": [3, 4], "phone": ["1", None]}, by="hub"),
        Told(at("2026-05-03 10:00"), {"stage": ["lead", "customer"]}, was_live=True, by="crm"),
    ]
    found = past_of(7, "contact", stands, live=False, held_since=at("2026-05-01 10:00"), told=said)
    assert [one.values for one in found.states] == [
        {"stage": "lead", "owner": 3, "phone": "1"}, {"stage": "lead", "owner": 4}, None
    ]  # fmt: skip
    assert found.at(at("2026-05-01 09:59")) is None
    assert found.at(at("2026-05-02 09:59")) == {"stage": "lead", "owner": 3, "phone": "1"}


def test_where_the_oldest_history_is_gone_it_was_so_from_the_beginning() -> None:
    said = [Told(at("2026-05-02 10:00"), {"owner": [3, 4]})]
    found = past_of(7, "contact", {"owner": 4}, live=True, held_since=at("2026-04-01 10:00"), told=said)
    assert found.at(at("2026-04-01 10:00")) == {"owner": 3}


def test_a_lead_that_nobody_answers_climbs_the_ladder_in_working_hours() -> None:
    """Due at 10:15; 1 h, then 4 h of work; the day after leads over the weekend and the holiday of Monday."""
    found = walked(POLICY, world())
    assert told(found) == [
        ("task", iso_at("2026-05-01 10:00")),
        ("remind", iso_at("2026-05-01 11:15")),
        ("escalate", iso_at("2026-05-01 15:15")),
        ("reassign", iso_at("2026-05-05 15:15")),
    ]
    assert [one.held for one in found] == ["", "", "", NOBODY], "no rule says who else might get it"


def test_what_people_did_with_the_same_task_goes_on_to_count() -> None:
    """She did the hub's task and called at 10:05: due is the window after her call, and the reminder an hour later."""
    task = {"type": "task", "due_at": iso_at("2026-05-01 10:15"), "contacts": [7], "done": False}
    really = past(50, "activity", state("2026-05-01 10:00", task), state("2026-05-01 10:05", {**task, "done": True}))
    spoke = past(51, "activity", state("2026-05-01 10:05", call("2026-05-01 10:05", owner=PRIYA.record_id)))
    there = world(really, spoke, taken={7: [Taken(NAME, "task", at("2026-05-01 10:00"), 50)]})
    assert told(walked(POLICY, there))[:2] == [
        ("task", iso_at("2026-05-01 10:00")),
        ("remind", iso_at("2026-05-01 11:20")),
    ]
    # Had the hub not set it down, nobody could have done it: it stays open, and is overdue since 10:15.
    assert told(walked(POLICY, world(spoke)))[1] == ("remind", iso_at("2026-05-01 11:15"))


def test_what_the_hub_did_and_the_policy_would_not_have_done_is_taken_out() -> None:
    task = {"type": "task", "due_at": iso_at("2026-05-07 10:15"), "contacts": [7], "done": False}
    really = past(50, "activity", state("2026-05-01 10:00", task))
    there = world(really, taken={7: [Taken("task of another policy", "task", at("2026-05-01 10:00"), 50)]})
    policy = replace(POLICY, modes={Step.REMIND: Mode.ACT})
    assert told(walked(policy, there)) == [("remind", iso_at("2026-05-01 11:15"))]


def test_whom_the_hub_gave_it_to_is_worked_out_anew_and_whom_people_gave_it_to_stays() -> None:
    rule = Assignment("all", "contact", Filter(()))
    policy = replace(POLICY, assignments=(rule,), modes={Step.ASSIGN: Mode.ACT})
    lead = past(
        7, "contact",
        state("2026-05-01 10:00", dict(LEAD)),
        state("2026-05-01 10:00", {**LEAD, "owner": QUINN.record_id}, "hub", ours=True),
        state("2026-05-02 10:00", {**LEAD, "owner": BOSS.record_id}),
        state("2026-05-03 10:00", dict(LEAD)),
    )  # fmt: skip
    found = walked(policy, world(lead=lead))
    assert [(iso(one.at), one.to) for one in found] == [
        (iso_at("2026-05-01 10:00"), "bob@shop.example"),
    ], "by the fewest open and the alphabet; one occasion is answered once"
    away = replace(policy, absences=(Absence("bob@shop.example", at("2026-05-01 00:00"), at("2026-05-02 00:00")),))
    assert [one.to for one in walked(away, world(lead=lead))] == ["priya@shop.example"]


def test_what_people_did_is_told_by_name() -> None:
    lead = past(
        7, "contact",
        state("2026-05-01 10:00", {**LEAD, "owner": 3}),
        state("2026-05-01 12:00", {**LEAD, "owner": 4}, "hub", ours=True),
        state("2026-05-02 10:00", {**LEAD, "owner": 2, "lifecycle_stage": "customer"}),
    )  # fmt: skip
    spoke = past(51, "activity", state("2026-05-01 10:30", call("2026-05-01 10:20", owner=PRIYA.record_id)))
    theirs = past(52, "activity", state("2026-05-01 11:00", call("2026-05-01 11:00", direction="inbound")))
    found = acts_of(world(spoke, theirs, lead=lead), 7, BEGIN)
    assert [(iso(one.at), one.who, one.what) for one in found] == [
        (iso_at("2026-05-01 10:20"), "Priya Nair", "called"),
        (iso_at("2026-05-02 10:00"), "crm", "gave it to Bob Boss"),
        (iso_at("2026-05-02 10:00"), "crm", "moved it: lifecycle stage customer"),
    ]
