"""`latency`: from a webhook until what it tells is accepted by the two other tools, on loopback, without any waiting.

One process on the embedded store, and worker, beat and door on PostgreSQL and Redis; each at rest, and while a tool is
read from its beginning in which everybody has changed. Opt-outs are counted apart.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from api.settings import Settings
from tests.bench.figures import Figure, Skipped, at_most
from tests.bench.livehub import agreed, part, up
from tests.bench.stage import Stage, postgres, started
from tests.production.stack import REDIS, Stack


class _Limits(NamedTuple):
    """Milliseconds."""

    p50: float
    p99: float


EMBEDDED, PRODUCTION = _Limits(10, 30), _Limits(15, 60)
BUSY, REFUSING = 500.0, 250.0
"""The same while a tool is read from its beginning: at most so long for any word, and for an opt-out."""
PAUSE, REST, LOOK = 1.0, 4.0, 0.002
"""Seconds between two words, before the first one, and between two looks whether one has arrived."""


def measure(stage: Stage) -> Iterator[Figure]:
    """p50 and p99, at rest and during a load, in one process and in several."""
    for busy in (False, True):
        with _people(stage, busy=busy) as people:
            settings = Settings(data=stage.fresh(), database_url=None)
            agreed(settings, people.tools, anew=busy)
            stage.tell(f"latency: one process, {people.told}")
            with up(settings.data) as hub:
                report = people.speak(hub)
        yield from _figures("one process", EMBEDDED, report, people)
    if REDIS is None:
        raise Skipped("There is no redis-server to start; install it.")
    for busy in (False, True):
        with postgres() as url, _people(stage, busy=busy) as people:
            folder = stage.fresh()
            agreed(Settings(data=folder / "data", database_url=url), people.tools, anew=busy)
            stage.tell(f"latency: several processes, {people.told}")
            with Stack(folder, url) as stack:
                stack.start("worker", "loader", "beat", "serve")
                report = people.speak(stack.url)
        yield from _figures("several processes", PRODUCTION, report, people)


class _People:
    """Three tools in a process of their own, and who speaks in them."""

    def __init__(self, process: subprocess.Popen[str], total: int, words: int, *, busy: bool) -> None:
        self._process, self._words, self.busy = process, words, busy
        self.told = f"{total:,} people, {'all of whom are read again' if busy else 'at rest'}"
        self.tools: dict[str, dict[str, Any]] = json.loads(self._line())

    def speak(self, hub: str) -> dict[str, Any]:
        """Let them speak; gives how long each word took (s), and what is missing."""
        asked = {
            "hub": hub, "words": self._words, "call": 0.0, "pause": PAUSE, "rest": 0.0 if self.busy else REST,
            "look": LOOK, "news": self.busy,
        }  # fmt: skip
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        report: dict[str, Any] = json.loads(self._line())
        return report

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


@contextmanager
def _people(stage: Stage, *, busy: bool) -> Iterator[_People]:
    total = stage.size(100_000, 5_000) if busy else stage.size(2_000, 500)
    words = stage.size(300, 60)
    stage.tell(f"latency: three sandboxes come to hold {total:,} people")
    with started([sys.executable, "-m", "tests.bench.threetools", str(total)], stdin=subprocess.PIPE) as process:
        yield _People(process, total, words, busy=busy)


def _figures(where: str, limits: _Limits, report: dict[str, Any], people: _People) -> Iterator[Figure]:
    told, edits = sorted(report["waits"]["opt-out"]), sorted(report["waits"]["edit"])
    every = sorted([*told, *edits])
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    note = f"{len(every)} words, {people.told}; {load:.1f} processes a core at the time"
    name = f"{where}, {'during a load' if people.busy else 'at rest'}"
    if people.busy:
        yield Figure("latency", f"{name}, p50", 1_000 * part(every, 0.5), "ms")
        yield at_most("latency", f"{name}, p99", 1_000 * part(every, 0.99), "ms", limit=BUSY, note=note)
        yield at_most("latency", f"{name}, opt-outs, p99", 1_000 * part(told, 0.99), "ms", limit=REFUSING)
    else:
        yield at_most("latency", f"{name}, p50", 1_000 * part(every, 0.5), "ms", limit=limits.p50)
        yield at_most("latency", f"{name}, p99", 1_000 * part(every, 0.99), "ms", limit=limits.p99, note=note)
    yield at_most("latency", f"{name}, lost", report["refused"] + report["missing"], "", limit=0)
