"""Forms: how people outside ask for something, as an installation declares it. What is posted is a lead.

A form is a source like any tool. Its words are claims of `form:NAME`; each submission is a record of its own there, so
that the first stays what it was, whatever the same person asks later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

REASON = "reason"
"""The one field of a form that is none of a contact: why they write. It heads the note of the submission."""

ASKED = "asked"
"""The field that holds what they ask, in their own words."""

UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")

CONTEXT = ("page", "source", *UTM, "first_touch_at", "lifecycle_stage")
"""What a submission brings along by itself; no form asks for it."""


class FormField(NamedTuple):
    """One thing that is asked. `type` is that of the contact's field (`core.model.types.TYPES`)."""

    name: str
    label: str
    type: str
    required: bool = False
    choices: tuple[str, ...] = ()


class Tick(NamedTuple):
    """One box by which a person consents."""

    field: str
    """`consent.CHANNEL` or `consent.CHANNEL.TOPIC`."""
    wording: str
    """The words beside the box, exactly; the ledger keeps them."""


@dataclass(frozen=True, slots=True)
class Form:
    """One form."""

    name: str
    title: str
    fields: tuple[FormField, ...]
    ticks: tuple[Tick, ...] = ()
    sites: tuple[str, ...] = ()
    """Origins (`https://shop.example`) whose pages may hold the form."""
    thanks: str | None = None
    """Where people are led when they have sent it; None for the hub's own page. On one of `sites`."""
    source: str = "web"
    """Where its leads are said to come from, unless a submission says otherwise."""
    reason: str | None = None
    """Why people write by this form, unless they say otherwise."""

    @property
    def speaks_as(self) -> str:
        """The name under which its words are claimed."""
        return f"form:{self.name}"

    def tick(self, field: str) -> Tick | None:
        """The box for a consent."""
        return next((one for one in self.ticks if one.field == field), None)
