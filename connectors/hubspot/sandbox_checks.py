"""HubSpot's judgement on the values of one record, before it is written."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from connectors._kit.mischief import spelling
from connectors.hubspot.sandbox_problems import Invalid, Problem, exists, invalid, not_valid, taken
from connectors.hubspot.sandbox_schema import Property, Schema
from connectors.hubspot.sandbox_store import Record, Table
from connectors.hubspot.sandbox_values import Wrong, kept
from connectors.hubspot.sandbox_words import KINDS, LIFECYCLE

Respell = dict[tuple[str, str], Callable[[str], str]]


class Checks:
    """Values in, clean values out, or a `Problem`. People (not `by_app`) may also set what is calculated."""

    def __init__(self, schema: Schema, tables: Mapping[str, Table], portal: int) -> None:
        self.schema = schema
        self.tables = tables
        self.portal = portal
        self.owners: Callable[[str], bool] = lambda _: False
        self.respell: Respell = {("contacts", "email"): str.lower, ("companies", "domain"): str.lower}
        self._trim = spelling("trim")

    def create(
        self, plural: str, properties: Mapping[str, Any], id_: int, erased: Collection[str], *, by_app: bool
    ) -> dict[str, str]:
        """The clean values of a new record."""
        clean = self._clean(plural, properties, {}, by_app)
        needed = self.schema.required[plural] if by_app else ()
        missing = sorted(name for name in needed if not clean.get(name))
        if missing:
            message = f"Error creating {KINDS[plural].loud}. Some required properties were not set."
            raise invalid(message, properties=missing)
        if plural == "deals":
            self._stage(clean, {})
        self._unique(plural, clean, id_, erased)
        return {name: value for name, value in clean.items() if value != ""}

    def edit(
        self, plural: str, record: Record, properties: Mapping[str, Any], erased: Collection[str], *, by_app: bool
    ) -> dict[str, str]:
        """The clean values of a change, "" for what is cleared."""
        held = record.state.properties
        clean = self._clean(plural, properties, held, by_app)
        missing = sorted(name for name in self.schema.required[plural] if by_app and clean.get(name, "set") == "")
        if missing:
            raise invalid("Required properties cannot be cleared.", properties=missing)
        if by_app and _goes_back(held.get("lifecyclestage", ""), clean.get("lifecyclestage", "")):
            # Accepted and not done: the stage has to be cleared first, in a call of its own.
            del clean["lifecyclestage"]
        if plural == "deals":
            self._stage(clean, held)
        self._unique(plural, clean, record.id, erased)
        return clean

    def _clean(
        self, plural: str, properties: Mapping[str, Any], held: Mapping[str, str], by_app: bool
    ) -> dict[str, str]:
        clean: dict[str, str] = {}
        wrong: list[Invalid] = []
        for name, value in properties.items():
            one = self.schema.find(plural, name)
            problem = self._refusal(one, name, by_app)
            if problem is None and one is not None:
                try:
                    clean[name] = self._kept(plural, one, value, held)
                except Wrong as why:
                    problem = Invalid(name, why.code, str(why))
            if problem is not None:
                wrong.append(problem)
        if wrong:
            raise not_valid(wrong, self.portal)
        return clean

    def _refusal(self, one: Property | None, name: str, by_app: bool) -> Invalid | None:
        if one is None:
            return Invalid(name, "PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist')
        if one.read_only and by_app:
            return Invalid(name, "READ_ONLY_VALUE", f'"{name}" is a read only property; its value cannot be set.')
        return None

    def _kept(self, plural: str, one: Property, value: Any, held: Mapping[str, str]) -> str:
        appends = one.several and isinstance(value, str) and value.startswith(";")
        text = kept(one, f"{held.get(one.name, '')}{value}" if appends else value)
        if text == "":
            return ""
        if one.outside == "owners" and not self.owners(text):
            raise Wrong("INVALID_OWNER_ID", f"The owner with id {text} does not exist.")
        if one.outside == "pipelines" and text not in self.schema.pipelines[plural]:
            raise Wrong("INVALID_OPTION", f"{text} was not one of the allowed options: {_listed(self, plural)}")
        if (plural, one.name) in self.schema.rules:
            rule, message = self.schema.rules[plural, one.name]
            if not rule(text):
                raise Wrong("VALIDATION_RULE_FAILED", message)
        spell = self.respell.get((plural, one.name))
        tidy = self._trim(text) if one.field_type == "text" else text
        return spell(tidy) if spell else tidy

    def _stage(self, clean: dict[str, str], held: Mapping[str, str]) -> None:
        if not {"dealstage", "pipeline"} & set(clean):
            return
        pipeline = clean.get("pipeline") or held.get("pipeline") or "default"
        stage = clean.get("dealstage", held.get("dealstage", ""))
        found = self.schema.stage(pipeline, stage)
        if stage and found is None:
            message = f"{stage} was not one of the stages of the pipeline {pipeline}."
            raise not_valid([Invalid("dealstage", "INVALID_OPTION", message)], self.portal)
        clean["pipeline"] = pipeline
        clean["hs_is_closed"] = "true" if found and found.is_closed else "false"
        clean["hs_is_closed_won"] = "true" if found and found.is_closed and float(found.probability) > 0 else "false"
        clean["hs_deal_stage_probability"] = found.probability if found else ""

    def _unique(self, plural: str, clean: Mapping[str, str], own: int, erased: Collection[str]) -> None:
        email = clean.get("email", "") if plural == "contacts" else ""
        if email.lower() in erased:
            raise invalid("This address was deleted for privacy and cannot be used again.")
        table = self.tables[plural]
        for name in table.unique:
            value = clean.get(name, "")
            found = table.by_value(name, value) if value else None
            if found is not None and found.id != own:
                raise self._clash(plural, name, value, own, found.id)

    def _clash(self, plural: str, name: str, value: str, own: int, other: int) -> Problem:
        if (plural, name) == ("contacts", "email"):
            return exists(other)
        return taken(self.portal, KINDS[plural].loud, name, value, own, other)


def _goes_back(held: str, wanted: str) -> bool:
    if held not in LIFECYCLE or wanted not in LIFECYCLE:
        return False
    return LIFECYCLE.index(wanted) < LIFECYCLE.index(held)


def _listed(checks: Checks, plural: str) -> str:
    return f"[{', '.join(checks.schema.pipelines[plural])}]"
