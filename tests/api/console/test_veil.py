"""What a viewer reads of a sentence, and which fields tell of a person."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from api.console.people import Role
from api.console.veil import sentence_for
from api.masking import is_personal
from core.errors import Acts, who_acts
from core.model.shapes import SHAPES


def visitor(role: str) -> Any:
    return SimpleNamespace(may=lambda asked: Role(role).may(Role(asked)))


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("ann@shore.example is taken", "a•••@s••• is taken"),
        ("call +44 7700 900123 back", "call +••• back"),
        ("since 2026-11-21T09:00:28.445000Z", "since 2026-11-21T09:00:28.445000Z"),
        ("tel:+447700900123", "tel:+•••"),
        ("run 4711 of crm", "run 4711 of crm"),
    ],
)
def test_addresses_and_numbers_in_a_sentence_are_masked_for_viewers(said: str, read: str):
    assert sentence_for(visitor("viewer"), said) == read
    assert sentence_for(visitor("operator"), said) == said


def test_what_tells_of_a_person_is_declared_a_way_to_reach_them_or_what_they_are_called():
    contact, deal = SHAPES["contact"], SHAPES["deal"]
    assert is_personal(contact, "birthday")
    assert is_personal(deal, "name")
    assert not is_personal(deal, "stage")
    assert is_personal(contact, "a field that is gone")
    assert is_personal(None, "stage")


def test_who_acts_is_known_by_the_code_or_by_what_it_is_a_case_of():
    assert who_acts("refused") is Acts.ADMIN
    assert who_acts("throttled.day") is Acts.NOBODY
    assert who_acts("hubspot.unsubscribed") is None
