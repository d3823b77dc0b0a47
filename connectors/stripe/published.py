"""The published contract: Stripe's shapes and parameters as its SDK has them, and what is said held against them.

`payloads/stripe-2026-10-28.schema.json` is cut from the types of the official Python SDK 16.1.0 (MIT,
https://github.com/stripe/stripe-python): the objects that the sandbox shows and the parameters of the calls that the
connector makes. Parameters that are not listed there are refused, as by Stripe. For tests.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from jsonschema import Draft202012Validator

from connectors._kit.sandbox import Exchange
from connectors.stripe.sandbox_base import unflat

SCHEMA = Path(__file__).parent / "payloads" / "stripe-2026-10-28.schema.json"

OBJECTS: Mapping[str, str] = {
    "customer": "Customer", "payment_intent": "PaymentIntent", "charge": "Charge", "invoice": "Invoice",
    "line_item": "InvoiceLineItem", "invoice_payment": "InvoicePayment", "subscription": "Subscription",
    "subscription_item": "SubscriptionItem", "event": "Event", "webhook_endpoint": "WebhookEndpoint",
    "refund": "Refund",
}  # fmt: skip
"""What objects call themselves → what the schema calls them."""
PARAMETERS: Mapping[tuple[str, str], str] = {
    ("GET", "/v1/customers"): "CustomerListParams", ("POST", "/v1/customers"): "CustomerCreateParams",
    ("POST", "/v1/customers/{id}"): "CustomerUpdateParams", ("GET", "/v1/customers/search"): "CustomerSearchParams",
    ("GET", "/v1/payment_intents"): "PaymentIntentListParams", ("GET", "/v1/invoices"): "InvoiceListParams",
    ("GET", "/v1/subscriptions"): "SubscriptionListParams", ("GET", "/v1/events"): "EventListParams",
    ("GET", "/v1/webhook_endpoints"): "WebhookEndpointListParams",
    ("POST", "/v1/webhook_endpoints"): "WebhookEndpointCreateParams",
    ("POST", "/v1/webhook_endpoints/{id}"): "WebhookEndpointUpdateParams",
}  # fmt: skip
"""Calls → what the schema calls their parameters. The others take `expand`, or a page's `limit` and place."""
_LISTS = frozenset({"list", "search_result"})


@cache
def schema() -> Mapping[str, Any]:
    """The definitions."""
    read: Mapping[str, Any] = json.loads(SCHEMA.read_bytes())
    return read


def violations(journal: Iterable[Exchange]) -> list[str]:
    """What was said that the contract does not have, each once, as `METHOD route: where: what`."""
    told = (f"{one.call.method} {one.route}: {what}" for one in journal for what in _of(one))
    return list(dict.fromkeys(told))


def _of(exchange: Exchange) -> Iterator[str]:
    yield from _request(exchange)
    if exchange.status and not exchange.body.lstrip().startswith(b"<"):
        yield from _response(exchange)


def _request(exchange: Exchange) -> Iterator[str]:
    call = exchange.call
    if not re.fullmatch(r"\d{4}-\d\d-\d\d\.\w+", call.headers.get("stripe-version", "")):
        yield "request: names no version"
    if call.body and call.headers.get("content-type") != "application/x-www-form-urlencoded":
        yield "request: is no form"
    given = parse_qsl(call.body.decode(), keep_blank_values=True) if call.body else list(call.query.items())
    name = PARAMETERS.get((call.method, exchange.route))
    if name is not None:
        yield from _wrong(f"params.{name}", _typed(f"params.{name}", unflat(dict(given))), "request")


def _response(exchange: Exchange) -> Iterator[str]:
    body = json.loads(exchange.body)
    if exchange.status >= 400:
        error = body.get("error")
        if not isinstance(error, dict) or not {"type", "message"} <= set(error):
            yield f"response {exchange.status}: is no error"
        return
    rows = body["data"] if body.get("object") in _LISTS else [body]
    for row in rows:
        yield from shape(row)


def shape(row: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with one object, and with those inside that were asked for whole."""
    name = OBJECTS.get(row.get("object", ""))
    if name is None or row.get("deleted"):
        return
    yield from _wrong(name, row, f"{row['object']}")
    for inner in row.values():
        rows = inner.get("data", [inner]) if isinstance(inner, dict) else ()
        for one in rows:
            if isinstance(one, dict) and "object" in one and row["object"] != "event":
                yield from shape(one)


def _wrong(name: str, value: Any, where: str) -> Iterator[str]:
    for error in _validator(name).iter_errors(value):
        place = "".join(f".{part}" for part in error.absolute_path)
        yield f"{where}{place}: {error.message[:160]}"


@cache
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": schema()["$defs"]})


def _typed(name: str, form: Any) -> Any:
    """A form's texts as the schema wants them: numbers, flags, and lists for what is numbered."""
    return _cast({"$ref": f"#/$defs/{name}"}, form)


def _cast(wanted: Mapping[str, Any], value: Any) -> Any:
    options = list(_options(wanted))
    if isinstance(value, dict):
        for option in options:
            if option.get("type") == "array" and all(key.isdigit() for key in value):
                return [_cast(option.get("items", {}), inner) for inner in value.values()]
        inside = next((option for option in options if "properties" in option), {})
        known = inside.get("properties", {})
        return {key: _cast(known.get(key, {}), inner) for key, inner in value.items()}
    types = {option.get("type") for option in options}
    if "integer" in types and re.fullmatch(r"-?\d+", value):
        return int(value)
    if "boolean" in types and value in ("true", "false"):
        return value == "true"
    return value


def _options(wanted: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if "$ref" in wanted:
        yield from _options(schema()["$defs"][wanted["$ref"].rpartition("/")[2]])
    elif "anyOf" in wanted:
        for one in wanted["anyOf"]:
            yield from _options(one)
    else:
        yield wanted
