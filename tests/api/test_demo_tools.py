"""After the demo came into agreement: what each tool holds, read back past Concord, and what changes arrive where."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from api.cli import main
from api.demo import business, configuration, salesforce, sheets
from api.demo.stage import Stage, staged
from api.engine import turn_crank
from api.settings import Settings
from tests.api.demo_reading import Tools, by_email, digits

pytestmark = pytest.mark.slow

HUBSPOT_STAGES = {
    ("default", "appointmentscheduled"): ("Supplies", "Prospecting", "Enquiry"),
    ("default", "qualifiedtobuy"): ("Supplies", "Qualification", "Sample sent"),
    ("default", "contractsent"): ("Supplies", "Proposal/Price Quote", "Quoted"),
    ("default", "closedwon"): ("Supplies", "Closed Won", "Won"),
    ("default", "closedlost"): ("Supplies", "Closed Lost", "Lost"),
    ("104871200", "184002411"): ("Equipment leases", "Site survey", "Site visit"),
    ("104871200", "184002412"): ("Equipment leases", "Lease offer", "Offer made"),
    ("104871200", "184002413"): ("Equipment leases", "Contract sent", "Contract out"),
    ("104871200", "184002414"): ("Equipment leases", "Lease signed", "Signed"),
    ("104871200", "184002415"): ("Equipment leases", "Lease declined", "Declined"),
}
"""HubSpot's pipeline and stage → the pipeline's name, Salesforce's stage, the spreadsheet's."""


class Play(NamedTuple):
    """A stage whose tools agree, and the way to look at them from outside."""

    stage: Stage
    tools: Tools

    def settle(self) -> None:
        """Let Concord work until nothing moves."""
        done = turn_crank(self.stage.installation, until_quiet=True)
        assert done.quiet
        assert not done.failed


@pytest.fixture(scope="module")
def play(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Play]:
    """One demo for all tests here; each leaves it in agreement."""
    with staged(Settings(data=tmp_path_factory.mktemp("demo"), database_url=None)) as stage:
        tools = Tools(stage.folder)
        play = Play(stage, tools)
        play.settle()
        yield play
        tools.close()


def test_everybody_is_in_every_tool_once_and_says_the_same_there(play: Play) -> None:
    marketing = by_email(
        play.tools.in_hubspot("contacts", "email", "firstname", "lastname", "phone", "jobtitle", "hubspot_owner_id"),
        "email",
    )
    fields = "FirstName, LastName, Email, Phone, Title, Owner.Email"
    sales = by_email(play.tools.people_in_salesforce(fields), "Email")
    cards = by_email([{**one, "email": one["EMAIL"][0]} for one in play.tools.cards()], "email")
    sheet = by_email(play.tools.sheet("contacts"), "Email")
    owners = play.tools.hubspot_owners()
    everybody = {one.email for one in business.people()}
    newlywed, _ = salesforce.newlywed()
    for known in (marketing, sales, cards, sheet):
        assert known.keys() == everybody
    for email in everybody:
        one, other, card, row = marketing[email], sales[email], cards[email], sheet[email]
        last, first, *_ = card["N"][0].split(";")
        assert {one["firstname"], other["FirstName"], first, row["First Name"].strip()} == {first}, email
        if email != newlywed.email:
            assert {one["lastname"], other["LastName"], last, row["Last Name"]} == {last}, email
        titles = {one["jobtitle"], other["Title"], card.get("TITLE", [None])[0], row["Job Title"] or None}
        assert len(titles) == 1, email
        phones = {digits(said) for said in (one["phone"], other["Phone"], card.get("TEL", [""])[0], row["Phone"])}
        assert len(phones) == 1, email
        assert other["Owner"]["Email"] == row["Owner"], email
        # Nobody in Salesforce is without an owner: whom nobody looks after is the integration's own, which is no
        # user of HubSpot.
        marketing_owner = owners.get(one["hubspot_owner_id"] or "", "integration@concord.example")
        assert marketing_owner == row["Owner"], email


def test_leads_are_leads_in_salesforce_and_contacts_in_hubspot(play: Play) -> None:
    stages = by_email(play.tools.in_hubspot("contacts", "email", "lifecyclestage"), "email")
    leads = {row["Email"] for row in play.tools.in_salesforce("SELECT Email FROM Lead")}
    assert {email for email, one in stages.items() if one["lifecyclestage"] == "lead"} == leads
    assert len(leads) > 30


def test_companies_are_known_by_one_name_and_the_people_work_for_them(play: Play) -> None:
    marketing = {one["id"]: one for one in play.tools.in_hubspot("companies", "name", "domain", "phone")}
    sales = {row["Id"]: row for row in play.tools.in_salesforce("SELECT Id, Name, Website, Phone FROM Account")}
    names = {one.name for one in business.companies()}
    assert {one["name"] for one in marketing.values()} == {row["Name"] for row in sales.values()} == names
    assert {row["Name"] for row in play.tools.sheet("companies")} == names
    assert len(marketing) == len(sales) == len(play.tools.sheet("companies")) == 60
    phones = {row["Name"]: digits(row["Phone"]) for row in sales.values()}
    assert {one["name"]: digits(one["phone"]) for one in marketing.values()} == phones
    work = {
        one["email"]: [marketing[id_]["name"] for id_ in one["linked"]]
        for one in play.tools.in_hubspot("contacts", "email", linked="companies")
    }
    rows = play.tools.in_salesforce("SELECT Email, AccountId FROM Contact WHERE AccountId != null")
    assert len(rows) > 100
    assert all(work[row["Email"]] == [sales[row["AccountId"]]["Name"]] for row in rows)


def test_deals_go_through_two_pipelines_that_are_mapped_onto_each_other(play: Play) -> None:
    names = ("dealname", "pipeline", "dealstage", "amount", "closedate")
    marketing = {one["dealname"]: one for one in play.tools.in_hubspot("deals", *names, linked="contacts")}
    query = "SELECT Id, Name, RecordType.Name, StageName, Amount, CloseDate FROM Opportunity"
    sales = {row["Name"]: row for row in play.tools.in_salesforce(query)}
    sheet = {row["Deal Name"]: row for row in play.tools.sheet("deals")}
    assert marketing.keys() == sales.keys() == sheet.keys() == {one.name for one in business.deals()}
    for name, one in marketing.items():
        row, line = sales[name], sheet[name]
        pipeline, theirs, ours = HUBSPOT_STAGES[one["pipeline"], one["dealstage"]]
        assert (row["RecordType"]["Name"], row["StageName"]) == (pipeline, theirs), name
        assert (line["Pipeline"], line["Stage"]) == (pipeline, ours), name
        assert float(one["amount"]) == row["Amount"] == float(line["Amount"]), name
        day = one["closedate"][:10]
        assert {day, row["CloseDate"], "-".join(reversed(line["Close Date"].split("/")))} == {day}, name
    assert {HUBSPOT_STAGES[one["pipeline"], one["dealstage"]] for one in marketing.values()} == {
        *HUBSPOT_STAGES.values()
    }


def test_activities_are_in_both_crms(play: Play) -> None:
    counts = {kind: len(play.tools.in_hubspot(kind)) for kind in ("tasks", "calls", "meetings", "notes", "emails")}
    assert sum(counts.values()) == 60
    tasks = play.tools.in_salesforce("SELECT TaskSubtype, WhoId, Status FROM Task")
    found = {kind: sum(row["TaskSubtype"] == kind for row in tasks) for kind in ("Task", "Call", "Email")}
    assert found == {"Call": counts["calls"], "Email": counts["emails"], "Task": counts["tasks"] + counts["notes"]}
    assert len(play.tools.in_salesforce("SELECT Id FROM Event")) == counts["meetings"]
    assert all(row["WhoId"] for row in tasks)


def test_opt_outs_in_either_crm_are_in_both(play: Play) -> None:
    """What a person said in one tool holds in the other, and nobody else is opted out."""
    marketing = {
        one["email"]
        for one in play.tools.in_hubspot("contacts", "email", "hs_email_optout")
        if one["hs_email_optout"] == "true"
    }
    sales = {row["Email"] for row in play.tools.people_in_salesforce("Email, HasOptedOutOfEmail")
             if row["HasOptedOutOfEmail"]}  # fmt: skip
    people = business.people()
    said = {people[number].email for number in range(140) if number % 23 == 7}
    said |= {people[number].email for number in salesforce.KNOWN if number % 29 == 9}
    assert marketing == sales == said


def test_a_change_in_any_tool_arrives_in_all_others(play: Play) -> None:
    """Four people get a title: each in another tool, in that tool's own way."""
    tools = play.tools
    ids = {one["email"]: one["id"] for one in tools.in_hubspot("contacts", "email")}
    rows = by_email(tools.in_salesforce("SELECT Id, Email FROM Contact"), "Email")
    wanted = {business.people()[number].email: f"Head of {what}"
              for number, what in ((90, "Cakes"), (92, "Rolls"), (94, "Pies"), (98, "Tarts"))}  # fmt: skip
    by_hubspot, by_salesforce, by_card, by_sheet = wanted
    change = {"properties": {"jobtitle": wanted[by_hubspot]}}
    tools.hubspot.patch(f"/crm/objects/2026-03/contacts/{ids[by_hubspot]}", json=change).raise_for_status()
    path = f"/services/data/v67.0/sobjects/Contact/{rows[by_salesforce]['Id']}"
    tools.salesforce.patch(path, json={"Title": wanted[by_salesforce]}).raise_for_status()
    card = tools.book.get("/alice/contacts/office-094.vcf").raise_for_status()
    lines = [line for line in card.text.splitlines() if not line.startswith("TITLE")]
    text = "\r\n".join([*lines[:-1], f"TITLE:{wanted[by_card]}", lines[-1], ""])
    tools.book.put("/alice/contacts/office-094.vcf", content=text.encode()).raise_for_status()
    sheet = play.stage.files / "contacts.csv"
    before = sheet.read_text(encoding="utf-8")
    (old,) = (row["Job Title"] for row in tools.sheet("contacts") if row["Email"].lower() == by_sheet)
    at = before.lower().index(by_sheet)
    place = before.index(f",{old},", at)
    sheet.write_bytes(f"{before[:place]},{wanted[by_sheet]},{before[place + len(old) + 2 :]}".encode())

    play.settle()

    in_hubspot = by_email(tools.in_hubspot("contacts", "email", "jobtitle"), "email")
    in_salesforce = by_email(tools.in_salesforce("SELECT Email, Title FROM Contact"), "Email")
    in_cards = by_email([{**one, "email": one["EMAIL"][0]} for one in tools.cards()], "email")
    in_sheet = by_email(tools.sheet("contacts"), "Email")
    for email, title in wanted.items():
        assert in_hubspot[email]["jobtitle"] == title
        assert in_salesforce[email]["Title"] == title
        assert in_cards[email]["TITLE"] == [title]
        assert in_sheet[email]["Job Title"] == title


def test_a_system_of_record_has_the_last_word(play: Play) -> None:
    """Whose customer a company is, Salesforce says; another owner in HubSpot is put back."""
    assert configuration.RULES.count("system_of_record: salesforce") == 1
    known_to_both = business.companies()[30].name
    (first,) = (
        one for one in play.tools.in_hubspot("companies", "name", "hubspot_owner_id") if one["name"] == known_to_both
    )
    other = next(id_ for id_ in play.tools.hubspot_owners() if id_ != first["hubspot_owner_id"])
    answer = play.tools.hubspot.patch(
        f"/crm/v3/objects/companies/{first['id']}", json={"properties": {"hubspot_owner_id": other}}
    )
    assert answer.json()["properties"]["hubspot_owner_id"] == other
    play.settle()
    now = {one["id"]: one for one in play.tools.in_hubspot("companies", "name", "hubspot_owner_id")}
    assert now[first["id"]]["hubspot_owner_id"] == first["hubspot_owner_id"]


def test_the_answer_to_the_one_question_reaches_every_tool(
    play: Play, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    newlywed, name = salesforce.newlywed()
    assert last_names(play, newlywed.email) == {newlywed.last, name}
    monkeypatch.setenv("CONCORD_DATA", str(play.stage.folder))
    main_runs("reviews")
    told = capsys.readouterr().out
    assert told.count("last_name") == 1
    (number,) = (line.split()[0] for line in told.splitlines() if "last_name" in line)
    main_runs("answer", number, "value", name)
    play.settle()
    assert last_names(play, newlywed.email) == {name}
    capsys.readouterr()
    main_runs("reviews")
    assert "No question waits" in capsys.readouterr().out


def main_runs(*words: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert not ended.value.code


def last_names(play: Play, email: str) -> set[str]:
    """What somebody is called, over all four tools."""
    tools = play.tools
    return {
        by_email(tools.in_hubspot("contacts", "email", "lastname"), "email")[email]["lastname"],
        by_email(tools.people_in_salesforce("Email, LastName"), "Email")[email]["LastName"],
        by_email(tools.sheet("contacts"), "Email")[email]["Last Name"],
        *(one["N"][0].split(";")[0] for one in tools.cards() if one["EMAIL"][0].lower() == email),
    }


def test_the_days_calls_last_for_a_day_of_looking(play: Play) -> None:
    streams = len(play.stage.installation.hub().connection("salesforce").streams)
    assert streams * 24 * 60 * 60 / 2 < (play.stage.salesforce.daily or 0) / 2


def test_an_odd_call_breaks_nothing(play: Play) -> None:
    for client in (play.tools.hubspot, play.tools.salesforce):
        for path in ("/", "/crm/v3/objects/contacts/%00", "/services/data/v67.0/query?q=SELECT"):
            assert 400 <= client.get(path).status_code < 600
    play.settle()


def test_what_was_put_in_force_is_what_the_files_say(play: Play) -> None:
    """The files can be changed and applied again: nothing differs before they are."""
    from api.changes import changes
    from api.config import read_config

    config = read_config(play.stage.folder / "concord.yaml", play.tools.environment)
    assert not changes(play.stage.installation, config).any
    assert sheets.PIPELINES[1] in (play.stage.folder / "hubspot.yaml").read_text(encoding="utf-8")
    types = salesforce.pipelines(play.stage.salesforce)
    assert all(id_ in (play.stage.folder / "salesforce.yaml").read_text(encoding="utf-8") for id_ in types)
