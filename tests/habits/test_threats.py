"""What THREATS.md calls shown or met is shown by tests that there are."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "THREATS.md").read_text(encoding="utf-8")


def test_every_test_that_is_named_is_there():
    named = set(re.findall(r"`([\w/]+\.py)::(\w+)`", TEXT))
    assert len(named) > 40
    there = {file: (ROOT / "tests" / file).read_text(encoding="utf-8") for file, _ in named}
    assert [f"{file}::{test}" for file, test in sorted(named) if f"def {test}(" not in there[file]] == []


def test_every_requirement_says_how_it_stands():
    rows = [line.split("|")[1:-1] for line in TEXT.splitlines() if re.match(r"^\| \d+\.\d", line)]
    assert {row[0].split(".")[0].strip() for row in rows} == {str(one) for one in range(1, 15)}
    for row in rows:
        assert row[2].strip() in ("met", "n/a", "open"), row
        assert row[3].strip(), row
        assert row[2].strip() != "met" or "::test_" in row[3], row
