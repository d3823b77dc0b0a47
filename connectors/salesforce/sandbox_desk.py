"""What all calls of the org have in common: versions, the day's count, error arrays, trouble in Salesforce's words."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

from connectors._kit import sandbox as kit
from connectors._kit.mischief import Switch
from connectors._kit.sandbox import Call, Response
from connectors.salesforce.sandbox_org import Org
from connectors.salesforce.sandbox_query import Asking, View
from connectors.salesforce.sandbox_table import Row
from connectors.salesforce.sandbox_values import Refusal, stamp_text
from core.model.instant import DAY, MINUTE, SECOND, Instant, instant
from core.model.values import Json

VERSIONS = tuple(f"{number}.0" for number in range(60, 69))
DATA = "/services/data/v{version}"
LONGEST_URI = 16_384


class CutOff(Exception):
    """The connection breaks before an answer."""


class Desk(kit.Sandbox):
    """The part of the stand-in that all groups of calls share."""

    title = "Salesforce"

    def __init__(self, *, daily: int | None = None, **line: Any) -> None:
        super().__init__(**line)
        self.daily = daily
        self.lag = 30 * SECOND
        """µs that a lagging read is behind, at most."""
        self.late_by = 5 * MINUTE
        """µs that a late commit is older, at most, where mischief decides."""
        self.org = Org(self.now)
        self.version = VERSIONS[0]
        """The version the present call speaks."""
        self._used: deque[Instant] = deque()

    # --- the day's calls

    @property
    def calls_today(self) -> int:
        """The calls of the last 24 hours, as `Sforce-Limit-Info` tells them."""
        while self._used and self._used[0] <= self.now() - DAY:
            self._used.popleft()
        return len(self._used)

    @calls_today.setter
    def calls_today(self, number: int) -> None:
        self._used = deque([self.now()] * number)

    def count_call(self) -> Response | None:
        """One call more; the refusal once the day's are used up."""
        if self.daily is not None and self.calls_today >= self.daily:
            return problem(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        self._used.append(self.now())
        return None

    # --- one call

    def _find(self, call: Call) -> Any:
        path = call.path.rstrip("/") or "/"
        version = re.match(r"/services/data/v([^/]+)", path)
        if version and version[1] not in VERSIONS:
            return None
        found = super()._find(call._replace(path=path))
        if found is not None:
            self.version = found[2].pop("version", self.version)
        return found

    def _answer(self, call: Call, found: Any) -> Response | None:
        self.org.sweep()
        self.org.allows_duplicates = "allowsave=true" in call.headers.get("sforce-duplicate-rule-header", "").lower()
        try:
            response = super()._answer(call, found)
        except CutOff:
            return None
        except Refusal as error:
            response = refusal_of(error)
        if response is None or not call.path.startswith("/services/data/v"):
            return response
        usage = f"api-usage={self.calls_today}/{self.daily or 15_000}"
        return response._replace(headers={**response.headers, "Sforce-Limit-Info": usage})

    def within(self, call: Call) -> Response:
        """The answer to a call inside a composite one."""
        found = self._find(call)
        if found is None:
            return self.no_such_call(call)
        _, handler, parts = found
        try:
            return handler(call, **parts)  # type: ignore[no-any-return]
        except kit.BadCall as error:
            return self.bad_call(call, str(error))
        except Refusal as error:
            return refusal_of(error)

    # --- Salesforce's words

    def throttled(self, _call: Call) -> Response:
        """Too much at once; 403 and not 429, and no word of how long."""
        return problem(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded.")

    def failing(self, _call: Call) -> Response:
        """Nothing was done."""
        return problem(503, "SERVER_UNAVAILABLE", "The server is temporarily unavailable")

    def bad_call(self, _call: Call, why: str) -> Response:
        """The body is no JSON."""
        return problem(400, "JSON_PARSER_ERROR", f"The call cannot be read: {why}")

    def no_such_call(self, call: Call) -> Response:
        """Retired versions are told from things that never were, and a wrong method from a wrong address."""
        version = re.match(r"/services/data/v(\d+)\.0(?:/|$)", call.path)
        if version and int(version[1]) <= 30:
            return problem(410, "UNSUPPORTED_API_VERSION", "The requested API version is retired")
        others = {"GET", "POST", "PATCH", "PUT", "DELETE"} - {call.method}
        if any(self._find(call._replace(method=method)) for method in others):
            return problem(405, "METHOD_NOT_ALLOWED", f"HTTP Method '{call.method}' not allowed")
        return problem(404, "NOT_FOUND", "The requested resource does not exist")

    # --- small words for the groups of calls

    def asking(self, *, everything: bool = False, tooling: bool = False) -> Asking:
        """How a query of now is asked; behind the times where that trouble happens."""
        view: View | None = None
        if self.mischief.fires(Switch.LAGGING):
            horizon = stamp_text(self.now() - 1 - self.mischief.below(self.lag))
            view = lambda row: seen_at(row, horizon)  # noqa: E731 -- a view of this moment
        return Asking(self.org, self.version, everything, tooling, view)


def seen_at(row: Row | None, horizon: str) -> Row | None:
    """The row as it was then, None where it was not yet."""
    while row is not None and row.stamp > horizon:
        row = row.before
    return row


def too_long(call: Call) -> bool:
    """Whether the address is longer than Salesforce reads."""
    query = sum(len(quote(name)) + len(quote(value)) + 2 for name, value in call.query.items())
    return len(quote(call.path)) + query > LONGEST_URI


def problem(status: int, code: str, message: str) -> Response:
    """An answer that is one error."""
    return Response(status, [{"message": message, "errorCode": code}])


_WITHOUT_FIELDS = frozenset(
    {"INVALID_FIELD", "MALFORMED_QUERY", "NOT_FOUND", "INVALID_TYPE", "JSON_PARSER_ERROR", "INVALID_QUERY_LOCATOR"}
)


def refusal_of(error: Refusal) -> Response:
    """A refusal as an answer: an array of errors, `fields` where a row was at fault."""
    body: list[Json] = []
    for code, message, fields in error.problems:
        one: dict[str, Json] = {"message": message, "errorCode": code}
        body.append(one if code in _WITHOUT_FIELDS and not fields else {**one, "fields": list(fields)})
    return Response(error.status, body)


def row_errors(error: Refusal) -> list[Json]:
    """A refusal as the errors of one row of a batch."""
    return [
        {"statusCode": code, "message": message, "fields": list(fields)} for code, message, fields in error.problems
    ]


def date_header(call: Call, name: str) -> Instant | None:
    """The moment a header names; one that cannot be read does not count."""
    try:
        return instant(parsedate_to_datetime(call.headers[name])) if name in call.headers else None
    except (ValueError, TypeError):
        return None


def body_of(call: Call) -> dict[str, Any]:
    """The body, which must be an object."""
    body = call.json()
    if not isinstance(body, Mapping):
        raise kit.BadCall("an object is expected")
    return dict(body)
