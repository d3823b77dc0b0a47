"""The preference page: a person's own words, by a link that nobody else can make."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.preferences import PLACE, link, token_of
from core.errors import ConfigError
from core.flow.consent.verifying import verify
from core.flow.erasure.erasing import erase
from core.store import ledger, requests
from tests.support import Lab

MAPPING = """
contacts:
  as: contact
  fields:
    email: {field: email}
    first_name: {field: first_name}
    consent.email: {field: email_consent}
    consent.sms: {field: sms_consent}
"""
ANN = {"email": "ann@shore.example", "first_name": "Ann"}
PUBLIC = "https://preferences.shop.example"


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """Ann in two tools; she has unsubscribed in one of them."""
    with Lab(tmp_path) as made:
        crm = made.tool("crm", mapping=MAPPING)
        made.tool("shop", mapping=MAPPING)
        crm.create("contacts", {**ANN, "email_consent": "denied", "sms_consent": "granted"})
        made.settle()
        made.wait(3_600)
        yield made


@pytest.fixture
def client(lab: Lab) -> Iterator[TestClient]:
    """A browser without scripts."""
    with TestClient(create_app(lab.installation), base_url="http://127.0.0.1") as client:
        yield client


def page_of(lab: Lab) -> str:
    return f"{PLACE}/{token_of(lab.installation, lab.record(email=ANN['email']).id)}"


def ticked(html: str) -> set[str]:
    return set(re.findall(r'name="yes" value="([^"]+)" checked', html))


def held(lab: Lab, name: str) -> dict[str, Any]:
    return dict(lab.held(name, lab.find(name)))


def test_looking_shows_what_stands_and_changes_nothing(lab: Lab, client: TestClient) -> None:
    before = lab.record(email=ANN["email"])
    page = client.get(page_of(lab))
    assert page.status_code == 200
    assert ticked(page.text) == {"consent.sms"}
    assert "a…@shore.example" in page.text
    assert ANN["email"] not in page.text
    assert "<script" not in page.text
    assert "Letters" not in page.text
    assert "script-src" not in page.headers["content-security-policy"]
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert client.get(f"{page_of(lab)}/unsubscribe").status_code == 200
    lab.settle()
    assert lab.record(email=ANN["email"]) == before


def test_a_persons_own_yes_widens_what_a_tool_may_not(lab: Lab, client: TestClient) -> None:
    form = {"shown": ["consent.email", "consent.sms"], "yes": ["consent.email", "consent.sms"]}
    page = client.post(page_of(lab), data=form)
    assert page.status_code == 200
    assert "Saved" in page.text
    lab.settle()
    for name in ("crm", "shop"):
        assert held(lab, name)["email_consent"] == "granted"
        assert held(lab, name)["sms_consent"] == "granted"
    with lab.hub.store.reading() as tx:
        rows = ledger.of_records(tx, [lab.record(email=ANN["email"]).id])
    said = [row.told for row in rows if row.told.get("explicit")]
    assert [(one["channel"], one["status"], one["proof"]["form"]) for one in said] == [
        ("email", "granted", "preference page")
    ]
    assert verify(lab.hub).holds


def test_a_no_reaches_every_tool(lab: Lab, client: TestClient) -> None:
    client.post(page_of(lab), data={"shown": ["consent.email", "consent.sms"]})
    lab.settle()
    assert {held(lab, name)["sms_consent"] for name in ("crm", "shop")} == {"denied"}


def test_one_click_is_enough_and_says_nothing_of_other_channels(lab: Lab, client: TestClient) -> None:
    client.post(page_of(lab), data={"shown": "consent.email", "yes": "consent.email"})
    lab.settle()
    page = client.post(f"{page_of(lab)}/unsubscribe", data={"List-Unsubscribe": "One-Click"})
    assert page.status_code == 200
    assert "no more email" in page.text
    assert client.post(f"{page_of(lab)}/unsubscribe", content=b"\xff\x00").status_code == 200
    lab.settle()
    assert held(lab, "shop")["email_consent"] == "denied"
    assert held(lab, "shop")["sms_consent"] == "granted"


def test_nothing_at_all_is_everything_off(lab: Lab, client: TestClient) -> None:
    client.post(page_of(lab), data={"all_off": "1", "shown": "consent.email", "yes": "consent.email"})
    values = lab.record(email=ANN["email"]).values
    assert {name: value for name, value in values.items() if name.startswith("consent.")} == {
        f"consent.{channel}": "denied" for channel in ("email", "sms", "phone", "post", "push", "chat", "all")
    }
    client.post(page_of(lab), data={"shown": ["consent.email", "consent.sms"], "yes": "consent.sms"})
    values = lab.record(email=ANN["email"]).values
    assert (values["consent.all"], values["consent.sms"], values["consent.email"]) == ("granted", "granted", "denied")
    assert "Write to me about nothing" in client.get(page_of(lab)).text
    assert "consent.all" not in client.get(page_of(lab)).text


def test_what_is_saved_again_unchanged_says_nothing_new(lab: Lab, client: TestClient) -> None:
    form = {"shown": ["consent.email", "consent.sms"], "yes": "consent.sms", "email_frequency": ""}
    before = lab.record(email=ANN["email"])
    client.post(page_of(lab), data=form)
    assert lab.record(email=ANN["email"]) == before
    client.post(page_of(lab), data={**form, "email_frequency": "monthly"})
    assert lab.record(email=ANN["email"]).values["email_frequency"] == "monthly"


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"yes": "consent.email"},
        {"shown": "owner", "yes": "owner"},
        {"shown": "consent.fax", "yes": "consent.fax"},
        {"email_frequency": "hourly"},
    ],
)
def test_a_form_that_is_not_ours_changes_nothing(lab: Lab, client: TestClient, form: dict[str, str]) -> None:
    before = lab.record(email=ANN["email"])
    assert client.post(page_of(lab), data=form).status_code == 200
    assert lab.record(email=ANN["email"]) == before


@pytest.mark.parametrize("token", ["1", "x" * 200, "é", "gAAAAA" + "A" * 94])
def test_a_link_that_was_not_made_here_leads_nowhere(lab: Lab, client: TestClient, token: str) -> None:
    for path in (f"{PLACE}/{token}", f"{PLACE}/{token}/unsubscribe"):
        assert client.get(path).status_code == 404
        assert client.post(path).status_code == 404
    own = lab.installation.vault.seal({"token": "1", "record": "1"}).decode()
    assert client.get(f"{PLACE}/{own}").status_code == 404


def test_a_link_of_somebody_who_was_erased_leads_nowhere(lab: Lab, client: TestClient) -> None:
    page = page_of(lab)
    erase(lab.hub, lab.record(email=ANN["email"]).id)
    assert client.get(page).status_code == 404
    assert client.post(page, data={"all_off": "1"}).status_code == 404


def test_under_the_public_name_there_is_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Lab(tmp_path) as lab:
        lab.tool("crm", mapping=MAPPING).create("contacts", ANN)
        lab.settle()
        record = lab.record(email=ANN["email"])
        with pytest.raises(ConfigError, match="how to reach"):
            link(lab.installation, record.id)
        settings = lab.settings.model_copy(update={"public_url": PUBLIC})
        monkeypatch.setattr(lab.installation, "settings", settings)
        address = link(lab.installation, record.id)
        assert address.startswith(f"{PUBLIC}{PLACE}/")
        with TestClient(create_app(lab.installation), base_url=PUBLIC) as outside:
            assert outside.get(address).status_code == 200
            assert outside.get("/").status_code == 404
            assert outside.get("/healthz").status_code == 404
            assert outside.get("/docs").status_code == 404
        with TestClient(create_app(lab.installation), base_url="http://127.0.0.1") as inside:
            assert inside.get("/").status_code == 200
        with TestClient(create_app(lab.installation), base_url="http://evil.example") as elsewhere:
            assert elsewhere.get("/").status_code == 400


def test_a_person_asks_for_their_data_once_and_sees_by_when_it_is_answered(lab: Lab, client: TestClient) -> None:
    place = page_of(lab)
    assert "Your data" in client.get(place).text
    for _ in range(2):
        told = client.post(f"{place}/ask", data={"right": "access", "note": "All of it, please"})
        assert told.status_code == 200
        assert "We have your request (number 1), and answer it by" in told.text
        assert "You asked:" in told.text
    with lab.installation.store.reading() as tx:
        (one,) = requests.waiting(tx)
    assert (one.right, one.way, one.who, one.note) == ("access", "page", ANN["email"], "All of it, please")
    assert one.record_id == lab.record(email=ANN["email"]).id
    assert client.post(f"{place}/ask", data={"right": "pony"}).status_code == 400
    assert client.post(f"{PLACE}/nonsense/ask", data={"right": "access"}).status_code == 404
    erase(lab.hub, one.record_id)
    assert client.post(f"{place}/ask", data={"right": "access"}).status_code == 404
