"""Holds what was said on the line against the tool's published contract, OpenAPI 3.0.

A stand-in is only worth something if it speaks as the tool does. A test sends the calls of an unmodified client,
gives the stand-in's journal to `violations`, and expects silence. For tests alone: it needs `jsonschema`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from jsonschema import Draft4Validator, FormatChecker

from connectors._kit.sandbox import Call, Exchange

_LONGEST = 160
_JSON = ("application/json", "application/problem+json")
_FORMATS = FormatChecker(formats=())


@_FORMATS.checks("date-time", raises=ValueError)
def _is_moment(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


class Exemption(NamedTuple):
    """Violations that are allowed, and why: the contract is wrong there, or the tool does not keep it."""

    pattern: str
    """A regular expression for the whole violation."""
    reason: str


class _Operation(NamedTuple):
    """One kind of call in one document."""

    method: str
    pattern: re.Pattern[str]
    parts: int
    """How many of its path's parts have names; the fewer, the better it fits."""
    parameters: tuple[Mapping[str, Any], ...]
    body: Mapping[str, Any]
    answers: Mapping[str, Any]
    keys: frozenset[str]
    """Names in the query that sign a call in."""
    check: _Checker


class Specification:
    """The calls of some OpenAPI documents."""

    def __init__(self, documents: Iterable[Mapping[str, Any]]) -> None:
        found = [one for document in documents for one in _operations(document)]
        self._operations = sorted(found, key=lambda one: one.parts)

    @classmethod
    def read(cls, folder: Path) -> Specification:
        """All `*.json` documents of a folder."""
        return cls(json.loads(file.read_bytes()) for file in sorted(folder.glob("*.json")))

    def violations(
        self,
        journal: Iterable[Exchange],
        *,
        path: Callable[[str], str] = lambda given: given,
        exempt: Sequence[Exemption] = (),
    ) -> list[str]:
        """What is not as promised, each as `METHOD path: where: what`, once.

        `path` gives the documented path of the one that was called (another generation of the same API).
        """
        told = (f"{one.call.method} {one.call.path}: {what}" for one in journal for what in self._of(one, path))
        patterns = [re.compile(one.pattern) for one in exempt]
        return [what for what in dict.fromkeys(told) if not any(one.fullmatch(what) for one in patterns)]

    def covers(self, journal: Iterable[Exchange], *, path: Callable[[str], str] = lambda given: given) -> set[str]:
        """The documented calls (`METHOD pattern`) that a journal has answers to."""
        found = (self._find(one.call.method, path(one.call.path)) for one in journal if one.status)
        return {f"{one.method} {one.pattern.pattern}" for one in found if one}

    def _of(self, exchange: Exchange, path: Callable[[str], str]) -> Iterator[str]:
        documented = path(exchange.call.path)
        operation = self._find(exchange.call.method, documented)
        if operation is None:
            yield "path: is in none of the documents"
            return
        yield from _request(operation, exchange.call, documented)
        if exchange.status:
            yield from _response(operation, exchange)

    def _find(self, method: str, path: str) -> _Operation | None:
        bare = path.rstrip("/")
        fitting = (one for one in self._operations if one.method == method and one.pattern.fullmatch(bare))
        return next(fitting, None)


def folder_of(tool: str, root: Path) -> Path | None:
    """Where a tool's documents are: under `CONCORD_SPECS`, else beside the checkout; None if they are not there."""
    given = os.environ.get("CONCORD_SPECS")
    base = Path(given) if given else root.parent / "shared" / "specs"
    folder = base / tool
    return folder if folder.is_dir() else None


# --- the two halves of an exchange


def _request(operation: _Operation, call: Call, path: str) -> Iterator[str]:
    given = operation.pattern.fullmatch(path.rstrip("/"))
    in_path = {name: unquote(value) for name, value in given.groupdict().items()} if given else {}
    known = {one["name"]: one for one in operation.parameters if one["in"] == "query"}
    for name, value in call.query.items():
        if name in operation.keys:
            continue
        if name in known:
            yield from operation.check.text(known[name]["schema"], value, f"query {name}")
        else:
            yield f"query {name}: is not documented"
    for name, one in known.items():
        if one.get("required") and name not in call.query:
            yield f"query {name}: is missing"
    for one in operation.parameters:
        if one["in"] == "path":
            yield from operation.check.text(one["schema"], in_path.get(_named(one["name"]), ""), f"path {one['name']}")
    yield from _request_body(operation, call)


def _request_body(operation: _Operation, call: Call) -> Iterator[str]:
    content = operation.body.get("content", {})
    if not call.body:
        if operation.body.get("required"):
            yield "request: the body is missing"
        return
    kind = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in content:
        yield f"request: content type {kind or '(none)'} is not documented"
    elif kind == "application/x-www-form-urlencoded":
        yield from operation.check.whole(content[kind]["schema"], call.form(), "request")
    elif kind == "application/json":
        yield from operation.check.json(content[kind]["schema"], call.body, "request")


def _response(operation: _Operation, exchange: Exchange) -> Iterator[str]:
    status, where = str(exchange.status), f"response {exchange.status}"
    answers = operation.answers
    # A `default` beside documented successes is the form of errors, not of one more success.
    spare = None if exchange.status < 400 and any(name.startswith("2") for name in answers) else answers.get("default")
    answer = answers.get(status) or answers.get(f"{status[0]}XX") or spare
    if answer is None:
        yield f"{where}: the status is not documented"
        return
    forms = answer.get("content", {})
    schema = next((forms[kind].get("schema") for kind in _JSON if kind in forms), None)
    if schema is None:
        if exchange.body and not answer.get("content"):
            yield f"{where}: there should be no body"
    else:
        yield from operation.check.json(schema, exchange.body, where)


# --- values against schemas


class _Checker:
    """The schemas of one document, as JSON Schema knows them."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._components = _with_nulls(document.get("components", {}))
        self._known: dict[str, Draft4Validator] = {}

    def whole(self, schema: Mapping[str, Any], value: Any, where: str) -> Iterator[str]:
        """What is wrong with a value."""
        for error in sorted(self._validator(schema).iter_errors(value), key=lambda one: str(one.absolute_path)):
            place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path)
            yield f"{where}{place}: {_short(error.message)}"

    def json(self, schema: Mapping[str, Any], body: bytes, where: str) -> Iterator[str]:
        """What is wrong with a JSON body."""
        try:
            value = json.loads(body)
        except ValueError:
            yield f"{where}: the body is not JSON"
            return
        yield from self.whole(schema, value, where)

    def text(self, schema: Mapping[str, Any], value: str, where: str) -> Iterator[str]:
        """What is wrong with a parameter, which is text on the line."""
        yield from self.whole(schema, _as(schema, value), where)

    def _validator(self, schema: Mapping[str, Any]) -> Draft4Validator:
        key = json.dumps(schema, sort_keys=True)
        if key not in self._known:
            whole = {**_with_nulls(schema), "components": self._components}
            if "$ref" in schema:
                whole = {"allOf": [{"$ref": schema["$ref"]}], "components": self._components}
            self._known[key] = Draft4Validator(whole, format_checker=_FORMATS)
        return self._known[key]


def _as(schema: Mapping[str, Any], value: str) -> Any:
    kind = schema.get("type")
    if kind == "array":
        return [_as(schema.get("items", {}), part) for part in value.split(",")]
    if kind in ("integer", "number") and re.fullmatch(r"-?\d+(\.\d+)?", value):
        return float(value) if "." in value else int(value)
    if kind == "boolean" and value in ("true", "false"):
        return value == "true"
    return value


def _with_nulls(schema: Any) -> Any:
    """A schema in which `nullable`, which JSON Schema does not know, is said its way."""
    if isinstance(schema, list):
        return [_with_nulls(one) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    # A bool, because a property may have that name too.
    plain = {name: _with_nulls(value) for name, value in schema.items() if not (name == "nullable" and value is True)}
    if schema.get("nullable") is not True:
        return plain
    return {"anyOf": [plain, {"type": "null"}]}


def _short(message: str) -> str:
    return message if len(message) <= _LONGEST else f"{message[: _LONGEST // 2]} … {message[-_LONGEST // 2 :]}"


# --- documents


def _operations(document: Mapping[str, Any]) -> Iterator[_Operation]:
    check = _Checker(document)
    schemes = document.get("components", {}).get("securitySchemes", {}).values()
    keys = frozenset(one["name"] for one in schemes if one.get("type") == "apiKey" and one.get("in") == "query")
    servers = document.get("servers") or [{"url": ""}]
    prefix = urlsplit(servers[0]["url"]).path.rstrip("/")
    for path, item in document["paths"].items():
        shared = [_resolved(document, one) for one in item.get("parameters", ())]
        for method, operation in item.items():
            if method in ("get", "put", "post", "delete", "patch", "head", "options"):
                own = [_resolved(document, one) for one in operation.get("parameters", ())]
                bare = (prefix + path).rstrip("/")
                yield _Operation(
                    method.upper(),
                    re.compile(re.sub(r"\\\{(.+?)\\\}", lambda part: f"(?P<{_named(part[1])}>[^/]+)", re.escape(bare))),
                    bare.count("{"),
                    (*shared, *own),
                    _resolved(document, operation.get("requestBody", {})),
                    {status: _resolved(document, one) for status, one in operation["responses"].items()},
                    keys,
                    check,
                )


def _resolved(document: Mapping[str, Any], given: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in given:
        return given
    found: Any = document
    for part in given["$ref"].removeprefix("#/").split("/"):
        found = found[part.replace("~1", "/").replace("~0", "~")]
    return _resolved(document, found)


def _named(part: str) -> str:
    return re.sub(r"\W", "_", part)
