"""Connecting: what `concord connect` and the console's form share, from what was typed to what is put in force.

Nothing is asked of a person here, and nothing printed; whether a tool can be reached is `api.checkup`'s business.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from api.changes import Changes, changes
from api.config import Config
from core.errors import ConfigError
from core.store import connections
from core.store.codec import loads

if TYPE_CHECKING:
    from api.assembly import Installation
    from api.building import ConnectionSpec
    from connectors._kit.catalogue import Entry
    from core.manifest import Setting
    from core.store.connections import ConnectionRow


def value_of(key: str, setting: Setting, text: str) -> Any:
    """A setting's value from what was typed; `ConfigError` when it cannot be that."""
    if setting.type == "number":
        try:
            return float(text) if "." in text else int(text)
        except ValueError as error:
            raise ConfigError(f"The setting '{key}' is not a number.", remedy=setting.doc) from error
    if setting.type == "flag":
        if text.lower() not in ("true", "false", "yes", "no"):
            raise ConfigError(f"The setting '{key}' is neither true nor false.", remedy=setting.doc)
        return text.lower() in ("true", "yes")
    if setting.type == "choice" and text not in setting.choices:
        raise ConfigError(f"The setting '{key}' cannot be '{text}'.", remedy=f"Choose {', '.join(setting.choices)}.")
    if setting.type == "path":
        return str(Path(text).expanduser().resolve())
    return text


def known(installation: Installation, name: str) -> ConnectionRow | None:
    """A connection as it is kept, a removed one too."""
    with installation.store.reading() as tx:
        return next((one for one in connections.all_connections(tx) if one.name == name), None)


def kept_settings(installation: Installation, connector: str, name: str) -> dict[str, Any]:
    """What the connection was given before, secrets too: who signs in again need not type all of it."""
    row = known(installation, name)
    if row is None or row.connector != connector:
        return {}
    return {**loads(row.settings), **installation.vault.open(row.secrets)}


def mapping_for(installation: Installation, tool: Entry, name: str, settings: Mapping[str, Any]) -> tuple[str, str]:
    """The mapping in force, else one proposed by the connector where it can, else the connector's own; and its file."""
    row = known(installation, name)
    with installation.store.reading() as tx:
        version = connections.active_mapping(tx, row.id) if row and row.connector == tool.name else None
    if version is not None:
        return version.text, version.file
    if (found := proposed(installation, tool, settings)) is not None:
        return found, f"proposed for {name}"
    return read_mapping(tool.mapping_path), str(tool.mapping_path)


def proposes(tool: Entry) -> bool:
    """Whether a connector can look at what is there and propose a mapping."""
    return "folder" in tool.manifest.settings and importlib.util.find_spec(f"{tool.package}.propose") is not None


def proposed(installation: Installation, tool: Entry, settings: Mapping[str, Any]) -> str | None:
    """A connector with a module `propose` can look at what is there: `propose_mapping(folder, shapes)`."""
    if "folder" not in settings or not proposes(tool):
        return None
    folder = Path(str(settings["folder"]))
    if not folder.is_dir():
        raise ConfigError(f"There is no folder {folder}.", remedy="Mend the setting `folder`.")
    text: str = importlib.import_module(f"{tool.package}.propose").propose_mapping(folder, installation.shapes())
    return text


def read_mapping(path: Path) -> str:
    """A mapping file's text."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigError(f"{path} cannot be read: {why}.", remedy="Name a mapping file with --mapping.") from error


def keep_proposal(installation: Installation, spec: ConnectionSpec) -> ConnectionSpec:
    """Keep a proposed mapping as a file in the data folder, where an admin can change it."""
    path = installation.settings.data / "mappings" / f"{spec.name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(spec.mapping, encoding="utf-8")
    return replace(spec, mapping_file=str(path))


def as_chosen(installation: Installation, spec: ConnectionSpec) -> ConnectionSpec:
    """The same with what was chosen for the connection's streams and brake before."""
    row = known(installation, spec.name)
    if row is None:
        return spec
    return replace(spec, streams=loads(row.streams), brake=loads(row.brake) if row.brake else {})


def change_to(installation: Installation, spec: ConnectionSpec) -> tuple[Config, Changes]:
    """What putting this connection in force would change, as a plan is made of it."""
    config = Config(spec.mapping_file, {spec.name: spec})
    return config, changes(installation, config)
