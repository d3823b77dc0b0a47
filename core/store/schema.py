"""The schema's versions: made and moved forward by Alembic, refused when it is newer than this program.

Alembic itself is looked for only where there is something to move: it takes a fifth of the time in which a command
starts, and mostly the database has this program's version already.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from sqlalchemy import Connection, column, inspect, select, table

from core.errors import StoreError
from core.store.database import Store, seed_sequences

_MIGRATIONS = Path(__file__).parent / "migrations"
_VERSION = table("alembic_version", column("version_num"))


def prepare(store: Store) -> None:
    """Bring the database to this program's version; nothing to do is the usual case."""
    with store.reading() as tx:
        present = version(tx)
    if present == head():
        return
    if present is not None and present not in _versions():
        raise StoreError(f"The database has version {present}, which this Concord does not know.", code="store.newer")
    _move(store)


def version(tx: Connection) -> str | None:
    """The version a database has; None for an empty one."""
    if not inspect(tx).has_table(_VERSION.name):
        return None
    return tx.execute(select(_VERSION.c.version_num)).scalar_one_or_none()


def head() -> str:
    """The version this program works with."""
    return _versions()[-1]


@cache
def _versions() -> tuple[str, ...]:
    """The versions this program has, oldest first: each migration's file begins with the one that it makes."""
    return tuple(sorted(one.name.partition("_")[0] for one in (_MIGRATIONS / "versions").glob("[0-9]*_*.py")))


def _move(store: Store) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    with store.writing() as tx:
        config.attributes["connection"] = tx
        command.upgrade(config, "head")
        seed_sequences(tx)


def is_prepared(store: Store) -> bool:
    """Whether the database holds a hub at all."""
    with store.reading() as tx:
        return inspect(tx).has_table(_VERSION.name)
