"""Batch operations: many calls handed over together, worked off by Mailchimp, their answers fetched as one archive.

Each operation carries our own id, by which its answer is found, also after this process was interrupted. The archive's
address is good for some minutes only; a fresh one comes with each look at the batch.
"""

from __future__ import annotations

import io
import tarfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress

import orjson

from connectors._kit.errors import Reply, error_of
from connectors._kit.paging import batches as cut
from connectors._kit.payload import Payload
from connectors.mailchimp.client import Client
from connectors.mailchimp.sending import Operation, Outcome
from connectors.mailchimp.trouble import explained
from core.errors import Forbidden, Garbled, Gone, Refused, SignedOut, ToolError, Unavailable, Unknown
from core.model.instant import HOUR, SECOND, Instant

MOST = 1000
"""Operations in one batch."""
_LARGEST = 256 * 1024 * 1024
"""Bytes of an archive's contents, unpacked."""
_FIRST_WAIT, _LONGEST_WAIT = 2.0, 30.0
_RECENT = 24 * HOUR
_REMEMBERED = 30 * SECOND
"""So long the answers of former batches are good without another look."""


class Batches:
    """Hands operations over, waits, and reads the answers."""

    def __init__(self, client: Client, *, wait: float) -> None:
        """`wait` seconds at most for one batch."""
        self._client = client
        self._wait = wait
        self._former: tuple[Instant, dict[str, Outcome]] | None = None
        self._lock = threading.Lock()

    def run(self, operations: Sequence[Operation]) -> list[Outcome]:
        """One outcome for each operation, in order. Raises nothing."""
        outcomes: list[Outcome] = []
        for chunk in cut(operations, MOST):
            try:
                outcomes += self._together(chunk)
            except ToolError as error:
                return outcomes + [error] * (len(operations) - len(outcomes))
        return outcomes

    def answer(self, operation_id: str) -> Outcome | None:
        """What a batch of the last day says of an operation, None if none had it.

        `Unavailable` while one of them is still being worked, since that may be it.
        """
        with self._lock:
            held = self._former
            if held is None or self._client.clock() - held[0] > _REMEMBERED:
                held = self._former = (self._client.clock(), self._read_former())
            return held[1].get(operation_id)

    # --- one batch

    def _together(self, operations: Sequence[Operation]) -> list[Outcome]:
        body = {"operations": [self._told(one) for one in operations]}
        made = self._client.http.post("batches", json=body).payload()
        # From here on it is under way: whatever goes wrong says nothing of what was done.
        try:
            found = self._finished(made)
        except ToolError as error:
            doubt = Unknown(f"The batch was handed over, and its answers did not come. {error.message}")
            return [doubt] * len(operations)
        with suppress(ToolError):
            self._client.http.delete(f"batches/{made.id('id')}")
        missing = Unknown("The batch's answers do not speak of this operation.")
        return [found.get(one.id, missing) for one in operations]

    def _told(self, one: Operation) -> dict[str, object]:
        told: dict[str, object] = {
            "method": one.method, "path": f"/{self._client.path(*one.parts)}", "operation_id": one.id,
        }  # fmt: skip
        if one.params:
            told["params"] = dict(one.params)
        if one.body is not None:
            told["body"] = orjson.dumps(one.body).decode()
        return told

    def _finished(self, batch: Payload) -> dict[str, Outcome]:
        """The answers, once it is done; `Unavailable` when that takes too long."""
        waited, pause = 0.0, _FIRST_WAIT
        while batch.text("status") != "finished":
            if waited >= self._wait:
                raise Unavailable("Mailchimp takes its time over a batch.")
            self._client.sleep(pause)
            waited, pause = waited + pause, min(_LONGEST_WAIT, pause * 2)
            batch = self._looked_at(batch.id("id"))
        return self._answers(batch)

    def _looked_at(self, id_: str) -> Payload:
        return self._client.http.get(f"batches/{id_}").payload()

    def _answers(self, batch: Payload) -> dict[str, Outcome]:
        url = batch.text("response_body_url", "")
        if not url:
            return {}
        try:
            archive = self._client.http.get(url, expect="any").content
        except (Forbidden, Gone, Refused, SignedOut):
            # The address was good for some minutes only.
            fresh = self._looked_at(batch.id("id")).text("response_body_url")
            archive = self._client.http.get(fresh, expect="any").content
        return {one.text("operation_id", ""): _outcome(one) for one in _unpacked(archive)}

    # --- those of a former process

    def _read_former(self) -> dict[str, Outcome]:
        told = self._client.http.get("batches", params={"count": 100}).payload()
        since = self._client.time.of(self._client.clock()) - _RECENT
        found: dict[str, Outcome] = {}
        for batch in told.each("batches"):
            submitted = batch.text("submitted_at", "")
            old = submitted and batch.instant("submitted_at") < since
            if old or batch.whole("total_operations", 0) > MOST:
                # The latter is another app's: ours are never so large.
                continue
            if batch.text("status") != "finished":
                raise Unavailable("A batch is still being worked; what it did is not known yet.")
            with suppress(Gone, Forbidden, Garbled):
                found |= self._answers(batch)
        return found


def _unpacked(archive: bytes) -> Iterator[Payload]:
    """The answers in an archive: files, each with a list of them."""
    room = _LARGEST
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as files:
            for member in files:
                room -= member.size
                if room < 0:
                    raise Garbled(f"The answers to a batch are larger than {_LARGEST} bytes.")
                content = files.extractfile(member) if member.isfile() else None
                if content is not None:
                    yield from Payload.parse(content.read(), "batch answers").each("")
    except (tarfile.TarError, EOFError, OSError) as error:
        raise Garbled("The answers to a batch cannot be unpacked.") from error


def _outcome(told: Payload) -> Outcome:
    status, body = told.whole("status_code"), told.text("response", "").encode()
    # Which call it was stands nowhere in the answer; none of ours only reads.
    reply = Reply("POST", status, {}, body, reading=False)
    error = error_of(reply, hook=explained)
    return error if error is not None else Payload.parse(body or b"null", "batch answers")
