"""Suppression: by what somebody who was erased is known again, and nothing else.

Only keyed hashes are kept (HMAC-SHA256, with a key that is sealed in the vault): of the keys under which records are
filed (`core.decide.keys`), and of the places where the tools held them. Who has the list without the key can neither
read an address in it nor try one out.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Collection, Iterable
from functools import cached_property
from hashlib import sha256
from secrets import token_hex
from typing import Any

from sqlalchemy import Connection, Select, select

from core.store import database
from core.store.database import among
from core.store.prepared import Among, prepared
from core.store.tables import suppression

SUPPRESSING = "suppression key"
"""The fact that holds the sealed key of the hashes."""


class Suppressor:
    """Makes the hashes of one installation."""

    def __init__(self, secret: Callable[[], str]) -> None:
        """`secret` gives the key, 32 bytes in hex; it is asked for when the first hash is to be made."""
        self._secret = secret

    @cached_property
    def _key(self) -> bytes:
        return bytes.fromhex(self._secret())

    @staticmethod
    def fresh() -> str:
        """A new key, to be kept sealed."""
        return token_hex(32)

    def of_key(self, digest: int) -> str:
        """The hash of a key under which a record is filed."""
        return self._of(f"key {digest}")

    def of_place(self, stream_id: int, remote_id: str) -> str:
        """The hash of one record in one tool."""
        return self._of(f"place {stream_id} {remote_id}")

    def _of(self, words: str) -> str:
        return hmac.new(self._key, words.encode("utf-8", "surrogatepass"), sha256).hexdigest()


def is_used(tx: Connection) -> bool:
    """Whether anybody was ever erased; where nobody was, nothing else here costs anything."""
    return _any(tx).first() is not None


@prepared
def _any(_among: Among) -> Select[Any]:
    return select(suppression.c.digest).limit(1)


def add(tx: Connection, erasure_id: int, digests: Iterable[str]) -> None:
    """Know these again as somebody who was erased."""
    rows = [(digest, erasure_id) for digest in sorted(set(digests))]
    database.insert(tx, suppression, ("digest", "erasure_id"), rows, otherwise="ON CONFLICT DO NOTHING")


def found(tx: Connection, digests: Collection[str]) -> dict[str, int]:
    """Hash → the erasure it belongs to, the latest one where there are several; one statement."""
    c = suppression.c
    query = select(c.digest, c.erasure_id).where(among(tx, c.digest, digests)).order_by(c.erasure_id)
    return {row[0]: row[1] for row in tx.execute(query)} if digests else {}


def by_erasure(tx: Connection) -> dict[int, list[str]]:
    """Erasure → its hashes, sorted; of all of them."""
    c, hashes = suppression.c, dict[int, list[str]]()
    for digest, erasure_id in tx.execute(select(c.digest, c.erasure_id).order_by(c.digest)):
        hashes.setdefault(erasure_id, []).append(digest)
    return hashes


def lift(tx: Connection, erasure_id: int) -> None:
    """Let whoever was erased come in again, as somebody new."""
    tx.execute(suppression.delete().where(suppression.c.erasure_id == erasure_id))
