"""A stand-in for Stripe on loopback: one account in test mode, in the shapes of version 2026-10-28.

Written from Stripe's published specification (its OpenAPI files, its SDK's types, its documentation), against which the
tests hold every answer; see `published.py`. It is strict where Stripe is: unknown parameters are refused, idempotency
keys replay their first answer for a day, lists run newest first, deleted customers stay known by their ids, and the
log of events speaks an older version of the API. Here is what people do in the Dashboard; the calls are in the other
`sandbox_*.py` files.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors._kit.sandbox import Call, Exchange, Response, route
from connectors.stripe.sandbox_base import Problem
from connectors.stripe.sandbox_billing import Billing
from connectors.stripe.sandbox_shapes import Object

__all__ = ["Call", "Exchange", "Response", "Sandbox"]


class Sandbox(Billing):
    """One account, empty at first."""

    @route("GET", "/v1/account")
    def get_account(self, call: Call) -> Response:  # noqa: ARG002 -- no query
        """Who the key belongs to."""
        try:
            self.permit("accounts_kyc_basic_read")
        except Problem as problem:
            return self.signed(problem.response())
        return self.signed(Response(200, {
            "id": self.account, "object": "account", "business_profile": {"name": self.account_name}, "country": "GB",
            "default_currency": "gbp", "email": "owner@example.com", "type": "standard",
            "settings": {"dashboard": {"display_name": self.account_name, "timezone": "Etc/UTC"}},
        }))  # fmt: skip

    # --- somebody in the Dashboard

    def create(self, stream: str, fields: Mapping[str, Any]) -> str:
        """Somebody adds an object; gives its id."""
        with self._lock:
            words = dict(fields)
            if stream == "customers":
                return str(self.add_customer(_typed(words))["id"])
            if stream == "payment_intents":
                id_ = self.begin(words.pop("amount"), **words)
                self.pay(id_)
                return id_
            if stream == "invoices":
                return self.bill(words.pop("total"), **words)
            return self.subscribe(words.pop("customer", "cus_somebody"), **words)

    def edit(self, stream: str, id: str, fields: Mapping[str, Any]) -> None:
        """Somebody changes an object."""
        with self._lock:
            if stream == "customers":
                self.change_customer(id, _typed(fields))
            elif stream == "subscriptions":
                self.alter(id, **fields)
            elif stream == "invoices":
                held = self.invoices[id]
                before = {name: held[name] for name in fields}
                held |= fields
                self.emit("invoice.updated", held, before)
            else:
                wanted = fields["latest_charge.amount_refunded"]
                charge = self.charges[self.intents[id]["latest_charge"]]
                self.give_back(id, wanted - charge["amount_refunded"])

    def delete(self, stream: str, id: str) -> None:
        """Somebody deletes an object; payments and subscriptions go only with all data of a sandbox, untold."""
        with self._lock:
            if stream == "customers":
                self.drop_customer(id)
            elif stream == "invoices":
                self.tear_up(id)
            else:
                self.held(stream).pop(id)

    def held(self, stream: str) -> dict[str, Object]:
        """The objects of a stream, deleted ones aside."""
        held: dict[str, Object] = {
            "customers": self.customers, "payment_intents": self.intents, "invoices": self.invoices,
            "subscriptions": self.subscriptions,
        }[stream]  # fmt: skip
        return held

    def show(self, stream: str, id: str) -> Object | None:
        """An object as the Dashboard shows it; None where there is none."""
        held = self.held(stream).get(id)
        if held is None or stream != "payment_intents":
            return held
        return {**held, "latest_charge": self.charges.get(held["latest_charge"])}


def _typed(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Values as somebody types them into a form; dotted names reach inside."""
    typed: dict[str, Any] = {}
    for path, value in fields.items():
        first, _, rest = path.partition(".")
        text = {str(place): one for place, one in enumerate(value)} if isinstance(value, list) else value or ""
        if rest:
            typed.setdefault(first, {})[rest] = text
        else:
            typed[first] = text
    return typed
