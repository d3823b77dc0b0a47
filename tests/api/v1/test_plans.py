"""Changes of mappings and settings by the API: checked, planned, looked at, in force only as they were agreed to."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Any

import pytest

from api import drafting
from api.console.people import Role
from core.store import trail
from tests.api.v1.conftest import ANN, Program
from tests.support import PEOPLE, Lab

Made = Callable[..., Program]
RENAMED = PEOPLE.replace("job_title: {field: job_title}", "job_title: {field: position}")
SHORTER = PEOPLE.replace("    phone: {field: phone}\n", "")


def planned(admin: Program, **asked: str) -> tuple[dict[str, Any], str]:
    """A plan, and its ETag."""
    answer = admin.post("/plans", asked)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/v1/plans/{answer.json()['id']}"
    found = admin.get(f"/plans/{answer.json()['id']}")
    assert (found.status_code, found.json()) == (200, answer.json())
    return found.json(), found.headers["etag"]


def done_by(lab: Lab) -> list[str]:
    with lab.hub.store.reading() as tx:
        return [one.what for one in trail.steps(tx) if one.who.startswith("key ")]


def test_a_mapping_is_planned_looked_at_and_put_in_force(lab: Lab, program: Made) -> None:
    admin = program(Role.ADMIN)
    before = lab.record(email=ANN["email"]).version
    asked, tag = planned(admin, mapping="shop", text=RENAMED)
    assert (asked["state"], asked["mapping"], asked["run"]) == ("ready", "shop", None)
    assert asked["plan"]["change"]["changed"] == {"shop": ["mapping"]}
    assert {"sign": "+", "line": "    job_title: {field: position}"} in asked["changes"]
    assert admin.get("/mappings/shop").text == PEOPLE
    told = admin.post(f"/plans/{asked['id']}/activate", headers={"If-Match": tag})
    assert told.status_code == 200, told.text
    assert told.json()["state"] == "in_force"
    assert told.json()["run"] == told.json()["done"]["run"] > 0
    assert admin.get("/mappings/shop").text == RENAMED
    assert done_by(lab) == ["activate a change", "plan a change"]
    assert lab.record(email=ANN["email"]).version == before
    again = admin.post(f"/plans/{asked['id']}/activate", headers={"If-Match": tag})
    assert (again.status_code, again.json()["code"]) == (409, "plan.state")


def test_what_a_plan_lists_is_written(lab: Lab, program: Made) -> None:
    admin = program(Role.ADMIN)
    rules = "contact:\n  first_name: {prefer: [shop, crm]}\n"
    lab.tools["shop"].edit("contacts", lab.find("shop", email=ANN["email"]), first_name="Anne")
    lab.settle()
    lab.clock.sleep(60)
    lab.tools["crm"].edit("contacts", lab.find("crm", email=ANN["email"]), first_name="Annie")
    lab.settle()
    asked, tag = planned(admin, setting="rules", text=rules)
    assert asked["plan"]["writes"] == 2
    (sample,) = asked["plan"]["connections"]["crm"]["samples"]
    assert sample["fields"]["first_name"] == {"before": "Annie", "after": "Anne"}
    told = admin.post(f"/plans/{asked['id']}/activate", headers={"If-Match": tag}).json()
    assert (told["done"]["planned"], told["done"]["done"]) == (2, 2)
    assert lab.held("crm", lab.find("crm", email=ANN["email"]))["first_name"] == "Anne"


def test_a_plan_that_would_do_something_else_by_now_is_refused_and_shown_anew(lab: Lab, program: Made) -> None:
    admin = program(Role.ADMIN)
    asked, tag = planned(admin, mapping="shop", text=RENAMED)
    lab.tools["crm"].create("contacts", {"email": "bo@shore.example", "first_name": "Bo", "job_title": "Cook"})
    lab.settle()
    stale = admin.post(f"/plans/{asked['id']}/activate", headers={"If-Match": tag})
    assert (stale.status_code, stale.json()["code"]) == (412, "plan.changed")
    assert admin.get("/mappings/shop").text == PEOPLE
    anew = admin.get(f"/plans/{asked['id']}")
    assert anew.json()["state"] == "ready"
    assert anew.json()["anew"]
    assert anew.headers["etag"] == stale.headers["etag"] != tag
    old = admin.post(f"/plans/{asked['id']}/activate", headers={"If-Match": tag})
    assert (old.status_code, old.json()["code"]) == (412, "plan.changed")
    taken = admin.post(f"/plans/{asked['id']}/activate", headers={"If-Match": anew.headers["etag"]})
    assert (taken.status_code, taken.json()["state"]) == (200, "in_force")


def test_what_is_wrong_in_a_text_is_told_with_line_and_column(program: Made) -> None:
    admin = program(Role.ADMIN)
    wrong = admin.post("/plans", {"mapping": "shop", "text": PEOPLE.replace("job_title: {", "job_titel: {")})
    assert (wrong.status_code, wrong.headers["content-type"]) == (422, "application/problem+json")
    (part,) = wrong.json()["errors"]
    assert (part["pointer"], part["line"], part["column"]) == ("/text", 11, 5)
    assert "job_title" in part["remedy"]
    assert "line 11, column 5" in wrong.json()["detail"]
    broken = admin.post("/plans", {"setting": "movement", "text": "contact:\n  nonsense: 5\n"})
    assert broken.status_code == 422
    assert [one["line"] for one in broken.json()["errors"]] == [1]


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"mapping": "none", "text": PEOPLE}, 404),
        ({"setting": "none", "text": ""}, 404),
        ({"mapping": "shop", "text": PEOPLE}, 400),
        ({"text": PEOPLE}, 422),
        ({"mapping": "shop", "setting": "rules", "text": PEOPLE}, 422),
    ],
    ids=["no such mapping", "no such setting", "in force already", "neither", "both"],
)
def test_what_cannot_be_planned_is_refused(program: Made, asked: dict[str, str], status: int) -> None:
    assert program(Role.ADMIN).post("/plans", asked).status_code == status


def test_nobody_activates_what_they_have_not_seen(program: Made) -> None:
    admin = program(Role.ADMIN)
    asked, _ = planned(admin, mapping="shop", text=SHORTER)
    unseen = admin.post(f"/plans/{asked['id']}/activate")
    assert (unseen.status_code, unseen.json()["code"]) == (428, "plan.unseen")
    assert admin.post(f"/plans/{asked['id']}/activate", headers={"If-Match": '"other"'}).status_code == 412
    assert admin.post("/plans/1/activate", headers={"If-Match": "*"}).status_code == 404


def test_a_plan_is_made_once_for_an_idempotency_key(lab: Lab, program: Made) -> None:
    admin, key = program(Role.ADMIN), {"Idempotency-Key": "mine"}
    first, second = (admin.post("/plans", {"mapping": "shop", "text": SHORTER}, headers=key).json() for _ in range(2))
    assert first == second
    assert done_by(lab) == ["plan a change"]


def test_a_plan_that_takes_longer_is_asked_for_again(program: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    admin, gate = program(Role.ADMIN), Event()

    def slow(*given: Any, **more: Any) -> Any:
        more["tell"]("What is held is copied.")
        assert gate.wait(60)
        return drafting.planned(*given, **more)

    monkeypatch.setattr("api.activating.planned", slow)
    monkeypatch.setattr("api.errands.PATIENCE", 0.0)
    begun = admin.post("/plans", {"mapping": "shop", "text": SHORTER})
    assert (begun.status_code, begun.json()["state"], begun.json()["plan"]) == (202, "planning", None)
    where = begun.headers["location"].removeprefix("/v1")
    early = admin.post(f"{where}/activate", headers={"If-Match": "*"})
    assert (early.status_code, early.json()["code"]) == (409, "plan.state")
    gate.set()
    found = next(one for _ in range(10_000) if (one := admin.get(where)).json()["state"] != "planning")
    assert found.json()["state"] == "ready"
    assert found.headers["etag"]
