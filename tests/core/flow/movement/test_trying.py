"""Trying a policy on the past: what follow-through really did is found again, and another policy does otherwise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from core.decide.movement.policy import Mode, Policy, Step
from core.decide.movement.trying import NO_PERMISSION, NOBODY, Did, Walk
from core.flow.movement.gathering import SUBJECTS
from core.flow.movement.trying import read_world
from core.flow.saying import say
from core.model.instant import DAY, HOUR, MINUTE, Instant, iso
from core.store import records, steps
from tests.core.decide.movement.policies import at, iso_at
from tests.core.flow.movement.test_acknowledging import RULE
from tests.core.flow.movement.test_following import LADDER, MAPPING, RULED, ann, person, put, run
from tests.core.store.test_statements import counted
from tests.support import Lab, emptied

WHOLE = replace(RULED, ladders={"usual": LADDER})
BEGIN = at("2026-05-01 09:00")


@pytest.fixture(params=["sqlite", "postgresql"])
def lab(request: pytest.FixtureRequest, tmp_path: Path, free_streams: None) -> Iterator[Lab]:
    url = None if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    with Lab(tmp_path, database_url=url, start=iso_at("2026-05-01 10:00"), tick=0) as made:
        dressed(made, WHOLE)
        made.tool("crm", mapping=MAPPING)
        yield made
    if url is not None:
        emptied(url)


def dressed(lab: Lab, policy: Policy) -> None:
    lab.dressed = lambda hub: replace(hub, movement=policy)
    lab.refreshed()


def tried(lab: Lab, policy: Policy, begin: Instant = BEGIN) -> list[Did]:
    walk = Walk(policy, read_world(lab.hub, begin).world, begin)
    walk.go(lab.clock())
    return walk.did


def real(lab: Lab, begin: Instant = BEGIN) -> Counter[tuple[object, ...]]:
    """What follow-through has done: the step, when, and to whom it gave."""
    with lab.hub.store.reading() as tx:
        rows = steps.steps_of(tx, records.newest(tx, SUBJECTS, 1_000))
    return Counter(
        (one.name, one.step, iso(one.at), one.made_id if "assign" in one.step else None)
        for one in rows
        if one.at >= begin
    )


def told(did: list[Did]) -> Counter[tuple[object, ...]]:
    return Counter(
        (one.name, str(one.step), iso(one.at), one.owner_id if "assign" in one.step else None)
        for one in did
        if one.held != NOBODY and one.mode is Mode.ACT
    )


def test_a_stalled_lead_is_found_again_rung_by_rung(lab: Lab) -> None:
    boss = person(lab, "Boss", team="Management")
    priya = person(lab, "Priya", manager_id=boss)
    person(lab, "Quinn")
    ann(lab, asked="Quote", owner_id=priya, source="web")
    run(lab, "2026-05-20 10:00")
    found = tried(lab, WHOLE)
    assert told(found) == real(lab)
    assert [(str(one.step), iso(one.at)) for one in found] == [
        ("task", iso_at("2026-05-01 10:00")),
        ("remind", iso_at("2026-05-01 11:15")),
        ("escalate", iso_at("2026-05-01 15:15")),
        ("reassign", iso_at("2026-05-05 15:15")),
    ]
    assert {(one.stage, one.source) for one in found} == {("captured", "web")}
    assert [one.to for one in found][1:] == ["priya@shop.example", "boss@shop.example", "quinn@shop.example"]


def test_what_was_never_switched_on_is_told_with_the_hours_of_the_policy(lab: Lab) -> None:
    """Nothing was done in that time; by hand: task at once, 15 min to answer, then 1 h, 4 h and a day of work."""
    dressed(lab, replace(WHOLE, modes={}))
    ann(lab, asked="Quote", owner_id=person(lab, "Priya"))
    person(lab, "Quinn")
    run(lab, "2026-05-20 10:00")
    assert real(lab) == {}
    assert [(str(one.step), iso(one.at)) for one in tried(lab, WHOLE)] == [
        ("task", iso_at("2026-05-01 10:00")),
        ("remind", iso_at("2026-05-01 11:15")),
        ("escalate", iso_at("2026-05-01 15:15")),
        ("reassign", iso_at("2026-05-05 15:15")),
    ]


def test_a_record_that_nobody_can_be_found_for_is_told_of_once(lab: Lab) -> None:
    ann(lab)
    run(lab, "2026-05-02 10:00")
    alone = [one for one in tried(lab, WHOLE) if one.held == NOBODY]
    assert [(one.step, one.at) for one in alone if one.step is Step.ASSIGN] == [(Step.ASSIGN, at("2026-05-01 10:00"))]


def test_somebody_who_comes_later_gets_it_within_the_hour(lab: Lab) -> None:
    ann(lab)
    run(lab, "2026-05-01 10:10")
    person(lab, "Priya")
    run(lab, "2026-05-01 10:30")
    assert told(tried(lab, WHOLE)) == real(lab)


def test_what_people_did_ends_it(lab: Lab) -> None:
    dressed(lab, replace(WHOLE, modes={}))
    id_ = ann(lab, owner_id=person(lab, "Priya"))
    run(lab, "2026-05-01 11:00")
    lab.tools["crm"].edit("contacts", id_, {"stage": "customer"})
    run(lab, "2026-05-20 10:00")
    # The reminder would have been due at 11:15.
    assert [one.step for one in tried(lab, WHOLE)] == [Step.TASK]


def test_dry_and_asked_steps_are_told_once_and_lead_to_nothing(lab: Lab) -> None:
    dressed(lab, replace(WHOLE, modes={}))
    ann(lab, owner_id=person(lab, "Priya"))
    run(lab, "2026-05-20 10:00")
    for mode in (Mode.DRY, Mode.ASK):
        found = tried(lab, replace(WHOLE, modes=dict.fromkeys(Step, mode)))
        steps_ = Counter(one.step for one in found)
        assert steps_[Step.TASK] == 1
        assert {one.mode for one in found} == {mode}
        assert steps_[Step.ESCALATE] == 0, "the first rung is neither taken nor answered"


def test_the_gate_of_that_moment_holds_a_mail_back(lab: Lab) -> None:
    policy = replace(WHOLE, acknowledgements=(RULE,), mail="mail", modes={Step.ACKNOWLEDGE: Mode.ACT})
    dressed(lab, replace(WHOLE, modes={}))
    ann(lab, asked="A patio", email_consent="granted")
    put(lab, "contacts", email="bob@quay.example", first_name="Bob", stage="lead", asked="A wall")
    run(lab, "2026-05-01 12:00")
    # What was permitted or refused later changes nothing about then.
    say(lab.hub, lab.record(email="ann@shore.example").id, {"consent.email": "denied"})
    say(lab.hub, lab.record(email="bob@quay.example").id, {"consent.email": "granted"})
    run(lab, "2026-05-01 13:00")
    found = {one.record_id: one for one in tried(lab, policy)}
    sent, held = (found[lab.record(email=one).id] for one in ("ann@shore.example", "bob@quay.example"))
    assert (sent.step, sent.held) == (Step.ACKNOWLEDGE, "")
    assert held.held == NO_PERMISSION
    assert "silence permits nothing" in held.why


def test_turns_go_by_the_load_of_that_time(lab: Lab) -> None:
    dressed(lab, replace(WHOLE, modes={}))
    person(lab, "Priya")
    person(lab, "Quinn")
    for number in range(5):
        put(lab, "contacts", email=f"lead{number}@shore.example", first_name=f"L{number}", stage="lead")
        run(lab, iso(lab.clock() + MINUTE + HOUR)[:16].replace("T", " "))
    policy = replace(WHOLE, modes={Step.ASSIGN: Mode.ACT})
    given_to = [one.to for one in tried(lab, policy)]
    assert given_to == [f"{name}@shop.example" for name in ("priya", "quinn", "priya", "quinn", "priya")]


def test_a_long_quiet_is_found_again(lab: Lab) -> None:
    priya = person(lab, "Priya")
    put(lab, "contacts", email="old@shore.example", first_name="Old", stage="customer", owner_id=priya)
    run(lab, "2027-05-20 10:00")
    found = tried(lab, WHOLE)
    assert told(found) == real(lab)
    assert Step.REACTIVATE in {one.step for one in found}


def test_it_begins_in_the_midst_with_what_was_done_before(lab: Lab) -> None:
    boss = person(lab, "Boss", team="Management")
    ann(lab, owner_id=person(lab, "Priya", manager_id=boss))
    person(lab, "Quinn")
    run(lab, "2026-05-20 10:00")
    begin = at("2026-05-01 13:00")
    assert told(tried(lab, WHOLE, begin)) == real(lab, begin)
    assert real(lab, begin)


def test_nothing_is_written_and_a_page_costs_the_same_however_many_are_in_it(lab: Lab) -> None:
    person(lab, "Priya")
    costs = []
    for start, number in ((0, 2), (100, 60)):
        for one in range(start, start + number):
            put(lab, "contacts", email=f"lead{one}@shore.example", first_name=f"L{one}", stage="lead", asked="A wall")
        run(lab)
        with counted(lab.installation.store) as seen:
            read_world(lab.hub, BEGIN)
        asked = [one for one in seen if not one.startswith(("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT"))]
        assert [one for one in asked if not one.lstrip().upper().startswith(("SELECT", "WITH", "PRAGMA", "SHOW"))] == []
        costs.append(len(asked))
    assert costs[0] == costs[1] <= 25


def test_older_records_are_left_out_and_counted(lab: Lab) -> None:
    for number in range(4):
        put(lab, "contacts", email=f"lead{number}@shore.example", first_name=f"L{number}", stage="lead")
    run(lab)
    read = read_world(lab.hub, BEGIN, newest=3)
    assert (read.number, read.left_out) == (3, 1)
    assert set(read.world.subjects) == set(sorted(one.id for one in lab.records("contact"))[1:])


# --- the law: what it says of the policy in force is what the hub did

ACTS = ("lead", "deal", "customer", "call", "inbound", "task", "done", "leaves", "returns", "owner", "document", "none")


@settings(
    max_examples=6,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    acts=st.lists(
        st.tuples(st.sampled_from(ACTS), st.integers(0, 3), st.sampled_from((1, 7, 61, 300, 1_500))),
        min_size=2,
        max_size=8,
    ),
    late=st.booleans(),
)
def test_with_the_policy_in_force_it_says_what_the_hub_did(
    free_streams: None, acts: list[tuple[str, int, int]], late: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with Lab(tmp_path_factory.mktemp("law"), start=iso_at("2026-05-01 10:00"), tick=0) as lab:
        dressed(lab, WHOLE)
        lab.tool("crm", mapping=MAPPING)
        story = _Story(lab)
        for what, which, minutes in acts:
            story.do(what, which)
            run(lab, iso(lab.clock() + minutes * MINUTE + HOUR)[:16].replace("T", " "))
        run(lab, iso(lab.clock() + 3 * DAY + HOUR)[:16].replace("T", " "))
        begin = at("2026-05-01 12:00") if late else BEGIN
        assert told(tried(lab, WHOLE, begin)) == real(lab, begin)


class _Story:
    """People and tools that do things to a few leads and deals."""

    def __init__(self, lab: Lab) -> None:
        self.lab, self.crm = lab, lab.tools["crm"]
        boss = person(lab, "Boss", team="Management")
        self.staff = [person(lab, name, manager_id=boss) for name in ("Priya", "Quinn")]
        self.contacts, self.deals = list[str](), list[str]()
        self.number = 0
        run(lab)
        for what, which in (("lead", 2), ("deal", 0)):
            self.do(what, which)

    def do(self, what: str, which: int) -> None:
        self.number += 1
        now = iso(self.lab.clock())
        contact = self.contacts[which % len(self.contacts)] if self.contacts else None
        about: dict[str, Any] = {"contact_ids": [contact]}
        match what:
            case "lead":
                more = {"owner_id": self.staff[which % 2]} if which < 2 else {}
                email = f"lead{self.number}@shore.example"
                self.contacts.append(put(self.lab, "contacts", email=email, first_name="L", stage="lead", **more))
            case "deal" if contact:
                deal = {"name": f"Deal {self.number}", "status": "open", "stage": "New", "contact_ids": [contact]}
                self.deals.append(put(self.lab, "deals", **deal))
            case "customer" if contact:
                self.crm.edit("contacts", contact, {"stage": "customer" if which < 2 else "lead"})
            case "call" if contact:
                call = {"type": "call", "direction": "outbound", "done": True, "starts_at": now}
                put(self.lab, "activities", subject="Called", **call, **about)
            case "inbound" if contact:
                call = {"type": "call", "direction": "inbound", "outcome": "missed", "starts_at": now}
                put(self.lab, "activities", subject="Missed", **call, **about)
            case "task" if contact:
                due = iso(self.lab.clock() + which * HOUR)
                put(self.lab, "activities", type="task", subject="Own", done=False, due_at=due, **about)
            case "done":
                still = [id_ for id_, one in self.crm.all("activities").items() if not one.get("done")]
                if still:
                    self.crm.edit("activities", still[which % len(still)], {"done": True})
            case "leaves" | "returns":
                self.crm.edit("owners", self.staff[which % 2], {"active": what == "returns"})
            case "owner" if contact:
                self.crm.edit("contacts", contact, {"owner_id": self.staff[which % 2]})
            case "document" if contact:
                sent = {"type": "estimate", "status": "sent", "sent_at": now}
                put(self.lab, "documents", name=f"Estimate {self.number}", **sent, **about)
            case _:
                pass
