"""The base of every sandbox: a stateful stand-in for a tool, served over a real loopback socket.

A tool's `sandbox.py` subclasses `Sandbox`, keeps its records in plain attributes and answers calls in methods
marked with `@route`. Here are the parts all of them share: the server, its clock, the trouble on the line
(`mischief.py`), and the journal of every exchange, which tests hold against the tool's published
specification.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple, TypeVar
from urllib.parse import unquote

from connectors._kit.http import READING
from connectors._kit.loopback import BadCall, Call, Response, Server
from connectors._kit.mischief import Mischief, Switch
from core.model.instant import Instant
from core.ports import Clock, Request

__all__ = ["BadCall", "Call", "Exchange", "Response", "Route", "Sandbox", "route"]


class Exchange(NamedTuple):
    """One line of the journal. `status` is 0 where the connection broke instead of an answer."""

    call: Call
    status: int
    headers: Mapping[str, str]
    body: bytes
    route: str
    """The path with names for its parts, as given to `@route`; blank where none fits."""


class Route(NamedTuple):
    """One kind of call. `spared` ones meet no mischief and need no sign-in (a token endpoint)."""

    method: str
    path: str
    pattern: re.Pattern[str]
    reading: bool
    spared: bool


Handler = TypeVar("Handler", bound=Callable[..., Response])


def route(method: str, path: str, *, reading: bool | None = None, spared: bool = False) -> Callable[[Handler], Handler]:
    """Mark a method as the answer to calls of `path`, whose `{parts}` become its arguments, percent-decoded.

    `{part...}` takes slashes too. Say `reading=True` for a POST that only searches.
    """
    pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(path).replace(r"\.\.\.\}", r"\}…"))
    pattern = re.sub(r"\(\?P<(\w+)>\[\^/\]\+\)…", r"(?P<\1>.+)", pattern)
    made = Route(method, path, re.compile(pattern), method in READING if reading is None else reading, spared)

    def mark(handler: Handler) -> Handler:
        handler.__dict__.setdefault("routes", []).append(made)
        return handler

    return mark


class Sandbox:
    """A stand-in on loopback: `with Shop(clock=clock) as shop: Http(shop.url, …)`.

    Handlers run one at a time. A fault of the stand-in itself answers 500 and is raised when it stops.
    """

    title: ClassVar[str] = "Sandbox"

    def __init__(self, *, clock: Clock, mischief: Mischief | None = None, skew: int = 0, port: int = 0) -> None:
        self.clock = clock
        self.skew = skew
        """µs by which the tool's clock is ahead."""
        self.mischief = mischief or Mischief()
        self.journal: list[Exchange] = []
        self.events: list[Request] = []
        """Webhooks that were sent and nobody has taken yet."""
        self._port = port
        self._lock = threading.RLock()
        self._server: Server | None = None
        self._faults: list[BaseException] = []
        self._routes = _routes_of(self)

    def now(self) -> Instant:
        """The time by the tool's own clock."""
        return self.clock() + self.skew

    # --- what a tool says in its own dialect; override where it differs

    def authorise(self, call: Call) -> Response | None:  # noqa: ARG002 -- for subclasses
        """The refusal of a call that is not signed in, or None."""
        return None

    def throttled(self, call: Call) -> Response:  # noqa: ARG002 -- for subclasses
        """Too many calls."""
        wait = str(int(self.mischief.wait))
        return Response(429, {"message": "Too many requests"}, {"Retry-After": wait})

    def failing(self, call: Call) -> Response:  # noqa: ARG002 -- for subclasses
        """The tool is in trouble and did nothing."""
        return Response(503, {"message": "Service unavailable"})

    def garbled(self, call: Call) -> Response:  # noqa: ARG002 -- for subclasses
        """A proxy's page where data was promised."""
        page = b"<!DOCTYPE html><html><head><title>Please wait</title></head><body>One moment.</body></html>"
        return Response(200, page, {"Content-Type": "text/html"})

    def bad_call(self, call: Call, why: str) -> Response:  # noqa: ARG002 -- for subclasses
        """The call cannot be understood."""
        return Response(400, {"message": why})

    def no_such_call(self, call: Call) -> Response:
        """There is nothing at this address."""
        return Response(404, {"message": f"No route for {call.method} {call.path}"})

    # --- the journal and the webhooks

    def calls(self, method: str, route_path: str) -> list[Exchange]:
        """The exchanges of one route so far."""
        return [one for one in self.journal if one.call.method == method and one.route == route_path]

    def writing_calls(self) -> list[Exchange]:
        """The exchanges so far that were to change something; neither reading nor signing in."""
        writing = {(one.method, one.path) for one, _ in self._routes if not one.reading and not one.spared}
        return [one for one in self.journal if (one.call.method, one.route) in writing]

    def take_events(self) -> list[Request]:
        """The webhooks sent since last time; twice and out of order where that trouble happens."""
        with self._lock:
            events, self.events = self.events, []
        return self.mischief.disturbed(events)

    # --- one call

    def answer(self, call: Call) -> Response | None:
        """What to answer, or None to break the connection. Everything is written in the journal."""
        with self._lock:
            found = self._find(call)
            response = self._answer(call, found)
            kept = response or Response(0)
            path = found[0].path if found else ""
            self.journal.append(Exchange(call, kept.status, dict(kept.headers), kept.raw(), path))
            return response

    def _answer(self, call: Call, found: _Found | None) -> Response | None:
        if found is None:
            return self.authorise(call) or self.no_such_call(call)
        made, handler, parts = found
        trouble = None if made.spared else self._trouble(call, made)
        if trouble is not None:
            return trouble
        refusal = None if made.spared else self.authorise(call)
        if refusal is not None:
            return refusal
        try:
            response = handler(call, **parts)
        except BadCall as error:
            return self.bad_call(call, str(error))
        lost = not made.reading and not made.spared and self.mischief.fires(Switch.LOST_ANSWER)
        return None if lost else response

    def _trouble(self, call: Call, made: Route) -> Response | None:
        if self.mischief.fires(Switch.THROTTLED):
            return self.throttled(call)
        if self.mischief.fires(Switch.UNAVAILABLE):
            return self.failing(call)
        if made.reading and self.mischief.fires(Switch.GARBLED):
            return self.garbled(call)
        return None

    def _find(self, call: Call) -> _Found | None:
        for made, handler in self._routes:
            parts = made.pattern.fullmatch(call.path)
            if made.method == call.method and parts:
                return made, handler, {name: unquote(part) for name, part in parts.groupdict().items()}
        return None

    # --- the server

    @property
    def url(self) -> str:
        """The address of the running stand-in."""
        if self._server is None:
            raise RuntimeError(f"{self.title} is not started")
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def connections(self) -> int:
        """How many connections were made so far."""
        return self._server.accepted if self._server else 0

    def start(self) -> None:
        """Listen on loopback."""
        self._server = Server(self, self._port)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), name=self.title, daemon=True).start()

    def stop(self) -> None:
        """Stop listening and drop all connections; raises the first fault of the stand-in itself."""
        server, self._server = self._server, None
        if server is not None:
            server.stop()
        if self._faults:
            raise self._faults.pop(0)

    def fault(self, error: BaseException) -> None:
        """Remember an error of the stand-in's own code."""
        self._faults.append(error)

    def __enter__(self) -> Any:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


_Found = tuple[Route, Callable[..., Response], dict[str, str]]


def _routes_of(sandbox: Sandbox) -> list[tuple[Route, Callable[..., Response]]]:
    """The marked methods; paths with fewer named parts go first, so that `/contacts/search` is no id."""
    marked = [
        (made, getattr(sandbox, name))
        for name in dir(type(sandbox))
        for made in getattr(getattr(type(sandbox), name), "routes", ())
    ]
    return sorted(marked, key=lambda pair: (pair[0].path.count("{"), -len(pair[0].path)))
