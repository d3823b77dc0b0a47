"""The sync log in the console: asked by what a person knows, told with who acts, shared by its address, exported."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from connectors.memory.tool import Habits
from core.ports import Fields
from core.store import trail
from tests.api.console.conftest import Browser, words
from tests.support import Lab, people

Someone = Callable[..., Browser]
ANN = {"email": "ann@shore.example", "first_name": "Ann", "last_name": "Shore", "phone": "+447700900123"}


def refusing(stream: str, fields: Fields) -> str | None:
    """What a tool says to whoever has no first name."""
    return None if fields.get("first_name") else "First name is missing for ben@quay.example"


@pytest.fixture
def shop(lab: Lab) -> Lab:
    """Two tools, two people, and one who is refused."""
    lab.tool("crm")
    lab.tool("shop", habits=Habits(validator=refusing))
    lab.tools["crm"].create("contacts", ANN)
    lab.tools["crm"].create("contacts", {"email": "ben@quay.example", "last_name": "Quay"})
    lab.settle()
    return lab


def entries(page: str) -> list[str]:
    return [words(one) for one in re.findall(r"(?s)<li>\s*<p class=\"soft\">(.*?)</li>", page)]


def last_step(lab: Lab) -> tuple[str, Any]:
    with lab.installation.store.reading() as tx:
        (step,) = trail.steps(tx, limit=1)
    return step.what, dict(step.about)


def test_the_newest_comes_first_and_older_pages_follow(lab: Lab, someone: Someone):
    lab.tool("crm")
    for one in people(70):
        lab.tools["crm"].create("contacts", one)
    lab.settle()
    bob = someone("operator")
    page = bob.open("log").text
    first = entries(page)
    assert len(first) == 50
    more = re.search(r'href="/console/(log\?older=[^"]+)">Older', page)
    assert more is not None
    second = entries(bob.open(more[1].replace("&amp;", "&")).text)
    assert len(second) == 20
    assert not set(first) & set(second)


@pytest.mark.parametrize("who", ["ann@shore.example", "Ann Shore", "+44 7700 900123"])
def test_somebodys_entries_are_found_by_what_is_known_of_them(shop: Lab, someone: Someone, who: str):
    page = someone("operator").open("log", who=who).text
    found = entries(page)
    assert found
    assert all("Ann Shore" in one for one in found)
    ann = shop.record(email=ANN["email"])
    assert f'href="/console/records/contact/{ann.id}"' in page
    assert last_step(shop) == ("search the log", {"records": [ann.id]})


def test_filters_narrow_and_links_lead_to_the_run(shop: Lab, someone: Someone):
    bob = someone("operator")
    page = bob.open("log", connection="shop").text
    assert entries(page)
    assert all(" shop" in one for one in entries(page))
    run = re.search(r"/console/(log\?run=\d+)", page)
    assert run is not None
    assert "It did:" in words(bob.open(run[1]).text)
    shop.wait(3_600)
    assert "The log holds nothing like that" in bob.read("log", since="30min")
    assert entries(bob.open("log", since="2h").text)


def test_a_failure_says_what_happened_who_acts_and_what_to_do(shop: Lab, someone: Someone):
    page = someone("operator").read("log", code="refused")
    assert "What happened The tool refused this record." in page
    assert "Who acts admin" in page
    assert "What to do Mend the value or the mapping" in page
    assert "dead letter" in page


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"connection": "nowhere"}, "There is no connection 'nowhere'. Choose one of these: crm, shop."),
        ({"run": "many"}, "'many' is no number of a run."),
        ({"record": "9" * 40}, "is no number of a record."),
        ({"since": "yesterday"}, "'yesterday' is no moment."),
        ({"older": "here"}, "'here' is no place in the log."),
    ],
)
def test_what_cannot_be_understood_is_said(shop: Lab, someone: Someone, asked: dict[str, str], why: str):
    answer = someone("viewer").open("log", **asked)
    assert answer.status_code == 400
    assert why in words(answer.text)


def test_nobody_is_found_and_that_is_said(shop: Lab, someone: Someone):
    assert "Nobody and nothing is known by that" in someone("viewer").read("log", who="zoe@none.example")


def test_a_viewer_sees_what_happened_and_to_nobody(shop: Lab, someone: Someone):
    page = someone("viewer").open("log").text
    assert "first seen" in page
    assert "A••• S•••" in page
    for word in ("Shore", "Quay", "shore.example", "quay.example", "7700", "Export"):
        assert word not in page, word


def test_the_same_question_is_exported(shop: Lab, someone: Someone):
    bob = someone("operator")
    answer = bob.post("log/export", form="csv", who="ann@shore.example")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert {one["title"] for one in rows} == {"Ann Shore"}
    assert 'filename="concord-log.csv"' in answer.headers["content-disposition"]
    assert last_step(shop) == ("export the log", {"entries": len(rows), "form": "csv"})
    told = json.loads(bob.post("log/export", form="json", connection="shop").text)["entries"]
    assert {one["connection"] for one in told} == {"shop"}
    assert bob.post("log/export", form="csv", run="many").status_code == 400


def test_no_cell_of_an_export_is_a_formula(lab: Lab, someone: Someone):
    lab.tool("crm")
    lab.tools["crm"].create("contacts", {"email": "eve@hill.example", "first_name": "=HYPERLINK(1)"})
    lab.settle()
    answer = someone("operator").post("log/export", form="csv")
    assert {one["title"] for one in csv.DictReader(io.StringIO(answer.text))} == {"'=HYPERLINK(1)"}


def test_who_may_not_export_is_refused(shop: Lab, someone: Someone):
    assert someone("viewer").post("log/export", form="csv").status_code == 403
    bob = someone("operator")
    assert bob.client.post("/console/log/export", data={"form": "csv"}).status_code == 400
