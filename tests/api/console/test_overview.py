"""The overview: agreement with its trend, what needs a person, and where its numbers lead."""

from __future__ import annotations

import re

import pytest

from api.engine import turn_crank
from core.model.instant import DAY, SECOND
from tests.api.console.conftest import Browser
from tests.console.shop import filled
from tests.support import Lab


@pytest.fixture
def shop(lab: Lab) -> Lab:
    filled(lab)
    return lab


def test_agreement_is_drawn_over_the_days(shop: Lab, admin: Browser):
    assert 'class="spark"' not in admin.open("").text
    for number in range(3):
        shop.tools["crm"].edit("contacts", next(iter(shop.tools["crm"].all("contacts"))), {"asked": f"Quote {number}"})
        turn_crank(shop.installation, until_quiet=True)
        shop.clock.sleep(DAY / SECOND)
    admin.sign_in()
    page = admin.open("").text
    said = re.search(r'aria-label="Agreement of crm from ([\d.]+) % on 2026-11-21 to ([\d.]+) % on 2026-11-23"', page)
    assert said, page[-2000:]
    assert 50 < float(said[1]) <= 100
    assert page.count('class="spark"') == 2


def test_what_needs_a_person_comes_with_who_acts(shop: Lab, admin: Browser):
    page = admin.read("")
    assert "1 review: ask" in page
    assert "1 refused by the tool" in page
    assert 'href="/console/letters"' in admin.open("").text


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("", "Overview"), ("records", "Records"), ("connections/new", "Connections"), ("trial", "Connections"),
        ("problems", "Connections"), ("reviews", "Reviews"),
    ],
    ids=["home", "records", "catalogue", "trial", "problems", "reviews"],
)  # fmt: skip
def test_the_navigation_shows_where_one_is(shop: Lab, admin: Browser, path: str, title: str):
    (shown,) = re.findall(r'aria-current="page">([^<]+)</a></li>', admin.open(path).text)
    assert shown == title
