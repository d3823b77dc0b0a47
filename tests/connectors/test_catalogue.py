"""The catalogue: found without importing, and one broken manifest spoils nothing else."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from connectors._kit import catalogue as module
from connectors._kit.catalogue import broken, catalogue, entry, refresh
from core.errors import ConfigError
from core.ports import Context

MANIFEST = """
name: {name}
title: Shop
category: crm
doc: A shop.
streams:
  contacts: {{kind: contact}}
quality: {{tier: sound}}
"""


@pytest.fixture(autouse=True)
def _look_again() -> Iterator[None]:
    refresh()
    yield
    refresh()


def shop(house: Path, name: str = "shop", text: str | None = None) -> Path:
    folder = house / name
    folder.mkdir(parents=True)
    (folder / "manifest.yaml").write_text(MANIFEST.format(name=name) if text is None else text)
    return folder


def test_folders_with_a_manifest_are_connectors(tmp_path: Path) -> None:
    shop(tmp_path)
    (tmp_path / "_kit").mkdir()
    (tmp_path / "notes").mkdir()
    assert list(catalogue(tmp_path)) == ["shop"]
    assert entry("shop", tmp_path).guide == ""


def test_listing_imports_no_connector() -> None:
    code = (
        "import sys; from connectors._kit.catalogue import catalogue; assert 'memory' in catalogue(); "
        "loaded = [m for m in sys.modules if m.startswith('connectors.') and not m.startswith('connectors._kit')]; "
        "assert not loaded, loaded; assert 'httpx' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=module.HOUSE.parent, check=True, timeout=60)


def test_memory_is_loaded_when_it_is_asked_for() -> None:
    memory = entry("memory")
    assert memory.mapping_path.exists()
    context = Context("m", {"world": "catalogue-test"}, lambda: 1_000_000)
    assert memory.build(context).check().ok
    memory.load().forget("catalogue-test")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name: [", "not valid YAML"),
        ("title: Shop", "name"),
        (MANIFEST.format(name="other"), "is found as 'shop'"),
        ("", "manifest.yaml"),
    ],
)
def test_a_broken_manifest_is_told_and_spoils_nothing(tmp_path: Path, text: str, says: str) -> None:
    shop(tmp_path, text=text)
    shop(tmp_path, "fine")
    assert list(catalogue(tmp_path)) == ["fine"]
    assert says in str(broken(tmp_path)["shop"])
    with pytest.raises(ConfigError):
        entry("shop", tmp_path)


def test_an_unknown_name_lists_the_known_ones(tmp_path: Path) -> None:
    shop(tmp_path)
    with pytest.raises(ConfigError, match="there are: shop"):
        entry("shpo", tmp_path)


def test_a_connector_without_build_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "concord_shop_a"
    shop(tmp_path, "concord_shop_a", MANIFEST.format(name="shop_a"))
    (package / "__init__.py").write_text("")
    (package / "connector.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    _install(monkeypatch, "shop_a", "concord_shop_a")
    with pytest.raises(ConfigError, match="has no `build"):
        entry("shop_a").load()
    (package / "connector.py").write_text("import nothing_of_the_kind")
    sys.modules.pop("concord_shop_a.connector")
    with pytest.raises(ConfigError, match="cannot be loaded"):
        entry("shop_a").load()
    sys.modules.pop("concord_shop_a")


def test_packages_bring_connectors_by_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = shop(tmp_path, "concord_shop", MANIFEST.format(name="shop"))
    (package / "mapping.yaml").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    _install(monkeypatch, "shop", "concord_shop")
    found = entry("shop")
    assert found.package == "concord_shop"
    assert found.mapping_path == package / "mapping.yaml"
    assert "concord_shop" not in sys.modules


def test_the_houses_own_connector_goes_before_a_package(monkeypatch: pytest.MonkeyPatch) -> None:
    _install(monkeypatch, "memory", "not_there")
    assert entry("memory").package == "connectors.memory"


def test_a_package_that_is_not_there_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    _install(monkeypatch, "ghost", "not_there_at_all")
    assert "ghost" in broken()
    assert "memory" in catalogue()


def _install(monkeypatch: pytest.MonkeyPatch, name: str, package: str) -> None:
    point = EntryPoint(name, package, module.GROUP)
    monkeypatch.setattr(module, "entry_points", lambda group: [point] if group == module.GROUP else [])
    refresh()
