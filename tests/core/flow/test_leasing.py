"""Leases: who is gone is followed at once, who is alive is left alone, and what kills its workers is paused."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.errors import StoreError
from core.flow import holders, leasing
from core.flow.holders import is_gone, this_process
from core.flow.leasing import LEASE, LOST, MOST_LOST, leased
from core.flow.sync import turn
from core.model.instant import SECOND
from core.store import Tx, connections, runs
from core.store.database import Store
from tests.support import Lab, people


def _of(pid: int) -> str:
    host, space, _, _ = this_process().rsplit(":", 3)
    return f"{host}:{space}:{pid}:{holders._started(pid)}"


def test_this_process_is_there():
    assert not is_gone(this_process())
    assert not is_gone(f"{this_process()} beside")


def test_a_process_that_ended_is_gone():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        name = _of(child.pid)
        assert not is_gone(name)
    assert is_gone(name)
    assert is_gone(f"{name} beside")


def test_a_process_nobody_has_waited_for_is_gone():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        name = _of(child.pid)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert is_gone(name)


def test_another_process_with_the_same_number_is_another_one():
    before, _, started = this_process().rpartition(":")
    assert is_gone(f"{before}:{int(started) - 1}")


@pytest.mark.parametrize("holder", ["here", "check", "", "elsewhere:4026531836:1:5", "a:b"])
def test_of_whom_nothing_is_known_nobody_says_that_they_are_gone(holder: str):
    assert not is_gone(holder)


def _lose(lab: Lab, holder: str) -> None:
    """Take the lease of `a` and never let it go."""
    with lab.hub.store.writing() as tx:
        name, now = f"connection {lab.connection('a').id}", lab.clock()
        assert runs.take_lease(tx, name, holder, now=now, until=now + LEASE, is_gone=is_gone) is not None


def _dead() -> str:
    before, _, started = this_process().rpartition(":")
    return f"{before}:{int(started) - 1}"


def test_a_connection_of_a_dead_process_is_taken_over_at_once(lab: Lab):
    lab.tool("a").create("contacts", people(1)[0])
    _lose(lab, _dead())
    assert turn(lab.hub, lab.connection("a"), holder=this_process()).intake.created == 1


def test_a_connection_of_somebody_elsewhere_is_taken_over_when_the_lease_ends(lab: Lab):
    lab.tool("a").create("contacts", people(1)[0])
    _lose(lab, "elsewhere:1:2:3")
    assert turn(lab.hub, lab.connection("a"), holder=this_process()).intake.created == 0
    lab.wait(LEASE / SECOND + 1)
    assert turn(lab.hub, lab.connection("a"), holder=this_process()).intake.created == 1


def test_what_kills_its_workers_is_paused_and_asked_about(lab: Lab):
    lab.tool("a").create("contacts", people(1)[0])
    lab.tool("b")
    # Each comes after one that was killed, so the last one is the fifth that was lost.
    for number in range(MOST_LOST):
        _lose(lab, f"{_dead()} {number}")
    assert turn(lab.hub, lab.connection("a"), holder=this_process()).quiet
    (review,) = lab.reviews("connection")
    assert review.subject["code"] == LOST
    assert "5 turns in a row" in review.subject["message"]
    assert "concord resume" in review.subject["remedy"]
    assert review.subject["acts"] == "admin"
    assert lab.refreshed().connection("a").state == "paused"
    assert lab.hub.connection("b").state == "active"

    lab.installation.resume("a")
    lab.refreshed()
    assert turn(lab.hub, lab.connection("a"), holder=this_process()).intake.created == 1


def test_one_turn_that_comes_to_its_end_forgets_what_was_lost_before(lab: Lab):
    lab.tool("a")
    for _ in range(3):
        for number in range(MOST_LOST - 1):
            _lose(lab, f"{_dead()} {number}")
        turn(lab.hub, lab.connection("a"), holder=this_process())
    assert lab.reviews("connection") == []


def test_a_heart_that_beats_late_takes_nothing_back(lab: Lab):
    lab.tool("a")
    name = f"connection {lab.connection('a').id}"
    with leased(lab.hub, lab.connection("a"), "one") as own:
        assert own is not None
        lab.wait(2 * LEASE / SECOND)
        with leased(lab.hub, lab.connection("a"), "two"):
            pass
        with lab.hub.store.writing() as tx:
            runs.keep_lease(tx, name, 1, until=lab.clock() + LEASE)
            assert not runs.is_leased(tx, name, now=lab.clock())


def _fail(lab: Lab) -> bool:
    """A turn that nobody has foreseen to fail so; gives whether it had its turn."""
    with leased(lab.hub, lab.connection("a"), this_process()) as own:
        if own is not None:
            raise ZeroDivisionError
    return False


@pytest.mark.parametrize("store", ["embedded", "postgres"])
def test_what_nobody_foresaw_counts(tmp_path: Path, store: str, request: pytest.FixtureRequest):
    """Whoever comes next would try the same for ever."""
    url = request.getfixturevalue("postgres_url") if store == "postgres" else None
    with Lab(tmp_path, database_url=url) as lab:
        lab.tool("a")
        for _ in range(MOST_LOST):
            with pytest.raises(ZeroDivisionError):
                _fail(lab)
        assert _fail(lab) is False
        assert lab.refreshed().connection("a").state == "paused"


def test_a_paused_connection_is_told_in_the_store(lab: Lab):
    lab.tool("a")
    for number in range(MOST_LOST):
        _lose(lab, f"{_dead()} {number}")
    turn(lab.hub, lab.connection("a"), holder=this_process())
    with lab.hub.store.reading() as tx:
        row = next(one for one in connections.all_connections(tx) if one.name == "a")
    assert (row.state, row.pause_code) == ("paused", leasing.LOST)


class Away(Store):
    """A store that is away until it comes back."""

    def __init__(self, store: Store) -> None:
        self._store, self.away = store, False
        self.url, self.engine, self.embedded = store.url, store.engine, store.embedded

    @contextmanager
    def writing(self, *, durable: bool = False) -> Iterator[Tx]:
        if self.away:
            raise StoreError("The database cannot be used.")
        with self._store.writing(durable=durable) as tx:
            yield tx


def test_a_lease_that_could_not_be_let_go_is_so_when_the_store_is_back(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
):
    """Its holder is alive, so nobody else would take it before it ends."""
    let_go_later: Any = leasing._let_go_later
    later: list[Any] = []
    monkeypatch.setattr(leasing, "_let_go_later", lambda *about: later.append(about))
    with Lab(tmp_path, database_url=postgres_url) as lab:
        lab.tool("a")
        store = Away(lab.hub.store)
        hub = replace(lab.hub, store=store)
        lease = leasing.take(hub, "tend", this_process())
        assert lease is not None
        with leasing.held(hub, "tend", lease):
            store.away = True
        assert leasing.take(lab.hub, "tend", "another") is None
        store.away = False
        (about,) = later
        let_go_later(*about, 0.0)
        assert leasing.take(lab.hub, "tend", "another") is not None


def test_what_was_taken_anew_is_not_let_go_late(tmp_path: Path, postgres_url: str):
    with Lab(tmp_path, database_url=postgres_url) as lab:
        lab.tool("a")
        lease = leasing.take(lab.hub, "tend", this_process())
        assert lease is not None
        with leasing.held(lab.hub, "tend", lease):
            leasing._let_go_later(lab.hub, "tend", lease.token, 0, every=0.0)
            assert leasing.take(lab.hub, "tend", "another") is None
