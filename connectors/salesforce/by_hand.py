"""An org on loopback with our key field in it, and connections to it: what this folder's tests share."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any

from connectors._kit.clock import VirtualTime
from connectors.salesforce.connector import Salesforce, build
from connectors.salesforce.sandbox import Sandbox
from connectors.salesforce.words import KEY_FIELD
from core.ports import Context, Edit, Fields, Receipt, Remote, Verb

OBJECTS = ("Account", "Contact", "Lead", "Opportunity", "Task", "Event")
DEAL = {"Name": "Patio", "StageName": "Prospecting", "CloseDate": "2026-12-15"}


def with_keys(box: Sandbox, *sobjects: str) -> None:
    """The admin has made the key field on these objects."""
    for sobject in sobjects:
        box.add_field(sobject, KEY_FIELD, "string", length=255, external_id=True, unique=True)


class Org:
    """A running org and the connections that a test makes to it."""

    def __init__(self, *, keys: bool = True, skew: int = 0, daily: int | None = None) -> None:
        self.time = VirtualTime(tick=1000)
        self.box = Sandbox(clock=self.time, skew=skew, daily=daily)
        if keys:
            with_keys(self.box, *OBJECTS)
        self.secrets: list[tuple[str, str]] = []
        self._open: list[Salesforce] = []

    def __enter__(self) -> Org:
        self.box.start()
        return self

    def __exit__(self, *_: TracebackType | type[BaseException] | BaseException | None) -> None:
        for connector in self._open:
            connector.close()
        self.box.stop()

    def settings(self, **more: Any) -> dict[str, Any]:
        """Settings that sign in with the app's secret."""
        box = self.box
        return {"login_url": box.url, "client_id": box.client_id, "client_secret": box.client_secret, **more}

    def connect(
        self,
        settings: Mapping[str, Any] | None = None,
        streams: Mapping[str, Any] | None = None,
        reads: Mapping[str, frozenset[str]] | None = None,
        **more: Any,
    ) -> Salesforce:
        """A new connection."""
        context = Context(
            "trial",
            {**(self.settings() if settings is None else settings), **more},
            self.time,
            streams=streams or {},
            reads=reads or {},
            sleep=self.time.sleep,
            save_secret=lambda name, value: self.secrets.append((name, value)),
        )
        self._open.append(build(context))
        return self._open[-1]

    def asked(self, since: int = 0) -> list[str]:
        """The calls since a place in the journal, `METHOD path` below the version."""
        exchanges = [one.call for one in self.box.journal[since:]]
        return [f"{call.method} {call.path.partition('/v67.0/')[2] or call.path}" for call in exchanges]


def walked(connector: Salesforce, stream: str, cursor: Any = None) -> tuple[list[Remote], dict[str, Any]]:
    """Everything from a cursor to the end for now, and the cursor of the next poll."""
    found: list[Remote] = []
    for _ in range(200):
        page = connector.read(stream, cursor)
        found += page.records
        cursor = dict(page.next)
        if not page.more:
            return found, cursor
    raise AssertionError("a walk of two hundred pages does not end")


def creation(stream: str, fields: Fields, key: str = "k1") -> Edit:
    """An edit that creates."""
    return Edit(Verb.CREATE, stream, key, fields=fields)


def change(stream: str, remote: Remote, **fields: Any) -> Edit:
    """An edit that changes a record as it was read."""
    return Edit(Verb.UPDATE, stream, f"c-{remote.id}", remote.id, fields, remote.version, remote.fields)


def done(connector: Salesforce, *edits: Edit) -> list[Receipt]:
    """The receipts, all of which must be good."""
    receipts = list(connector.write(edits[0].stream, edits))
    errors = [str(receipt.error) for receipt in receipts if receipt.error is not None]
    if errors:
        raise AssertionError(f"not taken: {errors}")
    return receipts


def error_of(connector: Salesforce, edit: Edit) -> Any:
    """The error in the receipt of a lone edit."""
    (receipt,) = connector.write(edit.stream, [edit])
    return receipt.error
