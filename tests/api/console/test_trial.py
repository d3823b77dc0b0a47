"""Trying a tool with its sandbox, at the console: what the page tells, drafts, breaking off, and who may."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from api import errands
from api.assembly import now
from api.building import ConnectionSpec
from api.trial import running
from api.trial.asked import Asked, of_tool
from api.trial.playing import play
from api.trial.running import Trial
from api.trial.telling import told
from connectors._kit.catalogue import entry
from core.errors import ConfigError
from tests.api.console.conftest import Browser, words
from tests.support import Lab

Someone = Callable[..., Browser]
SECRET = "0123456789abcdef-us1"
SLOW = """
import time
print('{"say": "Round 1: both sides are read."}', flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What comes of an address book, with a question that a person would be asked."""
    with entry("carddav").opened(now) as stand:
        return told(play(of_tool("carddav", None), tmp_path_factory.mktemp("trial"), stand, clock=now))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, report: dict[str, Any]) -> list[Asked]:
    """What was asked for; every trial ends at once, with the same report."""
    seen: list[Asked] = []

    def run(trial: Trial, tell: Callable[[str], None]) -> dict[str, Any]:
        tell("Round 1.")
        seen.append(trial.asked)
        return report

    monkeypatch.setattr(Trial, "run", run)
    return seen


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Trials take a minute, and pages wait for none; gives where rooms are opened."""
    rooms = tmp_path / "rooms"
    rooms.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(rooms))
    started: list[subprocess.Popen[str]] = []

    def room(_folder: str) -> subprocess.Popen[str]:
        command, pipe = [sys.executable, "-S", "-c", SLOW], subprocess.PIPE
        started.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True))
        return started[-1]

    monkeypatch.setattr(running, "_started", room)
    monkeypatch.setattr(errands, "PATIENCE", 0.0)
    yield rooms
    for one in started:
        one.kill()


@pytest.fixture
def news(lab: Lab) -> str:
    """A connection to Mailchimp; gives its mapping."""
    text = entry("mailchimp").mapping_path.read_text(encoding="utf-8")
    settings = {"api_key": SECRET, "audience": "a1b2c3d4e5"}
    lab.installation.put_connection(ConnectionSpec("news", "mailchimp", settings, text, "news.yaml"))
    return text


def test_a_tool_is_tried_before_anything_is_connected(admin: Browser, asked: list[Asked]) -> None:
    assert "Try it with a sandbox" in admin.read("connections/new/carddav")
    answer = admin.follow(admin.post("trial", tool="carddav"))
    page = words(answer.text)
    assert "CardDAV, tried with a sandbox" in page
    for said in ("contacts contact 8", "6 records in 6 calls", "PUT /dav/home/anna/contacts/"):
        assert said in page
    assert "n.given Asha first_name Asha" in page
    assert "A question: ask, job_title" in page
    assert "1 wait for a person’s answer" in page
    assert "x-favourite-tea" in page
    assert 'href="/console/connections/new/carddav">Connect' in answer.text
    assert [one.tool for one in asked] == ["carddav"]
    assert "try a tool with its sandbox" in admin.read("trail")


def test_a_connection_is_tried_without_its_secrets(lab: Lab, admin: Browser, news: str, asked: list[Asked]) -> None:
    assert "Try it with a sandbox" in admin.read("connections/news")
    answer = admin.follow(admin.post("trial", connection="news"))
    assert "News, tried with a sandbox" in words(answer.text)
    assert 'href="/console/connections/news">To the connection' in answer.text
    (one,) = asked
    assert (one.tool, one.mapping) == ("mailchimp", news)
    assert SECRET not in json.dumps(one.to_json())
    assert "a1b2c3d4e5" not in json.dumps(one.to_json())


def test_a_draft_is_tried_and_kept_for_its_writer(lab: Lab, admin: Browser, news: str, asked: list[Asked]) -> None:
    draft = news.replace("    tags: {field: tags}\n", "")
    assert "Try this draft with a sandbox" in words(admin.post("mappings/news", text=draft, act="check").text)
    answer = admin.follow(admin.post("mappings/news", text=draft, act="sandbox"))
    assert "The draft of news, tried with a sandbox" in words(answer.text)
    assert asked[-1].mapping == draft
    assert unescape(answer.text).count(draft) >= 1, "and goes back to the editor"
    assert "A draft of yours is here" in admin.read("mappings/news")
    assert "Try this draft with a sandbox" in admin.read("mappings/news/plan")
    assert admin.post("mappings/news", text="members: [", act="sandbox").status_code == 400
    admin.post("mappings/news", text=news, act="sandbox")
    assert "The draft of" not in admin.read("trial"), "it is what is in force"


def test_it_can_be_broken_off_and_there_is_one_at_a_time(admin: Browser, someone: Someone, slow: Path) -> None:
    page = words(admin.follow(admin.post("trial", tool="carddav")).text)
    assert "CardDAV is being tried with a sandbox" in page
    assert "No real tool is called, and nothing of this hub is touched." in page
    again = admin.post("trial", tool="smtp")
    assert again.status_code == 400
    assert "Something else is under way here" in words(again.text)
    other = someone("admin", email="bea@shore.example")
    assert "No trial of yours is here." in other.read("trial")
    assert other.post("trial/cancel").status_code == 400
    page = words(admin.follow(admin.post("trial/cancel")).text)
    assert "CardDAV was not tried to the end" in page
    assert "The trial was broken off." in page
    assert list(slow.iterdir()) == []
    assert "break off a trial" in admin.read("trail")


def test_what_cannot_be_tried_is_told(lab: Lab, admin: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.tool("crm")
    for said in ({"tool": "csv"}, {"connection": "crm"}):
        answer = admin.post("trial", **said)
        assert answer.status_code == 400
        assert "has no sandbox to try it with" in words(answer.text)
    for said in ({"tool": "nobody"}, {}, {"connection": "nobody"}):
        assert admin.post("trial", **said).status_code == 400
    for path in ("connections/new/csv", "connections/crm", "mappings/crm"):
        assert "with a sandbox" not in admin.read(path)

    def run(_trial: Trial, _tell: Any) -> None:
        raise ConfigError("The sandbox is out of sand.", remedy="Dig.")

    monkeypatch.setattr(Trial, "run", run)
    page = words(admin.follow(admin.post("trial", tool="smtp")).text)
    assert "The sandbox is out of sand." in page
    assert "Dig." in page


def test_only_admins_see_the_way_there(lab: Lab, someone: Someone, news: str) -> None:
    for role in ("viewer", "operator"):
        one = someone(role)
        assert "with a sandbox" not in one.read("connections/new")
        assert "with a sandbox" not in one.read("connections/news")
        assert one.open("trial").status_code == one.post("trial", tool="smtp").status_code == 403


def test_the_page_asks_a_few_statements(lab: Lab, admin: Browser, asked: list[Asked]) -> None:
    admin.post("trial", tool="carddav")
    said: list[str] = []
    event.listen(lab.installation.store.engine, "before_cursor_execute", lambda *told_: said.append(told_[2]))
    admin.open("trial")
    assert sum(not one.startswith(("BEGIN", "SAVEPOINT")) for one in said) <= 25
