"""The socket under a sandbox: HTTP/1.1 with keep-alive on loopback, every method, and the tool's own `Date`.

What is answered is `sandbox.py`'s business; here bytes become a `Call` and a `Response` becomes bytes.
"""

from __future__ import annotations

import socket
import traceback
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Protocol
from urllib.parse import parse_qsl, urlsplit

import orjson

from connectors._kit.errors import to_http_date
from core.model.instant import SECOND, Instant
from core.model.values import Json


class Call(NamedTuple):
    """A call as it came. Header names are lower case; of a query name given twice, `query` has the last."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Json:
        """The body as JSON, None if there is none; a `BadCall` if it is something else."""
        try:
            return orjson.loads(self.body) if self.body else None
        except orjson.JSONDecodeError as error:
            raise BadCall("the body is not JSON") from error

    def form(self) -> dict[str, str]:
        """The body as a form."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))


class BadCall(Exception):
    """The call cannot be understood; the stand-in answers as its tool does (`Sandbox.bad_call`)."""


class Response(NamedTuple):
    """What the stand-in answers. `body` is JSON unless it is bytes; None is an empty one."""

    status: int = 200
    body: Json | bytes = None
    headers: Mapping[str, str] = {}

    def raw(self) -> bytes:
        """The body as it goes over the wire."""
        if self.body is None:
            return b""
        return self.body if isinstance(self.body, bytes) else orjson.dumps(self.body)


class Answers(Protocol):
    """What the server asks of a stand-in."""

    def answer(self, call: Call) -> Response | None:
        """What to answer, or None to break the connection."""
        ...

    def fault(self, error: BaseException) -> None:
        """Keep an error of the stand-in's own code for whoever stops it."""
        ...

    def now(self) -> Instant:
        """The time by the tool's own clock."""
        ...


class Server(ThreadingHTTPServer):
    """Serves one stand-in on 127.0.0.1; each connection in a thread of its own."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, tool: Answers, port: int) -> None:
        self.tool = tool
        self.accepted = 0
        """How many connections were made."""
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), Line)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._open.add(connection)
        self.accepted += 1
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def stop(self) -> None:
        """Stop, and wake the lines that wait for another call."""
        self.shutdown()
        self.server_close()
        for connection in tuple(self._open):
            self.shutdown_request(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A broken line is the caller's business."""


class Line(BaseHTTPRequestHandler):
    """One connection, kept alive over many calls."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 30
    server: Server

    def __getattr__(self, name: str) -> Any:
        """Every method is answered alike, WebDAV's included."""
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def _serve(self) -> None:
        tool = self.server.tool
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length") or 0))
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        try:
            response = tool.answer(Call(self.command, parts.path, query, headers, body))
        except Exception as error:
            tool.fault(error)
            response = Response(500, {"message": traceback.format_exception_only(error)[-1].strip()})
        if response is None:
            self.close_connection = True
            return
        self._send(response)

    def _send(self, response: Response) -> None:
        raw = response.raw()
        self.send_response(response.status)
        headers = {"Content-Type": "application/json", **response.headers} if raw else dict(response.headers)
        for name, value in headers.items():
            self.send_header(name, value)
        if response.status not in (204, 304):
            self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(raw)

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The tool's own time, for the `Date` header."""
        return to_http_date(self.server.tool.now() if timestamp is None else int(timestamp * SECOND))

    def log_message(self, format: str, *args: Any) -> None:
        """The journal says it all."""
