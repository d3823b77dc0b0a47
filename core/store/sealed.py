"""Everything that is sealed in the store: where it stands, with which key, and the walk that seals it anew.

A page is changed in one transaction, and each value only where it still is what was read, so that the walk may be
broken off, begun again and done while others work. A new place of sealed values is added to `PLACES` or `FACTS`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import Column, select, update

from core.errors import ConfigError
from core.store import Tx
from core.store.database import Store
from core.store.signing import SIGNING
from core.store.suppression import SUPPRESSING
from core.store.tables import authorization_request, connection, hook, meta, person, subscription
from core.store.vault import Vault, key_name

_PAGE = 200

FACTS = (SIGNING, SUPPRESSING)
"""Facts that are sealed, as text."""


class Place(NamedTuple):
    """A column of sealed values."""

    what: str
    """In people's words: `credentials of connections`."""
    key: Column[Any]
    name: Column[Any]
    """By which people know the row; the key where they know it by nothing else."""
    sealed: Column[Any]


PLACES = (
    Place("credentials of connections", connection.c.id, connection.c.name, connection.c.secrets),
    Place("secrets of webhooks", subscription.c.id, subscription.c.id, subscription.c.secrets),
    Place("webhooks that are sent", hook.c.id, hook.c.host, hook.c.sealed),
    Place("secrets of one-time codes", person.c.id, person.c.id, person.c.totp),
    Place("sign-ins under way", authorization_request.c.digest, authorization_request.c.digest,
          authorization_request.c.sealed),
    Place("the hub's own keys", meta.c.name, meta.c.name, meta.c.value),
)  # fmt: skip


class Lost(NamedTuple):
    """A value that no key here opens."""

    what: str
    name: str
    key: str
    """The name of the key that it was sealed with; '' where that is not known."""


class Sealed(NamedTuple):
    """What a walk found."""

    counts: Counter[tuple[str, str]]
    """(place, name of the key) → values, as they stood before."""
    lost: list[Lost]
    changed: int = 0


def look(store: Store, vault: Vault) -> Sealed:
    """Which values are sealed with which key, and which do not open."""
    return _walk(store, vault, change=False)


def reseal(store: Store, vault: Vault) -> Sealed:
    """Seal everything with the first key that is not; what does not open stays as it is."""
    return _walk(store, vault, change=True)


def _walk(store: Store, vault: Vault, *, change: bool) -> Sealed:
    counts: Counter[tuple[str, str]] = Counter()
    lost: list[Lost] = []
    changed = 0
    for place in PLACES:
        after = None
        while True:
            with store.writing(durable=True) if change else store.reading() as tx:
                rows = _page(tx, place, after)
                counts.update((place.what, key_name(_bytes(sealed))) for _, _, sealed in rows)
                anew = dict(_anew(place, rows, vault, lost))
                if change:
                    changed += sum(_put(tx, place, key, old, new) for (key, old), new in anew.items())
            if len(rows) < _PAGE:
                break
            after = rows[-1][0]
    return Sealed(counts, lost, changed)


def _page(tx: Tx, place: Place, after: Any) -> list[tuple[Any, Any, Any]]:
    query = select(place.key, place.name, place.sealed).where(place.sealed.is_not(None))
    if place.sealed is meta.c.value:
        query = query.where(meta.c.name.in_(FACTS))
    if after is not None:
        query = query.where(place.key > after)
    return [(row[0], row[1], row[2]) for row in tx.execute(query.order_by(place.key).limit(_PAGE))]


def _anew(
    place: Place, rows: list[tuple[Any, Any, Any]], vault: Vault, lost: list[Lost]
) -> Iterator[tuple[tuple[Any, Any], Any]]:
    """(key, what stands there) → what is to stand there, for those that need it."""
    for key, name, sealed in rows:
        try:
            new = vault.sealed_anew(_bytes(sealed))
        except ConfigError:
            lost.append(Lost(place.what, str(name), key_name(_bytes(sealed))))
            continue
        if new is not None:
            yield (key, sealed), new.decode() if isinstance(sealed, str) else new


def _put(tx: Tx, place: Place, key: Any, old: Any, new: Any) -> int:
    query = update(place.sealed.table).where(place.key == key, place.sealed == old).values({place.sealed.name: new})
    return tx.execute(query).rowcount


def _bytes(sealed: Any) -> bytes:
    return sealed.encode() if isinstance(sealed, str) else bytes(sealed)
