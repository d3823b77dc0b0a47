"""Leads as they are posted: the campaign and the page, what is missing, and the words that stay."""

from __future__ import annotations

import pytest

from core.decide.leads import Lead, read_lead, unanswerable
from core.model.form import Form, FormField, Tick
from core.model.instant import DAY, iso

NOW = 1_795_251_600_000_000
FORM = Form(
    "quote",
    "Ask for a quote",
    (
        FormField("email", "Email", "email"),
        FormField("phone", "Phone", "phone"),
        FormField("website", "Your site", "url"),
        FormField("asked", "What do you need?", "text"),
    ),
    (Tick("consent.email", "Write to me."), Tick("consent.sms", "Text me.")),
    reason="Quote",
)
KNOWN = {"email", "phone", "website", "asked"}


def read(**posted: str) -> Lead:
    return read_lead(FORM, posted, at=NOW, confirms=True)


@pytest.mark.parametrize(
    ("posted", "campaign"),
    [
        ({"page": "https://a.example/?utm_source=fb"}, "fb"),
        ({"page": "https://a.example/?UTM_Source=fb"}, "fb"),
        ({"page": "https://a.example/?utm_source=b%C3%BCcher%20%2B"}, "bücher +"),
        ({"page": "https://a.example/", "referrer": "https://b.example/?utm_source=news"}, "news"),
        ({"page": "https://a.example/?utm_source=fb", "referrer": "https://b.example/?utm_source=news"}, "fb"),
        ({"page": "https://a.example/?utm_source=fb", "utm_source": "said"}, "said"),
        ({"page": "https://a.example/?utm_source="}, None),
        ({"page": "https://[broken/?utm_source=fb"}, None),
        ({"page": "nonsense"}, None),
    ],
)
def test_the_campaign_is_taken_from_where_it_stands(posted: dict[str, str], campaign: str | None):
    assert read(**posted).person.get("utm_source") == campaign


@pytest.mark.parametrize("page", ["javascript:alert(1)", "ftp://a.example", "", "https://a.example/" + "x" * 3_000])
def test_what_is_no_page_is_none_and_the_browsers_own_word_counts(page: str):
    lead = read_lead(FORM, {"page": page}, at=NOW, referer="https://shop.example/patios", confirms=True)
    assert lead.person["page"] == "https://shop.example/patios"


@pytest.mark.parametrize(
    ("word", "at"),
    [
        (iso(NOW - DAY), NOW - DAY),
        (iso(NOW + DAY), NOW),
        ("yesterday", NOW),
        ("2026-01-01T00:00:00", NOW),
        ("9999-99-99", NOW),
    ],
)
def test_the_first_touch_is_no_later_than_now(word: str, at: int):
    assert read(first_touch_at=word).person["first_touch_at"] == iso(at)


def test_the_reason_stands_for_what_they_ask_where_they_say_nothing_else():
    assert read().person["asked"] == "Quote"
    assert read(reason="A shed").person["asked"] == "A shed"
    assert read(asked="A patio").person["asked"] == "A patio"
    assert read(asked="A patio", reason="Garden").note["subject"] == "Ask for a quote: Garden"


@pytest.mark.parametrize(
    ("word", "confirms", "status"),
    [
        ("yes", True, "pending"),
        ("ON", False, "granted"),
        ("no", True, "denied"),
        ("", True, None),
        ("perhaps", False, None),
    ],
)
def test_a_box_says_what_was_said(word: str, confirms: bool, status: str | None):
    lead = read_lead(FORM, {"consent.email": word}, at=NOW, confirms=confirms)
    assert lead.consents.get("consent.email") == status


def test_what_nobody_confirms_by_mail_needs_no_confirmation():
    assert read(**{"consent.sms": "yes"}).consents == {"consent.sms": "granted"}


def test_a_box_that_the_form_does_not_have_says_nothing():
    lead = read(**{"consent.phone": "yes"})
    assert lead.consents == {}
    assert "consent.phone: yes" in lead.note["body"]


def test_words_that_nobody_asked_for_stay_and_those_nobody_typed_do_not():
    body = read(email="a@b.example", colour="red", form_token="secret", confirm_subject="", thanks="x").note["body"]
    assert "colour: red" in body
    assert "secret" not in body


def test_what_they_ask_is_taken_where_the_form_does_not_ask_it():
    lead = read_lead(Form("a", "A", FORM.fields[:1]), {"asked": "x" * 9_000}, at=NOW, confirms=True)
    assert lead.person["asked"] == "x" * 9_000
    assert "x" * 9_000 in lead.note["body"]


def test_a_flood_of_fields_is_cut_off():
    body = read(**{f"field{one}": "x" * 5_000 for one in range(100)}).note["body"]
    assert body.count("field") == 30
    assert len(body) < 20_000


@pytest.mark.parametrize(
    ("posted", "values", "wrong"),
    [
        ({"email": "a@b.example", "phone": "12"}, {"email": "a@b.example"}, set()),
        ({"email": "x", "phone": "020 7946 0011"}, {"phone": "+442079460011"}, set()),
        ({"email": "x"}, {}, {"email"}),
        ({"phone": "x"}, {}, {"phone"}),
        ({}, {}, {"email"}),
        ({"email": "x", "website": "y"}, {}, {"email", "website"}),
    ],
)
def test_only_who_cannot_be_answered_is_asked_again(posted: dict[str, str], values: dict[str, str], wrong: set[str]):
    values = {"asked": "Quote", **values}
    assert unanswerable(FORM, read(**posted), values, KNOWN).keys() == wrong
