"""The contract about sending bites: each way of being wrong is caught by the test that is there for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connectors._kit.clock import VirtualTime
from connectors._kit.contract import ContractSuite
from connectors.smtp.connector import Mail
from connectors.smtp.test_smtp import MailHarness
from core.errors import Refused, SignedOut, ToolError, Unknown
from core.ports import Context, Message, Receipt


class NamesEachMailAnew(Mail):
    count = 0

    def send(self, messages: Sequence[Message]) -> Sequence[Receipt]:
        NamesEachMailAnew.count += 1
        return super().send([replace(one, key=f"{one.key} {self.count}") for one in messages])


class AnswersOutOfOrder(Mail):
    def send(self, messages: Sequence[Message]) -> Sequence[Receipt]:
        return list(reversed(super().send(messages)))


class FailsTheWholeBatch(Mail):
    def send(self, messages: Sequence[Message]) -> Sequence[Receipt]:
        receipts = super().send(messages)
        error = next((receipt.error for receipt in receipts if receipt.error), None)
        return [Receipt(error=error)] * len(receipts) if error else receipts


class MendsHeaders(Mail):
    def send(self, messages: Sequence[Message]) -> Sequence[Receipt]:
        names = ("to", "subject", "reply_to", "unsubscribe")
        mended = [replace(one, **{name: (getattr(one, name) or "").split()[0] for name in names}) for one in messages]
        return super().send(mended)


class SaysItIsRefused(Mail):
    def send(self, messages: Sequence[Message]) -> Sequence[Receipt]:
        try:
            return super().send(messages)
        except ToolError as error:
            raise Refused(str(error)) from error


class ShowsThePassword(Mail):
    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._told = context.settings["password"]

    def send(self, messages: Sequence[Message]) -> Sequence[Receipt]:
        try:
            return super().send(messages)
        except SignedOut as error:
            raise SignedOut(f"{error} with {self._told}") from error


class TriesUnknownAgain(Mail):
    def send(self, messages: Sequence[Message]) -> Sequence[Receipt]:
        return [
            receipt if not isinstance(receipt.error, Unknown) else super(TriesUnknownAgain, self).send([message])[0]
            for message, receipt in zip(messages, super().send(messages), strict=True)
        ]


class SaysItWasNotSent(Mail):
    def sent(self, key: str) -> bool | None:
        return False


@pytest.mark.parametrize(
    ("wrong", "test", "more"),
    [
        (NamesEachMailAnew, "test_a_repeated_message_is_known_by_its_id", {}),
        (AnswersOutOfOrder, "test_messages_get_one_receipt_each_in_order", {}),
        (FailsTheWholeBatch, "test_a_refused_recipient_fails_alone", {}),
        (MendsHeaders, "test_no_header_can_be_smuggled_in", {"name": "subject"}),
        (SaysItIsRefused, "test_nobody_to_send_through_is_unavailable", {}),
        (SaysItIsRefused, "test_nothing_is_sent_without_a_sign_in", {}),
        (ShowsThePassword, "test_nothing_is_sent_without_a_sign_in", {}),
        (TriesUnknownAgain, "test_a_lost_answer_to_a_message_is_unknown", {}),
        (SaysItWasNotSent, "test_a_lost_answer_to_a_message_is_unknown", {}),
    ],
)
def test_a_wrong_sender_is_caught(wrong: type[Mail], test: str, more: dict[str, Any], tmp_path: Path) -> None:
    _run(test, Mail, tmp_path, more)
    with pytest.raises((AssertionError, ToolError)):
        _run(test, wrong, tmp_path, more)


def _run(test: str, kind: type[Mail], folder: Path, more: dict[str, Any]) -> None:
    """One contract test against one kind of connector."""

    class Tool(MailHarness):
        def connect(self, settings: Any = None) -> Any:
            made = kind(Context("bites", settings or self.settings(), self.time, sleep=self.time.sleep))
            self.connectors.append(made)
            return made

    tool = Tool(folder, VirtualTime(tick=1000))
    tool.start()
    try:
        held: Callable[..., None] = getattr(ContractSuite(), test)
        given = {"tool": tool, "connector": tool.connect(), **more}
        names = held.__code__.co_varnames[1 : held.__code__.co_argcount]
        held(**{name: given[name] for name in names})
    finally:
        tool.close()
