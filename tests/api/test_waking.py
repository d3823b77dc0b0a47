"""Waking: what is due is sent once, in its lane; Redis may forget everything, and a door never waits for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as NotThere

from api import duties
from api.lanes import LANE_OF, Lane
from api.waking import AGAIN, QUEUED, SWEEP, DistantBell, Wake, Waking, wakes
from core.flow.holders import this_process
from core.flow.leasing import LEASE, held, take
from core.flow.pausing import reads
from core.model.instant import DAY, HOUR
from core.store import connections, due, outbox, runs
from core.store.due import Due
from tests.support import PEOPLE, Lab, people


class Queue:
    """Where messages are sent, and a clock in seconds."""

    def __init__(self, redis: Redis) -> None:
        self.sent: list[tuple[str, int]] = []
        self.now = 1_000.0
        self.waking = Waking(redis, "test:", lambda task, about: self.sent.append((task, about)), lambda: self.now)

    def take(self) -> list[tuple[str, int]]:
        """What was sent; all of it arrives."""
        taken, self.sent = self.sent, []
        for task, about in taken:
            self.waking.begun(task, about)
        return taken


@pytest.fixture
def queue(redis_url: str) -> Iterator[Queue]:
    with Redis.from_url(redis_url) as client:
        yield Queue(client)


@pytest.fixture(params=["embedded", "postgres"])
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    with Lab(tmp_path, database_url=url, tick=0) as made:
        yield made


def found(lab: Lab) -> Due:
    hub = lab.installation.hub()
    streams = [one.id for connection in hub.connections.values() for one in connection.streams if reads(one)]
    with hub.store.reading() as tx:
        return due.look(tx, hub.clock(), reads=streams)


def wanted(lab: Lab, *tasks: str) -> list[tuple[str, str]]:
    """(task, connection) of what would be sent now and is not only a sweep."""
    hub = lab.installation.hub()
    names = {one.id: one.name for one in hub.connections.values()}
    return [
        (one.task, names[one.about])
        for one in wakes(hub, found(lab))
        if one.about and one.again != SWEEP and (not tasks or one.task in tasks)
    ]


# --- what is due


def test_what_was_never_read_is_loaded_and_later_polled_when_it_is_time(lab: Lab):
    lab.tool("a").create("contacts", people(1)[0])
    assert wanted(lab) == [("load", "a")]
    lab.settle()
    assert wanted(lab) == []
    lab.wait(HOUR / 1_000_000)
    assert wanted(lab) == [("turn", "a")]


def test_what_waits_to_be_written_has_its_turn(lab: Lab):
    lab.tool("a")
    lab.tool("b")
    lab.settle()
    lab.tools["a"].create("contacts", people(1)[0])
    with lab.hub.store.writing() as tx:
        connections.poll_now(tx, {lab.stream("a").id}, now=lab.clock())
    lab.turn("a")
    assert wanted(lab) == [("turn", "b")]
    lab.turn("b")
    assert wanted(lab) == []


def test_what_a_killed_worker_had_claimed_is_due_again(lab: Lab):
    lab.tool("a")
    lab.tool("b")
    lab.settle()
    lab.tools["a"].create("contacts", people(1)[0])
    with lab.hub.store.writing() as tx:
        connections.poll_now(tx, {lab.stream("a").id}, now=lab.clock())
    lab.turn("a")
    with lab.hub.store.writing() as tx:
        b = lab.connection("b").id
        assert outbox.claim(tx, b, now=lab.clock(), until=lab.clock() + HOUR, limit=10)
    assert wanted(lab) == [("turn", "b")]


def test_a_stream_that_is_not_read_wakes_nobody(lab: Lab):
    lab.tool("a", policy={"reads": False})
    assert wanted(lab) == []


def test_a_paused_stream_wakes_nobody_until_it_is_tried(lab: Lab):
    lab.tool("a")
    with lab.hub.store.writing() as tx:
        later = lab.clock() + HOUR
        connections.change_stream(tx, lab.stream("a").id, pause_side="whole", pause_code="x", try_at=later)
    assert wanted(lab) == []
    lab.wait(HOUR / 1_000_000 + 1)
    assert wanted(lab) == [("load", "a")]


def test_who_is_being_worked_is_left_alone_and_who_died_is_not(lab: Lab):
    lab.tool("a")
    hub, name = lab.hub, f"connection {lab.connection('a').id}"
    assert take(hub, name, this_process()) is not None
    assert wanted(lab) == []
    before, _, started = this_process().rpartition(":")
    with hub.store.writing() as tx:
        runs.free_leases(tx, this_process())
        runs.take_lease(tx, name, f"{before}:{int(started) - 1}", now=lab.clock(), until=lab.clock() + LEASE)
    assert wanted(lab) == [("load", "a")]


def test_by_a_new_mapping_what_is_known_is_read_anew_before_anybody_has_a_turn(lab: Lab):
    tool = lab.tool("a")
    tool.create("contacts", people(1)[0])
    lab.settle()
    lab.tool("b")
    assert wanted(lab) == [("load", "b")]
    lab.rules("contact: {first_name: fill}")
    assert wanted(lab) == []
    assert found(lab).unsettled
    duties.turn(lab.installation, lab.connection("b").id)
    assert found(lab).first_load == {lab.connection("b").id}
    duties.tend(lab.installation)
    assert not found(lab).unsettled
    assert wanted(lab) == [("load", "b")]
    duties.turn(lab.installation, lab.connection("b").id)
    assert found(lab).first_load == set()


def test_the_fact_that_tells_of_the_last_matching_keeps_nobody_waiting(lab: Lab):
    lab.tool("a")
    lab.installation.reconsider()
    assert lab.installation.rematched()
    assert not found(lab).unsettled


def test_what_nobody_noted_is_swept_behind(lab: Lab):
    lab.tool("a")
    lab.settle()
    hub = lab.installation.hub()
    (sweep,) = [one for one in wakes(hub, found(lab)) if one.about]
    assert (sweep.task, sweep.soon, sweep.again) == ("turn", SWEEP, SWEEP)


def test_the_hubs_own_work_is_woken_by_whatever_happens(lab: Lab):
    lab.tool("a").create("contacts", people(1)[0])
    hub = lab.installation.hub()
    before = {one.task: one.mark for one in wakes(hub, found(lab)) if not one.about}
    lab.settle()
    after = {one.task: one.mark for one in wakes(hub, found(lab)) if not one.about}
    assert before.keys() == after.keys() == {"tend", "measure", "alert"}
    assert before["tend"] != after["tend"]


def test_nobody_does_the_hubs_own_work_twice_at_the_same_time(lab: Lab):
    lab.tool("a").create("contacts", people(1)[0])
    hub = lab.hub
    lease = take(hub, "measure", "somebody")
    assert lease is not None
    with held(hub, "measure", lease):
        assert "measure" not in {one.task for one in wakes(lab.installation.hub(), found(lab))}
        duties.measure(lab.installation)
        with hub.store.reading() as tx:
            assert runs.agreements(tx) == []
    lab.settle()
    duties.measure(lab.installation)
    with hub.store.reading() as tx:
        assert len(runs.agreements(tx)) == 1


def test_duties_bring_tools_into_agreement(lab: Lab):
    for name in "ab":
        lab.tool(name)
    for person in people(3):
        lab.tools["a"].create("contacts", person)
    for _ in range(3):
        for name in "ab":
            duties.turn(lab.installation, lab.connection(name).id)
        duties.tend(lab.installation)
    assert len(lab.tools["b"].all("contacts")) == 3
    duties.alert(lab.installation)
    assert wanted(lab) == []


def test_a_removed_or_unknown_connection_is_no_duty(lab: Lab):
    lab.tool("a")
    id_ = lab.connection("a").id
    lab.installation.change(removed=["a"])
    for duty in (duties.hear, duties.turn):
        duty(lab.installation, id_)
        duty(lab.installation, 999)
    assert wanted(lab) == []


# --- first loads give way


def test_a_first_load_gives_way_between_two_pages_and_is_gone_on_with(lab: Lab, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("core.flow.inward.ahead.INTAKE", 2)
    tool = lab.tool("a", mapping=PEOPLE, page_size=2)
    for person in people(7):
        tool.create("contacts", person)
    id_ = lab.connection("a").id
    asked = 0

    def gives_way() -> bool:
        nonlocal asked
        asked += 1
        return True

    turns = 0
    while found(lab).first_load:
        duties.turn(lab.installation, id_, gives_way)
        turns += 1
        assert turns < 9
    assert turns == asked + 1 == 4
    assert len(lab.records()) == 7
    assert lab.stream("a").id not in found(lab).reading


def test_a_later_walk_gives_way_to_nobody(lab: Lab, monkeypatch: pytest.MonkeyPatch):
    """It would have to begin again, since a walk that was broken off cannot tell what is missing."""
    monkeypatch.setattr("core.flow.inward.ahead.INTAKE", 2)
    tool = lab.tool("a", page_size=2)
    lab.settle()
    for person in people(7):
        tool.create("contacts", person)
    lab.wait(DAY / 1_000_000)
    duties.turn(lab.installation, lab.connection("a").id, lambda: True)
    assert len(lab.records()) == 7


# --- what is sent


def test_what_is_on_its_way_is_not_sent_again(queue: Queue):
    assert queue.waking.send([Wake("turn", 7, "x")]) == 1
    assert queue.waking.send([Wake("turn", 7, "y"), Wake("turn", 8, "x")]) == 1
    assert queue.sent == [("turn", 7), ("turn", 8)]


def test_what_has_arrived_is_sent_again_when_something_changed_or_after_a_while(queue: Queue):
    queue.waking.send([Wake("turn", 7, "x")])
    queue.take()
    assert queue.waking.send([Wake("turn", 7, "x")]) == 0
    assert queue.waking.send([Wake("turn", 7, "y")]) == 1
    queue.take()
    queue.now += AGAIN
    assert queue.waking.send([Wake("turn", 7, "y")]) == 1


def test_a_sweep_comes_seldom_whatever_was_before_it(queue: Queue):
    queue.waking.send([Wake("turn", 7, "x")])
    queue.take()
    sweep = Wake("turn", 7, soon=SWEEP, again=SWEEP)
    assert queue.waking.send([sweep]) == 0
    queue.now += SWEEP
    assert queue.waking.send([sweep]) == 1


def test_a_clock_that_is_put_back_keeps_nobody_waiting(queue: Queue):
    queue.waking.send([Wake("turn", 7, "x")])
    queue.take()
    queue.now -= 3_600
    assert queue.waking.send([Wake("turn", 7, "x")]) == 1


def test_a_redis_that_forgets_everything_costs_a_message(queue: Queue, redis_url: str):
    queue.waking.send([Wake("turn", 7, "x")])
    with Redis.from_url(redis_url) as client:
        for key in client.scan_iter("test:*"):
            client.delete(key)
    assert queue.waking.send([Wake("turn", 7, "x")]) == 1


def test_a_message_that_is_lost_is_sent_again(queue: Queue, redis_url: str):
    """What is taken to be on its way is so for a time only, and Redis sees to that."""
    queue.waking.send([Wake("turn", 7, "x")])
    with Redis.from_url(redis_url) as client:
        assert 0 < client.ttl("test:queued:turn:7") <= QUEUED


def test_what_took_long_is_not_sent_again_for_a_while(queue: Queue, redis_url: str):
    queue.waking.send([Wake("measure", 0, "x")])
    queue.take()
    queue.waking.rest("measure", 0, 50.0)
    queue.now += 3_600
    assert queue.waking.send([Wake("measure", 0, "y")]) == 0
    with Redis.from_url(redis_url) as client:
        assert 0 < client.ttl("test:queued:measure:0") <= 50


def test_every_task_has_a_lane():
    assert set(LANE_OF.values()) == set(Lane)


def test_a_look_sends_what_is_due(lab: Lab, queue: Queue):
    lab.tool("a")
    id_ = lab.connection("a").id
    queue.waking.look(lab.installation)
    assert queue.take() == [("load", id_), ("tend", 0), ("measure", 0), ("alert", 0)]
    lab.settle()
    queue.waking.look(lab.installation)
    assert ("load", id_) not in queue.take()


# --- the bell


def test_a_ring_is_one_message_however_often_it_is_rung(queue: Queue):
    bell = DistantBell(queue.waking)
    for _ in range(5):
        bell.ring()
    assert queue.sent == [("wake", 0)]
    assert bell.wait(0, 0) == 5
    queue.take()
    bell.ring()
    assert queue.sent == [("wake", 0)]


def test_a_door_does_not_fail_and_does_not_wait_without_redis():
    asked = 0

    class Gone(Redis):
        def set(self, *_: object, **__: object) -> None:
            nonlocal asked
            asked += 1
            raise NotThere

    bell = DistantBell(Waking(Gone(), "test:", lambda *_: None))
    for _ in range(5):
        bell.ring()
    assert asked == 1
    assert bell.wait(0, 0) == 5
