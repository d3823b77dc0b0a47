"""What is tried of Stripe: a few customers, a payment, an invoice and a subscription of some of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from connectors._kit.samples import HERE
from connectors._kit.stand_in import StandIn, over_http
from connectors.stripe.sandbox import Sandbox
from core.ports import Clock


@contextmanager
def opened(clock: Clock) -> Iterator[StandIn]:
    """The stand-in while it runs."""
    with Sandbox(clock=clock) as box:
        for one in HERE:
            named = {"email": one.email, "name": f"{one.first} {one.last}", "phone": one.phone_abroad}
            made = box.create("customers", {**named, "address.city": one.company.city, "address.country": "GB"})
            if one.number == 0:
                box.create("payment_intents", {"amount": 4_900, "customer": made, "description": "Order 1001"})
            if one.number == 1:
                box.create("invoices", {"total": 12_000, "customer": made, "description": "Workshop in May"})
            if one.number == 2:
                box.create("subscriptions", {"customer": made, "description": "Monthly care"})
        yield over_http(box, {"api_key": box.api_key, "url": box.url})
