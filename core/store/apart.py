"""Apart: records that were one and were taken apart again. Kept as answered questions, which is what they are."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, select

from core.model.instant import Instant
from core.store import database
from core.store.codec import dumps, loads
from core.store.database import among
from core.store.tables import review

_COLUMNS = ("what", "connection_id", "record_id", "field", "subject", "opened_at", "due_at", "closed_at", "answer")


def keep_apart(tx: Connection, pairs: Collection[tuple[int, int]], *, now: Instant) -> None:
    """Note of each (record id, other record id) that they are not the same; found from either side."""
    note = "the merge of the two was undone"
    rows = [
        ("ambiguous", 0, one, "", dumps({"candidates": [other], "evidence": [], "note": note}), now, now, now,
         "different")
        for pair in pairs
        for one, other in (pair, pair[::-1])
    ]  # fmt: skip
    database.insert(tx, review, _COLUMNS, rows)


def told_apart(tx: Connection, record_ids: Collection[int]) -> set[tuple[int, int]]:
    """(record id, other record id) of these records that somebody said are not the same, each pair both ways."""
    c = review.c
    query = select(c.record_id, c.subject).where(
        among(tx, c.record_id, record_ids), c.what == "ambiguous", c.answer == "different"
    )
    found = {(row[0], other) for row in tx.execute(query) for other in loads(row[1]).get("candidates", ())}
    return found | {(other, one) for one, other in found}


def bring_together(tx: Connection, pairs: Collection[tuple[int, int]], *, now: Instant) -> None:
    """These pairs are one again after all: what was noted about them no longer counts."""
    c = review.c
    both = {*pairs, *(pair[::-1] for pair in pairs)}
    query = select(c.id, c.record_id, c.subject).where(
        among(tx, c.record_id, {one for one, _ in both}), c.what == "ambiguous", c.answer == "different"
    )
    ids = [
        row[0]
        for row in tx.execute(query)
        if any((row[1], other) in both for other in loads(row[2]).get("candidates", ()))
    ]
    database.update(tx, review, ("id",), ("closed_at", "answer"), [(now, "merged", id_) for id_ in ids])
