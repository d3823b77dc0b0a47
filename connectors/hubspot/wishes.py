"""Telling HubSpot what a person wants of its mail.

Refusals are always carried out, and before anything else of the same contact is written. A grant goes by the call that
HubSpot itself refuses for who once unsubscribed (communication preferences v3), so that no grant of ours overrules
such a word, however old our reading is; setting `resubscribe` lets it go by the newer call that can. Who left all mail
is never brought back here: there is no call for that, and only the person can.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import quote

from connectors._kit.paging import batches
from connectors.hubspot.batches import FOR_ALL, Batches, not_sent
from connectors.hubspot.client import Client
from connectors.hubspot.subscriptions import ALL, EMAIL_ONLY, FIELD, MOST, SUBSCRIBED, UNSUBSCRIBED
from connectors.hubspot.trouble import NO_BASIS, PersonActs, unsubscribed
from connectors.hubspot.versions import STATUSES
from core.errors import ConfigError, Forbidden, Refused, ToolError
from core.model.values import Json
from core.ports import Edit, Fields, Receipt

BASES = (
    "CONSENT_WITH_NOTICE", "LEGITIMATE_INTEREST_CLIENT", "LEGITIMATE_INTEREST_OTHER", "LEGITIMATE_INTEREST_PQL",
    "NON_GDPR", "PERFORMANCE_OF_CONTRACT", "PROCESS_AND_STORE",
)  # fmt: skip
AGAIN = ("refuse", "carry_out")

_SAID_NO = re.compile(r"unsubscribed|opted out|opt-out", re.IGNORECASE)
_SO_ALREADY = {value: re.compile(rf"already {value}", re.IGNORECASE) for value in (SUBSCRIBED, UNSUBSCRIBED)}
_ASKS_FOR_BASIS = re.compile(r"legal ?basis", re.IGNORECASE)


class Manners(NamedTuple):
    """How wishes are told to HubSpot."""

    basis: str = ""
    explanation: str = ""
    again: bool = False
    """Whether a grant is carried out for who unsubscribed from that type, too."""

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Manners:
        """As the settings want it; `ConfigError` for words that they do not have."""
        basis, again = str(settings.get("legal_basis") or ""), str(settings.get("resubscribe") or AGAIN[0])
        for name, value, known in (("legal_basis", basis, ("", *BASES)), ("resubscribe", again, AGAIN)):
            if value not in known:
                words = ", ".join(filter(None, known))
                raise ConfigError(f"Setting {name} is {value!r}.", remedy=f"Write one of {words}.")
        return cls(basis, str(settings.get("legal_basis_explanation") or ""), again == AGAIN[1])


class Wish(NamedTuple):
    """What one edit wants of one address."""

    address: str
    wanted: Mapping[str, Json]
    """`all` → whether they left all mail; id of a type → SUBSCRIBED or UNSUBSCRIBED."""
    held: Mapping[str, Json]

    @property
    def leaves(self) -> bool:
        """Whether the address is to get no mail any more."""
        return self.wanted.get(ALL) is True

    @property
    def narrows(self) -> bool:
        """Whether anything of it is a refusal."""
        return self.leaves or UNSUBSCRIBED in self.wanted.values()

    @property
    def comes_back(self) -> bool:
        """Whether an address that left all mail is to get mail again."""
        return self.wanted.get(ALL) is False and self.held.get(ALL) is True

    def of_types(self) -> list[tuple[str, Json]]:
        """What is wanted of single types, refusals first; who leaves all mail leaves each."""
        types = [(name, value) for name, value in self.wanted.items() if name != ALL]
        refusals = [] if self.leaves else [one for one in types if one[1] == UNSUBSCRIBED]
        return [*refusals, *(one for one in types if one[1] != UNSUBSCRIBED)]


Fate = Fields | ToolError
"""What HubSpot holds now of what was wanted, or what is wrong."""


def wish_of(edit: Edit, fields: dict[str, Json]) -> Wish | None:
    """Take the wishes out of an edit's fields. An address that is new takes the refusals of the former one along."""
    wanted = {name: value for name, value in (fields.pop(FIELD, None) or {}).items() if value is not None}
    held = edit.held.get(FIELD) or {}
    if "email" in fields and held:
        wanted = {name: value for name, value in held.items() if value in (True, UNSUBSCRIBED)} | wanted
        held = {}
    address = str(fields["email"] if "email" in fields else edit.held.get("email") or "").strip()
    return Wish(address, wanted, held) if wanted else None


class Wishes:
    """Carries out wishes."""

    def __init__(self, client: Client, manners: Manners) -> None:
        self._client = client
        self._manners = manners
        self._for_many = True

    def carry_out(self, sender: Batches, wishes: Mapping[str, Wish]) -> dict[str, Fate]:
        """Trace → its fate. Raises nothing; once an error concerns all, nothing more is sent."""
        there = {trace: wish for trace, wish in wishes.items() if wish.address}
        fates: dict[str, Fate] = {
            trace: _nowhere() if wish.narrows and not wish.address else {} for trace, wish in wishes.items()
        }
        fates |= self._all_left(sender, {trace: wish for trace, wish in there.items() if wish.leaves})
        for trace, wish in there.items():
            for name, value in wish.of_types():
                so_far = fates[trace]
                if isinstance(so_far, ToolError):
                    break
                fates[trace] = self._of_type(sender, wish, name, value, so_far)
            if wish.comes_back and not isinstance(fates[trace], ToolError):
                fates[trace] = unsubscribed(f"{FIELD}.{ALL}")
        return fates

    # --- from all mail

    def _all_left(self, sender: Batches, wishes: Mapping[str, Wish]) -> dict[str, Fate]:
        fates: dict[str, Fate] = {}
        for some in batches(list(wishes), MOST) if len(wishes) > 1 and self._for_many else []:
            body: Json = {"inputs": [wishes[trace].address for trace in some]}
            told = self._sent(sender, partial(self._post, "batch/unsubscribe-all", body))
            if isinstance(told, Forbidden):
                # The call for many comes with Marketing Hub Enterprise alone.
                sender.halted, self._for_many = None, False
                break
            if isinstance(told, dict) and not told.get("errors"):
                fates |= {trace: _left(wishes[trace]) for trace in some}
        for trace in wishes.keys() - fates.keys():
            path = f"{quote(wishes[trace].address, safe='')}/unsubscribe-all"
            told = self._sent(sender, partial(self._post, path, None))
            fates[trace] = told if isinstance(told, ToolError) else _left(wishes[trace])
        return fates

    # --- from one type

    def _of_type(self, sender: Batches, wish: Wish, name: str, value: Json, so_far: Fields) -> Fate:
        if value not in (SUBSCRIBED, UNSUBSCRIBED):
            return Refused(f"HubSpot knows no status {str(value)[:40]!r} of a subscription.", field=f"{FIELD}.{name}")
        basis = {"legalBasis": self._manners.basis, "legalBasisExplanation": self._manners.explanation}
        given = {word: said for word, said in basis.items() if said}
        body = {"emailAddress": wish.address, "subscriptionId": name, **given}
        operation = "subscribe" if value == SUBSCRIBED else "unsubscribe"
        told = self._sent(sender, partial(self._client.ask, "statuses", operation, body))
        if isinstance(told, Refused) and value == SUBSCRIBED and _SAID_NO.search(told.message):
            if not self._manners.again:
                return unsubscribed(f"{FIELD}.{name}")
            again = {"subscriptionId": int(name), "statusState": value, **EMAIL_ONLY, **given}
            told = self._sent(sender, partial(self._post, quote(wish.address, safe=""), again, params={}))
        if isinstance(told, Refused) and _ASKS_FOR_BASIS.search(told.message):
            return Refused(told.message, code=NO_BASIS, field=f"{FIELD}.{name}")
        if isinstance(told, ToolError) and not (isinstance(told, Refused) and _SO_ALREADY[value].search(told.message)):
            return told
        return {**so_far, f"{FIELD}.{name}": value}

    def _post(self, path: str, body: Json, params: Mapping[str, Any] = EMAIL_ONLY) -> Json:
        answer = self._client.post(f"{STATUSES}/{path}", params=params, json=body)
        return answer.json() if answer.content else {}

    def _sent(self, sender: Batches, call: Callable[[], Any]) -> Any:
        if sender.halted is not None:
            return not_sent(sender.halted)
        try:
            return call()
        except FOR_ALL as error:
            sender.halted = error
            return error
        except ToolError as error:
            return error


def _nowhere() -> Refused:
    return Refused("HubSpot keeps refusals by address, and this contact has none.", field=FIELD)


def _left(wish: Wish) -> Fields:
    """Who left all mail has left every type that was spoken of."""
    return {f"{FIELD}.{name}": value for name, value in wish.wanted.items() if value in (True, UNSUBSCRIBED)}


def holds_up(wish: Wish | None, fate: Fate | None) -> bool:
    """Whether nothing else of a contact may be written, because a refusal of its person did not arrive."""
    # A grant that is left to the person comes after all refusals, so those have arrived then.
    return isinstance(fate, ToolError) and not isinstance(fate, PersonActs) and wish is not None and wish.narrows


def with_fate(receipt: Receipt, fate: Fate) -> Receipt:
    """The receipt of a contact, with what became of its person's wishes."""
    if receipt.error is not None:
        return receipt
    if isinstance(fate, ToolError):
        return Receipt(error=fate)
    return replace(receipt, fields={**(receipt.fields or {}), **fate}) if fate else receipt
