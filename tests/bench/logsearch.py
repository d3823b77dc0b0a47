"""`logsearch`: each kind of question that a support person asks of the log, on both databases."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext

from tests.bench.figures import Figure, at_most
from tests.bench.loglab import Log
from tests.bench.stage import Stage, postgres
from tests.bench.touched import touched
from tests.support import Lab

LIMIT = 100.0
"""Milliseconds that the slowest of a hundred may take."""
_ASKED, _LOOKED = 200, 10
"""So often each is asked, and so often it is looked at what that touches."""
_MS = 1e3


def measure(stage: Stage) -> Iterator[Figure]:
    """A million entries in the embedded database, ten in PostgreSQL, or as many as are said."""
    for name, usual in (("embedded", 1_000_000), ("PostgreSQL", 10_000_000)):
        entries = stage.entries or stage.size(usual, 20_000)
        with postgres() if name == "PostgreSQL" else nullcontext() as url:
            lab = Lab(stage.fresh(), tick=0, database_url=url)
            with lab:
                yield from _figures(stage, lab, entries, name)


def _figures(stage: Stage, lab: Lab, entries: int, name: str) -> Iterator[Figure]:
    """How long each kind of question takes."""
    log = Log(lab, entries, lambda words: stage.tell(f"logsearch: {name}, {words}"))
    log.fill()
    # As a server does once it is up: what is there by then is not looked through for rubbish each time.
    gc.collect()
    gc.freeze()
    for words, question in log.questions().items():
        stage.tell(f"logsearch: {name}, {words}")
        taken, worked = _timed(question)
        p99 = _p99(taken)
        note = f"median {statistics.median(taken):.1f} ms, {len(taken)} asked; our own processor time, "
        note += f"median {statistics.median(worked):.1f} ms, p99 {_p99(worked):.1f} ms; "
        unit = "00 steps" if lab.hub.store.embedded else " pages"
        note += f"at most {max(touched(lab.hub.store, question) for _ in range(_LOOKED)):,}{unit} touched"
        yield at_most("logsearch", f"{words}, {name}, {log.entries:,} entries", p99, "ms", LIMIT, note=note)


def _timed(question: Callable[[], object]) -> tuple[list[float], list[float]]:
    """Milliseconds of each asking, by the clock and of the processor; what is far too slow is not asked so often."""
    question()
    taken: list[float] = []
    worked: list[float] = []
    until = time.perf_counter() + 15
    while len(taken) < _ASKED and (len(taken) < 5 or time.perf_counter() < until):
        busy, began = time.thread_time(), time.perf_counter()
        question()
        taken.append((time.perf_counter() - began) * _MS)
        worked.append((time.thread_time() - busy) * _MS)
    return taken, worked


def _p99(found: list[float]) -> float:
    return sorted(found)[int(len(found) * 0.99)]
