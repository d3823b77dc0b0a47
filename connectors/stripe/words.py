"""Stripe's words: the streams, what each is called on the wire, and which events tell that something changed.

The event types stand in https://docs.stripe.com/api/events/types. A payment intent has no event of its own for a
refund or a dispute: those are told of its charge, so its stream listens to charges, refunds and disputes as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from core.errors import Unsupported

VERSION = "2026-10-28.endive"
"""The version of the API whose shapes the connector knows."""
LARGEST = 100
"""Objects on a page, and events."""
MOST_TYPES = 20
"""Types of events that one call can ask for."""


class StreamWords(NamedTuple):
    """How a stream is asked for."""

    name: str
    """Its path below `/v1`, too."""
    object: str
    """What its records call themselves."""
    types: tuple[str, ...]
    """Events that say something changed, `MOST_TYPES` at most."""
    permission: str
    """What a restricted key's permission is called in the Dashboard."""
    expand: tuple[str, ...] = ()
    """What is asked for beside a record's own fields."""
    params: Mapping[str, Any] = {}
    """What every list needs."""
    sublist: str = ""
    """A list inside each record that Stripe may cut short."""

    def asked(self, where: str = "") -> dict[str, list[str]]:
        """The parameter for what is asked for beside; in a list it stands under `data.`."""
        return {"expand": [f"{where}{name}" for name in self.expand]} if self.expand else {}


CUSTOMERS = StreamWords(
    "customers",
    "customer",
    ("customer.created", "customer.updated", "customer.deleted"),
    "Customers",
)
PAYMENT_INTENTS = StreamWords(
    "payment_intents",
    "payment_intent",
    (
        "payment_intent.created", "payment_intent.processing", "payment_intent.requires_action",
        "payment_intent.amount_capturable_updated", "payment_intent.partially_funded",
        "payment_intent.payment_failed", "payment_intent.succeeded", "payment_intent.canceled",
        "charge.captured", "charge.expired", "charge.updated", "charge.refunded", "charge.refund.updated",
        "refund.created", "refund.updated", "refund.failed",
        "charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed",
        "charge.dispute.funds_reinstated",
    ),
    "PaymentIntents (Read) and Charges and Refunds (Read)",
    expand=("latest_charge",),
)  # fmt: skip
INVOICES = StreamWords(
    "invoices",
    "invoice",
    (
        "invoice.created", "invoice.updated", "invoice.deleted", "invoice.finalized", "invoice.finalization_failed",
        "invoice.sent", "invoice.paid", "invoice.payment_succeeded", "invoice.payment_failed",
        "invoice.payment_action_required", "invoice.overdue", "invoice.overpaid", "invoice.marked_uncollectible",
        "invoice.voided", "invoice_payment.paid",
        "credit_note.created", "credit_note.updated", "credit_note.voided",
    ),
    "Invoices",
    # Which payments settled an invoice stands in a list of its own, and is not told unless it is asked for.
    expand=("payments",),
    sublist="lines",
)  # fmt: skip
SUBSCRIPTIONS = StreamWords(
    "subscriptions",
    "subscription",
    (
        "customer.subscription.created", "customer.subscription.updated", "customer.subscription.deleted",
        "customer.subscription.paused", "customer.subscription.resumed",
        "customer.subscription.pending_update_applied", "customer.subscription.pending_update_expired",
    ),
    "Subscriptions",
    # Without this word the list leaves the cancelled ones out.
    params={"status": "all"},
    sublist="items",
)  # fmt: skip

STREAMS: Mapping[str, StreamWords] = {
    one.name: one for one in (CUSTOMERS, PAYMENT_INTENTS, INVOICES, SUBSCRIPTIONS)
}  # fmt: skip

ABOUT: Mapping[str, tuple[str, str]] = {
    "customer": ("customers", "id"),
    "payment_intent": ("payment_intents", "id"),
    "charge": ("payment_intents", "payment_intent"),
    "refund": ("payment_intents", "payment_intent"),
    "dispute": ("payment_intents", "payment_intent"),
    "invoice": ("invoices", "id"),
    "invoice_payment": ("invoices", "invoice"),
    "credit_note": ("invoices", "invoice"),
    "subscription": ("subscriptions", "id"),
}
"""What an event shows → the stream it is about, and where that record's id stands in it."""

GONE = frozenset({"customer.deleted", "invoice.deleted"})
"""Events after which the record is not there any more; nothing brings it back, and no id is used twice."""


def stream_of(name: str) -> StreamWords:
    """The words of a stream; `Unsupported` for none."""
    if name not in STREAMS:
        raise Unsupported(f"Stripe has no stream '{name}'; there are {', '.join(STREAMS)}.", stream=name)
    return STREAMS[name]
