"""Keys are found wherever they stand, before and after they settle, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, func, select

from core.store import keys
from core.store.database import Store, create_all
from core.store.tables import key, new_key

STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(("add", "drop")), st.lists(st.tuples(st.integers(-3, 3), st.integers(1, 3)), max_size=5)
        ),
        st.tuples(st.just("settle"), st.just([])),
    ),
    max_size=12,
)


@pytest.fixture(params=["embedded", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    url = (
        request.getfixturevalue("bare_postgres_url")
        if request.param == "postgres"
        else f"sqlite:///{tmp_path / 'k.db'}"
    )
    made = Store(url)
    create_all(made)
    yield made
    made.close()


def counted(tx: Connection) -> tuple[int, int]:
    """How many keys have settled, and how many are new."""
    settled, new = (tx.execute(select(func.count()).select_from(table)).scalar_one() for table in (key, new_key))
    return int(settled), int(new)


def test_a_key_is_found_before_and_after_it_settles(store: Store):
    with store.writing() as tx:
        keys.add(tx, [(7, 1), (8, 1), (7, 2)])
        assert sorted(keys.find(tx, [7])) == [(7, 1), (7, 2)]
        keys.settle(tx)
        assert counted(tx) == (3, 0)
        assert sorted(keys.find(tx, [7, 9])) == [(7, 1), (7, 2)]


def test_a_key_added_again_after_it_settled_is_told_once(store: Store):
    with store.writing() as tx:
        keys.add(tx, [(7, 1)])
        keys.settle(tx)
        keys.add(tx, [(7, 1), (7, 1)])
        assert keys.find(tx, [7]) == [(7, 1)]
        keys.settle(tx)
        assert counted(tx) == (1, 0)


def test_enough_new_keys_settle_by_themselves(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(keys, "_SETTLE_AT", 250)
    with store.writing() as tx:
        keys.add(tx, [(number, 1) for number in range(200)])
        assert counted(tx) == (0, 200)
        keys.add(tx, [(-number - 1, 2) for number in range(50)])
        assert counted(tx) == (200, 50), "the fullest quarter settles, the others wait"
        assert sorted(keys.find(tx, [-1, 0])) == [(-1, 2), (0, 1)]


@given(steps=STEPS)
def test_settling_changes_nothing_that_is_found(steps: list[tuple[str, list[tuple[int, int]]]]):
    store = Store("sqlite://")
    create_all(store)
    there: set[tuple[int, int]] = set()
    with store.writing() as tx:
        for what, rows in steps:
            if what == "add":
                keys.add(tx, rows)
                there |= set(rows)
            elif what == "drop":
                keys.drop(tx, rows)
                there -= set(rows)
            else:
                keys.settle(tx)
            assert sorted(keys.find(tx, range(-3, 4))) == sorted(there)
    store.close()
