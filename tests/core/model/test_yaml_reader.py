"""YAML is read in silence: what is wrong in it is a problem with its place, or an error of ours."""

from __future__ import annotations

from typing import Any

import pytest

from core.decide.rules import load_rules
from core.mapping.check import check_text
from core.model.shapes import SHAPES
from core.model.shapes.custom import custom_fields
from core.model.yaml_reader import yaml_reader

TWICE = "first: &x 1\nsecond: &x 2\nthird: *x\n"


@pytest.mark.parametrize("typ", ["safe", "rt"])
@pytest.mark.parametrize("pure", [False, True])
def test_an_anchor_may_be_given_anew_and_nobody_is_warned(typ: Any, pure: bool) -> None:
    assert yaml_reader(typ, pure=pure).load(TWICE) == {"first": 1, "second": 2, "third": 2}


def test_a_mapping_with_an_anchor_twice_is_checked_like_any_other() -> None:
    text = "contacts: &x\n  as: &x contact\n  fields:\n    email: {field: &x email}\n"
    assert not [one for one in check_text(text, file="a.yaml", shapes=SHAPES) if one.severity == "error"]


def test_so_are_rules_and_fields_of_ones_own() -> None:
    rules = load_rules("contact:\n  phone: &x latest\n  job_title: &x latest\n", file="rules.yaml", shapes=SHAPES)
    assert rules is not None
    named = "contact:\n  - &x {name: size, type: text, doc: How large., example: L}\n"
    assert [one.name for one in custom_fields(f"{named}company: &x []\n", "fields.yaml", SHAPES)["contact"]] == ["size"]
