"""How much of a database a question touches: what it costs, whatever else the machine does meanwhile.

SQLite tells steps of its machine, in hundreds; PostgreSQL pages, found by asking each statement again with `EXPLAIN`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, event

from core.store.database import Store

_STEPS = 100


def touched(store: Store, question: Callable[[], object], *, scan: bool = True) -> int:
    """Hundreds of steps, or pages; `scan=False` has PostgreSQL avoid scans, which small tables are read quicker by."""
    return _steps(store, question) if store.embedded else _pages(store, question, scan=scan)


def _steps(store: Store, question: Callable[[], object]) -> int:
    steps = 0

    def more() -> int:
        nonlocal steps
        steps += 1
        return 0

    def watch(connection: Connection, *_: Any) -> None:
        _raw(connection).set_progress_handler(more, _STEPS)

    event.listen(store.engine, "before_cursor_execute", watch)
    try:
        question()
    finally:
        event.remove(store.engine, "before_cursor_execute", watch)
        with store.reading() as tx:
            _raw(tx).set_progress_handler(None, 0)
    return steps


def _raw(connection: Connection) -> Any:
    return connection.connection.dbapi_connection


def _pages(store: Store, question: Callable[[], object], *, scan: bool) -> int:
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.lstrip().startswith(("SELECT", "WITH")):
            asked.append((statement, parameters))

    event.listen(store.engine, "before_cursor_execute", note)
    try:
        question()
    finally:
        event.remove(store.engine, "before_cursor_execute", note)
    with store.reading() as tx:
        tx.exec_driver_sql(f"SET LOCAL enable_seqscan = {'on' if scan else 'off'}")
        return sum(_read(tx, statement, parameters) for statement, parameters in asked)


def _read(tx: Connection, statement: str, parameters: Any) -> int:
    told = tx.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", parameters).scalar_one()
    return int(told[0]["Plan"]["Shared Hit Blocks"] + told[0]["Plan"]["Shared Read Blocks"])
