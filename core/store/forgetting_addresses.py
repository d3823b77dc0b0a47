"""Forgetting addresses: other people's records name somebody by an address in a tool's own words, until it resolves.

Of somebody who is erased such words are taken out of the claims that still wait, and out of the history of those that
did. What the tool itself shows of its record, an event with its list of guests, stays as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Connection, select, update

from core.decide.keys import awaited_digest
from core.model.claim import Claim, Claims
from core.model.values import Json
from core.store import bindings
from core.store.bindings import ADDRESSED
from core.store.codec import pack, unpack
from core.store.database import among
from core.store.tables import history


def forget_addresses(tx: Connection, digests: Collection[int], referring: Collection[int]) -> int:
    """Take out the words filed under these keys, where a claim waits for one and from the history of these records.

    `referring` are the records that refer to the person: theirs may have waited once. Gives how many claims waited.
    """
    waiting = bindings.waiting_for_keys(tx, digests)
    rows = bindings.of_ids(tx, {id_ for ids in waiting.values() for id_ in ids}) if waiting else []
    changed = [row._replace(packed_claims=bindings.packed(_without(row.claims, digests))) for row in rows]
    bindings.update(tx, changed)
    bindings.wait_no_longer(tx, ADDRESSED, [str(digest) for digest in waiting])
    _forget_in_history(tx, {*(row.record_id for row in rows), *referring}, digests)
    return len(rows)


def _forget_in_history(tx: Connection, record_ids: Collection[int], digests: Collection[int]) -> None:
    c = history.c
    query = select(c.id, c.delta).where(among(tx, c.record_id, record_ids))
    for id_, delta in tx.execute(query).all() if record_ids else ():
        told = unpack(delta)
        said = Claims.from_json(told)
        left = _without(said, digests)
        if left != said:
            tx.execute(update(history).where(c.id == id_).values(delta=pack({**told, **left.to_json()})))


def _without(claims: Claims, digests: Collection[int]) -> Claims:
    return claims.renewed(
        {name: _spared(claim, digests) for name, claim in claims.items() if _names(_words(claim), digests)}
    )


def _spared(claim: Claim, digests: Collection[int]) -> Claim:
    without = tuple(word for word in claim.without if not _names([word], digests))
    if not isinstance(claim.value, list):
        return claim._replace(value=None if _names([claim.value], digests) else claim.value, without=without)
    return claim._replace(value=[word for word in claim.value if not _names([word], digests)], without=without)


def _words(claim: Claim) -> Iterable[Json]:
    return (*(claim.value if isinstance(claim.value, list) else [claim.value]), *claim.without)


def _names(words: Iterable[Any], digests: Collection[int]) -> bool:
    return any(awaited_digest(word) in digests for word in words)
