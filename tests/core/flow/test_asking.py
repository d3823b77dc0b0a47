"""People are found by what they are called: now, not as they were called once, and not once they are erased."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import select

from core.flow.asking import find
from core.flow.erasure.erasing import erase
from core.flow.saying import say
from core.store import words
from core.store.schema import prepare, version
from core.store.settling import settle
from core.store.tables import new_word, word
from tests.support import Lab

PEOPLE = [
    {"email": "anna@shore.example", "first_name": "Anna-Lena", "last_name": "Müller"},
    {"email": "bob@shore.example", "first_name": "Bob", "last_name": "Mulligan"},
    {"email": "cleo@shore.example", "first_name": "Cleo", "last_name": "Annandale"},
]


@pytest.fixture(params=["embedded", "postgres"])
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    """Three people, known to one tool."""
    url: str | None = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    with Lab(tmp_path / "data", database_url=url) as made:
        tool = made.tool("crm")
        for one in PEOPLE:
            tool.create("contacts", one)
        made.settle()
        yield made


def called(lab: Lab, name: str) -> list[str]:
    return sorted(str(one.values["first_name"]) for one in find(lab.hub, "contact", name))


def test_a_person_is_found_by_the_beginning_of_any_word_of_the_name(lab: Lab) -> None:
    assert called(lab, "Müller") == called(lab, "muller") == called(lab, "MÜLLER anna") == ["Anna-Lena"]
    assert called(lab, "mull") == ["Anna-Lena", "Bob"]
    assert called(lab, "lena m") == ["Anna-Lena"]
    assert called(lab, "ann") == ["Anna-Lena", "Cleo"]
    assert called(lab, "anna") == ["Anna-Lena", "Cleo"]
    assert called(lab, "bob muller") == called(lab, "ligan") == called(lab, "-") == []


def test_a_new_name_takes_the_place_of_the_old(lab: Lab) -> None:
    (bob,) = find(lab.hub, "contact", "mulligan")
    say(lab.hub, bob.id, {"last_name": "Ørsted Smith"})
    assert called(lab, "mulligan") == []
    assert called(lab, "smith") == ["Bob"]
    assert _words(lab, bob.id) == {b"cbob", "cørsted".encode(), b"csmith"}


def test_who_is_erased_is_found_by_no_name(lab: Lab) -> None:
    (anna,) = find(lab.hub, "contact", "müller")
    with lab.hub.store.writing() as tx:
        settle(tx, new_word, word)
        words.add(tx, [(b"cmuller", anna.id)])
    erase(lab.hub, anna.id)
    assert called(lab, "müller") == called(lab, "anna m") == []
    assert _words(lab, anna.id) == set()


def test_what_is_there_already_is_filed_by_the_migration(lab: Lab) -> None:
    store = lab.hub.store
    with store.writing() as tx:
        settle(tx, new_word, word)
        before = sorted(tuple(row) for row in tx.execute(select(word)))
        # The laboratory's tables are of this version, and know nothing of versions.
        known = version(tx)
    assert before
    if known is None:
        pytest.skip("no version is written down")
    config = Config()
    config.set_main_option("script_location", "core/store/migrations")
    with store.writing() as tx:
        config.attributes["connection"] = tx
        command.downgrade(config, "0012")
    prepare(store)
    with store.reading() as tx:
        assert sorted(tuple(row) for row in tx.execute(select(word))) == before
    assert called(lab, "mull") == ["Anna-Lena", "Bob"]


def _words(lab: Lab, record_id: int) -> set[bytes]:
    with lab.hub.store.reading() as tx:
        return {
            bytes(one)
            for table in (word, new_word)
            for one in tx.execute(select(table.c.word).where(table.c.record_id == record_id)).scalars()
        }
