"""SIGKILL at random moments of a backfill and of pushes, and going on: nothing lost, nothing doubled.

The tools live in files that every item is written to by itself, so that they stand as the kill left them. People go
on editing between the kills. `make chaos` kills a hundred times; its seed is printed.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from api.assembly import Installation, now
from api.settings import Settings
from connectors._kit.mischief import spellings
from connectors.memory.tool import Habits, Tool
from core.flow.undo.replay import folded_again
from core.model.instant import SECOND, Instant
from core.store import deliveries, records, tables
from tests.chaos.child import TOOLS
from tests.support import count

pytestmark = pytest.mark.slow

PEOPLE = 36
ROOT = Path(__file__).parents[2]
LEASES_END = 31 * 60.0
"""Seconds after which a killed process holds nothing any more."""


class Town:
    """The tools in their files, the people who edit them, and the hub that is killed."""

    def __init__(self, folder: Path, seed: int, database_url: str | None) -> None:
        self.folder, self.database_url = folder, database_url
        self.random = random.Random(seed)
        self.offset = 0.0
        self.tools = {
            name: Tool(
                name,
                clock=self.clock,
                path=folder / f"{name}.json",
                habits=Habits(
                    idempotent=bool(how.get("idempotent", True)), spellings=spellings(str(how.get("spellings", "")))
                ),
            )
            for name, how in TOOLS.items()
        }
        self.words: dict[tuple[str, str], str] = {}
        """(person, field) → what somebody wrote last, in whichever tool."""
        self.number = 0
        self.people = 0
        self.longest = 0.4
        """Seconds within which a process is killed; learnt, because machines differ."""

    def clock(self) -> Instant:
        """As the hub's next process has it."""
        return now() + int(self.offset * SECOND)

    # --- people

    def arrive(self, number: int) -> None:
        """New people, each in one tool or in two."""
        for _ in range(number):
            person, self.people = f"person {self.people}", self.people + 1
            fields = {"asked": person, "email": f"{person.replace(' ', '')}@shore.example", "last_name": "Shore"}
            for name in self.random.sample(list(self.tools), self.random.choice((1, 1, 2))):
                self.tools[name].create("contacts", fields)

    def edit(self) -> None:
        """Somebody writes something new into a record; the newest word is the one that must stand."""
        name = self.random.choice(list(self.tools))
        held = self.tools[name].all("contacts")
        if not held:
            return
        id_ = self.random.choice(list(held))
        person = held[id_]["asked"]
        field, other = self.random.sample(("first_name", "job_title"), 2)
        if held[id_].get(other) != self.words.get((person, other)):
            # The tool stamps whole records: this edit would make what stands beside it, and is overtaken elsewhere,
            # look just as new, and nobody could know better.
            return
        self.number += 1
        value = f"Word {self.number}"
        self.tools[name].edit("contacts", id_, {field: value})
        self.words[person, field] = value
        # Edits a moment apart could not be told apart, and a person would have to be asked.
        self.offset += 10

    # --- the hub

    def process(self) -> subprocess.Popen[str]:
        """A new process of the hub."""
        self.offset += LEASES_END
        words = [sys.executable, "-m", "tests.chaos.child", str(self.folder), str(self.offset)]
        words += [self.database_url] if self.database_url else []
        return subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def killed(self) -> bool:
        """Start the hub and kill it in the middle; whether it was still at work."""
        with self.process() as process:
            assert process.stdout is not None
            begun = process.stdout.readline()
            assert begun == "begun\n", process.communicate()[1]
            time.sleep(self.random.uniform(0, self.longest))
            process.kill()
            said, _ = process.communicate()
        at_work = "quiet" not in said
        self.longest = min(1.2, self.longest * 1.2) if at_work else self.longest * 0.7
        return at_work

    def finished(self) -> None:
        """Let the hub come to rest."""
        for _ in range(3):
            with self.process() as process:
                said, trouble = process.communicate(timeout=240)
            assert said == "begun\nquiet\n", said + trouble


def nothing_lost_nothing_doubled(town: Town) -> None:
    """The laws, in the tools and in the store."""
    people = {f"person {one}" for one in range(town.people)}
    for name, tool in town.tools.items():
        held = list(tool.all("contacts").values())
        seen = Counter(one.get("asked") for one in held)
        assert not people - seen.keys(), f"{name} misses {people - seen.keys()}"
        assert set(seen.values()) == {1}, f"{name} holds twice: {[one for one in seen if seen[one] > 1]}"
        for one in held:
            for field in ("first_name", "job_title"):
                assert one.get(field) == town.words.get((one["asked"], field)), (name, one, field)
    settings = Settings(data=town.folder / "hub", database_url=town.database_url)
    with Installation(settings, clock=town.clock) as installation:
        hub = installation.hub()
        with hub.store.reading() as tx:
            ids = list(tx.execute(select(tables.record.c.id)).scalars())
            found = records.load(tx, ids)
            assert len(found) == len(people)
            assert count(tx, "binding") == len(people) * len(TOOLS)
            assert (count(tx, "outbox"), count(tx, "intent"), count(tx, "review")) == (0, 0, 0)
            assert deliveries.dead_letters(tx) == []
            assert folded_again(hub, tx, ids) == {id_: one.values for id_, one in found.items()}


def survives(folder: Path, seed: int, kills: int, database_url: str | None = None) -> None:
    town = Town(folder, seed, database_url)
    town.arrive(PEOPLE)
    at_work = 0
    for _ in range(kills):
        at_work += town.killed()
        for _ in range(town.random.randint(2, 8)):
            town.edit()
        town.arrive(town.random.randint(0, 2))
    assert at_work > kills // 3, f"only {at_work} of {kills} kills met the hub at work"
    town.finished()
    nothing_lost_nothing_doubled(town)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where the tools and the hub live; told when a test fails."""
    yield tmp_path
    for file in tmp_path.glob("*.json"):
        assert isinstance(json.loads(file.read_bytes()), dict)


@pytest.mark.slow
def test_the_hub_survives_a_dozen_kills(folder: Path, seed: int):
    survives(folder, seed, 12)


@pytest.mark.slow
def test_the_hub_survives_a_few_kills_on_postgresql(folder: Path, seed: int, postgres_url: str):
    survives(folder, seed, 4, postgres_url)


@pytest.mark.chaos
@pytest.mark.timeout(1_800)
def test_the_hub_survives_a_hundred_kills(folder: Path, seed: int):
    survives(folder, seed, 100)


@pytest.mark.chaos
@pytest.mark.timeout(1_800)
def test_the_hub_survives_a_hundred_kills_on_postgresql(folder: Path, seed: int, postgres_url: str):
    survives(folder, seed, 100, postgres_url)
