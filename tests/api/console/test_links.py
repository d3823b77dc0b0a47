"""Links into the tools: on the page of a record, in why, the log, a review and a dead letter; safe ones alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from api.building import ConnectionSpec
from core.errors import ConfigError
from tests.api.console.conftest import Browser
from tests.console.shop import filled
from tests.support import EVERYTHING, Lab

PAGE = "https://crm.example/{stream}/{id}"


def with_pages(lab: Lab, page: str = PAGE) -> None:
    for name in ("crm", "news"):
        world, streams = {"world": lab.tools[name].name}, {"contacts": {"page": page}}
        lab.installation.put_connection(ConnectionSpec(name, "memory", world, EVERYTHING, f"{name}.yaml", streams))
    lab.refreshed()


def link(lab: Lab, remote_id: str, tool: str = "Memory") -> str:
    return (
        f'<a class="into" href="https://crm.example/contacts/{remote_id}" target="_blank" '
        f'rel="noopener noreferrer">open in {tool}</a>'
    )


@pytest.fixture
def shop(lab: Lab) -> Lab:
    filled(lab)
    with_pages(lab)
    return lab


def test_a_record_leads_to_where_it_is_held(shop: Lab, admin: Browser):
    record = shop.record(email="ann0@shore.example")
    text = admin.open(f"records/contact/{record.id}").text
    for name in ("crm", "news"):
        assert link(shop, shop.find(name, email="ann0@shore.example")) in text
    why = text[text.index('id="why-phone"') :].partition("</details>")[0]
    assert "open in Memory" in why
    timeline = text[text.index('id="timeline"') :]
    assert "open in Memory" in timeline


def test_the_log_a_review_and_a_letter_lead_there_too(shop: Lab, admin: Browser):
    assert "open in Memory" in admin.open("log").text
    assert "open in Memory" in admin.open("reviews/1").text
    # Zed was refused by news, and so is held by crm alone.
    letters = admin.open("letters/1").text
    assert "Tick Zed" in letters
    assert "open in Memory" not in letters


def test_where_nothing_is_said_there_is_no_link(lab: Lab, admin: Browser):
    filled(lab)
    assert "open in" not in admin.open("records/contact/2").text


def test_a_page_that_leads_elsewhere_is_not_taken(shop: Lab):
    with pytest.raises(ConfigError, match="cannot be used"):
        with_pages(shop, "javascript:alert('{id}')")


def test_ids_that_are_addresses_are_not_shown_to_viewers(shop: Lab, someone: Callable[[str], Browser]):
    viewer = someone("viewer").open("records/contact/2").text
    assert "open in Memory" in viewer
    assert "@shore" not in viewer
