"""Computed lines: what they can say, what blanks do, and that they cannot do harm."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.mapping.compute import parse


@pytest.mark.parametrize(
    ("text", "given", "value"),
    [
        ("a + ' ' + b", {"a": "Ann", "b": "Example"}, "Ann Example"),
        ("a + ' ' + b", {"a": "Ann", "b": None}, "Ann"),
        ("a + ' ' + b", {"a": None, "b": ""}, None),
        ("join(', ', a, b, c)", {"a": "x", "b": None, "c": 3}, "x, 3"),
        ("first_of(a, b)", {"a": "", "b": "x"}, "x"),
        ("price * count", {"price": 1.5, "count": 4}, 6.0),
        ("price * count", {"price": 1.5, "count": None}, None),
        ("amount / 100", {"amount": 1250}, 12.5),
        ("'big' if size > 100 else 'small'", {"size": 5}, "small"),
        ("lower(a) == 'yes' and not b", {"a": "YES", "b": None}, True),
        ("upper(first_word(a)) + rest_words(a)", {"a": "ann maria x"}, "ANNmaria x"),
        ("trim(text(n))", {"n": 7}, "7"),
        ("address.city", {"address.city": "Leeds"}, "Leeds"),
        ("`First Name` + `e-mail`", {"First Name": "a", "e-mail": "b"}, "ab"),
        ("'x' in a", {"a": "axb"}, True),
        ("'fixed'", {}, "fixed"),
        ("-n", {"n": 3}, -3),
    ],
)
def test_expressions(text: str, given: dict, value: object):
    assert parse(text).value(given) == value


def test_it_tells_which_fields_it_reads():
    assert parse("join(' ', a.b, `C d`) + a.b + lower(e)").names == ("a.b", "C d", "e")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a +",
        "a; b",
        "a = 1",
        "__import__('os')",
        "open(a)",
        "a.upper()",
        "'x'.join(a)",
        "(a).b.c()",
        "a[0]",
        "[x for x in a]",
        "{1: a}",
        "f'{a}'",
        "lambda: a",
        "a ** 99",
        "a % b",
        "1 << 99",
        "a if b",
        "lower(*a)",
        "join(a, separator=b)",
        "b'x'",
        "a" * 501,
        "(" * 300,
        "-" * 400 + "1",
        "(lower)('x')(1)",
    ],
)
def test_anything_else_is_refused(text: str):
    with pytest.raises(ValueError, match=r"\w+"):
        parse(text)


def test_a_dot_is_a_path_and_never_an_attribute():
    assert parse("lower.__class__").names == ("lower.__class__",)
    assert parse("a.__class__").value({"a": "x"}) is None


def test_values_that_do_not_fit_are_a_sentence():
    with pytest.raises(ValueError, match=r"'a / b' cannot be computed from these values"):
        parse("a / b").value({"a": 1, "b": 0})
    with pytest.raises(ValueError, match="cannot be computed"):
        parse("a + b").value({"a": "x", "b": {"c": 1}})


def test_nothing_grows_without_bound():
    with pytest.raises(ValueError, match="cannot be computed"):
        parse("a * 99999 * 99999").value({"a": "x"})


@given(st.text("ab1.+-*/()' `,_", max_size=30), st.dictionaries(st.sampled_from(["a", "b"]), st.integers()))
def test_no_text_can_crash_it(text: str, given: dict):
    try:
        value = parse(text).value(given)
    except ValueError:
        return
    assert value is None or isinstance(value, str | int | float)
