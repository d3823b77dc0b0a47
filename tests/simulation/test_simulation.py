"""The laws hold for nearly two hundred histories, on both stores; a failing one is told in its shortest form.

More of them: `python -m tests.simulation --seeds 5000 --from 1000`, and with `--follows` those with a movement policy.
"""

from __future__ import annotations

import pytest

from connectors._kit.hostile.shrinking import shrunk
from tests.simulation.drawing import plot
from tests.simulation.owed import FOLLOWING
from tests.simulation.plot import Plot, Step
from tests.simulation.run import report
from tests.support import hasty

CHUNK = 10
EMBEDDED, POSTGRES = 140, 10
FOLLOWED, FOLLOWED_ON_POSTGRES = 30, 5
"""Histories in which the hub follows through."""


def held(seeds: range, database_url: str | None = None) -> None:
    """Fail with the first seed whose history breaks a law."""
    for seed in seeds:
        told = report(seed, database_url=database_url)
        if told is not None:
            pytest.fail(f"{told}\nRepeat it: python -m tests.simulation --from {seed} --seeds 1", pytrace=False)


@pytest.mark.parametrize("start", range(0, EMBEDDED, CHUNK))
def test_the_laws_hold(start: int):
    held(range(start, start + CHUNK))


@pytest.mark.parametrize("start", range(EMBEDDED, EMBEDDED + POSTGRES, CHUNK))
def test_the_laws_hold_on_postgresql(start: int, postgres_url: str):
    held(range(start, start + CHUNK), hasty(postgres_url))


@pytest.mark.parametrize("start", range(FOLLOWING, FOLLOWING + FOLLOWED, CHUNK))
def test_the_laws_hold_where_the_hub_follows_through(start: int):
    held(range(start, start + CHUNK))


def test_the_laws_hold_where_the_hub_follows_through_on_postgresql(postgres_url: str):
    start = FOLLOWING + FOLLOWED
    held(range(start, start + FOLLOWED_ON_POSTGRES), hasty(postgres_url))


@pytest.mark.chaos
@pytest.mark.timeout(3_600)
def test_the_laws_hold_for_seeds_nobody_has_tried(seed: int):
    held(range(seed, seed + 2_000))


def test_a_seed_is_a_history():
    assert plot(7) == plot(7)
    assert plot(7) != plot(8)


def test_a_failing_history_is_cut_down_to_what_matters():
    def fails(one: Plot) -> list[str]:
        marked = {step.value for step in one.steps if step.what == "wait"}
        return ["agreement: broken"] if {1, 2} <= marked else []

    long = Plot(0, plot(0).habits, steps=tuple(Step("wait", value=number) for number in range(40)))
    shortest, told = shrunk(long, fails)
    assert [step.value for step in shortest.steps] == [1, 2]
    assert told == ["agreement: broken"]
