"""The four verdicts one by one, and their laws: a verdict holds as long as it says, and order is nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from core.decide.movement.audit import Verdict, judge, rung_name
from core.decide.movement.person import Person
from core.decide.movement.policy import Mode, Step
from core.decide.movement.subject import Subject
from core.decide.movement.traces import Trace
from core.model.instant import DAY, HOUR, MINUTE, Instant, iso
from tests.core.decide.movement.policies import BOSS, LADDER, POLICY, PRIYA, at, deal, iso_at, lead, trace

NOW = at("2026-05-01 10:05")


def judged(subject: Subject, now: Instant = NOW) -> Verdict:
    found = judge(POLICY, subject, now)
    assert found is not None
    return found


def oks(verdict: Verdict) -> str:
    return "".join(letter for letter, one in zip("oatr", verdict.elements, strict=True) if one.ok)


def climbing(subject: Subject, rungs: int) -> Subject:
    """The record with so many rungs of its ladder taken."""
    stalls_at = judged(subject).stalls_at
    return subject._replace(taken=frozenset(rung_name(subject, LADDER, place, stalls_at) for place in range(rungs)))


def task(id_: int, due: str | None, **values: Any) -> Trace:
    when = {"due_at": iso_at(due)} if due else {}
    return trace(id_, type="task", subject="Call Ann", **when, **values)


def test_a_lead_with_everything_is_protected() -> None:
    verdict = judged(lead(task(1, "2026-05-01 10:10")))
    assert (oks(verdict), verdict.score, verdict.word) == ("oatr", 4, "protected")


def test_a_lead_with_nothing_is_storage_and_says_who_does_what() -> None:
    verdict = judged(lead(owner=None, asked="a patio"))
    assert (oks(verdict), verdict.word) == ("r", "storage")
    assert verdict.owner.who == "admin"
    assert verdict.action.fix == "Call Ann: a patio."


def test_a_queue_and_somebody_who_left_are_no_owners() -> None:
    queue, left = Person(4, name="Inbound", queue=True), Person(5, name="Old Hand", active=False, manager=BOSS)
    assert "queue" in judged(lead(owner=queue)).owner.because
    verdict = judged(lead(owner=left))
    assert (verdict.owner.ok, verdict.owner.who) == (False, "Bob Boss")


def test_what_has_no_time_or_is_over_is_not_in_time() -> None:
    assert oks(judged(lead(task(1, None)))) == "oar"
    late = judged(lead(task(1, "2026-05-01 10:03")))
    assert oks(late) == "oar"
    assert late.timing.because.startswith("overdue")


def test_the_window_counts_until_somebody_spoke_to_them() -> None:
    outside = judged(lead(task(1, "2026-05-01 12:00")))
    assert not outside.timing.ok
    assert "window of 15min" in outside.timing.because
    called = trace(2, type="call", direction="outbound", done=True, starts_at=iso_at("2026-05-01 10:02"))
    assert judged(lead(task(1, "2026-05-01 12:00"), called)).timing.ok


def test_their_answer_opens_the_window_again() -> None:
    called = trace(2, type="call", direction="outbound", done=True, starts_at=iso_at("2026-05-01 10:02"))
    wrote = trace(3, type="email", direction="inbound", starts_at=iso_at("2026-05-01 10:04"))
    verdict = judged(lead(task(1, "2026-05-01 12:00"), called, wrote))
    assert verdict.waits_since == at("2026-05-01 10:04")
    assert not verdict.timing.ok


def test_a_step_set_down_after_a_missed_window_makes_good_for_it() -> None:
    made = iso_at("2026-05-01 15:00")
    now = at("2026-05-01 15:01")
    assert judged(lead(task(1, "2026-05-01 15:10", created_at=made)), now).timing.ok
    assert not judged(lead(task(1, "2026-05-01 16:30", created_at=made)), now).timing.ok


def test_a_window_that_begins_before_closing_goes_on_after_the_holiday() -> None:
    verdict = judged(lead(since="2026-05-01 16:58"), at("2026-05-01 16:59"))
    assert iso(verdict.stalls_at) == iso(at("2026-05-05 09:13"))


def test_a_booked_meeting_and_a_document_that_awaits_its_answer_are_next_steps() -> None:
    meeting = trace(1, type="meeting", subject="Visit", starts_at=iso_at("2026-05-06 10:00"))
    assert judged(deal(meeting, stage="Booked")).action.because == "meeting: Visit"
    sent = {"type": "estimate", "status": "sent", "name": "Estimate", "sent_at": iso_at("2026-05-01 09:00")}
    assert judged(deal(trace(2, "document", **sent), stage="Quoted")).action.because == "estimate: Estimate"
    over = trace(3, type="meeting", starts_at=iso_at("2026-04-30 10:00"), ends_at=iso_at("2026-04-30 11:00"))
    assert not judged(deal(over, stage="Booked")).action.ok


def test_recovery_needs_a_ladder_that_is_armed_and_somebody_to_climb_it() -> None:
    off = judge(replace(POLICY, modes={}), lead(), NOW)
    assert off is not None
    assert "not armed" in off.recovery.because
    dry = judge(replace(POLICY, modes=dict.fromkeys(Step, Mode.DRY)), lead(), NOW)
    assert dry is not None
    assert not dry.recovery.ok
    none = judge(replace(POLICY, ladder=None), lead(), NOW)
    assert none is not None
    assert "captured stalls" in none.recovery.because
    alone = judge(replace(POLICY, escalate_to=None), lead(owner=None), NOW)
    assert alone is not None
    assert "nobody" in alone.recovery.because


def test_rungs_count_from_the_one_before_in_working_hours() -> None:
    first = judged(lead())
    assert first.next_rung == (0, first.stalls_at + HOUR)
    second = judged(climbing(lead(), 1))
    assert second.next_rung == (1, first.stalls_at + 5 * HOUR)
    assert judged(climbing(lead(), 3)).recovery.because.startswith("every rung")


def test_what_is_moved_begins_its_ladder_anew() -> None:
    moved = climbing(lead(), 3)._replace(traces=[task(1, "2026-05-01 10:30")])
    assert judged(moved).next_rung == (0, at("2026-05-01 11:30"))


def test_a_stage_that_lasts_too_long_is_stale() -> None:
    assert not judged(lead(), NOW).stale
    assert judged(lead(), NOW + 2 * DAY).stale


def test_the_first_answer_is_held_against_its_window_in_working_time() -> None:
    assert judged(lead(), NOW).in_window is None
    assert judged(lead(), at("2026-05-01 10:15")).in_window is False
    called: dict[str, Any] = {"type": "call", "direction": "outbound", "done": True}
    soon = judged(lead(trace(1, **called, starts_at=iso_at("2026-05-01 10:04"))), NOW)
    assert (soon.answered_after, soon.in_window) == (4 * MINUTE, True)
    monday = lead(trace(1, **called, starts_at=iso_at("2026-05-05 09:30")), since="2026-05-01 16:50")
    late = judged(monday, at("2026-05-06 10:00"))
    assert (late.answered_after, late.in_window) == (40 * MINUTE, False)


def test_what_is_in_no_open_stage_is_not_judged() -> None:
    assert judge(POLICY, lead(lifecycle_stage="customer"), NOW) is None
    assert judge(POLICY, deal(status="won"), NOW) is None


_START = at("2026-04-30 08:00")
_MOMENTS = st.integers(0, 6 * 24 * 60).map(lambda minutes: iso(_START + minutes * MINUTE))
_TRACES = st.builds(
    trace,
    st.integers(100, 10_000),
    type=st.sampled_from(("task", "call", "meeting", "email", "note")),
    status=st.sampled_from((None, "planned", "done", "cancelled", "no_show")),
    direction=st.sampled_from((None, "inbound", "outbound")),
    due_at=st.none() | _MOMENTS,
    starts_at=st.none() | _MOMENTS,
    created_at=st.none() | _MOMENTS,
    done=st.booleans(),
) | st.builds(
    lambda id_, **values: trace(id_, "document", **values),
    st.integers(10_001, 20_000),
    type=st.sampled_from(("estimate", "proposal")),
    status=st.sampled_from(("draft", "sent", "viewed", "accepted")),
    sent_at=_MOMENTS,
)
_SUBJECTS = st.builds(
    lambda traces, since, owner, rungs: climbing(
        lead(*traces, owner=owner)._replace(held_since=_START + since * MINUTE), rungs
    ),
    st.lists(_TRACES, max_size=5, unique_by=lambda one: one.record_id),
    st.integers(0, 5 * 24 * 60),
    st.sampled_from((None, PRIYA, Person(4, name="Inbound", queue=True))),
    st.integers(0, 4),
)
_NOWS = st.integers(0, 7 * 24 * 60 * 4).map(lambda quarters: _START + quarters * MINUTE // 4)


@given(_SUBJECTS, _NOWS, st.integers(0, 3 * 24 * 60))
def test_a_verdict_holds_as_long_as_it_says(subject: Subject, now: Instant, later: int) -> None:
    verdict = judged(subject, now)
    then = now + later * MINUTE
    if verdict.holds_until is None or then < verdict.holds_until:
        again = judged(subject, then)
        assert (oks(again), again.stale, again.next_rung, again.stalls_at, again.waits_since, again.in_window) == (
            oks(verdict), verdict.stale, verdict.next_rung, verdict.stalls_at, verdict.waits_since, verdict.in_window,
        )  # fmt: skip
    else:
        assert verdict.holds_until > now


@given(_SUBJECTS, _NOWS, st.randoms())
def test_the_order_in_which_things_are_told_is_nothing(subject: Subject, now: Instant, random: Any) -> None:
    mixed = list(subject.traces)
    random.shuffle(mixed)
    assert judged(subject, now) == judged(subject._replace(traces=mixed), now)


@given(_SUBJECTS, _NOWS)
def test_every_missing_element_says_who_does_what(subject: Subject, now: Instant) -> None:
    for one in judged(subject, now).elements:
        assert one.because
        assert one.ok or (one.who and one.fix)
