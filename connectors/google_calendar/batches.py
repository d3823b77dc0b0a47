"""Sending several calls in one envelope (multipart/mixed), each with an answer or an error of its own.

Google takes a thousand, counts each of them, and carries them out in any order; fifty at once leave others some of the
minute's limit: <https://developers.google.com/workspace/calendar/api/guides/batch> (2026-11). An access token that
ended is told by the parts, not by the envelope.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from email.message import Message
from email.parser import BytesParser
from typing import Any, NamedTuple
from urllib.parse import urlencode

import orjson

from connectors._kit.errors import Reply, error_of
from connectors._kit.exchange import READING, Answer
from connectors._kit.limits import Learnt, Limits
from connectors._kit.paging import batches
from connectors._kit.payload import Payload
from connectors._kit.receipts import ENDING
from connectors.google_calendar.client import BATCH, Client, envelope
from connectors.google_calendar.trouble import explained
from core.errors import Garbled, SignedOut, ToolError, Unknown

_EDGE = "concord_batch"

Outcome = Payload | ToolError
"""What became of a call: the answer's body, empty where there is none, or what is wrong."""


class Operation(NamedTuple):
    """One call; `path` is below the API's address."""

    method: str
    path: str
    params: Mapping[str, str] = {}
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = {}

    @property
    def reading(self) -> bool:
        """Whether it changes nothing."""
        return self.method in READING


class Sender:
    """Sends calls, together where there are several."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._most = envelope(client.pace)

    def send(self, operations: Sequence[Operation]) -> list[Outcome]:
        """One outcome for each, in order. Raises what concerns all of them, while nothing is known of any."""
        outcomes: list[Outcome] = []
        for some in batches(operations, self._most):
            try:
                outcomes += [self._single(some[0])] if len(some) == 1 else self._together(some)
            except ToolError as error:
                if not outcomes:
                    raise
                outcomes += [error] * len(some)
                if isinstance(error, ENDING):
                    return outcomes + [error] * (len(operations) - len(outcomes))
        return outcomes

    def _single(self, one: Operation) -> Outcome:
        try:
            return self._client.http.request(
                one.method, one.path, params=one.params, json=one.body, headers=one.headers
            ).payload()
        except ToolError as error:
            return error

    def _together(self, some: Sequence[Operation]) -> list[Outcome]:
        shown = self._client.auth.headers()
        outcomes = self._envelope(some)
        ended = [place for place, outcome in enumerate(outcomes) if isinstance(outcome, SignedOut)]
        if ended and self._client.auth.renewed(shown):
            again = self._envelope([some[place] for place in ended])
            for place, outcome in zip(ended, again, strict=True):
                outcomes[place] = outcome
        return outcomes

    def _envelope(self, some: Sequence[Operation]) -> list[Outcome]:
        """One envelope, there and back."""
        answer = self._client.http.post(
            BATCH,
            content=_packed(some),
            headers={"Content-Type": f"multipart/mixed; boundary={_EDGE}"},
            expect="any",
            reading=all(one.reading for one in some),
            also=_Rest(self._client.limits, len(some) - 1),
        )
        replies = _unpacked(answer)
        return [self._outcome(one, replies.get(place)) for place, one in enumerate(some)]

    def _outcome(self, one: Operation, reply: Reply | None) -> Outcome:
        where = f"{one.method} in a batch"
        if reply is None:
            kind = Garbled if one.reading else Unknown
            return kind("The answer to a batch does not speak of every part.", at=where)
        told = reply._replace(method=one.method, reading=one.reading, at=self._client.clock())
        error = error_of(told, hook=explained, secrets=self._client.http.secrets(), at=where)
        if error is not None:
            return error
        try:
            return Payload(orjson.loads(told.body) if told.body.strip() else {}, where)
        except orjson.JSONDecodeError:
            kind = Garbled if one.reading else Unknown
            return kind("The answer to a part of a batch is not JSON.", at=where, status=told.status)


class _Rest:
    """The calls of an envelope beyond the first, which are booked as well."""

    def __init__(self, limits: Limits, calls: int) -> None:
        self._limits = limits
        self._calls = calls

    def take(self, calls: int = 1) -> int:  # noqa: ARG002 -- one envelope, however often it is asked
        """Wait for leave to make the rest of the calls."""
        return self._limits.take(self._calls)

    def learn(self, learnt: Learnt, booked: int = 0) -> None:
        """Nothing is told of the rest alone."""

    def refused(self, wait: float | None, *, used_up: bool = False) -> None:
        """The envelope itself is refused."""

    def answered(self, well: bool) -> None:
        """The envelope itself is answered."""


def _packed(some: Sequence[Operation]) -> bytes:
    parts = []
    for place, one in enumerate(some):
        body = orjson.dumps(one.body) if one.body is not None else b""
        query = f"?{urlencode(one.params)}" if one.params else ""
        headers = {**one.headers, **({"Content-Type": "application/json"} if body else {})}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"--{_EDGE}\r\nContent-Type: application/http\r\nContent-ID: <{place}>\r\n\r\n"
        parts.append(f"{head}{one.method} /{one.path}{query} HTTP/1.1\r\n{lines}\r\n".encode() + body + b"\r\n")
    return b"".join(parts) + f"--{_EDGE}--\r\n".encode()


def _unpacked(answer: Answer) -> dict[int, Reply]:
    """Place → the answer to that part, as far as they can be read."""
    kind = answer.headers.get("content-type", "")
    whole = BytesParser().parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + answer.content)
    parts = whole.get_payload() if whole.is_multipart() else []
    found = (_reply(part) for part in parts if isinstance(part, Message))
    return {place: reply for one in found if one is not None for place, reply in [one]}


def _reply(part: Message) -> tuple[int, Reply] | None:
    place = re.fullmatch(r"<?response-(\d+)>?", str(part.get("Content-ID", "")).strip())
    raw = part.get_payload(decode=True)
    if place is None or not isinstance(raw, bytes):
        return None
    head, _, body = raw.replace(b"\r\n", b"\n").partition(b"\n\n")
    first, *lines = head.decode("utf-8", "replace").split("\n")
    status = re.match(r"HTTP/\d(?:\.\d)? (\d{3})", first)
    if status is None:
        return None
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return int(place[1]), Reply("", int(status[1]), headers, body)
