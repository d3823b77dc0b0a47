"""Pages that are printed from declarations are what would be printed now."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_every_printed_page_is_current():
    # In a process of its own: connectors that other tests imported may have registered codes of theirs.
    ended = subprocess.run(
        [sys.executable, "-m", "api.printed", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr


def test_a_changed_page_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from api import printed

    monkeypatch.setattr(printed, "DOCS", tmp_path)
    assert printed.main(["--check"]) == 1
    assert printed.main([]) == 0
    assert printed.main(["--check"]) == 0
    page = tmp_path / "errors.md"
    page.write_text(page.read_text(encoding="utf-8").replace("Nothing to do", "Panic"), encoding="utf-8")
    assert printed.stale() == [page]
