"""What lets hundreds of hubs be built and played in a minute, and changes nothing that a law could notice.

One engine serves all embedded stores of a process one after the other, so that statements are compiled once; mappings
and block lists are read once; no thread prolongs leases, since no turn lasts that long by the virtual clock.
"""

from __future__ import annotations

import gc
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from functools import cache
from typing import Any
from unittest.mock import patch

from sqlalchemy import Connection, Engine, create_engine, make_url
from sqlalchemy.pool import QueuePool

from core.decide.blocks import load_blocks
from core.mapping import load
from core.store import database

_OPEN = {"path": ""}
"""The file of the embedded store that is open now; a second one beside it gets an engine of its own."""

_load, _load_blocks = cache(load), cache(load_blocks)
_ordinary = database._engine


@contextmanager
def swiftly() -> Iterator[None]:
    """Play inside of this."""
    with ExitStack() as stack:
        stack.enter_context(patch("core.store.database._engine", _engine))
        stack.enter_context(patch("core.store.database._begin_sqlite", _begin))
        stack.enter_context(patch.object(database.Store, "close", _close))
        stack.enter_context(patch("api.assembly.load", _load))
        stack.enter_context(patch("api.assembly.load_blocks", _load_blocks))
        stack.enter_context(patch("core.flow.leasing.kept", lambda _: nullcontext()))
        collecting = gc.isenabled()
        gc.disable()
        try:
            yield
        finally:
            if collecting:
                gc.enable()


def _engine(url: str) -> Engine:
    if not url.startswith("sqlite") or _OPEN["path"]:
        return _ordinary(url)
    _OPEN["path"] = str(make_url(url).database)
    return _embedded()


@cache
def _embedded() -> Engine:
    return create_engine(
        "sqlite://", creator=_connect, poolclass=QueuePool, pool_size=8, max_overflow=24, pool_use_lifo=True
    )


def _close(store: database.Store) -> None:
    store.engine.dispose()
    if store.engine is _embedded():
        _OPEN.update(path="")


def _connect() -> sqlite3.Connection:
    connection = sqlite3.connect(_OPEN["path"], timeout=60, check_same_thread=False, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    # Processes are killed here, power is not cut.
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA temp_store = MEMORY")
    return connection


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("concord_write")
    driver: Any = connection.connection.dbapi_connection
    driver.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
