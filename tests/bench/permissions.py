"""`permissions`: how long it takes to say whether somebody may be contacted, among a million people in the store."""

from __future__ import annotations

import random
import resource
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from core.flow.consent.checking import Who, check, check_all
from core.flow.inward.arrivals import Trip
from core.flow.inward.inbound import inbound
from core.ports import Page, Remote
from tests.bench.figures import Figure, at_most, more
from tests.bench.stage import Stage
from tests.support import PEOPLE, Lab, people

MAPPING = PEOPLE + "    consent.email: {field: email_consent}\n    consent.sms: {field: sms_consent}\n"
SAID = ("granted", "granted", "granted", "denied", None)
_PAGE = 1_000
_WARM = 200
_MS = 1e3
LIMIT = 5.0
"""Milliseconds that the slowest of a hundred may take."""


def measure(stage: Stage) -> Iterator[Figure]:
    """One check at a time, by address and by number, and lists; every tenth person is held by a second tool, too."""
    size, checks, listed = stage.size(1_000_000, 30_000), stage.size(10_000, 2_000), stage.size(100_000, 10_000)
    # The same people are asked about in every run.
    chance = random.Random(7)
    with Lab(stage.fresh()) as lab:
        lab.tool("shop", mapping=MAPPING)
        lab.tool("crm", mapping=MAPPING)
        _fill(stage, lab, "shop", range(size))
        _fill(stage, lab, "crm", range(0, size, 10))
        stage.tell("permissions: asking")
        asked = [_person(chance.randrange(size + size // 20)) for _ in range(checks)]
        by_address = _each(lambda who: check(lab.hub, who, "email"), [str(one["email"]) for one in asked])
        by_number = _each(lambda who: check(lab.hub, who, "sms"), [str(one["phone"]) for one in asked])
        for words, found in (("by address", by_address), ("by number", by_number)):
            p99 = _p99(found.wall)
            note = f"median {statistics.median(found.wall):.2f} ms; processor, p99 {_p99(found.cpu):.2f} ms; "
            note += (
                f"where nobody else was given the core, p99 {_p99(found.alone):.2f} ms ({len(found.alone):,} checks)"
            )
            yield at_most("permissions", f"a check {words}, p99, {size:,} people", p99, "ms", LIMIT, note=note)
        whom = [str(_person(chance.randrange(size))["email"]) for _ in range(listed)]
        began = time.perf_counter()
        allowed = sum(one.allowed for one in check_all(lab.hub, whom, "email"))
        taken = time.perf_counter() - began
        note = f"{allowed:,} of {listed:,} allowed"
        yield more("permissions", "a list", listed / taken, "addresses/s", peers={}, goal=None, note=note)


def _person(number: int) -> dict[str, object]:
    (one,) = people(1, start=number)
    return {**one, "phone": f"+44770{number:07d}"}


def _fill(stage: Stage, lab: Lab, tool: str, numbers: Sequence[int]) -> None:
    """What a tool holds comes in by pages, as a first load brings it."""
    for start in range(0, len(numbers), _PAGE):
        if start % (50 * _PAGE) == 0:
            stage.tell(f"permissions: {tool}, {start:,} of {len(numbers):,} people")
        page = [_remote(lab, number) for number in numbers[start : start + _PAGE]]
        lab.wait(1)
        inbound(Trip(lab.hub, lab.stream(tool), lab.clock(), lab.clock()), Page(page, {}))


def _remote(lab: Lab, number: int) -> Remote:
    said = SAID[number % len(SAID)]
    fields = {**_person(number), "email_consent": said, "sms_consent": said}
    return Remote(f"con-{number}", fields, version="1", modified_at=lab.clock())


class _Taken(NamedTuple):
    """Milliseconds of each check."""

    wall: list[float]
    cpu: list[float]
    alone: list[float]
    """By the clock, of those in which no other process was given our core: on a busy machine the others say little."""


def _each(ask: Callable[[Who], object], whom: Sequence[Who]) -> _Taken:
    """Ask about each; the first few are asked twice, to warm up what is kept."""
    for who in whom[:_WARM]:
        ask(who)
    taken = _Taken([], [], [])
    for who in whom:
        pushed, worked, began = _pushed_aside(), time.thread_time(), time.perf_counter()
        ask(who)
        wall = (time.perf_counter() - began) * _MS
        taken.cpu.append((time.thread_time() - worked) * _MS)
        taken.wall.append(wall)
        if _pushed_aside() == pushed:
            taken.alone.append(wall)
    return taken


def _pushed_aside() -> int:
    return resource.getrusage(resource.RUSAGE_THREAD).ru_nivcsw


def _p99(found: Sequence[float]) -> float:
    return sorted(found)[int(len(found) * 0.99)]
