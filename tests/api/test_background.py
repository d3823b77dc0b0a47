"""The background does what is due, each thing once at a time, and tells what fails."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from itertools import pairwise
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import structlog
from fastapi.testclient import TestClient
from sqlalchemy import event

from api import duties
from api.app import create_app
from api.assembly import Installation
from api.background import Background
from api.building import ConnectionSpec
from api.logs import set_up, take_down
from api.waking import AGAIN, Wake
from connectors.memory.connector import MemoryConnector
from core.errors import Unavailable
from core.flow.inward.hearing import keep
from core.flow.leasing import LEASE, LOST, MOST_LOST
from core.store import alerts, runs
from tests.simulation.door import SECRET
from tests.support import Lab, people

MAPPING = """
contacts:
  as: contact
  fields:
    email: {field: email}
    first_name: {field: first_name}
    consent.email: {field: email_consent}
"""
ANN = {"email": "ann@shore.example", "first_name": "Ann"}


class Pool(Executor):
    """Does what is submitted when it is told to, in the order in which it came."""

    def __init__(self) -> None:
        self.waits: list[tuple[Callable[[], Any], Future[Any]]] = []

    def submit(self, act: Callable[..., Any], /, *words: Any, **named: Any) -> Future[Any]:
        done: Future[Any] = Future()
        self.waits.append((lambda: act(*words, **named), done))
        return done

    def work(self) -> None:
        """Do all that waits."""
        waits, self.waits = self.waits, []
        for act, done in waits:
            try:
                done.set_result(act())
            except Exception as error:
                done.set_exception(error)


class Engine(Background):
    """A background whose duties wait until they are told to be done, and which remembers them."""

    def __init__(self, installation: Installation) -> None:
        super().__init__(installation, seconds=lambda: self.now)
        self.now, self.pool, self.done = 0.0, Pool(), list[str]()

    def _do(self, one: Wake) -> None:
        every = self.installation.hub().connections
        self.done.append(f"{one.task} {every[one.about].name}" if one.about else one.task)
        super()._do(one)

    def go(self) -> list[str]:
        """Do what is due until nothing is; gives what was done for connections, in order."""
        self.done.clear()
        while self.look(self.pool):
            self.pool.work()
        return [one for one in self.done if " " in one]


@pytest.fixture
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    """Three tools that hold Ann and send webhooks."""
    url = request.getfixturevalue("postgres_url") if getattr(request, "param", "") == "postgres" else None
    with Lab(tmp_path, database_url=url, tick=0) as made:
        for name in ("shop", "crm", "desk"):
            made.tool(name, mapping=MAPPING, webhook_secret=SECRET)
        made.tools["shop"].create("contacts", ANN)
        made.settle()
        yield made


def says(lab: Lab, name: str, **words: str) -> None:
    """Ann says something in a tool, which tells it by webhook."""
    tool, id_ = lab.tools[name], lab.find(name, email=ANN["email"])
    tool.edit("contacts", id_, words)
    keep(lab.hub, lab.connection(name), tool.webhook("contacts", id_, secret=SECRET))


def held(lab: Lab, name: str) -> dict[str, Any]:
    return lab.held(name, lab.find(name, email=ANN["email"]))


EVERYWHERE = pytest.mark.parametrize("lab", ["embedded", "postgres"], indirect=True)


@EVERYWHERE
def test_a_word_is_heard_and_written_to_the_others_and_nothing_else_is_done(lab: Lab) -> None:
    engine = Engine(lab.installation)
    engine.go()
    says(lab, "shop", first_name="Anna")
    assert engine.go() == ["hear shop", "turn crm", "turn desk"]
    assert [held(lab, name)["first_name"] for name in ("crm", "desk")] == ["Anna", "Anna"]
    assert engine.go() == []
    assert engine.trouble is None


def test_a_refusal_goes_before_everything_else(lab: Lab) -> None:
    engine = Engine(lab.installation)
    engine.go()
    says(lab, "shop", email_consent="denied")
    assert engine.go()[:3] == ["hear shop", "hear crm", "hear desk"]
    assert [held(lab, name)["email_consent"] for name in ("crm", "desk")] == ["denied", "denied"]


def test_what_is_under_way_is_not_begun_again_and_keeps_nobody_waiting(lab: Lab) -> None:
    engine = Engine(lab.installation)
    engine.go()
    says(lab, "shop", first_name="Anna")
    assert engine.look(engine.pool) == 1
    says(lab, "shop", first_name="Annie")
    says(lab, "crm", email_consent="denied")
    assert engine.look(engine.pool) == 1
    assert engine.look(engine.pool) == 0
    engine.pool.work()
    engine.go()
    assert held(lab, "desk") | {"first_name": "Annie", "email_consent": "denied"} == held(lab, "desk")


@EVERYWHERE
def test_somebody_elses_connection_is_left_to_them_and_what_a_killed_process_left_is_not(lab: Lab) -> None:
    engine = Engine(lab.installation)
    engine.go()
    desk = f"connection {lab.connection('desk').id}"
    with lab.hub.store.writing() as tx:
        taken = runs.take_lease(tx, desk, "somebody", now=lab.clock(), until=lab.clock() + LEASE)
    says(lab, "shop", first_name="Anna")
    assert engine.go() == ["hear shop", "turn crm"]
    assert taken is not None
    with lab.hub.store.writing() as tx:
        runs.drop_lease(tx, desk, taken.token)
        runs.take_lease(tx, desk, engine.holder, now=lab.clock(), until=lab.clock() + LEASE)
    engine.now += AGAIN
    assert engine.go() == ["turn desk"]
    assert held(lab, "desk")["first_name"] == "Anna"


def test_what_can_do_nothing_is_not_tried_without_end(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried again when something new comes, or when a while has passed."""
    engine = Engine(lab.installation)
    engine.go()
    monkeypatch.setattr(duties, "hear", lambda *_: None)
    says(lab, "shop", first_name="Anna")
    assert engine.go() == ["hear shop"]
    assert engine.go() == []
    says(lab, "shop", first_name="Annie")
    assert engine.go() == ["hear shop"]
    engine.now += AGAIN - 1
    assert engine.go() == []
    engine.now += 1
    assert engine.go() == ["hear shop"]


def test_only_streams_whose_time_has_come_are_read(lab: Lab) -> None:
    engine = Engine(lab.installation)
    engine.go()
    lab.tools["shop"].create("contacts", people(1)[0])
    assert engine.go() == []
    lab.wait(3600)
    assert set(engine.go()) == {"turn shop", "turn crm", "turn desk"}
    assert len(lab.all("desk")) == 2


def test_a_look_where_nothing_is_due_asks_little_and_writes_nothing(lab: Lab) -> None:
    engine, asked = Engine(lab.installation), list[str]()
    engine.go()
    event.listen(lab.installation.store.engine, "before_cursor_execute", lambda *words: asked.append(words[2]))
    assert engine.look(engine.pool) == 0
    assert len(asked) == 4
    assert all(words.startswith("SELECT") for words in asked)


def test_what_another_process_put_in_force_is_worked(lab: Lab) -> None:
    engine = Engine(lab.installation)
    engine.go()
    with Installation(lab.settings, clock=lab.clock) as other:
        other.put_connection(ConnectionSpec("store", "memory", {}, MAPPING, "store.yaml"))
    assert "load store" in engine.go()


def test_a_connector_in_use_is_not_closed_under_who_uses_it(lab: Lab) -> None:
    engine = Engine(lab.installation)
    engine.go()
    used = lab.installation.connector("shop")
    says(lab, "shop", first_name="Anna")
    engine.look(engine.pool)
    with Installation(lab.settings, clock=lab.clock) as other:
        spec = ConnectionSpec("shop", "memory", {"world": lab.tools["shop"].name, "page_size": 7}, MAPPING, "shop.yaml")
        other.put_connection(spec)
    engine.look(engine.pool)
    assert lab.installation.connector("shop") is used
    engine.pool.work()
    engine.look(engine.pool)
    assert lab.installation.connector("shop") is not used


def test_nor_is_one_that_this_process_changes_itself(lab: Lab) -> None:
    engine = Engine(lab.installation)
    engine.go()
    used = lab.installation.connector("shop")
    says(lab, "shop", first_name="Anna")
    engine.look(engine.pool)
    lab.installation.pause("shop")
    assert lab.installation.connector("shop") is used
    engine.pool.work()
    engine.look(engine.pool)
    assert lab.installation.connector("shop") is not used


def test_a_failure_is_told_until_it_is_mended(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(lab.installation)
    with monkeypatch.context() as fails:

        def away(_installation: Installation) -> None:
            raise Unavailable("The store is away.")

        fails.setattr(duties, "tend", away)
        engine.go()
        assert engine.trouble is not None
        assert engine.trouble.message == "The store is away."
    engine.now += 60
    engine.go()
    assert engine.trouble is None


def breaks(monkeypatch: pytest.MonkeyPatch, lab: Lab, name: str) -> list[float]:
    """One tool's connector has a bug; gives a list that is as long as it was met often."""
    met, call = list[float](), MemoryConnector._call

    def broken(connector: MemoryConnector, *words: Any) -> Any:
        if connector.tool is lab.tools[name]:
            met.append(lab.clock())
            raise ZeroDivisionError("ann@shore.example by nought")
        return call(connector, *words)

    monkeypatch.setattr(MemoryConnector, "_call", broken)
    return met


def rests(engine: Engine, lab: Lab, seconds: float) -> list[str]:
    """So much time passes, and what is due then is done."""
    lab.wait(seconds)
    engine.now += seconds
    return engine.go()


@EVERYWHERE
def test_what_nobody_has_foreseen_stops_nobody_else(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(lab.installation)
    engine.go()
    met = breaks(monkeypatch, lab, "shop")
    rests(engine, lab, 3600)
    assert met
    (trouble,) = engine.troubles
    assert (trouble.error_code, trouble.facts["connection"]) == ("unforeseen", "shop")
    assert trouble.message == "Working shop failed in a way that nobody has foreseen (ZeroDivisionError)."
    says(lab, "crm", first_name="Anna")
    engine.go()
    assert held(lab, "desk")["first_name"] == "Anna"
    monkeypatch.undo()
    rests(engine, lab, 3600)
    assert engine.troubles == []
    assert held(lab, "shop")["first_name"] == "Anna"


@EVERYWHERE
def test_it_is_tried_again_after_a_rest_that_grows_and_then_paused(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(lab.installation)
    engine.go()
    met = breaks(monkeypatch, lab, "shop")
    rests(engine, lab, 3600)
    for times, rest in enumerate((5, 10, 20, 40), 1):
        assert len(met) == times
        rests(engine, lab, rest - 1)
        assert len(met) == times, "it rests"
        rests(engine, lab, 1)
    assert len(met) == MOST_LOST
    rests(engine, lab, 80)
    rests(engine, lab, 3600)
    assert len(met) == MOST_LOST, "it is not tried any more"
    assert {one.name: one.state for one in lab.installation.hub().connections.values()} == {
        "shop": "paused", "crm": "active", "desk": "active"
    }  # fmt: skip
    (review,) = lab.reviews("connection")
    assert (review.subject["connection"], review.subject["code"]) == ("shop", LOST)
    assert engine.troubles == [], "the pause tells it"
    monkeypatch.undo()
    lab.installation.resume("shop")
    says(lab, "shop", first_name="Anna")
    rests(engine, lab, 3600)
    assert held(lab, "desk")["first_name"] == "Anna"


def test_it_is_logged_with_its_place_and_without_anybodys_words(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CONCORD_LOG_FORMAT", "json")
    engine = Engine(lab.installation)
    engine.go()
    breaks(monkeypatch, lab, "shop")
    set_up()
    try:
        rests(engine, lab, 3600)
    finally:
        take_down()
        structlog.reset_defaults()
    said = capsys.readouterr().err
    (line,) = [one for one in map(json.loads, said.splitlines()) if one.get("error") == "ZeroDivisionError"]
    assert (line["connection"], line["times"], line["rest"]) == ("shop", 1, 5.0)
    assert line["at"][-1].endswith("broken")
    assert "ann@shore.example" not in said


def test_it_is_an_alert_of_its_connection_and_stands_on_the_status_page(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine(lab.installation)
    engine.go()
    breaks(monkeypatch, lab, "shop")
    rests(engine, lab, 3600)
    engine.now += 60
    engine.go()
    with lab.installation.store.reading() as tx:
        (stands,) = [one for one in alerts.standing(tx) if one.kind == "hub"]
    assert (stands.where, stands.says) == ("shop", engine.troubles[0].message)
    page = TestClient(create_app(lab.installation, engine), base_url="http://127.0.0.1").get("/").text
    assert "Working shop failed in a way that nobody has foreseen" in page
    assert "Report it with the lines" in page


def test_the_hubs_own_work_is_tried_again_too(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, met = Engine(lab.installation), list[float]()

    def broken(_installation: Installation) -> None:
        met.append(engine.now)
        raise ZeroDivisionError

    with monkeypatch.context() as fails:
        fails.setattr(duties, "tend", broken)
        for _ in range(40):
            engine.go()
            engine.now += 10
        assert engine.trouble is not None
        assert "The hub's own work (tend)" in engine.trouble.message
    waits = [after - before for before, after in pairwise(met)]
    assert waits == [30, 30, 30, 40, 80, 160]
    engine.now += 600
    engine.go()
    assert engine.trouble is None


def test_a_look_that_fails_so_is_looked_again(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    failed, mended = Event(), Event()

    def broken(*_words: Any, **_named: Any) -> None:
        failed.set()
        raise ZeroDivisionError

    monkeypatch.setattr("api.background._SHORTEST", 0.01)
    engine = Background(lab.installation, tick=0.01)
    renew = lab.installation.renew
    monkeypatch.setattr(lab.installation, "renew", broken)
    engine.start()
    try:
        assert failed.wait(60)

        def well(**named: Any) -> None:
            renew(**named)
            mended.set()

        monkeypatch.setattr(lab.installation, "renew", well)
        assert mended.wait(60)
        assert engine.alive
    finally:
        assert engine.stop(60)


@EVERYWHERE
def test_it_runs_in_threads_and_ends(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    written, turn = Event(), duties.turn

    def turned(*words: Any) -> None:
        turn(*words)
        if {held(lab, name).get("first_name") for name in ("crm", "desk")} == {"Anna"}:
            written.set()

    monkeypatch.setattr(duties, "turn", turned)
    engine = Background(lab.installation)
    engine.start()
    try:
        says(lab, "shop", first_name="Anna")
        lab.installation.bell.ring()
        assert written.wait(60)
    finally:
        assert engine.stop(60)
    assert engine.trouble is None
    assert not engine.alive


def test_what_had_not_begun_is_not_waited_for(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    began, goes_on = Event(), Event()

    def tend(_installation: Installation) -> None:
        began.set()
        goes_on.wait(60)

    monkeypatch.setattr("api.background._MOST", 1)
    monkeypatch.setattr(duties, "tend", tend)
    engine = Background(lab.installation)
    engine.start()
    assert began.wait(60)
    says(lab, "shop", first_name="Anna")
    lab.installation.bell.ring()
    Thread(target=lambda: goes_on.set() if engine._stopped.wait(60) else None).start()
    assert engine.stop(30)
