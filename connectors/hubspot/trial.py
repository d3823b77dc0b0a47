"""What is tried of HubSpot: companies, the people in them, a deal and a call, and somebody who looks after them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from connectors._kit.samples import COMPANIES, HERE
from connectors._kit.stand_in import StandIn, over_http
from connectors.hubspot.sandbox import Sandbox
from core.ports import Clock

_AT = "2026-11-20T10:30:00.000Z"


@contextmanager
def opened(clock: Clock) -> Iterator[StandIn]:
    """The stand-in while it runs."""
    with Sandbox(clock=clock) as box:
        _furnish(box)
        yield over_http(box, {"token": box.token, "url": box.url})


def _furnish(box: Sandbox) -> None:
    owner = {"hubspot_owner_id": box.add_owner("hana@shop.example", "Hana", "Okafor")}
    companies = {
        one: box.create("companies", {"name": one.name, "domain": one.domain, "city": one.city, **owner})
        for one in COMPANIES
    }
    for one in HERE:
        work = [companies[one.company]]
        person = box.create("contacts", {
            "email": one.email, "firstname": one.first, "lastname": one.last, "jobtitle": one.title,
            "phone": one.phone, "lifecyclestage": "customer" if one.number % 2 else "lead", **owner,
        }, {"companies": work})  # fmt: skip
        if one.number == 1:
            tied = {"contacts": [person], "companies": work}
            deal = {"dealname": "Spring order", "amount": "1200", "deal_currency_code": "GBP"}
            box.create("deals", {**deal, "pipeline": "default", "dealstage": "contractsent", **owner}, tied)
            call = {"hs_call_title": "Asked about the offer", "hs_call_body": "Wants it by May.", "hs_timestamp": _AT}
            box.create("calls", {**call, "hs_call_status": "COMPLETED", **owner}, {"contacts": [person]})
        if one.number == 3:
            box.opt_out(one.email)
