"""The folder that tests of reading and writing share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.csv.by_hand import CONTACTS, Desk


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Desk]:
    """A folder with three contacts."""
    made = Desk(tmp_path)
    made.write(CONTACTS)
    yield made
    made.close()
