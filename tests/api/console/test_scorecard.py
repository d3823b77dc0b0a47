"""The scorecard in the console: every number leads to its records, viewers see no names, operators mend."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import pytest

from api.assembly import Text
from core.flow.movement.auditing import audit
from tests.api.console.conftest import Browser, words
from tests.api.test_audit_command import POLICY
from tests.support import EVERYTHING, Lab

Someone = Callable[[str], Browser]


@pytest.fixture
def leads(lab: Lab) -> Lab:
    lab.installation.change(texts={"movement": Text(POLICY, "movement.yaml")})
    crm = lab.tool("crm", mapping=EVERYTHING)
    owner = crm.create("owners", {"name": "Priya Nair", "email": "priya@shop.example", "active": True})
    for number in range(3):
        lead = {"email": f"lead{number}@shore.example", "first_name": "Gwen", "stage": "lead", "source": "web"}
        crm.create("contacts", {**lead, **({"owner_id": owner} if number else {})})
    lab.settle()
    audit(lab.hub)
    return lab


def test_every_number_leads_to_its_records(leads: Lab, someone: Someone):
    bob = someone("operator")
    card = bob.open("scorecard", by="owner").text
    links = set(
        re.findall(r'href="/console/(scorecard/records[^"]*)">([0-9,]+)(?: (?:lack it|missed|do not))?</a>', card)
    )
    assert len(links) > 10
    for link, number in links:
        behind = bob.open(unescape(link))
        assert behind.status_code == 200
        assert behind.text.count('<th scope="row">') == int(number), link


def test_a_viewer_sees_who_is_meant_and_no_names(leads: Lab, someone: Someone):
    assert "Gwen" in someone("operator").read("scorecard/records", missing="owner")
    seen = someone("viewer").read("scorecard/records", missing="owner")
    assert "Gwen" not in seen
    assert "lead0@shore" not in seen
    assert "G•••" in seen
    assert "owner: " in seen


def test_without_a_policy_it_is_said_what_to_do(admin: Browser):
    for page in ("scorecard", "scorecard/records"):
        answer = admin.open(page)
        assert answer.status_code == 404
        assert "No movement policy is in force" in words(answer.text)
    assert "four elements" not in admin.read("")


def test_a_viewer_cannot_mend(leads: Lab, someone: Someone):
    assert someone("viewer").post("scorecard/mend", record="1", what="stage").status_code == 403
    answer = someone("operator").post("scorecard/mend", record="1", what="no such finding")
    assert answer.status_code == 400


def test_the_overview_shows_the_four_elements(leads: Lab, someone: Someone):
    assert "With an owner 2 66 %" in someone("viewer").read("")
