"""Whole objects as Stripe shows them in the version that the connector knows, made from the few words that matter."""

from __future__ import annotations

import hashlib
from typing import Any

Object = dict[str, Any]
ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")


def made_id(prefix: str, number: int) -> str:
    """An id; the same for the same number."""
    return f"{prefix}_{hashlib.sha256(f'{prefix}{number}'.encode()).hexdigest()[:14]}"


def list_of(rows: list[Object], url: str, *, more: bool = False) -> Object:
    """A list inside an object, or the answer to a call for one."""
    return {"object": "list", "data": rows, "has_more": more, "url": url}


def customer(id_: str, at: int, **words: Any) -> Object:
    """A customer."""
    return {
        "id": id_, "object": "customer", "address": None, "balance": 0, "created": at, "currency": None,
        "default_source": None, "delinquent": False, "description": None, "discount": None, "email": None,
        "individual_name": None, "business_name": None, "invoice_prefix": id_[-8:].upper(),
        "invoice_settings": {
            "custom_fields": None, "default_payment_method": None, "footer": None, "rendering_options": None,
        },
        "livemode": False, "metadata": {}, "name": None, "next_invoice_sequence": 1, "phone": None,
        "preferred_locales": [], "shipping": None, "tax_exempt": "none", "test_clock": None, **words,
    }  # fmt: skip


def payment_intent(id_: str, at: int, **words: Any) -> Object:
    """A payment intent; `latest_charge` is an id, as nobody asked for more."""
    return {
        "id": id_, "object": "payment_intent", "amount": 0, "amount_capturable": 0, "amount_details": {"tip": {}},
        "amount_received": 0, "application": None, "application_fee_amount": None,
        "automatic_payment_methods": {"allow_redirects": "always", "enabled": True}, "canceled_at": None,
        "cancellation_reason": None, "capture_method": "automatic", "client_secret": f"{id_}_secret_{id_[3:9]}",
        "confirmation_method": "automatic", "created": at, "currency": "gbp", "customer": None, "description": None,
        "last_payment_error": None, "latest_charge": None, "livemode": False, "metadata": {}, "next_action": None,
        "on_behalf_of": None, "payment_method": None, "payment_method_options": {}, "payment_method_types": ["card"],
        "processing": None, "receipt_email": None, "review": None, "setup_future_usage": None, "shipping": None,
        "source": None, "statement_descriptor": None, "statement_descriptor_suffix": None,
        "status": "requires_payment_method", "transfer_data": None, "transfer_group": None, **words,
    }  # fmt: skip


def charge(id_: str, at: int, **words: Any) -> Object:
    """A charge that went through."""
    return {
        "id": id_, "object": "charge", "amount": 0, "amount_captured": 0, "amount_refunded": 0, "application": None,
        "application_fee": None, "application_fee_amount": None, "balance_transaction": None,
        "billing_details": {
            "address": dict.fromkeys(ADDRESS), "email": None, "name": None, "phone": None, "tax_id": None,
        },
        "calculated_statement_descriptor": "BLUEBIRD SUPPLIES", "captured": True, "created": at, "currency": "gbp",
        "customer": None, "description": None, "disputed": False, "failure_balance_transaction": None,
        "failure_code": None, "failure_message": None, "fraud_details": {}, "livemode": False, "metadata": {},
        "on_behalf_of": None, "outcome": None, "paid": True, "payment_intent": None, "payment_method": None,
        "payment_method_details": {"type": "card"}, "receipt_email": None, "receipt_number": None,
        "receipt_url": f"https://pay.stripe.com/receipts/{id_}", "refunded": False, "review": None, "shipping": None,
        "source_transfer": None, "statement_descriptor": None, "statement_descriptor_suffix": None,
        "status": "succeeded", "transfer_data": None, "transfer_group": None, **words,
    }  # fmt: skip


def refund(id_: str, at: int, **words: Any) -> Object:
    """A refund."""
    return {
        "id": id_, "object": "refund", "amount": 0, "balance_transaction": None, "charge": None, "created": at,
        "currency": "gbp", "metadata": {}, "payment_intent": None, "reason": None, "receipt_number": None,
        "source_transfer_reversal": None, "status": "succeeded", "transfer_reversal": None, **words,
    }  # fmt: skip


def invoice(id_: str, at: int, **words: Any) -> Object:
    """A draft."""
    none = (
        "account_country", "account_name", "account_tax_ids", "application", "automatically_finalizes_at",
        "custom_fields", "customer_address", "customer_email", "customer_name", "customer_phone",
        "customer_shipping", "customer_tax_exempt", "default_payment_method", "default_source", "description",
        "due_date", "effective_at", "ending_balance", "footer", "from_invoice", "hosted_invoice_url", "invoice_pdf",
        "last_finalization_error", "latest_revision", "next_payment_attempt", "number", "on_behalf_of", "parent",
        "receipt_number", "rendering", "shipping_cost", "shipping_details", "statement_descriptor", "test_clock",
        "threshold_reason", "webhooks_delivered_at",
    )  # fmt: skip
    return {
        **dict.fromkeys(none), "id": id_, "object": "invoice", "amount_due": 0, "amount_overpaid": 0,
        "amount_paid": 0, "amount_remaining": 0, "amount_shipping": 0, "attempt_count": 0, "attempted": False,
        "auto_advance": False, "automatic_tax": {"enabled": False, "disabled_reason": None, "liability": None,
        "provider": None, "status": None}, "billing_reason": "manual", "collection_method": "send_invoice",
        "created": at, "currency": "gbp", "customer": None, "customer_tax_ids": [], "default_tax_rates": [],
        "discounts": [], "issuer": {"type": "self"}, "lines": list_of([], f"/v1/invoices/{id_}/lines"),
        "livemode": False, "metadata": {},
        "payment_settings": {"default_mandate": None, "payment_method_options": None, "payment_method_types": None},
        "period_end": at, "period_start": at, "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0, "starting_balance": 0, "status": "draft",
        "status_transitions": dict.fromkeys(("finalized_at", "marked_uncollectible_at", "paid_at", "voided_at")),
        "subtotal": 0, "subtotal_excluding_tax": 0, "total": 0, "total_discount_amounts": [],
        "total_excluding_tax": 0, "total_pretax_credit_amounts": [], "total_taxes": [], **words,
    }  # fmt: skip


def line(id_: str, invoice_id: str, at: int, **words: Any) -> Object:
    """A line of an invoice."""
    return {
        "id": id_, "object": "line_item", "amount": 0, "currency": "gbp", "description": None,
        "discount_amounts": [], "discountable": True, "discounts": [], "invoice": invoice_id, "livemode": False,
        "metadata": {}, "parent": None, "period": {"start": at, "end": at}, "pretax_credit_amounts": [],
        "pricing": None, "quantity": 1, "subtotal": 0, "subscription": None, "taxes": [], **words,
    }  # fmt: skip


def invoice_payment(id_: str, at: int, **words: Any) -> Object:
    """What of an invoice was settled by one payment."""
    return {
        "id": id_, "object": "invoice_payment", "amount_paid": 0, "amount_requested": 0, "created": at,
        "currency": "gbp", "invoice": "", "is_default": True, "livemode": False, "payment": {"type": "payment_intent"},
        "status": "paid", "status_transitions": {"canceled_at": None, "paid_at": at}, **words,
    }  # fmt: skip


def subscription(id_: str, at: int, **words: Any) -> Object:
    """A subscription that runs. Its periods stand in its items."""
    none = (
        "application", "application_fee_percent", "billing_cycle_anchor_config", "billing_thresholds", "cancel_at",
        "canceled_at", "days_until_due", "default_payment_method", "default_source", "description", "ended_at",
        "latest_invoice", "next_pending_invoice_item_invoice", "on_behalf_of", "pause_collection",
        "pending_invoice_item_interval", "pending_setup_intent", "pending_update", "schedule", "test_clock",
        "transfer_data", "trial_end", "trial_settings", "trial_start",
    )  # fmt: skip
    return {
        **dict.fromkeys(none), "id": id_, "object": "subscription",
        "automatic_tax": {"enabled": False, "disabled_reason": None, "liability": None}, "billing_cycle_anchor": at,
        "billing_mode": {"type": "flexible", "flexible": None}, "billing_schedules": [],
        "cancel_at_period_end": False, "cancellation_details": dict.fromkeys(("comment", "feedback", "reason")),
        "collection_method": "charge_automatically", "created": at, "currency": "gbp", "customer": "",
        "default_tax_rates": [], "discounts": [],
        "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}}, "livemode": False, "metadata": {},
        "payment_settings": {
            "payment_method_options": None, "payment_method_types": None, "save_default_payment_method": "off",
        },
        "start_date": at, "status": "active", **words,
    }  # fmt: skip


def item(id_: str, subscription_id: str, at: int, **words: Any) -> Object:
    """An item of a subscription, with its price and the price's older twin, the plan."""
    amount, interval = words.pop("unit_amount", 1000), words.pop("interval", "month")
    every = words.pop("interval_count", 1)
    price = {
        "id": f"price_{id_[3:]}", "object": "price", "active": True, "billing_scheme": "per_unit", "created": at,
        "currency": "gbp", "custom_unit_amount": None, "livemode": False, "lookup_key": None, "metadata": {},
        "nickname": None, "product": f"prod_{id_[3:]}",
        "recurring": {
            "interval": interval, "interval_count": every, "meter": None, "trial_period_days": None,
            "usage_type": "licensed",
        },
        "tax_behavior": "unspecified", "tiers_mode": None, "transform_quantity": None, "type": "recurring",
        "unit_amount": amount, "unit_amount_decimal": str(amount),
    }  # fmt: skip
    plan = {
        "id": price["id"], "object": "plan", "active": True, "amount": amount, "amount_decimal": str(amount),
        "billing_scheme": "per_unit", "created": at, "currency": "gbp", "interval": interval,
        "interval_count": every, "livemode": False, "metadata": {}, "meter": None, "nickname": None,
        "product": price["product"], "tiers_mode": None, "transform_usage": None, "trial_period_days": None,
        "usage_type": "licensed",
    }  # fmt: skip
    return {
        "id": id_, "object": "subscription_item", "billing_thresholds": None, "created": at,
        "current_period_end": at + 30 * 86_400, "current_period_start": at, "discounts": [], "metadata": {},
        "plan": plan, "price": price, "quantity": 1, "subscription": subscription_id, "tax_rates": [], **words,
    }  # fmt: skip
