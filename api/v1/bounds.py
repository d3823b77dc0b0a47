"""How much a request to the API may carry; the rest is not read, whatever its sender says of its length."""

from __future__ import annotations

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST = 2_097_152
"""Bytes of a body: ten thousand addresses are a quarter of that."""


class Bounded:
    """An application whose requests are not larger than that."""

    def __init__(self, app: ASGIApp, largest: int = LARGEST) -> None:
        """Around an application."""
        self._app, self._largest = app, largest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; whoever reads too much of it gets a 413."""
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._largest:
                raise HTTPException(413, f"a request carries {self._largest:,} bytes at most")
            return message

        await self._app(scope, counted, send)
