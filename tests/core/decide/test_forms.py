"""Forms as an admin says them: what can be asked, on which sites, and every mistake at its place."""

from __future__ import annotations

import pytest

from core.decide.forms import askable, load_forms, origin_of
from core.mapping.problem import MappingError
from core.model.form import Form
from core.model.shapes import shapes_with
from core.model.shapes.topics import Topic

SHAPE = shapes_with({}, (Topic("news", "Our monthly letter", ("email",)),))["contact"]
KNOWN = askable(SHAPE, {"postal_code": "name"})


def load(text: str) -> tuple[Form, ...]:
    return load_forms(text, SHAPE, KNOWN, file="concord.yaml")


def test_a_form_says_what_it_asks_in_its_order():
    (form,) = load("""
quote:
  title: Ask for a quote
  sites: [https://shop.example, "http://localhost:8080"]
  thanks: https://shop.example/thanks
  source: Landing page
  fields:
    email: {label: Email, required: true}
    reason: {label: Why?, choices: [a, b]}
    postal_code: Postcode
""")
    assert [(one.name, one.label, one.type, one.required) for one in form.fields] == [
        ("email", "Email", "email", True),
        ("reason", "Why?", "name", False),
        ("postal_code", "Postcode", "name", False),
    ]
    assert form.fields[1].choices == ("a", "b")
    assert form.sites == ("https://shop.example", "http://localhost:8080")
    assert form.speaks_as == "form:quote"
    assert (form.title, form.source) == ("Ask for a quote", "Landing page")


def test_a_short_form_will_do_and_knows_a_fields_own_choices():
    (form,) = load("call_back: {fields: {phone: Phone, email_frequency: How often?}}")
    assert form.title == "Call back"
    assert form.source == "web"
    assert form.fields[1].choices == ("always", "weekly", "monthly")


def test_the_words_of_a_box_are_kept_exactly():
    (form,) = load('a: {fields: {email: Email}, consent: {email.news: "  Yes, please!  ", phone: Call me}}')
    assert [(one.field, one.wording) for one in form.ticks] == [
        ("consent.email.news", "Yes, please!"),
        ("consent.phone", "Call me"),
    ]


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("[a]", "1:1", "not a map"),
        ("A b: {fields: {email: E}}", "1:1", "cannot be a form's name"),
        ("a: email", "1:1", "not a map"),
        ("a: {}", "1:1", "asks nothing"),
        ("a: {fields: {first_name: Name}}", "1:5", "could be answered"),
        ("a: {fields: {email: Email, e_mail: E}}", "1:28", "nothing that a form can ask"),
        ("a: {fields: {email: Email, owner: Owner}}", "1:28", "nothing that a form can ask"),
        ("a: {fields: {email: Email, consent.email: E}}", "1:28", "nothing that a form can ask"),
        ("a: {fields: {email: Email, utm_source: E}}", "1:28", "nothing that a form can ask"),
        ("a: {fields: {email: {required: true}}}", "1:14", "no label"),
        ("a: {fields: {email: {label: E, required: 1}}}", "1:42", "value it cannot have"),
        ("a: {fields: {email: {label: E, choices: []}}}", "1:41", "words to choose from"),
        ("a: {fields: {email: E, email_frequency: {label: H, choices: [daily]}}}", "1:61", "always, weekly or monthly"),
        ("a: {fields: {email: E}, titel: A}", "1:25", "not a word of a form"),
        ("a: {fields: {email: E}, title: [A]}", "1:32", "a few words"),
        ("a: {fields: {email: E}, consent: {fax: Yes}}", "1:35", "nothing that people consent to"),
        ("a: {fields: {email: E}, consent: {all: Yes}}", "1:35", "nothing that people consent to"),
        ("a: {fields: {email: E}, consent: {email.offers: Yes}}", "1:35", "topics"),
        ("a: {fields: {email: E}, consent: {email: true}}", "1:42", "a few words"),
        ("a: {fields: {email: E}, sites: https://a.example}", "1:32", "a list of origins"),
        ("a: {fields: {email: E}, sites: [a.example]}", "1:33", "is no site"),
        ("a: {fields: {email: E}, sites: [https://a.example/b]}", "1:33", "Write https://a.example."),
        ("a: {fields: {email: E}, thanks: https://a.example}", "1:33", "none of the form's `sites`"),
        ("a: {fields: {email: E}, sites: [https://a.example], thanks: https://b.example}", "1:61", "`sites`"),
    ],
)
def test_mistakes_are_told_with_their_place(text: str, place: str, words: str):
    with pytest.raises(MappingError) as caught:
        load(text)
    assert f"concord.yaml:{place}:" in str(caught.value)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Shop.example/a?b#c", "https://shop.example"),
        ("https://shop.example:443/", "https://shop.example"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
        ("https://shop.example:444", "https://shop.example:444"),
        ("https://shop.example@evil.example", None),
        ("https://shop.example\\.evil.example", None),
        ("https://shop.example\n.evil.example", None),
        ("https://:443", None),
        ("https://shop.example:port", None),
        ("//shop.example", None),
        ("javascript:alert(1)", None),
        ("", None),
    ],
)
def test_an_origin_is_what_a_browser_takes_it_for(url: str, origin: str | None):
    assert origin_of(url) == origin
