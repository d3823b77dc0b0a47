"""Calls that read many rows: queries and their pages, and the lists of what changed and what was deleted."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from connectors._kit.mischief import Switch
from connectors._kit.sandbox import Call, Response, route
from connectors.salesforce.sandbox_desk import DATA, Desk
from connectors.salesforce.sandbox_query import Result, answer, records_of
from connectors.salesforce.sandbox_values import read_stamp, refused, stamp_text
from core.model.instant import DAY, MINUTE, SECOND, Instant
from core.model.values import Json


class Locator(NamedTuple):
    """A query that goes on: what it found when it was asked, and how large its pages are."""

    result: Result
    size: int
    at: Instant


class Reading(Desk):
    """Queries and change lists."""

    def __init__(self, **line: Any) -> None:
        super().__init__(**line)
        self.locator_seconds = 2 * DAY // SECOND
        """How long a query may be gone on with. Unconfirmed: two days; older sources say 15 minutes unused."""
        self.largest_page = 2000
        self.most_locators = 10
        """How many queries a user may have open; the oldest ends when another begins (simple-salesforce #95)."""
        self.covered_lag = 0
        """µs by which `latestDateCovered` is behind, as when a long transaction runs."""
        self._locators: dict[str, Locator] = {}

    @route("GET", DATA + "/query")
    def query(self, call: Call) -> Response:
        """The first page of a query."""
        return self._first(call, everything=False)

    @route("GET", DATA + "/queryAll")
    def query_all(self, call: Call) -> Response:
        """The same, with deleted rows too."""
        return self._first(call, everything=True)

    @route("GET", DATA + "/tooling/query")
    def tooling_query(self, call: Call) -> Response:
        """The same, over what the org is made of."""
        return self._first(call, everything=False, tooling=True)

    @route("GET", DATA + "/query/{locator}")
    def next_page(self, _call: Call, locator: str) -> Response:
        """Another page."""
        return self._page(locator)

    @route("GET", DATA + "/queryAll/{locator}")
    def next_page_of_all(self, _call: Call, locator: str) -> Response:
        """Another page."""
        return self._page(locator)

    def _first(self, call: Call, *, everything: bool, tooling: bool = False) -> Response:
        text = call.query.get("q", "")
        result = answer(self.asking(everything=everything, tooling=tooling), text)
        if result.query.counts or self.mischief.fires(Switch.EMPTY):
            return Response(200, {"totalSize": result.total if result.query.counts else 0, "done": True, "records": []})
        size = page_size(call.headers.get("sforce-query-options", ""), self.largest_page)
        if result.total <= size:
            return self._paged(result, 0, result.total, "")
        name = self.org.ids.next("01g")
        self._locators[name] = Locator(result, size, self.now())
        while len(self._locators) > self.most_locators:
            del self._locators[next(iter(self._locators))]
        return self._paged(result, 0, size, name)

    def _page(self, text: str) -> Response:
        name, _, start = text.rpartition("-")
        locator = self._locators.get(name)
        expired = locator is not None and self.now() - locator.at > self.locator_seconds * SECOND
        if locator is None or not start.isdigit() or expired or self.mischief.fires(Switch.EXPIRED):
            self._locators.pop(name, None)
            raise refused("INVALID_QUERY_LOCATOR", "invalid query locator")
        return self._paged(locator.result, int(start), int(start) + locator.size, name)

    def _paged(self, result: Result, start: int, end: int, name: str) -> Response:
        rows = records_of(result._replace(sums=result.sums and result.sums[start:end]), result.rows[start:end])
        done = end >= result.total
        body: dict[str, Json] = {"totalSize": result.total, "done": done}
        if not done:
            body["nextRecordsUrl"] = f"/services/data/v{self.version}/query/{name}-{end}"
        return Response(200, {**body, "records": list[Json](self.mischief.disturbed(rows))})

    # --- what changed

    @route("GET", DATA + "/sobjects/{name}/updated")
    def updated(self, call: Call, name: str) -> Response:
        """The ids of rows that were made or changed between two moments, at most 30 days ago."""
        sobject = self.org.sobject(name)
        start, end = self._span(call, 30)
        rows = self.org.tables[sobject.name].by_stamp(start, end)
        ids = [row.id for row in rows if not row.deleted and start <= row.stamp < end]
        return Response(200, {"ids": list[Json](ids), "latestDateCovered": self._covered(end)})

    @route("GET", DATA + "/sobjects/{name}/deleted")
    def deleted(self, call: Call, name: str) -> Response:
        """The rows that were deleted between two moments, at most 15 days ago; purged ones too."""
        sobject = self.org.sobject(name)
        start, end = self._span(call, 15)
        table = self.org.tables[sobject.name]
        gone = {row.id: row.stamp for row in table.by_stamp(start, end) if row.deleted} | table.purged
        records = [{"id": id_, "deletedDate": at} for id_, at in gone.items() if start <= at < end]
        return Response(200, {
            "deletedRecords": list[Json](records), "latestDateCovered": self._covered(end),
            "earliestDateAvailable": stamp_text((self.now() - 15 * DAY) // MINUTE * MINUTE),
        })  # fmt: skip

    def _span(self, call: Call, days: int) -> tuple[str, str]:
        """The two moments a call names, seconds cut off, within what is kept."""
        start, end = (read_stamp(_plus(call.query.get(name, ""))) for name in ("start", "end"))
        if start is None or end is None:
            raise refused("INVALID_REPLICATION_DATE", "start and end must be moments such as 2026-01-31T09:00:00+00:00")
        start, end = start // MINUTE * MINUTE, end // MINUTE * MINUTE
        if end - start <= MINUTE:
            raise refused("INVALID_REPLICATION_DATE", "startDate must be before endDate by more than one minute")
        if start < self.now() - days * DAY:
            raise refused("INVALID_REPLICATION_DATE", f"startDate is more than {days} days ago")
        return stamp_text(start), stamp_text(end)

    def _covered(self, end: str) -> str:
        return min(end, stamp_text((self.now() - self.covered_lag) // MINUTE * MINUTE))


def _plus(text: str) -> str:
    """A plus sign that was not encoded arrives as a space."""
    return text.replace(" ", "+")


def page_size(options: str, largest: int) -> int:
    """The page that `Sforce-Query-Options` asks for, within 200 and the largest."""
    asked = re.search(r"batchSize\s*=\s*(\d+)", options, re.IGNORECASE)
    return min(max(int(asked[1]), 200), largest) if asked else largest
