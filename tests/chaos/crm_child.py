"""The process that is killed while it pushes spreadsheets into two CRMs: `python -m tests.chaos.crm_child PLAN OFFSET`.

PLAN is a JSON file with where everything is; OFFSET is how many seconds its clock is ahead, so that the leases of the
one killed before have ended. It prints `begun` before the first turn and `quiet` after the last.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path

import structlog

from api.assembly import Installation, now
from api.building import ConnectionSpec
from api.settings import Settings
from core.flow.sync import sync
from core.model.instant import SECOND, Instant

ROOT = Path(__file__).parents[2]


def main(plan: Path, offset: float) -> int:
    """Sync until quiet; 0 when nothing is left to do."""

    def clock() -> Instant:
        return now() + int(offset * SECOND)

    def sleep(seconds: float) -> None:
        # What a tool asks one to wait would only make the test long.
        time.sleep(min(seconds, 0.05))

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    told = json.loads(plan.read_text(encoding="utf-8"))
    settings = Settings(data=Path(told["data"]), database_url=told["database"])
    with Installation(settings, clock=clock, sleep=sleep) as installation:
        known = {one.name for one in installation.hub().connections.values()}
        for name, (connector, how) in told["connections"].items():
            if name not in known:
                mapping = told["mappings"].get(name) or (ROOT / "mappings" / f"{connector}.yaml").read_text("utf-8")
                policy = {"*": {"writes": name != "sheets"}}
                installation.put_connection(ConnectionSpec(name, connector, how, mapping, f"{name}.yaml", policy))
        _say("begun")
        turns = sync(installation.hub(), until_quiet=True)
        errors = [str(turn.error) for turn in turns if turn.error is not None]
    _say("quiet" if not errors else f"errors: {errors}")
    return 1 if errors else 0


def _say(word: str) -> None:
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), float(sys.argv[2])))
