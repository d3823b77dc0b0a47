"""Stripe's objects as records: asked for whole, shown as they are, without what would let somebody pay or sign in.

What Stripe cuts short is completed (an invoice's lines, a subscription's items). What a subscription comes to stands
nowhere in it any more, nor how much tax an invoice holds; both are summed up under `totals`, in the currency's
smallest unit, from the parts that Stripe gives.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors._kit.payload import Payload
from connectors.stripe.client import Client
from connectors.stripe.words import StreamWords
from core.errors import Gone
from core.model.instant import Instant
from core.model.values import Json
from core.ports import Fields, Remote

SECRET = ("client_secret", "confirmation_secret")
"""With these a payment can be finished from a browser; they are nobody's business but the shop's."""


class Objects:
    """Reads objects and makes records of them."""

    def __init__(self, client: Client, key_field: str) -> None:
        self._client = client
        self._key_field = key_field

    def page(self, words: StreamWords, **params: Any) -> tuple[list[Payload], bool]:
        """A page of a list, newest first, and whether there is more behind it."""
        told = self._client.get(words.name, **words.params, **words.asked("data."), **params)
        return list(told.each("data")), told.flag("has_more")

    def fetch(self, words: StreamWords, ids: Sequence[str]) -> list[Remote]:
        """These objects as they are now, one call each: Stripe has none for several."""
        return [self.one(words, id_) for id_ in ids]

    def one(self, words: StreamWords, id_: str) -> Remote:
        """An object as it is now; a deleted one, and one that is not there, as a tombstone."""
        try:
            told = self._client.get(words.name, id_, **words.asked())
        except Gone:
            return Remote(id_, {}, deleted=True)
        return self.remote(words, told)

    def remote(self, words: StreamWords, told: Payload) -> Remote:
        """The record that an object is."""
        id_ = told.text("id")
        if told.flag("deleted", False):
            return Remote(id_, {}, deleted=True)
        fields = {name: value for name, value in told.object("").items() if name not in SECRET}
        if words.sublist:
            fields[words.sublist] = self._completed(words, told)
        totals = _TOTALS.get(words.name)
        if totals:
            fields["totals"] = totals(fields)
        key = told.text(f"metadata.{self._key_field}", None)
        return Remote(id_, fields, key=key)

    def _completed(self, words: StreamWords, told: Payload) -> Json:
        held = told.object(words.sublist, None)
        if not held or not told.flag(f"{words.sublist}.has_more", False):
            return held
        rows = told.many(f"{words.sublist}.data")
        last = list(told.each(f"{words.sublist}.data"))[-1].text("id")
        rest = [one.data for one in self._client.rest(told.text(f"{words.sublist}.url"), last)]
        return {**held, "data": [*rows, *rest], "has_more": False}


def at_second(seconds: int) -> Instant:
    """A moment that Stripe wrote."""
    return seconds * 1_000_000


# --- sums


def _of_invoice(fields: Fields) -> Json:
    parts = [tax.get("amount") for tax in _rows(fields, "total_taxes")]
    return {"tax": _sum(parts) if parts else None}


def _of_subscription(fields: Fields) -> Json:
    """What a period costs and from when to when it goes, where the items have one rhythm and plain prices."""
    items = list(_rows(fields, "items.data"))
    starts = [item.get("current_period_start") for item in items]
    ends = [item.get("current_period_end") for item in items]
    return {
        "amount": _sum([_price(item) for item in items]) if items and len(_rhythms(items)) == 1 else None,
        "period_start": min(filter(None, starts), default=None),
        "period_end": min(filter(None, ends), default=None),
    }


_TOTALS = {"invoices": _of_invoice, "subscriptions": _of_subscription}


def _price(item: Mapping[str, Any]) -> int | None:
    """An item's amount; None where it depends on use or on steps."""
    price, quantity = item.get("price") or {}, item.get("quantity")
    amount = price.get("unit_amount")
    if price.get("billing_scheme") == "tiered" or amount is None or quantity is None:
        return None
    return int(amount) * int(quantity)


def _rhythms(items: Sequence[Mapping[str, Any]]) -> set[tuple[Any, Any]]:
    rhythms = [(item.get("price") or {}).get("recurring") or {} for item in items]
    return {(one.get("interval"), one.get("interval_count")) for one in rhythms}


def _sum(parts: Sequence[int | None]) -> int | None:
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


def _rows(fields: Fields, path: str) -> Iterator[dict[str, Any]]:
    found: Any = fields
    for step in path.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    yield from (one for one in found or [] if isinstance(one, dict))
