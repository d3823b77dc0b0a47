"""Google's discovery documents, read as strictly as any other contract."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors._kit.discovery import openapi_of
from connectors._kit.sandbox import Call, Exchange
from connectors._kit.specification import Specification

DOCUMENT = {
    "rootUrl": "https://www.googleapis.com/",
    "servicePath": "shelf/v1/",
    "parameters": {"fields": {"type": "string", "location": "query"}},
    "schemas": {
        "Book": {
            "id": "Book",
            "type": "object",
            "properties": {
                "title": {"type": "string", "annotations": {"required": ["shelf.books.insert"]}},
                "printed": {"type": "string", "format": "date-time"},
                "author": {"$ref": "Author"},
                "marks": {"type": "object", "additionalProperties": {"type": "string"}},
                "chapters": {"type": "array", "items": {"$ref": "Author"}},
                "anything": {"type": "any"},
            },
        },
        "Author": {"id": "Author", "type": "object", "properties": {"name": {"type": "string"}}},
    },
    "resources": {
        "books": {
            "methods": {
                "list": {
                    "id": "shelf.books.list", "path": "books", "httpMethod": "GET", "response": {"$ref": "Book"},
                    "parameters": {
                        "order": {"type": "string", "enum": ["title", "printed"], "location": "query"},
                        "most": {"type": "integer", "minimum": "1", "maximum": "9", "location": "query"},
                    },
                },
                "insert": {
                    "id": "shelf.books.insert", "path": "books", "httpMethod": "POST", "request": {"$ref": "Book"},
                    "response": {"$ref": "Book"},
                },
                "patch": {
                    "id": "shelf.books.patch", "path": "books/{id}", "httpMethod": "PATCH", "request": {"$ref": "Book"},
                    "response": {"$ref": "Book"},
                    "parameters": {"id": {"type": "string", "required": True, "location": "path"}},
                },
                "delete": {
                    "id": "shelf.books.delete", "path": "books/{id}", "httpMethod": "DELETE",
                    "parameters": {"id": {"type": "string", "required": True, "location": "path"}},
                },
            }
        }
    },
}  # fmt: skip
SHELF = Specification([openapi_of(DOCUMENT)])
BOOK = {"title": "Walls"}


def said(method: str, path: str, body: Any = None, *, status: int = 200, answer: Any = None, **query: str) -> list[str]:
    raw = json.dumps(body).encode() if body is not None else b""
    call = Call(method, f"/shelf/v1/{path}", query, {"content-type": "application/json"}, raw)
    told = json.dumps(answer).encode() if answer is not None else b""
    return [what.partition(": ")[2] for what in SHELF.violations([Exchange(call, status, {}, told, "")])]


def test_what_is_as_promised_is_silent() -> None:
    assert said("GET", "books", answer=BOOK, order="title", most="3", fields="title") == []
    assert said("POST", "books", BOOK, answer={**BOOK, "printed": "2026-11-21T09:00:00Z", "anything": [1]}) == []
    assert said("DELETE", "books/1", status=204) == []


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        (said("GET", "books", answer=BOOK, shelf="3"), "query shelf: is not documented"),
        (said("GET", "books", answer=BOOK, order="colour"), "query order: 'colour' is not one of"),
        (said("GET", "books", answer=BOOK, most="10"), "query most: 10 is greater than"),
        (said("GET", "books", answer={**BOOK, "mood": "good"}), "response 200: Additional properties"),
        (said("GET", "books", answer={**BOOK, "printed": "today"}), "response 200.printed: 'today' is not"),
        (said("GET", "books", answer={"author": {"age": 3}}), "response 200.author: Additional properties"),
        (said("GET", "books", answer={"marks": {"a": 1}}), "response 200.marks.a: 1 is not of type"),
        (said("POST", "books", {"author": {"name": "Jo"}}, answer=BOOK), "request: 'title' is a required property"),
        (said("POST", "books", answer=BOOK), "request: the body is missing"),
        (said("DELETE", "books/1"), "response 200: the status is not documented"),
        (said("GET", "magazines", answer=BOOK), "path: is in none of the documents"),
    ],
)
def test_what_is_not_is_said(given: list[str], wrong: str) -> None:
    assert len(given) == 1
    assert given[0].startswith(wrong)


def test_a_null_takes_away_in_a_patch_and_nowhere_else() -> None:
    nulls = {"title": None, "author": None, "marks": {"a": None}}
    assert said("PATCH", "books/1", nulls, answer=BOOK) == []
    assert said("PATCH", "books/1", {"author": {"name": None}}, answer=BOOK) == []
    assert len(said("POST", "books", {"title": None}, answer=BOOK)) == 1
    assert len(said("PATCH", "books/1", {"chapters": [{"name": None}]}, answer=BOOK)) == 1


def test_errors_have_the_form_that_all_of_googles_services_share() -> None:
    error = {"error": {"code": 404, "message": "Not Found", "errors": [{"domain": "g", "reason": "r", "message": "m"}]}}
    assert said("GET", "books", status=404, answer=error) == []
    assert said("GET", "books", status=404, answer={"message": "Not Found"}) != []
