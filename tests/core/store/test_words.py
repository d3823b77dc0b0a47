"""Words are found by how they begin, several at once, before and after they settle; nothing broad is gone through."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select

from core.store import words
from core.store.database import Store, create_all
from core.store.settling import settle
from core.store.tables import new_word, word

NAMES = {1: "ann shore", 2: "anna shoreham", 3: "bob shore", 4: "ann bell", 5: "müller"}


@pytest.fixture(params=["embedded", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    url = (
        request.getfixturevalue("bare_postgres_url")
        if request.param == "postgres"
        else f"sqlite:///{tmp_path / 'w.db'}"
    )
    made = Store(url)
    create_all(made)
    yield made
    made.close()


def rows() -> list[tuple[bytes, int]]:
    return [(one.encode(), id_) for id_, name in NAMES.items() for one in name.split()]


def found(tx: Connection, *asked: str, limit: int = 10) -> list[int]:
    return words.find(tx, [[one.encode() for one in asked]], limit)


def test_several_sets_of_words_are_each_looked_up_for_itself(store: Store) -> None:
    with store.writing() as tx:
        words.add(tx, rows())
        names = list(NAMES.values())[:2]
        apart = {id_ for name in names for id_ in found(tx, *name.split())}
        assert len(apart) > 1
        assert set(words.find(tx, [[one.encode() for one in name.split()] for name in names], 10)) == apart


def test_words_are_found_by_their_beginnings_wherever_they_stand(store: Store) -> None:
    with store.writing() as tx:
        words.add(tx, rows()[:4])
        settle(tx, new_word, word)
        words.add(tx, rows()[4:])
        assert found(tx, "shore") == [3, 2, 1]
        assert found(tx, "ann") == [4, 2, 1]
        assert found(tx, "shoreh") == [2]
        assert found(tx, "mü") == [5]
        assert found(tx, "sho", "bo") == [3]
        assert found(tx, "ann", "shore") == [2, 1]
        assert found(tx, "ann", "nobody") == []
        assert found(tx, "zoe") == []


def test_what_is_dropped_is_found_no_longer(store: Store) -> None:
    with store.writing() as tx:
        words.add(tx, rows()[:4])
        settle(tx, new_word, word)
        words.add(tx, [*rows(), *rows()])
        words.drop(tx, [(b"shore", 1), (b"shore", 3)])
        assert found(tx, "shore") == [2]


def test_enough_new_words_settle_by_themselves(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "_SETTLE_AT", 5)
    with store.writing() as tx:
        words.add(tx, rows()[:4])
        assert tx.execute(select(func.count()).select_from(word)).scalar_one() == 0
        words.add(tx, rows()[4:5])
        assert tx.execute(select(func.count()).select_from(word)).scalar_one() == 5
        assert tx.execute(select(func.count()).select_from(new_word)).scalar_one() == 0


def test_of_a_word_that_very_many_have_the_newest_are_given(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "_BROAD", 20)
    with store.writing() as tx:
        words.add(tx, [(b"ann", id_) for id_ in range(100)])
        words.add(tx, [(b"bell", 99), (b"bell", 7), (b"annabel", 100)])
        assert found(tx, "ann", limit=3)[:3] == [99, 98, 97], "with the whole word"
        assert found(tx, "ann", "bell") == [99, 7], "the rarer word is gone by"
