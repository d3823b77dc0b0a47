"""Salesforce over the wire: signing in, and the calls that the other modules make.

simple-salesforce makes the calls it has typed words for (`session.py` puts the kit under it); each thread has its
own. The results of Bulk jobs are CSV, which it can only fetch whole and after real sleeping, so `Http` is used for
them directly.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

import orjson

from connectors._kit.accounts import account_of, meter
from connectors._kit.errors import Reply, error_of
from connectors._kit.http import Answer, Http, Skew, sees_skew
from connectors._kit.limits import Learnt
from connectors._kit.oauth import OAuth, token_endpoint
from connectors._kit.payload import Payload
from connectors.salesforce.signing import SavedTokens, grant_of, secrets_of
from connectors.salesforce.soql import named
from connectors.salesforce.words import explained, sign_in_error
from core.errors import Garbled, Gone
from core.manifest import Limits
from core.model.instant import Instant
from core.model.values import Json
from core.ports import Context

if TYPE_CHECKING:
    from connectors.salesforce.session import Line

LIMITS = Limits(requests=1500, per_seconds=60)
"""As the manifest declares; what counts is the day's quota."""
BATCH_SIZES = (200, 2000)
"""The rows that Salesforce may be asked to put in one answer."""
_USED = re.compile(r"(?<![-\w])api-usage=(\d+)/(\d+)")


class Rows(NamedTuple):
    """What a query gave: rows, whether these are all, and how many there are."""

    rows: list[dict[str, Any]]
    done: bool
    total: int


class Client:
    """One connection to one org. Thread-safe; close it in the end."""

    def __init__(self, context: Context) -> None:
        settings = context.settings
        self.skew = 0
        """µs by which Salesforce's clock is ahead of ours, as its last answer told."""
        self.version = _version(str(settings.get("api_version") or "67.0"))
        self._context = context
        self._login_url = str(settings.get("login_url") or "https://login.salesforce.com")
        self._login = Http(
            self._login_url,
            clock=context.clock,
            sleep=context.sleep,
            explain=sign_in_error,
            redact=secrets_of(settings),
            headers={"Connection": "close"},  # asked every few hours: no line is kept open for it
            on_skew=self._see,
            connection=context.name,
        )
        self._auth = OAuth(
            grant_of(settings, self._login_url, context.clock),
            token_endpoint(self._login, "services/oauth2/token"),
            SavedTokens(settings, context.save_secret),
            clock=context.clock,
            secrets=secrets_of(settings),
        )
        account = account_of("salesforce", self._login_url, settings.get("client_id"), settings.get("username"))
        self.quota = meter(context, account, LIMITS.requests, LIMITS.per_seconds)
        self._instance: Http | None = None
        self._lock = threading.Lock()
        self._threads = threading.local()

    def __repr__(self) -> str:
        return f"Client({self._login_url}, {self.version})"

    @property
    def calls(self) -> int:
        """How many calls were made so far, signing in left out."""
        return sum(self._instance.calls.values()) if self._instance else 0

    def now(self) -> Instant:
        """The moment by Salesforce's clock."""
        return self._context.clock() + self.skew

    def close(self) -> None:
        """Let the connections go. May be called more than once."""
        self._login.close()
        if self._instance is not None:
            self._instance.close()

    # --- reading

    def query(self, soql: str, *, deleted: bool = False, size: int = 2000) -> Rows:
        """The first rows of a query; with `deleted` the recycle bin's are among them."""
        least, most = BATCH_SIZES
        options = {"Sforce-Query-Options": f"batchSize={min(most, max(least, size))}"}
        with self._line() as line:
            answer = line.salesforce.query(soql, include_deleted=deleted, headers=options)
        return rows_of(Payload(answer, "query"))

    def query_all(self, soql: str, *, deleted: bool = False) -> list[dict[str, Any]]:
        """All rows of a query, in as many answers as it takes."""
        with self._line() as line:
            found = line.salesforce.query_all_iter(soql, include_deleted=deleted)
            return [Payload(row, "query").object("") for row in found]

    def queries(self, soqls: Sequence[str]) -> list[Rows]:
        """Several queries, deleted rows included, in one call (`/composite`; at most five)."""
        path = f"/services/data/v{self.version}/queryAll"
        asked = [
            {"method": "GET", "referenceId": f"q{place}", "url": f"{path}?{urlencode({'q': soql})}"}
            for place, soql in enumerate(soqls)
        ]
        answer = Payload(self.call("composite", method="POST", json={"compositeRequest": asked}, reading=True))
        found = [self._part(part) for part in answer.each("compositeResponse")]
        if len(found) != len(soqls):
            raise Garbled(f"Salesforce answered {len(found)} of {len(soqls)} queries.", at="POST composite")
        return [rows_of(part) for part in found]

    def describe(self, sobject: str) -> Payload:
        """An object as it is now; `Gone` where there is none, or the user may not see it."""
        with self._line() as line:
            return Payload(getattr(line.salesforce, named(sobject)).describe(), f"describe {sobject}")

    def by_key(self, sobject: str, field: str, key: str) -> dict[str, Any] | None:
        """The row with this external id, or None."""
        from simple_salesforce.format import format_external_id

        with self._line() as line:
            try:
                row = getattr(line.salesforce, named(sobject)).get(format_external_id(named(field), key))
            except Gone:
                return None
        return Payload(row, f"GET {sobject}").object("")

    def deleted(self, sobject: str, start: datetime, end: datetime) -> Payload:
        """Salesforce's log of deletions; minutes count, seconds do not."""
        with self._line() as line:
            answer = getattr(line.salesforce, named(sobject)).deleted(start, end)
        return Payload(answer, f"deleted {sobject}")

    def user(self) -> Payload:
        """Who signed in."""
        with self._line() as line:
            return Payload(line.salesforce.oauth2("userinfo"), "userinfo")

    def versions(self) -> list[str]:
        """The versions of the interface that the org serves, the oldest first."""
        answer = self._http().get("services/data").payload()
        return [one.text("version") for one in answer.each("")]

    def fetch_csv(self, path: str, **params: Any) -> Answer:
        """A page of a Bulk job's results, as it comes."""
        return self._http().get(
            f"services/data/v{self.version}/{path}", params=params, expect="any", headers={"Accept": "text/csv"}
        )

    # --- anything

    def call(
        self,
        path: str,
        *,
        method: str = "GET",
        json: Json = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        reading: bool | None = None,
    ) -> Json:
        """Any call below `/services/data/vXX.X/`; None for an empty answer."""
        body = {} if json is None else {"data": orjson.dumps(json)}
        with self._line(reading) as line:
            return line.salesforce.restful(
                path, params=dict(params or {}), method=method, headers=dict(headers or {}), **body
            )

    def update(self, sobject: str, id: str, fields: Mapping[str, Json], headers: Mapping[str, str]) -> None:
        """Change one row, on the conditions that the headers name."""
        with self._line() as line:
            getattr(line.salesforce, named(sobject)).update(id, dict(fields), headers=dict(headers))

    def tooling(self, path: str, json: Json) -> Json:
        """Make something with the Tooling interface."""
        with self._line() as line:
            return line.salesforce.toolingexecute(path, method="POST", data=json)

    # --- below it

    def _part(self, part: Payload) -> Payload:
        status = part.whole("httpStatusCode")
        reply = Reply("GET", status, {}, orjson.dumps(part.data["body"] if status >= 300 else {}))
        error = error_of(reply, hook=explained, secrets=self._auth.secrets, connection=self._context.name)
        if error is not None:
            raise error
        return part.at("body")

    @contextmanager
    def _line(self, reading: bool | None = None) -> Iterator[Line]:
        """This thread's `Salesforce`, at the instance that the tokens name."""
        from connectors.salesforce.session import Line

        url = self._http().base_url
        line: Line | None = getattr(self._threads, "line", None)
        if line is None or line.instance_url != url:
            line = self._threads.line = Line(self._http, url, self.version)
        line.reading = reading
        try:
            yield line
        finally:
            line.reading = None

    def _http(self) -> Http:
        """The org's own host, which is told with the tokens and may change with them."""
        url = _host(self._auth.tokens().extra, self._login_url)
        with self._lock:
            if self._instance is None or self._instance.base_url != url:
                self._instance = self._at(url)
            return self._instance

    def _at(self, url: str) -> Http:
        return Http(
            url,
            clock=self._context.clock,
            auth=self._auth,
            limits=self.quota,
            timeout=120.0,
            max_bytes=256 * 1024 * 1024,
            sleep=self._context.sleep,
            explain=explained,
            read_limits=quota_told,
            on_skew=self._see,
            connection=self._context.name,
        )

    def _see(self, skew: Skew) -> None:
        self.skew = sees_skew(skew)
        if self._context.on_date is not None:
            self._context.on_date(*skew)


def rows_of(answer: Payload) -> Rows:
    """A query's answer; `Garbled` when it is none."""
    return Rows([one.object("") for one in answer.each("records")], answer.flag("done"), answer.whole("totalSize"))


def quota_told(headers: Mapping[str, str]) -> Learnt | None:
    """The day's calls by `Sforce-Limit-Info: api-usage=18/5000`; one app's own share is left aside."""
    found = _USED.search(headers.get("sforce-limit-info", ""))
    return Learnt(int(found[2]) - int(found[1]), 0.0, allowed=int(found[2])) if found else None


def _host(told: Mapping[str, Json], login_url: str) -> str:
    url = told.get("instance_url")
    if not isinstance(url, str) or not url.startswith(("https://", "http://")):
        raise Garbled("Salesforce gave no address of the org with the tokens.", at="POST services/oauth2/token")
    if login_url.startswith("https://") and not url.startswith("https://"):
        raise Garbled("Salesforce named an address of the org that is not encrypted.")
    return url.rstrip("/") + "/"


def _version(text: str) -> str:
    """`67`, `v67.0` and `67.0` are the same version."""
    number = text.strip().lower().removeprefix("v")
    return number if "." in number else f"{number}.0"
