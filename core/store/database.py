"""The open database: transactions, ids, and bulk statements. The only file that knows the two dialects apart.

`reading()` and `writing()` give a SQLAlchemy connection inside one transaction. A writing transaction on SQLite
takes the write lock at once, so that what it reads is what it changes; PostgreSQL locks the rows that are loaded
for change. Failures of the database itself come out as `StoreError`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from functools import lru_cache
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Table,
    create_engine,
    event,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import QueuePool

from core.errors import StoreError
from core.store import tables
from core.store.prepared import packed, within

_SQLITE_CACHE_KIB = 24 * 1024
_BUSY_SECONDS = 60
_SQLITE_VALUES = 32_000
"""SQLite takes at most 32,766 values in a statement."""
_MANY = 200


class Store:
    """One installation's database."""

    def __init__(self, url: str, *, scratch: bool = False) -> None:
        """`url` is a SQLAlchemy URL: `sqlite:///path` or `postgresql+psycopg://…`. Nothing is opened yet.

        A `scratch` store is thrown away soon: it promises nothing about power cuts, and is faster for it.
        """
        self.url, self._scratch = url, scratch
        self.engine = _engine(url)
        self.embedded = self.engine.dialect.name == "sqlite"
        # SQLite lets one write at a time, and whoever waits for that sleeps longer and longer; threads wake each other.
        self._one_writes: AbstractContextManager[Any] = Lock() if self.embedded else nullcontext()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one moment and changes nothing."""
        with _told(), self.engine.connect() as tx, tx.begin():
            self._begin(tx)
            yield tx

    @contextmanager
    def writing(self, *, durable: bool = False) -> Iterator[Connection]:
        """A transaction that changes things, whole or not at all.

        `durable` promises that what is committed survives a power cut, not only a killed process; intents and
        receipts need that, since the outside world cannot be rolled back.
        """
        options = {"concord_write": True, "concord_durable": durable, "concord_scratch": self._scratch}
        with _told(), self._one_writes, self.engine.connect().execution_options(**options) as tx, tx.begin():
            self._begin(tx)
            yield tx

    def _begin(self, tx: Connection) -> None:
        # Not as a listener: an engine that has one asks for listeners at every step of every statement.
        if self.embedded:
            _begin_sqlite(tx)

    def compact(self) -> None:
        """Leave nothing in the files of what was deleted: pages are written anew, and the log is emptied.

        PostgreSQL marks the room as free and writes over it as it is needed; its own log and backups are its admin's.
        """
        with _told(), self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            raw = connection.connection.dbapi_connection
            assert raw is not None  # noqa: S101 - it was just opened
            with closing(raw.cursor()) as cursor:
                cursor.execute("VACUUM")
                if self.embedded:
                    cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def embedded_url(folder: Path) -> str:
    """The URL of the embedded database in a data folder."""
    return f"sqlite:///{folder / 'concord.db'}"


def allocate(tx: Connection, name: str, count: int) -> Sequence[int]:
    """`count` fresh ascending ids of the sequence `name` (`record` or `binding`); one statement."""
    if tx.dialect.name == "sqlite":
        sql = text("UPDATE sequence SET next = next + :count WHERE name = :name RETURNING next")
        after = tx.execute(sql, {"count": count, "name": name}).scalar_one()
        return range(after - count, after)
    sql = text("SELECT nextval(:ids) FROM generate_series(1, :count)")
    return sorted(tx.execute(sql, {"ids": f"{name}_ids", "count": count}).scalars())


def serialise(tx: Connection, name: str) -> None:
    """Let only one transaction at a time do `name`; SQLite's write lock does that already."""
    if tx.dialect.name != "sqlite":
        tx.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": name})


def share(tx: Connection, name: str) -> None:
    """Let others do `name` beside us that say so too, but nobody who serialises it; on SQLite nobody else writes."""
    if tx.dialect.name != "sqlite":
        tx.execute(text("SELECT pg_advisory_xact_lock_shared(hashtext(:name))"), {"name": name})


def among(tx: Connection, column: ColumnElement[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """`column IN values`, with the whole set as one parameter: the statement is the same for ten and for thousands."""
    dialect = tx.dialect.name
    return within(dialect, column, None, packed(dialect, values))


def insert(
    tx: Connection,
    table: Table,
    columns: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
    *,
    otherwise: str = "",
) -> None:
    """Insert rows in one statement; `otherwise` is an ON CONFLICT clause."""
    if not rows:
        return
    sql = _insert_sql(tx.dialect.name, table, tuple(columns), otherwise)
    if tx.dialect.name == "sqlite" and len(rows) >= _MANY and len(rows) * len(columns) <= _SQLITE_VALUES:
        tx.exec_driver_sql(_repeated(sql, len(rows)), tuple(chain.from_iterable(rows)))
    else:
        _run(tx, sql, len(columns), rows)


def update(
    tx: Connection,
    table: Table,
    by: Sequence[str],
    columns: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
) -> None:
    """Update rows in one statement; each row gives the new columns first, then the ones it is found by."""
    if rows:
        sql = _update_sql(tx.dialect.name, table, tuple(by), tuple(columns))
        _run(tx, sql, len(by) + len(columns), rows)


def delete(tx: Connection, table: Table, by: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Delete the rows found by these columns in one statement."""
    if rows:
        sql = _delete_sql(tx.dialect.name, table, tuple(by))
        _run(tx, sql, len(by), rows)


def _run(tx: Connection, sql: str, width: int, rows: Sequence[tuple[Any, ...]]) -> None:
    if tx.dialect.name == "sqlite":
        tx.exec_driver_sql(sql, list(rows))
        return
    # PostgreSQL takes the whole set as one array per column, planned once.
    columns = tuple([row[place] for row in rows] for place in range(width))
    tx.exec_driver_sql(sql, columns)


@lru_cache(maxsize=32)
def _repeated(sql: str, count: int) -> str:
    """The insert of one row as an insert of many: SQLite then takes a page in one step, a quarter faster."""
    before, _, rest = sql.partition(" VALUES ")
    row, _, after = rest.partition(")")
    return f"{before} VALUES {', '.join([row + ')'] * count)}{after}"


@lru_cache(maxsize=256)
def _insert_sql(dialect: str, table: Table, columns: tuple[str, ...], otherwise: str) -> str:
    names = ", ".join(f'"{name}"' for name in columns)
    if dialect == "sqlite":
        marks = ", ".join("?" for _ in columns)
        return f'INSERT INTO "{table.name}" ({names}) VALUES ({marks}) {otherwise}'  # noqa: S608 - names from our own tables
    return f'INSERT INTO "{table.name}" ({names}) SELECT * FROM {_arrays(table, columns)} {otherwise}'  # noqa: S608 - as above


@lru_cache(maxsize=256)
def _update_sql(dialect: str, table: Table, by: tuple[str, ...], columns: tuple[str, ...]) -> str:
    if dialect == "sqlite":
        sets = ", ".join(f'"{name}" = ?' for name in columns)
        where = " AND ".join(f'"{name}" = ?' for name in by)
        return f'UPDATE "{table.name}" SET {sets} WHERE {where}'  # noqa: S608 - names from our own tables
    sets = ", ".join(f'"{name}" = "new"."{name}"' for name in columns)
    where = " AND ".join(f'"{table.name}"."{name}" = "new"."{name}"' for name in by)
    rows = _arrays(table, columns + by)
    return f'UPDATE "{table.name}" SET {sets} FROM {rows} WHERE {where}'  # noqa: S608 - as above


@lru_cache(maxsize=256)
def _delete_sql(dialect: str, table: Table, by: tuple[str, ...]) -> str:
    if dialect == "sqlite":
        where = " AND ".join(f'"{name}" = ?' for name in by)
        return f'DELETE FROM "{table.name}" WHERE {where}'  # noqa: S608 - names from our own tables
    where = " AND ".join(f'"{table.name}"."{name}" = "new"."{name}"' for name in by)
    return f'DELETE FROM "{table.name}" USING {_arrays(table, by)} WHERE {where}'  # noqa: S608 - as above


def _arrays(table: Table, columns: tuple[str, ...]) -> str:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # untyped in SQLAlchemy
    casts = ", ".join(f"%b::{table.c[name].type.compile(dialect)}[]" for name in columns)
    names = ", ".join(f'"{name}"' for name in columns)
    return f'unnest({casts}) AS "new" ({names})'


def _engine(url: str) -> Engine:
    if url.startswith("sqlite"):
        engine = create_engine(
            url,
            # An error's words must not hold what somebody's record says.
            hide_parameters=True,
            poolclass=QueuePool,
            # The connection used last has warm pages; any other finds its own spoilt by that one's commit.
            pool_use_lifo=True,
            pool_size=8,
            max_overflow=24,
            connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False, "isolation_level": None},
        )
        event.listen(engine, "connect", _prepare_sqlite)
        return engine
    return create_engine(url, hide_parameters=True, pool_size=8, max_overflow=24, pool_pre_ping=True)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA cache_size = -{_SQLITE_CACHE_KIB}")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA wal_autocheckpoint = 8000")


def _begin_sqlite(connection: Connection) -> None:
    """Begin by the driver itself: every trip begins dozens of transactions, and nothing is to be compiled for that.

    The driver was told to begin nothing by itself.
    """
    options, raw = (
        connection.get_execution_options(),
        cast("sqlite3.Connection", connection.connection.dbapi_connection),
    )
    words = ["BEGIN"]
    if options.get("concord_write"):
        safety = "FULL" if options.get("concord_durable") else "NORMAL"
        safety = "OFF" if options.get("concord_scratch") else safety
        words = ["BEGIN IMMEDIATE"]
        if connection.info.get("safety") != safety:
            connection.info["safety"] = safety
            words.insert(0, f"PRAGMA synchronous = {safety}")
    try:
        for one in words:
            raw.execute(one)
    except sqlite3.OperationalError as error:
        raise OperationalError(words[-1], None, error) from error


@contextmanager
def _told() -> Iterator[None]:
    """Turn the database's own failures into ours, each with what to do."""
    try:
        yield
    except OperationalError as error:
        words = str(error.orig)
        if "full" in words:
            raise StoreError("The disk is full: nothing of this step was kept.", code="store.full") from error
        if "is locked" in words:
            raise StoreError("Another process holds the database.", code="store.busy") from error
        raise StoreError(f"The database cannot be used: {words.splitlines()[0]}") from error
    except DBAPIError as error:
        if "DiskFull" in type(error.orig).__name__:
            raise StoreError(
                "The database's disk is full: nothing of this step was kept.", code="store.full"
            ) from error
        raise


def create_all(store: Store) -> None:
    """Make every table in an empty database (tests; installations are made by the migrations)."""
    with store.writing() as tx:
        tables.metadata.create_all(tx)
        seed_sequences(tx)


def seed_sequences(tx: Connection) -> None:
    """The two sequences ids come from."""
    for name in ("record", "binding"):
        if tx.dialect.name == "sqlite":
            tx.execute(text("INSERT OR IGNORE INTO sequence VALUES (:name, 1)"), {"name": name})
        else:
            tx.execute(text(f"CREATE SEQUENCE IF NOT EXISTS {name}_ids"))
