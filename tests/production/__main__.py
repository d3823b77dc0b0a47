"""`make production-demo`: an installation of several processes, killed at random among people who edit, and the counts.

Everything is its own and on this machine: PostgreSQL (from the programs that are installed), Redis, the tools. With
`--times 3` it is shorter.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from random import Random

from tests.production.play import Play
from tests.production.postgres import cluster, programs
from tests.production.stack import REDIS, Stack
from tests.production.town import Town

KINDS = ("child", "worker", "beat", "serve", "redis", "flush", "network", "postgres")


def main() -> int:
    """Play, print the counts, and leave with 1 where anything was lost or doubled."""
    asked = argparse.ArgumentParser(prog="make production-demo", description=__doc__)
    asked.add_argument("--times", type=int, default=50, help="how often each is killed")
    asked.add_argument("--kinds", default=",".join(KINDS), help="which are killed, by comma")
    asked.add_argument("--people", type=int, default=0, help="how many people the tools hold at first")
    words = asked.parse_args()
    seed = int(os.environ.get("CONCORD_SEED", "0"))
    bin_ = programs()
    if bin_ is None or REDIS is None:
        sys.stderr.write("This needs the programs of PostgreSQL (initdb, pg_ctl) and redis-server: install them.\n")
        return 2
    times = dict.fromkeys(words.kinds.split(","), words.times)
    # Everybody speaks once, so that no word is answered by a later one.
    people = words.people or 3 * len(KINDS) * words.times + 50
    folder = Path(tempfile.mkdtemp(prefix="concord-production-"))
    folder.chmod(0o755)
    rng = Random(seed)
    _say(f"{people} people in three tools; each of {', '.join(times)} is killed {words.times} times (seed {seed})")
    try:
        with (
            cluster(folder / "postgres", bin_) as server,
            Town(people, rng) as town,
            Stack(folder, server.url) as stack,
            closing(Play(stack, town, rng, _say, server)) as play,
        ):
            play.begin()
            _say("in agreement; now people edit, and processes are killed")
            report = play.go(times)
    finally:
        kept = "; the logs are there" if any(folder.glob("*.log")) else ""
        _say(f"folder: {folder}{kept}")
    for line in report.lines():
        _say(line)
    for line in [*report.missing[:20], *report.wrong[:20]]:
        _say(f"  {line}")
    if report.is_well:
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if report.is_well else 1


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
