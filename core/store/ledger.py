"""The consent ledger's tables: entries that are only added, the tree over them, and signed heads.

An entry's place is its leaf's number in the tree (`core.decide.merkle`). Entries go in within the transaction that
brings the claims they are about, so that there is never one without the other.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, Select, func, select, update

from core.decide import merkle
from core.model.instant import Instant
from core.store import database
from core.store.database import among
from core.store.prepared import Among, prepared
from core.store.tables import consent_entry, consent_head, consent_node

KEPT_FROM = 8
"""The lowest level of the tree that is stored: a node for every 256 entries."""

_BLOCK = 1 << KEPT_FROM
_SALT = 16
_LEVEL = 48
"""Bits below the level in a node's position."""


class Row(NamedTuple):
    """An entry as it is stored; without `salt` and `body` when the person was erased."""

    place: int
    record_id: int
    salt: bytes | None
    body: bytes | None
    leaf: bytes

    @property
    def told(self) -> dict[str, Any]:
        """What it says; empty when the person was erased."""
        found: dict[str, Any] = orjson.loads(self.body) if self.body is not None else {}
        return found


class Head(NamedTuple):
    """So many entries gave this root, signed."""

    size: int
    root: bytes
    at: Instant
    key: str
    """The public key, in hex."""
    signature: bytes


_ROW = tuple(consent_entry.c[name] for name in Row._fields)
_HEAD = tuple(consent_head.c[name] for name in Head._fields)


def size(tx: Connection) -> int:
    """How many entries there are."""
    last = _last_place(tx).scalar()
    return 0 if last is None else int(last) + 1


@prepared
def _last_place(_among: Among) -> Select[Any]:
    return select(func.max(consent_entry.c.place))


def append(tx: Connection, entries: Sequence[tuple[int, bytes]]) -> None:
    """Add (record id, canonical bytes) at the end; five statements, however many."""
    if not entries:
        return
    database.serialise(tx, "consent ledger")
    tip = tip_of(tx, size(tx))
    rows, nodes = [], []
    for record_id, body in entries:
        salt = secrets.token_bytes(_SALT)
        hashed = merkle.leaf(salt, body)
        rows.append((tip.size, record_id, salt, body, hashed))
        nodes += [(_position(level, place), one) for level, place, one in tip.add(hashed) if level >= KEPT_FROM]
    database.insert(tx, consent_entry, Row._fields, rows)
    database.insert(tx, consent_node, ("position", "hash"), nodes)


def tip_of(tx: Connection, count: int) -> merkle.Tip:
    """The growing end of the tree over the first `count` entries; two statements."""
    whole = count >> KEPT_FROM
    positions = [_position(level + KEPT_FROM, place) for level, place in merkle.peaks(whole)]
    c = consent_node.c
    query = select(c.position, c.hash).where(among(tx, c.position, positions))
    kept: dict[int, bytes] = {row[0]: row[1] for row in tx.execute(query)} if positions else {}
    tip = merkle.Tip(whole << KEPT_FROM, lambda level, place: kept[_position(level, place)])
    for one in _leaves(tx, whole << KEPT_FROM, count):
        tip.add(one)
    return tip


class Nodes:
    """The tree's nodes, read as they are asked for and kept: a proof asks for a few dozen."""

    def __init__(self, tx: Connection) -> None:
        """Within one transaction, so that all belong to one moment."""
        self._tx = tx
        self._blocks: dict[int, list[bytes]] = {}

    def __call__(self, level: int, place: int) -> bytes:
        """A complete node; `LookupError` when the ledger has lost it."""
        if level >= KEPT_FROM:
            query = select(consent_node.c.hash).where(consent_node.c.position == _position(level, place))
            found: bytes | None = self._tx.execute(query).scalar()
            if found is None:
                raise LookupError(f"The ledger has no node {level}/{place}.")
            return found
        start = place << level
        block = start >> KEPT_FROM
        if block not in self._blocks:
            self._blocks[block] = _leaves(self._tx, block << KEPT_FROM, (block + 1) << KEPT_FROM)
        tip = merkle.Tip()
        for one in self._blocks[block][start % _BLOCK : start % _BLOCK + (1 << level)]:
            tip.add(one)
        return tip.root()


def of_records(tx: Connection, record_ids: Collection[int]) -> list[Row]:
    """The entries about these records, oldest first."""
    query = select(*_ROW).where(among(tx, consent_entry.c.record_id, record_ids)).order_by(consent_entry.c.place)
    return [Row(*row) for row in tx.execute(query)]


def at(tx: Connection, place: int) -> Row | None:
    """The entry at a place."""
    row = tx.execute(select(*_ROW).where(consent_entry.c.place == place)).one_or_none()
    return Row(*row) if row else None


def after(tx: Connection, start: int, limit: int) -> list[Row]:
    """The entries from a place on, at most so many."""
    query = select(*_ROW).where(consent_entry.c.place >= start).order_by(consent_entry.c.place).limit(limit)
    return [Row(*row) for row in tx.execute(query)]


def pages(tx: Connection, *, page: int = 10_000) -> Iterator[Sequence[Row]]:
    """Every entry by place, in pages of plain tuples in the order of `Row`."""
    after = -1
    while True:
        query = select(*_ROW).where(consent_entry.c.place > after).order_by(consent_entry.c.place).limit(page)
        found = tx.execute(query).all()
        if not found:
            return
        yield found  # type: ignore[misc]  # rows unpack like `Row`, and a million of them need no second dress
        after = found[-1][0]


def forget(tx: Connection, places: Collection[int]) -> list[int]:
    """Take away what the entries at these places say, and their salts; gives those that said something.

    The leaves stay, so every other proof still holds; that this was an erasure is for the caller to enter.
    """
    c = consent_entry.c
    mine = (among(tx, c.place, places), c.body.is_not(None))
    found = list(tx.execute(select(c.place).where(*mine).order_by(c.place)).scalars())
    tx.execute(update(consent_entry).where(*mine).values(salt=None, body=None))
    return found


def heads(tx: Connection) -> list[Head]:
    """Every signed head, the earliest first."""
    return [Head(*row) for row in tx.execute(select(*_HEAD).order_by(consent_head.c.size))]


def last_head(tx: Connection) -> Head | None:
    """The newest signed head."""
    row = _newest_head(tx).one_or_none()
    return Head(*row) if row else None


@prepared
def _newest_head(_among: Among) -> Select[Any]:
    return select(*_HEAD).order_by(consent_head.c.size.desc()).limit(1)


def put_head(tx: Connection, head: Head) -> None:
    """Keep a signed head; one of the same size is kept already."""
    database.insert(tx, consent_head, Head._fields, [tuple(head)], otherwise="ON CONFLICT DO NOTHING")


def _leaves(tx: Connection, start: int, end: int) -> list[bytes]:
    c = consent_entry.c
    query = select(c.leaf).where(c.place >= start, c.place < end).order_by(c.place)
    return list(tx.execute(query).scalars())


def _position(level: int, place: int) -> int:
    return level << _LEVEL | place
