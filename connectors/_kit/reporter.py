"""A pytest plugin that keeps only contract tests and writes what became of each, for `quality.run_contract`.

It is loaded by name (`-p connectors._kit.reporter`) in the process that runs one connector's contract.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

import connectors
from connectors._kit.catalogue import refresh

_SUITE = pytest.StashKey[dict[str, str]]()
_RESULTS = pytest.StashKey[dict[str, list[str]]]()


def pytest_configure(config: pytest.Config) -> None:
    """Let connectors outside the house be found, and begin with nothing."""
    house = os.environ.get("CONCORD_CONTRACT_HOUSE")
    if house and house not in connectors.__path__:
        connectors.__path__.append(house)
        refresh()
    config.stash[_SUITE] = {}
    config.stash[_RESULTS] = {}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the contract's own tests."""
    points = {item.nodeid: getattr(getattr(item, "function", None), "point", None) for item in items}
    items[:] = [item for item in items if points[item.nodeid]]
    config.stash[_SUITE] = {nodeid: str(point) for nodeid, point in points.items() if point}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Keep the worst of a test's three phases."""
    report = yield
    results = item.config.stash[_RESULTS]
    before = results.get(item.nodeid, ["", "", "skipped", ""])[2]
    if report.failed or (report.when == "call" and before != "failed") or report.skipped:
        why = str(call.excinfo.value).partition("\n")[0][:300] if call.excinfo else ""
        results[item.nodeid] = [item.name, item.config.stash[_SUITE][item.nodeid], report.outcome, why]
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the results where we were told."""
    answer = os.environ.get("CONCORD_CONTRACT_RESULTS")
    if answer:
        results = list(session.config.stash[_RESULTS].values())
        Path(answer).write_text(json.dumps(results), encoding="utf-8")
