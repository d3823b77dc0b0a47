"""The list of what Concord stands on says what the lock says, and every package in the lock has hashes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.sbom import LOCK, document, pins

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "name", ["requirements.lock", "requirements-bench.lock", "requirements-audit.lock", "requirements-fuzz.lock"]
)
def test_every_package_is_pinned_with_hashes_and_no_address(name: str):
    text = (ROOT / name).read_text(encoding="utf-8")
    found = pins(text)
    starts = [line for line in text.splitlines() if line and not line.startswith(("#", " "))]
    assert len(found) == len(starts) > 0
    assert all(one.hashes for one in found)
    assert sum(len(one.hashes) for one in found) == text.count("--hash=")
    assert "://" not in text


def test_whoever_installs_asks_for_the_hashes():
    for name in ("Makefile", "Dockerfile"):
        text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
        installs = [line for line in text.splitlines() if "install" in line and "-r requirements" in line]
        assert installs
        assert all("--require-hashes" in line for line in installs)


def test_the_list_is_the_lock_and_tells_what_runs():
    told = document(LOCK.read_text(encoding="utf-8"))
    assert (told["bomFormat"], told["specVersion"]) == ("CycloneDX", "1.6")
    scopes = {one["name"]: one["scope"] for one in told["components"]}
    assert scopes["cryptography"] == scopes["uvicorn"] == scopes["cffi"] == "required"
    assert scopes["pytest"] == scopes["playwright"] == "excluded"
    refs = [one["bom-ref"] for one in told["components"]]
    assert len(refs) == len(set(refs))
    assert all(re.fullmatch(r"pkg:pypi/[a-z0-9-]+@\S+", one) for one in refs)
