"""The process that is killed: it opens the installation, syncs until all is quiet, and says so.

`python -m tests.chaos.child FOLDER OFFSET [DATABASE]`; OFFSET is how many seconds its clock is ahead, so that the
leases of the one killed before have ended. It prints `begun` before the first turn and `quiet` after the last.
"""

from __future__ import annotations

import sys
from pathlib import Path

from api.assembly import Installation, now
from api.building import ConnectionSpec
from api.settings import Settings
from core.flow.sync import sync
from core.model.instant import SECOND, Instant
from tests.support import PEOPLE

TOOLS = {
    "north": {"mode": "token", "page_size": 7, "idempotent": False},
    "south": {"mode": "stamp", "page_size": 9, "answers": "nothing"},
    "west": {"mode": "listing", "page_size": 8, "answers": "written", "spellings": "phone: phone"},
}


def main(folder: Path, offset: float, database_url: str | None) -> int:
    """Sync until quiet; 0 when nothing is left to do."""

    def clock() -> Instant:
        return now() + int(offset * SECOND)

    settings = Settings(data=folder / "hub", database_url=database_url)
    with Installation(settings, clock=clock) as installation:
        known = {one.name for one in installation.hub().connections.values()}
        for name, how in TOOLS.items():
            if name not in known:
                path = str(folder / f"{name}.json")
                spec = ConnectionSpec(name, "memory", {"world": name, "path": path, **how}, PEOPLE, f"{name}.yaml")
                installation.put_connection(spec)
        _say("begun")
        turns = sync(installation.hub(), until_quiet=True)
        errors = [str(turn.error) for turn in turns if turn.error is not None]
    _say("quiet" if not errors else f"errors: {errors}")
    return 1 if errors else 0


def _say(word: str) -> None:
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else None))
