"""The sandbox's invoices and subscriptions, in the shapes since 2025: payments and periods in lists of their own."""

from __future__ import annotations

from typing import Any

from connectors._kit.sandbox import Call, Response
from connectors.stripe.sandbox_base import Problem, api, missing, unflat
from connectors.stripe.sandbox_customers import newest
from connectors.stripe.sandbox_money import Money
from connectors.stripe.sandbox_shapes import Object, invoice, invoice_payment, item, line, list_of, subscription

INSIDE = 10
"""Rows of a list inside an object; the others are asked for."""
DONE = ("canceled", "incomplete_expired")


class Billing(Money):
    """Invoices and subscriptions by HTTP, and the shop's clerks."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.invoices: dict[str, Object] = {}
        self.lines: dict[str, list[Object]] = {}
        self.settled: dict[str, list[Object]] = {}
        self.subscriptions: dict[str, Object] = {}
        self.items: dict[str, list[Object]] = {}

    @api("GET", "/invoices", "invoice_read")
    def list_invoices(self, call: Call) -> Response:
        """The newest first."""
        return self.paged(call, newest(self.invoices), "invoice")

    @api("GET", "/invoices/{id}", "invoice_read")
    def get_invoice(self, call: Call, id: str) -> Response:
        """One."""
        if id not in self.invoices:
            raise missing("invoice", id)
        return Response(200, self.expanded(self.invoices[id], unflat(call.query).get("expand")))

    @api("GET", "/invoices/{id}/lines", "invoice_read")
    def list_lines(self, call: Call, id: str) -> Response:
        """All lines of an invoice."""
        return self.paged(call, self.lines[id], "line_item")

    @api("GET", "/subscriptions", "subscription_read")
    def list_subscriptions(self, call: Call) -> Response:
        """The newest first; cancelled ones only where they are asked for."""
        status, whose = call.query.get("status"), call.query.get("customer")
        rows = [
            row
            for row in newest(self.subscriptions)
            if (status == "all" or (row["status"] == status if status else row["status"] not in DONE))
            and whose in (None, row["customer"])
        ]
        return self.paged(call, rows, "subscription")

    @api("GET", "/subscriptions/{id}", "subscription_read")
    def get_subscription(self, call: Call, id: str) -> Response:
        """One, cancelled or not."""
        if id not in self.subscriptions:
            raise missing("subscription", id)
        return Response(200, self.expanded(self.subscriptions[id], unflat(call.query).get("expand")))

    @api("GET", "/subscription_items", "subscription_read")
    def list_items(self, call: Call) -> Response:
        """All items of a subscription."""
        return self.paged(call, self.items.get(call.query.get("subscription", ""), []), "subscription_item")

    def expansion(self, row: Object, name: str) -> Any:
        """The payments of an invoice."""
        if row["object"] != "invoice" or name != "payments":
            return super().expansion(row, name)
        return list_of(self.settled[row["id"]], f"/v1/invoice_payments?invoice={row['id']}")

    # --- clerks

    def bill(self, *amounts: int, tax: int = 0, subscription: str | None = None, **words: Any) -> str:
        """A draft with lines of these amounts; gives the invoice's id."""
        id_, at = self.new_id("in"), self.seconds()
        rows = [line(self.new_id("il"), id_, at, amount=amount, subtotal=amount) for amount in amounts]
        self.lines[id_], self.settled[id_] = rows, []
        total = sum(amounts) + tax
        parent: Object = {
            "type": "subscription_details", "quote_details": None,
            "subscription_details": {"metadata": {}, "subscription": subscription},
        }  # fmt: skip
        taxed: Object = {
            "amount": tax, "tax_behavior": "exclusive", "tax_rate_details": None, "taxable_amount": sum(amounts),
            "taxability_reason": "standard_rated", "type": "tax_rate_details",
        }  # fmt: skip
        self.invoices[id_] = invoice(
            id_, at, total=total, subtotal=sum(amounts), total_excluding_tax=sum(amounts),
            subtotal_excluding_tax=sum(amounts), amount_due=total, amount_remaining=total,
            total_taxes=[taxed] if tax else [],
            lines=list_of(rows[:INSIDE], f"/v1/invoices/{id_}/lines", more=len(rows) > INSIDE),
            parent=parent if subscription else None, **words,
        )  # fmt: skip
        self.emit("invoice.created", self.invoices[id_])
        return id_

    def issue(self, id: str, *, due: int | None = None) -> None:
        """The draft becomes an invoice."""
        held, now = self.invoices[id], self.seconds()
        held |= {"status": "open", "number": f"BLUE-{len(self.invoices):04d}", "effective_at": now, "due_date": due,
                 "hosted_invoice_url": f"https://invoice.stripe.com/i/{id}"}  # fmt: skip
        held["status_transitions"] = {**held["status_transitions"], "finalized_at": now}
        self.emit("invoice.finalized", held, {"status": "draft"})

    def settle(self, id: str, amount: int | None = None) -> str:
        """Some of an invoice is paid, or all; gives the payment intent. Which event is first is anybody's guess."""
        held, now = self.invoices[id], self.seconds()
        amount = held["amount_remaining"] if amount is None else amount
        before = dict(held)
        intent = self.begin(amount, held["currency"], customer=held["customer"])
        self.pay(intent)
        made = invoice_payment(
            self.new_id("inpay"), now, amount_paid=amount, amount_requested=amount, invoice=id,
            currency=held["currency"], payment={"type": "payment_intent", "payment_intent": intent},
        )  # fmt: skip
        self.settled[id].append(made)
        held |= {"amount_paid": held["amount_paid"] + amount, "amount_remaining": held["amount_remaining"] - amount}
        self.emit("invoice_payment.paid", made)
        if not held["amount_remaining"]:
            held |= {"status": "paid", "status_transitions": {**held["status_transitions"], "paid_at": now}}
            self.emit("invoice.paid", held)
            self.emit("invoice.payment_succeeded", held)
            # The log holds the state before the payment behind the one after it, in the same second.
            self.emit("invoice.updated", before, {"attempt_count": 0})
        return intent

    def turn(self, id: str, status: str) -> None:
        """An invoice is voided, or given up (`uncollectible`)."""
        held = self.invoices[id]
        held["status"] = status
        self.emit("invoice.voided" if status == "void" else "invoice.marked_uncollectible", held)

    def tear_up(self, id: str) -> None:
        """A draft is deleted; nothing of it stays."""
        if self.invoices[id]["status"] != "draft":
            raise Problem(400, "You can only delete draft invoices.")
        self.emit("invoice.deleted", self.invoices.pop(id))

    def subscribe(self, customer: str, *amounts: int, interval: str = "month", every: int = 1, **words: Any) -> str:
        """A subscription with an item for each amount; gives its id."""
        id_, at = self.new_id("sub"), self.seconds()
        rows = [
            item(self.new_id("si"), id_, at, unit_amount=amount, interval=interval, interval_count=every)
            for amount in amounts or (1000,)
        ]
        self.items[id_] = rows
        inside = list_of(rows[:INSIDE], f"/v1/subscription_items?subscription={id_}", more=len(rows) > INSIDE)
        self.subscriptions[id_] = subscription(id_, at, customer=customer, items=inside, **words)
        self.emit("customer.subscription.created", self.subscriptions[id_])
        return id_

    def alter(self, id: str, **words: Any) -> None:
        """A subscription changes."""
        held = self.subscriptions[id]
        before = {name: held[name] for name in words}
        held |= words
        self.emit("customer.subscription.updated", held, before)

    def end(self, id: str) -> None:
        """A subscription ends at once."""
        held, now = self.subscriptions[id], self.seconds()
        held |= {"status": "canceled", "canceled_at": now, "ended_at": now}
        self.emit("customer.subscription.deleted", held)

    def drop_customer(self, id: str, *, key: str | None = None) -> None:
        """With a customer end their subscriptions."""
        for one in self.subscriptions.values():
            if one["customer"] == id and one["status"] not in DONE:
                self.end(one["id"])
        super().drop_customer(id, key=key)
