"""The JSON Schema (2020-12) of mapping files, so that editors complete and underline while an admin types.

It follows from the declarations: shapes, steps, words of a line. It knows less than `core.mapping.check`, which has
the last word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from core.mapping.load import TOP_WORDS
from core.mapping.read_lines import BY, DIRECTIONS, WHEN_BLANK
from core.mapping.steps import STEPS, Parameter, Step
from core.mapping.vocabulary import HANDLINGS, SPELLINGS
from core.mapping.when import PLAIN
from core.model.shape import Field, Shape
from core.model.shapes import KNOWN_BY_EMAIL

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string", "minLength": 1}
_SAYING_DIRECTIONS: Schema = {"additionalProperties": {"dependentRequired": {"compute": ["direction"]}}}
_WORD: Schema = {"type": ["string", "number"]}
_WANTED: dict[str, Schema] = {"text": _WORD, "number": {"type": "number"}, "flag": {"type": "boolean"}}


def schema(shapes: Mapping[str, Shape]) -> Schema:
    """The schema for mapping files over these shapes, as plain JSON."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Concord mapping",
        "description": "How one tool's records become canonical ones, and back.",
        "type": "object",
        "properties": {
            "version": {"description": "Any mark of yours for this state of the file."},
            "vocabularies": {"type": "object", "additionalProperties": {"$ref": "#/$defs/vocabulary"}},
        },
        "additionalProperties": {"$ref": "#/$defs/stream"},
        "propertyNames": {"minLength": 1},
        "$defs": {
            "vocabulary": _vocabulary(),
            "stream": _stream(shapes),
            "line": _line(shapes),
            "free_line": {"allOf": [{"$ref": "#/$defs/line"}, _free()]},
            "step": _step(),
            **{f"fields_{kind}": _fields(shape) for kind, shape in shapes.items()},
            **{f"when_{kind}": _when(shape) for kind, shape in shapes.items()},
            **{f"wanted_{form}": _one_or_several(value) for form, value in _WANTED.items()},
        },
        "examples": [{"contacts": {"as": "contact", "fields": {"email": "email"}}}],
        "$comment": f"Every key but {' and '.join(TOP_WORDS)} is the name of a stream.",
    }


def _vocabulary() -> Schema:
    return {
        "type": "object",
        "required": ["words"],
        "additionalProperties": False,
        "properties": {
            "words": {
                "description": "The tool's word: our word. The first of several that mean the same is written.",
                "type": "object",
                "minProperties": 1,
                "additionalProperties": _WORD,
            },
            "unknown": {
                "description": f"A word not listed: {', '.join(HANDLINGS)}, or a canonical word to put in.",
                "anyOf": [{"enum": list(HANDLINGS)}, _WORD],
                "default": "refuse",
            },
            "spelling": {
                "description": "`any`: capitals, spaces and hyphens do not tell two of the tool's words apart.",
                "enum": list(SPELLINGS),
                "default": "exact",
            },
        },
    }


def _stream(shapes: Mapping[str, Shape]) -> Schema:
    return {
        "type": "object",
        "required": ["as", "fields"],
        "additionalProperties": False,
        "properties": {
            "as": {"description": "The kind of record the stream holds.", "enum": list(shapes)},
            "when": {"description": "Which records are created in this stream.", "type": "object", "minProperties": 1},
            "direction": {"description": "For lines that do not say their own.", "enum": list(DIRECTIONS)},
            "options": {"description": "Options of the connector for this stream.", "type": "object"},
            "fields": {"type": "object", "minProperties": 1},
        },
        "allOf": [
            {
                "if": {"required": ["as"], "properties": {"as": {"const": kind}}},
                "then": {
                    "properties": {
                        "fields": {"$ref": f"#/$defs/fields_{kind}"},
                        "when": {"$ref": f"#/$defs/when_{kind}"},
                    }
                },
            }
            for kind in shapes
        ]
        + [{"if": {"not": {"required": ["direction"]}}, "then": {"properties": {"fields": _SAYING_DIRECTIONS}}}],
    }


def _fields(shape: Shape) -> Schema:
    return {
        "description": shape.doc,
        "properties": {field.name: _described(field) for field in shape.fields.values()},
        "additionalProperties": {"$ref": "#/$defs/free_line"},
    }


def _when(shape: Shape) -> Schema:
    asked = [field for field in shape.fields.values() if field.type in PLAIN and not field.is_set]
    return {"properties": {field.name: _wanted(field) for field in asked}, "additionalProperties": False}


def _wanted(field: Field) -> Schema:
    """The values that `when` may name of a field, in their canonical spelling."""
    if field.choices:
        return {"description": field.doc, **_one_or_several({"enum": list(field.choices)})}
    form = field.type if field.type in _WANTED else "text"
    return {"description": f"{field.doc} ({field.type})", "$ref": f"#/$defs/wanted_{form}"}


def _one_or_several(value: Schema) -> Schema:
    """A value or a list of them; only in a list does null stand for blank."""
    return {"anyOf": [value, {"type": "array", "minItems": 1, "items": {"anyOf": [value, {"type": "null"}]}}]}


def _described(field: Field) -> Schema:
    return {
        "description": f"{field.doc} ({field.type})",
        "anyOf": [{**_TEXT, "description": "The tool's field."}, {"$ref": "#/$defs/line"}],
    }


def _line(shapes: Mapping[str, Shape]) -> Schema:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "field": {
                "description": "The tool's field as a dotted path; for money and addresses also a map of parts.",
                "anyOf": [_WORD, {"type": "object", "minProperties": 1, "additionalProperties": _WORD}],
            },
            "steps": {
                "description": "What lies between, in the order of the way in.",
                "anyOf": [{"type": "array", "items": {"$ref": "#/$defs/step"}}, {"$ref": "#/$defs/step"}],
            },
            "vocabulary": {**_TEXT, "description": "A table of words from `vocabularies`."},
            "ref": {"description": "The kind of record that the id points to.", "enum": list(shapes)},
            "by": {"description": "What a person is referred to by, where that is no id.", "enum": list(BY)},
            "compute": {**_TEXT, "description": "An expression over the other side's fields."},
            "direction": {"enum": list(DIRECTIONS), "default": "both"},
            "on_create_only": {"type": "boolean", "default": False},
            "when_blank": {"enum": list(WHEN_BLANK), "default": "clear"},
            "required": {"type": "boolean", "default": False},
        },
        "anyOf": [{"required": ["field"]}, {"required": ["compute"]}],
        "if": {"required": ["by"]},
        "then": {
            "required": ["ref"],
            "properties": {"ref": {"enum": list(KNOWN_BY_EMAIL)}, "direction": {"const": "in"}},
        },
    }


def _free() -> Schema:
    """A line whose key is no canonical field: computed, or always the same, and going out."""
    fixed = [{"required": [name]} for name, step in STEPS.items() if step.ways == "one"]
    return {
        "description": "Not a canonical field, so it must be computed and go out.",
        "anyOf": [
            {"required": ["compute"]},
            {"required": ["steps"], "properties": {"steps": {"contains": {"anyOf": fixed}}}},
        ],
        "not": {"properties": {"direction": {"enum": ["in", "both"]}}, "required": ["direction"]},
    }


def _step() -> Schema:
    bare = [name for name, step in STEPS.items() if not any(one.required for one in step.parameters)]
    return {
        "anyOf": [
            {"enum": bare},
            *(_with_arguments(step) for step in STEPS.values() if step.parameters),
        ]
    }


def _with_arguments(step: Step) -> Schema:
    first = step.parameters[0]
    given: list[Schema] = [_argument(first)]
    if first.type != "words" or len(step.parameters) > 1:
        given.append(_by_name(step.parameters))
    return {
        "description": step.doc,
        "type": "object",
        "required": [step.name],
        "additionalProperties": False,
        "properties": {step.name: {"anyOf": given}},
    }


def _by_name(parameters: Iterable[Parameter]) -> Schema:
    parameters = list(parameters)
    return {
        "type": "object",
        "properties": {one.name: _argument(one) for one in parameters},
        "required": [one.name for one in parameters if one.required],
        "additionalProperties": False,
    }


def _argument(parameter: Parameter) -> Schema:
    forms: dict[str, Schema] = {
        "text": {"type": "string"},
        "number": {"type": "number"},
        "texts": {"type": "array", "items": {"type": ["string", "number", "boolean"]}},
        "words": {"type": "object", "minProperties": 1, "additionalProperties": {"type": "string"}},
        "value": {"type": ["string", "number", "boolean"]},
    }
    return {"description": parameter.doc, **forms[parameter.type]}
