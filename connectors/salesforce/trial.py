"""What is tried of Salesforce: accounts, the people in them, a lead, an opportunity and a task."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from connectors._kit.samples import COMPANIES, HERE
from connectors._kit.stand_in import StandIn, over_http
from connectors.salesforce.sandbox import Sandbox
from core.ports import Clock


@contextmanager
def opened(clock: Clock) -> Iterator[StandIn]:
    """The stand-in while it runs."""
    with Sandbox(clock=clock) as box:
        _furnish(box)
        yield over_http(box, {"login_url": box.url, "client_id": box.client_id, "client_secret": box.client_secret})


def _furnish(box: Sandbox) -> None:
    accounts = {
        one: box.create("Account", {"Name": one.name, "Website": f"https://{one.domain}", "BillingCity": one.city})
        for one in COMPANIES
    }
    for one in HERE:
        named = {"FirstName": one.first, "LastName": one.last, "Email": one.email, "Title": one.title}
        if one.number == 0:
            box.create("Lead", {**named, "Company": one.company.name, "Status": "Open - Not Contacted"})
            continue
        account = accounts[one.company]
        person = box.create("Contact", {
            **named, "Phone": one.phone, "AccountId": account, "HasOptedOutOfEmail": one.number == 3,
        })  # fmt: skip
        if one.number == 1:
            deal = box.create("Opportunity", {
                "Name": "Spring order", "AccountId": account, "StageName": "Prospecting", "Amount": 1200.0,
                "CloseDate": "2026-12-15",
            })  # fmt: skip
            box.relate(deal, person)
            box.create("Task", {"Subject": "Send the offer", "WhoId": person, "ActivityDate": "2026-12-01"})
