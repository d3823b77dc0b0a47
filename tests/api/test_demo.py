"""The demo's business is made up, the same each time; its four tools come into agreement and then write nothing."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from api.demo import business, cards, hubspot, salesforce, sheets, stage
from api.demo.calendar import Calendar
from api.demo.lists import CITIES, OTHER_SPELLINGS
from connectors._kit.clock import VirtualTime
from connectors.hubspot.sandbox import Sandbox as HubSpot
from connectors.salesforce.sandbox import Sandbox as Salesforce
from core.errors import ConfigError
from tests.api.conftest import Concord
from tests.api.demo_reading import digits


def every_number() -> set[str]:
    people = [number for one in business.people() for number in (*map(one.phone, range(5)), one.mobile)]
    return {digits(number) for number in [*people, *(one.phone(one.number) for one in business.companies())]}


def test_the_business_is_the_same_each_time_and_of_seed_size() -> None:
    sizes = [len(all_of()) for all_of in (business.people, business.companies, business.deals, business.activities)]
    assert sizes == [200, 60, 120, 60]
    assert business.sheets() == business.sheets()
    code = "from api.demo import business; print(hash(str((business.people(), business.deals(), business.cards()))))"
    runs = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                       env={"PYTHONHASHSEED": "7", "PYTHONPATH": str(Path(__file__).parents[2])}).stdout
        for _ in range(2)
    }  # fmt: skip
    assert len(runs) == 1


def test_nobody_is_there_twice() -> None:
    assert len({one.email for one in business.people()}) == 200
    assert len({one.domain for one in business.companies()}) == 60
    assert len({one.name for one in business.deals()}) == 120
    assert len(every_number()) == 200 * 2 + 60


def test_numbers_and_addresses_are_nobodys() -> None:
    """Numbers are of Ofcom's ranges for drama, as they are published: 0…496 0xxx, 020 7946 0xxx, 07700 900xxx."""
    codes = "|".join(code[1:] for _, code, exchange in CITIES if exchange == "496")
    assert len({code for _, code, _ in CITIES}) == len(CITIES)
    for number in every_number():
        assert re.fullmatch(rf"44(({codes})4960\d{{3}}|2079460\d{{3}}|7700900\d{{3}})", number), number
    for person in business.people():
        assert person.email.endswith(".example")


def test_the_tools_overlap_and_none_knows_everybody() -> None:
    known = [set(one.KNOWN) for one in (hubspot, salesforce, sheets, cards)]
    assert set.union(*known) == set(range(200))
    assert all(one < set(range(200)) for one in known)
    assert stage._SOMEBODY in set.intersection(*known)
    assert salesforce.NEWLYWED in set.intersection(*known)
    for one in known:
        assert one - set.union(*(other for other in known if other is not one)), "somebody only this tool knows"


def test_the_tools_disagree_in_the_ways_that_real_ones_do() -> None:
    calendar = Calendar(VirtualTime())
    with HubSpot(clock=calendar) as marketing, Salesforce(clock=calendar) as sales:
        ours, theirs = hubspot.furnish(marketing, calendar), salesforce.furnish(sales, calendar)
        contacts = {number: sales.show("Contact", id_) for number, id_ in theirs.items()}
        both = {number: (marketing.show("contacts", ours[number]) or {}, contacts[number])
                for number in ours.keys() & theirs.keys()}  # fmt: skip
        pairs = [(one, other) for one, other in both.values() if other]
        assert [one for one, other in pairs if one["jobtitle"] != other["Title"]], "older titles"
        assert [one for one, other in pairs if one["firstname"] in OTHER_SPELLINGS], "two spellings"
        assert [one for one, other in pairs if one["lastname"] != other["LastName"]] == [
            both[salesforce.NEWLYWED][0]
        ], "one question for a person"
        assert [one for one, other in both.values() if not other], "contacts here that are leads there"
        dirty = {re.sub(r"\d", "9", str(one.get("phone"))) for one, _ in pairs}
        assert len(dirty) >= 5, "numbers in every spelling"
        assert {"hs_email_optout"} & {name for one, _ in pairs for name in one}
        names = {(sales.show("Account", id_) or {})["Name"] for id_ in sales.ids("Account")}
        assert names - {one.name for one in business.companies()}, "a typing error"
        deals = [marketing.show("deals", id_) or {} for id_ in marketing.ids("deals")]
        assert {one["pipeline"] for one in deals} == {"default", hubspot.LEASES}
        assert [one for one in deals if one["associations"]["company"] is None], "deals without a company"
        assert {one["lastmodifieddate"][:7] for one, _ in pairs} >= {"2026-10", "2026-04"}, "a past"


def test_every_deal_and_activity_begins_in_one_tool() -> None:
    calendar = Calendar(VirtualTime())
    with HubSpot(clock=calendar) as marketing, Salesforce(clock=calendar) as sales:
        hubspot.furnish(marketing, calendar)
        salesforce.furnish(sales, calendar)
        on_paper = business.sheets()["deals.csv"].count("\n") - 1
        assert marketing.count("deals") + sales.count("Opportunity") + on_paper == 120
        assert min(marketing.count("deals"), sales.count("Opportunity"), on_paper) > 10
        logged = sum(marketing.count(kind) for kind in ("tasks", "calls", "meetings", "notes", "emails"))
        assert logged + sales.count("Task") + sales.count("Event") == 60
        assert sales.count("Task") >= 5


def test_a_folder_of_somebody_elses_is_never_emptied(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigError, match="not made by the demo"):
        stage._emptied(tmp_path)
    assert (tmp_path / "precious.txt").read_text(encoding="utf-8") == "mine"


def test_the_demos_own_folder_is_emptied_and_stays(tmp_path: Path) -> None:
    """It may be a volume, which cannot be removed; and what a link in it leads to is not the demo's."""
    folder, elsewhere = tmp_path / "demo", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious.txt").write_text("mine", encoding="utf-8")
    stage._emptied(folder)
    before = folder.stat().st_ino
    (folder / "files").mkdir()
    (folder / "files" / "contacts.csv").write_text("old", encoding="utf-8")
    (folder / "link").symlink_to(elsewhere, target_is_directory=True)
    stage._emptied(folder)
    assert [one.name for one in folder.iterdir()] == [stage._MARK]
    assert folder.stat().st_ino == before
    assert (elsewhere / "precious.txt").exists()


def test_a_long_demo_does_not_remember_every_call() -> None:
    journal = stage.Journal()
    for _ in range(2_500):
        journal.append(None)  # type: ignore[arg-type]  # what is in it does not matter here
    assert journal.calls == 2_500
    assert len(journal) == 1_000


@pytest.mark.slow
def test_once_reaches_agreement_and_then_writes_nothing(concord: Concord, data: Path) -> None:
    ran = concord("demo", "--once", "--json")
    assert ran.code == 0, ran.err
    told = ran.json
    assert told["agreement"] == 1.0
    assert told["reviews"] == 1
    assert 1 <= told["undecided"] <= 4
    assert {name: told["by_kind"][name] for name in ("company", "contact", "deal", "activity")} == {
        "company": 60, "contact": 200, "deal": 120, "activity": 60,
    }  # fmt: skip
    assert told["records"] == sum(told["by_kind"].values())
    assert told["writes"] > 500
    assert told["writes_after_quiet"] == 0
    assert told["problems"] == told["dead_letters"] == 0
    assert told["tools"].keys() == {"hubspot", "salesforce", "address-book", "spreadsheets"}
    assert told["api_calls"] == sum(one["api_calls"] for one in told["tools"].values())
    assert all(one["api_calls"] > 50 for name, one in told["tools"].items() if name != "spreadsheets")
    assert told["seconds"] < 60
    # Lines that no other tool knows are still in every card.
    book = data / "radicale" / "data" / "collection-root" / "alice" / "contacts"
    seeded = [card.read_text(encoding="utf-8") for card in book.glob("office-*.vcf")]
    assert len([card for card in seeded if "X-BLUEBIRD-SHELF" in card]) == len(seeded) == len(cards.KNOWN)
    # What was asked and left open can be looked at afterwards, though the tools are gone.
    asked = concord("reviews", "--json").json
    said = sorted({f"from:{one['source']}" for one in asked[0]["contenders"]})
    assert [(one["what"], one["answers"]) for one in asked] == [("ask", ["value", "newest", "earliest", *said])]
    title = concord("why", "contact", business.people()[stage._SOMEBODY].email, "job_title")
    assert "Baker" in title.out
    assert "rule latest" in title.out
