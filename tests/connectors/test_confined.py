"""The walls of a trial: a process that is confined reaches its sandbox and nothing else, by whatever library."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

TRIES = """
import imaplib, json, smtplib, socket, subprocess, sys, urllib.request
import httpx, requests
from connectors._kit.clock import VirtualTime
from connectors._kit.confined import confine
from connectors._kit.http import Http
from core.errors import ConcordError, ConfigError, Unavailable

allowed, other = map(int, sys.argv[1:])
confine([("127.0.0.1", allowed)])

def udp(address):
    with socket.socket(type=socket.SOCK_DGRAM) as line:
        line.sendto(b"hello", address)

def called(port):
    Http(f"http://127.0.0.1:{port}", clock=VirtualTime(), retries=0, timeout=0.2).get("/")

tries = {
    "the kit": lambda: called(other),
    "httpx": lambda: httpx.get(f"http://127.0.0.1:{other}/"),
    "requests": lambda: requests.get(f"http://127.0.0.1:{other}/", timeout=1),
    "urllib": lambda: urllib.request.urlopen(f"http://127.0.0.1:{other}/"),
    "smtplib": lambda: smtplib.SMTP("127.0.0.1", other, timeout=1),
    "imaplib": lambda: imaplib.IMAP4("127.0.0.1", other, timeout=1),
    "a socket": lambda: socket.create_connection(("127.0.0.1", other)),
    "a socket of IPv6": lambda: socket.create_connection(("::1", allowed)),
    "a datagram": lambda: udp(("127.0.0.1", other)),
    "a socket of this machine": lambda: socket.socket(socket.AF_UNIX).connect("/var/run/docker.sock"),
    "another machine": lambda: httpx.get("http://192.0.2.1/"),
    "a name": lambda: socket.getaddrinfo("tool.example", 443),
    "a name by httpx": lambda: httpx.get("https://tool.example/"),
    "a program": lambda: subprocess.run([sys.executable, "-c", ""]),
}
told = {}
for name, act in tries.items():
    try:
        act()
        told[name] = "reached"
    except BaseException as error:
        told[name] = f"{type(error).__name__}: {error}"
try:
    called(allowed)
except Unavailable as error:
    told["allowed"] = type(error).__name__
here, there = socket.socketpair()
here.sendmsg([b"open"])
told["open already"] = there.recv(9).decode()
print(json.dumps(told))
"""


@pytest.fixture
def listening() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The sandbox's address, and another one; nobody answers at either, but lines are taken."""
    with socket.create_server(("127.0.0.1", 0)) as allowed, socket.create_server(("127.0.0.1", 0)) as other:
        other.setblocking(False)
        yield allowed, other


def test_nothing_but_the_sandbox_is_reached(listening: tuple[socket.socket, socket.socket]) -> None:
    ports = [str(one.getsockname()[1]) for one in listening]
    ran = subprocess.run([sys.executable, "-c", TRIES, *ports], capture_output=True, text=True, timeout=60, check=True)
    told = json.loads(ran.stdout)
    assert told.pop("allowed") == "Unavailable", "it was reached, and said nothing"
    assert told.pop("open already") == "open"
    assert {
        name for name, said in told.items() if not said.startswith("ConfigError: A trial reaches nothing but")
    } == set()
    assert len(told) == 14
    allowed, other = listening
    allowed.settimeout(1)
    allowed.accept()[0].close()
    with pytest.raises(BlockingIOError):
        other.accept()
