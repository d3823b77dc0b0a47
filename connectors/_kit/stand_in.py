"""A tool's stand-in as a trial uses it: running, with a few people in it, and the settings that lead there.

A connector with a module `trial` beside its `sandbox` can be tried by admins before they give credentials:

    @contextmanager
    def opened(clock: Clock) -> Iterator[StandIn]:
        with Sandbox(clock=clock) as box:
            ...
            yield over_http(box, {"url": box.url, "api_key": box.api_key})
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from connectors._kit.confined import Line
from connectors._kit.loopback import Call
from connectors._kit.sandbox import Sandbox


class StandIn(NamedTuple):
    """One that is running."""

    settings: Mapping[str, Any]
    """Those of a connection to it."""
    lines: Sequence[Line]
    """Where it listens, on loopback; a trial reaches nothing else."""
    written: Callable[[], Sequence[Call]]
    """The calls so far that were to change something in it."""


def over_http(box: Sandbox, settings: Mapping[str, Any]) -> StandIn:
    """The stand-in of a tool that speaks HTTP."""
    return StandIn(settings, (line_of(box.url),), lambda: [one.call for one in box.writing_calls()])


def line_of(url: str) -> Line:
    """Address and port of a stand-in's URL."""
    parts = urlsplit(url)
    return parts.hostname or "127.0.0.1", parts.port or 80
