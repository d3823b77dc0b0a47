"""Records in the console: found, explained, compared with the tools, and acted upon by those who may."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from core.flow.identity.joining import join
from core.flow.movement.auditing import audit
from core.flow.saying import say
from core.store import trail
from core.store.records import Record, State
from tests.api.console.conftest import Browser, words
from tests.core.flow.movement.test_following import DOCUMENTS, RULED
from tests.core.flow.movement.test_following import MAPPING as SALES
from tests.core.store.test_statements import counted
from tests.support import Lab, people

Someone = Callable[..., Browser]

MAPPING = """
contacts:
  as: contact
  fields:
    email: {field: email}
    phone: {field: phone}
    first_name: {field: first_name}
    last_name: {field: last_name}
    job_title: {field: job_title}
    tags: {field: tags}
    consent.email: {field: email_consent}
"""
ANN = {"email": "ann@shore.example", "first_name": "Ann", "last_name": "Shore", "phone": "+447700900123"}
MOST = 25
"""Statements of a page."""


@pytest.fixture
def shop(lab: Lab) -> Lab:
    """Two tools that hold Ann, and one person beside her."""
    lab.tool("crm", mapping=MAPPING)
    lab.tool("shop", mapping=MAPPING)
    lab.tools["crm"].create("contacts", {**ANN, "job_title": "Baker", "email_consent": "granted"})
    lab.wait(60)
    lab.tools["shop"].create("contacts", {"email": "ben@quay.example", "first_name": "Ben", "last_name": "Quay"})
    lab.settle()
    return lab


@pytest.fixture
def ann(shop: Lab) -> Record:
    return shop.record(email=ANN["email"])


def steps(lab: Lab) -> list[tuple[str, Any]]:
    with lab.installation.store.reading() as tx:
        return [(one.what, dict(one.about)) for one in trail.steps(tx) if one.what != "sign in"]


def place(record: Record, act: str = "") -> str:
    return f"records/{record.kind}/{record.id}{act and '/' + act}"


# --- found


@pytest.mark.parametrize("key", ["ann@shore.example", "Ann Shore", "shore", "+44 7700 900123", "+447700900123"])
def test_one_hit_leads_straight_to_the_record(shop: Lab, someone: Someone, ann: Record, key: str):
    answer = someone("operator").open("records", q=key)
    assert answer.headers["location"] == f"/console/records/contact/{ann.id}"


def test_by_an_id_in_a_tool_and_by_number(shop: Lab, someone: Someone, ann: Record):
    (held,) = shop.bound(ann, "shop")
    bob = someone("operator")
    for key in (held.remote_id, str(ann.id)):
        found = bob.open("records", q=key)
        assert found.status_code == 303 or "Ann Shore" in words(found.text)


def test_several_are_listed_with_the_tools_that_hold_them(shop: Lab, someone: Someone):
    shop.tools["crm"].create("contacts", {"email": "anna@hill.example", "first_name": "Anna", "last_name": "Hill"})
    shop.settle()
    page = someone("operator").read("records", q="an")
    assert "Anna Hill" in page
    assert "Ann Shore" in page
    assert "crm, shop" in page
    assert steps(shop)[0][0] == "search records"


def test_a_viewer_finds_but_sees_no_names(shop: Lab, someone: Someone):
    shop.tools["crm"].create("contacts", {"email": "anna@hill.example", "first_name": "Anna", "last_name": "Hill"})
    shop.settle()
    page = someone("viewer").open("records", q="an").text
    assert "A••• S•••" in page
    for word in ("Shore", "Hill", "hill.example"):
        assert word not in page
    assert steps(shop)[0][0] != "search records"


def test_what_is_not_known_is_said_with_what_to_try(shop: Lab, someone: Someone):
    assert "Nobody and nothing is known by that" in someone("viewer").read("records", q="nobody@none.example")


# --- shown


def test_the_page_says_why_where_and_what_happened(shop: Lab, someone: Someone, ann: Record):
    shop.tools["shop"].edit("contacts", shop.find("shop", email=ANN["email"]), {"job_title": "Head baker"})
    shop.settle()
    page = someone("operator").open(place(ann))
    said = words(page.text)
    assert "<title>Ann Shore · Concord</title>" in page.text
    assert "job_title is Head baker, as shop said on" in said
    assert "crm" in said
    assert "agrees" in said
    assert "first seen" in said
    assert "create" in said
    assert steps(shop)[0] == ("look at a record", {"kind": "contact", "record": ann.id})


def test_what_a_tool_holds_otherwise_is_named(shop: Lab, someone: Someone, ann: Record):
    say(shop.hub, ann.id, {"job_title": "Miller"})
    page = someone("operator").read(place(ann))
    assert "1 field differs job_title: holds Baker, is to be Miller" in page


def test_consent_is_told_by_channel_with_its_proof(shop: Lab, someone: Someone, ann: Record):
    page = someone("operator").read(place(ann))
    assert "Consent" in page
    assert "Proof: " in page
    assert "crm email: granted ann@shore.example" in page


def test_a_viewer_sees_nobody(shop: Lab, someone: Someone, ann: Record):
    shop.tools["shop"].edit("contacts", shop.find("shop", email=ANN["email"]), {"last_name": "Sands"})
    shop.settle()
    page = someone("viewer").open(place(ann)).text
    assert "<title>A••• S••• · Concord</title>" in page
    for word in ("Shore", "Sands", "shore.example", "7700", "Baker", '<form method="post" action="/console/records'):
        assert word not in page, word
    assert all(what != "look at a record" for what, _ in steps(shop))


def test_a_page_that_renews_itself_is_one_look(shop: Lab, someone: Someone, ann: Record):
    bob = someone("operator")
    for _ in range(3):
        bob.open(place(ann))
    assert [what for what, _ in steps(shop)].count("look at a record") == 1
    shop.wait(3_600)
    bob.open(place(ann))
    assert [what for what, _ in steps(shop)].count("look at a record") == 2


@pytest.mark.parametrize("number", ["4711", "x", "9" * 30])
def test_what_is_no_record_is_said(shop: Lab, someone: Someone, number: str):
    answer = someone("viewer").open(f"records/contact/{number}")
    assert answer.status_code == 404
    assert "record" in words(answer.text)


def test_pages_take_as_many_statements_for_many_records_as_for_few(shop: Lab, someone: Someone, ann: Record):
    join(shop.hub, ann.id, shop.record(email="ben@quay.example").id)
    bob, cost = someone("operator"), []
    for number in (0, 300):
        for one in people(number):
            shop.tools["crm"].create("contacts", one)
        shop.settle()
        shop.wait(3_600)
        found = []
        for path, asked in ((place(ann), {}), ("records", {"q": "an"}), ("records", {"q": "zzz"}), ("log", {})):
            with counted(shop.hub.store) as seen:
                bob.open(path, **asked)
            found.append(len([one for one in seen if not one.startswith(("BEGIN", "COMMIT", "PRAGMA"))]))
        cost.append(found)
    assert "Review" in bob.read(place(ann))
    assert cost[0] == cost[1]
    assert max(cost[0]) <= MOST, cost


# --- acted upon


def test_a_value_is_changed_by_a_persons_word(shop: Lab, someone: Someone, ann: Record):
    bob = someone("operator")
    answer = bob.post(place(ann, "value"), field="job_title", value="Miller")
    assert answer.status_code == 303
    assert "Your word for job title is taken" in words(bob.client.get(answer.headers["location"]).text)
    assert "job_title is Miller, as hub said" in bob.read(place(ann))
    shop.settle()
    assert shop.tools["crm"].all("contacts")[shop.find("crm", email=ANN["email"])]["job_title"] == "Miller"
    assert [about["field"] for what, about in steps(shop) if what == "change a value"] == ["job_title"]


def test_words_of_digits_stay_words_and_nothing_clears(shop: Lab, someone: Someone, ann: Record):
    bob = someone("operator")
    bob.post(place(ann, "value"), field="job_title", value="1234")
    assert shop.record(email=ANN["email"]).values["job_title"] == "1234"
    bob.post(place(ann, "value"), field="tags", value="wine; garden")
    assert shop.record(email=ANN["email"]).values["tags"] == ["garden", "wine"]
    bob.post(place(ann, "value"), field="job_title", value="")
    assert "job_title" not in shop.record(email=ANN["email"]).values


def test_a_wrong_value_is_said_beside_its_field(shop: Lab, someone: Someone, ann: Record):
    answer = someone("operator").post(place(ann, "value"), field="phone", value="no number")
    assert answer.status_code == 400
    assert "phone: 'no number' is not a phone number. Write it as +447700900123" in words(answer.text)
    assert 'id="error-phone"' in answer.text
    assert 'value="no number"' in answer.text
    assert shop.record(email=ANN["email"]).values["phone"] == ANN["phone"]
    assert "edit" not in someone("operator", "one@shore.example").read("log")
    unknown = someone("operator", "two@shore.example").post(place(ann, "value"), field="shoe", value="42")
    assert "has no field 'shoe'" in words(unknown.text)


def test_a_record_is_read_again_in_every_tool(shop: Lab, someone: Someone, ann: Record):
    bob = someone("operator")
    answer = bob.post(place(ann, "sync"))
    assert "It is read again in crm, shop now." in words(bob.client.get(answer.headers["location"]).text)
    assert steps(shop)[1][0] == "sync a record"


def test_an_export_is_a_document_with_everything(shop: Lab, someone: Someone, ann: Record):
    answer = someone("operator").post(place(ann, "export"))
    assert answer.headers["content-disposition"] == f'attachment; filename="contact-{ann.id}.json"'
    told = json.loads(answer.text)
    assert told["values"]["email"]["value"] == ANN["email"]
    assert {one["connection"] for one in told["tools"]} == {"crm", "shop"}
    assert steps(shop)[0] == ("export a record", {"kind": "contact", "record": ann.id})


def test_a_merge_is_taken_back_after_it_was_shown(shop: Lab, someone: Someone, ann: Record):
    ben = shop.record(email="ben@quay.example")
    run = join(shop.hub, ann.id, ben.id)
    shop.settle()
    bob = someone("operator")
    assert bob.open(place(ben)).headers["location"].startswith(f"/console/records/contact/{ann.id}?said=")
    assert f"Record {ben.id}" in bob.read(place(ann))
    shown = bob.post(place(ann, "unmerge"), run=str(run))
    assert "becomes apart again" in words(shown.text)
    assert shop.records()[1].state == State.MERGED
    answer = bob.post(place(ann, "unmerge"), run=str(run), agreed="yes")
    assert answer.status_code == 303
    assert shop.records()[1].state == State.LIVE
    assert "Merged into it" not in bob.read(place(ann))
    again = bob.post(place(ann, "unmerge"), run=str(run), agreed="yes")
    assert "No merge of this record" in words(again.text)


def test_somebody_is_erased_once_the_address_is_typed(shop: Lab, admin: Browser, ann: Record):
    shown = words(admin.post(place(ann, "erase")).text)
    assert "Nothing brings it back" in shown
    assert "type ann@shore.example" in shown
    assert "crm contacts" in shown
    wrong = admin.post(place(ann, "erase"), typed="ann@shore")
    assert wrong.status_code == 400
    assert "nobody was erased" in words(wrong.text)
    assert shop.record(email=ANN["email"]).state == State.LIVE
    assert admin.post(place(ann, "erase"), typed=" Ann@Shore.example ", reference="2026-17").status_code == 303
    page = admin.open(place(ann)).text
    assert "This record was erased" in page
    assert "Shore" not in page
    shop.settle()
    assert ANN["email"] not in str(shop.tools["crm"].all("contacts"))
    kept = [about for what, about in steps(shop) if what == "erase a record"]
    assert kept == [{"kind": "contact", "record": ann.id}]


@pytest.mark.parametrize(
    ("role", "acts"),
    [("viewer", ("sync", "value", "mend", "unmerge", "export", "erase")), ("operator", ("erase",))],
)
def test_who_may_not_is_refused(shop: Lab, someone: Someone, ann: Record, role: str, acts: tuple[str, ...]):
    one = someone(role)
    for act in acts:
        answer = one.post(place(ann, act), field="job_title", value="Miller", typed=ANN["email"])
        assert answer.status_code == 403, act
    assert shop.record(email=ANN["email"]).values["job_title"] == "Baker"


def test_without_its_key_a_form_does_nothing(shop: Lab, admin: Browser, ann: Record):
    for act in ("sync", "value", "mend", "unmerge", "export", "erase"):
        said = {"field": "job_title", "value": "Miller", "typed": ANN["email"]}
        assert admin.client.post(f"/console/{place(ann, act)}", data=said).status_code == 400, act
    assert shop.record(email=ANN["email"]).values["job_title"] == "Baker"


# --- the four elements


def test_the_four_elements_are_told_with_their_fix_and_mended(lab: Lab, someone: Someone, monkeypatch: Any):
    lab.tool("crm", mapping=SALES.removesuffix(DOCUMENTS))
    plain = lab.installation.hub
    monkeypatch.setattr(lab.installation, "hub", lambda: replace(plain(), movement=RULED))
    lab.tools["crm"].create("deals", {"name": "Patio", "stage": "Booked", "status": "open"})
    lab.settle()
    audit(lab.installation.hub())
    (deal,) = lab.records("deal")
    bob = someone("operator")
    page = bob.read(place(deal))
    assert "Owner missing nobody owns it admin: Give it an owner" in page
    assert "Set stage to New" in page
    assert bob.post(place(deal, "mend"), what="claim", how="move").status_code == 303
    assert lab.records("deal")[0].values["stage"] == "New"
