"""People of the console: passwords, one-time codes, one-time links and roles. What they do is on the trail.

A password is kept as argon2id writes it, a token as its digest, a code's secret sealed by the vault. Whoever tries an
unknown address waits as long as whoever tries a wrong password, and both are told the same.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from email_validator import EmailNotValidError, validate_email

from api.rates import Rates
from core.errors import ConfigError
from core.model.instant import DAY, HOUR, MINUTE, SECOND
from core.store import people, trail
from core.store.people import Account, Invitation, Person, Visit

if TYPE_CHECKING:
    from api.assembly import Installation
    from api.console.oidc import Identity
    from core.errors import ConcordError
    from core.store import Tx

SHORTEST, LONGEST = 12, 256
"""Letters of a password."""
LASTING, IDLE = 7 * DAY, 12 * HOUR
"""A visit ends so long after it began, or after anything was last seen of it."""
INVITED = DAY
"""So long a one-time link is good."""
_NOTED = 5 * MINUTE
"""How exactly it is kept when somebody was last seen."""
_TRIES = 10
"""So many tries a minute an address has, and whoever asks."""
_STEP = 30
"""Seconds of a one-time code."""


class Role(StrEnum):
    """What somebody may do; each may all that the ones before it may."""

    VIEWER = "viewer"
    """Reads, with personal data masked."""
    OPERATOR = "operator"
    """Reads everything, answers reviews, tries again. No secrets, no mappings, no erasure."""
    ADMIN = "admin"
    """Everything."""

    def may(self, asked: Role) -> bool:
        """Whether this one is enough for what asks for that one."""
        order = list(Role)
        return order.index(self) >= order.index(asked)


class Visitor(NamedTuple):
    """Somebody who is signed in."""

    person: Person
    digest: str
    form_key: str

    @property
    def role(self) -> Role:
        """What they may do."""
        return Role(self.person.role)

    def may(self, role: str) -> bool:
        """Whether they may do what asks for that role."""
        return self.role.may(Role(role))


class Turned(NamedTuple):
    """Why somebody was not let in."""

    sentence: str
    asks_code: bool = False
    """Everything is right but the one-time code."""


class People:
    """The people of one installation. Safe to ask from many threads."""

    def __init__(self, installation: Installation) -> None:
        """Nobody is asked for yet."""
        self._at, self._tries = installation, Rates(_TRIES)

    # --- one-time links

    def first_link(self) -> str | None:
        """A token that makes the first admin; None once there is somebody. A former one is good no more."""
        with self._at.store.writing(durable=True) as tx:
            return self._link(tx, "", Role.ADMIN, None) if people.is_empty(tx) else None

    def invite(self, email: str, role: Role, *, by: Visitor | None) -> str:
        """A token that makes somebody with this address and role; for who is there already, one for a new password."""
        address = address_of(email)
        with self._at.store.writing(durable=True) as tx:
            known = people.by_email(tx, address)
            token = self._link(tx, address, Role(known.role) if known else role, known.id if known else None)
            self.note(tx, by, "new password" if known else "invite", {"email": address, "role": role})
        return token

    def uninvite(self, email: str, *, by: Visitor) -> None:
        """Take a link back."""
        with self._at.store.writing() as tx:
            people.uninvite(tx, email)
            self.note(tx, by, "uninvite", {"email": email})

    def invited(self, token: str) -> Invitation:
        """What a token is for; `ConfigError` where it is not good any more."""
        with self._at.store.reading() as tx:
            found = people.invited(tx, digest_of(token), self._at.clock())
        if found is None:
            raise ConfigError(
                "This link is not good any more: it was used, taken back, or is older than a day.",
                remedy="Ask an admin for another one, or make it with `concord people invite`.",
            )
        return found

    def accept(self, token: str, *, email: str, name: str, password: str) -> str:
        """Become who a token names; gives the token of a visit."""
        found, now = self.invited(token), self._at.clock()
        address, hashed = found.email or address_of(email), hash_of(password, {found.email or email, name})
        with self._at.store.writing(durable=True) as tx:
            if not people.use(tx, found.digest) or (not found.email and not people.is_empty(tx)):
                raise ConfigError("This link was used a moment ago.", remedy="Sign in, or ask for another one.")
            if found.person_id is None:
                id_ = people.add(
                    tx, email=address, name=name.strip() or address, role=found.role, password=hashed, zone="UTC",
                    at=now,
                )  # fmt: skip
            else:
                id_ = found.person_id
                people.change(tx, id_, password=hashed, totp=None)
                people.end_all(tx, id_)
            token, visit = self._begun(tx, self._known(tx, id_))
            self.note(tx, visit, "accept an invitation", {"role": found.role})
        return token

    # --- coming and going

    def come_in(self, email: str, password: str, code: str, *, asker: str) -> str | Turned:
        """Sign in; gives the token of a visit, or why not."""
        now, address = self._at.clock(), email.strip().lower()
        if not self._at.settings.passwords:
            return Turned("Passwords are not taken here. Sign in by the provider.")
        wait = max(self._tries.wait(one, now) for one in (f"from {asker}", f"as {address}"))
        if wait:
            return Turned(f"Too many tries. Wait {wait} seconds, then try again.")
        with self._at.store.reading() as tx:
            found = people.by_email(tx, address)
        right = _is_right(found.password if found is not None else None, password)
        if found is None or not right or found.shut_at is not None:
            with self._at.store.writing() as tx:
                self.note(tx, None, "sign in, refused", {"email": address, "from": asker})
            return Turned("The address or the password is wrong.")
        if found.totp is not None and not code.strip():
            return Turned("Enter the code that your app shows.", asks_code=True)
        with self._at.store.writing(durable=True) as tx:
            if found.totp is not None and not self._takes(tx, found, code):
                self.note(tx, None, "sign in, refused", {"email": address, "from": asker, "why": "code"})
                return Turned("The code is wrong, or was used already. Wait for the next one.", asks_code=True)
            people.forget_visits(tx, made_before=now - LASTING, seen_before=now - IDLE)
            token, visitor = self._begun(tx, found)
            self.note(tx, visitor, "sign in", {"from": asker})
        return token

    def visitor(self, token: str) -> Visitor | None:
        """Who has this token and may still come in."""
        now, digest = self._at.clock(), digest_of(token)
        with self._at.store.reading() as tx:
            found = people.visitor(tx, digest)
        if found is None:
            return None
        visit, who = found
        if who.shut_at is not None or visit.made_at < now - LASTING or visit.seen_at < now - IDLE:
            return None
        if visit.seen_at < now - _NOTED:
            with self._at.store.writing() as tx:
                people.seen(tx, digest, now)
        return Visitor(who, digest, visit.form_key)

    def leave(self, visitor: Visitor) -> None:
        """Sign out."""
        with self._at.store.writing() as tx:
            people.end(tx, visitor.digest)
            self.note(tx, visitor, "sign out", {})

    def come_in_from(self, told: Identity, *, by: str, asker: str) -> str:
        """Sign in as an identity provider tells; `by` is its name. The token of a visit; `ConfigError` says why not."""
        now = self._at.clock()
        with self._at.store.writing(durable=True) as tx:
            found = self._known_as(tx, told, by)
            people.forget_visits(tx, made_before=now - LASTING, seen_before=now - IDLE)
            token, visitor = self._begun(tx, found)
            self.note(tx, visitor, "sign in", {"from": asker, "by": by})
        return token

    def count_try(self, asker: str) -> None:
        """Count one more try from there; `ConfigError` where there were too many."""
        if wait := self._tries.wait(f"from {asker}", self._at.clock()):
            raise ConfigError("Too many tries.", remedy=f"Wait {wait} seconds, then try again.")

    def turned_away(self, error: ConcordError, *, by: str, asker: str) -> None:
        """Put on the trail that a provider's sign-in came to nothing."""
        with self._at.store.writing() as tx:
            self.note(tx, None, "sign in, refused", {"from": asker, "by": by, "why": error.message})

    # --- oneself

    def choose_password(self, visitor: Visitor, old: str, new: str) -> None:
        """Change one's password; other visits end."""
        if not _is_right(visitor.person.password, old):
            raise ConfigError("The present password is wrong.", remedy="Nothing was changed. Enter it again.")
        hashed = hash_of(new, {visitor.person.email, visitor.person.name})
        with self._at.store.writing(durable=True) as tx:
            people.change(tx, visitor.person.id, password=hashed)
            people.end_all(tx, visitor.person.id, but=visitor.digest)
            self.note(tx, visitor, "new password", {})

    def choose_codes(self, visitor: Visitor, secret: str | None, code: str) -> None:
        """Ask for one-time codes from now on, once one was shown to work; None: no more."""
        if secret is not None and not pyotp.TOTP(secret).verify(code.strip(), for_time=self._seconds(), valid_window=1):
            raise ConfigError(
                "The code does not fit the secret.", remedy="Look at the clock of your phone, then enter the next code."
            )
        sealed = None if secret is None else self._at.vault.seal({"totp": secret})
        with self._at.store.writing(durable=True) as tx:
            people.change(tx, visitor.person.id, totp=sealed, totp_step=None)
            self.note(tx, visitor, "one-time codes", {"asked": secret is not None})

    def introduce(self, visitor: Visitor, *, name: str, zone: str) -> None:
        """Change one's name and the zone in which times are shown."""
        zone_of(zone)
        with self._at.store.writing() as tx:
            people.change(tx, visitor.person.id, name=name.strip() or visitor.person.email, zone=zone)
            self.note(tx, visitor, "profile", {"name": name, "zone": zone})

    # --- others

    def give_role(self, id_: int, role: Role, *, by: Visitor) -> None:
        """Let somebody do more, or less; the last admin stays one."""
        with self._at.store.writing(durable=True) as tx:
            found = self._other(tx, id_, keeps=role is Role.ADMIN)
            people.change(tx, id_, role=role)
            people.keep_role(tx, id_)
            self.note(tx, by, "give a role", {"email": found.email, "role": role})

    def shut_out(self, id_: int, *, shut: bool, by: Visitor | None) -> None:
        """Let somebody not come in any more, or again; their visits end at once."""
        with self._at.store.writing(durable=True) as tx:
            found = self._other(tx, id_, keeps=not shut)
            people.change(tx, id_, shut_at=self._at.clock() if shut else None)
            if shut:
                people.end_all(tx, id_)
            self.note(tx, by, "shut out" if shut else "let in again", {"email": found.email})

    def untie(self, id_: int, *, by: Visitor | None) -> None:
        """Forget which account of an identity provider somebody has; the next one with their address is theirs."""
        with self._at.store.writing(durable=True) as tx:
            found = self._known(tx, id_)
            if not people.untie(tx, id_):
                raise ConfigError(f"{found.email} has no account of a provider.", remedy="There is nothing to untie.")
            people.end_all(tx, id_)
            self.note(tx, by, "untie from the provider", {"email": found.email})

    def note(self, tx: Tx, by: Visitor | None, what: str, about: Mapping[str, Any]) -> None:
        """Put what was done on the trail."""
        id_, who = (None, "nobody signed in") if by is None else (by.person.id, by.person.email)
        trail.add(tx, at=self._at.clock(), person_id=id_, who=who, what=what, about=about)

    # --- inside

    def _other(self, tx: Tx, id_: int, *, keeps: bool) -> Person:
        found = self._known(tx, id_)
        if not keeps and self._is_last(tx, found):
            raise ConfigError("This is the only admin.", remedy="Make somebody else an admin first.")
        return found

    def _known_as(self, tx: Tx, told: Identity, by: str) -> Person:
        """Who that is; `ConfigError` says why they may not come in. What is tied counts before the address."""
        known = people.account(tx, told.issuer, told.subject)
        found = self._following(tx, known, told, by) if known is not None else self._new_of(tx, told, by)
        if found.shut_at is not None:
            raise ConfigError(
                f"{found.email} may not come in any more.", remedy="An admin can let them in again on the page People."
            )
        return found

    def _following(self, tx: Tx, known: tuple[Account, Person], told: Identity, by: str) -> Person:
        """Somebody who is tied already; where the provider gives their role, it is as their groups are now."""
        tie, person = known
        if not tie.gives_role or told.role == person.role or self._is_last(tx, person):
            return person
        if told.role is None:
            raise ConfigError(
                f"None of your groups at {by} gives a role here any more.",
                remedy="An admin can give you one on the page People, or whoever runs the provider a group.",
            )
        people.change(tx, person.id, role=told.role)
        self.note(tx, None, "give a role", {"email": person.email, "role": told.role, "by": by})
        return person._replace(role=told.role)

    def _new_of(self, tx: Tx, told: Identity, by: str) -> Person:
        """Somebody who comes by the provider for the first time: here already, invited, or in a group with a role."""
        if told.email is None:
            raise ConfigError(
                f"{by} has not verified your email address.",
                remedy="Verify it there, then try again; without it nobody here can know who you are.",
            )
        person, gives_role = people.by_email(tx, told.email), False
        if person is not None and people.is_tied(tx, person.id, told.issuer):
            raise ConfigError(
                f"{told.email} signs in with another account of {by}.",
                remedy="An admin can untie that one on the page People, if the new one is theirs.",
            )
        if person is None:
            invited = people.invited_as(tx, told.email, self._at.clock())
            role, gives_role = (told.role, True) if invited is None else (Role(invited.role), False)
            if role is None:
                raise ConfigError(
                    f"{told.email} was not invited.", remedy="Ask an admin to invite this address on the page People."
                )
            person = self._made(tx, told, told.email, role, by)
        if person.shut_at is None:
            people.tie(tx, Account(told.issuer, told.subject, person.id, gives_role, self._at.clock()))
        return person

    def _made(self, tx: Tx, told: Identity, email: str, role: Role, by: str) -> Person:
        people.uninvite(tx, email)
        id_ = people.add(
            tx, email=email, name=told.name.strip()[:100] or email, role=role, password=None, zone="UTC",
            at=self._at.clock(),
        )  # fmt: skip
        self.note(tx, None, "come in by the provider", {"email": email, "role": role, "by": by})
        return self._known(tx, id_)

    def _is_last(self, tx: Tx, person: Person) -> bool:
        return person.role == Role.ADMIN and person.shut_at is None and people.open_admins(tx) == 1

    def _known(self, tx: Tx, id_: int) -> Person:
        found = people.one(tx, id_)
        if found is None:
            raise ConfigError("There is nobody with this number.", remedy="Open the page of people again.")
        return found

    def _link(self, tx: Tx, email: str, role: Role, person_id: int | None) -> str:
        token, now = secrets.token_urlsafe(32), self._at.clock()
        people.invite(tx, Invitation(digest_of(token), email, role, person_id, now, now + INVITED))
        return token

    def _begun(self, tx: Tx, who: Person) -> tuple[str, Visitor]:
        token, now = secrets.token_urlsafe(32), self._at.clock()
        visit = Visit(digest_of(token), who.id, secrets.token_urlsafe(32), now, now)
        people.begin(tx, visit)
        return token, Visitor(who, visit.digest, visit.form_key)

    def _takes(self, tx: Tx, who: Person, code: str) -> bool:
        totp, at = pyotp.TOTP(self._at.vault.open(who.totp)["totp"]), self._seconds()
        for step in range(at // _STEP - 1, at // _STEP + 2):
            if pyotp.utils.strings_equal(code.strip(), totp.generate_otp(step)):
                return people.take_step(tx, who.id, step)
        return False

    def _seconds(self) -> int:
        return self._at.clock() // SECOND


def digest_of(token: str) -> str:
    """What is kept of a token. It has 256 random bits, so that a plain hash hides it."""
    return hashlib.sha256(token.encode()).hexdigest()


def address_of(email: str) -> str:
    """An address in small letters; `ConfigError` where it is none."""
    try:
        return validate_email(email.strip(), check_deliverability=False).normalized.lower()
    except EmailNotValidError as error:
        raise ConfigError(f"'{email.strip()[:80]}' is no email address.", remedy=str(error)) from error


def role_of(name: str) -> Role:
    """A role by its name; `ConfigError` where there is none."""
    try:
        return Role(name)
    except ValueError as error:
        raise ConfigError(f"There is no role '{name[:40]}'.", remedy=f"Choose from {', '.join(Role)}.") from error


def zone_of(name: str) -> ZoneInfo:
    """A time zone by its IANA name; `ConfigError` where there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigError(f"There is no time zone '{name[:60]}'.", remedy="Write one as Europe/London.") from error


def hash_of(password: str, known: set[str]) -> str:
    """A password as it is kept; `ConfigError` for one that is too short, too long, or what everybody knows of them."""
    if len(password) < SHORTEST or len(password) > LONGEST:
        raise ConfigError(
            f"A password has {SHORTEST} to {LONGEST} letters.", remedy="A sentence of a few words does well."
        )
    if password.strip().lower() in {one.strip().lower() for one in known} or len(set(password)) < SHORTEST // 3:
        raise ConfigError("This password is easy to guess.", remedy="Choose one with more different letters.")
    return _hasher().hash(password)


def _is_right(hashed: str | None, password: str) -> bool:
    """Takes as long where there is nothing to compare with."""
    try:
        _hasher().verify(hashed or _nobody(), password[:LONGEST])
    except (Argon2Error, InvalidHashError):
        return False
    return hashed is not None


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@cache
def _nobody() -> str:
    return _hasher().hash(secrets.token_urlsafe(32))
