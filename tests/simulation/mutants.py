"""Proof that the laws bite: each deliberate fault must be caught within some hundred seeds.

python -m tests.simulation.mutants                    all of them
python -m tests.simulation.mutants "no intent"        one
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

from tests.simulation.drawing import plot
from tests.simulation.faults import FAULTS, Fault
from tests.simulation.owed import FOLLOWING
from tests.simulation.run import run

BY_NAME = {fault.name: fault for fault in FAULTS}
BROKE = "broke"


class Caught(NamedTuple):
    """What became of a fault."""

    name: str
    breach: str | None
    """The first breach, in words; None where all laws held."""
    seed: int
    tried: int
    seconds: float

    @property
    def law(self) -> str:
        """The law that caught it."""
        return (self.breach or "nothing").partition(":")[0]

    def __str__(self) -> str:
        """One line."""
        what = BY_NAME[self.name].what
        caught = f"{self.law} in seed {self.seed}" if self.breach else "SURVIVES"
        return f"{self.name:<24} {what:<80} {caught:<28} {self.tried:>4} seeds {self.seconds:6.1f} s"


def hunt(fault: Fault, seeds: Sequence[int]) -> Caught:
    """Play seeds with a fault put in, until a law catches it; a seed that fails without it proves nothing."""
    began = time.monotonic()
    for tried, seed in enumerate(seeds, start=1):
        with fault.put_in():
            found = run(plot(seed))
        if found and not run(plot(seed)):
            return Caught(fault.name, found[0], seed, tried, time.monotonic() - began)
    return Caught(fault.name, None, -1, len(seeds), time.monotonic() - began)


def hunted(name: str, first: int, seeds: int) -> Caught:
    """Hunt the fault of a name through the histories in which it can show."""
    fault = BY_NAME[name]
    start = first + FOLLOWING if fault.of_policy else first
    return hunt(fault, range(start, start + seeds))


def main() -> int:
    """Hunt the faults that are named, or all; 1 when one survives."""
    words = argparse.ArgumentParser(prog="python -m tests.simulation.mutants", description=__doc__)
    words.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BY_NAME)}")
    words.add_argument("--seeds", type=int, default=500)
    words.add_argument("--first", type=int, default=0)
    words.add_argument("--jobs", type=int, default=1)
    given = words.parse_args()
    unknown = [name for name in given.names if name not in BY_NAME]
    if unknown:
        words.error(f"there is no fault {unknown[0]!r}; there are {', '.join(BY_NAME)}")
    names = given.names or list(BY_NAME)
    caught = 0
    with ProcessPoolExecutor(given.jobs) as pool:
        for one in pool.map(hunted, names, [given.first] * len(names), [given.seeds] * len(names)):
            caught += one.breach is not None
            sys.stdout.write(f"{one}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{caught}/{len(names)} caught\n")
    return 0 if caught == len(names) else 1


if __name__ == "__main__":
    sys.exit(main())
