"""The JSON Schema for editors: it takes what is right, and underlines what is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from core.mapping import STEPS, schema
from core.model.shapes import SHAPES

SCHEMA = schema(SHAPES)
VALIDATOR = Draft202012Validator(SCHEMA)


def stream(lines: str) -> Any:
    return YAML(typ="safe", pure=True).load(f"things: {{as: contact, fields: {{{lines}}}}}")


def test_it_is_a_schema():
    Draft202012Validator.check_schema(SCHEMA)


def test_a_real_mapping_passes(crm_text: str):
    found = list(VALIDATOR.iter_errors(YAML(typ="safe", pure=True).load(crm_text)))
    assert found == [], [(list(error.path), error.message) for error in found]


@pytest.mark.parametrize(
    "lines",
    [
        "email: mail",
        "phone: {field: tel, steps: [phone]}",
        "phone: {field: tel, steps: phone}",
        "birthday: {field: b, steps: [{date: '%d-%m-%y'}]}",
        "birthday: {field: b, steps: [{date: {pattern: '%d-%m-%y'}}]}",
        "source: {field: b, steps: [{replace: {a: b}}], direction: in}",
        "source: {field: b, steps: [{yes_no: [Y, N]}]}",
        "address: {field: {street: s}}",
        "owner: {field: mail, ref: owner, by: email}",
        "owner: {field: mail, ref: owner, by: email, direction: in}",
        "anything: {compute: first_name, direction: out}",
        "fixed: {field: f, steps: [{constant: person}], direction: out}",
    ],
)
def test_right_lines_pass(lines: str):
    assert VALIDATOR.is_valid(stream(lines))


@pytest.mark.parametrize(
    "lines",
    [
        "emial: mail",
        "email: [mail]",
        "email: {field: mail, stepps: [trim]}",
        "email: {steps: [trim]}",
        "phone: {field: tel, steps: [phnoe]}",
        "birthday: {field: b, steps: [date]}",
        "birthday: {field: b, steps: [{date: 3}]}",
        "lead_score: {field: b, steps: [{scale: big}]}",
        "email: {field: mail, direction: inn}",
        "email: {field: mail, required: please}",
        "owner: {field: mail, by: email}",
        "owner: {field: mail, ref: owner, by: phone}",
        "owner: {field: mail, ref: owner, by: email, direction: both}",
        "company: {field: mail, ref: company, by: email}",
        "full_name: {compute: first_name}",
        "anything: {compute: first_name, direction: in}",
        "anything: {field: first_name, direction: out}",
    ],
)
def test_wrong_lines_are_underlined(lines: str):
    assert not VALIDATOR.is_valid(stream(lines))


@pytest.mark.parametrize(
    "data",
    [
        [],
        {"things": {"fields": {"email": "e"}}},
        {"things": {"as": "kontact", "fields": {"email": "e"}}},
        {"things": {"as": "company", "fields": {"first_name": "e"}}},
        {"things": {"as": "contact", "fields": {}}},
        {"vocabularies": {"v": {"unknown": "keep"}}},
        {"vocabularies": {"v": {"words": {}}}},
    ],
)
def test_wrong_files_are_underlined(data: Any):
    assert not VALIDATOR.is_valid(data)


@pytest.mark.parametrize(
    "when", ["{type: task}", "{type: [task, null]}", "{done: true, status: [planned, done]}", "{subject: hello}"]
)
def test_a_right_when_passes(when: str):
    assert VALIDATOR.is_valid(activities(when))


@pytest.mark.parametrize(
    "when",
    [
        "task", "{}", "{typ: task}", "{type: tsk}", "{type: null}", "{type: []}", "{type: [task, tsk]}",
        "{done: often}", "{tags: vip}", "{owner: 7}", "{lifecycle_stage: lead}",
    ],
)  # fmt: skip
def test_a_wrong_when_is_underlined(when: str):
    assert not VALIDATOR.is_valid(activities(when))


def activities(when: str) -> Any:
    text = f"things: {{as: activity, when: {when}, fields: {{subject: title}}}}"
    return YAML(typ="safe", pure=True).load(text)


def test_editors_are_told_every_field_and_step():
    assert set(SCHEMA["$defs"]["fields_contact"]["properties"]) == set(SHAPES["contact"].fields)
    steps = SCHEMA["$defs"]["step"]["anyOf"]
    offered = {name for option in steps for name in option.get("enum", option.get("properties", ()))}
    assert offered == set(STEPS)
