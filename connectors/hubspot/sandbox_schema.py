"""What an account's records consist of: properties with their rules, pipelines with their stages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.hubspot.sandbox_tables import BUILT_IN, STAGES
from connectors.hubspot.sandbox_words import KINDS
from core.model.instant import Instant

Rule = Callable[[str], bool]


@dataclass
class Property:
    """One property of a type."""

    name: str
    kind: str = "string"
    """string, number, date, datetime, enumeration or bool."""
    field_type: str = "text"
    label: str = ""
    group: str = ""
    description: str = ""
    options: tuple[tuple[str, str], ...] = ()
    """(value, label) in order; empty for one whose choices live elsewhere (`outside`)."""
    outside: str = ""
    """`owners` or `stages`: where its choices are."""
    unique: bool = False
    read_only: bool = False
    own: bool = True
    """Made in this account, not by HubSpot."""
    made_at: Instant = 0
    archived: bool = False
    scope: str = ""
    """The scope without which it reads as blank."""

    @property
    def several(self) -> bool:
        """Whether it holds several choices, `;` between them."""
        return self.kind == "enumeration" and self.field_type == "checkbox"


@dataclass
class Stage:
    """One step of a pipeline."""

    id: str
    label: str
    is_closed: bool
    probability: str
    order: int


@dataclass
class Pipeline:
    """The steps that deals go through."""

    id: str
    label: str
    order: int
    stages: dict[str, Stage] = field(default_factory=dict)
    made_at: Instant = 0


class Schema:
    """Properties and pipelines by type; admins' rules on top of HubSpot's."""

    def __init__(self, now: Instant) -> None:
        self.properties = {plural: _built_in(plural, now) for plural in KINDS}
        self.groups = {kind.plural: {f"{kind.singular}information": f"{kind.singular.title()} information"}
                       for kind in KINDS.values()}  # fmt: skip
        self.pipelines: dict[str, dict[str, Pipeline]] = {plural: {} for plural in KINDS}
        self.required = {kind.plural: {"hs_timestamp"} if kind.is_activity else set() for kind in KINDS.values()}
        self.rules: dict[tuple[str, str], tuple[Rule, str]] = {}
        """(type, property) → an admin's validation rule and what is said when it is broken."""
        self.add_pipeline("deals", "default", "Sales Pipeline", STAGES, now)

    def find(self, plural: str, name: str) -> Property | None:
        """A property that is in use."""
        found = self.properties[plural].get(name)
        return found if found is not None and not found.archived else None

    def unique(self, plural: str) -> list[str]:
        """The properties that no two records may share, `email` of contacts among them."""
        return [one.name for one in self.properties[plural].values() if one.unique and not one.archived]

    def add_pipeline(
        self, plural: str, id_: str, label: str, stages: Iterable[Sequence[Any]], now: Instant
    ) -> Pipeline:
        """A pipeline with stages (id, label, is closed, probability)."""
        made = Pipeline(id_, label, len(self.pipelines[plural]), made_at=now)
        for order, (stage, name, is_closed, probability) in enumerate(stages):
            made.stages[stage] = Stage(stage, name, bool(is_closed), str(float(probability)), order)
        self.pipelines[plural][id_] = made
        return made

    def stage(self, pipeline: str, stage: str) -> Stage | None:
        """A deal's stage in a pipeline."""
        found = self.pipelines["deals"].get(pipeline)
        return found.stages.get(stage) if found else None


def _built_in(plural: str, now: Instant) -> dict[str, Property]:
    group = f"{KINDS[plural].singular}information"
    made = {}
    for row in BUILT_IN[plural]:
        one = Property(**row, own=False, made_at=now, group=group)
        one.label = one.label or one.name.removeprefix("hs_").replace("_", " ").capitalize()
        made[one.name] = one
    return made
