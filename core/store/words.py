"""Words of names: by which people look records up (`core.decide.words`). They settle like keys (`core.store.settling`).

However many records there are, a question touches a bounded number of rows: a word that more have than `_BROAD` is not
gone through, and who looks for it alone gets some of those who have it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, Connection, Select, Subquery, func, or_, select, union_all

from core.store import database
from core.store.settling import settle
from core.store.tables import new_word, word

_BROAD = 10_000
_SETTLE_AT = 25_000
"""So many new words are enough: counted with each page, they must be counted quickly."""
_COLUMNS = ("word", "record_id")
_AFTER = b"\xff"
"""Behind every word that begins alike: no text has this byte."""
_BOTH = (word, new_word)


def add(tx: Connection, rows: Sequence[tuple[bytes, int]]) -> None:
    """Add (word, record id); one that is there already stays."""
    if not rows:
        return
    database.insert(tx, new_word, _COLUMNS, rows, otherwise="ON CONFLICT DO NOTHING")
    if tx.execute(select(func.count()).select_from(new_word)).scalar_one() >= _SETTLE_AT:
        settle(tx, new_word, word)


def drop(tx: Connection, rows: Sequence[tuple[bytes, int]]) -> None:
    """Remove (word, record id)."""
    for table in _BOTH:
        database.delete(tx, table, _COLUMNS, rows)


def find(tx: Connection, asked: Collection[Sequence[bytes]], limit: int) -> list[int]:
    """Ids of records that may answer these words, some of each: with whole words and with what begins so; newest first.

    Several sets of words are looked up in the same three statements, each for itself. Whether a record answers all
    words of a set is for the caller to see: a word that very many have was not looked at.
    """
    counted = _counts(tx, [one for words in asked for one in words])
    ranked = [sorted(words, key=lambda one: (counted[one], -len(one))) for words in asked]
    whole = [_whole(words, limit) for words in ranked]
    begun = [_beginning(words[0], [one for one in words[1:] if counted[one] <= _BROAD], limit) for words in ranked]
    found = {id_ for queries in (whole, begun) for id_ in tx.execute(_together(queries)).scalars()}
    return sorted(found, reverse=True)


def _together(queries: Sequence[Select[tuple[int]]]) -> Select[Any]:
    """One question of several, each with an end of its own."""
    if len(queries) == 1:
        return queries[0]
    return select(union_all(*(select(one.subquery().c.record_id) for one in queries)).subquery().c.record_id)


def _counts(tx: Connection, asked: Sequence[bytes]) -> dict[bytes, int]:
    """How many rows begin with each word; more than `_BROAD` are not counted to their end."""
    each = (select(func.count()).select_from(_first(_begin(one), _BROAD + 1)).scalar_subquery() for one in asked)
    return dict(zip(asked, tx.execute(select(*each)).one(), strict=True))


def _whole(ranked: Sequence[bytes], limit: int) -> Select[tuple[int]]:
    """The newest records with all of these words, of those that were filed last under the first of them."""
    parts = (
        select(t.c.record_id).where(t.c.word == ranked[0]).order_by(t.c.record_id.desc()).limit(_BROAD).subquery()
        for t in _BOTH
    )
    base = union_all(*(select(part.c.record_id) for part in parts)).subquery()
    query = select(base.c.record_id).distinct()
    for other in ranked[1:]:
        query = query.where(_is_filed(base.c.record_id, other))
    return query.order_by(base.c.record_id.desc()).limit(limit)


def _is_filed(record_id: ColumnElement[int], under: bytes) -> ColumnElement[bool]:
    return or_(*(select(t.c.word).where(t.c.word == under, t.c.record_id == record_id).exists() for t in _BOTH))


def _beginning(first: bytes, others: Sequence[bytes], limit: int) -> Select[tuple[int]]:
    """The newest records with words that begin so."""
    base = _first(_begin(first), _BROAD)
    query = select(base.c.record_id).distinct()
    for other in others:
        query = query.where(base.c.record_id.in_(_begin(other)))
    return query.order_by(base.c.record_id.desc()).limit(limit)


def _begin(with_: bytes) -> CompoundSelect[tuple[int]]:
    """Record ids of all rows whose word begins so, in the order of words."""
    return union_all(
        *(select(t.c.record_id).where(t.c.word >= with_, t.c.word < with_ + _AFTER).order_by(None) for t in _BOTH)
    )


def _first(rows: CompoundSelect[tuple[int]], number: int) -> Subquery:
    return rows.limit(number).subquery()
