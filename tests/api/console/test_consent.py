"""Consent in the console: the answer, the ledger behind it, its proof, and what a viewer does not see."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import update

from core.store import tables
from tests.api.console.conftest import Browser, words
from tests.console.shop import filled
from tests.support import Lab

Someone = Callable[[str], Browser]


@pytest.fixture
def shop(lab: Lab) -> Lab:
    filled(lab)
    return lab


def test_whether_and_why_somebody_may_be_contacted(shop: Lab, someone: Someone):
    bob = someone("operator")
    assert "Yes ann0@shore.example, email" in bob.read("consent", who="ann0@shore.example")
    asked = bob.read("consent", who="ann0@shore.example", channel="sms")
    assert "No ann0@shore.example, sms" in asked
    assert "crm" in bob.read("consent", who="ann0@shore.example")
    assert "No nobody@shore.example" in bob.read("consent", who="nobody@shore.example")
    assert "ask for a consent" in someone("admin").read("trail")


def test_each_entry_has_its_proof(shop: Lab, someone: Someone):
    bob = someone("operator")
    page = bob.open("consent", who="ann0@shore.example").text
    link = page.partition("/console/consent/entries/")[2].partition('"')[0]
    proof = bob.read(f"consent/entries/{link}")
    assert "It stands among the" in proof
    assert "email: granted" in proof
    assert bob.open("consent/entries/999999").status_code == 404


def test_the_ledger_is_verified(shop: Lab, someone: Someone):
    bob = someone("operator")
    done = bob.post("consent/verify")
    assert "all as they were entered" in bob.read(done.headers["location"].removeprefix("/console/"))
    with shop.installation.store.writing() as tx:
        tx.execute(update(tables.consent_entry).where(tables.consent_entry.c.place == 0).values(body=b'{"made": "up"}'))
    assert "somebody has meddled with it" in words(bob.post("consent/verify").text)


def test_a_viewer_may_ask_and_sees_no_address(shop: Lab, someone: Someone):
    one = someone("viewer")
    seen = one.read("consent", who="ann0@shore.example")
    assert "Yes a•••@s•••" in seen
    assert "All that was ever said" not in seen
    assert one.post("consent/verify").status_code == 403
    assert one.open("consent/entries/1").status_code == 403


def test_a_question_that_cannot_be_asked_is_told(shop: Lab, someone: Someone):
    answer = someone("operator").open("consent", who="ann0@shore.example", channel="smoke")
    assert answer.status_code == 400
    assert "smoke" in words(answer.text)
