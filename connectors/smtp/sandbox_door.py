"""The stand-in's doors: who may come in and how, and the listening IMAP server."""

from __future__ import annotations

import socket
import socketserver
import ssl
from dataclasses import dataclass
from typing import Any

from connectors._kit.mischief import Mischief
from connectors.smtp.sandbox_mail import Post


@dataclass
class Door:
    """Who may come in, and how."""

    username: str
    password: str
    token: str = ""
    """The access token for XOAUTH2; blank where there is no such sign-in."""
    tls: ssl.SSLContext | None = None
    implicit: bool = False
    """TLS from the first byte; else by STARTTLS where there is a context."""


class Server(socketserver.ThreadingTCPServer):
    """Serves one account's mailboxes on loopback, each connection in a thread of its own."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(
        self,
        post: Post,
        door: Door,
        mischief: Mischief,
        faults: list[BaseException],
        session: type[socketserver.BaseRequestHandler],
    ) -> None:
        self.post, self.door, self.mischief, self.faults = post, door, mischief, faults
        self.accepted = 0
        self.journal: list[str] = []
        """Commands as they came, without their arguments where those are secret."""
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), session)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection, and remember it."""
        connection, address = super().get_request()
        self._open.add(connection)
        self.accepted += 1
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        """Drop a connection."""
        self._open.discard(request)
        super().shutdown_request(request)

    def stop(self) -> None:
        """Stop, and drop all connections."""
        self.shutdown()
        self.server_close()
        self.hang_up()

    def hang_up(self) -> None:
        """Drop all connections."""
        for connection in tuple(self._open):
            self.shutdown_request(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A broken line is the caller's business."""
