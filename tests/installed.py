"""Databases with Concord's tables, made once a test process: PostgreSQL's is emptied, the embedded one is copied.

How the migrations make them is proven in `tests/core/store`, and by every process that a test starts.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from unittest.mock import patch

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from core.store.database import Store, embedded_url
from core.store.schema import prepare

_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
_COLUMNS = (
    "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public'"
    " UNION ALL SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2, 3"
)
_OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
    " AND pid <> pg_backend_pid()"
)
_COUNTED = "SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL"
_VERSION = "alembic_version"


class Installed:
    """One database for a process of tests; `make` gives the URL of a bare one."""

    def __init__(self, make: Callable[[], str]) -> None:
        """Nothing is made before the first test asks."""
        self._make = make
        self._url: str | None = None
        self._shape: list[tuple[str, ...]] = []

    def url(self) -> str:
        """The database's address; its tables are there and empty."""
        if self._url is None:
            self._url = self._make()
            store = Store(self._url)
            prepare(store)
            store.close()
            with self._connected() as connection:
                self._shape = connection.execute(_COLUMNS).fetchall()
        return self._url

    def empty(self) -> None:
        """Take everything out; a test that changed the tables themselves costs the next one a new database."""
        with self._connected() as connection:
            # A test that was broken off may hold locks.
            connection.execute(_OTHERS)
            if connection.execute(_COLUMNS).fetchall() != self._shape:
                self._url = None
                return
            tables = [name for (name,) in connection.execute(_TABLES).fetchall() if name != _VERSION]
            # Quicker than TRUNCATE for tables as small as these.
            for name in tables:
                connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(name)))
            for (name,) in connection.execute(_COUNTED).fetchall():
                connection.execute(sql.SQL("ALTER SEQUENCE {} RESTART").format(sql.Identifier(name)))

    def _connected(self) -> psycopg.Connection[tuple[str, ...]]:
        assert self._url is not None
        plain = make_url(self._url).set(drivername="postgresql").render_as_string(hide_password=False)
        return psycopg.connect(plain)


@contextmanager
def copied() -> Iterator[None]:
    """Installations that are opened meanwhile copy a ready database instead of making their own."""
    with patch("api.assembly.prepare", _prepare):
        yield


def _prepare(store: Store) -> None:
    """As `prepare`; where there is no database yet, an empty one of this version is put there first."""
    path = Path(store.engine.url.database or "")
    # What cannot be written is for the store to tell.
    if store.embedded and path.parent.is_dir() and not path.exists():
        with suppress(OSError):
            path.write_bytes(_tables_alone())
    prepare(store)


@cache
def _tables_alone() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        store = Store(embedded_url(Path(folder)))
        prepare(store)
        store.close()
        return (Path(folder) / "concord.db").read_bytes()
