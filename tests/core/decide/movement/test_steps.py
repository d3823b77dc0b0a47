"""Which steps are due, and that the same occasion always gives the same step."""

from __future__ import annotations

from dataclasses import replace

from core.decide.movement.person import Person
from core.decide.movement.policy import Mode, Step
from core.decide.movement.steps import Deed, due_steps, wakes_at
from core.model.instant import DAY, HOUR, iso
from tests.core.decide.movement.policies import POLICY, at, deal, iso_at, lead, trace


def told(deeds: list[Deed]) -> list[tuple[str, str]]:
    return [(one.step, one.say) for one in deeds]


def test_a_fresh_lead_without_anybody_is_assigned_and_gets_its_first_task() -> None:
    fresh = lead(owner=None, asked="Quote for a patio\nwith drainage")
    deeds = due_steps(POLICY, fresh, at("2026-05-01 10:01"))
    assert told(deeds) == [(Step.ASSIGN, ""), (Step.TASK, "Call Ann: Quote for a patio")]
    assert deeds[1].due_at == at("2026-05-01 10:15")


def test_a_step_is_taken_once_for_its_occasion() -> None:
    first = due_steps(POLICY, lead(owner=None), at("2026-05-01 10:01"))
    names = frozenset(one.name for one in first)
    assert due_steps(POLICY, lead(owner=None)._replace(taken=names), at("2026-05-01 10:04")) == []
    again = due_steps(POLICY, lead(owner=None, since="2026-06-01 10:00")._replace(taken=names), at("2026-06-01 10:01"))
    assert len(again) == 2


def test_what_stalls_climbs_the_ladder_rung_by_rung() -> None:
    subject = lead(trace(1, type="task", subject="Call", due_at=iso_at("2026-05-01 10:10")))
    assert due_steps(POLICY, subject, at("2026-05-01 11:09")) == []
    (remind,) = due_steps(POLICY, subject, at("2026-05-01 11:10"))
    assert (remind.step, remind.to, remind.say) == (Step.REMIND, "priya@shop.example", "Still to do: Ann")
    (escalate,) = due_steps(POLICY, subject._replace(taken=frozenset({remind.name})), at("2026-05-01 15:10"))
    assert (escalate.step, escalate.to) == (Step.ESCALATE, "bob@shop.example")


def test_a_missed_call_before_closing_is_called_back_in_the_morning() -> None:
    call = {"type": "call", "direction": "inbound", "outcome": "missed", "starts_at": iso_at("2026-05-01 16:58")}
    subject = deal(trace(1, **call), trace(2, type="task", due_at=iso_at("2026-05-20 10:00")), stage="New")
    (back,) = due_steps(POLICY, subject, at("2026-05-01 16:59"))
    assert (back.say, back.type) == ("Call Patio back", "call")
    assert iso(back.due_at or 0) == iso_at("2026-05-05 09:58")
    called = trace(3, type="call", direction="outbound", done=True, starts_at=iso_at("2026-05-01 16:59"))
    answered = subject._replace(traces=[*subject.traces, called])
    assert due_steps(POLICY, answered, at("2026-05-01 17:00")) == []


def test_an_estimate_that_nobody_answers_is_asked_about_after_its_time() -> None:
    estimate = {"type": "estimate", "status": "sent", "sent_at": iso_at("2026-05-01 12:00")}
    subject = deal(trace(1, "document", **estimate), stage="Quoted")
    assert due_steps(POLICY, subject, at("2026-05-03 12:00")) == []
    assert wakes_at(POLICY, subject, at("2026-05-03 12:00")) == at("2026-05-04 12:00")
    (ask,) = due_steps(POLICY, subject, at("2026-05-04 12:00"))
    assert ask.say == "Ask Patio about the estimate"


def test_a_sale_and_a_long_quiet_have_their_touches() -> None:
    won = deal(status="won", closed_at=iso_at("2026-05-01 12:00"))
    assert wakes_at(POLICY, won, at("2026-05-02 12:00")) == at("2026-05-04 12:00")
    assert told(due_steps(POLICY, won, at("2026-05-04 12:00"))) == [(Step.TASK, "Ask for a review")]
    quiet = lead(lifecycle_stage="customer", last_contacted_at=iso_at("2026-05-01 12:00"))
    assert due_steps(POLICY, quiet, at("2027-04-30 12:00")) == []
    assert told(due_steps(POLICY, quiet, at("2027-05-01 12:00"))) == [(Step.REACTIVATE, "Say hello to Ann")]


def test_what_is_off_is_not_told_and_what_is_asked_says_so() -> None:
    policy = replace(POLICY, modes={Step.TASK: Mode.ASK})
    (one,) = due_steps(policy, lead(owner=None), at("2026-05-01 10:01"))
    assert (one.step, one.mode) == (Step.TASK, Mode.ASK)


def test_somebody_else_who_left_is_another_occasion() -> None:
    left = [Person(id_, name=f"Person {id_}", active=False) for id_ in (5, 6)]
    names = {due_steps(POLICY, lead(owner=one), at("2026-05-01 10:01"))[0].name for one in left}
    assert len(names) == 2


def test_a_first_task_for_an_old_lead_is_due_from_now() -> None:
    old = lead(since="2026-03-02 10:00")
    now = at("2026-05-01 10:00")
    task = next(one for one in due_steps(POLICY, old, now) if one.step is Step.TASK)
    assert task.due_at == now + HOUR / 4
    assert now - old.held_since > 50 * DAY
