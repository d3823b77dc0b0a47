"""Whose evidence counts: any tool's, or only that of another tool than the one that says so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.decide.movement.policy import Policy, Stage
from core.decide.movement.reality import findings
from core.decide.movement.subject import Subject
from core.decide.movement.traces import Trace
from core.model.instant import DAY
from core.model.values import Values
from tests.core.flow.movement.test_auditing import fits

NOW = 100 * DAY
BOOKED = Stage(
    "Booked", "deal", fits("deal", stage="Booked"), "A day is set.", "scheduled", evidence=("meeting", "asked")
)
POLICY = Policy(stages=(BOOKED,))
STRICT = Policy(stages=(replace(BOOKED, others_only=True),))


def meeting(source: str) -> Trace:
    return Trace(7, "activity", "meeting", "planned", "Visit", None, NOW + DAY, source=source)


def deal(*traces: Trace, said_by: dict[str, set[str]], **values: str) -> Subject:
    stands: Values = {"stage": "Booked", **values}
    claims = {name: frozenset(some) for name, some in said_by.items()}
    return Subject(1, "deal", stands, 0, None, traces, said_by=claims)


def holds(policy: Policy, subject: Subject) -> bool:
    return not findings(policy, subject, NOW)


@pytest.mark.parametrize(
    ("movers", "source", "holds_up"),
    [
        ({"crm"}, "calendar", True),
        ({"crm"}, "crm", False),
        ({"crm", "other"}, "crm", True),
        (set[str](), "crm", True),
    ],
)
def test_a_meeting_counts_where_it_and_the_stage_are_not_of_one_tool_alone(
    movers: set[str], source: str, holds_up: bool
) -> None:
    subject = deal(meeting(source), said_by={"stage": movers})
    assert holds(POLICY, subject), "where nothing is asked, any tool may show it"
    assert holds(STRICT, subject) == holds_up


def test_words_of_the_record_itself_are_those_of_whoever_claims_them() -> None:
    said = {"stage": {"crm"}, "asked": {"crm"}}
    assert not holds(STRICT, deal(said_by=said, asked="A quote"))
    assert holds(STRICT, deal(said_by={**said, "asked": {"crm", "form:site"}}, asked="A quote"))


def test_one_that_is_of_another_tool_is_enough() -> None:
    assert holds(STRICT, deal(meeting("crm"), meeting("calendar"), said_by={"stage": {"crm"}}))
    assert not holds(STRICT, deal(said_by={"stage": {"crm"}}))


def test_it_is_told_that_another_tool_is_asked() -> None:
    (found,) = findings(STRICT, deal(meeting("crm"), said_by={"stage": {"crm"}}), NOW)
    assert "no tool but the one that says so shows" in found.because
