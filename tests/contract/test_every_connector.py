"""Every connector of the catalogue keeps its contract, and claims no more than it earned."""

from __future__ import annotations

import pytest

from connectors._kit.catalogue import HOUSE, broken, catalogue
from connectors._kit.quality import Point, run_contract

CONNECTORS = tuple(catalogue())


def test_every_folder_is_a_connector() -> None:
    folders = {path.name for path in HOUSE.iterdir() if path.is_dir() and path.name[0] not in "_."}
    assert not broken()
    assert folders <= set(CONNECTORS)


@pytest.mark.parametrize("name", CONNECTORS)
def test_its_folder_is_whole(name: str) -> None:
    entry = catalogue()[name]
    for file in ("manifest.yaml", "connector.py", "README.md", f"test_{name}.py"):
        assert (entry.folder / file).is_file(), f"{name} lacks {file}"
    assert entry.mapping_path.is_file()


@pytest.mark.parametrize("name", CONNECTORS)
def test_what_it_cannot_do_is_explained(name: str) -> None:
    quality = catalogue()[name].manifest.quality
    assert {*quality.todo, *quality.exempt} <= set(Point)
    assert not set(quality.todo) & set(quality.exempt)


# Every folder's own tests run the contract in `make test`; earning a tier runs it once more, so here for one only.
EARNING = [name if name == "memory" else pytest.param(name, marks=pytest.mark.servers) for name in CONNECTORS]


@pytest.mark.parametrize("name", EARNING)
def test_it_earns_the_tier_it_claims(name: str) -> None:
    report = run_contract(name)
    assert report.ok, str(report)
