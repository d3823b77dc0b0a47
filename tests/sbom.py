"""`python -m tests.sbom`: prints what Concord stands on, as a CycloneDX document, from the lock alone.

Each package has its version, its purl, and the hashes of all files that
may be installed; what runs is told apart from what only tests and shows.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements.lock"
_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)([^\\]*)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


class Pin(NamedTuple):
    """One package of the lock."""

    name: str
    version: str
    marker: str
    """For which platforms, in the lock's own words; '' for all."""
    hashes: tuple[str, ...]


def pins(lock: str) -> list[Pin]:
    """The packages of a lock, in its order."""
    found: list[Pin] = []
    for line in lock.splitlines():
        if start := _PIN.match(line):
            found.append(Pin(start[1].lower(), start[2], start[3].strip().removeprefix(";").strip(), ()))
        if found and (hashes := _HASH.findall(line)):
            found[-1] = found[-1]._replace(hashes=(*found[-1].hashes, *hashes))
    return found


def document(lock: str) -> dict[str, Any]:
    """The document: the same lock gives the same, byte for byte."""
    ours, runs = metadata.version("concord-hub"), running()
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "concord-hub", "version": ours,
                                   "bom-ref": f"pkg:pypi/concord-hub@{ours}"}},
        "components": [_component(one, needed=one.name in runs) for one in pins(lock)],
    }  # fmt: skip


def running() -> frozenset[str]:
    """The names of what the hub runs on, without what shows and tests it, as far as it is installed here."""
    found: set[str] = set()
    waiting = list(_needs("concord-hub", frozenset()))
    while waiting:
        one = waiting.pop()
        name = _plain(one.name)
        if name not in found:
            found.add(name)
            waiting += _needs(name, frozenset(one.extras))
    return frozenset(found)


def _needs(name: str, extras: frozenset[str]) -> Iterator[Requirement]:
    try:
        said = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return
    for one in map(Requirement, said):
        if one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in (*extras, "")):
            yield one


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _component(one: Pin, *, needed: bool) -> dict[str, Any]:
    purl = f"pkg:pypi/{_plain(one.name)}@{one.version}"
    told: dict[str, Any] = {
        "type": "library",
        "bom-ref": purl,
        "name": one.name,
        "version": one.version,
        "purl": purl,
        "scope": "required" if needed else "excluded",
    }
    properties = [{"name": "concord:sha256", "value": digest} for digest in one.hashes]
    if one.marker:
        properties.append({"name": "concord:marker", "value": one.marker})
    return {**told, "properties": properties}


def main() -> None:
    """Print it."""
    json.dump(document(LOCK.read_text(encoding="utf-8")), sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
