"""What an address wants of HubSpot's mail, shown as fields of its contact: `subscriptions.all` and one for each type.

HubSpot keeps it by address, in an API of its own (communication preferences v4; 2026-11-29), and repeats refusals in
properties of the contact: `hs_email_optout`, and `hs_email_optout_ID` for a type. The API is asked for many addresses
at once, which only Marketing Hub Enterprise grants; without it the properties have to do, and show refusals alone.
`all` is true for who left all email; a type is SUBSCRIBED, UNSUBSCRIBED, or blank for who never said.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress

from connectors._kit.paging import batches
from connectors._kit.payload import Payload
from connectors.hubspot.client import Client
from connectors.hubspot.describing import Shapes
from connectors.hubspot.versions import STATUSES
from connectors.hubspot.words import OPTED_OUT
from core.errors import Forbidden, Gone, Unsupported
from core.model.instant import HOUR, Instant
from core.model.values import Json
from core.ports import FieldInfo, Fields

STREAM, FIELD, ALL = "contacts", "subscriptions", "all"
SUBSCRIBED, UNSUBSCRIBED = "SUBSCRIBED", "UNSUBSCRIBED"
MOST = 100
"""Addresses in one call; HubSpot names no number, and all its batches take this many (2026-11-29)."""

_OF_TYPE = re.compile(rf"{OPTED_OUT}_(\d+)")
EMAIL_ONLY = {"channel": "EMAIL"}
"""The only channel there is."""


class Subscriptions:
    """Reads what addresses want. Thread-safe."""

    def __init__(self, client: Client, shapes: Shapes) -> None:
        self._client = client
        self._shapes = shapes
        self._ask_after: Instant = 0
        """When many may be asked about at once again, after HubSpot did not allow it or know the call."""

    def of(self, contacts: Mapping[str, Fields]) -> dict[str, dict[str, Json]]:
        """Id → what the contact's address wants; `contacts` are the properties of each."""
        types = self.types()
        asked = self._asked(list({_address(one) for one in contacts.values()} - {""}))
        return {id_: {**_mirrored(one, types), **asked.get(_address(one), {})} for id_, one in contacts.items()}

    def types(self) -> list[str]:
        """The ids of the types of subscription of which contacts have a property."""
        found = (_OF_TYPE.fullmatch(name) for name in self._shapes.of(STREAM).names)
        return [one[1] for one in found if one]

    def described(self) -> list[FieldInfo]:
        """The fields that are shown."""
        names = dict.fromkeys(self.types(), "")
        with suppress(Forbidden, Gone):
            told = self._client.ask("definitions", "get_page").payload()
            names |= {one.id("id"): one.text("name", "") for one in told.each("subscriptionDefinitions")}
        return [
            FieldInfo(f"{FIELD}.{ALL}", "flag", label="Unsubscribed from all email"),
            *(
                FieldInfo(
                    f"{FIELD}.{id_}", "choice", f"Subscription: {name or id_}", choices=(SUBSCRIBED, UNSUBSCRIBED)
                )
                for id_, name in names.items()
            ),
        ]

    # --- the calls

    def _asked(self, addresses: Sequence[str]) -> dict[str, dict[str, Json]]:
        """Address in small letters → what it wants by HubSpot's own answer; nothing where that is not for us."""
        found: dict[str, dict[str, Json]] = {}
        if self._client.clock() < self._ask_after:
            return found
        try:
            for some in batches(addresses, MOST):
                for one in self._batch("read", some).each("results"):
                    found[_of(one)] = {each.id("subscriptionId"): _status(each) for each in one.each("statuses", [])}
                for one in self._batch("unsubscribe-all/read", some).each("results"):
                    # An address of which nothing is said here may have left all the same, as its contact tells.
                    said = [_left(each) for each in one.each("wideStatuses", []) if _of_account(each)]
                    found.setdefault(_of(one), {}).update({ALL: any(said)} if said else {})
        except (Forbidden, Gone, Unsupported):
            self._ask_after = self._client.clock() + HOUR
            return {}
        return found

    def _batch(self, what: str, addresses: Sequence[str]) -> Payload:
        path = f"{STATUSES}/batch/{what}"
        body: Json = {"inputs": list(addresses)}
        return self._client.post(path, params=EMAIL_ONLY, json=body, reading=True).payload()


def _mirrored(properties: Fields, types: Sequence[str]) -> dict[str, Json]:
    refused = {id_: properties.get(f"{OPTED_OUT}_{id_}") == "true" for id_ in types}
    return {
        ALL: properties.get(OPTED_OUT) == "true",
        **{id_: UNSUBSCRIBED if flag else None for id_, flag in refused.items()},
    }


def _status(told: Payload) -> str | None:
    status = told.text("status", "")
    return status if status in (SUBSCRIBED, UNSUBSCRIBED) else None


def _of_account(told: Payload) -> bool:
    """Whether a status is about all mail of the account, not of one of its brands."""
    return told.text("wideStatusType", "") == "PORTAL_WIDE"


def _left(told: Payload) -> bool:
    return told.text("status", "") == UNSUBSCRIBED


def _of(told: Payload) -> str:
    return told.text("subscriberIdString").lower()


def _address(properties: Fields) -> str:
    return str(properties.get("email") or "").strip().lower()
