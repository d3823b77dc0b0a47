"""How the hub talks to Template: contacts over HTTP, with versions by ETag and idempotent creates.

Tables first (their word → ours), then small pure functions, then the class. Translating values is the
mapping's work.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from connectors._kit.accounts import account_of, meter
from connectors._kit.auth import Key
from connectors._kit.http import Answer, Http, path_of
from connectors._kit.payload import Payload, nested
from connectors._kit.receipts import one_by_one
from core.errors import Gone
from core.manifest import Limits
from core.ports import (
    Checkup,
    Context,
    Cursor,
    Description,
    Edit,
    FieldInfo,
    Finding,
    Page,
    Receipt,
    Remote,
    Verb,
)

LIMITS = Limits(requests=10, per_seconds=1)
"""As the manifest declares."""

FIELDS: dict[str, tuple[FieldInfo, ...]] = {
    "contacts": (
        FieldInfo("email", "email"),
        FieldInfo("name.first"),
        FieldInfo("name.last"),
        FieldInfo("phone", "phone"),
    ),
}


class TemplateConnector:
    """Checks, Reads and Writes of `core.ports`."""

    def __init__(self, http: Http, *, page_size: int = 100) -> None:
        self._http = http
        self._page_size = page_size

    def check(self) -> Checkup:
        """Who the key belongs to."""
        me = self._http.get("me").payload()
        return Checkup(me.text("account"), (Finding(True, "signed in"),))

    def describe(self, stream: str) -> Description:
        """The fields the tool always has."""
        return Description(stream, FIELDS[stream])

    def close(self) -> None:
        """Let the connections go."""
        self._http.close()

    def read(self, stream: str, cursor: Cursor | None) -> Page:
        """A page of the listing; the tool sorts by id and takes the last one seen."""
        params = {"after": (cursor or {}).get("after"), "limit": self._page_size}
        answer = self._http.get(stream, params=params).payload()
        records = [_remote(record) for record in answer.each("records")]
        if answer.flag("more"):
            return Page(records, {"after": records[-1].id}, more=True)
        return Page(records, {}, complete=True)

    def fetch(self, stream: str, ids: Sequence[str]) -> Sequence[Remote]:
        """Each record by itself; the tool has no batch for it."""
        return [self._fetch_one(stream, id_) for id_ in ids]

    def find(self, stream: str, key: str) -> Remote | None:
        """The tool keeps the idempotency key of a create."""
        answer = self._http.get(stream, params={"key": key}).payload()
        return next((_remote(record) for record in answer.each("records")), None)

    def write(self, stream: str, edits: Sequence[Edit]) -> Sequence[Receipt]:
        """One call an edit."""
        return one_by_one(edits, lambda edit: _VERBS[edit.verb](self, stream, edit))

    def _fetch_one(self, stream: str, id_: str) -> Remote:
        try:
            return _remote(self._http.get(path_of(stream, id_)).payload())
        except Gone:
            return Remote(id_, {}, deleted=True)

    def _create(self, stream: str, edit: Edit) -> Receipt:
        return _receipt(self._http.post(stream, json=nested(edit.fields), headers={"Idempotency-Key": edit.key}))

    def _update(self, stream: str, edit: Edit) -> Receipt:
        path = path_of(stream, edit.remote_id)
        return _receipt(self._http.patch(path, json=nested(edit.fields), headers=_condition(edit)))

    def _delete(self, stream: str, edit: Edit) -> Receipt:
        self._http.delete(path_of(stream, edit.remote_id), headers=_condition(edit))
        return Receipt(edit.remote_id)


_VERBS: dict[Verb, Callable[[TemplateConnector, str, Edit], Receipt]] = {
    Verb.CREATE: TemplateConnector._create,
    Verb.UPDATE: TemplateConnector._update,
    Verb.DELETE: TemplateConnector._delete,
}


def build(context: Context) -> TemplateConnector:
    """The connector for one connection."""
    settings, sleep = context.settings, context.sleep or time.sleep
    http = Http(
        settings["url"],
        clock=context.clock,
        auth=Key(settings["api_key"], header="X-Api-Key"),
        limits=meter(
            context, account_of("template", settings["url"], settings["api_key"]), LIMITS.requests, LIMITS.per_seconds
        ),
        sleep=sleep,
        connection=context.name,
    )
    return TemplateConnector(http, page_size=int(settings.get("page_size") or 100))


def _remote(record: Payload) -> Remote:
    return Remote(
        record.id("id"),
        record.object("fields"),
        version=record.text("version"),
        modified_at=record.instant("modified_at"),
    )


def _receipt(answer: Answer) -> Receipt:
    remote = _remote(answer.payload())
    return Receipt(remote.id, remote.version, remote.modified_at, remote.fields, whole=True)


def _condition(edit: Edit) -> dict[str, str]:
    return {"If-Match": edit.version} if edit.version else {}
