"""Translating records: both ways, blanks, references, parts, computed lines, and that no record is ever dropped."""

from __future__ import annotations

import copy
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.mapping import Mapping, MappingError, Translator, load, translator
from core.model.shapes import SHAPES
from core.model.types import Locale

ANN: dict[str, Any] = {
    "properties": {
        "email": " Ann@Example.org ",
        "firstname": "Ann",
        "lastname": "Example",
        "phone": "020 7946 0958",
        "date_of_birth": "21-11-86",
        "lifecyclestage": "fresh",
        "company_id": 77,
        "owner_id": "9",
        "labels": "wine;vip;wine",
        "opted_out": True,
        "origin": "web form",
        "score": "35",
    },
    "createdAt": "2026-11-21T10:00:00+01:00",
}

ANN_VALUES = {
    "email": "ann@example.org",
    "first_name": "Ann",
    "last_name": "Example",
    "phone": "+442079460958",
    "birthday": "1986-11-21",
    "lifecycle_stage": "lead",
    "company": "77",
    "owner": "9",
    "tags": ["vip", "wine"],
    "consent.email": "denied",
    "source": "web form",
    "created_at": "2026-11-21T09:00:00Z",
    "lead_score": 35,
}

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=4,
)
RAW = st.fixed_dictionaries(
    {},
    optional={
        "properties": st.fixed_dictionaries({}, optional=dict.fromkeys(ANN["properties"], ANYTHING)) | ANYTHING,
        "createdAt": ANYTHING,
    },
)


def test_a_record_is_read(contacts: Translator):
    (reading,) = contacts.read([ANN])
    assert reading.values == ANN_VALUES
    assert reading.problems == ()
    assert reading.said == contacts.in_fields


def test_a_record_is_written(contacts: Translator):
    written = contacts.write(ANN_VALUES)
    assert written.fields == {
        "properties.email": "ann@example.org",
        "properties.firstname": "Ann",
        "properties.lastname": "Example",
        "properties.phone": "+442079460958",
        "properties.date_of_birth": "21-11-86",
        "properties.lifecyclestage": "new",
        "properties.company_id": "77",
        "properties.owner_id": "9",
        "properties.labels": "vip;wine",
        "properties.opted_out": True,
        "properties.score": 35,
        "properties.full": "Ann Example",
    }
    assert written.source["properties.full"] == "display_name"
    assert written.source["properties.opted_out"] == "consent.email"
    assert written.problems == ()


def test_lines_of_creation_go_out_only_then(contacts: Translator):
    assert contacts.write(ANN_VALUES, creating=True).fields["properties.origin"] == "web form"


def test_blanks_clear_or_say_nothing_as_the_line_wants(contacts: Translator):
    fields = contacts.write({"email": "a@example.org"}).fields
    assert fields["properties.phone"] is None
    assert "properties.score" not in fields
    # A flag has no third state: writing null would be found changed at every reading.
    assert fields["properties.opted_out"] is False


def test_a_blank_on_a_line_of_consent_is_ignored_whatever_it_says(contact_line: Callable[[str], Translator]):
    words = contact_line("consent.sms: {field: sms, when_blank: clear}")
    assert words.when_blank == {"consent.sms": "ignore"}
    assert words.write({}).fields == {}
    assert words.write({"consent.sms": "denied"}).fields == {"sms": "denied"}


def test_blank_values_are_left_out_and_said(contacts: Translator):
    (reading,) = contacts.read([{"properties": {"email": "", "labels": "; ;", "opted_out": False, "phone": None}}])
    assert reading.values == {}
    assert reading.said == contacts.in_fields


def test_a_partial_record_says_only_what_it_names(contacts: Translator):
    (reading,) = contacts.read([{"properties": {"email": "a@example.org", "phone": None}}], partial=True)
    assert reading.values == {"email": "a@example.org"}
    assert reading.said == {"email", "phone"}


def test_a_partial_record_with_half_an_address_says_nothing_of_it(crm: Mapping):
    companies = translator(crm.streams["companies"], shapes=SHAPES)
    whole = {"address": "1 High Street", "city": "Leeds", "zip": None, "country": None}
    half, full = companies.read([{"city": "Leeds"}, whole], partial=True)
    assert half.said == frozenset()
    assert full.values == {"address": {"street": "1 High Street", "city": "Leeds"}}


def test_a_wrong_value_is_a_problem_and_its_record_goes_on(contacts: Translator):
    record = copy.deepcopy(ANN)
    record["properties"] |= {"phone": "call me " * 20, "lifecyclestage": "zombie"}
    good, bad = contacts.read([ANN, record])
    assert good.problems == ()
    assert bad.values == {k: v for k, v in ANN_VALUES.items() if k not in ("phone", "lifecycle_stage")}
    # Not said: a value that cannot be understood must never be taken for a blank.
    assert bad.said == contacts.in_fields - {"phone", "lifecycle_stage"}
    assert len(bad.problems) == 2
    assert all(len(problem) < 160 for problem in bad.problems)
    assert bad.problems[0].startswith("phone: 'call me")
    assert "(from properties.phone)" in bad.problems[0]
    assert "lifecycle_stage: 'zombie' is not in the vocabulary `lifecycle`" in bad.problems[1]


def test_a_value_that_cannot_be_written_is_left_out_and_told(contacts: Translator):
    written = contacts.write({**ANN_VALUES, "lifecycle_stage": "evangelist", "tags": ["a;b"], "birthday": "1912-01-01"})
    assert not {"properties.lifecyclestage", "properties.labels", "properties.date_of_birth"} & set(written.fields)
    assert [problem.partition(":")[0] for problem in written.problems] == ["birthday", "lifecycle_stage", "tags"]
    assert "(to properties.labels)" in written.problems[2]


def test_what_the_flow_asks_a_translator(contacts: Translator):
    assert (contacts.stream, contacts.kind, contacts.options) == ("contacts", "contact", {"archived": False})
    assert contacts.refs == {"company": ("companies",), "owner": ("users",)}
    assert "created_at" in contacts.in_fields
    assert "created_at" not in contacts.out_fields
    assert contacts.out_fields >= {"first_name", "email"}
    assert "display_name" not in contacts.out_fields | contacts.in_fields
    assert {"properties.full", "properties.email", "createdAt"} <= contacts.remote_fields
    assert contacts.when_blank["lead_score"] == "ignore"
    assert contacts.when_blank["email"] == "clear"


def test_many_references_are_lists_of_ids(crm: Mapping):
    deals = translator(crm.streams["deals"], shapes=SHAPES)
    page = deals.read([{"contact_ids": [1, "2", 2.0]}, {"contact_ids": 5}, {"contact_ids": [{"id": 3}]}])
    assert [reading.values for reading in page] == [{"contacts": ["1", "2"]}, {"contacts": ["5"]}, {}]
    assert "contacts" in page[2].problems[0]
    assert deals.write({"contacts": ["1", "2"]}).fields["contact_ids"] == ["1", "2"]


def test_parts_are_read_and_written_together(crm: Mapping):
    deals = translator(crm.streams["deals"], shapes=SHAPES)
    (reading,) = deals.read([{"amount": 12.5, "currency_code": "EUR"}])
    assert reading.values == {"amount": {"amount": "12.50", "currency": "EUR"}}
    written = deals.write(reading.values)
    assert (written.fields["amount"], written.fields["currency_code"]) == (12.5, "EUR")
    assert written.source["currency_code"] == "amount"
    cleared = deals.write({}).fields
    assert (cleared["amount"], cleared["currency_code"]) == (None, None)
    assert "dealname" not in cleared


def test_an_address_leaves_parts_blank_that_it_does_not_have(crm: Mapping):
    companies = translator(crm.streams["companies"], shapes=SHAPES)
    written = companies.write({"address": {"city": "Leeds", "region": "Yorkshire"}})
    assert [written.fields[name] for name in ("address", "city", "zip", "country")] == [None, "Leeds", None, None]


def test_steps_compose_and_their_inverses_in_reverse(crm: Mapping):
    deals = translator(crm.streams["deals"], shapes=SHAPES)
    midnight = 1795219200000
    assert deals.read([{"closedate": midnight}])[0].values == {"close_date": "2026-11-21"}
    assert deals.write({"close_date": "2026-11-21"}).fields["closedate"] == midnight


def test_a_computed_line_comes_in(crm: Mapping):
    users = translator(crm.streams["users"], shapes=SHAPES)
    page = users.read([{"firstName": "Ann", "lastName": None, "archived": False}, {"email": "a@example.org"}])
    assert page[0].values == {"name": "Ann", "active": True}
    assert page[1].values == {"email": "a@example.org"}


def test_normal_is_what_the_tool_can_carry(contacts: Translator):
    values = {**ANN_VALUES, "consent.email": "suppressed", "asked": "not mapped", "tags": ["a"]}
    normal = contacts.normal(values)
    assert normal["consent.email"] == "denied"
    assert "asked" not in normal
    assert "created_at" not in normal
    assert contacts.normal(normal) == normal


def test_the_locale_reads_phones():
    text = "things:\n  as: contact\n  fields: {phone: tel, birthday: born}\n"
    german = translator(load(text, file="x").streams["things"], shapes=SHAPES, locale=Locale(region="DE"))
    assert german.read([{"tel": "030 123456"}])[0].values == {"phone": "+4930123456"}


def test_a_field_that_no_shape_has_is_refused_with_its_place():
    stream = load("things:\n  as: contact\n  fields:\n    emial: e\n", file="x.yaml").streams["things"]
    with pytest.raises(MappingError, match=r"x.yaml:4:5: `emial` is no field of contact"):
        translator(stream, shapes=SHAPES)
    other = load("things:\n  as: kontact\n  fields:\n    email: e\n", file="x.yaml").streams["things"]
    with pytest.raises(MappingError, match=r"x.yaml:2:7: .*no kind of record"):
        translator(other, shapes=SHAPES)


def test_an_empty_page_and_a_stream_that_only_goes_out(contact_line: Callable[[str], Translator]):
    out = contact_line("full: {compute: first_name, direction: out}")
    assert out.read([]) == []
    assert [reading.values for reading in out.read([{"full": "x"}, {}])] == [{}, {}]
    assert out.write({"first_name": "Ann"}).fields == {"full": "Ann"}


@given(st.lists(RAW, max_size=5), st.booleans())
def test_a_page_reads_as_its_records_one_by_one(contacts: Translator, page: list, partial: bool):
    whole = contacts.read(page, partial=partial)
    assert len(whole) == len(page)
    assert whole == [contacts.read([record], partial=partial)[0] for record in page]


@given(st.lists(RAW, max_size=3))
def test_whatever_comes_no_record_is_dropped_and_none_is_changed(contacts: Translator, page: list):
    before = repr(page)
    for reading in contacts.read(page):
        assert None not in reading.values.values()
        assert reading.values.keys() <= reading.said
        troubled = {problem.partition(":")[0] for problem in reading.problems}
        assert troubled == contacts.in_fields - reading.said
    assert repr(page) == before


@given(st.lists(RAW, min_size=1, max_size=3))
def test_what_was_read_is_written_and_read_the_same(contacts: Translator, page: list):
    for reading in contacts.read(page):
        normal = contacts.normal(reading.values)
        assert contacts.normal(normal) == normal
        kept = {name: value for name, value in reading.values.items() if name in normal}
        assert normal == kept


def test_one_translator_serves_many_threads(contacts: Translator):
    page = [ANN] * 50
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: contacts.read(page), range(20)))
    assert all(answer == answers[0] for answer in answers)


def test_addresses_are_read_in_their_normal_form_and_never_written():
    text = """
events:
  as: activity
  fields:
    subject: title
    contacts: {field: guests, steps: [pluck: email], ref: contact, by: email}
    owner: {field: organizer, ref: owner, by: email}
"""
    events = translator(load(text, file="x.yaml").streams["events"], shapes=SHAPES)
    guests = [{"email": "mailto:Bob@Hill.example"}, {"email": "ann@shore.example"}, {"email": "bob@hill.example"}]
    (reading,) = events.read([{"title": "Lunch", "guests": guests, "organizer": "SAM@us.example"}])
    assert reading.values == {
        "subject": "Lunch",
        "contacts": ["ann@shore.example", "bob@hill.example"],
        "owner": "sam@us.example",
    }
    assert (events.addressed, events.refs) == ({"contacts": "contact", "owner": "owner"}, {})
    assert events.write({"subject": "Lunch", "contacts": [7], "owner": 3}).fields == {"title": "Lunch"}


def test_what_is_no_address_is_a_problem_of_the_line():
    text = "events: {as: activity, fields: {subject: title, owner: {field: by, ref: owner, by: email}}}"
    events = translator(load(text, file="x.yaml").streams["events"], shapes=SHAPES)
    (reading,) = events.read([{"title": "Lunch", "by": "room 5"}])
    assert reading.values == {"subject": "Lunch"}
    assert "owner" not in reading.said
    assert "room 5" in reading.problems[0]
