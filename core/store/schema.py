"""The schema's versions: made and moved forward by Alembic, refused when it is newer than this program."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from core.errors import StoreError
from core.store.database import Store, seed_sequences

_MIGRATIONS = Path(__file__).parent / "migrations"


def prepare(store: Store) -> None:
    """Bring the database to this program's version; nothing to do is the usual case."""
    script = _script()
    with store.reading() as tx:
        present = version(tx)
    if present == head():
        return
    if present is not None and present not in {one.revision for one in script.walk_revisions()}:
        raise StoreError(f"The database has version {present}, which this Concord does not know.", code="store.newer")
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    with store.writing() as tx:
        config.attributes["connection"] = tx
        command.upgrade(config, "head")
        seed_sequences(tx)


def version(tx: Connection) -> str | None:
    """The version a database has; None for an empty one."""
    return MigrationContext.configure(tx).get_current_revision()


def head() -> str | None:
    """The version this program works with."""
    return _script().get_current_head()


@cache
def _script() -> ScriptDirectory:
    """The versions this program has; they do not change while it runs."""
    return ScriptDirectory(str(_MIGRATIONS))


def is_prepared(store: Store) -> bool:
    """Whether the database holds a hub at all."""
    with store.reading() as tx:
        return inspect(tx).has_table("alembic_version")
