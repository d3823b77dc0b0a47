"""A refusal is told before anything else, wherever it must be told, and a consent does not widen by being typed."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from core.decide.route import Lane
from core.flow.beside import turn_beside
from core.flow.inward import pull
from core.store import tables
from tests.support import Lab

MAPPING = """
contacts:
  as: contact
  fields:
    email: {field: email}
    first_name: {field: first_name}
    job_title: {field: job_title}
    consent.email: {field: email_consent}
"""
ANN = {"email": "ann@shore.example", "first_name": "Ann", "job_title": "Baker"}


def lanes(lab: Lab, name: str) -> list[int]:
    """The lanes of what waits for a tool."""
    box = tables.outbox.c
    with lab.hub.store.reading() as tx:
        return list(tx.execute(select(box.lane).where(box.connection_id == lab.connection(name).id)).scalars())


def test_a_consent_that_was_typed_wider_beside_another_edit_is_put_back(lab: Lab) -> None:
    tool = lab.tool("shop", mapping=MAPPING)
    id_ = tool.create("contacts", {**ANN, "email_consent": "suppressed"})
    lab.settle()
    tool.edit("contacts", id_, {"email_consent": "granted", "job_title": None})
    lab.settle()
    assert lab.held("shop", id_)["email_consent"] == "suppressed"
    assert lab.held("shop", id_).get("job_title") is None


def test_who_typed_it_wider_is_told_in_the_first_lane(lab: Lab) -> None:
    shop, crm = lab.tool("shop", mapping=MAPPING), lab.tool("crm", mapping=MAPPING)
    shop.create("contacts", {**ANN, "email_consent": "denied"})
    crm.create("contacts", ANN)
    lab.settle()
    crm.edit("contacts", lab.find("crm"), {"email_consent": "granted"})
    lab.wait(10)
    with_reading_only(lab, "crm")
    assert lanes(lab, "crm") == [Lane.CONSENT]


def test_who_comes_with_a_wider_consent_is_told_in_the_first_lane(lab: Lab) -> None:
    lab.tool("shop", mapping=MAPPING).create("contacts", {**ANN, "email_consent": "denied"})
    lab.settle()
    lab.tool("crm", mapping=MAPPING).create("contacts", {**ANN, "email_consent": "granted"})
    with_reading_only(lab, "crm")
    assert lanes(lab, "crm") == [Lane.CONSENT]


def with_reading_only(lab: Lab, name: str) -> None:
    """A turn that reads and does not write."""
    from core.flow.sync import turn

    turn(lab.hub, lab.connection(name), delivers=False)


def test_a_refusal_does_not_wait_for_a_first_load(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two pages of a long walk the refusals go out, and nothing is created meanwhile."""
    shop, crm = lab.tool("shop", mapping=MAPPING), lab.tool("crm", mapping=MAPPING, page_size=2)
    shop.create("contacts", ANN)
    lab.settle()
    for number in range(8):
        crm.create("contacts", {"email": f"p{number}@hill.example", "first_name": f"P{number}"})
    monkeypatch.setattr("core.flow.inward.ahead.INTAKE", 2)
    pages: list[tuple[int, object]] = []
    taken = vars(pull)["inbound"]

    def refused_meanwhile(*args: Any, **more: Any) -> Any:
        told = lab.held("crm", lab.find("crm", email=ANN["email"])).get("email_consent")
        pages.append((len(lab.all("shop")), told))
        if len(pages) == 2:
            shop.edit("contacts", lab.find("shop", email=ANN["email"]), {"email_consent": "denied"})
            with_reading_only(lab, "shop")
        return taken(*args, **more)

    monkeypatch.setattr("core.flow.inward.pull.inbound", refused_meanwhile)
    with_reading_only(lab, "crm")
    assert [told for _, told in pages][-1] == "denied"
    assert {count for count, _ in pages} == {1}
    lab.settle()
    assert len(lab.all("shop")) == 9


def test_while_another_tool_is_read_the_others_are_told_refusals(lab: Lab) -> None:
    shop, crm = lab.tool("shop", mapping=MAPPING), lab.tool("crm", mapping=MAPPING)
    shop.create("contacts", ANN)
    lab.settle()
    shop.edit("contacts", lab.find("shop"), {"email_consent": "denied", "job_title": "Smith"})
    with_reading_only(lab, "shop")
    turn_beside(lab.hub, lab.connection("crm"))
    held = lab.held("crm", lab.find("crm"))
    assert held["email_consent"] == "denied"
    assert held["job_title"] == "Baker"
    lab.settle()
    assert lab.held("crm", lab.find("crm"))["job_title"] == "Smith"
    assert crm.all("contacts")
