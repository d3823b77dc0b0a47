"""The laws bite: a deliberate fault in the flow is caught, and every fault there is a list of by some hundred seeds.

All of them with their laws: `make mutants`.
"""

from __future__ import annotations

import pytest

from tests.simulation.faults import FAULTS
from tests.simulation.mutants import BY_NAME, hunt, hunted

SOON = (
    "no echoes",
    "raw clocks",
    "asked and written",
    "blanks claimed",
    "edits untold",
    "one hearer",
    "last voice wins",
)
"""Faults that are caught by the first few seeds."""


@pytest.mark.parametrize("name", [fault.name for fault in FAULTS])
def test_every_fault_still_has_its_place_in_the_flow(name: str):
    with BY_NAME[name].put_in():
        pass


def test_no_two_faults_have_one_name():
    assert len(BY_NAME) == len(FAULTS) >= 30


@pytest.mark.parametrize("name", SOON)
def test_a_law_bites(name: str):
    caught = hunt(BY_NAME[name], range(12))
    assert caught.breach is not None, f"nobody notices when {BY_NAME[name].what}"


@pytest.mark.chaos
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("name", list(BY_NAME))
def test_every_fault_is_caught(name: str):
    caught = hunted(name, 0, 500)
    assert caught.breach is not None, f"nobody notices when {BY_NAME[name].what}"
