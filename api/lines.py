"""Lines: whoever opens one says soon what they want, and who says nothing gives way to who does.

The server bounds how large the head of a request is, and `api.patience` how long its body takes. Here is how long the
head may take, from the first byte or from the line's opening, and how many lines may be open: beyond that the one that
has waited longest without a whole head is closed, so that idle lines, however many, keep nobody out.
"""

from __future__ import annotations

from asyncio import TimerHandle, Transport
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

SECONDS = 10.0
"""So long the head of a request may take."""
MOST = 1_000
"""So many lines may be open in a process, but for those with a request under way."""
_LATE = b"The request did not come in time."


class Line(H11Protocol):
    """A line that is not waited for; each server has a class of its own, made by `lines`, with its waiting lines."""

    seconds: float = SECONDS
    most: int = MOST
    waiting: dict[Line, None]
    """Lines of which no head is whole, the longest waiting first."""

    def __init__(self, *args: Any, **options: Any) -> None:
        """As the server makes it."""
        super().__init__(*args, **options)
        self._ends: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Begin to wait; where there are too many, let the longest waiting go."""
        super().connection_made(transport)
        self._wait()
        if len(self.connections) > self.most and self.waiting:
            next(iter(self.waiting)).let_go()

    def data_received(self, data: bytes) -> None:
        """Wait no more once the head is whole; begin anew with the first byte of the next one."""
        before = self.cycle
        super().data_received(data)
        whole = self.cycle is not before or self.conn.their_state is not h11.IDLE
        if whole or self.transport.is_closing():
            self._end_wait()
        elif self._ends is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._end_wait()
        super().connection_lost(exc)

    def let_go(self) -> None:
        """Close it with a 408, as far as anybody listens."""
        self._end_wait()
        if self.conn.their_state is h11.IDLE and self.conn.our_state is h11.IDLE:
            head = h11.Response(status_code=408, reason=b"Request Timeout", headers=[
                (b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(_LATE)),
                (b"connection", b"close"),
            ])  # fmt: skip
            for event in (head, h11.Data(data=_LATE), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _wait(self) -> None:
        self.waiting[self] = None
        self._ends = self.loop.call_later(self.seconds, self.let_go)

    def _end_wait(self) -> None:
        self.waiting.pop(self, None)
        if self._ends is not None:
            self._ends.cancel()
            self._ends = None


def lines(seconds: float = SECONDS, most: int = MOST) -> type[Line]:
    """How one server speaks with who asks."""
    return type("Line", (Line,), {"seconds": seconds, "most": most, "waiting": {}})
