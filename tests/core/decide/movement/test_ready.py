"""The two policies that come with the hub: complete, without a doubt, and at home with the words of the mappings."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.decide.movement.policy import JOURNEY, Mode, Policy, Stage, Step
from core.decide.movement.reading import load_leniently
from core.decide.movement.reality import findings
from core.decide.movement.subject import Subject
from core.decide.movement.traces import trace_of
from core.decide.movement.words import SECTIONS
from core.mapping import load
from core.mapping.source import Source
from core.model.instant import from_iso
from core.model.locale import Locale
from core.model.shapes import SHAPES
from core.model.values import Values

MAPPINGS = Path(__file__).parents[4] / "mappings"
READY = ("local-service", "b2b-sales")
NOW = from_iso("2026-11-27T12:00:00Z")
LEADS = ("lead", "marketing_qualified", "sales_qualified")

BELIEVED = (
    "Signal",
    "Subscriber",
    "Qualified",
    "Sales qualified",
    "Negotiation",
    "Another open job",
    "Another open deal",
)
"""Stages that no tool can show."""


def text(name: str) -> str:
    return (MAPPINGS / "movement" / f"{name}.yaml").read_text(encoding="utf-8")


def ready(name: str) -> Policy:
    policy, source = load_leniently(text(name), file=name, shapes=SHAPES, locale=Locale())
    assert source.problems == [], "\n".join(map(str, source.problems))
    return policy


def stages_of_deals(file: str, vocabulary: str) -> set[str]:
    """What a mapping that comes with the hub makes of a tool's stages, without those that are closed."""
    mapping = load((MAPPINGS / file).read_text(encoding="utf-8"), file=file)
    return {str(one) for one in mapping.vocabularies[vocabulary].words.values()} - {"Won", "Lost"}


def stage(policy: Policy, kind: str, values: Values) -> Stage:
    found = policy.stage_of(kind, values)
    assert found is not None, (kind, values)
    return found


@pytest.mark.parametrize("name", READY)
def test_every_section_says_something(name: str):
    root = Source(name, text(name)).tree()
    assert root is not None
    said = {str(one.key): one.node.value for one in root.entries}
    assert said.keys() == SECTIONS.keys()
    assert all(said.values())
    policy = ready(name)
    assert {one.kind for one in policy.stages} == {"contact", "deal", "ticket"}
    assert policy.modes == dict.fromkeys(Step, Mode.OFF)
    assert len(policy.hand_offs) == 6
    assert {rung.do for one in policy.ladders.values() for rung in one.rungs} == {
        Step.REMIND,
        Step.ESCALATE,
        Step.REASSIGN,
        Step.REACTIVATE,
    }


@pytest.mark.parametrize("name", READY)
def test_the_stages_go_all_the_way_and_each_can_be_checked(name: str):
    policy = ready(name)
    assert {one.journey for one in policy.stages} == set(JOURNEY)
    for one in policy.stages:
        assert one.means.endswith("."), one.name
        assert one.exit.endswith("."), one.name
        assert one.oldest, one.name
        assert one.evidence or one.name in BELIEVED, one.name
        if one.open:
            assert one.first is not None, one.name
            assert policy.ladder_of(one) is not None, one.name


@pytest.mark.parametrize("name", READY)
@pytest.mark.parametrize(
    ("file", "vocabulary"),
    [("hubspot.yaml", "stage"), ("salesforce.yaml", "stages")],
)
def test_every_stage_of_the_crm_mappings_has_a_line(name: str, file: str, vocabulary: str):
    policy = ready(name)
    for word in stages_of_deals(file, vocabulary):
        assert not stage(policy, "deal", {"stage": word, "status": "open"}).name.startswith("Another"), word


def test_a_pipeline_in_a_spreadsheet_fits_the_policy_for_companies():
    policy = ready("b2b-sales")
    mapping = load((MAPPINGS / "examples" / "crm-sales.yaml").read_text(encoding="utf-8"), file="crm-sales.yaml")
    for word, status in mapping.vocabularies["status"].words.items():
        values = {"stage": word, "status": status}
        if status == "open":
            assert stage(policy, "deal", values).name == word
        else:
            assert policy.stage_of("deal", values) is None
    won = policy.place_of("deal", {"stage": "Won", "status": "won"})
    assert won is not None
    assert won.evidence == ("accepted", "invoice", "payment")


@pytest.mark.parametrize("name", READY)
def test_no_open_deal_and_no_open_ticket_is_overlooked(name: str):
    policy = ready(name)
    for status in ("open", None):
        assert policy.stage_of("deal", {"stage": "A stage of our own", "status": status}) is not None
    for status in ("new", "open", "waiting", "on_hold", None):
        assert policy.stage_of("ticket", {"status": status}) is not None
    for status in ("solved", "closed"):
        assert policy.stage_of("ticket", {"status": status}) is None
    for status in ("won", "lost"):
        assert policy.stage_of("deal", {"stage": "Negotiation", "status": status}) is None


@pytest.mark.parametrize("name", READY)
def test_every_lead_is_in_a_stage_before_and_after_we_spoke(name: str):
    policy = ready(name)
    for lifecycle in LEADS:
        new = stage(policy, "contact", {"lifecycle_stage": lifecycle})
        assert (new.journey, new.ladder) == ("captured", policy.stages[1].ladder)
        spoken = {"lifecycle_stage": lifecycle, "last_contacted_at": "2026-11-20T16:30:00Z"}
        assert stage(policy, "contact", spoken).journey in ("responded", "qualified")


@pytest.mark.parametrize("name", READY)
def test_nobody_owes_a_call_to_who_has_asked_for_nothing_or_has_bought(name: str):
    policy = ready(name)
    for lifecycle in ("subscriber", "customer", "evangelist", "opportunity", "other", None):
        assert policy.stage_of("contact", {"lifecycle_stage": lifecycle}) is None


def test_who_rang_a_local_business_is_called_back_sooner():
    policy = ready("local-service")
    rang = stage(policy, "contact", {"lifecycle_stage": "lead", "source": "phone"}).first
    wrote = stage(policy, "contact", {"lifecycle_stage": "lead", "source": "web"}).first
    assert rang is not None
    assert wrote is not None
    assert rang.within < wrote.within


@pytest.mark.parametrize("name", READY)
def test_what_happened_is_known_again(name: str):
    seen = {
        "Missed call": ("activity", {"type": "call", "direction": "inbound", "status": "no_show"}),
        "Form sent in": ("document", {"type": "form", "status": "accepted"}),
        "without a reply": ("document", {"type": "proposal", "status": "viewed"}),
        "Callback promised": ("activity", {"type": "call", "outcome": "Callback on Monday"}),
        "follow-up": ("activity", {"type": "meeting", "body": "Went well, we'll follow up next week."}),
        "No-show": ("activity", {"type": "meeting", "status": "no_show"}),
    }
    policy = ready(name)
    for words, (kind, values) in seen.items():
        fits = [one.name for one in policy.hand_offs if one.kind == kind and one.when.holds(values)]
        assert len(fits) == 1, words
        assert words in fits[0]
    assert not any(
        one.when.holds({"type": "call", "direction": "inbound", "status": "done"}) for one in policy.hand_offs
    )


WON, PROPOSAL, MEETING = (
    ("payment", {"type": "payment", "status": "paid", "paid_at": "2026-11-20T09:00:00Z"}),
    ("document", {"type": "proposal", "status": "sent", "sent_at": "2026-11-19T09:00:00Z"}),
    ("activity", {"type": "meeting", "status": "planned", "starts_at": "2026-12-03T09:00:00Z"}),
)


@pytest.mark.parametrize(
    ("name", "present", "shown", "further"),
    [
        ("b2b-sales", "Prospecting", PROPOSAL, "Proposal sent"),
        ("b2b-sales", "Qualified", MEETING, "Meeting booked"),
        ("b2b-sales", "Negotiation", WON, "Won"),
        ("b2b-sales", "A stage of our own", WON, "Won"),
        ("local-service", "New", PROPOSAL, "Estimate sent"),
        ("local-service", "Qualified", MEETING, "Visit booked"),
        ("local-service", "Estimate sent", WON, "Done"),
    ],
)
def test_what_is_shown_too_early_leads_to_the_stage_that_it_shows(
    name: str, present: str, shown: tuple[str, Values], further: str
):
    values = {"stage": present, "status": "open", "asked": "A patio"}
    subject = Subject(1, "deal", values, NOW, None, (trace_of(2, *shown, ""),))
    assert further in [one.stage for one in findings(ready(name), subject, NOW)]


@pytest.mark.parametrize("name", READY)
def test_a_won_deal_that_nobody_paid_is_asked_about_and_never_opened_again(name: str):
    (found,) = findings(ready(name), Subject(1, "deal", {"stage": "Won", "status": "won"}, NOW, None), NOW)
    assert "payment" in found.word
    assert not found.move
    assert found.task
