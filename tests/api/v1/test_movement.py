"""How open records stand, as programs are told: the scorecard, the records behind it, and forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from api.assembly import Text
from api.console.people import Role
from api.scorecard import scorecard
from tests.api.test_audit_command import POLICY
from tests.api.v1.conftest import Program
from tests.support import EVERYTHING, Lab

Made = Callable[..., Program]
FORMS = """
quote:
  title: Ask for a quote
  sites: [https://shop.example]
  fields:
    email: {label: Email, required: true}
"""


@pytest.fixture
def leads(lab: Lab) -> list[str]:
    """People who asked for something; the policy asks for an owner of each."""
    lab.installation.change(texts={"movement": Text(POLICY, "movement.yaml"), "forms": Text(FORMS, "forms.yaml")})
    lab.tool("desk", mapping=EVERYTHING)
    owner = lab.tools["desk"].create("owners", {"name": "Olga Prune", "email": "olga@shop.example"})
    names = ["Zoe", "Yan", "Xenia"]
    for number, name in enumerate(names):
        fields = {"email": f"{name}@shore.example", "first_name": name, "stage": "lead", "asked": "A quote"}
        lab.tools["desk"].create("contacts", {**fields, **({"owner_id": owner} if not number else {})})
    lab.settle()
    scorecard(lab.installation)
    return names


def listed(actor: Program, **asked: Any) -> list[dict[str, Any]]:
    answer = actor.get("/scorecard/records", params=asked)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def test_the_records_behind_a_number_are_as_many_as_it_says(program: Made, leads: list[str]) -> None:
    actor = program()
    whole = actor.get("/scorecard").json()["whole"]
    assert whole["open"] - whole["owner"] == len(listed(actor, missing="owner")) == 2
    (owned,) = listed(actor, owner="olga@shop.example")
    assert owned["title"] == leads[0]
    assert owned["owner"] == "Olga Prune"
    assert "owner" not in owned["missing"]
    lacking = listed(actor, missing="owner")[0]["missing"]["owner"]
    assert all(lacking[name] for name in ("because", "who", "fix"))


def test_pages_of_them_make_the_whole(program: Made, leads: list[str]) -> None:
    actor, after, seen = program(), "", []
    while True:
        page = actor.get("/scorecard/records", params={"limit": 2, "after": after}).json()
        seen += [one["title"] for one in page["items"]]
        if (after := page["next"]) is None:
            break
    assert seen == leads


def test_a_viewers_key_is_told_what_is_lacking_and_of_nobody(program: Made, leads: list[str]) -> None:
    told = program(Role.VIEWER).get("/scorecard/records").text
    assert not [name for name in (*leads, "Olga", "Prune", "shore.example") if name in told]
    assert '"owner":null' in told.replace(" ", "")


def test_what_cannot_be_asked_is_said(program: Made, leads: list[str]) -> None:
    actor = program()
    assert actor.get("/scorecard/records", params={"missing": "luck"}).status_code == 422
    assert actor.get("/scorecard/records", params={"owner": "nobody"}).status_code == 404
    assert actor.get("/scorecard/records", params={"after": "x"}).status_code == 422


def test_without_a_policy_it_is_said_that_nothing_is_asked(program: Made) -> None:
    answer = program().get("/scorecard/records")
    assert answer.status_code == 400
    assert "policy" in answer.json()["detail"]


def test_forms_tell_what_they_brought(program: Made, leads: list[str]) -> None:
    assert program().get("/forms").json() == [
        {"name": "quote", "title": "Ask for a quote", "leads": 0, "trapped": 0, "unknown": {}}
    ]
