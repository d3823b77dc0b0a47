"""The round-trip laws as `check` applies them: which lines break them, and with which value."""

from __future__ import annotations

import pytest

from core.mapping import Problem, check, load
from core.model.shapes import SHAPES


def problems(line: str, *, kind: str = "contact", top: str = "", samples: list | None = None) -> list[Problem]:
    text = f"{top}things:\n  as: {kind}\n  fields:\n    {line}\n"
    return check(load(text, file="m.yaml"), shapes=SHAPES, samples={"things": samples or []})


@pytest.mark.parametrize(
    ("line", "kind", "top", "value"),
    [
        # An amount without its currency comes back in another one.
        ("amount: {field: {amount: total}}", "deal", "", "EUR"),
        # A pattern for moments that is a date for people.
        ("birthday: {field: b, steps: [epoch_ms]}", "contact", "", ""),
    ],
)
def test_a_line_that_breaks_the_law_is_an_error_with_the_value(line: str, kind: str, top: str, value: str):
    errors = [problem for problem in problems(line, kind=kind, top=top) if problem.severity == "error"]
    assert len(errors) == 1
    assert value in str(errors[0])
    assert "direction: in" in errors[0].remedy


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("consent.email: {field: o, steps: [opt_out_flag]}", "contact"),
        ("consent.email: {field: o, steps: [{yes_no: [Y, N]}, opt_in_flag]}", "contact"),
        ("created_at: {field: c, steps: [epoch_s]}", "contact"),
        ("created_at: {field: c, steps: [{instant: {pattern: '%d/%m/%Y %H:%M', zone: Europe/London}}]}", "contact"),
        ("birthday: {field: b, steps: [{date: '%d-%m-%y'}]}", "contact"),
        ("close_date: {field: c, steps: [epoch_ms, midnight]}", "deal"),
        ("amount: {field: a, steps: [{money: EUR}]}", "deal"),
        ("amount: {field: {amount: a, currency: c}, steps: [minor_units]}", "payment"),
        ("address: {field: {street: s, city: c}}", "contact"),
        ("other_emails: {field: e, steps: [{list: ', '}]}", "contact"),
        ("contacts: {field: c}", "activity"),
        ("lead_score: {field: s, steps: [{scale: 3}]}", "contact"),
        ("description: {field: d, steps: [trim, {prefix: '> '}]}", "contact"),
        ("first_name: {field: n, steps: [upper]}", "contact"),
        ("lines: l", "payment"),
    ],
)
def test_lawful_lines_pass(line: str, kind: str):
    assert [p for p in problems(line, kind=kind) if "give back" in p.what or "can write none" in p.what] == []


def test_every_field_of_every_kind_keeps_the_laws_as_it_is():
    for kind, shape in SHAPES.items():
        for name, field in shape.fields.items():
            ref = f", ref: {field.of}" if field.type == "ref" else ""
            found = [p for p in problems(f"{name}: {{field: x{ref}}}", kind=kind) if "No stream" not in p.what]
            assert found == [], f"{kind}.{name}"


def test_real_records_are_tried():
    good = {"b": "21-11-86"}
    assert problems("birthday: {field: b, steps: [{date: '%d-%m-%y'}]}", samples=[good, {}, {"b": ""}]) == []
    (problem,) = problems("birthday: {field: b, steps: [{date: '%d-%m-%y'}]}", samples=[good, {"b": "1986"}])
    assert problem.severity == "warning"
    assert "'1986' is not written as" in problem.found


def test_another_spelling_of_the_same_value_is_lawful():
    assert problems("phone: {field: p, steps: [phone]}", samples=[{"p": "020 7946 0958"}]) == []


def test_a_real_record_that_does_not_survive_is_an_error():
    found = problems("source: {field: s, steps: [number_text]}", samples=[{"s": 12}, {"s": "A-12"}])
    (problem,) = [problem for problem in found if problem.severity == "error"]
    assert "'A-12'" in problem.what
