"""How long a request may take to come in: whoever sends it a byte at a time is not waited for.

The server bounds how large the head of a request is, and the doors how large its body; here is how long the whole body
may take. Whoever is too slow gets a 408, and the line is closed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECONDS = 20.0
"""So long a body may take as a whole; the largest that is read needs a hundred KB/s for that."""

Within = Callable[[Awaitable[Message], float], Awaitable[Message]]


class Patience:
    """An application whose requests come in within a time."""

    def __init__(
        self,
        app: ASGIApp,
        seconds: float = SECONDS,
        *,
        clock: Callable[[], float] | None = None,
        within: Within = asyncio.wait_for,
    ) -> None:
        """`clock` tells seconds; `within` waits so many of them at most and raises `TimeoutError`."""
        self._app, self._seconds, self._clock, self._within = app, seconds, clock, within

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; once its body is there nobody is hurried."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        clock = self._clock or asyncio.get_running_loop().time
        ends_at, whole, begun, late = clock() + self._seconds, False, False, False

        async def hurried() -> Message:
            nonlocal whole, late
            if whole:
                return await receive()
            try:
                message = await self._within(receive(), max(0.0, ends_at - clock()))
            except TimeoutError:
                late = True
                return {"type": "http.disconnect"}
            whole = not message.get("more_body", False)
            return message

        async def told(message: Message) -> None:
            nonlocal begun
            if late and not begun:
                # Whatever is made of half a request is not its answer.
                return
            begun = True
            await send(message)

        try:
            await self._app(scope, hurried, told)
        except Exception:
            if not late:
                raise
        if late and not begun:
            await _too_slow(send)


async def _too_slow(send: Send) -> None:
    headers = [(b"content-type", b"text/plain"), (b"connection", b"close"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 408, "headers": headers})
    await send({"type": "http.response.body", "body": b"The request took too long to come in.\n"})
