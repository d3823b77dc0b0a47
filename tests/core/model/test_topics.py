"""A topic's fields are fields like the channels': settled by the strictest word, mapped, and printed."""

from __future__ import annotations

import jsonschema
import pytest

from core.decide.fold import fold
from core.decide.rules import Rules, load_rules
from core.decide.topics import load_topics
from core.errors import ConfigError
from core.mapping import load, schema, translator
from core.model.reference import reference_page
from core.model.shapes import SHAPES, Topic, shapes_with
from tests.core.decide.voices import voice

TOPICS = load_topics("news: Our letter.\noffers: {doc: Reduced prices, channels: [email, sms, email]}", file="t.yaml")
SHAPES_TOO = shapes_with({}, TOPICS)
CONTACT = SHAPES_TOO["contact"]


def test_they_are_read_in_their_order_with_their_channels() -> None:
    assert TOPICS[1] == Topic("offers", "Reduced prices", ("email", "sms"))
    assert [name for name in CONTACT.consents if name.startswith("consent.email.")] == [
        "consent.email.news", "consent.email.offers",
    ]  # fmt: skip
    assert "consent.phone.offers" not in CONTACT.fields
    assert load_topics(" ", file="t.yaml") == ()
    assert not any(name.endswith(".news") for name in SHAPES["contact"].consents)


def test_they_are_consent_like_any_other() -> None:
    field = CONTACT.fields["consent.email.news"]
    assert (field.rule, field.personal, field.type) == ("strictest", True, "choice")
    assert field.doc == "Whether the person may be sent email about: Our letter."
    rules = Rules.default(SHAPES_TOO)
    said = [voice("a", 9, consent__email__news="granted"), voice("b", 2, consent__email__news="denied")]
    assert fold(CONTACT, rules, said).values == {"consent.email.news": "denied"}
    with pytest.raises(ConfigError, match="always settled by `strictest`"):
        load_rules("contact: {consent.email.news: latest}", file="rules.yaml", shapes=SHAPES_TOO)


def test_they_are_mapped_both_ways_and_known_to_editors() -> None:
    text = "people:\n  as: contact\n  fields:\n    email: {field: mail}\n    consent.sms.news: {field: news}\n"
    mapping = load(text, file="m.yaml")
    ready = translator(mapping.streams["people"], shapes=SHAPES_TOO, vocabularies={})
    assert ready.read([{"mail": "a@b.example", "news": "denied"}])[0].values["consent.sms.news"] == "denied"
    assert ready.write({"consent.sms.news": "granted"}).fields["news"] == "granted"
    jsonschema.validate(
        {"people": {"as": "contact", "fields": {"consent.sms.news": {"field": "news"}}}}, schema(SHAPES_TOO)
    )
    assert "`consent.sms.news`" in reference_page(SHAPES_TOO)
