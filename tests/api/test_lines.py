"""Whoever opens a line says soon what they want, and idle lines, however many, keep nobody out."""

from __future__ import annotations

import socket
import threading
from asyncio import AbstractEventLoop, Transport
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, cast

import h11
import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from api.lines import SECONDS, Line, lines

WHOLE = b"GET / HTTP/1.1\r\nHost: hub\r\n\r\n"


async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


class Timer:
    def __init__(self, act: Callable[[], object]) -> None:
        self.act, self.cancelled = act, False

    def cancel(self) -> None:
        self.cancelled = True


class Loop:
    """Keeps what is to happen later, and lets requests be answered at once."""

    def __init__(self) -> None:
        self.later: list[tuple[float, Timer]] = []

    def call_later(self, seconds: float, act: Callable[[], object], *args: Any) -> Timer:
        timer = Timer(lambda: act(*args))
        self.later.append((seconds, timer))
        return timer

    def create_task(self, coming: Coroutine[Any, Any, None], **_: Any) -> Any:
        with suppress(StopIteration):
            coming.send(None)
        return Done()

    def pass_by(self, seconds: float) -> None:
        """What waits for as long as this happens now."""
        due = [timer for after, timer in self.later if after == seconds and not timer.cancelled]
        self.later = [one for one in self.later if one[1] not in due]
        for timer in due:
            timer.act()


class Done:
    def add_done_callback(self, _: Callable[[Any], object]) -> None:
        pass


class Wire(Transport):
    """What is written to whoever called."""

    def __init__(self) -> None:
        super().__init__()
        self.written, self.closed = b"", False

    def write(self, data: Any) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    @property
    def status(self) -> int:
        """Of the only answer; 0 where there is none."""
        return int(self.written.split()[1]) if self.written else 0


class Server:
    """A server without a socket."""

    def __init__(self, most: int = 100) -> None:
        self.loop, self.state = Loop(), ServerState()
        self.kind = lines(most=most)
        self.config = uvicorn.Config(app, http=self.kind, lifespan="off", log_config=None)
        self.config.load()

    def opened(self) -> tuple[Line, Wire]:
        line = self.kind(self.config, self.state, {}, cast("AbstractEventLoop", self.loop))
        wire = Wire()
        line.connection_made(wire)
        return line, wire


@pytest.mark.parametrize("said", [b"", b"G", WHOLE[:-1]], ids=["nothing", "a letter", "all but the last byte"])
def test_a_head_that_is_not_whole_in_time_is_answered_408(said: bytes):
    server = Server()
    line, wire = server.opened()
    if said:
        line.data_received(said)
    server.loop.pass_by(SECONDS)
    assert (wire.status, wire.closed) == (408, True)
    assert not line.waiting


def test_a_byte_at_a_time_wins_no_time():
    server = Server()
    line, wire = server.opened()
    for at in range(len(WHOLE) - 1):
        line.data_received(WHOLE[at : at + 1])
    assert len(server.loop.later) == 1
    server.loop.pass_by(SECONDS)
    assert wire.status == 408


def test_whoever_has_said_what_they_want_is_not_hurried():
    server = Server()
    line, wire = server.opened()
    line.data_received(WHOLE)
    server.loop.pass_by(SECONDS)
    assert (wire.status, wire.closed) == (200, False)


def test_the_next_head_on_a_line_has_its_own_time():
    server = Server()
    line, wire = server.opened()
    line.data_received(WHOLE)
    assert line.conn.their_state is h11.IDLE
    line.data_received(WHOLE[:4])
    assert list(line.waiting) == [line]
    wire.written = b""
    server.loop.pass_by(SECONDS)
    assert (wire.status, wire.closed) == (408, True)


def test_where_there_are_too_many_the_longest_waiting_gives_way():
    server = Server(most=3)
    busy, _ = server.opened()
    busy.data_received(WHOLE)
    idle = [server.opened()[1] for _ in range(4)]
    assert [one.closed for one in idle] == [True, True, False, False]
    line, wire = server.opened()
    line.data_received(WHOLE)
    assert wire.status == 200


def test_who_hangs_up_is_forgotten():
    server = Server()
    line, _ = server.opened()
    line.connection_lost(None)
    assert not line.waiting
    assert all(timer.cancelled for _, timer in server.loop.later)


def test_lines_of_two_servers_know_nothing_of_each_other():
    assert Server().kind.waiting is not Server().kind.waiting


def test_over_a_real_socket():
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, http=lines(0.05), lifespan="off", log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        with socket.create_connection(listener.getsockname(), timeout=30) as line:
            line.sendall(WHOLE[:9])
            told = b""
            while part := line.recv(4096):
                told += part
        assert told.startswith(b"HTTP/1.1 408 ")
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
