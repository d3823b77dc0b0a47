"""The hub reads all contacts of a CRM, in a process of its own: `python -m tests.bench.backfill TOOL TOTAL FOLDER`.

Hub and sandbox stand on one simulated clock: whenever the hub is told to wait, both clocks move on and nobody waits.
The last line is JSON: records, calls, processor seconds, simulated seconds, peak memory.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
from pathlib import Path

import structlog

from api.assembly import Installation
from api.building import ConnectionSpec
from api.engine import api_calls
from api.settings import Settings
from connectors._kit.clock import VirtualTime
from core.flow.sync import turn
from tests.bench.ours import peak_bytes
from tests.bench.stage import ROOT, started

STREAM = {"hubspot": "contacts", "salesforce": "Contact"}


class Together:
    """A clock, and a `sleep` that moves it and the sandbox's along."""

    def __init__(self, sandbox: subprocess.Popen[str]) -> None:
        self.clock = VirtualTime(tick=50)
        self._sandbox = sandbox

    def sleep(self, seconds: float) -> None:
        """Let this time pass for both."""
        assert self._sandbox.stdin is not None
        self._sandbox.stdin.write(f"{seconds}\n")
        self._sandbox.stdin.flush()
        self.clock.sleep(seconds)


def main() -> None:
    """Read everything once and say what it took."""
    tool, total, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    command = [sys.executable, "-m", "tests.bench.crmserver", tool, str(total)]
    with started(command, stdin=subprocess.PIPE) as sandbox:
        assert sandbox.stdout is not None
        settings = json.loads(sandbox.stdout.readline())
        together = Together(sandbox)
        with Installation(Settings(data=folder), clock=together.clock, sleep=together.sleep) as installation:
            mapping = (ROOT / "mappings" / f"{tool}.yaml").read_text(encoding="utf-8")
            others = {"*": {"reads": False, "writes": False}, STREAM[tool]: {"reads": True, "writes": False}}
            installation.put_connection(ConnectionSpec(tool, tool, settings, mapping, f"{tool}.yaml", others))
            hub = installation.hub()
            began_at, worked = together.clock(), time.process_time()
            done = turn(hub, hub.connection(tool))
            cpu = time.process_time() - worked
            if done.error is not None:
                raise done.error
            report = {
                "records": done.counts().get("created", 0),
                "calls": api_calls(installation, tool),
                "cpu": cpu,
                "simulated": (together.clock() - began_at) / 1e6,
                "peak_bytes": peak_bytes(),
            }
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
