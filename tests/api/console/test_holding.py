"""Holding a field on the page of a record."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote

import pytest

from tests.api.console.conftest import Browser
from tests.support import Lab


@pytest.fixture
def shop(lab: Lab) -> Lab:
    for name in ("crm", "news"):
        lab.tool(name)
    lab.tools["crm"].create("contacts", {"email": "ann@shore.example", "first_name": "Ann", "job_title": "Baker"})
    lab.settle()
    lab.wait(60)
    return lab


def test_an_operator_holds_a_field_and_lets_it_go(shop: Lab, someone: Callable[[str], Browser]):
    page = f"records/contact/{shop.record(email='ann@shore.example').id}"
    operator, viewer = someone("operator"), someone("viewer")
    form = {"field": "job_title", "why": "the import spoils it", "until": "3d"}
    assert viewer.post(f"{page}/hold", **form).status_code == 403
    for wrong in ({"why": ""}, {"until": "soon"}, {"field": "consent.email"}, {"field": "shoe"}):
        assert operator.post(f"{page}/hold", **(form | wrong)).status_code == 400
    done = operator.post(f"{page}/hold", **form)
    assert done.status_code == 303
    run = re.search(r"run (\d+)", unquote(done.headers["location"]))
    assert run is not None
    shop.wait(60)
    shop.tools["news"].edit("contacts", next(iter(shop.tools["news"].all("contacts"))), {"job_title": "Cook"})
    shop.settle()
    said = operator.read(page)
    assert "job_title is Baker, held by Operator since" in said
    assert "because the import spoils it" in said
    assert "waits until the hold ends" in said
    assert "job_title is held" in said, "in the timeline"
    assert {one["job_title"] for tool in shop.tools.values() for one in tool.all("contacts").values()} == {"Baker"}
    assert operator.post(f"{page}/value", field="job_title", value="Miller").status_code == 400
    assert operator.post(f"{page}/hold", field="job_title", act="end").status_code == 303
    shop.settle()
    assert {one["job_title"] for tool in shop.tools.values() for one in tool.all("contacts").values()} == {"Cook"}
    assert "held job_title" in operator.read(f"runs/{run[1]}")
    trail = someone("admin").read("trail")
    assert "hold a field" in trail
    assert "let a field go" in trail
