"""`POST /v1/leads` and the pages of forms: browsers without scripts, programs, machines, and those who slip."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.assembly import Installation, Text
from api.building import ConnectionSpec
from api.confirming import ask_sign_ups
from api.console.people import Role
from api.forms import snippet
from api.v1.keys import Keys
from connectors._kit.mischief import Mischief
from connectors.smtp.sandbox import Sandbox
from core.store import leads
from core.store.records import Record
from tests.support import Lab

FORMS = """
quote:
  title: Ask for a quote
  sites: [https://shop.example, https://www.shop.example]
  thanks: https://shop.example/thank-you
  reason: Quote
  fields:
    first_name: First name
    email: {label: Email, required: true}
    phone: Phone
    size: {label: How large?, choices: [small, large]}
    asked: {label: "What do you need?", required: true}
  consent:
    email.news: 'Yes, send me the "monthly letter" & more.'
plain:
  fields: {phone: Phone, email: Email}
"""
FIELDS = "contact:\n  - {name: size, type: name, doc: How large it is to be., example: small}\n"
TOPICS = "news: Our monthly letter"
ANN = {"first_name": "Ann", "email": "ann@shore.example", "asked": "A patio"}
SITE = "https://shop.example"
PUBLIC = "https://hub.shop.example"


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A hub with two forms and nothing else."""
    with Lab(tmp_path) as made:
        texts = {"custom_fields": FIELDS, "topics": TOPICS, "forms": FORMS}
        made.installation.change(texts={name: Text(text, name) for name, text in texts.items()})
        made.refreshed()
        yield made


@pytest.fixture
def client(lab: Lab) -> Iterator[TestClient]:
    """A browser without scripts; it shows where it is led, and does not go there."""
    yield from browser(lab.installation)


def browser(installation: Installation) -> Iterator[TestClient]:
    with TestClient(create_app(installation), base_url="http://127.0.0.1", follow_redirects=False) as made:
        yield made


def with_settings(lab: Lab, **said: object) -> TestClient:
    lab.installation.settings = lab.settings.model_copy(update=said)
    return next(browser(lab.installation))


def post(client: TestClient, headers: dict[str, str] | None = None, /, **fields: str) -> httpx.Response:
    answer: httpx.Response = client.post("/v1/leads", data={"form": "quote", **fields}, headers=headers)
    return answer


def program(client: TestClient, told: object, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    answer: httpx.Response = client.post("/v1/leads", json=told, headers=named)
    return answer


def people(lab: Lab) -> list[Record]:
    return lab.records("contact")


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None, name
    return html.unescape(found[1])


def trapped(lab: Lab) -> int:
    with lab.hub.store.reading() as tx:
        return int(leads.counts(tx, "quote").get("trapped", 0))


# --- people


def test_the_page_works_without_scripts_from_the_link_to_the_thanks(lab: Lab, client: TestClient):
    page = client.get("/forms/quote?utm_source=flyer", headers={"referer": "https://search.example/?q=patio"})
    assert page.status_code == 200
    assert "<script" not in page.text
    assert "form-action 'self' https://shop.example" in page.headers["content-security-policy"]
    lab.wait(20)
    sent = post(client, **ANN, **{name: hidden(page.text, name) for name in ("page", "referrer", "form_token")})
    assert (sent.status_code, sent.headers["location"]) == (303, "https://shop.example/thank-you")
    (ann,) = people(lab)
    assert ann.values["utm_source"] == "flyer"
    assert ann.values["asked"] == "A patio"
    (note,) = lab.records("activity")
    assert "Came from: https://search.example/?q=patio" in note.values["body"]
    assert note.values["subject"] == "Ask for a quote: Quote"


def test_every_box_has_its_label_and_says_what_may_be_filled_in(client: TestClient):
    page = client.get("/forms/quote").text
    for_ids = set(re.findall(r'<label for="([^"]+)"', page))
    ids = set(re.findall(r'<(?:input|textarea|select) id="([^"]+)"', page))
    assert for_ids == ids
    assert 'type="email" autocomplete="email"' in page
    assert 'type="tel" autocomplete="tel"' in page
    assert 'autocomplete="given-name"' in page
    assert "&#34;monthly letter&#34; &amp; more." in page
    assert "<option>small</option>" in page


def test_who_slips_gets_back_all_that_was_typed(lab: Lab, client: TestClient):
    typed = {"first_name": 'Ann "<b>"', "email": "ann at shore", "phone": "12", "asked": "A\nB", "size": "large"}
    token = hidden(client.get("/forms/quote").text, "form_token")
    lab.wait(9)
    page = post(client, **typed, **{"consent.email.news": "yes"}, form_token=token)
    assert page.status_code == 422
    assert 'role="alert"' in page.text
    for words in (
        'value="Ann &#34;&lt;b&gt;&#34;"',
        'value="ann at shore"',
        ">\nA\nB</textarea>",
        "<option selected>large",
    ):
        assert words in page.text, words
    assert 'name="consent.email.news" value="yes" checked' in page.text
    assert re.search(r'id="form-email"[^>]+aria-invalid="true" aria-describedby="form-email-wrong"', page.text)
    assert page.text.count("Please look at it again.") == 4, "in the list and at the box, for both"
    assert hidden(page.text, "form_token") == token, "else a quick second try would be taken for a machine's"
    assert people(lab) == []
    # What is mended at once is taken.
    assert post(client, **{**typed, "email": ANN["email"]}, form_token=token).status_code == 303
    assert people(lab)[0].values["first_name"] == 'Ann "<b>"'


def test_a_form_without_a_page_of_its_own_thanks_on_the_hubs(lab: Lab, client: TestClient):
    sent = client.post("/v1/leads", data={"form": "plain", "email": ANN["email"]})
    assert sent.status_code == 303
    thanks = client.get(sent.headers["location"])
    number = sent.headers["location"][-10:]
    assert thanks.status_code == 200
    assert number in thanks.text
    assert "script" not in client.get("/forms/plain/thanks", params={"number": "<script>alert(1)</script>"}).text
    assert len(people(lab)) == 1


@pytest.mark.parametrize(
    ("named", "where"),
    [
        ("https://www.shop.example/danke?a=b", "https://www.shop.example/danke?a=b"),
        ("https://evil.example/", "https://shop.example/thank-you"),
        ("https://shop.example.evil.example/", "https://shop.example/thank-you"),
        ("https://shop.example@evil.example/", "https://shop.example/thank-you"),
        ("https://shop.example\\@evil.example/", "https://shop.example/thank-you"),
        ("//evil.example", "https://shop.example/thank-you"),
        ("javascript:alert(1)", "https://shop.example/thank-you"),
        ("https://evil.example\t/", "https://shop.example/thank-you"),
    ],
)
def test_nobody_is_led_off_the_forms_sites(client: TestClient, named: str, where: str):
    assert post(client, **ANN, thanks=named).headers["location"] == where


def test_the_snippet_needs_no_script_and_comes_in_with_the_page_the_browser_names(lab: Lab, client: TestClient):
    text = snippet(lab.hub.forms["quote"].form, f"{PUBLIC}/")
    assert f'<form action="{PUBLIC}/v1/leads" method="post"' in text
    without = text.partition("<script>")[0]
    names = set(re.findall(r'name="([^"]+)"', without))
    assert {"form", "email", "asked", "consent.email.news", "page", "form_token"} <= names
    blank = dict.fromkeys(names - {"form"}, "")
    sent = post(client, {"origin": SITE, "referer": f"{SITE}/"}, **{**blank, **ANN})
    assert sent.status_code == 303
    assert people(lab)[0].values["page"] == f"{SITE}/"


def test_a_form_in_parts_is_read_and_its_files_are_not(lab: Lab, client: TestClient):
    parts = {"form": (None, "quote"), **{name: (None, text) for name, text in ANN.items()}}
    sent = client.post("/v1/leads", files={**parts, "photo": ("patio.jpg", b"\xff\xd8\x00", "image/jpeg")})
    assert sent.status_code == 303
    assert "photo: patio.jpg (a file, which was not kept)" in lab.records("activity")[0].values["body"]
    assert people(lab)[0].values["asked"] == "A patio"


# --- programs


def test_a_program_is_told_a_reference_and_what_could_not_be_read(lab: Lab, client: TestClient):
    told = {
        "form": "quote", **ANN, "phone": 12, "size": None, "utm": {"source": "fb", "medium": "cpc"},
        "colours": ["red", "blue"], "consent": {"email.news": True}, "source": "Facebook Lead Ads",
    }  # fmt: skip
    answer = program(client, told)
    assert answer.status_code == 201
    assert answer.json()["again"] is False
    assert "phone" in answer.json()["problems"][0]
    again = program(client, told)
    assert (again.status_code, again.json()["reference"]) == (200, answer.json()["reference"])
    (ann,) = people(lab)
    assert (ann.values["source"], ann.values["utm_medium"]) == ("facebook", "cpc")
    assert ann.values["consent.email.news"] == "pending"
    assert "colours: red, blue" in lab.records("activity")[0].values["body"]


def test_a_programs_key_is_tried_again_and_never_used_twice(lab: Lab, client: TestClient):
    told = {"form": "quote", **ANN}
    first = program(client, told, idempotency_key="order 66")
    lab.wait(3_600)
    assert program(client, told, idempotency_key="order 66").json()["reference"] == first.json()["reference"]
    clash = program(client, {**told, "asked": "A shed"}, idempotency_key="order 66")
    assert clash.status_code == 409
    assert clash.json()["error"]["code"] == "lead.key"
    assert "Idempotency-Key" in clash.json()["error"]["remedy"]
    assert len(people(lab)) == len(lab.records("activity")) == 1


@pytest.mark.parametrize(
    ("body", "sort", "status", "code"),
    [
        (b"{", "application/json", 400, "lead.unreadable"),
        (b"[1]", "application/json", 400, "lead.unreadable"),
        (b"\xff\xfe", "application/json", 400, "lead.unreadable"),
        (b"<a/>", "application/xml", 400, "lead.unreadable"),
        (b"nothing", "multipart/form-data", 400, "lead.unreadable"),
        (b'{"form": "qoute"}', "application/json", 404, "lead.form"),
        (b"{}", "application/json", 404, "lead.form"),
        (b'{"form": "quote", "email": "ann@shore.example"}', "application/json", 422, "lead.incomplete"),
        (b'{"form": "plain", "email": {"a": [1]}}', "application/json", 422, "lead.incomplete"),
        (b"form=quote&asked=" + b"x" * 70_000, "application/x-www-form-urlencoded", 413, "lead.too_large"),
        (b"&".join(b"a%d=1" % one for one in range(300)), "application/x-www-form-urlencoded", 413, "lead.too_large"),
    ],
)
def test_what_is_wrong_is_told_with_who_acts(
    lab: Lab, client: TestClient, body: bytes, sort: str, status: int, code: str
):
    headers = {"content-type": sort, "accept": "application/json"}
    answer = client.post("/v1/leads", content=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    error = answer.json()["error"]
    assert error["message"]
    assert error["remedy"]
    assert error["acts"] == ("person concerned" if code == "lead.incomplete" else "admin")
    assert people(lab) == []
    # A person is told the same, on a page.
    page = client.post("/v1/leads", content=body, headers={"content-type": sort, "accept": "text/html"})
    if sort != "application/json":
        assert page.status_code == status
        assert page.text.startswith("<!doctype html>")
        assert "concord" not in page.text, "people are not told what an admin would do"


def test_what_is_missing_is_named_field_by_field(client: TestClient):
    answer = program(client, {"form": "quote", "first_name": "Ann"}).json()
    assert answer["fields"].keys() == {"email", "asked"}
    assert "wrong" not in answer["error"]["facts"]


def test_only_pages_of_the_forms_sites_may_post(lab: Lab, client: TestClient):
    assert post(client, {"origin": "https://evil.example"}, **ANN).status_code == 403
    assert people(lab) == []
    for origin in (SITE, "null", "http://127.0.0.1"):
        assert post(client, {"origin": origin}, **ANN).status_code == 303, origin


def test_scripts_of_the_forms_sites_may_read_the_answer_and_no_others(client: TestClient):
    ask = {"access-control-request-method": "POST"}
    allowed = client.options("/v1/leads", headers={"origin": SITE, **ask})
    assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (204, SITE)
    refused = client.options("/v1/leads", headers={"origin": "https://evil.example", **ask})
    assert "access-control-allow-origin" not in refused.headers
    answer = program(client, {"form": "quote", **ANN}, origin=SITE)
    assert answer.headers["access-control-allow-origin"] == SITE
    wrong = program(client, {"form": "quote"}, origin=SITE)
    assert wrong.headers["access-control-allow-origin"] == SITE
    assert client.get("/forms/quote/token", headers={"origin": SITE}).headers["access-control-allow-origin"] == SITE
    other = client.get("/forms/quote/token", headers={"origin": "https://evil.example"})
    assert "access-control-allow-origin" not in other.headers


# --- machines


def test_what_falls_into_the_trap_is_answered_like_any_other_and_not_kept(lab: Lab, client: TestClient):
    caught = post(client, **ANN, confirm_subject="Cheap pills")
    taken = post(client, **ANN)
    assert caught.headers["location"] == taken.headers["location"]
    assert caught.status_code == taken.status_code
    quick = client.get("/forms/quote/token").json()["token"]
    lab.wait(1)
    machine = program(client, {"form": "quote", "email": "bot@spam.example", "asked": "x", "form_token": quick})
    assert machine.status_code == 201
    assert machine.json().keys() == {"reference", "again", "problems"}
    assert trapped(lab) == 2
    assert [one.values["email"] for one in people(lab)] == [ANN["email"]]


def test_a_token_that_says_nothing_makes_nobody_a_machine(lab: Lab, client: TestClient):
    other = client.get("/forms/plain/token").json()["token"]
    for place, token in enumerate(("", "made up", other, "é")):
        assert post(client, **{**ANN, "asked": f"Patio {place}"}, form_token=token).status_code == 303
    assert trapped(lab) == 0
    assert len(lab.records("activity")) == 4


def test_two_clicks_on_one_page_are_one_lead(lab: Lab, client: TestClient):
    token = client.get("/forms/quote/token").json()["token"]
    lab.wait(30)
    for _ in range(2):
        post(client, **ANN, form_token=token)
        lab.wait(3_600)
    assert len(lab.records("activity")) == 1


def test_too_much_from_one_address_waits_and_loses_nothing(lab: Lab):
    client = with_settings(lab, leads_per_address=3)
    for place in range(3):
        assert post(client, **{**ANN, "asked": f"Patio {place}"}).status_code == 303
    held = post(client, **{**ANN, "asked": "Patio 3"})
    assert held.status_code == 429
    assert 1 <= int(held.headers["retry-after"]) <= 21
    assert "Patio 3</textarea>" in held.text
    told = program(client, {"form": "quote", **ANN}).json()["error"]
    assert (told["code"], told["acts"], told["again"]) == ("lead.too_often", "nobody", "later")
    lab.wait(int(held.headers["retry-after"]))
    assert post(client, **{**ANN, "asked": "Patio 3"}).status_code == 303
    assert len(lab.records("activity")) == 4


def test_whom_a_proxy_names_counts_only_where_the_proxy_is_trusted(lab: Lab):
    def posts(client: TestClient) -> list[int]:
        return [
            post(client, {"x-forwarded-for": f"198.51.100.{place}"}, **{**ANN, "asked": f"{place}"}).status_code
            for place in range(3)
        ]

    assert posts(with_settings(lab, leads_per_address=1)) == [303, 429, 429]
    lab.installation.settings = lab.settings
    app = create_app(with_trust(lab, "10.0.0.0/8"))
    with TestClient(app, base_url="http://127.0.0.1", follow_redirects=False, client=("10.1.2.3", 50_000)) as client:
        assert posts(client) == [303, 303, 303]


def with_trust(lab: Lab, networks: str) -> Installation:
    lab.installation.settings = lab.settings.model_copy(update={"leads_per_address": 1, "trusted_proxies": networks})
    return lab.installation


# --- the public name, and the way through to a confirmed consent


def test_the_public_name_leads_to_forms_and_nowhere_else(lab: Lab):
    client = with_settings(lab, public_url=PUBLIC)
    host = {"host": "hub.shop.example"}
    page = client.get("/forms/quote?utm_source=flyer", headers=host)
    assert hidden(page.text, "page") == f"{PUBLIC}/forms/quote?utm_source=flyer"
    assert post(client, {**host, "origin": PUBLIC}, **ANN).status_code == 303
    for path in ("/", "/healthz", "/readyz", "/metrics", "/v1/leadsome"):
        assert client.get(path, headers=host).status_code == 404, path
    # The API is for whoever shows a key.
    assert client.get("/v1/consent/check?address=a", headers=host).status_code == 401


def test_a_tick_is_asked_about_by_mail_and_counts_once_it_is_confirmed(lab: Lab, monkeypatch: pytest.MonkeyPatch):
    bounces = "bounces:\n  as: contact\n  direction: in\n  fields:\n    email: {field: address}\n"
    with Sandbox(clock=lab.clock, mischief=Mischief()) as box:
        mail = ConnectionSpec("post", "smtp", box.settings(), bounces, "bounces.yaml", {"bounces": {"reads": False}})
        said = Text("{profile: gdpr, mail: post}", "concord.yaml")
        lab.installation.change(connections=[mail], texts={"consent": said})
        monkeypatch.setattr(lab.installation, "settings", lab.settings.model_copy(update={"public_url": PUBLIC}))
        lab.refreshed()
        ask_sign_ups(lab.installation)
        client = next(browser(lab.installation))
        token, _ = Keys(lab.installation).make("test", Role.OPERATOR, by=None)
        post(client, **ANN, **{"consent.email.news": "yes"})
        ask_sign_ups(lab.installation)
        ask_sign_ups(lab.installation)
        (sent,) = box.sent
        told = message_from_bytes(sent.raw, policy=default)
        link = re.search(r"https://\S+", told.get_body(("plain",)).get_content())  # type: ignore[union-attr]
        assert told["to"] == ANN["email"]
        assert link is not None
        asked = {"address": ANN["email"], "topic": "news"}
        key = {"Authorization": f"Bearer {token}"}
        assert client.get("/v1/consent/check", params=asked, headers=key).json()["state"] == "pending"
        assert client.post(urlsplit(link[0]).path, headers={"host": "hub.shop.example"}).status_code == 200
        assert client.get("/v1/consent/check", params=asked, headers=key).json()["allowed"] is True
