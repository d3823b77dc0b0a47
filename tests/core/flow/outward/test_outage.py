"""A tool that is away for days: nothing is given up meanwhile, and agreement comes back by itself."""

from __future__ import annotations

from core.flow.outward.reconcile import reconcile
from core.flow.sync import sync
from core.model.instant import HOUR, MINUTE, SECOND
from tests.support import Lab, people

DAYS = 72 * HOUR
EVERY = 20 * MINUTE


def test_after_three_days_of_outage_agreement_comes_back_unaided(lab: Lab):
    for name in ("a", "b", "c"):
        lab.tool(name)
    for person in people(30):
        lab.tools["a"].create("contacts", person)
    lab.settle()
    lab.tools["b"].down = True
    waited = 0
    while waited < DAYS:
        hour = waited // HOUR
        if waited % (6 * HOUR) == 0:
            # People work on everywhere, also in the tool that the hub cannot reach.
            lab.tools["a"].edit("contacts", lab.find("a", email=email(hour // 6)), job_title=f"A at {hour}")
            lab.tools["b"].edit("contacts", lab.find("b", email=email(hour // 6 + 14)), job_title=f"B at {hour}")
            lab.tools["c"].create("contacts", {"email": f"new{hour}@shore.example", "first_name": f"New {hour}"})
        sync(lab.refreshed(), everything=False)
        lab.wait(EVERY / SECOND)
        waited += EVERY
    lab.tools["b"].down = False
    for _ in range(12):
        sync(lab.refreshed(), everything=False)
        lab.wait(EVERY / SECOND)
    assert lab.pending() == 0
    assert lab.dead_letters() == []
    for name in ("a", "b", "c"):
        assert reconcile(lab.hub, lab.connection(name)).whole.share == 1.0
        assert len(lab.tools[name].all("contacts")) == 42
        assert lab.held(name, lab.find(name, email=email(3)))["job_title"] == "A at 18"
        assert lab.held(name, lab.find(name, email=email(17)))["job_title"] == "B at 18"


def email(number: int) -> str:
    return str(people(1, start=number)[0]["email"])
