"""Keys of the API: what a program shows to be let in, and what it may do then.

A key has a role of the console, and of what that may do all or some scopes. It is shown once and kept as its digest; it
ends by itself if it is to, and at once when somebody shuts it. Making and shutting are on the trail.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from api.console.people import People, Role, Visitor, digest_of
from core.errors import ConfigError
from core.model.instant import MINUTE, Instant
from core.store import api_keys, trail
from core.store.api_keys import Key

if TYPE_CHECKING:
    from api.assembly import Installation

PREFIX = "concord_"
_SHOWN = len(PREFIX) + 6
"""Letters of a key that stay known."""
_NOTED = MINUTE
"""How exactly it is kept when a key was last used."""


class Scope(StrEnum):
    """What a key may be allowed."""

    RECORDS_READ = "records:read"
    """Records, why their values stand, where they are held, what happened, the change feed."""
    RECORDS_WRITE = "records:write"
    """Records are made and changed, as a person does in the console."""
    CONSENT_READ = "consent:read"
    """Whether somebody may be contacted, and the proof."""
    CONSENT_WRITE = "consent:write"
    """What somebody said about being contacted."""
    WORK_READ = "work:read"
    """Runs, the sync log, dead letters, reviews, connections, agreement, the scorecard and its records, forms."""
    WORK_ACT = "work:act"
    """Reviews are answered, dead letters tried again, connections paused, resumed and read again."""
    SETUP_READ = "setup:read"
    """Mappings with their versions, and other settings."""
    SETUP_WRITE = "setup:write"
    """Changes of these are planned and put in force."""
    HOOKS = "hooks"
    """Webhooks that the hub sends."""


LEAST = {
    Scope.RECORDS_READ: Role.VIEWER, Scope.RECORDS_WRITE: Role.OPERATOR, Scope.CONSENT_READ: Role.VIEWER,
    Scope.CONSENT_WRITE: Role.OPERATOR, Scope.WORK_READ: Role.VIEWER, Scope.WORK_ACT: Role.OPERATOR,
    Scope.SETUP_READ: Role.ADMIN, Scope.SETUP_WRITE: Role.ADMIN, Scope.HOOKS: Role.VIEWER,
}  # fmt: skip
"""Scope → the role that it takes."""


class Caller(NamedTuple):
    """A program that was let in."""

    key: Key

    @property
    def role(self) -> Role:
        """What it may see."""
        return Role(self.key.role)

    @property
    def name(self) -> str:
        """As what it stands on the trail."""
        return f"key {self.key.name}"

    def may(self, scope: Scope) -> bool:
        """Whether its key has this scope."""
        return scope in self.key.scopes


def scopes_of(role: Role) -> list[Scope]:
    """All that a role may."""
    return [scope for scope in Scope if role.may(LEAST[scope])]


class Keys:
    """The keys of one installation."""

    def __init__(self, installation: Installation) -> None:
        """Nothing is asked yet."""
        self._at = installation

    def make(
        self,
        name: str,
        role: Role,
        scopes: Collection[str] | None = None,
        *,
        ends_at: Instant | None = None,
        by: Visitor | None,
    ) -> tuple[str, int]:
        """A new key, which is shown this once, and its number; `ConfigError` for what its role may not."""
        chosen = _chosen(role, scopes)
        if not name.strip():
            raise ConfigError("A key needs a name.", remedy="Name the program that is to use it.")
        now = self._at.clock()
        if ends_at is not None and ends_at <= now:
            raise ConfigError("A key cannot end before it begins.", remedy="Choose a moment to come.")
        token = f"{PREFIX}{secrets.token_urlsafe(32)}"
        who = "the command line" if by is None else by.person.email
        with self._at.store.writing(durable=True) as tx:
            key = Key(
                0, name.strip(), token[:_SHOWN], role, tuple(chosen), who, now, ends_at, shut_at=None, seen_at=None
            )
            id_ = api_keys.add(tx, key, digest_of(token))
            about = {"key": id_, "name": name.strip(), "role": role, "scopes": sorted(chosen)}
            People(self._at).note(tx, by, "make a key", about)
        return token, id_

    def shut(self, id_: int, *, by: Visitor | None) -> None:
        """Let a key be good no more, from this moment on."""
        with self._at.store.writing(durable=True) as tx:
            if not api_keys.shut(tx, id_, self._at.clock()):
                raise ConfigError(f"There is no key {id_} that is good.", remedy="See `concord keys list`.")
            People(self._at).note(tx, by, "shut a key", {"key": id_})

    def every(self) -> list[Key]:
        """All keys, the newest first."""
        with self._at.store.reading() as tx:
            return api_keys.every(tx)

    def caller(self, token: str) -> Caller | None:
        """Whose key this is, while it is good."""
        now = self._at.clock()
        with self._at.store.reading() as tx:
            found = api_keys.by_digest(tx, digest_of(token))
        if found is None or not found.is_good(now):
            return None
        if found.seen_at is None or found.seen_at < now - _NOTED:
            with self._at.store.writing() as tx:
                api_keys.seen(tx, found.id, now)
        return Caller(found)

    def note(self, caller: Caller, what: str, about: dict[str, object]) -> None:
        """Put on the trail what a program did."""
        with self._at.store.writing() as tx:
            trail.add(tx, at=self._at.clock(), person_id=None, who=caller.name, what=what, about=about)


def _chosen(role: Role, scopes: Collection[str] | None) -> list[Scope]:
    may = scopes_of(role)
    if scopes is None:
        return may
    unknown = sorted(set(scopes) - set(Scope))
    if unknown:
        raise ConfigError(f"There is no scope '{unknown[0]}'.", remedy=f"Choose from {', '.join(Scope)}.")
    beyond = sorted({str(one) for one in scopes} - {str(one) for one in may})
    if beyond:
        raise ConfigError(
            f"A key with the role {role} cannot have the scope '{beyond[0]}'.",
            remedy=f"It may have {', '.join(may)}; or give it another role.",
        )
    if not scopes:
        raise ConfigError("A key without a scope could do nothing.", remedy=f"Choose from {', '.join(may)}.")
    return [Scope(one) for one in sorted(scopes)]
