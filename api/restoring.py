"""Restoring: the configuration as it was before a change was applied, so that the change can be undone.

What an `apply` puts in force notes beside it what it replaces (`noted`). Undoing it is applying that again: planned,
agreed to and undoable like any other change. Passwords and tokens are not rolled back; they are as they are now.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from api.assembly import Text
from api.building import ConnectionSpec
from api.changes import Changes
from api.config import Config
from core.decide.reviewing import Duties
from core.errors import ConfigError
from core.flow.plan.ghosts import Line
from core.model.locale import Locale
from core.store import connections, plans, runs
from core.store.codec import loads
from core.store.runs import Run

if TYPE_CHECKING:
    from api.assembly import Installation
    from core.store.connections import ConnectionRow

_TEXTS = {
    "rules": "rules", "custom fields": "custom_fields", "match": "match", "topics": "topics", "consent": "consent",
    "retention": "retention", "movement": "movement", "forms": "forms", "alerts": "alerts",
    "keep": "keep", "maintenance": "maintenance",
}  # fmt: skip
"""What a change calls a text → the fact it is kept as."""


def noted(installation: Installation, change: Changes) -> dict[str, Any]:
    """What a change is about to replace, as its run keeps it."""
    with installation.store.reading() as tx:
        rows = {one.name: one for one in connections.all_connections(tx)}
        touched = [rows[name] for name in (*change.changed, *change.removed) if name in rows]
        mappings = {one.id: connections.active_mapping(tx, one.id) for one in touched}
        facts = {name: runs.fact(tx, name) for one in _TEXTS.values() for name in (one, f"{one}_file")}
        locale = runs.fact(tx, "locale")
    before = {one.name: _kept(one, mappings[one.id]) for one in touched}
    texts = {
        fact: [facts[fact] or "", facts[f"{fact}_file"] or fact]
        for what, fact in _TEXTS.items()
        if what in change.texts
    }
    duties = installation.duties().to_json() if "reviews" in change.texts else None
    kept_locale = locale if "locale" in change.texts else None
    return {"connections": before, "texts": texts, "locale": kept_locale, "reviews": duties}


def _kept(row: ConnectionRow, version: connections.MappingRow | None) -> dict[str, Any]:
    return {
        "connector": row.connector,
        "mapping": version.id if version else None,
        "streams": loads(row.streams),
        "brake": loads(row.brake) if row.brake else {},
    }


def earlier(installation: Installation, run: Run) -> Config:
    """The configuration that undoes an `apply`; `ConfigError` where it kept nothing to go by."""
    before = run.subject.get("before")
    if run.what != "apply" or before is None:
        raise ConfigError(f"Run {run.id} put no configuration in force.", remedy="Name the run of an `apply`.")
    config = Config(f"before run {run.id}")
    with installation.store.reading() as tx:
        rows = {one.name: one for one in connections.all_connections(tx)}
        for name, kept in before["connections"].items():
            version = connections.mapping_version(tx, kept["mapping"]) if kept["mapping"] else None
            if version is not None and name in rows:
                config.connections[name] = _spec(installation, rows[name], kept, version)
    config.removed = [name for name in run.subject["change"]["added"] if name in rows and rows[name].state != "removed"]
    texts: Mapping[str, list[str]] = before["texts"]
    config.rules = Text(*texts["rules"]) if "rules" in texts else None
    config.custom_fields = Text(*texts["custom_fields"]) if "custom_fields" in texts else None
    config.match = Text(*texts["match"]) if "match" in texts else None
    config.topics = Text(*texts["topics"]) if "topics" in texts else None
    config.consent = Text(*texts["consent"]) if "consent" in texts else None
    config.retention = Text(*texts["retention"]) if "retention" in texts else None
    config.movement = Text(*texts["movement"]) if "movement" in texts else None
    config.forms = Text(*texts["forms"]) if "forms" in texts else None
    config.alerts = Text(*texts["alerts"]) if "alerts" in texts else None
    config.maintenance = Text(*texts["maintenance"]) if "maintenance" in texts else None
    config.keep = Text(*texts["keep"]) if "keep" in texts else None
    if "locale" in run.subject["change"]["also"]:
        config.locale = Locale(**loads(before["locale"])) if before["locale"] else installation.settings.locale
    if before["reviews"] is not None:
        config.reviews = Duties.from_json(before["reviews"])
    return config


def lines_of(installation: Installation, run: Run) -> list[Line]:
    """What the plan of an `apply` listed; nothing where there was none, as for an answer that became a rule."""
    if "plan" not in run.subject:
        return []
    with installation.store.reading() as tx:
        kept = plans.one(tx, run.subject["plan"])
    return [Line(*line) for line in kept.lines] if kept else []


def _spec(
    installation: Installation, row: ConnectionRow, kept: Mapping[str, Any], version: connections.MappingRow
) -> ConnectionSpec:
    settings = {**loads(row.settings), **installation.vault.open(row.secrets)}
    return ConnectionSpec(
        row.name, kept["connector"], settings, version.text, version.file, kept["streams"], brake=kept["brake"]
    )
