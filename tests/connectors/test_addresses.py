"""Addresses that are not called: by name, however they are written, and by where a name leads in truth."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors._kit.addresses import allow_private, check_url
from connectors._kit.clock import VirtualTime
from connectors._kit.http import Http
from core.errors import ConfigError

METADATA = [
    "169.254.169.254", "169.254.170.2", "[fd00:ec2::254]", "metadata.google.internal", "METADATA.google.internal.",
    "100.100.100.200", "168.63.129.16", "192.0.0.192", "2852039166", "0xA9FEA9FE", "0251.0376.0251.0376",
    "169.16689662", "[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::]",
    "[fe80::1]", "0.0.0.1", "[::]",
]  # fmt: skip
PRIVATE = [
    "127.0.0.1", "localhost", "db.localhost", "10.1.2.3", "192.168.0.5", "172.16.9.9", "100.64.0.1", "[::1]",
    "2130706433", "127.1", "[fd12:3456::1]", "[::ffff:10.0.0.1]",
]  # fmt: skip
PUBLIC = ["crm.example.com", "93.184.216.34", "[2606:4700::6810:85e5]", "metadata.example.com"]


@pytest.fixture
def only_public() -> Iterator[None]:
    allow_private(False)
    yield
    allow_private(True)


class Ear:
    """A socket on loopback that answers with one redirect, and keeps what was said to it."""

    def __init__(self, target: str = "") -> None:
        self.heard = b""
        self.reached = threading.Event()
        self.line = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.line.getsockname()[1]
        self._answer = f"HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode()
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self) -> Ear:
        return self

    def __exit__(self, *_: object) -> None:
        self.line.close()

    def _listen(self) -> None:
        peer, _ = self.line.accept()
        with peer:
            self.heard = peer.recv(65_536)
            if self.heard:
                peer.sendall(self._answer)
        self.reached.set()


def _http(url: str) -> Http:
    return Http(url, clock=VirtualTime("2026-11-21T09:00:00Z"), retries=0)


@pytest.mark.parametrize("at_home", [True, False])
@pytest.mark.parametrize("host", METADATA)
def test_where_clouds_keep_credentials_is_never_called(host: str, at_home: bool):
    with pytest.raises(ConfigError, match="none of a tool"):
        check_url(f"http://{host}/latest/meta-data/", at_home=at_home)


@pytest.mark.parametrize("host", PRIVATE)
def test_private_addresses_are_called_where_that_is_said(host: str, only_public: None):
    with pytest.raises(ConfigError) as caught:
        check_url(f"https://{host}/")
    assert "CONCORD_ALLOW_PRIVATE" in (caught.value.remedy or "")
    check_url(f"https://{host}/", at_home=True)
    allow_private(True)
    check_url(f"https://{host}/")


@pytest.mark.parametrize("host", PUBLIC)
def test_tools_of_others_are_called(host: str, only_public: None):
    check_url(f"https://{host}/")


@given(st.integers(0xA9FE0000, 0xA9FEFFFF), st.sampled_from(["{}", "0x{:x}", "0{:o}", "[::ffff:{:x}:{:x}]"]))
def test_no_spelling_of_a_link_local_address_gets_through(number: int, form: str):
    words = (number >> 16, number & 0xFFFF) if "::" in form else (number,)
    with pytest.raises(ConfigError):
        check_url(f"http://{form.format(*words)}/")


def test_a_connection_cannot_be_made_to_one():
    with pytest.raises(ConfigError):
        _http("http://169.254.169.254/latest/")


def test_a_name_that_leads_elsewhere_than_it_said_hears_not_a_byte(only_public: None, monkeypatch: pytest.MonkeyPatch):
    found = socket.getaddrinfo

    def rebound(host: str, *more: Any, **named: Any) -> Any:
        return found("127.0.0.1" if host == "crm.example.com" else host, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", rebound)
    with Ear() as ear, _http(f"http://crm.example.com:{ear.port}/") as http:
        with pytest.raises(ConfigError, match="private"):
            http.post("contacts", json={"email": "ann@shore.example"})
        assert ear.reached.wait(10)
        assert ear.heard == b""


def test_a_redirect_leads_to_none_of_them():
    with Ear("http://169.254.169.254/latest/meta-data/iam/") as ear, _http(f"http://127.0.0.1:{ear.port}/") as http:
        with pytest.raises(ConfigError, match="none of a tool"):
            http.get("contacts")
        assert ear.heard.startswith(b"GET /contacts")
