"""Foreign JSON by path and type: right values come out, wrong ones name their place and never themselves."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors._kit.payload import Payload, dig, nested, plant
from core.errors import Garbled
from core.model.instant import from_iso

DATA = {
    "id": 7,
    "name": "Ada",
    "blank": "",
    "none": None,
    "on": True,
    "rate": 1.5,
    "at": "2026-11-21T09:00:00+01:00",
    "properties": {"email": "ada@example.com"},
    "list": [{"id": "a"}, {"id": "b"}],
}


def test_each_type_is_read() -> None:
    payload = Payload(DATA, "GET /contacts")
    assert payload.text("properties.email") == "ada@example.com"
    assert payload.id("id") == "7"
    assert payload.whole("id") == 7
    assert payload.number("rate") == 1.5
    assert payload.flag("on") is True
    assert payload.instant("at") == from_iso("2026-11-21T08:00:00Z")
    assert [element.text("id") for element in payload.each("list")] == ["a", "b"]
    assert payload.text("list.1.id") == "b"
    assert payload.at("properties").text("email") == "ada@example.com"


def test_a_default_is_for_what_is_missing_only() -> None:
    payload = Payload(DATA)
    assert payload.text("nothing", "x") == "x"
    assert payload.text("none", None) is None
    assert list(payload.each("nothing", [])) == []
    with pytest.raises(Garbled):
        payload.text("id", "x")


@pytest.mark.parametrize(
    ("read", "path", "expected", "found"),
    [
        ("text", "id", "text", "a whole number"),
        ("text", "nothing", "text", "nothing"),
        ("text", "none", "text", "nothing"),
        ("whole", "on", "a whole number", "true or false"),
        ("number", "name", "a number", "text"),
        ("flag", "id", "true or false", "a whole number"),
        ("id", "blank", "an id", "blank text"),
        ("instant", "name", "a date and time with offset", "other text"),
        ("object", "list", "an object", "a list"),
        ("many", "properties", "a list", "an object"),
    ],
)
def test_a_wrong_type_names_path_expected_and_found(read: str, path: str, expected: str, found: str) -> None:
    with pytest.raises(Garbled) as caught:
        getattr(Payload(DATA, "GET /contacts"), read)(path)
    assert expected in caught.value.message
    assert found in caught.value.message
    assert caught.value.facts["at"] == f"GET /contacts: {path}"
    assert "Ada" not in str(caught.value)


def test_the_place_grows_with_the_way() -> None:
    with pytest.raises(Garbled) as caught:
        next(Payload({"results": [{}]}, "GET /contacts").each("results")).text("a.b")
    assert caught.value.facts["at"] == "GET /contacts: results.0.a.b"


@pytest.mark.parametrize("raw", [b"", b"{", b"<html>", b"\xff", b"NaN"])
def test_what_is_not_json_is_garbled(raw: bytes) -> None:
    with pytest.raises(Garbled):
        Payload.parse(raw, "webhook")


NAMES = st.text("abc", min_size=1, max_size=2)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(".".join)
VALUES: st.SearchStrategy[Any] = st.integers() | st.text(max_size=3) | st.just([])


@given(st.dictionaries(PATHS, VALUES, max_size=4), PATHS, VALUES)
def test_what_is_planted_is_dug_up_again(fields: dict[str, Any], path: str, value: Any) -> None:
    held: dict[str, Any] = {}
    for place, planted in fields.items():
        plant(held, place, planted)
    plant(held, path, value)
    assert dig(held, path) == value
    plant(held, path, None)
    assert dig(held, path) is None


@given(st.dictionaries(st.text("abc", min_size=1), VALUES, max_size=5))
def test_clearing_all_leaves_nothing(fields: dict[str, Any]) -> None:
    held: dict[str, Any] = {}
    for name, value in fields.items():
        plant(held, f"outer.{name}", value)
    for name in fields:
        plant(held, f"outer.{name}", None)
    assert held == {}


def test_nested_keeps_a_clearing_none() -> None:
    assert nested({"a.b": 1, "a.c": None, "d": 2}) == {"a": {"b": 1, "c": None}, "d": 2}
