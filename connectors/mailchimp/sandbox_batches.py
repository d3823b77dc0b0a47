"""The sandbox's batch operations: handed over, worked while they are looked at, answered by an archive."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import orjson

from connectors._kit.sandbox import BadCall, Call, Response, route
from connectors.mailchimp.sandbox_audiences import Audiences
from connectors.mailchimp.sandbox_base import api, chosen, paged, told
from connectors.mailchimp.sandbox_problems import invalid, not_found
from core.model.instant import MINUTE, Instant

OPERATIONS = 1000
OPEN = 500
_STATES = ("pending", "preprocessing", "started", "finalizing", "finished")
_GOOD_FOR = 10 * MINUTE
_DENIED = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"


@dataclass(slots=True)
class Batch:
    """One batch; `looks` is how often it must be looked at until it is done."""

    id: str
    operations: list[dict[str, Any]]
    submitted_at: Instant
    looks: int
    seen: int = 0
    done_at: Instant | None = None
    answers: list[dict[str, Any]] = field(default_factory=list)
    archive: bytes = b""

    @property
    def status(self) -> str:
        """How far it is."""
        if self.done_at is not None:
            return "finished"
        return _STATES[min(3, self.seen * 4 // max(1, self.looks))]


class Batches(Audiences):
    """Batch operations by HTTP."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.batches: dict[str, Batch] = {}
        self.batch_looks = 2
        """Looks that a batch needs."""
        self.links: dict[str, tuple[str, Instant]] = {}
        """Token of an archive's address → batch, and until when it is good."""

    @api("POST", "/batches")
    def create_batch(self, call: Call) -> Response:
        """Hand operations over."""
        body = call.json()
        rows = body.get("operations") if isinstance(body, dict) else None
        if not isinstance(rows, list) or len(rows) > OPERATIONS:
            raise invalid("", ("operations", f"This collection should contain {OPERATIONS} elements or less."))
        if sum(one.done_at is None for one in self.batches.values()) >= OPEN:
            raise invalid("You may only have 500 batch requests open.")
        batch = Batch(uuid4().hex[:10], rows, self.now(), self.batch_looks)
        self.batches[batch.id] = batch
        return Response(200, self._shown(batch))

    @api("GET", "/batches")
    def list_batches(self, call: Call) -> Response:
        """The batches of the last days, newest first."""
        rows = sorted(self.batches.values(), key=lambda one: -one.submitted_at)
        page = [self._shown(one) for one in paged(call, rows)]
        return Response(200, chosen(call, {"batches": page, "total_items": len(rows)}))

    @api("GET", "/batches/{batch_id}")
    def get_batch(self, call: Call, batch_id: str) -> Response:
        """One batch, a little further each time."""
        batch = self._batch(batch_id)
        batch.seen += 1
        if batch.done_at is None and batch.seen >= batch.looks:
            self.work(batch, call.headers)
        return Response(200, chosen(call, self._shown(batch)))

    @api("DELETE", "/batches/{batch_id}")
    def delete_batch(self, call: Call, batch_id: str) -> Response:  # noqa: ARG002 -- no query
        """Stop it, and let its answers go."""
        del self.batches[self._batch(batch_id).id]
        return Response(204)

    @route("GET", "/batch-results/{token}.tar.gz", spared=True)
    def results(self, call: Call, token: str) -> Response:  # noqa: ARG002 -- the address says it all
        """The archive, for whoever has its address, as long as that is good."""
        batch_id, until = self.links.get(token, ("", 0))
        if self.now() > until or batch_id not in self.batches:
            return Response(403, _DENIED, {"Content-Type": "application/xml"})
        return Response(200, self.batches[batch_id].archive, {"Content-Type": "application/x-gzip"})

    # --- the work

    def work(self, batch: Batch, headers: Mapping[str, str]) -> None:
        """Carry the operations out, in no order that anybody promises."""
        for row in batch.operations:
            batch.answers.append(self._operate(row, headers))
        batch.done_at = self.now()
        batch.archive = _packed(batch.answers)

    def _operate(self, row: Mapping[str, Any], headers: Mapping[str, str]) -> dict[str, Any]:
        query = {name: str(value).lower() if isinstance(value, bool) else str(value)
                 for name, value in row.get("params", {}).items()}  # fmt: skip
        path = "/3.0" + str(row.get("path", ""))
        call = Call(str(row.get("method")), path, query, headers, str(row.get("body", "")).encode())
        found = self._find(call)
        if found is None:
            response = not_found().response()
        else:
            try:
                response = found[1](call, **found[2])
            except BadCall as error:
                response = self.bad_call(call, str(error))
        return {
            "status_code": response.status, "operation_id": row.get("operation_id"),
            "response": response.raw().decode(),
        }  # fmt: skip

    # --- what is shown

    def _batch(self, batch_id: str) -> Batch:
        found = self.batches.get(batch_id)
        if found is None:
            raise not_found()
        return found

    def _shown(self, batch: Batch) -> dict[str, Any]:
        done = batch.done_at is not None
        errors = sum(one["status_code"] >= 400 for one in batch.answers)
        body: dict[str, Any] = {
            "id": batch.id, "status": batch.status, "total_operations": len(batch.operations),
            "finished_operations": len(batch.answers), "errored_operations": errors,
            "submitted_at": told(batch.submitted_at), "completed_at": told(batch.done_at),
            "response_body_url": self._link(batch) if done else "",
        }  # fmt: skip
        if not done:
            # A moment that is not yet is left out rather than blank.
            del body["completed_at"]
        return body

    def _link(self, batch: Batch) -> str:
        token = uuid4().hex
        self.links[token] = (batch.id, self.now() + _GOOD_FOR)
        return f"{self.url}/batch-results/{token}.tar.gz?{urlencode({'X-Amz-Expires': 600})}"


def _packed(answers: list[dict[str, Any]]) -> bytes:
    """A gzipped tar of files with some answers each."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as files:
        folder = tarfile.TarInfo("./")
        folder.type = tarfile.DIRTYPE
        files.addfile(folder)
        for start in range(0, max(1, len(answers)), 100):
            content = orjson.dumps(answers[start : start + 100])
            info = tarfile.TarInfo(f"./{uuid4().hex}.json")
            info.size = len(content)
            files.addfile(info, io.BytesIO(content))
    return gzip.compress(packed.getvalue(), 1)
