"""A new connector keeps the contract before its author has changed a line."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

import connectors
from connectors._kit.catalogue import catalogue
from connectors._kit.quality import Point, run_contract, standing
from connectors._kit.samples import HERE
from connectors._kit.scaffold import scaffold
from core.errors import ConfigError
from core.model.instant import SECOND
from core.ports import Context, Reads


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """An empty folder for connectors, beside an empty one for mappings."""
    house = tmp_path / "connectors"
    house.mkdir()
    return house


@pytest.mark.slow
def test_a_new_connector_passes_its_contract(house: Path) -> None:
    made = scaffold("acme_crm", title="Acme CRM", house=house)
    assert house.parent / "mappings" / "acme_crm.yaml" in made
    assert list(catalogue(house)) == ["acme_crm"]
    report = run_contract("acme_crm", house=house)
    assert not report.failed, str(report)
    assert report.tier == "sound", str(report)
    points = standing(report.results)
    assert points[Point.CREATES_ONCE] == points[Point.MISCHIEF] == "passed"
    assert points[Point.WEBHOOKS] == "skipped"


def test_a_new_connector_can_be_tried_with_its_stand_in(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scaffold("to_be_tried", house=house)
    monkeypatch.setattr(connectors, "__path__", [*connectors.__path__, str(house)])
    tool = catalogue(house)["to_be_tried"]

    def clock() -> int:
        return 1_795_251_602 * SECOND

    with tool.opened(clock) as stand:
        connector = tool.build(Context("tried", dict(stand.settings), clock=clock))
        try:
            people = cast("Reads", connector).read("contacts", None).records
        finally:
            connector.close()
        assert {one.fields["email"] for one in people} == {one.email for one in HERE}
        assert not stand.written()


def test_nothing_of_the_template_shows(house: Path) -> None:
    for path in scaffold("acme_crm", house=house):
        text = path.read_text(encoding="utf-8")
        assert "template" not in text.lower(), f"{path.name} still speaks of the template"


@pytest.mark.parametrize("name", ["", "Acme", "9lives", "a b", "../etc", "class", "template", "x" * 50])
def test_names_that_cannot_be_are_refused(house: Path, name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        scaffold(name, house=house)
    assert caught.value.remedy
    assert not list(house.iterdir())


def test_an_existing_connector_is_not_overwritten(house: Path) -> None:
    scaffold("acme", house=house)
    (house / "acme" / "connector.py").write_text("mine")
    with pytest.raises(ConfigError, match="exists already"):
        scaffold("acme", house=house)
    assert (house / "acme" / "connector.py").read_text() == "mine"


def test_a_taken_mapping_stops_it_too(house: Path) -> None:
    mapping = house.parent / "mappings" / "acme.yaml"
    mapping.parent.mkdir()
    mapping.write_text("mine")
    with pytest.raises(ConfigError, match="exists already"):
        scaffold("acme", house=house)
    assert not (house / "acme").exists()
    assert mapping.read_text() == "mine"
