"""The catalogue: which connectors there are, found without importing any of them.

A folder under `connectors/` with a `manifest.yaml` is a connector. Others are installed as packages that name
an entry point in the group `concord.connectors`, whose value is the package that holds the same files. A
broken manifest spoils only its own entry: it is listed in `broken`, the rest works.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import connectors
from core.errors import ConfigError
from core.manifest import Manifest, load_manifest
from core.ports import Checks, Clock, Context

if TYPE_CHECKING:
    from connectors._kit.stand_in import StandIn

HOUSE = Path(__file__).resolve().parents[1]
"""The folder `connectors/`."""
GROUP = "concord.connectors"


@dataclass(frozen=True, slots=True)
class Entry:
    """One connector: its declaration, and where its code and default mapping are."""

    name: str
    manifest: Manifest
    folder: Path
    package: str
    """Where to import it from, e.g. `connectors.memory`."""

    def load(self) -> ModuleType:
        """Import `connector.py`; it has `build(context)`. `ConfigError` when it cannot be imported."""
        try:
            module = importlib.import_module(f"{self.package}.connector")
        except ImportError as error:
            raise ConfigError(f"Connector {self.name} cannot be loaded: {error}") from error
        if not callable(getattr(module, "build", None)):
            raise ConfigError(f"Connector {self.name} has no `build(context)` in connector.py.")
        return module

    def build(self, context: Context) -> Checks:
        """A connector for one connection."""
        connector: Checks = self.load().build(context)
        return connector

    @property
    def has_trial(self) -> bool:
        """Whether it can be tried with its sandbox: a module `trial` says how (`connectors._kit.stand_in`)."""
        return (self.folder / "trial.py").exists()

    def opened(self, clock: Clock) -> AbstractContextManager[StandIn]:
        """The tool's sandbox with a few people in it, for a trial; `ConfigError` where there is none."""
        if not self.has_trial:
            raise ConfigError(
                f"{self.manifest.title} has no sandbox to try it with.",
                remedy="Connect it, and look at its plan before it begins.",
            )
        stand: AbstractContextManager[StandIn] = importlib.import_module(f"{self.package}.trial").opened(clock)
        return stand

    @property
    def mapping_path(self) -> Path:
        """The default mapping: `mappings/NAME.yaml` of the house, or `mapping.yaml` in a foreign package."""
        own = self.folder / "mapping.yaml"
        return own if own.exists() else self.folder.parents[1] / "mappings" / f"{self.name}.yaml"

    @property
    def guide(self) -> str:
        """The README, blank when there is none."""
        readme = self.folder / "README.md"
        return readme.read_text(encoding="utf-8") if readme.exists() else ""


def catalogue(house: Path | None = None) -> Mapping[str, Entry]:
    """Every usable connector by name, in order of name.

    The house's own go before packages of the same name.
    """
    return dict(_survey(_houses(house)).entries)


def broken(house: Path | None = None) -> Mapping[str, ConfigError]:
    """Folders and packages that should be connectors, and why they cannot be used."""
    return dict(_survey(_houses(house)).broken)


def entry(name: str, house: Path | None = None) -> Entry:
    """The connector of this name; `ConfigError` names those there are."""
    survey = _survey(_houses(house))
    if name in survey.broken:
        raise survey.broken[name]
    if name not in survey.entries:
        known = ", ".join(survey.entries) or "none"
        raise ConfigError(f"There is no connector '{name}'; there are: {known}.", remedy="Choose one of these names.")
    return survey.entries[name]


def refresh() -> None:
    """Look again at the next question; for folders that were made meanwhile."""
    _survey.cache_clear()


@dataclass(frozen=True, slots=True)
class _Survey:
    entries: dict[str, Entry]
    broken: dict[str, ConfigError]


def _houses(house: Path | None) -> tuple[Path, ...]:
    """Where to look: the package `connectors` may be spread over several folders."""
    return (house,) if house else tuple(Path(place) for place in connectors.__path__)


@cache
def _survey(houses: tuple[Path, ...]) -> _Survey:
    entries: dict[str, Entry] = {}
    broken: dict[str, ConfigError] = {}
    for name, folder, package in (*chain.from_iterable(map(_folders, houses)), *_packages()):
        if name in entries or name in broken:
            continue
        try:
            entries[name] = _entry(name, folder, package)
        except ConfigError as error:
            broken[name] = error
    return _Survey(dict(sorted(entries.items())), broken)


def _entry(name: str, folder: Path | None, package: str) -> Entry:
    if folder is None:
        raise ConfigError(f"Package {package} of connector {name} has no folder on this machine.")
    try:
        manifest = load_manifest(folder / "manifest.yaml")
    except OSError as error:
        raise ConfigError(f"{folder / 'manifest.yaml'} cannot be read: {error.strerror}.") from error
    if manifest.name != name:
        raise ConfigError(f"{folder / 'manifest.yaml'} names itself '{manifest.name}', but is found as '{name}'.")
    return Entry(name, manifest, folder, package)


def _folders(house: Path) -> Iterator[tuple[str, Path, str]]:
    for manifest in sorted(house.glob("*/manifest.yaml")):
        yield manifest.parent.name, manifest.parent, f"{house.name}.{manifest.parent.name}"


def _packages() -> Iterator[tuple[str, Path | None, str]]:
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        yield point.name, _folder(point), point.value


def _folder(point: EntryPoint) -> Path | None:
    """Where a package lies; finding it may import its parents, never the connector itself."""
    try:
        spec = importlib.util.find_spec(point.value)
    except ImportError:
        return None
    places = list(spec.submodule_search_locations or ()) if spec else []
    return Path(places[0]) if places else None
