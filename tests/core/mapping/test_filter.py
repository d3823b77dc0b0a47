"""The language of filters: every word by its example, what cannot be asked, and how it is told."""

from __future__ import annotations

from typing import Any

import pytest
from ruamel.yaml import YAML

from core.errors import ConfigError
from core.mapping.comparing import WORDS
from core.mapping.filter import Fault, Filter, filter_of, read_filter
from core.model.locale import Locale
from core.model.shapes import SHAPES
from core.model.values import Json

CONTACT, DEAL = SHAPES["contact"], SHAPES["deal"]


def made(said: Any, kind: str = "contact") -> Filter:
    found = filter_of(said, SHAPES[kind], Locale(), where="only_out")
    assert found is not None
    return found


def faults(said: Any, kind: str = "contact", **options: Any) -> list[Fault]:
    return read_filter(said, SHAPES[kind], Locale(), **options)[1]


@pytest.mark.parametrize("name", WORDS)
def test_every_word_does_what_its_example_says(name: str):
    field, operand, fits, other = WORDS[name].example
    kind = "contact" if field in CONTACT.fields else "deal"
    found = made({field: {name: YAML(typ="safe", pure=True).load(operand)}}, kind)
    assert found.holds({field: fits})
    assert not found.holds({field: other})
    assert found.unmet({field: fits}) == ""
    assert found.unmet({field: other}).startswith(field)


@pytest.mark.parametrize(
    ("said", "values", "fits"),
    [
        ({"lifecycle_stage": "customer"}, {"lifecycle_stage": "customer"}, True),
        ({"lifecycle_stage": ["Customer", None]}, {}, True),
        ({"lifecycle_stage": ["customer"]}, {}, False),
        ({"email": "ANN@Shore.example"}, {"email": "ann@shore.example"}, True),
        ({"consent.email": {"not": "denied"}}, {}, True),
        ({"consent.email": {"not": ["denied", None]}}, {}, False),
        ({"tags": {"has": ["vip", "newsletter"], "lacks": "staff"}}, {"tags": ["staff", "vip"]}, False),
        ({"tags": {"has": ["vip", "newsletter"], "lacks": "staff"}}, {"tags": ["vip"]}, True),
        ({"tags": {"lacks": "staff"}}, {}, True),
        ({"other_emails": {"has": "ANN@shore.example"}}, {"other_emails": ["ann@shore.example"]}, True),
        ({"company": {"known": True}}, {"company": 7}, True),
        ({"company": {"known": False}}, {"company": {"in": "a", "stream": "companies", "id": "x"}}, False),
        ({"address.country": ["gb", "IE"]}, {"address": {"country": "GB"}}, True),
        ({"address.country": ["gb", "IE"]}, {"address": {"city": "Leeds"}}, False),
        ({"address.country": {"not": "GB"}}, {}, True),
        ({"email": {"ends": ["@quay.example", "@SHORE.example"]}}, {"email": "ann@shore.example"}, True),
        ({"lead_score": {"at_least": 10, "below": 20}}, {"lead_score": 10}, True),
        ({"lead_score": {"at_least": 10, "below": 20}}, {"lead_score": 20}, False),
        ({"lead_score": {"below": 20}}, {}, False),
        ({"created_at": {"from": "2026-01-01"}}, {"created_at": "2026-01-01T00:00:00Z"}, True),
        ({"created_at": {"after": "2026-01-01"}}, {"created_at": "2026-01-01T23:59:59Z"}, False),
        ({"created_at": {"to": "2026-01-01"}}, {"created_at": "2026-01-01T23:59:59.5Z"}, True),
        ({"created_at": {"before": "2026-01-01T10:00:00+01:00"}}, {"created_at": "2026-01-01T09:00:00Z"}, False),
        ({"birthday": {"before": "1.2.1990"}}, {"birthday": "1990-01-31"}, True),
    ],
)
def test_what_fits(said: Any, values: dict[str, Json], fits: bool):
    assert made(said).holds(values) is fits


def test_it_is_told_in_words():
    said = {"tags": {"has": "newsletter"}, "lifecycle_stage": ["customer", None], "consent.email": {"not": "denied"}}
    found = made(said)
    assert str(found) == (
        "tags with newsletter and lifecycle_stage customer or blank and consent.email other than denied"
    )
    assert found.unmet({"lifecycle_stage": "lead"}) == "tags with newsletter and lifecycle_stage customer or blank"
    assert str(made({"amount": {"above": "10 EUR"}}, "deal")) == "amount above 10.00 EUR"
    assert str(made({"close_date": {"from": "2026-01-01"}}, "deal")) == "close_date from 2026-01-01 on"


@pytest.mark.parametrize(
    ("said", "path", "remedy"),
    [
        ({}, (), "Name a field"),
        ("customer", (), "Name a field"),
        ({"taggs": {"has": "vip"}}, ("taggs",), "Did you mean `tags`?"),
        ({"tags": "vip"}, ("tags",), "Say `tags: {has: vip}`."),
        ({"tags": {"has": []}}, ("tags", "has"), "Write a text"),
        ({"company": 7}, ("company",), "{known: true}"),
        ({"lifecycle_stage": "custmer"}, ("lifecycle_stage",), "Did you mean `customer`?"),
        ({"lifecycle_stage": ""}, ("lifecycle_stage",), "Known here: subscriber"),
        ({"email": {"endz": "x"}}, ("email", "endz"), "Did you mean `ends`?"),
        ({"email": {}}, ("email",), ""),
        ({"email": {"has": "x"}}, ("email", "has"), "For `email` say is, not"),
        ({"created_at": {"within": "30 days"}}, ("created_at", "within"), "Name a day"),
        ({"created_at": {"from": "soon"}}, ("created_at", "from"), "Write a day"),
        ({"lead_score": {"at_least": "many"}}, ("lead_score", "at_least"), "Write a number"),
        ({"email": {"known": "perhaps"}}, ("email", "known"), "Write true or false"),
        ({"address.planet": "Mars"}, ("address.planet",), ""),
    ],
)
def test_what_cannot_be_asked_is_told_with_its_place(said: Any, path: tuple[Json, ...], remedy: str):
    (fault,) = faults(said)
    assert fault.path == path
    assert fault.what.endswith(".")
    assert remedy in fault.remedy


def test_what_comes_in_can_only_be_asked_for_what_the_mapping_reads():
    (fault,) = faults({"tags": {"has": "vip"}, "email": {"known": True}}, read={"email"})
    assert (fault.path, fault.on_key) == (("tags",), True)
    assert "reads nothing into `tags`" in fault.what


def test_everything_wrong_is_told_at_once():
    with pytest.raises(ConfigError, match=r"`only_in` of x: `taggs` is no field .* `endz` is no word") as caught:
        filter_of({"taggs": 1, "email": {"endz": 1}}, CONTACT, Locale(), where="`only_in` of x")
    assert caught.value.remedy == "Did you mean `tags`?"
