"""Payment: money that came or is to come: payments, invoices, subscriptions, orders."""

from __future__ import annotations

from core.model.shape import Field, Shape

STATUSES = (
    "draft", "open", "trial", "active", "part_paid", "paid", "overdue",
    "failed", "refunded", "disputed", "paused", "cancelled", "void",
)  # fmt: skip

PAYMENT = Shape.of(
    "payment",
    "A payment, invoice, subscription or order.",
    (
        Field(
            "type",
            "choice",
            "What it is.",
            "invoice",
            choices=("payment", "invoice", "subscription", "order"),
        ),
        Field("number", "name", "Number it is known by.", "INV-2026-0042"),
        Field("status", "choice", "Where it stands.", "open", choices=STATUSES),
        Field("amount", "money", "What it comes to, tax included.", {"amount": "8400.00", "currency": "GBP"}),
        Field("amount_paid", "money", "What has been paid of it.", {"amount": "2100.00", "currency": "GBP"}),
        Field("amount_refunded", "money", "What was given back.", {"amount": "0.00", "currency": "GBP"}),
        Field("tax", "money", "Tax within the amount.", {"amount": "1400.00", "currency": "GBP"}),
        Field("issued_on", "date", "When it was issued.", "2026-11-21"),
        Field("due_on", "date", "When it is to be paid.", "2026-12-05"),
        Field("paid_at", "instant", "When it was paid in full.", "2026-12-01T13:45:00Z"),
        Field("failed_at", "instant", "When a charge last failed.", "2026-11-30T06:00:00Z"),
        Field("method", "name", "How it is paid.", "card"),
        Field("reference", "name", "Reference on the statement.", "SHORE 0042", personal=True),
        Field("product", "name", "What it is for.", "Sandstone patio"),
        Field("quantity", "number", "How many.", 1),
        Field(
            "interval",
            "choice",
            "How often a subscription is charged.",
            "month",
            choices=("day", "week", "month", "quarter", "year"),
        ),
        Field("period_start", "date", "First day a subscription's present period covers.", "2026-11-01"),
        Field("period_end", "date", "Last day of that period.", "2026-11-30"),
        Field("cancelled_at", "instant", "When it was cancelled.", "2026-11-25T09:00:00Z"),
        Field("contact", "ref", "Who pays.", 7, of="contact"),
        Field("company", "ref", "Company that pays.", 11, of="company"),
        Field("deal", "ref", "Deal it settles.", 21, of="deal"),
        Field("owner", "ref", "Who looks after it.", 3, of="owner"),
        Field("email", "email", "Address the receipt goes to.", "accounts@shore.example", personal=True),
        Field(
            "billing_address",
            "address",
            "Address on the invoice.",
            {"street": "PO Box 12", "city": "Leeds"},
            personal=True,
        ),
        Field("url", "url", "Where it is shown or paid.", "https://pay.example/i/0042", personal=True),
        Field("lines", "json", "Its items, as the tool lists them.", [{"item": "Sandstone", "quantity": 40}]),
        Field("description", "text", "What is worth knowing.", "First of four instalments."),
        Field("created_at", "instant", "When it was set down.", "2026-11-21T09:00:00Z", rule="min"),
    ),
    title=("number",),
)
