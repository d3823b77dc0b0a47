"""`python -m tests.bench [NAME…] [--quick] [--json]`: run the benches and print their figures."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import structlog
from rich.console import Console

from tests.bench import (
    addressbooks,
    agreement,
    audits,
    consent,
    console,
    core,
    crms,
    imports,
    latency,
    load,
    logsearch,
    optouts,
    permissions,
    plans,
    saturation,
    scale,
    soak,
    timing,
    writes,
)
from tests.bench.figures import Figure, Skipped
from tests.bench.report import as_json, show
from tests.bench.stage import Stage, interrupted

BENCHES: dict[str, Callable[[Stage], Iterator[Figure]]] = {
    "load": load.measure,
    "scale": scale.measure,
    "agreement": agreement.measure,
    "writes": writes.measure,
    "addressbooks": addressbooks.measure,
    "crms": crms.measure,
    "imports": imports.measure,
    "optouts": optouts.measure,
    "plans": plans.measure,
    "consent": consent.measure,
    "permissions": permissions.measure,
    "audits": audits.measure,
    "logsearch": logsearch.measure,
    "console": console.measure,
    "saturation": saturation.measure,
    "latency": latency.measure,
    "core": core.measure,
    "timing": timing.measure,
    "soak": soak.measure,
}


def main() -> int:
    """Run what was asked for; 1 when a bench broke off, 130 when it was interrupted."""
    words = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure the hub beside its peers.")
    words.add_argument("names", nargs="*", metavar="NAME", help=f"which benches: {', '.join(BENCHES)} (all)")
    words.add_argument("--quick", action="store_true", help="smaller sizes, under two minutes")
    words.add_argument("--minutes", type=float, help="how long `soak` goes on (10)")
    words.add_argument("--entries", type=int, metavar="N", help="entries of the log (logsearch, console)")
    words.add_argument("--json", action="store_true", help="print JSON instead of a table")
    said = words.parse_args()
    unknown = sorted(set(said.names) - BENCHES.keys())
    if unknown:
        words.error(f"there is no bench '{unknown[0]}'; there are {', '.join(BENCHES)}")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, interrupted)
    chosen = [name for name in BENCHES if not said.names or name in said.names]
    try:
        figures, skipped, broken = run(chosen, quick=said.quick, minutes=said.minutes, entries=said.entries)
    except KeyboardInterrupt:
        return 130
    if said.json:
        print(as_json(figures, skipped, quick=said.quick))
    else:
        show(Console(width=None if sys.stdout.isatty() else 150), figures, skipped, quick=said.quick)
    return 1 if broken else 0


def run(
    names: list[str], *, quick: bool, minutes: float | None = None, entries: int | None = None
) -> tuple[list[Figure], list[str], bool]:
    """Run benches one after the other: figures, what was skipped and why, and whether one broke off."""
    figures: list[Figure] = []
    skipped: list[str] = []
    broken = False
    progress = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="concord-bench-") as folder, progress.status("") as status:
        stage = Stage(quick, Path(folder), partial(_tell, progress, status.update), minutes, entries)
        for name in names:
            try:
                for figure in BENCHES[name](stage):
                    figures.append(figure)
                    # At once: what is measured for minutes must not be lost with what comes after it.
                    progress.print(figure.as_line(), markup=False, highlight=False)
            except Skipped as why:
                skipped.append(str(why))
            except Exception as error:  # one broken bench must not take the others' figures along
                broken = True
                skipped.append(f"{name} broke off: {type(error).__name__}: {error}")
    return figures, skipped, broken


def _tell(progress: Console, update: Callable[[str], None], words: str) -> None:
    if progress.is_terminal:
        update(words)
    else:
        progress.print(words, markup=False, highlight=False)


if __name__ == "__main__":
    sys.exit(main())
