"""A shadow of the store: what decisions are made from, as of one moment, in an embedded database of its own.

A plan is made by doing to the shadow what would be done to the store. The hub goes on working meanwhile: nothing is
locked, and nothing of the shadow comes back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from sqlalchemy import Connection, Table, func, select, text

from core.store import database
from core.store.database import Store
from core.store.history import Entry
from core.store.tables import binding, history, metadata, record, sequence

_LEFT_OUT = frozenset(
    {"history", "delivery", "run", "plan", "unread", "agreement", "lease", "sequence", "subscription"}
    | {"consent_entry", "consent_node", "consent_head"}
)
"""What happened so far decides nothing about what is to be done; only a field's latest flips look into history."""

_PAGE = 5_000


def fill(source: Store, shadow: Store) -> None:
    """Copy into a freshly prepared embedded store what decisions are made from; one moment of the source is seen."""
    tables = [table for table in metadata.sorted_tables if table.name not in _LEFT_OUT]
    with shadow.writing() as tx:
        for table in tables:
            tx.execute(table.delete())
    if source.embedded:
        _attached(source, shadow, tables)
    else:
        _streamed(source, shadow, tables)
    with shadow.writing() as tx:
        for name, table in (("record", record), ("binding", binding)):
            newest = tx.execute(select(func.max(table.c.id))).scalar() or 0
            tx.execute(sequence.update().where(sequence.c.name == name).values(next=newest + 1))


def happened(tx: Connection) -> Iterator[list[Entry]]:
    """What was done to a shadow since it was made, oldest first, in pages."""
    c = history.c
    query = select(c.record_id, c.at, c.run_id, c.binding_id, c.what, c.delta).order_by(c.id)
    for page in tx.execute(query, execution_options={"yield_per": _PAGE}).partitions(_PAGE):
        yield [Entry(*row) for row in page]


def _attached(source: Store, shadow: Store, tables: list[Table]) -> None:
    """Within SQLite: one file reads the other."""
    with source.engine.connect() as tx:
        raw = tx.connection.dbapi_connection
        assert raw is not None  # noqa: S101 - it was just opened
        with closing(raw.cursor()) as cursor:
            cursor.execute("ATTACH DATABASE ? AS shadow", (shadow.engine.url.database,))
            try:
                cursor.execute("BEGIN")
                for table in tables:
                    names = ", ".join(f'"{column.name}"' for column in table.columns)
                    cursor.execute(
                        f'INSERT INTO shadow."{table.name}" ({names}) SELECT {names} FROM main."{table.name}"'  # noqa: S608 - names from our own tables
                    )
                cursor.execute("COMMIT")
            except BaseException:
                cursor.execute("ROLLBACK")
                raise
            finally:
                cursor.execute("DETACH DATABASE shadow")


def _streamed(source: Store, shadow: Store, tables: list[Table]) -> None:
    """From another database: row by row, all of one moment."""
    with source.reading() as tx:
        tx.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
        with shadow.writing() as into:
            for table in tables:
                _copy(tx, into, table)


def _copy(tx: Connection, into: Connection, table: Table) -> None:
    names = tuple(column.name for column in table.columns)
    rows = tx.execute(select(*table.columns), execution_options={"yield_per": _PAGE})
    for page in rows.partitions(_PAGE):
        database.insert(into, table, names, [tuple(row) for row in page])
