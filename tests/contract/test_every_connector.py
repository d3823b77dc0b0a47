"""Every connector of the catalogue keeps its contract, and claims no more than it earned."""

from __future__ import annotations

import pytest

from connectors._kit.catalogue import HOUSE, broken, catalogue
from connectors._kit.quality import Point, run_contract
from core.model.pages import address, filled

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


@pytest.mark.parametrize("name", CONNECTORS)
def test_each_stream_says_where_a_record_is_looked_at_or_why_nowhere(name: str) -> None:
    manifest = catalogue()[name].manifest
    said = {stream: (bool(one.page), bool(one.no_page)) for stream, one in manifest.streams.items()}
    assert {stream: both for stream, both in said.items() if sum(both) != 1} == {}
    settings = {key: one.example or one.default for key, one in manifest.settings.items()}
    made = [filled(one.page, settings, stream) for stream, one in manifest.streams.items() if one.page]
    assert all(address(page, "a/b 1").endswith(("a%2Fb%201", "a%2Fb%201/view")) for page in made), made


# Every folder's own tests run the contract in `make test`; earning a tier runs it once more, so here for one only.
EARNING = [name if name == "memory" else pytest.param(name, marks=pytest.mark.servers) for name in CONNECTORS]


@pytest.mark.parametrize("name", EARNING)
def test_it_earns_the_tier_it_claims(name: str) -> None:
    report = run_contract(name)
    assert report.ok, str(report)
