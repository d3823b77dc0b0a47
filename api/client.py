"""A client of the API for Python programs: the answers as they come, problems as errors with what to do.

with Client("https://hub.shop.example", key) as hub:
for change in hub.changes(after):
...
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any
from urllib.parse import quote

import httpx

Row = dict[str, Any]
Json = Any
TIMEOUT = 30.0
"""Seconds for an answer."""
_JSON, _YAML = "json", "yaml"


class ProblemError(Exception):
    """The hub says that something is not so."""

    def __init__(self, status: int, told: Mapping[str, Any]) -> None:
        """`told` is the problem as RFC 9457 has it; may be empty where something in between has answered."""
        self.status, self.code = status, str(told.get("code", ""))
        self.detail, self.remedy = str(told.get("detail", "")), str(told.get("remedy", ""))
        self.errors: list[Row] = list(told.get("errors", ()))
        super().__init__(" ".join(filter(None, (self.detail or f"The hub answered {status}.", self.remedy))))


class Client:
    """One hub, asked with one key. Network failures are those of httpx; nothing is tried again by itself."""

    def __init__(self, url: str, key: str, *, http: httpx.Client | None = None) -> None:
        """`url` is where the hub is, without `/v1`; `http` is a client to ask with instead of an own one."""
        self._base = url.rstrip("/") + "/v1"
        self._headers = {"Authorization": f"Bearer {key}"}
        self._own = http is None
        self._http = http or httpx.Client(timeout=TIMEOUT)

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

    def open_records(self, **asked: Json) -> Iterator[Row]:
        """Open records by what they lack: `missing`, `only`, `kind`, `stage`, `source`, `owner`, `tool`, `week`."""
        return self._walked("/scorecard/records", asked)

    def leads(self, *, form: str | None = None) -> Iterator[Row]:
        """What forms brought, newest first; of one form, where it is named."""
        return self._walked("/leads", {"form": form})

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

    def runs(self, **asked: Json) -> Iterator[Row]:
        """What was done, newest first: `connection`, `what`, `failed`."""
        return self._walked("/runs", asked)

    def letters(self, **asked: Json) -> Iterator[Row]:
        """Dead letters by what the tool said, the largest class first: `connection`, `code`."""
        return self._walked("/letters", asked)

    def reviews(self, **asked: Json) -> Iterator[Row]:
        """Open questions for a person, the late ones first: `what`, `connection`, `owner`, `field`, `late`."""
        return self._walked("/reviews", asked)

    def review(self, id_: int) -> Row:
        """One of them, whole."""
        return self._row("GET", f"/reviews/{id_}")

    def may_contact(self, address: str, *, channel: str = "email", topic: str | None = None) -> Row:
        """Whether somebody may be contacted, and why."""
        return self._row("GET", "/consent/check", {"address": address, "channel": channel, "topic": topic})

    def mapping(self, connection: str) -> str:
        """The mapping in force, as it was written."""
        found: str = self._asked("GET", f"/mappings/{quote(connection, safe='')}")
        return found

    def settings(self) -> dict[str, str]:
        """The other texts of the configuration, by name."""
        return self._row("GET", "/settings")

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

    def retry(self, connection: str, *, code: str | None = None, once: str = "") -> Row:
        """Try dead letters of a connection again; `count` says how many."""
        return self._row("POST", "/letters/retry", body={"connection": connection, "code": code}, once=once)

    def answer(self, id_: int, word: str, value: Json = None, *, once: str = "") -> Row:
        """Answer a question, as a person does."""
        return self._row("POST", f"/reviews/{id_}/answer", body={"word": word, "value": value}, once=once)

    def plan(self, text: str, *, mapping: str | None = None, setting: str | None = None, once: str = "") -> Row:
        """Have a changed mapping, or another setting, planned; ask by `planned` until it is `ready`."""
        named = {"mapping": mapping} if mapping is not None else {"setting": setting}
        return self._row("POST", "/plans", body={**named, "text": text}, once=once)

    def planned(self, id_: int) -> Row:
        """A plan, or how far it has come."""
        return self._row("GET", f"/plans/{id_}")

    def activate(self, id_: int, etag: str) -> Row:
        """Put a plan in force that was looked at, of which `etag` tells; ask by `planned` until it is `in_force`."""
        return self._row("POST", f"/plans/{id_}/activate", headers={"If-Match": etag})

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
        found = self._asked(method, path, asked, **more)
        if not isinstance(found, dict):
            raise ProblemError(httpx.codes.OK, {})
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
        form = answer.headers.get("content-type", "")
        if answer.is_success and (not answer.content or _YAML in form):
            return answer.text or None
        told = _read(answer) if _JSON in form else None
        if answer.is_success and told is not None:
            return told
        raise ProblemError(answer.status_code, told if isinstance(told, dict) else {})


def _read(answer: httpx.Response) -> Any:
    """What an answer says in JSON; None where it is none, as of something in between."""
    try:
        return answer.json()
    except ValueError:
        return None
