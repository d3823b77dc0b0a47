"""The demo as a person meets it: it runs on, its printed commands do what they say, and Ctrl-C ends all of it."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from api.demo.tour import TITLE
from tests.api.demo_reading import Tools, commands, curl

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
CONCORD = [sys.executable, "-c", "from api.cli import main; main()"]
PATIENCE = 120.0
"""Seconds within which a change must have arrived; it takes two or three."""


class Running(NamedTuple):
    """A demo in a process of its own, what it printed, and its tools."""

    process: subprocess.Popen[str]
    printed: str
    page: str
    tools: Tools
    environment: dict[str, str]

    def concord(self, *words: str) -> str:
        """What a command prints, run as in another terminal."""
        ended = subprocess.run(
            [*CONCORD, *words], cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=60, check=True
        )
        return ended.stdout


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Running]:
    folder = tmp_path / "demo"
    environment = {**os.environ, "CONCORD_DATA": str(folder), "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    environment.pop("CONCORD_DATABASE_URL", None)
    process = subprocess.Popen(
        [*CONCORD, "demo", "--port", "0"], cwd=ROOT, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        lines: list[str] = []
        while not (lines and lines[-1].startswith("Status page")):
            lines.append(process.stdout.readline())
            assert lines[-1], process.communicate()[1]
        page = re.search(r"http://127\.0\.0\.1:\d+/", lines[-1])
        assert page is not None
        tools = Tools(folder)
        yield Running(process, "".join(lines), page[0], tools, environment)
        tools.close()
    finally:
        process.kill()
        process.communicate()


def eventually(holds: Callable[[], bool]) -> None:
    """Another process works in real time, so this waits; never longer than it must."""
    until = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < until, "it did not arrive in time"
        time.sleep(0.1)


def test_the_printed_tour_and_the_readme_are_true_while_the_demo_runs(demo: Running) -> None:
    health = httpx.get(f"{demo.page}healthz")
    assert health.status_code == 200
    assert health.json()["background"] is True
    printed = [shlex.split(line) for line in demo.printed.splitlines() if re.match(r"  (\.venv/bin/)?concord ", line)]
    assert [words[1] for words in printed] == [
        "status", "audit", "why", "log", "reviews", "answer", "plan", "apply", "undo",
    ]  # fmt: skip
    told = {words[1]: demo.concord(*words[1:]) for words in printed[:5]}
    assert "hubspot" in told["status"]
    assert "protected" in told["audit"]
    assert "Assistant Head Baker" in told["why"]
    assert told["log"].count("→") >= 3
    number = printed[5][2]
    assert re.search(rf"^ {number} +ask .* last_name", told["reviews"], re.MULTILINE)

    change, query, card = commands(demo.printed)
    assert curl(change).json()["properties"]["jobtitle"] == TITLE
    eventually(lambda: curl(query).json()["records"][0]["Title"] == TITLE)
    eventually(lambda: f"TITLE:{TITLE}" in curl(card).text)
    email = demo.tools.environment["PERSON"]
    eventually(
        lambda: [row["Job Title"] for row in demo.tools.sheet("contacts") if row["Email"].lower() == email] == [TITLE]
    )

    demo.concord(*printed[5][1:])
    name = printed[5][-1]
    eventually(lambda: name in {one["lastname"] for one in demo.tools.in_hubspot("contacts", "lastname")})
    eventually(lambda: any(name in one["N"][0] for one in demo.tools.cards()))
    assert "No question waits" in demo.concord("reviews")

    a_rule_is_tried(demo, printed[6:])
    readme_works(demo)
    ends_cleanly(demo)


def a_rule_is_tried(demo: Running, printed: list[list[str]]) -> None:
    """Planned, it changes nothing; applied, it changes what was planned; undone, all is as before, in each tool."""
    before, environment = titles(demo), {**demo.environment, **demo.tools.environment}
    (line,) = re.findall(r"^  (echo .*)$", demo.printed, re.MULTILINE)
    subprocess.run(["sh", "-c", line], check=True)
    plan, apply, undo = printed
    running = Running(*demo[:-1], environment)
    planned = json.loads(running.concord(*plan[1:], "--json"))
    assert titles(demo) == before
    assert set(planned["values"]["contact"]) == {"job_title"}
    told = running.concord(*apply[1:])
    (number,) = re.findall(r"`concord undo (\d+)` takes it back", told)
    assert "It carries out the plan." in told
    updates = {name: one["updates"] for name, one in planned["connections"].items()}
    assert min(updates.values()) > 10
    eventually(lambda: {name: differing(before[name], now) for name, now in titles(demo).items()} == updates)
    assert undo[1:3] == ["undo", "RUN"]
    running.concord("undo", number, *undo[3:])
    eventually(lambda: titles(demo) == before)
    (block,) = [one for one in readme_blocks() if "undo" in one]
    assert [shlex.split(one)[1:] for one in block.splitlines()] == [
        [word.replace(str(demo.tools.folder), "data/demo") for word in words[1:]] for words in (apply, undo)
    ]


def titles(demo: Running) -> dict[str, dict[str, str]]:
    """Tool → address → job title."""
    tools = demo.tools
    return {
        "hubspot": {one["email"]: one["jobtitle"] or "" for one in tools.in_hubspot("contacts", "email", "jobtitle")},
        "salesforce": {one["Email"]: one["Title"] or "" for one in tools.people_in_salesforce("Email, Title")},
        "address-book": {one["EMAIL"][0].lower(): one.get("TITLE", [""])[0] for one in tools.cards() if "EMAIL" in one},
        "spreadsheets": {one["Email"].lower(): one["Job Title"] for one in tools.sheet("contacts")},
    }


def differing(before: dict[str, str], now: dict[str, str]) -> int:
    return sum(now[email] != title for email, title in before.items())


def readme_blocks() -> list[str]:
    """What the README says to do in a shell while the demo runs."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(r"^```bash\n(.*?)^```$", readme, re.DOTALL | re.MULTILINE)


def readme_works(demo: Running) -> None:
    """The README says the same commands with variables, which `tools.sh` sets."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = readme_blocks()[0]
    assert block.startswith(". data/demo/tools.sh\n")
    variables = demo.tools.environment
    filled = re.sub(r"\$(\w+)", lambda found: variables[found[1]], block).replace(TITLE, "Head of Hearths")
    change, query, card = commands(filled)
    assert curl(change).json()["properties"]["jobtitle"] == "Head of Hearths"
    eventually(lambda: curl(query).json()["records"][0]["Title"] == "Head of Hearths")
    eventually(lambda: "TITLE:Head of Hearths" in curl(card).text)
    for line in readme.splitlines():
        if found := re.search(r"--email (\S+)", line):
            assert found[1] == variables["PERSON"]


def ends_cleanly(demo: Running) -> None:
    demo.process.send_signal(signal.SIGINT)
    _, err = demo.process.communicate(timeout=30)
    assert demo.process.returncode == 0, err
    assert "Traceback" not in err
    for client in (demo.tools.hubspot, demo.tools.salesforce, demo.tools.book):
        with pytest.raises(httpx.TransportError):
            client.get("/")
