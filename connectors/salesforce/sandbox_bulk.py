"""Bulk 2.0: jobs that take their time by the clock, queries that end in CSV, and uploads with three results."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors._kit.mischief import Switch
from connectors._kit.sandbox import Call, Response, route
from connectors.salesforce import sandbox_csv as sheet
from connectors.salesforce.sandbox_composite import Composite
from connectors.salesforce.sandbox_desk import DATA, body_of, problem
from connectors.salesforce.sandbox_filter import path_of
from connectors.salesforce.sandbox_ids import read_id
from connectors.salesforce.sandbox_query import Asking, Result, run
from connectors.salesforce.sandbox_schema import SObject
from connectors.salesforce.sandbox_soql import Query, parse
from connectors.salesforce.sandbox_table import Row
from connectors.salesforce.sandbox_values import Refusal, refused, stamp_text
from core.model.instant import DAY, SECOND, Instant
from core.model.values import Json

INGEST, QUERIES = f"{DATA}/jobs/ingest", f"{DATA}/jobs/query"
_OPERATIONS = ("insert", "update", "upsert", "delete", "hardDelete")
_ENDED = ("JobComplete", "Failed", "Aborted")


@dataclass
class Job:
    """One job, of either kind."""

    id: str
    operation: str
    object: str
    version: str
    at: Instant
    state: str
    query: Query | None = None
    key: str = ""
    """The external id field of an upsert."""
    delimiter: str = "COMMA"
    line_end: str = "LF"
    data: bytes = b""
    closed_at: Instant = 0
    trouble: str = ""
    columns: list[str] = field(default_factory=list)
    result: Result | None = None
    done: list[list[str]] = field(default_factory=list)
    failed: list[list[str]] = field(default_factory=list)
    left: list[list[str]] = field(default_factory=list)


class Bulk(Composite):
    """Jobs."""

    def __init__(self, **line: Any) -> None:
        super().__init__(**line)
        self.job_seconds = 2.0
        """How long a job takes before its first row."""
        self.rows_a_second = 20_000
        self.largest_result = 50_000
        """The rows of one page of results where the caller names no number. Unconfirmed."""
        self.result_days = 7
        """How long a job and its results are kept."""
        self._jobs: dict[str, Job] = {}

    def _answer(self, call: Call, found: Any) -> Response | None:
        for job in list(self._jobs.values()):
            self._turn(job)
        return super()._answer(call, found)

    # --- uploads

    @route("POST", INGEST)
    def open_job(self, call: Call) -> Response:
        """A job that waits for its data."""
        said = body_of(call)
        operation, sobject = str(said.get("operation")), self.org.sobject(str(said.get("object")))
        if operation not in _OPERATIONS:
            raise refused("INVALIDJOB", f"Unknown operation: {operation}")
        key = str(said.get("externalIdFieldName") or "")
        if operation == "upsert":
            self.finder(sobject, key)
        job = Job(self.org.ids.next("750"), operation, sobject.name, self.version, self.now(), "Open", key=key)
        return self._opened(job, said)

    @route("PUT", INGEST + "/{id}/batches")
    def upload(self, call: Call, id: str) -> Response:
        """The one upload a job takes."""
        job = self._job(id, INGEST)
        if job.state != "Open" or job.data:
            raise refused("INVALIDJOBSTATE", "Data can be uploaded once, while the job is open")
        job.data = call.body
        return Response(201)

    @route("PATCH", INGEST + "/{id}")
    def close_or_abort(self, call: Call, id: str) -> Response:
        """The data is whole, or not wanted."""
        job, state = self._job(id, INGEST), body_of(call).get("state")
        if state not in ("UploadComplete", "Aborted") or job.state in _ENDED:
            raise refused("INVALIDJOBSTATE", f"A job that is {job.state} cannot become {state}")
        job.state, job.closed_at = str(state), self.now()
        return Response(200, self._told(job))

    @route("GET", INGEST + "/{id}/successfulResults")
    def successes(self, _call: Call, id: str) -> Response:
        """The rows that were saved."""
        job = self._ended(id, INGEST)
        return _file(job, [["sf__Id", "sf__Created", *job.columns], *job.done])

    @route("GET", INGEST + "/{id}/failedResults")
    def failures(self, _call: Call, id: str) -> Response:
        """The rows that were refused, and why."""
        job = self._ended(id, INGEST)
        return _file(job, [["sf__Id", "sf__Error", *job.columns], *job.failed])

    @route("GET", INGEST + "/{id}/unprocessedrecords")
    def unprocessed(self, _call: Call, id: str) -> Response:
        """The rows a failed or aborted job did not come to."""
        job = self._ended(id, INGEST)
        return _file(job, [job.columns, *job.left])

    # --- queries

    @route("POST", QUERIES)
    def open_query(self, call: Call) -> Response:
        """A query that runs by itself."""
        said = body_of(call)
        operation, query = str(said.get("operation")), parse(str(said.get("query", "")))
        if operation not in ("query", "queryAll"):
            raise refused("INVALIDJOB", f"Unknown operation: {operation}")
        name = self.org.objects.get(query.source.lower())
        if name is None:
            raise refused("INVALID_TYPE", f"sObject type '{query.source}' is not supported")
        job = Job(self.org.ids.next("750"), operation, name.name, self.version, self.now(), "UploadComplete", query)
        job.closed_at = job.at
        return self._opened(job, said)

    @route("PATCH", QUERIES + "/{id}")
    def abort_query(self, call: Call, id: str) -> Response:
        """Stop a query."""
        job = self._job(id, QUERIES)
        if body_of(call).get("state") != "Aborted" or job.state in _ENDED:
            raise refused("INVALIDJOBSTATE", f"A job that is {job.state} cannot be aborted")
        job.state = "Aborted"
        return Response(200, self._told(job))

    @route("GET", QUERIES + "/{id}/results")
    def results(self, call: Call, id: str) -> Response:
        """A page of what a query found; `Sforce-Locator` names the next one, `null` when this is the last."""
        job = self._job(id, QUERIES)
        if job.state != "JobComplete" or job.result is None:
            raise refused("INVALIDJOBSTATE", f"The job is {job.state}: its results are not there")
        start = _start(call.query.get("locator", ""))
        if start is None or start > len(job.result.rows) or (start and self.mischief.fires(Switch.EXPIRED)):
            raise refused("INVALID_QUERY_LOCATOR", "invalid query locator")
        size = int(call.query.get("maxRecords") or self.largest_result)
        rows = job.result.rows[start : start + size]
        more = start + size < len(job.result.rows)
        headers = {
            "Sforce-Locator": _locator(start + size) if more else "null",
            "Sforce-NumberOfRecords": str(len(rows)),
        }
        cells = self._cells(job)
        return _file(job, [job.columns, *map(cells, self.mischief.disturbed(rows))], headers)

    # --- both kinds

    @route("GET", INGEST)
    def uploads(self, _call: Call) -> Response:
        """All uploads."""
        return self._list(INGEST)

    @route("GET", QUERIES)
    def queries(self, _call: Call) -> Response:
        """All queries."""
        return self._list(QUERIES)

    @route("GET", INGEST + "/{id}")
    def upload_info(self, _call: Call, id: str) -> Response:
        """How an upload is doing."""
        return Response(200, self._told(self._job(id, INGEST)))

    @route("GET", QUERIES + "/{id}")
    def query_info(self, _call: Call, id: str) -> Response:
        """How a query is doing."""
        return Response(200, self._told(self._job(id, QUERIES)))

    @route("DELETE", INGEST + "/{id}")
    def drop_upload(self, _call: Call, id: str) -> Response:
        """Forget an upload that has ended."""
        return self._drop(id, INGEST)

    @route("DELETE", QUERIES + "/{id}")
    def drop_query(self, _call: Call, id: str) -> Response:
        """Forget a query that has ended."""
        return self._drop(id, QUERIES)

    def _opened(self, job: Job, said: Mapping[str, Any]) -> Response:
        job.delimiter, job.line_end = said.get("columnDelimiter", "COMMA"), said.get("lineEnding", "LF")
        if job.delimiter not in sheet.DELIMITERS or job.line_end not in sheet.LINE_ENDS:
            raise refused("INVALIDJOB", "Unknown columnDelimiter or lineEnding")
        self._jobs[job.id] = job
        return Response(200, self._told(job))

    def _job(self, id_: str, kind: str) -> Job:
        job = self._jobs.get(read_id(id_) or "")
        kept = job is not None and self.now() - job.at <= self.result_days * DAY
        if job is None or not kept or (job.query is not None) != (kind == QUERIES):
            raise refused("NOT_FOUND", "The requested resource does not exist", status=404)
        return job

    def _ended(self, id_: str, kind: str) -> Job:
        job = self._job(id_, kind)
        if job.state not in _ENDED:
            raise refused("INVALIDJOBSTATE", f"The job is {job.state}: its results are not there")
        return job

    def _list(self, kind: str) -> Response:
        jobs = [self._told(job) for job in self._jobs.values() if (job.query is not None) == (kind == QUERIES)]
        return Response(200, {"done": True, "records": list[Json](jobs), "nextRecordsUrl": None})

    def _drop(self, id_: str, kind: str) -> Response:
        job = self._job(id_, kind)
        if job.state not in _ENDED:
            return problem(400, "INVALIDJOBSTATE", f"A job that is {job.state} cannot be deleted")
        del self._jobs[job.id]
        return Response(204)

    def _told(self, job: Job) -> dict[str, Json]:
        told: dict[str, Json] = {
            "id": job.id, "operation": job.operation, "object": job.object, "createdById": self.org.me,
            "createdDate": stamp_text(job.at), "systemModstamp": stamp_text(job.closed_at or job.at),
            "state": job.state, "concurrencyMode": "Parallel", "contentType": "CSV",
            "apiVersion": float(job.version), "lineEnding": job.line_end, "columnDelimiter": job.delimiter,
            "jobType": "V2Query" if job.query else "V2Ingest",
        }  # fmt: skip
        if job.query is None:
            told |= {"contentUrl": f"services/data/v{job.version}/jobs/ingest/{job.id}/batches",
                     "numberRecordsFailed": len(job.failed)}  # fmt: skip
        if job.key:
            told["externalIdFieldName"] = job.key
        if job.trouble:
            told["errorMessage"] = job.trouble
        processed = len(job.result.rows) if job.result else len(job.done) + len(job.failed)
        return {**told, "numberRecordsProcessed": processed, "retries": 0, "totalProcessingTime": 0}

    # --- the work

    def _turn(self, job: Job) -> None:
        """Let a job go on as far as the time allows."""
        if job.state not in ("UploadComplete", "InProgress"):
            return
        rows = job.data.count(b"\n") if job.query is None else self.org.tables[job.object].live
        waited = (self.now() - job.closed_at) / SECOND
        if waited < self.job_seconds + rows / self.rows_a_second:
            job.state = "InProgress" if waited > 0 else job.state
            return
        try:
            (self._ingest if job.query is None else self._query)(job)
            job.state = "JobComplete"
        except Refusal as error:
            code, message, _ = error.problems[0]
            job.state, job.trouble = "Failed", f"{code} : {message}"

    def _query(self, job: Job) -> None:
        query = job.query or Query("")
        asking = Asking(self.org, job.version, job.operation == "queryAll")
        if query.children or query.group or query.offset or any(one.function for one in query.columns):
            raise refused("FeatureNotEnabled", "Bulk queries take no children, functions, GROUP BY or OFFSET")
        result = run(asking, query)
        paths = [path_of(self.org, result.sobject, column.path) for column in query.columns]
        compound = next((path.field.name for path in paths if path.field.type == "address"), None)
        if compound:
            raise refused("FeatureNotEnabled", f"Bulk queries cannot show the compound field {compound}")
        job.result, job.columns = result, [".".join(path.names) for path in paths]

    def _cells(self, job: Job) -> Callable[[Row], list[str]]:
        sobject = self.org.sobject(job.object)
        paths = [path_of(self.org, sobject, name) for name in job.columns]
        return lambda row: [sheet.cell(path.field, path.get(row)) for path in paths]

    def _ingest(self, job: Job) -> None:
        sobject = self.org.sobject(job.object)
        job.columns, rows = sheet.read(job.data, job.delimiter)
        unknown = next((name for name in job.columns if not self._column(sobject, name)), None)
        if unknown is not None:
            job.left = [list(row.values()) for row in rows]
            raise refused("InvalidBatch", f"Field name not found : {unknown}")
        for row in rows:
            cells = [row[name] for name in job.columns]
            try:
                id_, created = self._one_row(job, sobject, sheet.fields_of(row))
                job.done.append([id_, "true" if created else "false", *cells])
            except Refusal as error:
                code, message, fields = error.problems[0]
                job.failed.append([row.get("Id", ""), f"{code}:{message}:{','.join(fields)} --", *cells])

    def _column(self, sobject: SObject, name: str) -> bool:
        found = sobject.reaching(name.partition(".")[0]) if "." in name else sobject.field(name)
        return found is not None and self.org.sees(sobject, found)

    def _one_row(self, job: Job, sobject: SObject, fields: dict[str, Json]) -> tuple[str, bool]:
        if self.mischief.fires(Switch.PARTIAL):
            raise refused("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record")
        if job.operation == "insert":
            return self.org.insert(sobject, fields).id, True
        if job.operation == "upsert":
            done = self.upsert_one(sobject, self.finder(sobject, job.key).name, fields)
            return str(done["id"]), bool(done["created"])
        row = self.org.row(sobject, self.row_id(fields.pop("Id", None)))
        if job.operation == "update":
            self.org.update(sobject, row, fields)
        elif job.operation == "delete":
            self.org.delete(sobject, row)
        else:
            self.org.erase(sobject, row)
        return row.id, False


def _file(job: Job, rows: list[list[str]], headers: Mapping[str, str] | None = None) -> Response:
    data = sheet.written(rows, job.delimiter, job.line_end)
    return Response(200, data, {"Content-Type": "text/csv", **(headers or {})})


def _locator(place: int) -> str:
    return base64.b64encode(str(place).encode()).decode().rstrip("=")


def _start(locator: str) -> int | None:
    """The place a locator names; None where it names none."""
    if not locator:
        return 0
    try:
        return int(base64.b64decode(locator + "=" * (-len(locator) % 4)))
    except ValueError:
        return None
