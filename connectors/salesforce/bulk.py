"""A large backfill as one Bulk API 2.0 query job: make it, wait for it, read its results page by page.

The job asks in the order of ids, so that a walk whose job has expired (results are kept for days, not for ever)
goes on behind the last id it has. Results are CSV, in which everything is text; `typed` gives the values back the
form they have in every other answer. Bulk cannot ask for the roles of an opportunity, so those go by plain queries.
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from connectors._kit.errors import is_page, page_title
from connectors._kit.http import Answer
from connectors._kit.payload import Payload
from connectors.salesforce.client import Client
from connectors.salesforce.describing import Shape
from connectors.salesforce.soql import quoted, select
from core.errors import CursorExpired, Forbidden, Garbled, Gone, Refused
from core.model.values import Json

PATIENCE = 600.0
"""Seconds to wait for a job; beyond it the walk goes on with plain queries, which always work."""
LOOKS = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds between looks at a job; the last one repeats."""
_ENDED = {"Failed", "Aborted"}
_MOST = 2**27
csv.field_size_limit(_MOST)


class Lost(Exception):
    """The job or its place is not there any more, or it failed; the walk goes on another way."""


class Results(NamedTuple):
    """A page of results, and where the next one begins; None at the end."""

    rows: list[dict[str, Any]]
    locator: str | None


class Jobs:
    """Bulk query jobs of one connection."""

    def __init__(self, client: Client, sleep: Callable[[float], None] | None) -> None:
        self._client = client
        self._sleep = sleep or time.sleep

    def begin(self, shape: Shape, after: str) -> str:
        """Make a job for all rows behind an id, and give the job's id. `Lost` where Bulk will not take it."""
        where = f"Id > {quoted(after)}" if after else ""
        query = select(shape.plain, shape.name, where=where, order=["Id"])
        body: dict[str, Json] = {"operation": "query", "query": query, "contentType": "CSV", "lineEnding": "LF"}
        try:
            made = self._client.call("jobs/query", method="POST", json=body, reading=True)
        except (Refused, Forbidden) as error:
            raise Lost from error
        return Payload(made, "POST jobs/query").id("id")

    def wait(self, job: str) -> None:
        """Until the results are there. `Lost` when they will not be, or not in time."""
        waited = 0.0
        for pause in _pauses():
            try:
                state = Payload(self._client.call(f"jobs/query/{job}"), "GET jobs/query").text("state")
            except (Gone, Refused) as error:
                raise Lost from error
            if state == "JobComplete":
                return
            if state in _ENDED or waited >= PATIENCE:
                raise Lost
            self._sleep(pause)
            waited += pause

    def results(self, job: str, locator: str | None, shape: Shape, size: int) -> Results:
        """A page of results. `Lost` when job or locator are not honoured any more."""
        try:
            answer = self._client.fetch_csv(f"jobs/query/{job}/results", locator=locator, maxRecords=size)
        except (Gone, Refused, CursorExpired) as error:
            raise Lost from error
        told = answer.headers.get("sforce-locator", "null")
        return Results(rows_in(answer, shape.types), None if told in ("null", "") else told)


def rows_in(answer: Answer, types: Mapping[str, str]) -> list[dict[str, Any]]:
    """The rows of a CSV answer in the form of a query's. `Garbled` for a web page or a cut table."""
    text = answer.text.replace("\x00", "")
    if is_page(text, answer.headers.get("content-type", "")):
        raise Garbled(f"Salesforce promised CSV and sent a web page titled '{page_title(text)}'.", at=answer.where)
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if text.strip() and "Id" not in (reader.fieldnames or ()):
        raise Garbled("Salesforce promised CSV with ids and sent something else.", at=answer.where)
    rows = [{name: typed(value, types.get(name, "")) for name, value in row.items()} for row in reader]
    if any(None in row for row in rows):
        raise Garbled("A line of the CSV has more values than there are columns.", at=answer.where)
    return rows


def typed(text: Any, type_: str) -> Json:
    """A value of the CSV in the form that JSON answers give it; blank is nothing."""
    if not text:
        return None
    try:
        if type_ == "boolean":
            return {"true": True, "false": False}[text]
        if type_ in ("int", "long"):
            return int(float(text))
        if type_ in ("double", "currency", "percent"):
            return float(text)
    except (KeyError, ValueError) as error:
        raise Garbled(f"A value of the CSV is no {type_}.") from error
    if type_ == "datetime" and text.endswith("Z"):
        return f"{text[:-1]}+0000"
    return str(text)


def _pauses() -> Iterator[float]:
    yield from LOOKS
    while True:
        yield LOOKS[-1]
