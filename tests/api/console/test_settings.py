"""Settings: texts of the configuration, planned before they are in force."""

from __future__ import annotations

import re

import pytest
from httpx import Response

from tests.api.console.conftest import Browser, words
from tests.support import Lab

RULE = "contact:\n  job_title: {prefer: [shop]}\n"


@pytest.fixture
def shops(lab: Lab) -> Lab:
    for name, title in (("shop", "Baker"), ("crm", "Chef")):
        tool = lab.tool(name)
        tool.create("contacts", {"email": "ann@shore.example", "first_name": "Ann", "job_title": title})
        lab.clock.sleep(60)
    lab.settle()
    return lab


def mark_of(page: Response) -> str:
    found = re.search(r'name="mark" value="([^"]+)"', page.text)
    assert found, words(page.text)
    return found[1]


def titles(lab: Lab) -> set[object]:
    return {one["job_title"] for tool in lab.tools.values() for one in tool.all("contacts").values()}


def test_a_rule_is_planned_then_in_force_then_carried_out(shops: Lab, admin: Browser):
    before = titles(shops)
    assert len(before) == 1
    wanted = "Baker" if before == {"Chef"} else "Chef"
    rule = RULE if wanted == "Baker" else RULE.replace("shop", "crm")
    plan = admin.follow(admin.post("settings/rules", text=rule))
    said = words(plan.text)
    assert "contact job_title 1" in said
    assert f"{next(iter(before))} → {wanted}" in said
    assert titles(shops) == before, "nothing is written by looking"
    done = admin.post("settings/rules/activate", text=rule, mark=mark_of(plan))
    assert done.status_code == 303
    assert "can be undone" in admin.read(done.headers["location"].removeprefix("/console/"))
    shops.settle()
    assert titles(shops) == {wanted}
    assert "Rules" in admin.read("settings")
    assert "activate a change" in admin.read("trail")


def test_what_is_agreed_to_must_be_what_would_be_done(shops: Lab, admin: Browser):
    plan = admin.follow(admin.post("settings/rules", text=RULE))
    text = RULE + "# and one more\ncompany: {}\n"
    again = admin.follow(admin.post("settings/rules/activate", text=text, mark=mark_of(plan)))
    assert "Something has changed since you looked" in words(again.text)
    assert "prefer" not in admin.read("settings/rules")


@pytest.mark.parametrize(
    ("what", "text", "said"),
    [
        ("rules", "contact:\n  job_titel: latest\n", "job_titel"),
        ("rules", "contact: {job_title: {prefer: [nobody]}}\n", "nobody"),
        ("movement", "stages: 7\n", "line 1"),
        ("maintenance", "nowhere: {days: [sunday]}\n", "nowhere"),
        ("rules", "a: [", "line"),
    ],
)
def test_what_is_wrong_is_told_and_the_text_stays(lab: Lab, admin: Browser, what: str, text: str, said: str):
    answer = admin.post(f"settings/{what}", text=text)
    assert answer.status_code == 400
    assert said in words(answer.text)
    assert text.splitlines()[0] in words(answer.text)


def test_nothing_is_planned_where_nothing_changes(shops: Lab, admin: Browser):
    plan = admin.follow(admin.post("settings/rules", text=RULE))
    admin.post("settings/rules/activate", text=RULE, mark=mark_of(plan))
    assert "in force already" in words(admin.post("settings/rules", text=RULE).text)


def test_there_is_no_such_setting(admin: Browser):
    assert admin.open("settings/locale").status_code == 404
    assert admin.post("settings/secrets", text="x").status_code == 404
