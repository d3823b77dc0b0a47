"""A CRM's sandbox as a process of its own, on a clock that is moved from outside: `python -m tests.bench.crmserver`.

Its first line of output is JSON that says how to reach it. Each line of input is a number of seconds to let pass; the
process ends when its input does.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

from connectors._kit.clock import VirtualTime
from core.model.instant import MILLISECOND, SECOND
from tests.bench.contacts import FIELDS, contact

KEYED = ("Account", "Contact", "Lead", "Opportunity", "Task", "Event")


def main() -> None:
    """Fill the sandbox, say where it is, and turn its clock."""
    tool, total = sys.argv[1], int(sys.argv[2])
    time = VirtualTime(tick=50)
    box, settings = (_hubspot if tool == "hubspot" else _salesforce)(time, total)
    with box:
        sys.stdout.write(json.dumps(settings(box)) + "\n")
        sys.stdout.flush()
        for line in sys.stdin:
            time.sleep(float(line))


def _hubspot(time: VirtualTime, total: int) -> tuple[Any, Any]:
    from connectors.hubspot.sandbox import Quotas, Sandbox

    box = Sandbox(clock=time, limits=Quotas())
    box.add_property("contacts", "concord_key", unique=True)
    people = list(_people(total))
    box.fill("contacts", [_in_hubspot(one) for one in people[: total // 10]])
    box.fill("contacts", [_in_hubspot(one) for one in people[total // 10 :]], spread=MILLISECOND)
    return box, lambda box: {"url": box.url, "token": "pat-na1-sandbox"}


def _salesforce(time: VirtualTime, total: int) -> tuple[Any, Any]:
    from connectors.salesforce.sandbox import Sandbox

    box = Sandbox(clock=time, daily=100_000)
    for sobject in KEYED:
        box.add_field(sobject, "Concord_Key__c", "string", length=255, external_id=True, unique=True)
    # A stamp every ten seconds: so many rows share each.
    box.org.precision = 10 * SECOND
    box.fill("Contact", [_in_salesforce(one) for one in _people(total)])
    return box, lambda box: {"login_url": box.url, "client_id": box.client_id, "client_secret": box.client_secret}


def _people(total: int) -> Iterator[dict[str, str]]:
    for number in range(total):
        one = json.loads(contact(number))
        yield {name: one[name] for name in FIELDS}


def _in_hubspot(one: dict[str, str]) -> dict[str, str]:
    return {
        "email": one["email"], "firstname": one["first_name"], "lastname": one["last_name"], "phone": one["phone"],
        "jobtitle": one["job_title"], "lifecyclestage": "customer", "address": one["street"], "city": one["city"],
        "zip": one["postal_code"], "country": one["country"], "website": one["website"], "message": one["asked"],
    }  # fmt: skip


def _in_salesforce(one: dict[str, str]) -> dict[str, Any]:
    return {
        "Email": one["email"], "FirstName": one["first_name"], "LastName": one["last_name"], "Phone": one["phone"],
        "Title": one["job_title"], "Department": one["department"], "MailingStreet": one["street"],
        "MailingCity": one["city"], "MailingPostalCode": one["postal_code"], "MailingCountry": one["country"],
        "Description": one["asked"], "Birthdate": one["birthday"],
    }  # fmt: skip


if __name__ == "__main__":
    main()
