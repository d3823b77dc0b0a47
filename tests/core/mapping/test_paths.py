"""Dotted paths: nested values, places in lists, keys with dots, and absence told from null."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.mapping.paths import ABSENT, Columns, get, put

RECORD = {"a": {"b": 1, "n": None, "l": [{"v": "x"}, {"v": "y"}]}, "k": 2, "E.mail": "e", "z": "text"}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("k", 2),
        ("a.b", 1),
        ("a.n", None),
        ("a.l.1.v", "y"),
        ("E.mail", "e"),
        ("a.x", ABSENT),
        ("a.b.c", ABSENT),
        ("a.l.7.v", ABSENT),
        ("a.l.v", ABSENT),
        ("z.0", ABSENT),
        ("nope", ABSENT),
        ("no.pe", ABSENT),
    ],
)
def test_get(path: str, value: object):
    assert get(RECORD, path, ABSENT) is value or get(RECORD, path, ABSENT) == value
    assert Columns([RECORD]).column(path) == [None if value is ABSENT else value]


def test_put_makes_the_maps_on_the_way():
    fields: dict = {}
    put(fields, "a.b.c", 1)
    put(fields, "a.b.d", 2)
    put(fields, "k", 3)
    assert fields == {"a": {"b": {"c": 1, "d": 2}}, "k": 3}


def test_put_sets_inside_lists_and_keys_with_dots():
    fields = {"l": [{"v": 1}, 2], "E.mail": "old", "n": None}
    put(fields, "l.0.v", 9)
    put(fields, "l.1", 8)
    put(fields, "E.mail", "new")
    put(fields, "n.x", 1)
    assert fields == {"l": [{"v": 9}, 8], "E.mail": "new", "n": {"x": 1}}


@pytest.mark.parametrize("path", ["z.a", "z.a.b", "l.5", "l.x.y"])
def test_put_does_not_overwrite_what_is_in_the_way(path: str):
    fields = {"z": "text", "l": [1]}
    with pytest.raises(ValueError, match="cannot be set"):
        put(fields, path, 1)
    assert fields == {"z": "text", "l": [1]}


@given(st.lists(st.text("abc", min_size=1, max_size=2), min_size=1, max_size=4), st.integers())
def test_what_was_put_is_got(parts: list, value: int):
    fields: dict = {}
    put(fields, ".".join(parts), value)
    assert get(fields, ".".join(parts)) == value
