"""Google's discovery documents as OpenAPI, so that `specification.py` can hold a stand-in's journal against them.

A discovery document names its schemas by bare name, tells what a method needs in `annotations`, and says nothing of
errors, whose form is the same for all of Google's services. It is translated strictly: a property that the document
does not name is a violation. For tests alone.

Format: <https://developers.google.com/discovery/v1/reference/apis>.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_PLAIN = ("type", "enum", "pattern")
_ERRORS = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": {"type": "integer"},
                "message": {"type": "string"},
                "status": {"type": "string"},
                "errors": {"type": "array", "items": {"type": "object", "required": ["domain", "reason", "message"]}},
            },
        }
    },
}


def openapi_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """An OpenAPI 3.0 document with the same calls and schemas."""
    paths: dict[str, dict[str, Any]] = {}
    for method in _methods(document):
        paths.setdefault(f"/{method['path']}", {})[method["httpMethod"].lower()] = _operation(document, method)
    schemas = {name: _schema(schema) for name, schema in document["schemas"].items()}
    # In a PATCH a null takes a property away, whatever its type.
    patched = {f"{name}.patch": _schema(schema, patch=True) for name, schema in document["schemas"].items()}
    return {
        "servers": [{"url": document["rootUrl"] + document["servicePath"]}],
        "paths": paths,
        "components": {"schemas": {**schemas, **patched}},
    }


def _methods(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from node.get("methods", {}).values()
    for resource in node.get("resources", {}).values():
        yield from _methods(resource)


def _operation(document: Mapping[str, Any], method: Mapping[str, Any]) -> dict[str, Any]:
    given = {**document.get("parameters", {}), **method.get("parameters", {})}
    operation: dict[str, Any] = {
        "parameters": [_parameter(name, one) for name, one in given.items()],
        "responses": {"default": _json(_ERRORS)},
    }
    if "response" in method:
        operation["responses"]["200"] = _json(_ref(method["response"]["$ref"]))
    else:
        operation["responses"]["204"] = {"description": "Nothing to say."}
    if "request" in method:
        operation["requestBody"] = {"required": True, **_json(_request(document, method))}
    return operation


def _parameter(name: str, told: Mapping[str, Any]) -> dict[str, Any]:
    schema = {**_schema(told), **{limit: int(told[limit]) for limit in ("minimum", "maximum") if limit in told}}
    return {"name": name, "in": told["location"], "required": told.get("required", False), "schema": schema}


def _request(document: Mapping[str, Any], method: Mapping[str, Any]) -> dict[str, Any]:
    name = method["request"]["$ref"]
    if method["httpMethod"] == "PATCH":
        return _ref(f"{name}.patch")
    properties = document["schemas"][name].get("properties", {})
    needed = [
        one for one, told in properties.items() if method["id"] in told.get("annotations", {}).get("required", ())
    ]
    return {"allOf": [_ref(name), {"required": needed}]} if needed else _ref(name)


def _json(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _schema(told: Mapping[str, Any], *, patch: bool = False) -> dict[str, Any]:
    if "$ref" in told:
        return _ref(f"{told['$ref']}.patch" if patch else told["$ref"]) | ({"nullable": True} if patch else {})
    made = {name: told[name] for name in _PLAIN if name in told}
    if made.get("type") == "any":
        return {}
    if told.get("format") == "date-time":
        made["format"] = "date-time"
    if "items" in told:
        # An array is replaced whole, so nothing inside it is taken away by a null.
        made["items"] = _schema(told["items"])
    if "properties" in told:
        made["properties"] = {name: _schema(one, patch=patch) for name, one in told["properties"].items()}
        made["additionalProperties"] = False
    elif "additionalProperties" in told:
        made["additionalProperties"] = _schema(told["additionalProperties"], patch=patch)
    return made | ({"nullable": True} if patch else {})
