"""`/audit`: the scorecard as a page, and the records behind its numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.assembly import Text
from tests.api.test_audit_command import POLICY
from tests.support import EVERYTHING, Lab


@pytest.fixture
def page(tmp_path: Path) -> Iterator[TestClient]:
    with Lab(tmp_path) as lab:
        lab.installation.change(texts={"movement": Text(POLICY, "movement.yaml")})
        crm = lab.tool("crm", mapping=EVERYTHING)
        owner = crm.create("owners", {"name": "Priya Nair", "email": "priya@shop.example", "active": True})
        for number in range(3):
            lead = {"email": f"lead{number}@shore.example", "first_name": f"<b>Lead{number}</b>", "stage": "lead"}
            crm.create("contacts", {**lead, "source": "web & shop", **({"owner_id": owner} if number else {})})
        lab.settle()
        with TestClient(create_app(lab.installation), base_url="http://localhost") as client:
            client.app_state["lab"] = lab
            yield client


def test_every_number_leads_to_its_records(page: TestClient) -> None:
    found = page.get("/audit", params={"by": "source"})
    assert found.status_code == 200
    assert "web &amp; shop" in found.text
    link = '/audit/records?missing=owner&amp;source=web+%26+shop"'
    assert link in found.text
    behind = page.get(link[:-1].replace("&amp;", "&")).text
    assert "&lt;b&gt;Lead0&lt;/b&gt;" in behind
    assert "Lead1" not in behind
    assert "Give it an owner" in behind


def test_every_link_on_the_page_leads_to_as_many_records_as_its_number_says(page: TestClient) -> None:
    links = set()
    for by in ("stage", "source", "owner", "tool", "week", "kind"):
        text = page.get("/audit", params={"by": by}).text
        links |= set(re.findall(r'<a href="(/audit/records[^"]*)">([0-9,]+)(?: (?:lack it|missed|do not))?</a>', text))
    assert len(links) > 40
    for link, number in links:
        behind = page.get(link.replace("&amp;", "&"))
        assert behind.status_code == 200
        assert behind.text.count('<th scope="row">') == int(number), link


def test_those_without_an_owner_are_listed_apart_from_all_others(page: TestClient) -> None:
    assert "/audit/records?missing=action&amp;none=owner" in page.get("/audit", params={"by": "owner"}).text
    behind = page.get("/audit/records", params={"missing": "action", "none": "owner"}).text
    assert "Records without a next action, without a owner." not in behind
    assert "Records without a next action, without an owner." in behind
    assert "Lead0" in behind
    assert "Lead1" not in behind


def test_a_tool_and_a_week_have_lists_of_their_own(page: TestClient) -> None:
    assert "Records with the tool crm." in page.get("/audit/records", params={"tool": "crm"}).text
    assert "No record is like that" in page.get("/audit/records", params={"tool": "mail"}).text
    week = re.search(r'week=([0-9W-]+)"', page.get("/audit", params={"by": "week"}).text)
    assert week is not None
    assert "Lead2" in page.get("/audit/records", params={"week": week[1]}).text


def test_status_and_scorecard_lead_to_each_other(page: TestClient) -> None:
    assert '<a href="/audit">' in page.get("/").text
    assert '<a href="/">' in page.get("/audit").text


def test_it_can_be_counted_by_each_word_and_an_unknown_one_is_the_stage(page: TestClient) -> None:
    for by in ("stage", "source", "owner", "tool", "week", "kind", "shoe size"):
        assert page.get("/audit", params={"by": by}).status_code == 200
    assert "Captured" in page.get("/audit", params={"by": "shoe size"}).text


def test_what_does_not_fit_together_is_told_with_the_act_that_mends_it(page: TestClient) -> None:
    told = page.get("/audit/records", params={"only": "unreal"}).text
    assert "no tool shows that they asked" in told
    assert "Is it Captured? Nothing shows it</button>" in told


def test_nothing_on_the_page_runs_or_is_fetched(page: TestClient) -> None:
    found = page.get("/audit")
    assert "default-src 'none'" in found.headers["content-security-policy"]
    assert "<script" not in found.text


def test_somebody_unknown_is_told_plainly(page: TestClient) -> None:
    found = page.get("/audit/records", params={"owner": "nobody@shop.example"})
    assert found.status_code == 404
    assert "Give the address they sign in with" in found.text


def test_without_a_policy_the_page_says_how_to_get_one(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab, TestClient(create_app(lab.installation), base_url="http://localhost") as client:
        found = client.get("/audit")
        assert found.status_code == 404
        assert "No movement policy is in force" in found.text


def test_a_click_mends_what_it_stands_beside_once(page: TestClient) -> None:
    told = page.get("/audit/records", params={"only": "unreal"}).text
    tokens = re.findall(r'name="token" value="([^"]+)"', told)
    assert len(tokens) == 3
    back = page.post("/audit/mend", data={"token": tokens[0], "how": "task"}, follow_redirects=False)
    assert (back.status_code, back.headers["location"]) == (303, "/audit/records?only=unreal")
    lab = page.app_state["lab"]
    lab.settle()
    tasks = [one["subject"] for one in lab.tools["crm"].all("activities").values()]
    assert tasks == ["Is it Captured? Nothing shows it"]


def test_a_foreign_page_cannot_press_a_button(page: TestClient) -> None:
    for token in ("", "made up", "gAAAAABqmade"):
        assert page.post("/audit/mend", data={"token": token}).status_code == 404
    assert "button was not made by this hub" in page.post("/audit/mend", data={"token": "made up"}).text


def test_a_page_that_others_can_reach_has_no_buttons(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        lab.installation.change(texts={"movement": Text(POLICY, "movement.yaml")})
        crm = lab.tool("crm", mapping=EVERYTHING)
        crm.create("contacts", {"email": "ann@shore.example", "stage": "lead"})
        lab.settle()
        with TestClient(create_app(lab.installation, host="0.0.0.0")) as client:  # noqa: S104 - a name, nothing listens
            told = client.get("/audit/records", params={"only": "unreal"}).text
            assert "<button" not in told
            assert "concord mend" in told
            assert client.post("/audit/mend", data={"token": "any"}).status_code in (404, 405)
