"""May somebody be contacted? Asked by command and over HTTP; topics and profile are configured like all else."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.assembly import Installation
from api.console.people import Role
from api.settings import Settings
from api.v1.consent import MOST
from api.v1.keys import Keys
from tests.api.conftest import Concord, write_sheet

ADA, BEN = "ada@shop.example", "ben@shop.example"
CONFIG = """\
connections:
  sheets:
    connector: csv
    settings: {folder: ./files}
    mapping: sheets.yaml
"""
TOPICS = "topics: {news: Our letter, offers: {doc: Reduced prices, channels: [email]}}\n"


@pytest.fixture
def asked(connected: Concord, sheets: Path) -> Concord:
    """A hub in which one has agreed and one has refused."""
    write_sheet(sheets, [f"{ADA},Ada,020 7946 0011", f"{BEN},Ben,020 7946 0012"])
    connected("sync", "--until-quiet")
    connected("edit", "contact", ADA, "consent.email", "granted")
    connected("edit", "contact", BEN, "consent.email", "denied")
    return connected


@pytest.fixture
def client(asked: Concord, data: Path) -> Iterator[TestClient]:
    with (
        Installation(Settings(data=data, database_url=None)) as installation,
        TestClient(create_app(installation), base_url="http://127.0.0.1") as client,
    ):
        token, _ = Keys(installation).make("test", Role.OPERATOR, by=None)
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


def apply(concord: Concord, words: str) -> Any:
    """Put `concord.yaml` in force with these lines more."""
    path = Path("concord.yaml")
    path.write_text(CONFIG + words, encoding="utf-8")
    return concord("apply", str(path), "--json")


# --- the command


def test_one_address_is_answered_with_the_reason_and_the_exit_code(asked: Concord):
    yes = asked("consent", "check", ADA)
    assert yes.code == 0
    assert f"✓ {ADA}: Granted for email: hub says so since" in yes.out
    no = asked("consent", "check", BEN, "--json")
    assert no.code == 1
    told = no.json
    assert (told["address"], told["allowed"], told["state"], told["reason"]) == (BEN, False, "denied", "denied")
    assert (told["channel"], told["topic"], told["profile"]) == ("email", None, "GDPR")
    (word,) = told["decided_by"]
    assert (word["source"], word["status"], word["evidence"], word["first_hand"]) == (
        "hub", "denied", "field_history", False,
    )  # fmt: skip
    assert asked("consent", "check", "020 7946 0011").code == 0
    assert asked("consent", "check", ADA, "--channel", "sms").code == 1


def test_a_list_is_answered_line_by_line(asked: Concord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "list.csv"
    file.write_text(f"name,Email\nAda,{ADA}\n\nBen,{BEN}\nNobody,nobody@shop.example\nShort\n", encoding="utf-8-sig")
    ran = asked("consent", "check", "--file", str(file))
    assert ran.code == 1
    assert [line[0] for line in ran.out.splitlines()] == ["✓", "✗", "✗", "✗", "1"]
    assert "1 of 4 may be contacted" in ran.out
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{ADA}\n"))
    ran = asked("consent", "check", "--file", "-", "--json")
    assert (ran.code, [one["allowed"] for one in ran.json]) == (0, [True])


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        ([], "Give ADDRESS"),
        ([ADA, "--file", "list.csv"], "Give ADDRESS"),
        (["--file", "nothing.csv"], "CSV file"),
        ([ADA, "--channel", "fax"], "Choose one of"),
        ([ADA, "--topic", "news"], "Declare it below"),
    ],
)
def test_what_cannot_be_asked_is_told_plainly(asked: Concord, words: list[str], remedy: str):
    ran = asked("consent", "check", *words)
    assert ran.code == 2
    assert remedy in ran.err


# --- HTTP


def test_the_same_is_answered_over_http(client: TestClient, asked: Concord):
    yes, no = (client.get("/v1/consent/check", params={"address": one, "channel": "email"}) for one in (ADA, BEN))
    assert (yes.status_code, yes.json()["allowed"], no.json()["allowed"]) == (200, True, False)
    assert no.json() == asked("consent", "check", BEN, "--json").json
    assert no.headers["cache-control"] == "no-store"


def test_a_list_is_answered_in_its_order(client: TestClient):
    answer = client.post("/v1/consent/check", json={"addresses": [BEN, "x", ADA], "channel": "email"})
    assert answer.status_code == 200
    assert answer.json()["allowed"] == 1
    assert [one["address"] for one in answer.json()["answers"]] == [BEN, "x", ADA]
    assert [one["reason"] for one in answer.json()["answers"]] == ["denied", "not_an_address", "granted"]


def test_bad_questions_are_refused(client: TestClient):
    wrong = client.get("/v1/consent/check", params={"address": ADA, "channel": "fax"})
    assert wrong.status_code == 400
    assert "no channel 'fax'" in wrong.json()["detail"]
    assert client.get("/v1/consent/check").status_code == 422
    assert client.post("/v1/consent/check", json={"addresses": ["a"] * (MOST + 1)}).status_code == 422
    assert client.post("/v1/consent/check", json={"addresses": [ADA], "topics": "news"}).status_code == 422
    assert client.get("/v1/consent/check?address=x", headers={"host": "evil.example"}).status_code == 400


# --- topics and the profile in the configuration


def test_topics_and_profile_are_planned_applied_asked_and_undone(asked: Concord, mapping: Path):
    told = apply(asked, TOPICS + "consent: {profile: ccpa}\n").json
    assert told["also"] == ["topics", "consent"]
    assert asked("consent", "check", ADA, "--topic", "news", "--json").json["profile"] == "CCPA"
    asked("edit", "contact", ADA, "consent.email.news", "denied")
    assert asked("consent", "check", ADA, "--topic", "news").code == 1
    assert asked("consent", "check", ADA, "--topic", "offers").code == 0
    assert asked("consent", "check", ADA).code == 0
    assert asked("consent", "log", ADA, "--json").json[-1]["topic"] == "news"
    assert asked("consent", "verify").code == 0
    assert apply(asked, TOPICS + "consent: {profile: ccpa}\n").json["applied"] is False
    undone = asked("undo", str(told["done"]["run"]), "--yes", "--json")
    assert undone.code == 0, undone.out
    assert asked("consent", "check", ADA, "--topic", "news").code == 2
    assert asked("consent", "check", ADA, "--json").json["profile"] == "GDPR"


def test_a_topic_may_be_mapped_by_the_same_file(asked: Concord, mapping: Path, sheets: Path):
    mapping.write_text(
        mapping.read_text(encoding="utf-8") + "    consent.email.news: {field: News}\n", encoding="utf-8"
    )
    text = f"Email,First Name,Phone,News\n{ADA},Ada,020 7946 0011,granted\n{BEN},Ben,020 7946 0012,granted\n"
    (sheets / "contacts.csv").write_text(text, encoding="utf-8")
    ran = apply(asked, TOPICS)
    assert ran.code == 0, ran.out + ran.err
    asked("sync", "--until-quiet")
    assert asked("consent", "check", ADA, "--topic", "news").code == 0
    found = asked("consent", "check", BEN, "--topic", "news", "--json").json
    assert (found["allowed"], found["state"]) == (False, "denied")
    taken = apply(asked, "topics: {}\n")
    assert taken.code == 2
    assert "consent.email.news" in taken.out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("topics: {News: x}\n", "cannot be a topic's name"),
        ("topics: nothing.yaml\n", "cannot be read"),
        ("topics: {news: {doc: x, channels: [fax]}}\n", "email, sms, phone"),
        ("consent: {profile: gdprr}\n", "Did you mean `gdpr`?"),
        ("consent: {profile: gdpr, agee: 3}\n", "Did you mean `age`?"),
        ("consent: {age: old}\n", "`age` has a value it cannot have"),
        ("consent: {silence_permits: [fax]}\n", "there is no channel `fax`"),
        ("consent: gdpr\n", "cannot be read"),
        ("consent: [gdpr]\n", "neither a path nor a text"),
    ],
)
def test_mistakes_are_told_with_their_place_and_nothing_is_changed(
    asked: Concord, mapping: Path, words: str, told: str
):
    ran = apply(asked, words)
    assert ran.code == 2
    assert told in ran.out
    assert "concord.yaml:6" in ran.out
    assert asked("consent", "check", ADA, "--json").json["profile"] == "GDPR"
