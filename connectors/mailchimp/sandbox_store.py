"""What the sandbox holds: audiences with their merge fields, webhooks and members, and each member's past.

A member keeps its earlier states, so that a late reading can show an older one.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from core.model.instant import Instant


def hash_of(email: str) -> str:
    """The hash by which a member stands in paths."""
    return hashlib.md5(email.lower().encode(), usedforsecurity=False).hexdigest()


class State(NamedTuple):
    """A member from one change to the next; nothing in it is changed in place."""

    email: str
    status: str
    merges: Mapping[str, Any]
    tags: tuple[str, ...] = ()
    language: str = ""
    vip: bool = False
    email_type: str = "html"
    interests: Mapping[str, bool] = {}
    timestamp_signup: Instant | None = None
    timestamp_opt: Instant | None = None
    reason: str = ""
    source: str = "API - Generic"
    before: str = ""
    """The status that an archived member had."""
    sms_number: str = ""
    sms_status: str = ""
    sms_changed: Instant | None = None
    last_changed: Instant = 0
    seen_at: Instant = 0
    """When it could first be seen."""


@dataclass(slots=True)
class Member:
    """One member, whatever their address."""

    contact_id: str
    web_id: int
    past: list[State]

    @property
    def state(self) -> State:
        """How the member is."""
        return self.past[-1]

    def at(self, until: Instant | None) -> State | None:
        """As of a moment; None if there was nobody yet. A moment of None is now."""
        if until is None:
            return self.state
        return next((state for state in reversed(self.past) if state.seen_at <= until), None)


@dataclass(frozen=True, slots=True)
class MergeField:
    """One merge field."""

    merge_id: int
    tag: str
    name: str
    type: str = "text"
    required: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Hook:
    """One webhook."""

    id: str
    url: str
    events: Mapping[str, bool]
    sources: Mapping[str, bool]
    signing_secret: str = ""


_USUAL: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("FNAME", "First Name", "text", {}),
    ("LNAME", "Last Name", "text", {}),
    ("ADDRESS", "Address", "address", {"default_country": 164}),
    ("PHONE", "Phone Number", "phone", {"phone_format": "none"}),
    ("BIRTHDAY", "Birthday", "birthday", {"date_format": "MM/DD"}),
)


class Audience:
    """One audience, as a new one is."""

    def __init__(self, id: str, name: str) -> None:
        self.id = id
        self.name = name
        self.double_optin = False
        self.marketing_permissions = False
        self.members: dict[str, Member] = {}
        """By contact id."""
        self.by_hash: dict[str, Member] = {}
        self.forgotten: set[str] = set()
        """Hashes of addresses that were deleted for good."""
        self.crowded: set[str] = set()
        """Hashes of addresses that signed up everywhere lately."""
        self.hooks: dict[str, Hook] = {}
        self.hooked = 0
        """How many webhooks there ever were."""
        self.tag_ids: dict[str, int] = {}
        self._numbers = itertools.count(1)
        self.merges: dict[str, MergeField] = {}
        for tag, label, type_, options in _USUAL:
            self.add_merge(tag, label, type_, options=options)

    def add_merge(
        self, tag: str, name: str, type: str, *, required: bool = False, options: Mapping[str, Any] | None = None
    ) -> MergeField:
        """Another merge field."""
        made = MergeField(len(self.merges) + 1, tag, name, type, required, dict(options or {}))
        self.merges[tag] = made
        return made

    def add(self, state: State) -> Member:
        """Another member."""
        number = next(self._numbers)
        name = hashlib.sha256(f"{self.id} {number}".encode()).hexdigest()[:32]
        member = Member(name, 100_000 + number, [state])
        self.members[name] = self.by_hash[hash_of(state.email)] = member
        return member

    def put(self, member: Member, state: State) -> None:
        """A member's next state; a new address is a new hash."""
        old, new = hash_of(member.state.email), hash_of(state.email)
        if old != new:
            del self.by_hash[old]
            self.by_hash[new] = member
        member.past = [*member.past[-15:], state]

    def forget(self, member: Member) -> None:
        """Nothing is left but that the address is not welcome."""
        hash_ = hash_of(member.state.email)
        del self.by_hash[hash_], self.members[member.contact_id]
        self.forgotten.add(hash_)

    def find(self, name: str, *, hash_only: bool = False) -> Member | None:
        """By hash; where the documentation says so, by contact id or address, too."""
        found = self.by_hash.get(name.lower())
        if found is None and not hash_only:
            found = self.members.get(name) or self.by_hash.get(hash_of(name))
        return found

    def tag_id(self, name: str) -> int:
        """A tag's number."""
        return self.tag_ids.setdefault(name, len(self.tag_ids) + 1)

    def states(self, until: Instant | None) -> Iterator[tuple[Member, State]]:
        """Everybody, archived ones too, as of a moment."""
        for member in self.members.values():
            state = member.at(until)
            if state is not None:
                yield member, state
