"""Journals against published contracts: what is said is true, readable, and nothing wrong is let through."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connectors._kit.sandbox import Call, Exchange
from connectors._kit.specification import Exemption, Specification, folder_of

THING = {
    "type": "object",
    "required": ["id", "name"],
    "properties": {
        "id": {"type": "integer"},
        "name": {"type": "string", "nullable": True},
        "made_at": {"type": "string", "format": "date-time"},
        "colour": {"type": "string", "enum": ["red", "blue"]},
        "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}},
    },
}
PROBLEM = {"type": "object", "required": ["message"], "properties": {"message": {"type": "string"}}}
ERRORS = {"default": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}}

PROBLEMS = {"content": {"application/problem+json": {"schema": PROBLEM}}}


def _json(schema: str) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}}


DOCUMENT = {
    "openapi": "3.0.3",
    "servers": [{"url": "https://tool.example/api"}],
    "components": {
        "securitySchemes": {"developer": {"type": "apiKey", "in": "query", "name": "key"}},
        "schemas": {"Thing": THING, "Problem": PROBLEM},
        "parameters": {"limit": {"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 100}}},
    },
    "paths": {
        "/v3/things/{thingId}": {
            "parameters": [{"name": "thingId", "in": "path", "required": True, "schema": {"type": "integer"}}],
            "get": {"responses": {"200": _json("Thing"), **ERRORS}},
            "patch": {"responses": {"default": PROBLEMS}},
            "delete": {"responses": {"204": {"description": "gone"}, **ERRORS}},
        },
        "/v3/things/search": {
            "get": {
                "parameters": [
                    {"$ref": "#/components/parameters/limit"},
                    {"name": "q", "in": "query", "required": True, "schema": {"type": "string"}},
                    {"name": "only", "in": "query", "schema": {"type": "array", "items": {"enum": ["id", "name"]}}},
                    {"name": "deep", "in": "query", "schema": {"type": "boolean"}},
                ],
                "responses": {"2XX": _json("Thing")},
            },
        },
        "/v3/things/": {
            "post": {
                "requestBody": {**_json("Thing"), "required": True},
                "responses": {"201": _json("Thing"), **ERRORS},
            },
        },
        "/token": {
            "post": {
                "requestBody": {
                    "content": {
                        "application/x-www-form-urlencoded": {
                            "schema": {"type": "object", "required": ["grant_type"]},
                        },
                    },
                },
                "responses": {"200": {"description": ""}},
            },
        },
    },
}  # fmt: skip

GOOD = {"id": 1, "name": None, "made_at": "2026-11-21T09:00:00.123Z"}


@pytest.fixture
def specification(tmp_path: Path) -> Specification:
    (tmp_path / "things.json").write_text(json.dumps(DOCUMENT))
    (tmp_path / "empty.json").write_text(json.dumps({"paths": {}}))
    return Specification.read(tmp_path)


def said(
    method: str = "GET",
    path: str = "/api/v3/things/1",
    *,
    status: int = 200,
    answer: Any = GOOD,
    query: dict[str, str] | None = None,
    body: Any = None,
    kind: str = "application/json; charset=utf-8",
) -> Exchange:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
    told = answer if isinstance(answer, bytes) else json.dumps(answer).encode() if answer is not None else b""
    call = Call(method, path, query or {}, {"content-type": kind} if raw else {}, raw)
    return Exchange(call, status, {}, told, "")


def test_what_keeps_the_contract_is_silent(specification: Specification) -> None:
    journal = [
        said(query={"key": "k"}),
        said(status=404, answer={"message": "no"}),
        said("DELETE", status=204, answer=None),
        said("GET", "/api/v3/things/search", query={"q": "a", "limit": "3", "only": "id,name", "deep": "true"}),
        said("POST", "/api/v3/things", status=201, body={"id": 1, "name": "n", "parts": [GOOD]}),
        said("POST", "/api/token", answer=None, body=b"grant_type=x", kind="application/x-www-form-urlencoded"),
        said(status=0, answer=None),
    ]
    assert specification.violations(journal) == []
    assert len(specification.covers(journal)) == 5


@pytest.mark.parametrize(
    ("exchange", "what"),
    [
        (said("GET", "/api/v3/nothing"), "GET /api/v3/nothing: path: is in none of the documents"),
        (said("PUT"), "PUT /api/v3/things/1: path: is in none of the documents"),
        (said(path="/api/v3/things/x"), "GET /api/v3/things/x: path thingId: 'x' is not of type 'integer'"),
        (said(query={"a": "1"}), "GET /api/v3/things/1: query a: is not documented"),
        (
            said(path="/api/v3/things/search", query={"q": "", "limit": "101"}),
            "GET /api/v3/things/search: query limit: 101 is greater than the maximum of 100",
        ),
        (said(path="/api/v3/things/search"), "GET /api/v3/things/search: query q: is missing"),
        (
            said(path="/api/v3/things/search", query={"q": "", "only": "id,age"}),
            "GET /api/v3/things/search: query only[1]: 'age' is not one of ['id', 'name']",
        ),
        (
            said(path="/api/v3/things/search", query={"q": "", "deep": "yes"}),
            "GET /api/v3/things/search: query deep: 'yes' is not of type 'boolean'",
        ),
        (
            said(answer={"id": 1, "name": "n", "parts": [GOOD, {"id": "2", "name": ""}]}),
            "GET /api/v3/things/1: response 200.parts[1].id: '2' is not of type 'integer'",
        ),
        (
            said(answer={"id": 1, "name": "n", "made_at": "yesterday"}),
            "GET /api/v3/things/1: response 200.made_at: 'yesterday' is not a 'date-time'",
        ),
        (said(answer={"id": 1}), "GET /api/v3/things/1: response 200: 'name' is a required property"),
        (said(answer=b"<html>"), "GET /api/v3/things/1: response 200: the body is not JSON"),
        (said(status=404, answer={}), "GET /api/v3/things/1: response 404: 'message' is a required property"),
        (
            said("PATCH", status=400, answer={}),
            "PATCH /api/v3/things/1: response 400: 'message' is a required property",
        ),
        (said(status=202), "GET /api/v3/things/1: response 202: the status is not documented"),
        (
            said("DELETE", status=204, answer={}),
            "DELETE /api/v3/things/1: response 204: there should be no body",
        ),
        (
            said("POST", "/api/v3/things", status=201),
            "POST /api/v3/things: request: the body is missing",
        ),
        (
            said("POST", "/api/v3/things", status=201, body={"id": 1, "name": "n", "colour": "green"}),
            "POST /api/v3/things: request.colour: 'green' is not one of ['red', 'blue']",
        ),
        (
            said("POST", "/api/v3/things", status=201, body=b"a=1", kind="text/plain"),
            "POST /api/v3/things: request: content type text/plain is not documented",
        ),
        (
            said("POST", "/api/token", answer=None, body=b"a=1", kind="application/x-www-form-urlencoded"),
            "POST /api/token: request: 'grant_type' is a required property",
        ),
    ],
)
def test_what_breaks_it_is_told_with_its_place(specification: Specification, exchange: Exchange, what: str) -> None:
    assert specification.violations([exchange]) == [what]


def test_another_generation_is_held_against_the_documented_path(specification: Specification) -> None:
    journal = [said(path="/api/2026-03/things/1"), said(path="/api/2026-03/things/1", answer={"id": 1})]

    def documented(path: str) -> str:
        return path.replace("/2026-03/", "/v3/")

    (violation,) = specification.violations(journal, path=documented)
    assert violation.startswith("GET /api/2026-03/things/1: response 200: 'name'")
    assert len(specification.violations(journal)) == 1
    assert specification.covers(journal) == set()


def test_an_exemption_lets_only_its_own_through(specification: Specification) -> None:
    journal = [said(answer={"id": "1", "name": 2}), said(answer={"id": "1", "name": 2})]
    exempt = [Exemption(r".*\.id: '\d+' is not of type 'integer'", "ids are text in truth")]
    (violation,) = specification.violations(journal, exempt=exempt)
    assert ".name: 2 is not" in violation


def test_no_payload_is_told_whole(specification: Specification) -> None:
    (violation,) = specification.violations([said(answer={"id": "x" * 5000, "name": ""})])
    assert len(violation) < 300


def test_the_documents_are_found_where_they_are_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shared" / "specs" / "tool").mkdir(parents=True)
    monkeypatch.delenv("CONCORD_SPECS", raising=False)
    assert folder_of("tool", tmp_path / "checkout") == tmp_path / "shared" / "specs" / "tool"
    assert folder_of("other", tmp_path / "checkout") is None
    monkeypatch.setenv("CONCORD_SPECS", str(tmp_path / "elsewhere"))
    assert folder_of("tool", tmp_path / "checkout") is None
