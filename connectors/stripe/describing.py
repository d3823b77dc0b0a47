"""What the streams' records have. Stripe describes nothing itself; its shapes are those of one version of the API.

Metadata are keys of the account's own. Those that customers have just now are listed as custom fields; others may be
written all the same.
"""

from __future__ import annotations

from collections.abc import Mapping

from connectors.stripe.objects import Objects
from connectors.stripe.words import LARGEST, StreamWords
from connectors.stripe.writing import ADDRESS
from core.ports import Description, FieldInfo

_TEXT = 5_000
_METADATA = 500
"""Letters in the value of a key."""


def _read(name: str, type_: str = "text", label: str = "", refers_to: str | None = None) -> FieldInfo:
    return FieldInfo(name, type_, label or name.replace("_", " ").capitalize(), read_only=True, refers_to=refers_to)


_CUSTOMER = (
    FieldInfo("email", "text", "Email", max_length=512),
    FieldInfo("name", "text", "Name", max_length=256),
    FieldInfo("individual_name", "text", "Name of a person", max_length=150),
    FieldInfo("business_name", "text", "Name of a business", max_length=150),
    FieldInfo("phone", "text", "Phone", max_length=20),
    FieldInfo("description", "text", "Description", max_length=_TEXT),
    *(FieldInfo(f"address.{part}", "text", f"Address: {part.replace('_', ' ')}") for part in ADDRESS),
    FieldInfo("preferred_locales", "tags", "Languages, the preferred one first"),
    FieldInfo("tax_exempt", "choice", "Tax", choices=("none", "exempt", "reverse")),
    _read("balance", "number"), _read("currency"), _read("delinquent", "flag"), _read("invoice_prefix"),
    _read("shipping", "json"), _read("discount", "json"), _read("invoice_settings", "json"),
)  # fmt: skip
_PAYMENT_INTENT = (
    *(_read(name, "number") for name in ("amount", "amount_received", "amount_capturable")),
    *(_read(name) for name in ("currency", "status", "description", "receipt_email", "statement_descriptor",
                               "cancellation_reason", "capture_method")),
    _read("canceled_at", "number"),
    _read("customer", refers_to="customers"),
    _read("last_payment_error", "json"), _read("latest_charge", "json", "The charge, whole"),
    _read("shipping", "json"), _read("payment_method_types", "tags"),
)  # fmt: skip
_INVOICE = (
    *(_read(name, "number") for name in ("total", "subtotal", "amount_due", "amount_paid", "amount_remaining",
                                         "post_payment_credit_notes_amount", "attempt_count")),
    *(_read(name) for name in ("number", "currency", "status", "description", "customer_email", "customer_name",
                               "customer_phone", "statement_descriptor", "billing_reason", "collection_method",
                               "hosted_invoice_url", "invoice_pdf")),
    *(_read(name, "number") for name in ("due_date", "effective_at", "period_start", "period_end",
                                         "next_payment_attempt")),
    _read("customer", refers_to="customers"),
    _read("customer_address", "json"), _read("lines", "json"), _read("status_transitions", "json"),
    _read("parent", "json", "What it comes from: a subscription or a quote"),
    _read("payments", "json", "The payments that settled it"), _read("total_taxes", "json"),
    _read("totals", "json", "Summed up by Concord: tax"),
)  # fmt: skip
_SUBSCRIPTION = (
    *(_read(name) for name in ("status", "currency", "description", "collection_method")),
    *(_read(name, "number") for name in ("start_date", "cancel_at", "canceled_at", "ended_at", "trial_start",
                                         "trial_end")),
    _read("cancel_at_period_end", "flag"),
    _read("customer", refers_to="customers"), _read("latest_invoice", refers_to="invoices"),
    _read("items", "json"), _read("cancellation_details", "json"), _read("pause_collection", "json"),
    _read("totals", "json", "Summed up by Concord: amount, period_start, period_end"),
)  # fmt: skip
_SHARED = (
    _read("id", label="Id"),
    _read("object"),
    _read("created", "number", "Made at, in seconds"),
    _read("livemode", "flag"),
)
_FIELDS: Mapping[str, tuple[FieldInfo, ...]] = {
    "customers": (*_CUSTOMER, FieldInfo("metadata", "json", "Metadata: keys of your own", custom=True), *_SHARED),
    "payment_intents": (*_PAYMENT_INTENT, _read("metadata", "json"), *_SHARED),
    "invoices": (*_INVOICE, _read("metadata", "json"), *_SHARED),
    "subscriptions": (*_SUBSCRIPTION, _read("metadata", "json"), *_SHARED),
}


def described(words: StreamWords, objects: Objects, key_field: str) -> Description:
    """The fields of a stream, with the keys of metadata that its newest records have."""
    rows, _ = objects.page(words, limit=LARGEST)
    keys = sorted({key for one in rows for key in one.object("metadata", None) or {}} - {key_field})
    read_only = words.name != "customers"
    custom = (
        FieldInfo(f"metadata.{key}", "text", key, read_only=read_only, custom=True, max_length=_METADATA)
        for key in keys
    )
    return Description(words.name, (*_FIELDS[words.name], *custom))
