"""People of the console: who may sign in, who is signed in, and whom a one-time link makes somebody.

Tokens are kept as digests: who reads the store can be nobody by it.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, update

from core.model.instant import Instant
from core.store.tables import invitation, person, provider_account, visit


class Person(NamedTuple):
    """Somebody who may sign in."""

    id: int
    email: str
    name: str
    role: str
    password: str | None
    """As argon2 writes it; None for who signs in elsewhere."""
    totp: bytes | None
    """The sealed secret of one-time codes; None where none are asked for."""
    totp_step: int | None
    zone: str
    made_at: Instant
    shut_at: Instant | None
    """Since when they may not come in."""


class Visit(NamedTuple):
    """Somebody who is signed in."""

    digest: str
    person_id: int
    form_key: str
    made_at: Instant
    seen_at: Instant


class Invitation(NamedTuple):
    """A one-time link: to become somebody with this role or, with a person, to choose another password."""

    digest: str
    email: str
    role: str
    person_id: int | None
    made_at: Instant
    ends_at: Instant


class Account(NamedTuple):
    """Somebody as an identity provider knows them, tied to who they are here."""

    issuer: str
    subject: str
    person_id: int
    gives_role: bool
    """Whether their role is the one that the provider's groups give."""
    tied_at: Instant


_PERSON = tuple(person.c[name] for name in Person._fields)
_VISIT = tuple(visit.c[name] for name in Visit._fields)
_INVITATION = tuple(invitation.c[name] for name in Invitation._fields)
_ACCOUNT = tuple(provider_account.c[name] for name in Account._fields)


def is_empty(tx: Connection) -> bool:
    """Whether there is nobody yet."""
    return tx.execute(select(person.c.id).limit(1)).first() is None


def everybody(tx: Connection) -> list[Person]:
    """All of them, by address."""
    return [Person(*row) for row in tx.execute(select(*_PERSON).order_by(person.c.email))]


def one(tx: Connection, id_: int) -> Person | None:
    """The person with this number."""
    row = tx.execute(select(*_PERSON).where(person.c.id == id_)).first()
    return Person(*row) if row is not None else None


def by_email(tx: Connection, email: str) -> Person | None:
    """The person with this address, in small letters."""
    row = tx.execute(select(*_PERSON).where(person.c.email == email)).first()
    return Person(*row) if row is not None else None


def open_admins(tx: Connection) -> int:
    """How many admins may come in."""
    query = select(func.count()).where(person.c.role == "admin", person.c.shut_at.is_(None))
    return int(tx.execute(query).scalar_one())


def add(tx: Connection, *, email: str, name: str, role: str, password: str | None, zone: str, at: Instant) -> int:
    """A new person; gives the number."""
    values = {"email": email, "name": name, "role": role, "password": password, "zone": zone, "made_at": at}
    return int(tx.execute(insert(person).values(values).returning(person.c.id)).scalar_one())


def change(tx: Connection, id_: int, **values: str | bytes | int | None) -> None:
    """Change some of what is known of a person."""
    tx.execute(update(person).where(person.c.id == id_).values(values))


def take_step(tx: Connection, id_: int, step: int) -> bool:
    """Take a one-time code's step; False where it, or a later one, was taken before."""
    free = person.c.totp_step.is_(None) | (person.c.totp_step < step)
    return tx.execute(update(person).where(person.c.id == id_, free).values(totp_step=step)).rowcount == 1


# --- accounts of identity providers


def account(tx: Connection, issuer: str, subject: str) -> tuple[Account, Person] | None:
    """Who that is here."""
    query = select(*_ACCOUNT, *_PERSON).join_from(provider_account, person, provider_account.c.person_id == person.c.id)
    row = tx.execute(
        query.where(provider_account.c.issuer == issuer, provider_account.c.subject == subject)
    ).first()  # fmt: skip
    return (Account(*row[: len(_ACCOUNT)]), Person(*row[len(_ACCOUNT) :])) if row is not None else None


def accounts(tx: Connection) -> list[Account]:
    """All that are tied to somebody."""
    return [Account(*row) for row in tx.execute(select(*_ACCOUNT).order_by(provider_account.c.tied_at))]


def is_tied(tx: Connection, person_id: int, issuer: str) -> bool:
    """Whether a person has an account there."""
    query = select(provider_account.c.subject).where(
        provider_account.c.person_id == person_id, provider_account.c.issuer == issuer
    )
    return tx.execute(query.limit(1)).first() is not None


def tie(tx: Connection, account_: Account) -> None:
    """From now on this account is that person."""
    tx.execute(insert(provider_account).values(account_._asdict()))


def untie(tx: Connection, person_id: int) -> int:
    """Forget the accounts of a person; gives how many there were."""
    return tx.execute(delete(provider_account).where(provider_account.c.person_id == person_id)).rowcount


def keep_role(tx: Connection, person_id: int) -> None:
    """From now on no provider gives them their role."""
    tx.execute(update(provider_account).where(provider_account.c.person_id == person_id).values(gives_role=False))


# --- visits


def begin(tx: Connection, visit_: Visit) -> None:
    """Somebody has signed in."""
    tx.execute(insert(visit).values(visit_._asdict()))


def visitor(tx: Connection, digest: str) -> tuple[Visit, Person] | None:
    """Who has this token."""
    query = select(*_VISIT, *_PERSON).join_from(visit, person, visit.c.person_id == person.c.id)
    row = tx.execute(query.where(visit.c.digest == digest)).first()
    return (Visit(*row[: len(_VISIT)]), Person(*row[len(_VISIT) :])) if row is not None else None


def seen(tx: Connection, digest: str, at: Instant) -> None:
    """They were here at that moment."""
    tx.execute(update(visit).where(visit.c.digest == digest).values(seen_at=at))


def end(tx: Connection, digest: str) -> None:
    """They have signed out."""
    tx.execute(delete(visit).where(visit.c.digest == digest))


def end_all(tx: Connection, person_id: int, *, but: str | None = None) -> int:
    """Sign somebody out everywhere, but for one visit; gives from how many places."""
    query = delete(visit).where(visit.c.person_id == person_id)
    return tx.execute(query if but is None else query.where(visit.c.digest != but)).rowcount


def forget_visits(tx: Connection, *, made_before: Instant, seen_before: Instant) -> None:
    """Forget visits that are too old, or of which nothing was seen for too long."""
    tx.execute(delete(visit).where((visit.c.made_at < made_before) | (visit.c.seen_at < seen_before)))


# --- one-time links


def invite(tx: Connection, invitation_: Invitation) -> None:
    """A new link; former ones for the same address are good no more."""
    tx.execute(delete(invitation).where(invitation.c.email == invitation_.email))
    tx.execute(insert(invitation).values(invitation_._asdict()))


def invited(tx: Connection, digest: str, now: Instant) -> Invitation | None:
    """The link with this token, while it is good."""
    row = tx.execute(select(*_INVITATION).where(invitation.c.digest == digest, invitation.c.ends_at > now)).first()
    return Invitation(*row) if row is not None else None


def invited_as(tx: Connection, email: str, now: Instant) -> Invitation | None:
    """The link for this address, while it is good."""
    row = tx.execute(select(*_INVITATION).where(invitation.c.email == email, invitation.c.ends_at > now)).first()
    return Invitation(*row) if row is not None else None


def invitations(tx: Connection, now: Instant) -> list[Invitation]:
    """All links that are good, by address."""
    query = select(*_INVITATION).where(invitation.c.ends_at > now).order_by(invitation.c.email)
    return [Invitation(*row) for row in tx.execute(query)]


def use(tx: Connection, digest: str) -> bool:
    """Use a link up; False where somebody was faster."""
    return tx.execute(delete(invitation).where(invitation.c.digest == digest)).rowcount == 1


def uninvite(tx: Connection, email: str) -> None:
    """Take back what was sent to an address."""
    tx.execute(delete(invitation).where(invitation.c.email == email))
