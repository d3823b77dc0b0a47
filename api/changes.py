"""What a configuration would change: compared with what is in force, looked through, and put in force whole.

`changes` compares and writes nothing, `verify` tells what stands in the way, `put` writes all of it or nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from api.assembly import Text
from api.checkup import check_mapping
from api.config import INLINE, Config
from api.filters import check_filters
from api.movement import check_movement
from core.decide.forms import Askable, load_forms, read_forms
from core.decide.maintenance import load_windows, read_windows
from core.decide.rules import load_rules
from core.flow.hub import HUB
from core.mapping.problem import MappingError, Problem
from core.model.shape import Shape
from core.store import connections, runs
from core.store.codec import loads

if TYPE_CHECKING:
    from api.assembly import Installation


@dataclass(slots=True)
class Changes:
    """What putting a file in force would change: names, and for changed connections what about them."""

    added: list[str] = field(default_factory=list)
    changed: dict[str, list[str]] = field(default_factory=dict)
    unchanged: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    """Of `rules`, `custom fields`, the texts in the file, `locale` and `reviews`, those that change."""

    @property
    def any(self) -> bool:
        """Whether anything changes at all."""
        return bool(self.added or self.changed or self.removed or self.texts)

    def to_json(self) -> dict[str, Any]:
        """As `--json` shows it."""
        return {
            "added": self.added,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "removed": self.removed,
            "also": self.texts,
        }


def changes(installation: Installation, config: Config) -> Changes:
    """Compare a configuration with what is in force; nothing is written."""
    found = Changes()
    with installation.store.reading() as tx:
        rows = {one.name: one for one in connections.all_connections(tx) if one.name != HUB and one.state != "removed"}
        mappings = {one.name: connections.active_mapping(tx, one.id) for one in rows.values()}
        facts = {name: runs.fact(tx, name) for name in ("rules", "custom_fields", *INLINE)}
    for name, spec in config.connections.items():
        row, version = rows.get(name), mappings.get(name)
        if row is None:
            found.added.append(name)
            continue
        kept = {**loads(row.settings), **installation.vault.open(row.secrets)}
        about = {
            "connector": row.connector != spec.connector,
            "settings": kept != {key: value for key, value in spec.settings.items() if value is not None},
            "mapping": version is None or version.text != spec.mapping,
            "streams": loads(row.streams) != {key: dict(value) for key, value in spec.streams.items()},
            "brake": (loads(row.brake) if row.brake else {}) != dict(spec.brake),
        }
        if differ := [what for what, differs in about.items() if differs]:
            found.changed[name] = differ
        else:
            found.unchanged.append(name)
    found.removed = [name for name in config.removed if name in rows]
    for name, text in (("rules", config.rules), ("custom_fields", config.custom_fields)):
        if text is not None and text.text != facts[name]:
            found.texts.append(name.replace("_", " "))
    inline = {name: getattr(config, name) for name in INLINE}
    for name, text in inline.items():
        if text is not None and text.text != (facts[name] or ""):
            found.texts.append(name)
    if config.locale is not None and config.locale != installation.locale():
        found.texts.append("locale")
    if config.reviews is not None and config.reviews != installation.duties():
        found.texts.append("reviews")
    return found


def verify(installation: Installation, config: Config) -> list[Problem]:
    """See whether a configuration could be put in force; raises `ConfigError` with what stands in the way.

    Gives back what is doubtful and stands in nobody's way.
    """
    shapes, locale = installation.shapes(_own_texts(config)), config.locale or installation.locale()
    _check_rules(installation, config, shapes)
    for spec in config.connections.values():
        check_mapping(installation, spec.connector, spec.mapping, spec.mapping_file, shapes=shapes)
    if config.source is not None:
        check_filters(config.source, config.filters, config.connections, shapes=shapes, locale=locale)
    if config.maintenance is not None:
        _check_windows(installation, config, config.maintenance)
    if config.forms is not None:
        _check_forms(config, config.forms, *installation.askable(shapes))
    if config.movement is None:
        return []
    names = list(config.connections)
    return check_movement(config.movement, config.movement_line, config.source, names, shapes=shapes, locale=locale)


def put(installation: Installation, config: Config, found: Changes, *, run_id: int | None = None) -> None:
    """Put in force what changes, all of it or nothing. A connection that does not change keeps its state.

    `run_id` is the run that what follows belongs to.
    """
    touched = {*found.added, *found.changed}
    installation.change(
        connections=[spec for name, spec in config.connections.items() if name in touched],
        removed=found.removed,
        rules=config.rules if "rules" in found.texts else None,
        texts={name: one for name, one in _own_texts(config).items() if name.replace("_", " ") in found.texts},
        match=config.match if "match" in found.texts else None,
        locale=config.locale if "locale" in found.texts else None,
        reviews=config.reviews if "reviews" in found.texts else None,
        run_id=run_id,
    )


def _own_texts(config: Config) -> dict[str, Text]:
    said = {"custom_fields": config.custom_fields, "topics": config.topics, "consent": config.consent}
    said |= {"retention": config.retention, "movement": config.movement, "forms": config.forms}
    said |= {"alerts": config.alerts, "keep": config.keep, "maintenance": config.maintenance}
    return {name: one for name, one in said.items() if one is not None}


def _check_rules(installation: Installation, config: Config, shapes: Mapping[str, Shape]) -> None:
    """Rules may name only connections that there will be."""
    if config.rules is None:
        return
    known = {one.name for one in installation.hub().connections.values()} - set(config.removed)
    sources = known | config.connections.keys() | {HUB}
    load_rules(config.rules.text, file=config.rules.file, shapes=shapes, sources=sources)


def _check_windows(installation: Installation, config: Config, text: Text) -> None:
    """Windows may be said only of connections that there will be."""
    there = {one.name for one in installation.hub().connections.values()} - set(config.removed)
    names = sorted(there | config.connections.keys())
    source = config.source
    root = source.tree() if source is not None and text.file == f"{source.file} (maintenance)" else None
    if source is None or root is None:
        load_windows(text.text, file=text.file, connections=names)
        return
    read_windows(root.value["maintenance"].node, source, names)
    if source.problems:
        raise MappingError(source.problems)


def _check_forms(config: Config, text: Text, contact: Shape, known: Askable) -> None:
    """Forms may ask only what a contact has, and for consent only to what is declared."""
    source = config.source
    root = source.tree() if source is not None and text.file == f"{source.file} (forms)" else None
    if source is None or root is None:
        load_forms(text.text, contact, known, file=text.file)
        return
    read_forms(root.value["forms"].node, source, contact, known)
    if source.problems:
        raise MappingError(source.problems)
