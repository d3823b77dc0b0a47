"""Addresses: references that name people by an email address, from a tool's own words to our records.

A claim by an address that one live record has holds our id. Until there is such a record it waits in the tool's words,
under the key by which the record would be filed (`core.decide.keys`), and resolves itself in the transaction that files
one there: a newcomer, an edit, a merge. What several records share, and what the block lists name, is never guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from core.decide.blocks import DEFAULT, Blocks
from core.decide.keys import Key, awaited_digest, awaiting, email_digest
from core.flow.changes import Changes
from core.flow.desk import Heard, Work, lay_out, load_works
from core.flow.hub import Hub, Stream
from core.mapping import Reading
from core.model.claim import Claim, Claims
from core.model.values import Json, Values
from core.store import Tx, bindings, keys, records, suppression
from core.store.bindings import ADDRESSED, Bound, State
from core.store.database import serialise

Place = tuple[int, str]
"""(`ADDRESSED`, the digest as text): what a claim waits for."""


@dataclass(slots=True)
class Addresses:
    """Whom the addresses of one page name."""

    fields: Mapping[str, str] = field(default_factory=dict)
    """Field that holds addresses → the kind of those who have them."""
    blocks: Blocks = DEFAULT
    holders: dict[int, set[int]] = field(default_factory=dict)
    """Key digest → the live records that are filed under it."""
    erased: Collection[int] = ()
    """The digests of those who were erased, where nobody living has them."""

    @classmethod
    def of(cls, hub: Hub, tx: Tx, stream: Stream, readings: Iterable[Reading]) -> Addresses:
        """Look up every address in these readings: two statements, and two more where somebody was ever erased."""
        found = cls(stream.translator.addressed, hub.blocks)
        if not found.fields:
            return found
        named = {
            (kind, word)
            for reading in readings
            for name, kind in found.fields.items()
            for word in _listed(reading.values.get(name))
            if isinstance(word, str) and not hub.blocks.blocks_email(word)
        }
        if named:
            # Whoever is made a person meanwhile would not see that we wait.
            serialise(tx, records.CHANGING)
            digests = {email_digest(kind, word) for kind, word in named}
            for digest, record_id in keys.live_holders(tx, digests):
                found.holders.setdefault(digest, set()).add(record_id)
            found.erased = _erased(hub, tx, digests - found.holders.keys())
        return found

    def meet(self, newcomer: Iterable[Key], record_id: int) -> None:
        """A record is made on this very page, and filed under these keys."""
        for key in newcomer:
            self.holders.setdefault(key.digest, set()).add(record_id)

    def resolve(self, values: dict[str, Json], waits: list[Place]) -> None:
        """Put our ids in place where they are known; what is waited for is added to `waits`."""
        for name, kind in self.fields.items():
            word = values.get(name)
            if word is None:
                continue
            if isinstance(word, list):
                values[name] = _distinct(self._one(kind, one, waits) for one in word)
            else:
                values[name] = self._one(kind, word, waits)

    def _one(self, kind: str, word: Json, waits: list[Place]) -> Json:
        if not isinstance(word, str):
            return word
        digest = email_digest(kind, word)
        holders = () if self.blocks.blocks_email(word) else self.holders.get(digest, ())
        if len(holders) == 1:
            return next(iter(holders))
        if digest in self.erased:
            return None
        waits.append((ADDRESSED, str(digest)))
        return awaiting(kind, word)

    def kept(self, now: Values, before: Values, claims: Claims) -> tuple[dict[str, Json], dict[str, Json]]:
        """Both readings, where an address that named somebody once, and nobody alone now, still means whom it meant.

        The claim says who that was. It does not say which of several is meant by which address: where only some of
        them are still named, these wait.
        """
        now, before = dict(now), dict(before)
        for name in self.fields:
            claim, was = claims.get(name), before.get(name)
            if claim is None or not isinstance(claim.value, list) or not isinstance(was, list):
                continue
            shown = _listed(now.get(name))
            lost = [word for word in was if isinstance(word, dict) and word not in claim.value]
            meant = [id_ for id_ in claim.value if isinstance(id_, int) and id_ not in was]
            stay = [word for word in lost if word in shown]
            if not lost or not meant or len(stay) not in (0, len(lost)):
                continue
            before[name] = _distinct([*(one for one in was if one not in lost), *meant])
            if stay:
                now[name] = _distinct([*(one for one in shown if one not in lost), *meant])
        return now, before


def resolve_awaited(hub: Hub, tx: Tx, changes: Changes, digests: Callable[[], Collection[int]]) -> list[Work]:
    """Claims that wait for who is filed under these keys get our ids; gives the records to be folded again.

    Where nothing waits for any address, this is one short statement.
    """
    if not bindings.awaits_addresses(tx):
        return []
    waiting = bindings.waiting_for_keys(tx, digests())
    if not waiting:
        return []
    holders: dict[int, set[int]] = {}
    for digest, record_id in keys.live_holders(tx, waiting.keys()):
        holders.setdefault(digest, set()).add(record_id)
    found = {digest: next(iter(ids)) for digest, ids in holders.items() if len(ids) == 1}
    if not found:
        return []
    rows = bindings.of_ids(tx, {id_ for digest in found for id_ in waiting[digest]})
    works = load_works(hub, tx, {row.record_id for row in rows})
    for row in rows:
        if row.record_id in works:
            _hear_again(hub, changes, works[row.record_id], row, found)
    bindings.wait_no_longer(tx, ADDRESSED, [str(digest) for digest in found])
    return [work for work in works.values() if work.heard]


def _hear_again(hub: Hub, changes: Changes, work: Work, row: Bound, found: Mapping[int, int]) -> None:
    claims = changes.bindings.get(row.id, row).claims
    known = {name: renewed for name, claim in claims.items() if (renewed := _renewed(claim, found)) != claim}
    if not known:
        return
    row = row._replace(packed_claims=bindings.packed(claims.renewed(known)))
    changes.bindings[row.id] = row
    lay_out(hub, work, row)
    # To be heard would bring back what its tool deleted: that was only read again.
    work.heard.append(Heard("heard" if row.state == State.BOUND else "mapped", Claims.of(known), row.id))


def _renewed(claim: Claim, found: Mapping[int, int]) -> Claim:
    def named(word: Json) -> Json:
        return found.get(digest, word) if (digest := awaited_digest(word)) is not None else word

    without = tuple(_distinct(named(word) for word in claim.without)) if claim.without else ()
    if isinstance(claim.value, list):
        return claim._replace(value=_distinct(named(word) for word in claim.value), without=without)
    return claim._replace(value=named(claim.value), without=without)


def awaited(claims: Claims) -> Iterator[Place]:
    """What these claims wait for."""
    for _, claim in claims.items():
        for word in (*_listed(claim.value), *claim.without):
            if (digest := awaited_digest(word)) is not None:
                yield ADDRESSED, str(digest)


def _erased(hub: Hub, tx: Tx, digests: Collection[int]) -> Collection[int]:
    if hub.suppressor is None or not digests or not suppression.is_used(tx):
        return ()
    hashes = {hub.suppressor.of_key(digest): digest for digest in digests}
    return {hashes[hash_] for hash_ in suppression.found(tx, hashes)}


def _listed(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [value]


def _distinct(words: Iterable[Json]) -> list[Json]:
    """Each once, in order, without nobody: a person may be invited under two addresses."""
    found: list[Json] = []
    for word in words:
        if word is not None and word not in found:
            found.append(word)
    return found
