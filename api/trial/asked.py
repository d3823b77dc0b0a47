"""What is to be tried, as it is handed to the process that tries it: nothing in it is secret, and nobody is named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from connectors._kit.catalogue import entry
from core.errors import ConfigError
from core.store import connections
from core.store.codec import loads

if TYPE_CHECKING:
    from api.assembly import Installation

_TEXTS = ("custom_fields", "topics")
"""What a mapping may speak of beside the fields that every installation has."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A tool and the mapping to try it with."""

    tool: str
    mapping: str
    mapping_file: str
    streams: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What was chosen for its streams, where it is a connection's."""
    texts: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Texts of the configuration, each with its file."""
    locale: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As it is handed over."""
        return asdict(self)


def of_tool(name: str, installation: Installation | None, mapping: tuple[str, str] | None = None) -> Asked:
    """A tool that nobody has connected, with its own mapping, or with another text and its file.

    `ConfigError` where the tool has no sandbox.
    """
    tool = entry(name)
    if not tool.has_trial:
        raise ConfigError(
            f"{tool.manifest.title} has no sandbox to try it with.",
            remedy="Connect it: its plan is shown before it begins.",
        )
    text, file = mapping or (tool.mapping_path.read_text(encoding="utf-8"), tool.mapping_path.name)
    return Asked(name, text, file, **(_spoken(installation) if installation is not None else {}))


def of_connection(name: str, installation: Installation, draft: str | None = None, *, file: str | None = None) -> Asked:
    """A connection's tool, with the mapping in force there or a draft of it; its settings and secrets stay here."""
    with installation.store.reading() as tx:
        row = next((one for one in connections.all_connections(tx) if one.name == name), None)
        version = connections.active_mapping(tx, row.id) if row is not None and row.state != "removed" else None
    if row is None or version is None:
        raise ConfigError(f"There is no connection '{name}'.", remedy="Choose one from the list of connections.")
    asked = of_tool(row.connector, installation, (version.text if draft is None else draft, file or version.file))
    return Asked(asked.tool, asked.mapping, asked.mapping_file, loads(row.streams), asked.texts, asked.locale)


def _spoken(installation: Installation) -> dict[str, Any]:
    """The installation's own fields and topics, and how it reads numbers and dates."""
    from api.drafting import texts

    told = texts(installation)
    return {
        "texts": {name: tuple(told[name]) for name in _TEXTS if told[name].text},
        "locale": asdict(installation.locale()),
    }
