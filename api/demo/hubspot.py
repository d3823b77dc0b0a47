"""What HubSpot knows of the business: whom marketing wrote to, with their present titles, and two pipelines."""

from __future__ import annotations

from typing import Any

from api.demo.calendar import Calendar
from api.demo.facts import Activity, Company, Deal, Person, activities, companies, deals, owners, people
from api.demo.sheets import DEALS as ON_PAPER
from connectors.hubspot.sandbox import Sandbox

NAME = "hubspot"
KNOWN = range(140)
"""The people in it, by number."""
COMPANIES = range(40)

LEASES = "104871200"
STAGES = (
    # Whoever renames a stage in HubSpot keeps its id, so the first pipeline still has those it was delivered with.
    ("appointmentscheduled", "qualifiedtobuy", "contractsent", "closedwon", "closedlost"),
    ("184002411", "184002412", "184002413", "184002414", "184002415"),
)
"""The ids of the stages of both pipelines, in the order of `sheets.STAGES`."""
_LEASE_STAGES = (
    (STAGES[1][0], "Site visit", False, 0.2),
    (STAGES[1][1], "Offer made", False, 0.5),
    (STAGES[1][2], "Contract out", False, 0.8),
    (STAGES[1][3], "Signed", True, 1.0),
    (STAGES[1][4], "Declined", True, 0.0),
)
_KINDS = {"task": "tasks", "call": "calls", "meeting": "meetings", "note": "notes", "email": "emails"}


def furnish(box: Sandbox, calendar: Calendar) -> dict[int, str]:
    """Fill the account as people and forms did over the last months; gives person → id."""
    return _Furnishing(box, calendar).all()


class _Furnishing:
    """One account while it is being filled."""

    def __init__(self, box: Sandbox, calendar: Calendar) -> None:
        self.box, self.calendar = box, calendar
        self.owners: dict[str, str] = {}
        self.companies: dict[int, str] = {}
        self.people: dict[int, str] = {}
        self.deals: dict[int, str] = {}

    def all(self) -> dict[int, str]:
        self.calendar.go_back(400)
        self.box.add_pipeline("deals", LEASES, "Equipment leases", _LEASE_STAGES)
        for owner in owners():
            first, last = owner.name.split()
            self.owners[owner.email] = self.box.add_owner(owner.email, first, last)
            if not owner.active:
                self.box.archive_owner(self.owners[owner.email])
        for number in COMPANIES:
            self.calendar.go_back(300 - number)
            self.companies[number] = self._company(companies()[number])
        for number in KNOWN:
            # Every fourth was touched long ago: there another tool's word is newer.
            self.calendar.go_back(200 + number / 10 if number % 4 == 0 else 2 + number / 10)
            self.people[number] = self._person(people()[number])
        for deal in deals():
            if is_here(deal):
                self.calendar.go_back(60 - deal.number / 3)
                self.deals[deal.number] = self._deal(deal)
        for one in activities():
            if is_logged(one):
                self.calendar.go_back(30 - one.number / 3)
                self._activity(one)
        self.calendar.today()
        return self.people

    def _company(self, one: Company) -> str:
        return self.box.create("companies", {
            "name": one.name,
            "domain": one.domain.upper() if one.number % 11 == 3 else one.domain,
            "website": f"https://www.{one.domain}",
            "phone": one.phone(one.number + 1) if one.number % 6 else "",
            "city": one.city,
            "country": "United Kingdom",
            "hubspot_owner_id": self.owners[one.owner.email],
            "lifecyclestage": "customer",
        })  # fmt: skip

    def _person(self, one: Person) -> str:
        number, work = one.number, one.company
        properties: dict[str, Any] = {
            "email": one.email,
            "firstname": one.first,
            "lastname": one.last,
            "phone": "" if number % 9 == 4 else one.phone(number),
            "mobilephone": one.mobile if number % 10 == 6 else "",
            "jobtitle": one.title,
            "company": work.name if work else "",
            "lifecyclestage": one.stage,
            "hubspot_owner_id": self.owners[one.owner.email],
        }
        made = self.box.create("contacts", properties, {"companies": self._work(work)})
        if number % 23 == 7:
            self.box.opt_out(one.email)
        return made

    def _deal(self, one: Deal) -> str:
        links = {
            "contacts": [self.people[one.buyer.number]] if one.buyer.number in self.people else [],
            "companies": self._work(one.buyer.company),
        }
        if one.number % 10 == 7:
            # Somebody forgot to say whose deal it is.
            links.pop("companies")
        return self.box.create("deals", {
            "dealname": one.name,
            "pipeline": LEASES if one.lease else "default",
            "dealstage": STAGES[one.lease][one.step],
            "amount": one.amount,
            "deal_currency_code": "GBP",
            "closedate": f"{one.close_date}T00:00:00Z",
            "hubspot_owner_id": self.owners[one.buyer.owner.email],
        }, links)  # fmt: skip

    def _work(self, one: Company | None) -> list[str]:
        """The company, where HubSpot knows it."""
        return [self.companies[one.number]] if one and one.number in self.companies else []

    def _activity(self, one: Activity) -> str:
        links = {"contacts": [self.people[one.about.number]]}
        at = f"{one.day}T10:00:00Z"
        properties = {
            "task": {
                "hs_task_subject": one.subject, "hs_task_body": one.body,
                "hs_task_status": "COMPLETED" if one.done else "NOT_STARTED",
            },
            "call": {"hs_call_title": one.subject, "hs_call_body": one.body, "hs_call_status": "COMPLETED"},
            "meeting": {
                "hs_meeting_title": one.subject, "hs_meeting_body": one.body,
                "hs_meeting_start_time": at, "hs_meeting_end_time": f"{one.day}T11:00:00Z",
            },
            "note": {"hs_note_body": f"{one.subject}: {one.body}"},
            "email": {"hs_email_subject": one.subject, "hs_email_text": one.body, "hs_email_direction": "EMAIL"},
        }[one.kind]  # fmt: skip
        owner = self.owners[one.about.owner.email]
        return self.box.create(_KINDS[one.kind], {**properties, "hs_timestamp": at, "hubspot_owner_id": owner}, links)


def is_logged(one: Activity) -> bool:
    """Whether an activity was logged in HubSpot: all but what sales people did with their own."""
    return one.kind == "note" or one.about.number < 70 or one.number % 2 == 0


def is_here(deal: Deal) -> bool:
    """Whether a deal was begun in HubSpot."""
    return deal.number not in ON_PAPER and deal.number % 5 < 3 and deal.buyer.number in KNOWN
