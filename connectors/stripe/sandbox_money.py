"""The sandbox's payments: what customers pay, what is given back, what the bank takes back."""

from __future__ import annotations

from typing import Any

from connectors._kit.sandbox import Call, Response
from connectors.stripe.sandbox_base import Problem, api, missing, unflat
from connectors.stripe.sandbox_customers import Customers, newest
from connectors.stripe.sandbox_shapes import Object, charge, payment_intent, refund

DECLINED = {
    "type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds",
    "message": "Your card has insufficient funds.",
}  # fmt: skip


class Money(Customers):
    """Payment intents by HTTP, and the people who pay."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.intents: dict[str, Object] = {}
        self.charges: dict[str, Object] = {}

    @api("GET", "/payment_intents", "payment_intent_read")
    def list_intents(self, call: Call) -> Response:
        """The newest first."""
        return self.paged(call, newest(self.intents), "payment_intent")

    @api("GET", "/payment_intents/{id}", "payment_intent_read")
    def get_intent(self, call: Call, id: str) -> Response:
        """One."""
        if id not in self.intents:
            raise missing("payment_intent", id, "intent")
        return Response(200, self.expanded(self.intents[id], unflat(call.query).get("expand")))

    def expansion(self, row: Object, name: str) -> Any:
        """The charge of a payment intent."""
        if row["object"] != "payment_intent" or name != "latest_charge":
            return super().expansion(row, name)
        self.permit("charge_read")
        return self.charges.get(row["latest_charge"])

    # --- people

    def begin(self, amount: int, currency: str = "gbp", **words: Any) -> str:
        """Somebody is about to pay; gives the payment intent's id."""
        made = payment_intent(self.new_id("pi"), self.seconds(), amount=amount, currency=currency, **words)
        self.intents[made["id"]] = made
        self.emit("payment_intent.created", made)
        return str(made["id"])

    def pay(self, id: str) -> None:
        """They pay. Everything happens in one second, and is told in no order."""
        held = self.intents[id]
        made = charge(
            self.new_id("ch"), self.seconds(), amount=held["amount"], amount_captured=held["amount"],
            currency=held["currency"], customer=held["customer"], payment_intent=id,
        )  # fmt: skip
        self.charges[made["id"]] = made
        held |= {"status": "succeeded", "amount_received": held["amount"], "latest_charge": made["id"],
                 "last_payment_error": None}  # fmt: skip
        self.emit("payment_intent.succeeded", held)
        self.emit("charge.succeeded", made)
        self.emit("charge.updated", made, {"receipt_url": None})

    def decline(self, id: str) -> None:
        """The bank says no; they may try again."""
        held = self.intents[id]
        made = charge(
            self.new_id("ch"), self.seconds(), amount=held["amount"], currency=held["currency"], payment_intent=id,
            paid=False, captured=False, status="failed", failure_code="card_declined",
        )  # fmt: skip
        self.charges[made["id"]] = made
        held |= {"status": "requires_payment_method", "last_payment_error": dict(DECLINED),
                 "latest_charge": made["id"]}  # fmt: skip
        self.emit("charge.failed", made)
        self.emit("payment_intent.payment_failed", held)

    def call_off(self, id: str) -> None:
        """The shop calls a payment off."""
        held = self.intents[id]
        if held["status"] == "succeeded":
            raise Problem(400, "You cannot cancel this PaymentIntent because it has a status of succeeded.")
        held |= {"status": "canceled", "canceled_at": self.seconds(), "cancellation_reason": "requested_by_customer"}
        self.emit("payment_intent.canceled", held)

    def give_back(self, id: str, amount: int) -> None:
        """The shop gives some or all of it back; the payment intent itself has no event for that."""
        held = self.charges[self.intents[id]["latest_charge"]]
        was = held["amount_refunded"]
        held["amount_refunded"] = was + amount
        held["refunded"] = held["amount_refunded"] == held["amount"]
        made = refund(
            self.new_id("re"), self.seconds(), amount=amount, charge=held["id"], currency=held["currency"],
            payment_intent=id,
        )  # fmt: skip
        self.emit("refund.created", made)
        self.emit("charge.refunded", held, {"amount_refunded": was})

    def dispute(self, id: str) -> None:
        """The customer's bank takes it back for now."""
        held = self.charges[self.intents[id]["latest_charge"]]
        held["disputed"] = True
        self.emit("charge.dispute.created", {
            "id": self.new_id("du"), "object": "dispute", "amount": held["amount"], "charge": held["id"],
            "currency": held["currency"], "payment_intent": id, "status": "needs_response",
        })  # fmt: skip
