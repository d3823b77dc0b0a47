"""Consent as it is said: one source's word about one person, one channel, and perhaps one topic.

The words themselves are claims like any other (`core.model.claim`), in fields named `consent.CHANNEL`. Here stands what
they are called, which contact point they are about, and the form in which the ledger keeps them for good.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from core.model.claim import Claim
from core.model.instant import Instant
from core.model.values import Json, Values

PREFIX = "consent."

POINTS: Mapping[str, str] = {"email": "email", "sms": "phone", "phone": "phone"}
"""Channel → the field that holds the address or number it goes to; the others go to the person."""

ALL = "all"
"""In the place of a channel: a do-not-contact, which covers every one."""

FORM = 1
"""The version of the ledger's form."""


class Occasion(NamedTuple):
    """About whom, by whom and how a word about consent came."""

    record_id: int
    binding_id: int
    source: str
    cause: str
    """How it was learnt, as in the history: seen, heard, decided, mapped, merged, undone."""
    at: Instant
    """When the hub learnt it."""
    run_id: int | None = None
    proof: Mapping[str, Json] | None = None
    """What was given as evidence: the form, the wording's version, the legal basis, who took it down.

    `wording` may name the words of each field by itself; an entry has its own.
    """

    def proof_of(self, field: str) -> dict[str, Json] | None:
        """The evidence for one field."""
        if not self.proof:
            return None
        wording = self.proof.get("wording")
        own = {"wording": wording.get(field)} if isinstance(wording, dict) else {}
        return {**self.proof, **own}


class Spoken(NamedTuple):
    """A source's word about consent, as it is written into the ledger."""

    occasion: Occasion
    field: str
    claim: Claim | None
    """None when the word no longer counts: its run was undone."""
    point: Json
    """The address or number that the source had for the person."""

    def entry(self) -> bytes:
        """The canonical bytes: JSON with sorted keys and no white space, numbers whole (RFC 8785)."""
        came = self.occasion
        told: dict[str, Any] = {
            "at": came.at,
            "binding": came.binding_id,
            "cause": came.cause,
            "channel": channel(self.field),
            "form": FORM,
            "point": self.point,
            "proof": came.proof_of(self.field),
            "record": came.record_id,
            "run": came.run_id,
            "source": came.source,
            "status": None if self.claim is None else self.claim.value,
            "topic": topic(self.field),
        }
        if self.claim is not None:
            stamp = self.claim.stamp
            told |= {"evidence": int(stamp.evidence), "explicit": stamp.explicit, "said": [stamp.since, stamp.at]}
        return orjson.dumps(told, option=orjson.OPT_SORT_KEYS)


def channel(field: str) -> str:
    """The channel of a field: `consent.email.news` → `email`."""
    return field.removeprefix(PREFIX).partition(".")[0]


def topic(field: str) -> str | None:
    """What for, or None for everything: `consent.email.news` → `news`."""
    return field.removeprefix(PREFIX).partition(".")[2] or None


def point(field: str, values: Values) -> Json:
    """The contact point that a word about consent is about, as its source has it."""
    return values.get(POINTS.get(channel(field), ""))
