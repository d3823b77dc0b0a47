"""A PostgreSQL database with Concord's tables that one test after the other finds empty."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from core.store.database import Store
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
