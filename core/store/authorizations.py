"""Browsers that were sent to another site to sign in there, and are awaited back: each once, for a while.

Kept here and not in the process, so that any of several may take who comes back; what they carry is sealed.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, delete, insert

from core.model.instant import Instant
from core.store.tables import authorization_request


class AuthorizationRequest(NamedTuple):
    """One of them."""

    digest: str
    """Of the state that the other site passes on."""
    browser: str
    """Of what the browser must show when it comes back."""
    sealed: bytes
    ends_at: Instant


_ALL = tuple(authorization_request.c[name] for name in AuthorizationRequest._fields)


def begin(tx: Connection, request: AuthorizationRequest, *, now: Instant) -> None:
    """Await one more; those that are too late are forgotten."""
    forget(tx, now)
    tx.execute(insert(authorization_request).values(request._asdict()))


def forget(tx: Connection, now: Instant) -> None:
    """Await those no more who are too late."""
    tx.execute(delete(authorization_request).where(authorization_request.c.ends_at <= now))


def take(tx: Connection, digest: str) -> AuthorizationRequest | None:
    """Use one up; None where there is none, or somebody was faster."""
    query = delete(authorization_request).where(authorization_request.c.digest == digest).returning(*_ALL)
    row = tx.execute(query).first()
    return AuthorizationRequest(*row) if row is not None else None
