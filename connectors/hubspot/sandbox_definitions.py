"""The calls about what records consist of: properties, their groups, pipelines and stages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from connectors._kit.sandbox import Call, Response
from connectors.hubspot.sandbox_base import Base, body_of, crm, flag, text_of
from connectors.hubspot.sandbox_batches import Batches, inputs_of
from connectors.hubspot.sandbox_problems import Problem, invalid, not_found
from connectors.hubspot.sandbox_schema import Pipeline, Property, Stage
from connectors.hubspot.sandbox_values import spelt
from connectors.hubspot.sandbox_words import Kind

_KINDS = ("string", "number", "date", "datetime", "enumeration", "bool")
_MOST_UNIQUE = 10
_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")


class Properties(Batches):
    """`/crm/properties/{type}`."""

    @crm("GET", "properties", "/{type}")
    def list_properties(self, call: Call, type: str) -> Response:
        """All properties in use, or the archived ones."""
        kind, archived = self._seen(type), flag(call, "archived")
        known = self.world.schema.properties[kind.plural].values()
        return Response(200, {"results": [property_json(one) for one in known if one.archived == archived]})

    @crm("GET", "properties", "/{type}/{name}")
    def get_property(self, call: Call, type: str, name: str) -> Response:
        """One property."""
        one = self.world.schema.properties[self._seen(type).plural].get(name)
        if one is None or one.archived != flag(call, "archived"):
            raise _no_property(name)
        return Response(200, property_json(one))

    @crm("POST", "properties", "/{type}")
    def create_property(self, call: Call, type: str) -> Response:
        """A property of the account's own."""
        return Response(201, property_json(self._made(self._shaped(type), body_of(call))))

    @crm("PATCH", "properties", "/{type}/{name}")
    def change_property(self, call: Call, type: str, name: str) -> Response:
        """Another label, description or list of options; what it is stays."""
        one = self.world.schema.find(self._shaped(type).plural, name)
        data = body_of(call)
        if one is None:
            raise _no_property(name)
        one.label = str(data.get("label", one.label))
        one.description = str(data.get("description", one.description))
        one.field_type = str(data.get("fieldType", one.field_type))
        one.options = _options(data) if "options" in data else one.options
        return Response(200, property_json(one))

    @crm("DELETE", "properties", "/{type}/{name}")
    def archive_property(self, call: Call, type: str, name: str) -> Response:  # noqa: ARG002 -- has no body
        """A property goes out of use."""
        kind = self._shaped(type)
        one = self.world.schema.find(kind.plural, name)
        if one is None:
            raise _no_property(name)
        if not one.own:
            raise invalid(f"{name} is a HubSpot defined property and cannot be archived")
        one.archived = True
        self.world.tables[kind.plural].unique.pop(name, None)
        return Response(204)

    @crm("POST", "properties", "/{type}/batch/read", reading=True)
    def read_properties(self, call: Call, type: str) -> Response:
        """Properties by name; 207 when some are missing."""
        kind, data = self._seen(type), body_of(call)
        names = [text_of(one, "name") for one in inputs_of(data)]
        found = [self.world.schema.find(kind.plural, name) for name in names]
        missing = [name for name, one in zip(names, found, strict=True) if one is None]
        errors = [_no_property(name).item({"name": [name]}) for name in missing]
        return self.batch(200, [property_json(one) for one in found if one is not None], errors)

    @crm("POST", "properties", "/{type}/batch/create")
    def create_properties(self, call: Call, type: str) -> Response:
        """Many properties; those that cannot be made are told."""
        kind = self._shaped(type)
        made, errors = [], []
        for one in inputs_of(body_of(call)):
            try:
                made.append(property_json(self._made(kind, one)))
            except Problem as problem:
                errors.append(problem.item({"name": [str(one.get("name"))]}))
        return self.batch(201, made, errors)

    @crm("GET", "properties", "/{type}/groups")
    def list_groups(self, call: Call, type: str) -> Response:  # noqa: ARG002 -- has no body
        """The groups under which properties stand."""
        groups = self.world.schema.groups[self._seen(type).plural]
        return Response(200, {"results": [_group(name, label) for name, label in groups.items()]})

    @crm("POST", "properties", "/{type}/groups")
    def create_group(self, call: Call, type: str) -> Response:
        """Another group."""
        groups, data = self.world.schema.groups[self._shaped(type).plural], body_of(call)
        name = str(data.get("name", ""))
        if name in groups:
            raise Problem(409, "CONFLICT", f"A property group named '{name}' already exists.")
        groups[name] = str(data.get("label", name))
        return Response(201, _group(name, groups[name]))

    @crm("GET", "properties", "/{type}/groups/{name}")
    def get_group(self, call: Call, type: str, name: str) -> Response:  # noqa: ARG002 -- has no body
        """One group."""
        groups = self.world.schema.groups[self._seen(type).plural]
        if name not in groups:
            raise not_found()
        return Response(200, _group(name, groups[name]))

    def _seen(self, word: str) -> Kind:
        kind = self.kind(word)
        self.needs(f"crm.schemas.{kind.scope}.read", f"crm.objects.{kind.scope}.read")
        return kind

    def _shaped(self, word: str) -> Kind:
        kind = self.kind(word)
        self.needs(f"crm.schemas.{kind.scope}.write")
        return kind

    def _made(self, kind: Kind, data: Mapping[str, Any]) -> Property:
        name, own = str(data.get("name", "")), self.world.schema.properties[kind.plural]
        if name in own and not own[name].archived:
            raise Problem(409, "CONFLICT", f"A property named '{name}' already exists.")
        if not _NAME.fullmatch(name) or data.get("type") not in _KINDS:
            raise invalid(f"The name '{name}' or the type '{data.get('type')}' of the property is not valid.")
        if data.get("groupName") not in self.world.schema.groups[kind.plural]:
            raise invalid(f"The property group {data.get('groupName')} does not exist.")
        is_unique = bool(data.get("hasUniqueValue"))
        if is_unique and sum(one.unique and one.own and not one.archived for one in own.values()) >= _MOST_UNIQUE:
            raise invalid(f"There may be {_MOST_UNIQUE} unique properties at most.")
        own[name] = Property(
            name, str(data["type"]), str(data.get("fieldType", "text")), str(data.get("label", name)),
            str(data["groupName"]), str(data.get("description", "")), _options(data), unique=is_unique,
            made_at=self.now(),
        )  # fmt: skip
        if is_unique:
            self.world.tables[kind.plural].make_unique(name)
        return own[name]


class Pipelines(Base):
    """`/crm/pipelines/{type}`."""

    @crm("GET", "pipelines", "/{type}")
    def list_pipelines(self, call: Call, type: str) -> Response:  # noqa: ARG002 -- has no body
        """All pipelines with their stages."""
        return Response(200, {"results": [pipeline_json(one) for one in self._pipelines(type).values()]})

    @crm("GET", "pipelines", "/{type}/{id}")
    def get_pipeline(self, call: Call, type: str, id: str) -> Response:  # noqa: ARG002 -- has no body
        """One pipeline."""
        return Response(200, pipeline_json(self._pipeline(type, id)))

    @crm("GET", "pipelines", "/{type}/{id}/stages")
    def list_stages(self, call: Call, type: str, id: str) -> Response:  # noqa: ARG002 -- has no body
        """A pipeline's stages."""
        one = self._pipeline(type, id)
        return Response(200, {"results": [_stage_json(stage, one) for stage in one.stages.values()]})

    @crm("GET", "pipelines", "/{type}/{id}/stages/{stage}")
    def get_stage(self, call: Call, type: str, id: str, stage: str) -> Response:  # noqa: ARG002 -- has no body
        """One stage."""
        one = self._pipeline(type, id)
        if stage not in one.stages:
            raise not_found()
        return Response(200, _stage_json(one.stages[stage], one))

    @crm("POST", "pipelines", "/{type}")
    def create_pipeline(self, call: Call, type: str) -> Response:
        """A pipeline with its stages, whose ids are numbers as text."""
        kind, data = self.kind(type), body_of(call)
        self.needs(f"crm.schemas.{kind.scope}.write")
        id_ = str(900_000 + 100 * len(self.world.schema.pipelines[kind.plural]))
        stages = [
            (str(int(id_) + 1 + place), text_of(one, "label"), *_closing(one.get("metadata") or {}))
            for place, one in enumerate(data.get("stages") or [])
        ]
        made = self.world.schema.add_pipeline(kind.plural, id_, str(data.get("label", "")), stages, self.now())
        return Response(201, pipeline_json(made))

    def _pipelines(self, word: str) -> dict[str, Pipeline]:
        kind = self.kind(word)
        self.needs(f"crm.schemas.{kind.scope}.read", f"crm.objects.{kind.scope}.read")
        return self.world.schema.pipelines[kind.plural]

    def _pipeline(self, word: str, id_: str) -> Pipeline:
        found = self._pipelines(word).get(id_)
        if found is None:
            raise not_found()
        return found


def property_json(one: Property) -> dict[str, Any]:
    """A property as the API shows it."""
    made = spelt(one.made_at)
    options = (("true", "True"), ("false", "False")) if one.kind == "bool" else one.options
    return {
        "name": one.name, "label": one.label, "type": one.kind, "fieldType": one.field_type,
        "description": one.description, "groupName": one.group,
        "options": [
            {"value": value, "label": label, "displayOrder": place, "hidden": False}
            for place, (value, label) in enumerate(options)
        ],
        "createdAt": made, "updatedAt": made, "displayOrder": -1, "archived": one.archived,
        "calculated": False, "externalOptions": bool(one.outside), "hasUniqueValue": one.unique, "hidden": False,
        "hubspotDefined": not one.own, "formField": one.own,
        **({"referencedObjectType": "OWNER"} if one.outside == "owners" else {}),
        "modificationMetadata": {
            "archivable": one.own, "readOnlyDefinition": not one.own, "readOnlyOptions": not one.own,
            "readOnlyValue": one.read_only,
        },
    }  # fmt: skip


def pipeline_json(one: Pipeline) -> dict[str, Any]:
    """A pipeline as the API shows it."""
    made = spelt(one.made_at)
    return {
        "id": one.id, "label": one.label, "displayOrder": one.order, "archived": False, "createdAt": made,
        "updatedAt": made, "stages": [_stage_json(stage, one) for stage in one.stages.values()],
    }  # fmt: skip


def _stage_json(stage: Stage, pipeline: Pipeline) -> dict[str, Any]:
    made = spelt(pipeline.made_at)
    return {
        "id": stage.id, "label": stage.label, "displayOrder": stage.order, "archived": False, "createdAt": made,
        "updatedAt": made, "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
        "metadata": {"isClosed": str(stage.is_closed).lower(), "probability": stage.probability},
    }  # fmt: skip


def _closing(metadata: Mapping[str, Any]) -> tuple[bool, float]:
    probability = float(metadata.get("probability", 0.5))
    return str(metadata.get("isClosed", probability in (0.0, 1.0))).lower() == "true", probability


def _options(data: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((text_of(one, "value"), text_of(one, "label")) for one in data.get("options") or ())


def _group(name: str, label: str) -> dict[str, Any]:
    return {"name": name, "label": label, "displayOrder": -1, "archived": False}


def _no_property(name: str) -> Problem:
    return not_found(f"Property {name} does not exist.")
