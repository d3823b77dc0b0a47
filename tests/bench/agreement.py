"""`agreement`: a million people in three tools, until all agree, and the quiet day after that.

The tools are rosters in a process of their own (`rosters.py`), asked in the page and batch sizes that the manifests of
HubSpot, Salesforce and Mailchimp declare. Everybody is in the first, every second in the second and every fourth in the
third; one in a hundred has another job title there. How long that takes a customer is simulated: the calls that were
made go through the books that keep each account's limits, with the reserve of the day kept. What the hub itself spends
is measured. The day is lived through in both sizes, and all that is not a daily look at everybody must be the same.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from connectors._kit.allowance import Books, terms
from core.decide.route import Lane
from core.model.instant import HOUR
from tests.bench.figures import Figure, at_most
from tests.bench.roster import LIKES, Like
from tests.bench.rosters import BEGAN
from tests.bench.stage import Stage, reports

NAME = "agreement"
KEPT = "CONCORD_BENCH_KEPT"
"""The variable that names a folder in which the stores are kept, so that another run need not fill them again."""
SAME = 1.1
"""What grows by no more than this from one size to the other counts as the same."""
NEARLY = 1.25
"""The same of processor time, which a busy machine makes waver."""
TICKS = 86_400
"""Looks at what is due in a day: one a second."""

Report = dict[str, Any]


def measure(stage: Stage) -> Iterator[Figure]:
    """First agreement and the quiet day, at both sizes."""
    sizes = stage.size(10_000, 2_000), stage.size(1_000_000, 20_000)
    found: list[tuple[Report, Report]] = []
    for total in sizes:
        stage.tell(f"{NAME}: {total:,} people in three tools come into agreement, and live through a quiet day")
        command = [sys.executable, "-m", "tests.bench.agreeing", str(_folder(stage, total)), str(total), "day"]
        agreed, day = reports(command)
        found.append((agreed, day))
        yield from _agreed(agreed)
    yield from _quiet(found[0][1], found[1][1], *sizes)


def _folder(stage: Stage, total: int) -> Path:
    kept = os.environ.get(KEPT)
    folder = Path(kept) / str(total) if kept else stage.fresh()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _agreed(told: Report) -> Iterator[Figure]:
    total, people = told["total"], f"{told['total']:,} people"
    reading = {like.name: hours(like, _reads(told, like)) for like in LIKES}
    whole = {like.name: hours(like, _reads(told, like) + _writes(told, like)) for like in LIKES}
    slowest = max(LIKES, key=lambda like: whole[like.name] - reading[like.name])
    # All are read side by side, then all are written.
    took = max(reading.values()) + whole[slowest.name] - reading[slowest.name]
    note = "; ".join(f"{like.tool} {whole[like.name]:.2f} h" for like in LIKES)
    yield Figure(NAME, f"{people}: hours to first agreement (simulated)", took, "h", note=note)
    for like in LIKES:
        calls, size = told["calls"][like.name], like.declared
        written = calls.get("written", 0)
        needed = math.ceil(_first(total, like) / size.page_size) + math.ceil(written / size.batch_size)
        made = calls.get("list", 0) + calls.get("write", 0)
        note = f"{calls.get('list', 0):,} pages, {calls.get('write', 0):,} batches, {calls.get('poll', 0):,} polls"
        note += f", {calls.get('fetch', 0):,} looks at what was written, or is about to be"
        yield at_most(
            NAME, f"{people}, {like.tool}: calls ÷ ⌈records ÷ batch⌉", made / needed, "×", limit=1.05, note=note
        )
    cpu = told["cpu"]
    note = f"{total / cpu:,.0f} people/s, {told['bindings'] / cpu:,.0f} bindings/s; {told['writes']:,} written"
    yield Figure(NAME, f"{people}: the hub's processor time", cpu, "s", note=note)
    yield Figure(NAME, f"{people}: the same, a person", cpu / total * 1e6, "µs")
    note = f"agreed {told['share']:.4%}; {told['marked']} marked"
    yield Figure(NAME, f"{people}: everything compared once", told["measuring"], "s", note=note)
    note = "of it up to 24 MB of pages for each of the store's connections"
    yield Figure(NAME, f"{people}: peak memory", told["peak_bytes"] / 1e6, "MB", note=note)
    note = "three bindings, history, what was sent"
    yield Figure(NAME, f"{people}: database a person", told["store_bytes"] / total, "bytes", note=note)
    yield at_most(NAME, f"{people}: writes after agreement", told["writes_after"], "", limit=0)


def _quiet(few: Report, many: Report, small: int, large: int) -> Iterator[Figure]:
    beside, name = f"at {small:,}", f"quiet day, {large:,}"
    for like in LIKES:
        polls, usual = (one["calls"][like.name].get("poll", 0) for one in (many, few))
        shown, seen = (one["calls"][like.name].get("list", 0) for one in (many, few))
        note = f"and {shown:,} pages of a daily look at everybody, against {seen:,}" if like.walks else ""
        yield at_most(NAME, f"{name}: polls of {like.tool}", polls, "", usual * SAME, peer=(beside, usual), note=note)
    tables = ", ".join(f"{table} {rows:,}" for table, rows in many["tables"].items())
    for word, unit, note in (("rows", "rows written", tables), ("statements", "statements", "")):
        yield at_most(NAME, f"{name}: {unit}", many[word], "", few[word] * SAME, peer=(beside, few[word]), note=note)
    log, usual = (one["log"] / 1e6 for one in (many, few))
    yield Figure(NAME, f"{name}: the largest that the store's log was", log, "MB", beside, usual)
    note = f"{many['rounds']:,} rounds; the daily look at everybody took {many['walking']:.1f} s more"
    note += f", against {few['walking']:.1f}"
    peer = (beside, few["cpu"])
    yield at_most(NAME, f"{name}: processor time", many["cpu"], "s", few["cpu"] * NEARLY, peer=peer, note=note)
    tick, usual = many["tick"], few["tick"]["cpu"] * 1e3
    note = (
        f"{tick['statements']:.0f} statements, {tick['rows']:.0f} rows; one a second are {tick['cpu'] * TICKS:,.0f} s"
    )
    yield at_most(
        NAME, f"{name}: a look where nothing is due", tick["cpu"] * 1e3, "ms", usual * NEARLY, peer=(beside, usual),
        note=note,
    )  # fmt: skip


def _first(total: int, like: Like) -> int:
    """How many are there from the beginning."""
    return math.ceil(total / like.every)


def _reads(told: Report, like: Like) -> int:
    return int(told["calls"][like.name].get("list", 0))


def _writes(told: Report, like: Like) -> int:
    calls = told["calls"][like.name]
    return int(sum(calls.get(name, 0) for name in ("write", "fetch", "poll")))


def hours(like: Like, calls: int) -> float:
    """How long so many calls take at the pace and by the day that the tool allows."""
    limits, books, now = like.limits, Books(), BEGAN
    allowed = terms(limits.requests, limits.per_seconds, daily=limits.daily)
    for _ in range(calls):
        while not (verdict := books.ask(allowed, now, Lane.BACKFILL, 1, "hub")).go:
            now += verdict.wait
    return (now - BEGAN) / HOUR
