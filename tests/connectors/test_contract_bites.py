"""The contract bites: each way of being a wrong connector is caught by the test that is there for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from _pytest.outcomes import Failed

from connectors._kit.clock import VirtualTime
from connectors._kit.contract import ContractSuite
from connectors.memory.connector import MemoryConnector
from connectors.memory.test_memory import MemoryHarness
from core.errors import Refused, ToolError
from core.ports import Cursor, Edit, Page, Receipt, Remote, Request

STREAM = "contacts"


class Breaks(MemoryConnector):
    """A connector that is right; each subclass is wrong in one way."""


class LosesTheLastOfEachPage(Breaks):
    def read(self, stream: str, cursor: Cursor | None) -> Page:
        page = super().read(stream, cursor)
        return page._replace(records=page.records[:-1])


class DoublesAcrossPages(Breaks):
    def read(self, stream: str, cursor: Cursor | None) -> Page:
        page = super().read(stream, cursor)
        return page._replace(records=[*page.records, *page.records[-1:]])


class ForgetsItsCursor(Breaks):
    def read(self, stream: str, cursor: Cursor | None) -> Page:
        return super().read(stream, None if cursor and "head" not in cursor else cursor)


class KeepsItsPlaceToItself(Breaks):
    """The cursor says nothing; the place is in the connector."""

    place: Cursor | None = None

    def read(self, stream: str, cursor: Cursor | None) -> Page:
        page = super().read(stream, self.place if cursor else None)
        self.place = page.next
        return page._replace(next={"mine": 1})


class HidesTombstones(Breaks):
    def read(self, stream: str, cursor: Cursor | None) -> Page:
        page = super().read(stream, cursor)
        return page._replace(records=[record for record in page.records if not record.deleted])


class FetchDropsTheMissing(Breaks):
    def fetch(self, stream: str, ids: Sequence[str]) -> Sequence[Remote]:
        return [remote for remote in super().fetch(stream, ids) if not remote.deleted]


class IgnoresKeys(Breaks):
    def write(self, stream: str, edits: Sequence[Edit]) -> Sequence[Receipt]:
        return super().write(stream, [replace(edit, key=f"{edit.key}-{id(edits)}-{n}") for n, edit in enumerate(edits)])


class FindsAnything(Breaks):
    def find(self, stream: str, key: str) -> Remote | None:
        return super().find(stream, key) or Remote("con-1", {})


class OverwritesOthers(Breaks):
    def write(self, stream: str, edits: Sequence[Edit]) -> Sequence[Receipt]:
        return super().write(stream, [replace(edit, version=None) for edit in edits])


class SendsEverything(Breaks):
    """Clears what an update does not name."""

    def write(self, stream: str, edits: Sequence[Edit]) -> Sequence[Receipt]:
        whole = [replace(edit, fields=dict.fromkeys(edit.held) | edit.fields) for edit in edits]
        return super().write(stream, whole)


class CannotClear(Breaks):
    def write(self, stream: str, edits: Sequence[Edit]) -> Sequence[Receipt]:
        kept = [replace(edit, fields={n: v for n, v in edit.fields.items() if v is not None}) for edit in edits]
        return super().write(stream, kept)


class FailsTheWholeBatch(Breaks):
    def write(self, stream: str, edits: Sequence[Edit]) -> Sequence[Receipt]:
        receipts = super().write(stream, edits)
        error = next((receipt.error for receipt in receipts if receipt.error), None)
        return [Receipt(error=error)] * len(receipts) if error else receipts


class ReceiptsOutOfOrder(Breaks):
    def write(self, stream: str, edits: Sequence[Edit]) -> Sequence[Receipt]:
        return list(reversed(super().write(stream, edits)))


class ReceiptsSayWhatWasSent(Breaks):
    def write(self, stream: str, edits: Sequence[Edit]) -> Sequence[Receipt]:
        receipts = super().write(stream, edits)
        return [replace(receipt, fields=edit.fields) for receipt, edit in zip(receipts, edits, strict=True)]


class DeletesNothing(Breaks):
    def write(self, stream: str, edits: Sequence[Edit]) -> Sequence[Receipt]:
        return [
            Receipt(edit.remote_id) if edit.verb == "delete" else super(DeletesNothing, self).write(stream, [edit])[0]
            for edit in edits
        ]


class BelievesAnySignature(Breaks):
    def receive(self, request: Request) -> Any:
        self._options = self._options._replace(webhook_secret="x")
        return []


class LosesUnknownEvents(Breaks):
    def receive(self, request: Request) -> Any:
        return [notice for notice in super().receive(request) if notice.kind != "unknown"]


class TriesUnknownWritesAgain(Breaks):
    def write(self, stream: str, edits: Sequence[Edit]) -> Sequence[Receipt]:
        try:
            return super().write(stream, edits)
        except ToolError:
            return super().write(stream, edits)


class RefusesWhenDown(Breaks):
    def check(self) -> Any:
        try:
            return super().check()
        except ToolError as error:
            raise Refused("no") from error


class ShowsItsToken(Breaks):
    def __repr__(self) -> str:
        return f"MemoryConnector({self._options})"


class DescribesNothing(Breaks):
    def describe(self, stream: str) -> Any:
        return replace(super().describe(stream), fields=())


@pytest.mark.parametrize(
    ("wrong", "test"),
    [
        (LosesTheLastOfEachPage, "test_pages_join_up_to_every_record_once"),
        (DoublesAcrossPages, "test_pages_join_up_to_every_record_once"),
        (ForgetsItsCursor, "test_nothing_changed_is_no_news"),
        (KeepsItsPlaceToItself, "test_a_walk_resumes_from_a_stored_cursor"),
        (HidesTombstones, "test_a_delete_shows_as_a_tombstone"),
        (FetchDropsTheMissing, "test_fetch_gives_what_is_there_and_tombstones_for_the_rest"),
        (IgnoresKeys, "test_a_repeated_create_makes_no_second_record"),
        (FindsAnything, "test_find_knows_what_a_create_made"),
        (OverwritesOthers, "test_a_stale_update_is_refused_and_writes_nothing"),
        (OverwritesOthers, "test_a_stale_delete_is_refused"),
        (SendsEverything, "test_an_update_changes_its_fields_and_no_others"),
        (CannotClear, "test_none_clears_a_field"),
        (FailsTheWholeBatch, "test_one_bad_edit_does_not_fail_the_others"),
        (ReceiptsOutOfOrder, "test_the_largest_batch_gives_receipts_in_order"),
        (ReceiptsSayWhatWasSent, "test_a_receipt_says_what_the_tool_holds"),
        (DeletesNothing, "test_a_delete_takes_the_record_away"),
        (BelievesAnySignature, "test_a_changed_body_is_refused"),
        (BelievesAnySignature, "test_an_old_event_is_refused"),
        (LosesUnknownEvents, "test_an_unknown_event_is_shown_not_lost"),
        (TriesUnknownWritesAgain, "test_a_lost_answer_is_unknown_and_can_be_looked_up"),
        (RefusesWhenDown, "test_a_tool_that_is_down_is_unavailable"),
        (ShowsItsToken, "test_secrets_are_never_shown"),
        (DescribesNothing, "test_describe_names_every_field_of_the_default_mapping"),
    ],
)
def test_a_wrong_connector_is_caught(wrong: type[Breaks], test: str, tmp_path: Path) -> None:
    _run(test, MemoryConnector, tmp_path)
    with pytest.raises((AssertionError, ToolError, Failed, KeyError)):
        _run(test, wrong, tmp_path)


def _run(test: str, kind: type[MemoryConnector], folder: Path) -> None:
    """One contract test against one kind of connector."""
    tool = MemoryHarness(folder, VirtualTime(tick=1000))
    tool.start()
    try:
        right = tool.connect

        def connect(settings: Any = None) -> Any:
            made = right(settings)
            return kind(made.tool, made._options)

        tool.connect = connect  # type: ignore[method-assign]
        held: Callable[..., None] = getattr(ContractSuite(), test)
        given = {"tool": tool, "connector": tool.connect(), "stream": STREAM}
        names = held.__code__.co_varnames[1 : held.__code__.co_argcount]
        held(**{name: given[name] for name in names})
    finally:
        tool.close()
