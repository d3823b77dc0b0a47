"""The store in trouble: a full disk, a newer database, two transactions at once."""

from __future__ import annotations

from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import Connection, Engine, event, text

from api.assembly import Installation
from api.settings import Settings
from core.errors import StoreError
from core.store import outbox
from core.store.outbox import Mark
from tests.support import Lab, people


def filled(engine: Engine, *, spare: int) -> None:
    """From now on the database may grow by so many pages only, as on a disk that is nearly full."""
    with engine.connect() as tx:
        pages = int(tx.execute(text("PRAGMA page_count")).scalar_one())

    @event.listens_for(engine, "begin")
    def limit(connection: Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + spare}")


def test_a_full_disk_says_so_loses_nothing_and_syncing_goes_on_afterwards(tmp_path: Path):
    with Lab(tmp_path) as lab:
        source = lab.tool("a", page_size=50)
        lab.tool("b")
        for fields in people(400):
            source.create("contacts", fields)
        lab.turn("b")
        filled(lab.hub.store.engine, spare=4)
        with pytest.raises(StoreError) as caught:
            lab.settle()
        assert caught.value.error_code == "store.full"
        assert "full" in str(caught.value)
        lab.restart()  # the new engine knows no limit: somebody has freed some space
        lab.settle()
        assert len(lab.all("b")) == len(lab.records()) == 400
        assert lab.tools["b"].writes == 400


def test_a_database_from_a_newer_version_is_refused_and_left_alone(tmp_path: Path):
    with Lab(tmp_path) as lab:
        lab.tool("a").create("contacts", people(1)[0])
        lab.settle()
        with lab.hub.store.writing() as tx:
            tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    before = (tmp_path / "concord.db").stat().st_size
    with pytest.raises(StoreError) as caught:
        Installation(Settings(data=tmp_path))
    assert caught.value.error_code == "store.newer"
    assert "9999" in str(caught.value)
    assert (tmp_path / "concord.db").stat().st_size == before


def test_marks_from_two_threads_are_all_kept(tmp_path: Path):
    with Lab(tmp_path) as lab:
        store = lab.hub.store

        def mark(start: int) -> None:
            for number in range(start, start + 25):
                with store.writing() as tx:
                    outbox.mark(tx, [Mark(1, number, 2, 1, 0), Mark(1, 1_000, 2, 1, 0)])

        threads = [Thread(target=mark, args=(start,)) for start in (0, 100, 200)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with store.writing() as tx:
            rows = outbox.claim(tx, 1, now=10, until=20, limit=1_000)
        assert len(rows) == 76
        assert next(row.mark for row in rows if row.record_id == 1_000) == 75


def test_a_mark_made_while_its_row_is_worked_is_not_settled_away(tmp_path: Path):
    with Lab(tmp_path) as lab:
        with lab.hub.store.writing() as tx:
            outbox.mark(tx, [Mark(1, 7, 2, 1, 0)])
            rows = outbox.claim(tx, 1, now=10, until=20, limit=10)
        with lab.hub.store.writing() as tx:
            assert outbox.claim(tx, 1, now=15, until=30, limit=10) == [], "it is leased"
            outbox.mark(tx, [Mark(1, 7, 2, 1, 0)])
            outbox.settle(tx, 1, rows)
            (again,) = outbox.claim(tx, 1, now=15, until=30, limit=10)
        assert again.mark == 2


def test_a_killed_worker_s_rows_are_taken_over_when_its_lease_ends(tmp_path: Path):
    with Lab(tmp_path) as lab, lab.hub.store.writing() as tx:
        outbox.mark(tx, [Mark(1, 7, 2, 1, 0)])
        assert len(outbox.claim(tx, 1, now=10, until=20, limit=10)) == 1
        assert outbox.claim(tx, 1, now=19, until=30, limit=10) == []
        assert len(outbox.claim(tx, 1, now=20, until=30, limit=10)) == 1
