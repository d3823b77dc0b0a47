"""The client for Python programs, in front of the real API."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from api.client import Client, ProblemError
from api.console.people import Role
from api.v1.keys import Keys
from tests.api.v1.conftest import ANN
from tests.support import Lab, people


@pytest.fixture
def hub(lab: Lab, client: TestClient) -> Iterator[Client]:
    token, _ = Keys(lab.installation).make("a program", Role.OPERATOR, by=None)
    with Client("http://127.0.0.1/", token, http=client) as made:
        yield made


def test_it_finds_follows_explains_and_changes(lab: Lab, hub: Client) -> None:
    assert hub.me()["label"] == "a program"
    (ann,) = hub.find(ANN["email"])
    assert hub.record(ann["id"]) == ann
    _, place = hub.changes()
    told = hub.change(ann["id"], {"job_title": "Baker"}, version=ann["version"], once="a-1")
    assert hub.change(ann["id"], {"job_title": "Baker"}, version=ann["version"] + 1, once="a-1")["again"]
    changes, again = hub.changes(place)
    assert [one["record"] for one in changes] == [told["record"]]
    assert hub.changes(again) == ([], again)
    (why,) = hub.why(ann["id"], field="job_title")
    assert (why["value"], why["winner"]) == ("Baker", "hub")
    assert {one["name"] for one in hub.status()["connections"]} == {"crm", "shop"}


def test_it_walks_all_pages(lab: Lab, hub: Client) -> None:
    for one in people(3):
        hub.make("contact", {"email": one["email"]})
    assert len(list(hub.records(kind="contact"))) == 4
    lab.settle()
    log = [str(one) for one in hub.log(limit=2)]
    assert len(log) == len(set(log)) > 4


def test_a_problem_is_an_error_with_what_to_do(hub: Client) -> None:
    with pytest.raises(ProblemError) as refused:
        hub.record(999)
    assert (refused.value.status, refused.value.code, bool(refused.value.remedy)) == (404, "api.unknown", True)


def test_it_subscribes_and_ends(hub: Client) -> None:
    made = hub.subscribe("https://shop.example/heard", ["contact.*"], once="a-2")
    assert made["secret"].startswith("whsec_")
    hub.unsubscribe(made["id"])
    hub.unsubscribe(made["id"])
