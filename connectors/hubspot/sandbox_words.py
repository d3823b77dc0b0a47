"""The sandbox's tables of words: object types, what they show unasked, association types, scopes.

Type ids and association type ids as HubSpot publishes them (associations guide, looked up 2026-11-21); an account
can ask for its own by the labels endpoint.
"""

from __future__ import annotations

from typing import NamedTuple


class Kind(NamedTuple):
    """One type of record."""

    plural: str
    singular: str
    type_id: str
    shown: tuple[str, ...]
    """The properties a record shows when none are asked for, and always besides those that are."""
    scope: str
    """Whose scope guards it; activities stand under contacts."""

    @property
    def loud(self) -> str:
        """The word in error messages."""
        return self.singular.upper()

    @property
    def is_activity(self) -> bool:
        """Whether it is something that happened or is to be done, not a thing."""
        return self.plural in ACTIVITIES

    @property
    def created(self) -> str:
        """The property with the moment of creation."""
        return "hs_createdate" if self.is_activity else "createdate"

    @property
    def modified(self) -> str:
        """The property with the moment of the last change; contacts are older than the `hs_` prefix."""
        return "lastmodifieddate" if self.plural == "contacts" else "hs_lastmodifieddate"


ACTIVITIES = ("tasks", "calls", "meetings", "notes", "emails")
_ALWAYS = ("hs_createdate", "hs_lastmodifieddate", "hs_object_id")

KINDS = {
    kind.plural: kind
    for kind in (
        Kind("contacts", "contact", "0-1", ("createdate", "hs_object_id", "lastmodifieddate"), "contacts"),
        Kind("companies", "company", "0-2", ("createdate", "hs_lastmodifieddate", "hs_object_id"), "companies"),
        Kind("deals", "deal", "0-3", ("createdate", "hs_lastmodifieddate", "hs_object_id"), "deals"),
        Kind("tasks", "task", "0-27", _ALWAYS, "contacts"),
        Kind("calls", "call", "0-48", _ALWAYS, "contacts"),
        Kind("meetings", "meeting", "0-47", _ALWAYS, "contacts"),
        Kind("notes", "note", "0-46", _ALWAYS, "contacts"),
        Kind("emails", "email", "0-49", _ALWAYS, "contacts"),
    )
}

UNASKED = {
    "contacts": ("email", "firstname", "lastname"),
    "companies": ("domain", "name"),
    "deals": ("amount", "closedate", "dealname", "dealstage", "pipeline"),
}
"""What is shown besides `Kind.shown` when a call asks for no properties."""

_BY_WORD = {word: kind for kind in KINDS.values() for word in (kind.plural, kind.singular, kind.type_id)}


def kind_of(word: str) -> Kind | None:
    """The type a path names: by plural, singular or type id, in any case."""
    return _BY_WORD.get(word.lower())


class Tie(NamedTuple):
    """One way in which records of two types belong together, seen from both ends."""

    start: str
    end: str
    there: int
    """The association type id from `start` to `end`."""
    back: int
    label: str | None = None
    back_label: str | None = None


TIES = (
    Tie("contacts", "companies", 279, 280),
    Tie("contacts", "companies", 1, 2, "Primary", "Primary"),
    Tie("contacts", "deals", 4, 3),
    Tie("contacts", "contacts", 449, 449),
    Tie("deals", "companies", 341, 342),
    Tie("deals", "companies", 5, 6, "Primary", "Primary"),
    Tie("deals", "deals", 451, 451),
    Tie("companies", "companies", 450, 450),
    Tie("companies", "companies", 14, 13, "Parent Company", "Child Company"),
    Tie("calls", "contacts", 194, 193),
    Tie("calls", "companies", 182, 181),
    Tie("calls", "deals", 206, 205),
    Tie("emails", "contacts", 198, 197),
    Tie("emails", "companies", 186, 185),
    Tie("emails", "deals", 210, 209),
    Tie("meetings", "contacts", 200, 199),
    Tie("meetings", "companies", 188, 187),
    Tie("meetings", "deals", 212, 211),
    Tie("notes", "contacts", 202, 201),
    Tie("notes", "companies", 190, 189),
    Tie("notes", "deals", 214, 213),
    Tie("tasks", "contacts", 204, 203),
    Tie("tasks", "companies", 192, 191),
    Tie("tasks", "deals", 216, 215),
)
"""The association types HubSpot defines. 14 leads from a child company to its parent, 13 back."""

PRIMARY = {("contacts", "companies"): 1, ("deals", "companies"): 5}
"""The type that marks the one company a record belongs to above all."""

PARENT = 14

LIFECYCLE = (
    "subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "opportunity", "customer", "evangelist",
    "other",
)  # fmt: skip
"""The stages in their order; a contact or company only moves forward."""

SCOPES = frozenset(
    {f"crm.objects.{name}.{verb}" for name in ("contacts", "companies", "deals") for verb in ("read", "write")}
    | {f"crm.schemas.{name}.{verb}" for name in ("contacts", "companies", "deals") for verb in ("read", "write")}
    | {"crm.objects.owners.read", "sales-email-read", "oauth"}
    | {"communication_preferences.read", "communication_preferences.read_write", "communication_preferences.write"}
    | {"communication_preferences.statuses.batch.read", "communication_preferences.statuses.batch.write"}
)
"""Everything the sandbox's calls may ask for."""
