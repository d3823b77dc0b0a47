"""A trial for the tests of this folder: a stand-in, and a connection to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.google_calendar.test_google_calendar import Trial


@pytest.fixture
def trial() -> Iterator[Trial]:
    """The account's own calendar."""
    made = Trial()
    yield made
    made.close()
