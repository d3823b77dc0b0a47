"""Parts: applications below a path of the hub's own, each made when it is asked for the first time.

Reading what some two hundred operations ask for takes longer than all else that a hub does before it answers, and most
processes are never asked for both the console and the API.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from threading import Lock

from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send


class AtFirst:
    """An application that is made at the first request."""

    def __init__(self, make: Callable[[], ASGIApp]) -> None:
        """`make` is called once, and should not fail: what an admin must know is checked before."""
        self._make, self._one_makes = make, Lock()
        self._made: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        await self._app()(scope, receive, send)

    def _app(self) -> ASGIApp:
        with self._one_makes:
            self._made = self._made or self._make()
            return self._made


def part(place: str, make: Callable[[], ASGIApp]) -> Mount:
    """All that lies below a path, whatever letters its names have."""
    mounted = Mount(place, AtFirst(make))
    # A name with a line break in it is a name of nothing, which a part says in its own words.
    mounted.path_regex = re.compile(mounted.path_regex.pattern, re.DOTALL)
    return mounted
