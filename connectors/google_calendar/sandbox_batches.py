"""The sandbox's batch: up to a thousand calls in one envelope, each with an answer of its own, in any order."""

from __future__ import annotations

import re
from email.parser import BytesParser
from email.policy import HTTP
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

from connectors._kit.http import READING
from connectors._kit.mischief import Switch
from connectors._kit.sandbox import BadCall, Call, Exchange, Response, route
from connectors.google_calendar.sandbox_base import BROKEN
from connectors.google_calendar.sandbox_events import Events
from connectors.google_calendar.sandbox_problems import Problem, invalid

MOST = 1000
_ANSWERS = "batch_of_answers"


class _Part(NamedTuple):
    id: str
    call: Call


class Batches(Events):
    """Batches by HTTP."""

    @route("POST", "/batch/calendar/v3")
    def batch(self, call: Call) -> Response:
        """Each part as if it had come alone."""
        try:
            parts = _parts(call)
        except Problem as problem:
            return problem.response()
        if any(part.call.method not in READING for part in parts) and self.mischief.fires(Switch.CUT):
            for part in parts[: len(parts) // 2]:
                self._one(part.call)
            return BROKEN
        answers = [(part.id, self._one(part.call)) for part in parts]
        return _packed(self.mischief.disturbed(answers))

    def _one(self, call: Call) -> Response:
        found = self._find(call)
        response = self._tried(call)
        self.journal.append(
            Exchange(call, response.status, dict(response.headers), response.raw(), found[0].path if found else "")
        )
        return response

    def _tried(self, call: Call) -> Response:
        if call.method not in READING and self.mischief.fires(Switch.PARTIAL):
            return self.failing(call)
        found = self._find(call)
        if found is None:
            return self.no_such_call(call)
        refusal = self.authorise(call)
        if refusal is not None:
            return refusal
        try:
            return found[1](call, **found[2])
        except BadCall as error:
            return self.bad_call(call, str(error))


def _parts(call: Call) -> list[_Part]:
    kind = call.headers.get("content-type", "")
    whole = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + call.body)
    if not whole.is_multipart():
        raise invalid("Failed to parse batch request, error: no boundary.")
    parts = [_part(str(part["Content-ID"] or ""), part.get_payload(decode=True), call) for part in whole.iter_parts()]
    if len(parts) > MOST:
        raise invalid(f"The batch request is too large: more than {MOST} calls.")
    return parts


def _part(id: str, raw: object, outer: Call) -> _Part:
    """A call inside; the envelope's credentials count for it."""
    # Lines may end either way; Google's own client writes them without a carriage return.
    head, *rest = re.split(rb"\r?\n\r?\n", raw if isinstance(raw, bytes) else b"", maxsplit=1)
    first, *lines = head.decode().splitlines()
    found = re.fullmatch(r"([A-Z]+) (\S+)(?: HTTP/1\.1)?", first)
    if found is None:
        raise invalid("Failed to parse batch request, error: bad request line.")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    address = urlsplit(found[2])
    own = {"authorization": outer.headers.get("authorization", ""), **headers}
    call = Call(found[1], address.path, dict(parse_qsl(address.query)), own, b"".join(rest).rstrip(b"\r\n"))
    return _Part(id.strip("<>"), call)


def _packed(answers: list[tuple[str, Response]]) -> Response:
    parts = []
    for id_, response in answers:
        body = response.raw()
        headers = {"Content-Type": "application/json; charset=UTF-8", **response.headers, "Content-Length": len(body)}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"Content-Type: application/http\r\nContent-ID: <response-{id_}>\r\n\r\n"
        first = f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}\r\n"
        parts.append(f"--{_ANSWERS}\r\n{head}{first}{lines}\r\n".encode() + body + b"\r\n")
    raw = b"".join(parts) + f"--{_ANSWERS}--\r\n".encode()
    return Response(200, raw, {"Content-Type": f"multipart/mixed; boundary={_ANSWERS}"})
