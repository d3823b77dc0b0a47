"""Copying the embedded database as of one moment, while others go on writing to it.

SQLite's own backup copies page by page; a read transaction holds the moment, so that it need not begin anew with each
commit of somebody else. Nothing of the hub waits meanwhile.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from core.errors import StoreError
from core.store.database import Store

_PAGES = 2_000
"""Pages between two looks at whether somebody wants to stop: 8 MB."""


def copy_to(store: Store, target: Path, tell: Callable[[int, int], None] | None = None) -> None:
    """Copy an embedded store into a new file, whole as of now; `tell` hears how many of how many pages are done."""
    file = store.engine.url.database
    assert file is not None  # noqa: S101 - an embedded store has a file
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, isolation_level=None)) as source:
            source.execute("BEGIN")
            # The first reading decides which moment is seen.
            source.execute("SELECT count(*) FROM sqlite_master").fetchone()
            with closing(sqlite3.connect(target)) as copy:
                source.backup(copy, pages=_PAGES, progress=_progress(tell))
                # One file, without a log beside it.
                copy.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise _failed(error, target) from error


def _progress(tell: Callable[[int, int], None] | None) -> Callable[[int, int, int], None]:
    def told(_status: int, remaining: int, total: int) -> None:
        if tell is not None:
            tell(total - remaining, total)

    return told


def _failed(error: sqlite3.Error, target: Path) -> StoreError:
    if "full" in str(error):
        return StoreError(f"The disk of {target.parent} is full: nothing was kept.", code="store.full")
    return StoreError(f"The database could not be copied to {target}: {error}.")


def check(file: Path) -> None:
    """See whether a database file is whole; `StoreError` where it is not."""
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as copy:
            found = [str(row[0]) for row in copy.execute("PRAGMA quick_check")]
    except sqlite3.Error as error:
        found = [str(error)]
    if found != ["ok"]:
        raise StoreError(f"{file.name} is not a whole database: {found[0]}.", remedy="Use another backup.")


def leave_alone(file: Path) -> None:
    """Bring a database file into one piece and make sure that nobody works on it; `StoreError` (`store.busy`) else."""
    if not file.exists():
        return
    try:
        with closing(sqlite3.connect(file, timeout=1, isolation_level=None)) as found:
            found.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            found.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.OperationalError as error:
        raise StoreError(
            f"Somebody works with {file}.", code="store.busy", remedy="Stop every `concord` on this folder first."
        ) from error
    except sqlite3.DatabaseError:
        # What is no database any more is what somebody restores a backup for.
        return
