"""The migrations make exactly the tables that the code speaks of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from core.store import schema
from core.store.database import Store, create_all, embedded_url
from core.store.schema import prepare
from core.store.tables import metadata


def shape_of(store: Store) -> dict[str, Any]:
    """Table → columns, keys and indexes, as the database itself tells them."""
    with store.reading() as tx:
        seen = inspect(tx)
        names = sorted(set(seen.get_table_names()) - {"alembic_version"})
        return {name: {sort: told(getattr(seen, f"get_{sort}")(name)) for sort in SORTS} for name in names}


SORTS = ("columns", "pk_constraint", "unique_constraints", "indexes")


def told(found: Any) -> Any:
    """What was found, in a form that can be compared; in what order a table has its columns says nothing."""
    if isinstance(found, list):
        return sorted((told(one) for one in found), key=str)
    return {name: told(value) if isinstance(value, dict) else str(value) for name, value in found.items()}


@pytest.mark.parametrize("kind", ["embedded", "postgres"])
def test_the_migrations_make_the_tables_that_the_code_speaks_of(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
):
    url = embedded_url(tmp_path) if kind == "embedded" else request.getfixturevalue("bare_postgres_url")
    store = Store(url)
    try:
        prepare(store)
        migrated = shape_of(store)
        with store.writing() as tx:
            metadata.drop_all(tx)
        create_all(store)
        declared = shape_of(store)
    finally:
        store.close()
    assert migrated.keys() == declared.keys() == metadata.tables.keys()
    for name in declared:
        assert migrated[name] == declared[name], name


def test_a_migrations_file_is_named_for_the_version_that_it_makes_and_the_last_is_the_programs():
    scripts = ScriptDirectory(str(Path(schema.__file__).parent / "migrations"))
    made = {Path(one.path).name.partition("_")[0]: one.revision for one in scripts.walk_revisions()}
    assert all(number == revision for number, revision in made.items())
    assert tuple(sorted(made)) == schema._versions()
    assert scripts.get_current_head() == schema.head()
