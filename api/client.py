"""A client of the API for Python programs: the answers as they come, problems as errors with what to do.

with Client("https://hub.shop.example", key) as hub:
for change in hub.changes(after):
...
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any

import httpx

Row = dict[str, Any]
Json = Any
_TIMEOUT = 30.0
_JSON = "json"


class ProblemError(Exception):
    """The hub says that something is not so."""

    def __init__(self, status: int, told: Mapping[str, Any]) -> None:
        """`told` is the problem as RFC 9457 has it; may be empty where something in between has answered."""
        self.status, self.code = status, str(told.get("code", ""))
        self.detail, self.remedy = str(told.get("detail", "")), str(told.get("remedy", ""))
        super().__init__(" ".join(filter(None, (self.detail or f"The hub answered {status}.", self.remedy))))


class Client:
    """One hub, asked with one key. Network failures are those of httpx; nothing is tried again by itself."""

    def __init__(self, url: str, key: str, *, http: httpx.Client | None = None) -> None:
        """`url` is where the hub is, without `/v1`; `http` is a client to ask with instead of an own one."""
        self._base = url.rstrip("/") + "/v1"
        self._headers = {"Authorization": f"Bearer {key}"}
        self._own = http is None
        self._http = http or httpx.Client(timeout=_TIMEOUT)

    def __enter__(self) -> Client:
        """Itself."""
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Let go of its connections."""
        if self._own:
            self._http.close()

    # --- looking

    def me(self) -> Row:
        """Whose key it is."""
        return self._row("GET", "/me")

    def status(self) -> Row:
        """Everything worth knowing at a glance."""
        return self._row("GET", "/status")

    def find(self, q: str, *, kind: str | None = None) -> list[Row]:
        """The records that are known by a word, best first."""
        found: list[Row] = self._row("GET", "/records", {"q": q, "kind": kind})["items"]
        return found

    def records(self, *, kind: str | None = None) -> Iterator[Row]:
        """All live records, in the order of their numbers, page by page."""
        return self._walked("/records", {"kind": kind, "limit": 200})

    def record(self, id_: int) -> Row:
        """One record."""
        return self._row("GET", f"/records/{id_}")

    def why(self, id_: int, *, field: str | None = None) -> list[Row]:
        """Why the values of a record stand."""
        found: list[Row] = self._asked("GET", f"/records/{id_}/why", {"field": field})
        return found

    def log(self, **asked: Json) -> Iterator[Row]:
        """What came in and went out, newest first: `connection`, `record`, `run`, `code`, `email`, `since`."""
        return self._walked("/log", asked)

    def changes(self, after: str = "", *, kind: str | None = None) -> tuple[list[Row], str]:
        """What has changed since, to its end, and from where to go on the next time."""
        found: list[Row] = []
        while True:
            page = self._row("GET", "/changes", {"after": after, "kind": kind, "limit": 200})
            found += page["items"]
            if page["next"] == after:
                return found, after
            after = page["next"]

    # --- writing; with `once`, a word of one's own, the same may be sent again

    def make(self, kind: str, values: Mapping[str, Json], *, known: str = "refuse", once: str = "") -> Row:
        """Make a record; `known="update"` says its values where one with the same address is known."""
        return self._row("POST", "/records", body={"kind": kind, "values": dict(values), "known": known}, once=once)

    def change(self, id_: int, values: Mapping[str, Json], *, version: int | None = None, once: str = "") -> Row:
        """Say values of a record, None clears; with a `version` only where it is still that."""
        tag = {"If-Match": f'"{version}"'} if version is not None else {}
        return self._row("PATCH", f"/records/{id_}", body={"values": dict(values)}, once=once, headers=tag)

    def subscribe(self, url: str, events: Sequence[str], *, once: str = "", **more: Json) -> Row:
        """Have events posted to an address; the `secret` that signs is told this once."""
        return self._row("POST", "/hooks", body={"url": url, "events": list(events), **more}, once=once)

    def unsubscribe(self, id_: int) -> None:
        """End a subscription."""
        self._asked("DELETE", f"/hooks/{id_}")

    # --- asking

    def _walked(self, path: str, asked: Mapping[str, Json]) -> Iterator[Row]:
        after = ""
        while True:
            page = self._row("GET", path, {**asked, "after": after})
            yield from page["items"]
            if page["next"] is None:
                return
            after = page["next"]

    def _row(self, method: str, path: str, asked: Mapping[str, Json] | None = None, **more: Any) -> Row:
        found: Row = self._asked(method, path, asked, **more)
        return found

    def _asked(
        self,
        method: str,
        path: str,
        asked: Mapping[str, Json] | None = None,
        *,
        body: Json = None,
        once: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        said = {**self._headers, **(headers or {}), **({"Idempotency-Key": once} if once else {})}
        query = {name: one for name, one in (asked or {}).items() if one not in (None, "")}
        answer = self._http.request(method, f"{self._base}{path}", params=query, json=body, headers=said)
        if answer.is_success:
            return answer.json() if answer.content else None
        told = answer.json() if _JSON in answer.headers.get("content-type", "") else {}
        raise ProblemError(answer.status_code, told if isinstance(told, dict) else {})
