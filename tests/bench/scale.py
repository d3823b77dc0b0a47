"""`scale`: does a record cost the same, in time and memory, when there are a hundred times as many?

Each size is loaded by a process of its own into a store of its own. The small load is repeated before and after the
large one, and its median counts; the pages are made as they are asked for, in the server's process.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.bench.figures import Figure, at_most
from tests.bench.stage import Stage, ours, pages

SMALL = 10_000
ROUNDS = 3
"""Small loads on each side of the large one."""
SAME = 1.1
"""Memory that grows by no more than this from one size to the other counts as the same."""


class _Load(NamedTuple):
    wall: float
    """µs a record."""
    cpu: float
    """µs of processor time a record."""
    peak: float
    """MB."""
    store: float
    """Bytes a record."""


def measure(stage: Stage) -> Iterator[Figure]:
    """Memory at both sizes, the cost a record, and what a record takes in the store."""
    many = stage.size(1_000_000, 100_000)
    rounds = stage.size(ROUNDS, 1)
    small = [_load(stage, SMALL) for _ in range(rounds)]
    large = _load(stage, many)
    small += [_load(stage, SMALL) for _ in range(rounds)]
    usual = _Load(*(statistics.median(column) for column in zip(*small, strict=True)))
    few, much = f"{SMALL:,}", f"{many:,}"
    beside = ("at " + few, usual.peak)
    yield at_most("scale", f"peak memory, {few} records", usual.peak, "MB", 200)
    yield at_most("scale", f"peak memory, {much} records", large.peak, "MB", 200, peer=beside)
    yield at_most("scale", f"peak memory, {much} ÷ {few}", large.peak / usual.peak, "", SAME)
    for words, of_large, of_small in (("", large.wall, usual.wall), (" (processor)", large.cpu, usual.cpu)):
        note = f"{of_large / of_small - 1:+.0%} against {few}"
        limit = round(1.15 * of_small, 1)
        peer = ("at " + few, of_small)
        yield at_most("scale", f"cost a record{words}, {much}", of_large, "µs", limit, peer=peer, note=note)
    beside = ("at " + few, usual.store)
    yield at_most("scale", f"store a record with one binding, {much}", large.store, "bytes", 3_072, peer=beside)


def _load(stage: Stage, total: int) -> _Load:
    stage.tell(f"scale: Concord reads {total:,} contacts")
    with pages(total) as url:
        first, process = ours(stage, url, "first")
    return _Load(
        _each(first, "seconds", total), _each(first, "cpu", total), process["peak_bytes"] / 1e6,
        process["store_bytes"] / total,
    )  # fmt: skip


def _each(report: dict[str, Any], name: str, total: int) -> float:
    return float(report[name]) * 1e6 / total
