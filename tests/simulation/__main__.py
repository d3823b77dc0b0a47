"""More seeds than the tests run: `make simulate SEEDS=10000 FIRST=1000`.

A long run may be broken off and goes on where it stopped; what failed is printed with its shortest history. It ends
with one line that counts seeds and violations.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

from tests.simulation.owed import FOLLOWING
from tests.simulation.run import report

PORTION = 20
"""Seeds that a process takes at once."""
TELL_EVERY = 30.0
"""Seconds between two lines about how far it has come."""


def say(words: str) -> None:
    """A line, at once."""
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def main() -> int:
    """Run the seeds; 1 when a law was broken, 130 when it was interrupted."""
    words = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    words.add_argument("--seeds", type=int, default=500)
    words.add_argument("--first", "--from", type=int, default=0, dest="first")
    words.add_argument("--jobs", type=int, default=1, help="processes side by side")
    words.add_argument("--database", default=None, help="the SQLAlchemy URL of an empty PostgreSQL database")
    words.add_argument("--shrink", type=float, default=30.0, help="seconds to look for a shorter history")
    words.add_argument("--state", type=Path, default=None, help="the file by which a run goes on where it stopped")
    words.add_argument("--follows", action="store_true", help="with a movement policy by which the hub follows through")
    given = words.parse_args()
    given.first += FOLLOWING if given.follows else 0
    if given.database is not None and given.jobs > 1:
        words.error("one database serves one process: leave --jobs out")
    progress = Progress(given.first, given.seeds, given.state)
    try:
        for portion, failed in run(progress, given):
            progress.note(portion, failed)
    except KeyboardInterrupt:
        say(f"\nStopped; the same command goes on at seed {progress.next}.")
        return 130
    say(progress.told())
    progress.forget()
    return 1 if progress.failed else 0


class Progress:
    """How far a run has come, kept in a file if there is one."""

    def __init__(self, first: int, seeds: int, path: Path | None) -> None:
        self.first, self.end, self.path = first, first + seeds, path
        self.next, self.failed = first, list[int]()
        self._began, self._told = time.monotonic(), time.monotonic()
        kept = json.loads(path.read_text()) if path is not None and path.exists() else {}
        if (kept.get("first"), kept.get("end")) == (self.first, self.end):
            self.next, self.failed = kept["next"], kept["failed"]
            say(f"Going on at seed {self.next}.")
        self._since = self.next

    def note(self, portion: range, failed: dict[int, str]) -> None:
        """A portion is done; portions come in their order."""
        for told in failed.values():
            say(f"{told}\n")
        self.failed += failed
        self.next = portion.stop
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            state = {"first": self.first, "end": self.end, "next": self.next, "failed": self.failed}
            self.path.write_text(json.dumps(state))
        if time.monotonic() - self._told > TELL_EVERY:
            self._told = time.monotonic()
            say(f"seed {self.next} of {self.end}: {self._speed():.1f} seeds/s, {len(self.failed)} failed")

    def told(self) -> str:
        """The last line."""
        seeds = self.end - self.first
        failed = f": seeds {', '.join(map(str, self.failed))}" if self.failed else ""
        return f"{seeds:,} seeds from {self.first}, {self._speed():.1f} a second, {len(self.failed)} violations{failed}"

    def forget(self) -> None:
        """It is over: the next run begins anew."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)

    def _speed(self) -> float:
        return (self.next - self._since) / max(0.001, time.monotonic() - self._began)


def run(progress: Progress, given: Any) -> Iterator[tuple[range, dict[int, str]]]:
    """Every portion with the seeds that failed in it, in order."""
    portions = (
        range(start, min(start + PORTION, progress.end)) for start in range(progress.next, progress.end, PORTION)
    )
    if given.jobs == 1:
        for portion in portions:
            yield portion, failing(portion, given.database, given.shrink)
        return
    with ProcessPoolExecutor(given.jobs) as pool:
        coming = [(one, pool.submit(failing, one, None, given.shrink)) for one in islice(portions, 2 * given.jobs)]
        while coming:
            portion, future = coming.pop(0)
            yield portion, future.result()
            coming += [(one, pool.submit(failing, one, None, given.shrink)) for one in islice(portions, 1)]


def failing(portion: range, database_url: str | None, seconds: float) -> dict[int, str]:
    """Seed → its shortest history, of those whose history breaks a law."""
    told = {seed: report(seed, database_url=database_url, seconds=seconds) for seed in portion}
    return {seed: f"seed {seed}\n{one}" for seed, one in told.items() if one is not None}


if __name__ == "__main__":
    sys.exit(main())
