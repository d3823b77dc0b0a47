"""The words of names, and indexes in which each record's, run's and answer's entries stand in their order."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

from core.decide.words import words_of
from core.model.shapes import SHAPES
from core.store.codec import loads

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_ORDERED = (
    ("history_by_record", "history", "record_id"),
    ("history_by_run", "history", "run_id"),
    ("delivery_by_record", "delivery", "record_id"),
    ("delivery_by_run", "delivery", "run_id"),
)
_ANSWERED = (
    ("delivery_by_connection_and_code", "delivery", ["connection_id", "code", "id"]),
    ("run_failed_by_connection", "run", ["connection_id", "id"]),
    ("run_failed_by_code", "run", ["code", "id"]),
)
_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_BATCH = 5_000
_UNNAMED = (2, 4)
"""Merged and erased records are not looked up by name."""


def upgrade() -> None:
    """Go to this version: file what is there under its words, a batch at a time."""
    for name in ("word", "new_word"):
        op.create_table(
            name,
            sa.Column("word", sa.LargeBinary(), nullable=False),
            sa.Column("record_id", _ID, nullable=False),
            sa.PrimaryKeyConstraint("word", "record_id"),
            sqlite_with_rowid=False,
        )
    _fill(op.get_bind())
    for name, table, column in _ORDERED:
        op.drop_index(name, table)
        op.create_index(name, table, [column, "id"])
    said = sa.text("code IS NOT NULL")
    for name, table, columns in _ANSWERED:
        op.create_index(name, table, columns, sqlite_where=said, postgresql_where=said)


def downgrade() -> None:
    """Go back; names are looked for in every record again."""
    for name, table, _ in reversed(_ANSWERED):
        op.drop_index(name, table)
    for name, table, column in reversed(_ORDERED):
        op.drop_index(name, table)
        op.create_index(name, table, [column])
    for name in ("new_word", "word"):
        op.drop_table(name)


def _fill(tx: sa.Connection) -> None:
    # Gathered without an order and sorted once: put where they belong one by one, each would touch a page of its own.
    gathered = sa.table("gathered_word", sa.column("word"), sa.column("record_id"))
    kind = "BYTEA" if tx.dialect.name == "postgresql" else "BLOB"
    tx.execute(sa.text(f"CREATE TEMPORARY TABLE gathered_word (word {kind} NOT NULL, record_id BIGINT NOT NULL)"))
    for rows in _batches(tx):
        if rows:
            tx.execute(sa.insert(gathered), rows)
    word = sa.table("word", sa.column("word"), sa.column("record_id"))
    ordered = sa.select(gathered.c.word, gathered.c.record_id).distinct()
    ordered = ordered.order_by(gathered.c.word, gathered.c.record_id)
    tx.execute(sa.insert(word).from_select(["word", "record_id"], ordered))
    tx.execute(sa.text("DROP TABLE gathered_word"))


def _batches(tx: sa.Connection) -> Iterator[list[dict[str, object]]]:
    """The words of all records in the order of their numbers."""
    record = sa.table("record", *(sa.column(name) for name in ("id", "kind", "values", "state")))
    c, last = record.c, 0
    while True:
        query = sa.select(c.id, c.kind, c["values"]).where(c.id > last, c.state.not_in(_UNNAMED))
        found = tx.execute(query.order_by(c.id).limit(_BATCH)).all()
        if not found:
            return
        last = found[-1][0]
        yield [
            {"word": word, "record_id": id_}
            for id_, kind, values in found
            for word in words_of(SHAPES[kind], loads(values))
        ]
