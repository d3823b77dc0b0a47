"""`core`: what a record costs in each of the pure steps, in µs; medians over pages of a thousand."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import orjson

from core.decide.blocks import Blocks
from core.decide.fold import fold
from core.decide.keys import Key, keys_of
from core.decide.match import Candidate, match
from core.decide.rules import Rules
from core.mapping import load, translator
from core.model.claim import Claims, Stamp, Voice
from core.model.instant import SECOND
from core.model.shapes import SHAPES
from core.model.values import Json
from tests.bench.contacts import page
from tests.bench.figures import Figure
from tests.bench.stage import HERE, Stage

SIZE = 1_000
"""Records a page, as the hub takes them in."""

Records = list[dict[str, Json]]
T = TypeVar("T")


def measure(stage: Stage) -> Iterator[Figure]:
    """Translate in and out, keys, fold, match. No page is translated twice, so no value is remembered."""
    stage.tell("core: the pure steps")
    rounds = stage.size(60, 15)
    mapping = load((HERE / "pages.yaml").read_text(encoding="utf-8"), file="pages.yaml")
    translate = translator(mapping.streams["contacts"], shapes=SHAPES)
    pages = [orjson.loads(page(number * SIZE, SIZE, rounds * SIZE))["results"] for number in range(rounds)]
    read: list[Records] = []

    def translated(found: Records) -> None:
        read.append([reading.values for reading in translate.read(found)])

    yield _figure("translate in, 25 fields", translated, pages)
    yield _figure("translate out, 25 fields", lambda found: [translate.write(one) for one in found], read)
    yield _figure("keys", _keyed, read)
    yield _figure("fold, one voice", _folded, read)
    yield _figure("fold, three voices, one field to settle", _settled, read)
    yield _figure("match, one candidate", _matched, [list(zip(found, _keyed(found), strict=True)) for found in read])


def _figure(name: str, step: Callable[[list[T]], object], pages: list[list[T]]) -> Figure:
    return Figure("core", name, statistics.median(_cost(step, found) for found in pages), "µs")


def _cost(step: Callable[[list[T]], object], found: list[T]) -> float:
    """µs of processor time a record: the steps wait for nothing, so nobody else's work is counted."""
    began = time.thread_time()
    step(found)
    return (time.thread_time() - began) * 1e6 / SIZE


_SHAPE, _RULES, _BLOCKS = SHAPES["contact"], Rules.default(SHAPES), Blocks()


def _keyed(found: Records) -> list[tuple[Key, ...]]:
    return [keys_of("contact", one, _BLOCKS) for one in found]


def _folded(found: Records) -> None:
    for one in found:
        fold(_SHAPE, _RULES, (_voice("a", one, 0),))


def _settled(found: Records) -> None:
    for one in found:
        other = {**one, "job_title": "Head of everything"}
        fold(_SHAPE, _RULES, (_voice("a", one, 0), _voice("b", other, 9), _voice("c", one, 3)))


def _matched(found: list[tuple[dict[str, Json], tuple[Key, ...]]]) -> None:
    for one, keys in found:
        match("contact", one, keys, [Candidate(1, one)], blocks=_BLOCKS)


def _voice(source: str, values: dict[str, Json], after: int) -> Voice:
    at = (1_700_000_000 + after * 3_600) * SECOND
    return Voice(source, Claims(values, (Stamp(at, at - SECOND, 1),)))
