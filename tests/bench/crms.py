"""`crms`: a backfill of 100,000 contacts from each CRM's sandbox, at its published quota, in simulated time.

Waiting for a tool's limits costs no real seconds; it is told as the time that a customer would see. Ten thousand of
the rows share one stamp, as an import leaves them. What is really spent is the hub's own processor time: the sandbox
works in a process of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from tests.bench.figures import Figure
from tests.bench.stage import Stage, reports

TOOLS = ("hubspot", "salesforce")


def measure(stage: Stage) -> Iterator[Figure]:
    """Processor time a record, calls, and the simulated time."""
    total = stage.size(100_000, 10_000)
    for tool in TOOLS:
        stage.tell(f"crms: a backfill of {total:,} contacts from {tool}")
        command = [sys.executable, "-m", "tests.bench.backfill", tool, str(total), str(stage.fresh())]
        (report,) = reports(command)
        note = f"{report['records']:,} records in {report['calls']:,} calls, one stamp on a tenth of them"
        name = f"backfill of {total:,} contacts, {tool}"
        yield Figure("crms", f"{name}: the hub's processor time", report["cpu"], "s", note=note)
        yield Figure("crms", f"{name}: processor time a record", report["cpu"] / total * 1e6, "µs")
        yield Figure("crms", f"{name}: time at the tool's quota (simulated)", report["simulated"], "s")
        yield Figure("crms", f"{name}: peak memory of the hub", report["peak_bytes"] / 1e6, "MB")
