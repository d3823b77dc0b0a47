"""`soak`: a hub that runs for long while people edit all the time: does it grow, and does it lose anything?

Three sandboxes over real sockets, `concord up` as a process of its own. Each edit is made in one tool and looked for in
the two others at the end. Every few seconds the hub's resident memory and the rows of every table are noted; a table
that grows without end, and is no log, is told by name. `python -m tests.bench soak --minutes 480` is a night.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from api.assembly import Installation, now
from api.building import ConnectionSpec
from api.engine import turn_crank
from api.settings import Settings
from connectors.hubspot.sandbox import Sandbox as HubSpot
from connectors.mailchimp.sandbox import Sandbox as Mailchimp
from connectors.salesforce.sandbox import Sandbox as Salesforce
from tests.bench.figures import Figure, at_most
from tests.bench.livehub import MAPPINGS
from tests.bench.stage import Stage, started
from tests.bench.threetools import Person, Tools

PEOPLE = 600
EACH = 0.4
"""Seconds between two edits: each person is edited every four minutes, long after the last edit has arrived."""
LOOK = 10.0
POLL = 3.0
PATIENCE = 120.0
LOGS = frozenset(("history", "delivery", "run"))
"""What tells what was done, and goes by `keep`."""
STEADY = frozenset(("written",))
"""A row an hour and kind, which goes after four weeks."""


class Look(NamedTuple):
    """What was seen at one time."""

    at: float
    """Seconds since the beginning."""
    memory: float
    """MB that the hub's process holds."""
    rows: Mapping[str, int]


def measure(stage: Stage) -> Iterator[Figure]:
    """Memory and rows over time, and what never arrived."""
    minutes = stage.minutes or stage.size(10, 1)
    folder = stage.fresh()
    stage.tell(f"soak: three sandboxes come to agree on {PEOPLE} people")
    with ExitStack() as stack:
        tools = Tools(
            stack.enter_context(HubSpot(clock=now)), stack.enter_context(Salesforce(clock=now, daily=10_000_000)),
            stack.enter_context(Mailchimp(clock=now)),
        )  # fmt: skip
        tools.fill(PEOPLE)
        _agreed(folder, tools.settings())
        process = stack.enter_context(_up(folder))
        said, looks = _edited(stage, tools, folder, process.pid, minutes * 60)
        missing = _missing(tools, said)
    half = looks[len(looks) // 2 :]
    grown = half[-1].memory - half[0].memory
    span = (half[-1].at - half[0].at) / 60
    note = f"{len(said):,} people, {looks[-1].at / 60:.0f} minutes, {looks[0].memory:.0f} to {looks[-1].memory:.0f} MB"
    yield at_most("soak", "memory grown in the second half", grown, "MB", limit=max(8.0, 0.5 * span), note=note)
    strange = sorted(_growing(looks) - LOGS - STEADY)
    yield at_most("soak", "tables that grow and are no log", len(strange), "", limit=0, note=", ".join(strange))
    yield at_most("soak", "edits lost", missing, "", limit=0, note=_rows(looks))


def _agreed(folder: Path, settings: Mapping[str, Mapping[str, Any]]) -> None:
    streams = {"*": {"poll_every": POLL}}
    with Installation(Settings(data=folder, database_url=None)) as installation:
        for name, said in settings.items():
            installation.put_connection(
                ConnectionSpec(name, name, said, MAPPINGS[name], f"{name}.yaml", streams, {"changes": "off"})
            )
        turn_crank(installation, until_quiet=True)


@contextmanager
def _up(folder: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", "from api.cli import main; main()", "up", "--port", "0", "--json"]
    with started(command, env={"CONCORD_DATA": str(folder)}, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        text = ""
        while "page" not in text or not text.rstrip().endswith("}"):
            text += process.stdout.read(1)
        json.loads(text)
        yield process


def _edited(stage: Stage, tools: Tools, folder: Path, pid: int, seconds: float) -> tuple[dict[Person, str], list[Look]]:
    """Edit for so long; gives each person's last name, and what was seen on the way."""
    said: dict[Person, str] = {}
    looks: list[Look] = []
    began = time.monotonic()
    number = 0
    while (at := time.monotonic() - began) < seconds:
        if not looks or at - looks[-1].at >= LOOK:
            looks.append(Look(at, _memory(pid), _counted(folder)))
            stage.tell(f"soak: {at / 60:5.1f} min  {looks[-1].memory:6.1f} MB  {number:,} edits  {_rows(looks)}")
        person = tools.people[number % len(tools.people)]
        said[person] = f"Name {number}"
        _say(tools, number, person, said[person])
        number += 1
        time.sleep(EACH)
    looks.append(Look(time.monotonic() - began, _memory(pid), _counted(folder)))
    return said, looks


def _say(tools: Tools, number: int, person: Person, name: str) -> None:
    match number % 3:
        case 0:
            tools.crm.edit("contacts", person.crm, {"firstname": name})
        case 1:
            tools.sales.edit("Contact", person.sales, {"FirstName": name})
        case _:
            tools.news.edit(person.news, {"FNAME": name})


def _missing(tools: Tools, said: Mapping[Person, str]) -> int:
    """How many names are not everywhere, after a while."""
    left, until = dict(said), time.monotonic() + PATIENCE
    while left and time.monotonic() < until:
        left = {person: name for person, name in left.items() if not _everywhere(tools, person, name)}
        time.sleep(1)
    return len(left)


def _everywhere(tools: Tools, person: Person, name: str) -> bool:
    crm = tools.crm.show("contacts", person.crm) or {}
    sales = tools.sales.show("Contact", person.sales) or {}
    news = tools.news.show(person.news) or {}
    return [crm.get("firstname"), sales.get("FirstName"), news.get("FNAME")] == [name] * 3


def _memory(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _counted(folder: Path) -> dict[str, int]:
    with closing(sqlite3.connect(f"file:{folder / 'concord.db'}?mode=ro", uri=True)) as found:
        names = [row[0] for row in found.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: found.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}


def _growing(looks: list[Look]) -> set[str]:
    """Tables that have more rows after each third of the time than after the one before."""
    first, second, third = (looks[len(looks) * part // 3 - 1].rows for part in (1, 2, 3))
    return {name for name in third if first.get(name, 0) < second.get(name, 0) < third[name]}


def _rows(looks: list[Look]) -> str:
    """What has become more since the first look."""
    first, last = looks[0].rows, looks[-1].rows
    more = {name: last[name] - first.get(name, 0) for name in sorted(last) if last[name] > first.get(name, 0)}
    return ", ".join(f"{name} +{number:,}" for name, number in more.items()) or "no table has grown"
