"""A laboratory for each test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from connectors._kit.catalogue import Entry, entry
from tests.support import Lab


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """An installation on the embedded store."""
    with Lab(tmp_path) as made:
        yield made


@pytest.fixture
def free_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory tool keeps records under any name; here its manifest says so."""

    def opened(name: str) -> Entry:
        found = entry(name)
        return replace(found, manifest=found.manifest.model_copy(update={"open_streams": True}))

    for reader in ("api.assembly", "api.building"):
        monkeypatch.setattr(f"{reader}.entry", opened)
