"""Whoever sends a body a byte at a time is let go, at every door, and nothing of it is kept."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from starlette.types import Message, Receive, Scope, Send

from api import patience
from api.patience import Patience
from tests.api.hooked import CRM, Street


class Slow:
    """A body in pieces, each of which takes some seconds of a clock that nobody waits for."""

    def __init__(self, pieces: int, each: float) -> None:
        self.now, self._left, self._each = 0.0, pieces, each

    def clock(self) -> float:
        return self.now

    async def receive(self) -> Message:
        self._left -= 1
        return {"type": "http.request", "body": b"x", "more_body": self._left > 0}

    async def within(self, coming: Awaitable[Message], seconds: float) -> Message:
        message = await coming
        self.now += min(self._each, seconds)
        if self._each > seconds:
            raise TimeoutError
        return message


def answered(slow: Slow, *, method: str = "POST") -> tuple[int, bytes, int]:
    """Status, body, and how many pieces the application read."""
    sent: list[Message] = []
    read = 0

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal read
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ConnectionError("gone")
            read += 1
            if not message["more_body"]:
                break
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})

    async def send(message: Message) -> None:
        sent.append(message)

    one = Patience(app, 20, clock=slow.clock, within=slow.within)
    # In a thread of its own: where a browser's tests ran before in this process, its loop still runs in this one.
    with ThreadPoolExecutor(1) as thread:
        asked = one({"type": "http", "method": method}, slow.receive, send)
        thread.submit(asyncio.run, asked).result()
    return sent[0]["status"], sent[1]["body"], read


@pytest.mark.parametrize(
    ("pieces", "each", "status"), [(19, 1, 200), (20, 1, 200), (22, 1, 408), (1, 21, 408), (1, 0, 200)]
)
def test_the_whole_body_counts_and_not_its_pieces(pieces: int, each: float, status: int):
    assert answered(Slow(pieces, each))[0] == status


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_no_method_is_waited_for(method: str):
    assert answered(Slow(3, 100), method=method)[0] == 408


@pytest.mark.parametrize("door", [f"/hooks/{CRM}", "/console/sign-in", "/v1/records", "/f/quote"])
def test_every_door_lets_the_slow_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, door: str):
    monkeypatch.setattr(patience.Patience.__init__, "__defaults__", (0.2,))
    with Street(tmp_path) as street:
        host, _, port = street.url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=30) as line:
            head = [
                f"POST {door} HTTP/1.1",
                f"Host: {host}:{port}",
                "Content-Type: application/json",
                "Content-Length: 9",
            ]
            line.sendall("\r\n".join([*head, "", "{"]).encode())
            told = b""
            while part := line.recv(4096):
                told += part
        status = int(told.split()[1])
        # A door may turn somebody away by the head alone.
        assert status in (401, 403, 404, 405, 408)
        assert status == 408 or not door.startswith("/hooks")
        assert street.rows("webhook") == 0
