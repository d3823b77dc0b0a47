"""What tells one protocol on WebDAV from another: its names on the wire, its words, and how its members are read.

A connector declares one `Dialect`, and for each of its streams a `Format`: how the text of a member becomes fields
and how an edit becomes text. Everything else in this package is the same for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from core.model.instant import Instant
from core.ports import Fields


class MemberError(ValueError):
    """This text cannot be read, or this change cannot stand in it; the message is one plain sentence."""


class Content(NamedTuple):
    """A member as read."""

    fields: Fields
    """What it says, blank fields left out, and its whole text under the dialect's `whole`."""
    modified_at: Instant | None = None
    """The moment it was last changed, where it says so with a zone."""


class Format(Protocol):
    """How the members of one stream are read and edited. Pure; `MemberError` for what cannot be read or written."""

    def takes(self, kind: str) -> bool:
        """Whether a member of this content type (lower case, blank when untold) may belong to the stream."""
        ...

    def read(self, text: str) -> Content | None:
        """What a member says; None for what does not belong to the stream."""
        ...

    def new(self, uid: str, fields: Fields, at: Instant) -> str:
        """A member with these fields."""
        ...

    def edited(self, text: str, fields: Fields, at: Instant) -> str:
        """The member with these fields changed, the very same text if it says all that already."""
        ...


@dataclass(frozen=True, slots=True)
class Dialect:
    """One protocol on WebDAV. Names on the wire carry the prefixes of `protocol.SPACES`."""

    well_known: str
    """The last part of `/.well-known/…` (RFC 6764)."""
    home: str
    """The property of a principal that leads to its collections."""
    collection: str
    """The local name of the type of its collections."""
    data: str
    """The property that holds a member's text."""
    multiget: str
    """The report that gives members by address."""
    query: str
    """The report that searches."""
    by_uid: str
    """The filter of that report for one UID, `{uid}` in its place."""
    media: str
    """The type of a member's text."""
    suffix: str
    """How the addresses of members end."""
    whole: str
    """The field that holds a member's whole text."""
    faults: frozenset[str]
    """Conditions that say what is wrong with a member, and not with the account."""
    room: str
    """What people call a collection."""
    member: str
    """What people call a member."""
    setting: str
    """The setting that names a collection where there are several."""
    more: tuple[str, ...] = ()
    """Further properties of a collection to ask for."""
    delete_headers: Mapping[str, str] = field(default_factory=dict)
    """What goes with every DELETE."""
