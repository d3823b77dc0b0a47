"""A refusal is told before anything else, wherever it must be told, and a consent does not widen by being typed."""

from __future__ import annotations

from sqlalchemy import select

from core.decide.route import Lane
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
