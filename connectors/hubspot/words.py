"""HubSpot's words for what we call streams, links and scopes: tables, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

OWNERS = "owners"

OPTED_OUT = "hs_email_optout"
"""The property that repeats on a contact who left all email; `hs_email_optout_ID` is one type's."""


class Kind(NamedTuple):
    """One type of object in HubSpot."""

    type_id: str
    singular: str
    """Its word in webhooks."""
    stamp: str = "hs_lastmodifieddate"
    """The property by which a search finds what changed."""


OBJECTS: Mapping[str, Kind] = {
    "companies": Kind("0-2", "company"),
    # Contacts are older than the prefix (github.com/amp-labs/connectors/pull/39).
    "contacts": Kind("0-1", "contact", "lastmodifieddate"),
    "deals": Kind("0-3", "deal"),
    "tasks": Kind("0-27", "task"),
    "calls": Kind("0-48", "call"),
    "meetings": Kind("0-47", "meeting"),
    "notes": Kind("0-46", "note"),
    "emails": Kind("0-49", "email"),
}
"""Stream → its type of object."""

ACTIVITIES = ("tasks", "calls", "meetings", "notes", "emails")

STREAM_OF: Mapping[str, str] = {
    **{kind.type_id: stream for stream, kind in OBJECTS.items()},
    **{kind.singular: stream for stream, kind in OBJECTS.items()},
}
"""A type's id or singular word, as events name it → our stream."""


class Link(NamedTuple):
    """One association that a stream shows as a field of `associations`."""

    field: str
    to: str
    """The stream whose ids it holds."""
    type_id: int
    """The type HubSpot gives to what we make; with one value it is also the type that is shown first."""
    many: bool = False
    label: bool = False
    """The type is a label of its own meaning; associations without it are something else."""


LINKS: Mapping[str, tuple[Link, ...]] = {
    "companies": (Link("parent", "companies", 14, label=True),),
    "contacts": (Link("company", "companies", 1),),
    "deals": (Link("company", "companies", 5), Link("contacts", "contacts", 3, many=True)),
    "tasks": (
        Link("contacts", "contacts", 204, many=True), Link("company", "companies", 192), Link("deal", "deals", 216),
    ),
    "calls": (
        Link("contacts", "contacts", 194, many=True), Link("company", "companies", 182), Link("deal", "deals", 206),
    ),
    "meetings": (
        Link("contacts", "contacts", 200, many=True), Link("company", "companies", 188), Link("deal", "deals", 212),
    ),
    "notes": (
        Link("contacts", "contacts", 202, many=True), Link("company", "companies", 190), Link("deal", "deals", 214),
    ),
    "emails": (
        Link("contacts", "contacts", 198, many=True), Link("company", "companies", 186), Link("deal", "deals", 210),
    ),
}  # fmt: skip
"""Stream → its associations. The types are those HubSpot defines; 1 and 5 make a company the primary one."""

STAGE = "lifecyclestage"
LIFECYCLE = (
    "subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "opportunity", "customer", "evangelist",
    "other",
)  # fmt: skip
"""The stages of a new account, in the order in which HubSpot lets a record go on."""

COUPLED: Mapping[str, tuple[str, ...]] = {"deals": ("pipeline", "dealstage")}
"""Properties that must be written together: a stage means nothing without its pipeline."""

TIME = "hs_timestamp"
DUE = ("tasks", TIME)
HAPPENED = ("calls", "meetings", "notes", "emails")
"""Activities that HubSpot takes only with a time; where we have none it is the time of writing. A task's time is the
day on which it is due, and nobody may make that up."""

SCOPES: Mapping[str, str] = {
    "crm.objects.owners.read": "read owners",
    "crm.objects.companies.read": "read companies",
    "crm.objects.companies.write": "add, change and delete companies",
    "crm.objects.contacts.read": "read contacts, tasks, calls, meetings and notes",
    "crm.objects.contacts.write": "add, change and delete contacts and activities",
    "crm.objects.deals.read": "read deals",
    "crm.objects.deals.write": "add, change and delete deals",
    "crm.schemas.companies.read": "see which properties companies have",
    "crm.schemas.contacts.read": "see which properties contacts have",
    "crm.schemas.deals.read": "see which properties deals have",
    "sales-email-read": "read the text of emails",
    "communication_preferences.read": "see which types of email there are",
    "communication_preferences.write": "unsubscribe people, and subscribe who agreed",
}
"""Scope → what the connection does with it; the manifest says the same."""

ASKING_MANY = "communication_preferences.statuses.batch.read"
"""The scope for asking what many addresses want; of Marketing Hub Enterprise alone (2026-11-29)."""

HOW_TO_MAKE_THE_KEY = (
    "Run `concord check` with `--fix` to have it made, or make it in HubSpot: a single-line text with unique values."
)
HOW_TO_GRANT = (
    "In HubSpot open the app or service key of this connection, add the scopes under Scopes, save, and run "
    "`concord check` again; an OAuth app must be installed anew."
)
