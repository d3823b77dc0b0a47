"""The four elements of a real pipeline: 2,089 open deals that a spreadsheet keeps, under the policy of a sales team.

What the audit must say is written down from the spreadsheet's own counts and the policy: everybody has an agent who is
there, nothing says what is next or by when, and follow-through is switched off, so no ladder is armed.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from core.decide.movement.audit import ELEMENTS
from core.decide.movement.policy import Mode, Step
from core.decide.movement.reading import load_policy
from core.flow.hub import Hub
from core.flow.movement.auditing import audit
from core.flow.movement.following import follow
from core.flow.saying import say
from core.store import movement
from core.store.movement import Kept
from tests.support import Lab
from tests.system.test_pipeline import CRM, ROOT, SHARED, connect, iso, pytestmark, rows

__all__ = ["pytestmark"]

POLICY = ROOT / "mappings" / "movement" / "b2b-sales.yaml"
TODAY = date(2017, 12, 31)
YESTERDAY = datetime(2017, 12, 30, tzinfo=UTC).timestamp()
PROSPECTING, ENGAGING, WON = 500, 1_589, 4_238
OPEN = PROSPECTING + ENGAGING
STAGES = ("Prospecting", "Engaging")


ACTIVITIES = """
activities:
  as: activity
  fields:
    type: {field: type}
    subject: {field: subject}
    status: {field: status}
    done: {field: done}
    due_at: {field: due_at}
    tags: {field: tags}
    deal: {field: deal_id, ref: deal}
    owner: {field: owner_id, ref: owner}
"""


def ruled(hub: Hub) -> Hub:
    """The hub under the policy of a sales team."""
    text = POLICY.read_text(encoding="utf-8")
    return replace(hub, movement=load_policy(text, file=POLICY.name, shapes=hub.shapes, locale=hub.locale))


def acting(hub: Hub) -> Hub:
    """The same with follow-through switched on."""
    policy = ruled(hub).movement
    return replace(hub, movement=replace(policy, mark="acting", modes=dict.fromkeys(Step, Mode.ACT)))


@contextmanager
def pipeline(folder: Path) -> Iterator[Lab]:
    """The spreadsheets of yesterday, connected and not yet taken in."""
    sheets = folder / "sheets"
    sheets.mkdir()
    for source in SHARED.glob("*.csv"):
        os.utime(shutil.copyfile(source, sheets / source.name), (YESTERDAY, YESTERDAY))
    with Lab(folder / "data", start=f"{TODAY}T12:00:00Z") as lab:
        connect(lab, sheets)
        yield lab


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Taken in and audited; read by the tests and changed by none."""
    with pipeline(tmp_path_factory.mktemp("pipeline")) as lab:
        lab.dressed = ruled
        lab.refreshed()
        lab.sync(until_quiet=True)
        audit(lab.hub)
        yield lab


def kept(lab: Lab) -> list[Kept]:
    with lab.hub.store.reading() as tx:
        return movement.after(tx, 0, 20_000)


def test_every_open_deal_is_judged_as_counted_by_hand(lab: Lab) -> None:
    found = [one for one in kept(lab) if one.open]
    assert len(found) == OPEN == 2_089
    assert Counter(one.stage for one in found) == {"Prospecting": PROSPECTING, "Engaging": ENGAGING}
    there = {name: sum(one.elements >> place & 1 for one in found) for place, name in enumerate(ELEMENTS)}
    assert there == {"owner": OPEN, "action": 0, "timing": 0, "recovery": 0}
    assert {one.score for one in found} == {1}
    told = Counter((name, said[1]) for one in found for name, said in zip(ELEMENTS, one.told["elements"], strict=True))
    assert told["action", "no next step is set down"] == OPEN
    assert told["timing", "there is nothing to be in time"] == OPEN
    assert told["recovery", "the ladder new lead is not armed"] == PROSPECTING
    assert told["recovery", "the ladder deal is not armed"] == ENGAGING
    agents = Counter(one["sales_agent"] for one in rows(SHARED, "sales_pipeline.csv") if one["deal_stage"] in STAGES)
    assert {name: told["owner", name] for name in agents} == dict(agents)


def test_those_that_engage_for_too_long_are_stale(lab: Lab) -> None:
    pipeline = [one for one in rows(SHARED, "sales_pipeline.csv") if one["deal_stage"] == "Engaging"]
    oldest = (TODAY - timedelta(days=90)).isoformat()
    expected = sum((iso(one["engage_date"]) or "") <= oldest for one in pipeline)
    found = [one for one in kept(lab) if one.open and one.stale]
    assert 0 < len(found) == expected
    assert {one.stage for one in found} == {"Engaging"}


def test_no_tool_shows_what_the_stages_claim(lab: Lab) -> None:
    claims = Counter(one.stage for one in kept(lab) if one.unreal)
    assert claims == {"Prospecting": PROSPECTING, "Engaging": ENGAGING, "Won": WON}


def test_after_follow_through_every_open_deal_is_protected_and_the_tool_holds_the_tasks(tmp_path: Path) -> None:
    with pipeline(tmp_path) as lab:
        crm = lab.tool("crm", mapping=CRM + ACTIVITIES)
        lab.dressed = acting
        lab.refreshed()
        lab.sync(until_quiet=True)
        audit(lab.hub)
        assert follow(lab.hub).taken == {Step.TASK: OPEN}
        audit(lab.hub)
        assert {one.score for one in kept(lab) if one.open} == {4}
        lab.sync(until_quiet=True)
        audit(lab.hub)
        assert follow(lab.hub).taken == {}
        tasks = list(crm.all("activities").values())
        assert len(tasks) == len({one["deal_id"] for one in tasks}) == OPEN
        deals = crm.all("deals")
        assert all(one["owner_id"] == deals[one["deal_id"]]["owner_id"] for one in tasks)
        assert sum(one.open for one in kept(lab)) == OPEN
        assert {one.score for one in kept(lab) if one.open} == {4}


def test_the_deals_of_an_agent_who_leaves_are_given_once_each_to_those_who_are_there(tmp_path: Path) -> None:
    with pipeline(tmp_path) as lab:
        lab.dressed = acting
        lab.refreshed()
        lab.sync(until_quiet=True)
        audit(lab.hub)
        follow(lab.hub)
        load = Counter(one.owner_id for one in kept(lab) if one.open)
        (leaver, count), *_ = load.most_common()
        say(lab.hub, int(leaver or 0), {"active": False})
        audit(lab.hub)
        assert follow(lab.hub).taken == {Step.ASSIGN: count}
        audit(lab.hub)
        assert follow(lab.hub).taken == {}
        after = Counter(one.owner_id for one in kept(lab) if one.open)
        assert leaver not in after
        assert after.total() == OPEN
