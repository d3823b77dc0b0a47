"""The demo: three tools on real servers come into agreement, write nothing after, and leave nothing running."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.demo import business, stage
from core.errors import ConfigError
from tests.api.conftest import Concord

pytestmark = pytest.mark.slow


def test_the_business_is_the_same_each_time_and_its_people_are_different():
    assert business.sheets() == business.sheets()
    people = business.people()
    assert len({one.email for one in people}) == len(people)
    assert len({one.line for one in people}) == len(people)


def test_the_tools_overlap_and_none_knows_everybody():
    office, mobile = business.office_cards(), business.mobile_cards()
    everyone = {one.email for one in business.people()}
    known = [
        {one for one in everyone if one in text.lower()}
        for text in (business.sheets()["contacts.csv"], "".join(office.values()), "".join(mobile.values()))
    ]
    assert set.union(*known) == everyone
    assert set.intersection(*known)
    assert all(one < everyone for one in known)
    assert business.somebody_everywhere().email in set.intersection(*known)


def test_numbers_and_addresses_are_nobodys():
    for person in business.people():
        assert person.email.endswith(".example")
        assert 100 <= person.line <= 999


def test_a_folder_of_somebody_elses_is_never_emptied(tmp_path: Path):
    (tmp_path / "precious.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigError, match="not made by the demo"):
        stage._emptied(tmp_path)
    assert (tmp_path / "precious.txt").read_text(encoding="utf-8") == "mine"


@pytest.mark.slow
def test_once_reaches_agreement_and_then_writes_nothing(concord: Concord, data: Path):
    ran = concord("demo", "--once", "--json")
    assert ran.code == 0, ran.err
    told = ran.json
    assert told["agreement"] == 1.0
    assert told["records"] == 120
    assert told["writes"] > 100
    assert told["writes_after_quiet"] == 0
    assert told["problems"] == told["dead_letters"] == 0
    assert {one["records"] for name, one in told["tools"].items() if name != business.CUSTOMERS} == {76}
    assert told["seconds"] < 60
    # Lines that no other tool knows are still in every card.
    book = data / "radicale" / "data" / "collection-root" / "alice" / "contacts"
    cards = list(book.glob("office-*.vcf"))
    assert len([card for card in cards if "X-BLUEBIRD-SHELF" in card.read_text(encoding="utf-8")]) == len(cards) > 0
    typo = (data / "files" / "contacts.csv").read_text(encoding="utf-8")
    assert "Oak & Ryee" in business.sheets()["contacts.csv"]
    assert typo.count("\n") == 77
