"""Trials: every tool with a sandbox is tried, nothing else is reached, and nothing is left of it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from api.assembly import Text, now
from api.trial import running
from api.trial.asked import Asked, of_connection, of_tool
from api.trial.playing import play
from api.trial.running import Trial
from api.trial.telling import told
from connectors._kit.catalogue import catalogue, entry
from core.errors import ConfigError, Unforeseen
from tests.api.conftest import Concord
from tests.support import Lab

TOOLS = [name for name, one in catalogue().items() if one.has_trial]
FEW = {"hubspot": ("owners", "companies", "contacts"), "salesforce": ("User", "Account", "Contact")}
"""Streams of the tools that have many: the others cost time, and are played in the demo."""


def tried(folder: Path, asked: Asked) -> dict[str, Any]:
    """A trial in this process, without the walls around it."""
    folder.mkdir(exist_ok=True)
    with entry(asked.tool).opened(now) as stand:
        report = told(play(asked, folder, stand, clock=now))
    again: dict[str, Any] = json.loads(json.dumps(report))
    assert again == report, "it can be handed over"
    return report


def asked_of(name: str) -> Asked:
    """The tool with its own mapping, of those that have many streams with a few."""
    asked = of_tool(name, None)
    if name not in FEW:
        return asked
    every = YAML(typ="safe").load(asked.mapping)
    return replace(asked, mapping=json.dumps({word: every[word] for word in ("version", "vocabularies", *FEW[name])}))


@pytest.fixture(scope="module")
def mailchimp(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What comes of Mailchimp."""
    return tried(tmp_path_factory.mktemp("trial"), of_tool("mailchimp", None))


@pytest.fixture
def rooms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where rooms are opened; it must be empty in the end."""
    folder = tmp_path / "rooms"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


# --- what comes of it


def test_every_tool_but_files_and_memory_can_be_tried() -> None:
    assert set(catalogue()) - set(TOOLS) == {"csv", "memory"}


@pytest.mark.parametrize("name", TOOLS)
def test_a_tool_is_read_mapped_and_written(tmp_path: Path, name: str) -> None:
    report = tried(tmp_path, asked_of(name))
    assert [one for one in report["mapping"] if one["severity"] == "error"] == []
    assert sum(one["records"] for one in report["read"]) >= 4
    assert report["samples"]
    assert all(one["lines"] for one in report["samples"])
    assert [one for one in report["problems"] if one["sort"] != "review"] == []
    assert report["agreement"]["out_of_step"] == report["agreement"]["missing"] == 0
    assert report["cut_short"] == ""
    written = report["written"]
    # A mailbox is only read.
    assert bool(written["calls"]) is bool(written["records"]) is (name != "smtp")


def test_the_report_tells_records_samples_calls_and_what_is_not_touched(mailchimp: dict[str, Any]) -> None:
    assert mailchimp["read"] == [{"stream": "members", "kind": "contact", "records": 8}]
    assert len(mailchimp["samples"]) == 3
    lines = {one["ours"]: one for one in mailchimp["samples"][0]["lines"]}
    assert (lines["first_name"]["theirs"], lines["first_name"]["there"]) == ("FNAME", "Asha")
    assert (lines["consent.email"]["there"], lines["consent.email"]["becomes"]) == ("subscribed", "granted")
    written = mailchimp["written"]
    assert written["verbs"] == {"update": 4, "create": 4}
    assert written["call"]["method"] == "PATCH"
    assert json.loads(written["call"]["body"]) == {"merge_fields": {"PHONE": written["edits"][0]["fields"]["PHONE"]}}
    untouched = {one["name"]: one["filled"] for one in mailchimp["untouched"]["members"]}
    assert untouched["vip"] == 8
    assert untouched["BIRTHDAY"] == 0
    assert not {"FNAME", "status", "ADDRESS"} & untouched.keys()


def test_a_question_that_would_be_asked_is_told(tmp_path: Path) -> None:
    report = tried(tmp_path, of_tool("carddav", None))
    (asked,) = [one for one in report["problems"] if one["sort"] == "review"]
    assert "job_title" in asked["what"]
    assert "Managing Director" in asked["what"]
    assert report["agreement"]["in_conflict"] == 1
    assert {one["name"] for one in report["untouched"]["contacts"] if one["filled"]} >= {"x-favourite-tea"}


def test_a_field_that_the_sandbox_does_not_know_is_a_problem_and_no_error(tmp_path: Path) -> None:
    asked = of_tool("mailchimp", None)
    draft = asked.mapping.replace("tags: {field: tags}", "tags: {field: tags}\n    job_title: {field: JOBTITLE}")
    report = tried(tmp_path, replace(asked, mapping=draft))
    (problem,) = [one for one in report["mapping"] if one["severity"] == "error"]
    assert "JOBTITLE" in problem["what"]
    assert problem["remedy"]
    assert report["read"][0]["records"] == 8, "and the rest goes on"
    assert report["written"]["verbs"] == {"update": 4, "create": 4}


def test_a_mapping_that_cannot_be_read_is_told_and_nothing_is_called(tmp_path: Path) -> None:
    report = tried(tmp_path, replace(of_tool("mailchimp", None), mapping="members:\n  as: nothing\n  fields: {a: b}\n"))
    assert report["mapping"]
    assert (report["read"], report["samples"], report["written"]["records"]) == ([], [], 0)


def test_fields_of_ones_own_are_known_and_nothing_else_goes_along(tmp_path: Path) -> None:
    fields = "contact:\n  - {name: tea, type: text, doc: What they drink., example: Assam}\n"
    with Lab(tmp_path / "hub") as lab:
        lab.installation.change(texts={"custom_fields": Text(fields, "fields.yaml"), "rules": Text("", "rules.yaml")})
        text = entry("carddav").mapping_path.read_text(encoding="utf-8")
        asked = of_tool("carddav", lab.installation, (f"{text}    tea: {{field: x-favourite-tea}}\n", "draft.yaml"))
        assert asked.texts.keys() == {"custom_fields"}
    report = tried(tmp_path / "room", asked)
    assert [one for one in report["mapping"] if one["severity"] == "error"] == []
    assert "x-favourite-tea" not in {one["name"] for one in report["untouched"]["contacts"]}


def test_of_a_connection_its_mapping_is_handed_over_and_no_secret(lab: Lab) -> None:
    lab.tool("crm", token="a-secret-of-the-shop")
    with pytest.raises(ConfigError, match="Memory has no sandbox"):
        of_connection("crm", lab.installation)
    with pytest.raises(ConfigError, match="no connection 'nobody'"):
        of_connection("nobody", lab.installation)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with Lab(tmp_path / "hub") as made:
        yield made


# --- the room


def room_of(folder: str, program: str) -> subprocess.Popen[str]:
    """A room in which another program runs, and has written something."""
    (Path(folder) / "left.db").write_text("something", encoding="utf-8")
    return subprocess.Popen(
        [sys.executable, "-S", "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_a_room_knows_nothing_of_the_installation(rooms: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CONCORD_DATABASE_URL", "CONCORD_REDIS_URL", "CONCORD_VAULT_KEY", "CONCORD_ALERT_WEBHOOK"):
        monkeypatch.setenv(name, "https://secret.example/of-the-shop")
    said: list[str] = []
    report = Trial(of_tool("smtp", None)).run(said.append)
    assert report["read"] == [{"stream": "bounces", "kind": "contact", "records": 4}]
    assert report["problems"] == []
    assert len(said) >= 4
    assert list(rooms.iterdir()) == []


ASTRAY = """
import sys
from contextlib import contextmanager
from connectors.stripe import trial
from connectors.stripe.sandbox import Sandbox
from api.trial import room

opened = trial.opened

@contextmanager
def astray(clock):
    with opened(clock) as stand:
        yield stand._replace(settings={**stand.settings, "url": f"http://127.0.0.1:{sys.argv[1]}"})

trial.opened = astray
room.main()
"""


def test_a_connector_that_calls_elsewhere_is_refused(rooms: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        asked = json.dumps(of_tool("stripe", None).to_json())
        command = [sys.executable, "-c", ASTRAY, str(other.getsockname()[1])]
        with subprocess.Popen(command, cwd=rooms, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            last = running._heard(process, asked, lambda _: None)
            process.kill()
        other.setblocking(False)
        with pytest.raises(BlockingIOError):
            other.accept()
    assert "error" in last, last
    assert "A trial reaches nothing but the sandbox of its tool; the address 127.0.0.1" in last["error"]["message"]


SLOW = """
import time
print('{"say": "It is under way."}', flush=True)
time.sleep(60)
"""


def test_it_can_be_broken_off_at_any_time(rooms: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "_started", lambda folder: room_of(folder, SLOW))
    trial = Trial(of_tool("smtp", None))
    with pytest.raises(ConfigError, match="broken off"):
        trial.run(lambda words: trial.cancel() if "under way" in words else None)
    assert list(rooms.iterdir()) == []
    with pytest.raises(ConfigError, match="broken off"):
        trial.run()
    assert list(rooms.iterdir()) == []


def test_it_is_broken_off_when_it_takes_too_long(rooms: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "_started", lambda folder: room_of(folder, SLOW))
    with pytest.raises(ConfigError, match=r"longer than 0\.01 seconds"):
        Trial(of_tool("smtp", None), limit=0.01).run()
    assert list(rooms.iterdir()) == []


@pytest.mark.parametrize(
    ("last", "error"),
    [
        ('{"crash": "Traceback"}', Unforeseen),
        ("", Unforeseen),
        ('{"error": {"message": "No.", "remedy": "Mend it."}}', ConfigError),
    ],
    ids=["crash", "silence", "error"],
)
def test_a_room_that_fails_leaves_nothing(
    rooms: Path, monkeypatch: pytest.MonkeyPatch, last: str, error: type[Exception]
) -> None:
    monkeypatch.setattr(running, "_started", lambda folder: room_of(folder, f"print({last!r})" if last else ""))
    with pytest.raises(error):
        Trial(of_tool("smtp", None)).run()
    assert list(rooms.iterdir()) == []


def test_a_hub_that_is_killed_leaves_no_room_behind(rooms: Path) -> None:
    folder = rooms / "room"
    folder.mkdir()
    process = running._started(str(folder))
    assert process.stdin is not None
    assert process.stdout is not None
    print(json.dumps(of_tool("smtp", None).to_json()), file=process.stdin, flush=True)
    assert "say" in json.loads(process.stdout.readline())
    # As the end of the hub's process closes it.
    process.stdin.close()
    assert process.wait(30) == 1
    process.stdout.close()
    assert not folder.exists()


# --- the command


def test_the_command_prints_the_report(
    concord: Concord, mailchimp: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[Asked] = []

    def run(trial: Trial, _tell: Any) -> dict[str, Any]:
        seen.append(trial.asked)
        return mailchimp

    monkeypatch.setattr(Trial, "run", run)
    assert concord("try", "mailchimp", "--json").json == mailchimp
    told_ = concord("try", "mailchimp")
    assert told_.code == 0
    for words in ("members", "8", "Would be written: 4 updates, 4 creates, in 5 calls.", "PATCH /3.0", "vip*"):
        assert words in told_.out
    assert not (tmp_path / "data").exists(), "looking makes nothing"
    draft = tmp_path / "draft.yaml"
    draft.write_text(seen[0].mapping + "\n# changed\n", encoding="utf-8")
    assert concord("try", "mailchimp", "--mapping", str(draft)).code == 0
    assert (seen[-1].mapping, seen[-1].mapping_file) == (draft.read_text(encoding="utf-8"), str(draft))


def test_the_command_says_why_a_tool_cannot_be_tried(concord: Concord) -> None:
    assert concord("try", "csv").code == 2
    assert "has no sandbox to try it with" in concord("try", "csv").err
    assert "There is no connector 'nobody'" in concord("try", "nobody").err
