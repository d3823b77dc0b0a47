"""`plans`: a plan over a large book, and what carrying it out costs beside it; no tool is called while planning."""

from __future__ import annotations

import time
from collections.abc import Iterator

from api.applying import apply_plan
from api.building import ConnectionSpec
from api.changes import changes
from api.config import Config
from api.planning import make_plan
from tests.bench.figures import Figure, at_most
from tests.bench.stage import Stage
from tests.support import PEOPLE, Lab, people

WHOLE = "    full_name: {field: whole, direction: out, compute: \"join(' ', first_name, last_name)\"}\n"
"""A line more in one tool's mapping: every record of it is to be written."""


def measure(stage: Stage) -> Iterator[Figure]:
    """A mapping that changes every record of one of two tools: planned, then applied, then held against the plan."""
    size = stage.size(100_000, 5_000)
    with Lab(stage.fresh()) as lab:
        stage.tell(f"plans: two tools come to hold {size:,} people")
        tools = [lab.tool(name, page_size=1_000) for name in ("amber", "birch")]
        for one in people(size):
            tools[0].create("contacts", one)
        lab.settle()
        lab.installation.reconsider()  # as every round of `concord up` begins
        settings = {"world": tools[1].name, "page_size": 1_000}
        spec = ConnectionSpec("birch", "memory", settings, PEOPLE + WHOLE, "b.yaml", {"*": {}})
        config = Config("concord.yaml", {"birch": spec})
        change = changes(lab.installation, config)
        before = sum(sum(tool.calls.values()) for tool in tools)
        stage.tell("plans: planning")
        began = time.monotonic()
        plan = make_plan(lab.installation, config, change)
        planned = time.monotonic() - began
        calls = sum(sum(tool.calls.values()) for tool in tools) - before
        yield at_most("plans", f"plan over {size:,} records", planned, "s", limit=60)
        yield at_most("plans", "calls to tools meanwhile", calls, "", limit=0)
        stage.tell("plans: applying")
        began = time.monotonic()
        applied = apply_plan(lab.installation, config, plan)
        yield Figure("plans", "carrying it out", time.monotonic() - began, "s")
        otherwise = len(applied.undone) + len(applied.unplanned)
        yield at_most("plans", "lines done otherwise than listed", otherwise, "", limit=0)
