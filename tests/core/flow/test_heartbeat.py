"""The heartbeat of a process: what it holds is prolonged, and nothing after it was let go."""

from __future__ import annotations

import os
import threading

import pytest

from core.errors import StoreError
from core.flow import heartbeat
from core.flow.heartbeat import AGE, Heartbeat


class Seconds:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_what_is_held_is_prolonged_once_it_is_old_enough():
    seconds, beats = Seconds(), list[float]()
    heart = Heartbeat(seconds)
    with heart.kept(lambda: beats.append(seconds.now)):
        for seconds.now in (1.0, AGE, AGE + 1, 2 * AGE):
            heart.beat()
    assert beats == [AGE, 2 * AGE]


def test_what_was_let_go_is_prolonged_no_more():
    seconds, beats = Seconds(), list[str]()
    heart = Heartbeat(seconds)
    with heart.kept(lambda: beats.append("kept")):
        with heart.kept(lambda: beats.append("let go")):
            pass
        seconds.now = AGE
        heart.beat()
    assert beats == ["kept"]


def test_whoever_lets_go_waits_for_a_beat_that_is_under_way():
    seconds = Seconds()
    heart = Heartbeat(seconds)
    begun, may_end, order = threading.Event(), threading.Event(), list[str]()

    def slowly() -> None:
        begun.set()
        assert may_end.wait(60)
        order.append("prolonged")

    def hold() -> None:
        with heart.kept(slowly):
            assert begun.wait(60)
            may_end.set()
        order.append("let go")

    seconds.now = -AGE
    holder = threading.Thread(target=hold)
    holder.start()
    while not heart._held:
        pass
    seconds.now = 0.0
    heart.beat()
    holder.join(60)
    assert order == ["prolonged", "let go"]


def test_a_store_that_is_away_is_tried_again_at_the_next_look_and_holds_up_nothing_else():
    seconds, beats = Seconds(), list[str]()
    heart = Heartbeat(seconds)

    def away() -> None:
        beats.append("tried")
        raise StoreError("The store is away.")

    with heart.kept(away), heart.kept(lambda: beats.append("prolonged")):
        seconds.now = AGE
        heart.beat()
        heart.beat()
    assert sorted(beats) == ["prolonged", "tried", "tried"]


def test_one_thread_beats_for_all():
    heart = Heartbeat()
    before = threading.active_count()
    for _ in range(5):
        with heart.kept(lambda: None), heart.kept(lambda: None):
            pass
    assert threading.active_count() == before + 1


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_process_that_was_forked_off_has_a_heart_of_its_own():
    with heartbeat.kept(lambda: None):
        reads, writes = os.pipe()
        child = os.fork()
        if not child:
            with heartbeat.kept(lambda: None):
                alive = heartbeat._OURS._thread is not None and heartbeat._OURS._thread.is_alive()
                os.write(writes, b"%d %d" % (alive, len(heartbeat._OURS._held)))
            os._exit(0)
        os.waitpid(child, 0)
        assert os.read(reads, 9) == b"1 1"
        os.close(reads)
        os.close(writes)
