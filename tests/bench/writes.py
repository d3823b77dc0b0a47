"""`writes`: how many write calls it takes to bring every contact of one tool into another."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

from api.assembly import Installation, now
from api.building import ConnectionSpec
from api.settings import Settings
from connectors.memory.connector import BATCH_SIZE, forget, use
from connectors.memory.tool import Tool
from core.flow.sync import sync
from tests.bench.figures import Figure, at_most
from tests.bench.stage import ROOT, Stage

TOTAL = 10_000


def measure(stage: Stage) -> Iterator[Figure]:
    """Ten thousand contacts from `a` to `b`, a hundred a call."""
    stage.tell(f"writes: {TOTAL:,} contacts from one tool to another")
    mapping = (ROOT / "mappings" / "memory.yaml").read_text(encoding="utf-8")
    source, target = use(Tool("bench-a", clock=now)), use(Tool("bench-b", clock=now))
    for number in range(TOTAL):
        source.create("contacts", _contact(number))
    with Installation(Settings(data=stage.fresh())) as installation:
        for name in ("a", "b"):
            spec = ConnectionSpec(name, "memory", {"world": f"bench-{name}"}, mapping, "memory.yaml")
            installation.put_connection(spec)
        began = time.perf_counter()
        sync(installation.hub(), until_quiet=True)
        seconds = time.perf_counter() - began
    with target.open() as world:
        calls, arrived = world.calls.get("write", 0), sum(1 for _ in world.live("contacts"))
    forget("bench-a", "bench-b")
    fewest = math.ceil(TOTAL / BATCH_SIZE)
    note = f"{arrived:,} of {TOTAL:,} arrived in {seconds:.1f} s"
    yield at_most(
        "writes", "write calls ÷ ⌈records ÷ batch⌉", calls / fewest, "", 1.05, peer=("fewest possible", 1.0), note=note
    )


def _contact(number: int) -> dict[str, object]:
    return {
        "email": f"ann.{number}@company{number % 500}.com",
        "first_name": "Ann",
        "last_name": f"Shore {number}",
        "phone": f"+44207{number * 7_919 % 10_000_000:07d}",
        "job_title": "Buyer",
        "stage": "lead",
        "tags": ["garden"],
    }
