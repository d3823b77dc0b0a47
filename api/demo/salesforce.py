"""What Salesforce knows of the business: accounts and contacts of the sales people, older titles, and leads."""

from __future__ import annotations

from typing import Any

from api.demo.calendar import Calendar
from api.demo.facts import Activity, Company, Deal, Person, activities, companies, deals, owners, people
from api.demo.hubspot import is_here as is_in_hubspot
from api.demo.hubspot import is_logged as is_logged_in_hubspot
from api.demo.lists import EARLIER_TITLES, NOTES, OTHER_SPELLINGS, TITLES
from api.demo.sheets import DEALS as ON_PAPER
from connectors.salesforce.sandbox import Sandbox

NAME = "salesforce"
KNOWN = range(70, 180)
"""The people in it, by number; those who have bought nothing yet are leads."""
COMPANIES = range(20, 55)
NEWLYWED = 97
"""Somebody whose name was changed here and nowhere else, which only a person can judge."""

STAGES = (
    ("Prospecting", "Qualification", "Proposal/Price Quote", "Closed Won", "Closed Lost"),
    ("Site survey", "Lease offer", "Contract sent", "Lease signed", "Lease declined"),
)
"""The stages of both pipelines, in the order of `sheets.STAGES`. An org has one list of them for all its pipelines."""
LEAD_STATES = {
    "Open - Not Contacted": "new", "Working - Contacted": "in progress", "Closed - Not Converted": "unqualified",
}  # fmt: skip
"""The states of a lead, in the words that HubSpot's mapping has for them."""
_LEASE_STAGES = ((20, False, False), (50, False, False), (80, False, False), (100, True, True), (0, True, False))
_MISSPELT = {24: "Poppysead Corner", 33: "Willow Tree Cafe Ltd"}


def furnish(box: Sandbox, calendar: Calendar) -> dict[int, str]:
    """Fill the org as sales people did over the last year; gives person → id of the contact or lead."""
    return _Furnishing(box, calendar).all()


def pipelines(box: Sandbox) -> tuple[str, ...]:
    """The ids of the record types of both pipelines, in the order of `sheets.PIPELINES`."""
    return tuple(box.ids("RecordType"))


def newlywed() -> tuple[Person, str]:
    """Who has another family name in Salesforce than anywhere else, and which."""
    return people()[NEWLYWED], f"{people()[NEWLYWED].last}-Marlow"


class _Furnishing:
    """One org while it is being filled."""

    def __init__(self, box: Sandbox, calendar: Calendar) -> None:
        self.box, self.calendar = box, calendar
        self.owners: dict[str, str] = {}
        self.companies: dict[int, str] = {}
        self.people: dict[int, str] = {}

    def all(self) -> dict[int, str]:
        self.calendar.go_back(500)
        self._pipelines()
        for owner in owners():
            self.owners[owner.email] = self.box.add_user(owner.name, owner.email, active=owner.active)
        for number in COMPANIES:
            self.calendar.go_back(350 - number)
            self.companies[number] = self._company(companies()[number])
        for number in KNOWN:
            # Every fourth was touched just now: there this tool's word is the newest.
            self.calendar.go_back(1 if number % 4 == 0 else 120 + number / 10)
            self.people[number] = self._person(people()[number])
        for deal in deals():
            if is_here(deal):
                self.calendar.go_back(60 - deal.number / 3)
                self._deal(deal)
        for one in activities():
            if not is_logged_in_hubspot(one):
                self.calendar.go_back(30 - one.number / 3)
                self._activity(one)
        self.calendar.today()
        return self.people

    def _pipelines(self) -> None:
        for id_, name in zip(pipelines(self.box), ("Supplies", "Equipment leases"), strict=True):
            self.box.edit("RecordType", id_, {"Name": name, "DeveloperName": name.replace(" ", "_")})
        for place, (name, (chance, closed, won)) in enumerate(zip(STAGES[1], _LEASE_STAGES, strict=True), 10):
            forecast = "Closed" if won else "Omitted" if closed else "Pipeline"
            self.box.create("OpportunityStage", {
                "MasterLabel": name, "ApiName": name, "SortOrder": place, "DefaultProbability": chance,
                "IsClosed": closed, "IsWon": won, "ForecastCategory": forecast, "ForecastCategoryName": forecast,
            })  # fmt: skip

    def _company(self, one: Company) -> str:
        return self.box.create("Account", {
            "Name": _MISSPELT.get(one.number, one.name),
            "Website": f"http://www.{one.domain}/",
            "Phone": one.phone(one.number + 3),
            "BillingCity": one.city,
            "BillingCountry": "United Kingdom",
            "OwnerId": self.owners[one.owner.email],
        })  # fmt: skip

    def _person(self, one: Person) -> str:
        number, work = one.number, one.company
        fields: dict[str, Any] = {
            "FirstName": OTHER_SPELLINGS.get(one.first, one.first),
            "LastName": newlywed()[1] if number == NEWLYWED else one.last,
            "Email": one.email,
            "Phone": None if number % 8 == 5 else one.phone(number + 1),
            "MobilePhone": one.mobile if number % 10 == 6 else None,
            "Title": EARLIER_TITLES[TITLES.index(one.title)] if number % 3 == 0 else one.title,
            "OwnerId": self.owners[one.owner.email],
            "HasOptedOutOfEmail": number % 29 == 9,
            "Description": NOTES[number % len(NOTES)] if number % 7 == 2 else None,
        }
        if one.stage == "lead":
            company = work.name if work else f"{one.last} (private)"
            return self.box.create("Lead", {**fields, "Company": company, "Status": "Working - Contacted"})
        account = self.companies.get(work.number) if work else None
        return self.box.create("Contact", {**fields, "AccountId": account})

    def _deal(self, one: Deal) -> str:
        work = one.buyer.company
        made = self.box.create("Opportunity", {
            "Name": one.name,
            "AccountId": self.companies.get(work.number) if work and one.number % 10 != 7 else None,
            "RecordTypeId": pipelines(self.box)[one.lease],
            "StageName": STAGES[one.lease][one.step],
            "Amount": float(one.amount),
            "CloseDate": one.close_date,
            "OwnerId": self.owners[one.buyer.owner.email],
        })  # fmt: skip
        if one.buyer.number in self.people:
            self.box.relate(made, self.people[one.buyer.number])
        return made

    def _activity(self, one: Activity) -> str:
        shared = {
            "Subject": one.subject,
            "Description": one.body,
            "WhoId": self.people[one.about.number],
            "OwnerId": self.owners[one.about.owner.email],
        }
        if one.kind == "meeting":
            start, end = f"{one.day}T10:00:00.000+0000", f"{one.day}T11:00:00.000+0000"
            return self.box.create("Event", {**shared, "StartDateTime": start, "EndDateTime": end})
        return self.box.create("Task", {
            **shared,
            "ActivityDate": one.day,
            "Status": "Completed" if one.done or one.kind != "task" else "Not Started",
            "TaskSubtype": one.kind.capitalize(),
        })  # fmt: skip


def is_here(deal: Deal) -> bool:
    """Whether a deal was begun in Salesforce: all that were begun nowhere else."""
    return deal.number not in ON_PAPER and not is_in_hubspot(deal)
