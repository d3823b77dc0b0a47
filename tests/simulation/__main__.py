"""More seeds than the tests run: `python -m tests.simulation --seeds 2000 --from 10000`."""

from __future__ import annotations

import argparse
import sys
import time

from tests.simulation.run import report


def main() -> int:
    """Run the seeds and print each one that fails with its shortest history."""
    words = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    words.add_argument("--seeds", type=int, default=500)
    words.add_argument("--from", type=int, default=0, dest="start")
    words.add_argument("--database", default=None, help="the SQLAlchemy URL of an empty PostgreSQL database")
    words.add_argument("--shrink", type=float, default=30.0, help="seconds to look for a shorter history")
    given = words.parse_args()
    began, failed = time.monotonic(), []
    for seed in range(given.start, given.start + given.seeds):
        told = report(seed, database_url=given.database, seconds=given.shrink)
        if told is not None:
            failed.append(seed)
            sys.stdout.write(told + "\n\n")
            sys.stdout.flush()
    sys.stdout.write(f"{given.seeds} seeds in {time.monotonic() - began:.1f} s, {len(failed)} failed: {failed}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
