"""Quality tiers, earned by tests: what a connector promises, point by point, and the tier that follows.

A point is one promise, held by one or more contract tests. A tier is reached when every point of it and of
those below passed, or does not apply and the manifest says why (`quality.exempt`). `run_contract` runs a
connector's own contract test in a process of its own and gives the report that `concord connector test NAME`
prints.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, NamedTuple

from connectors._kit.catalogue import HOUSE, entry
from core.errors import ConfigError

Tier = Literal["sound", "trusted", "exemplary"]
TIERS: tuple[Tier, ...] = ("sound", "trusted", "exemplary")
Outcome = Literal["passed", "failed", "skipped"]


class Point(StrEnum):
    """One promise."""

    MANIFEST = "manifest"
    """The manifest says what the code does, and every setting is explained."""
    GUIDE = "guide"
    """The README leads from nothing to a working connection."""
    SECRETS = "secrets"
    """Secrets are marked, and shown nowhere."""
    CHECK = "check"
    """Signing in, and every way it can fail."""
    MAPPING = "mapping"
    """The default mapping has no mistake, and the tool has its fields."""
    READING = "reading"
    WRITING = "writing"
    ERRORS = "errors"
    """Trouble becomes the right error, and nothing is lost or done twice."""
    RESUME = "resume"
    """A walk goes on where it broke off."""
    CREATES_ONCE = "creates_once"
    """A repeated create makes no second record."""
    DELETES = "deletes"
    """Deletes are seen and carried out as declared."""
    WEBHOOKS = "webhooks"
    LIMITS = "limits"
    """The tool's limits are declared, and its wish for silence is heard."""
    CONSENT = "consent"
    """Consent goes both ways."""
    CUSTOM_FIELDS = "custom_fields"
    MERGES = "merges"
    MISCHIEF = "mischief"
    """Everything above also when the tool misbehaves."""


POINTS: Mapping[Tier, tuple[Point, ...]] = {
    "sound": (
        Point.MANIFEST, Point.GUIDE, Point.SECRETS, Point.CHECK, Point.MAPPING, Point.READING, Point.WRITING,
        Point.ERRORS,
    ),
    "trusted": (Point.RESUME, Point.CREATES_ONCE, Point.DELETES, Point.WEBHOOKS, Point.LIMITS),
    "exemplary": (Point.CONSENT, Point.CUSTOM_FIELDS, Point.MERGES, Point.MISCHIEF),
}  # fmt: skip


class Result(NamedTuple):
    """What became of one test."""

    test: str
    point: str
    outcome: Outcome
    why: str = ""


def standing(results: Iterable[Result]) -> dict[Point, Outcome]:
    """What became of each point: failed if any of its tests did, skipped if all were, or if it has none."""
    outcomes: dict[str, set[Outcome]] = {}
    for result in results:
        outcomes.setdefault(result.point, set()).add(result.outcome)
    return {point: _joined(outcomes.get(point, set())) for point in Point}


def _joined(outcomes: set[Outcome]) -> Outcome:
    if "failed" in outcomes:
        return "failed"
    return "passed" if "passed" in outcomes else "skipped"


def tier(results: Iterable[Result], *, exempt: Iterable[str] = ()) -> Tier | None:
    """The tier that these results earn; `exempt` are points that do not apply to the tool.

    None below `sound`.
    """
    points = standing(results)
    excused = set(exempt)
    earned: Tier | None = None
    for level in TIERS:
        held = all(
            points[point] == "passed" or (points[point] == "skipped" and point in excused) for point in POINTS[level]
        )
        if not held:
            break
        earned = level
    return earned


class Report(NamedTuple):
    """A connector's contract run."""

    name: str
    results: tuple[Result, ...]
    claimed: Tier
    exempt: Mapping[str, str]

    @property
    def tier(self) -> Tier | None:
        """The tier it earned."""
        return tier(self.results, exempt=self.exempt)

    @property
    def failed(self) -> tuple[Result, ...]:
        """Tests that failed."""
        return tuple(result for result in self.results if result.outcome == "failed")

    @property
    def ok(self) -> bool:
        """Whether nothing failed and the claimed tier is earned."""
        return not self.failed and self.tier is not None and TIERS.index(self.tier) >= TIERS.index(self.claimed)

    def __str__(self) -> str:
        """The report for people: each point, then the tier."""
        points = standing(self.results)
        lines = [f"{self.name}: {len(self.results)} contract tests, {len(self.failed)} failed"]
        for level in TIERS:
            lines.append(f"  {level}")
            lines += [f"    {self._mark(point, points[point])}" for point in POINTS[level]]
        lines += [f"  failed: {result.test}: {result.why}" for result in self.failed]
        lines.append(f"tier: {self.tier or 'none'} (claimed: {self.claimed})")
        return "\n".join(lines)

    def _mark(self, point: Point, outcome: Outcome) -> str:
        if outcome == "skipped" and point in self.exempt:
            return f"- {point}: does not apply: {self.exempt[point]}"
        return {"passed": f"✓ {point}", "failed": f"✗ {point}", "skipped": f"· {point}: not shown"}[outcome]


def run_contract(name: str, *, house: Path = HOUSE, timeout: float = 600) -> Report:
    """Run the contract test in a connector's folder and report. `ConfigError` when there is none to run."""
    found = entry(name, house)
    test = found.folder / f"test_{name}.py"
    if not test.exists():
        raise ConfigError(f"Connector {name} has no contract test: {test} is missing.")
    if find_spec("pytest") is None:
        raise ConfigError("The contract needs pytest.", remedy="Install it: pip install 'concord-hub[dev]'.")
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "results.json"
        said = _pytest(test, answer, house, timeout)
        if not answer.exists():
            raise ConfigError(f"The contract test of {name} could not run: {said}")
        results = tuple(Result(*result) for result in json.loads(answer.read_text(encoding="utf-8")))
    if not results:
        raise ConfigError(f"{test} holds no contract that could run: {said}")
    return Report(name, results, found.manifest.quality.tier, found.manifest.quality.exempt)


def run_tests(name: str, *, quiet: bool = False, house: Path = HOUSE) -> bool:
    """Run every test in a connector's folder, shown as they go unless `quiet`; whether all passed."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(entry(name, house).folder)]
    ran = subprocess.run(command, check=False, capture_output=quiet)  # noqa: S603 -- our own interpreter on our own tests
    return ran.returncode == 0


def _pytest(test: Path, answer: Path, house: Path, timeout: float) -> str:
    """Run pytest with our reporter; gives the end of what it printed."""
    paths = [str(HOUSE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    command = [
        sys.executable, "-m", "pytest", str(test), "-q", "--no-header", "--tb=line", "-p", "no:cacheprovider",
        "-p", "connectors._kit.reporter", f"--rootdir={HOUSE.parent}", "--import-mode=importlib",
    ]  # fmt: skip
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "CONCORD_CONTRACT_RESULTS": str(answer),
        "CONCORD_CONTRACT_HOUSE": str(house),
    }
    try:
        ran = subprocess.run(  # noqa: S603 -- our own interpreter on our own test
            command, env=environment, cwd=HOUSE.parent, capture_output=True, text=True, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired:
        return f"it took more than {timeout:g} seconds."
    return (ran.stdout + ran.stderr).strip()[-2000:]
