"""The contract about messages to people: a receipt each, one id for one key, and no word about what is uncertain."""

# ruff: noqa: S101 -- assertions are what this module is for
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from connectors._kit.contract.base import Tests, point
from connectors._kit.contract.harness import Harness
from connectors._kit.contract.words import needs_switch, shown_anywhere, troublemaker
from connectors._kit.mischief import Switch
from connectors._kit.quality import Point
from core.errors import Refused, SignedOut, Throttled, ToolError, Unavailable, Unknown
from core.ports import Message, Receipt


class SendingTests(Tests):
    """`send` and `sent`."""

    @point(Point.WRITING, "sends")
    def test_no_messages_are_no_receipts(self, tool: Harness, connector: Any) -> None:
        assert list(connector.send([])) == []
        assert tool.arrived() == []

    @point(Point.WRITING, "sends")
    def test_messages_get_one_receipt_each_in_order(self, tool: Harness, connector: Any) -> None:
        messages = [tool.message(number) for number in range(5)]
        receipts = _taken(connector.send(messages))
        assert len({receipt.remote_id for receipt in receipts}) == len(messages)
        wanted = [(message.to, receipt.remote_id) for message, receipt in zip(messages, receipts, strict=True)]
        assert tool.arrived() == wanted

    @point(Point.CREATES_ONCE, "sends")
    def test_a_repeated_message_is_known_by_its_id(self, tool: Harness, connector: Any) -> None:
        (first,) = _taken(connector.send([tool.message(1)]))
        again = tool.connect()
        (second,) = _taken(again.send([tool.message(1)]))
        again.close()
        assert second.remote_id == first.remote_id
        assert {id_ for _, id_ in tool.arrived()} == {first.remote_id}

    @point(Point.ERRORS, "sends")
    def test_a_refused_recipient_fails_alone(self, tool: Harness, connector: Any) -> None:
        bad = tool.refused_message()
        if bad is None:
            pytest.skip(f"{tool.connector} takes every message")
        receipts = connector.send([tool.message(1), bad, tool.message(2)])
        _taken([receipts[0], receipts[2]])
        assert isinstance(receipts[1].error, Refused)
        assert [to for to, _ in tool.arrived()] == [tool.message(1).to, tool.message(2).to]

    @point(Point.ERRORS, "sends")
    @pytest.mark.parametrize("name", ["to", "subject", "reply_to", "unsubscribe"])
    def test_no_header_can_be_smuggled_in(self, tool: Harness, connector: Any, name: str) -> None:
        plain = replace(tool.message(1), reply_to="help@example.com", unsubscribe="https://example.com/u/1")
        for sign in ("\r\n", "\n", "\r", "\u2028"):
            wrong = replace(plain, **{name: f"{getattr(plain, name)}{sign}Bcc: victim@example.net"})
            (receipt,) = connector.send([wrong])
            assert isinstance(receipt.error, Refused), f"{name} with {sign!r}"
        assert tool.arrived() == []

    @point(Point.SECRETS, "sends", "auth")
    def test_nothing_is_sent_without_a_sign_in(self, tool: Harness) -> None:
        wrong = tool.wrong_settings()
        connector = tool.connect(wrong)
        error = sending_error(connector, [tool.message(1)])
        connector.close()
        assert isinstance(error, SignedOut)
        secrets = [str(wrong[name]) for name in tool.manifest.secrets if wrong.get(name)]
        assert not [secret for secret in secrets if shown_anywhere(error, secret)]
        assert tool.arrived() == []

    @point(Point.ERRORS, "sends")
    def test_nobody_to_send_through_is_unavailable(self, tool: Harness, connector: Any) -> None:
        tool.take_down()
        assert isinstance(sending_error(connector, [tool.message(1), tool.message(2)]), Unavailable)

    @point(Point.ERRORS, "sends")
    @pytest.mark.parametrize("switch", [Switch.UNAVAILABLE, Switch.THROTTLED])
    def test_a_message_that_was_turned_away_did_not_go(self, tool: Harness, connector: Any, switch: Switch) -> None:
        mischief = troublemaker(tool)
        mischief.chances[switch] = 1.0
        error = sending_error(connector, [tool.message(1), tool.message(2)])
        assert isinstance(error, Unavailable | Throttled)
        mischief.calm()
        assert tool.arrived() == []

    @point(Point.MISCHIEF, "sends")
    def test_a_lost_answer_to_a_message_is_unknown(self, tool: Harness, connector: Any) -> None:
        mischief = troublemaker(tool)
        mischief.once(Switch.LOST_ANSWER)
        messages = [tool.message(1), tool.message(2)]
        receipts = connector.send(messages)
        needs_switch(mischief, Switch.LOST_ANSWER)
        assert isinstance(receipts[0].error, Unknown), "only the tool knows whether it went"
        _taken(receipts[1:])
        assert connector.sent(messages[0].key) in (True, None), "it did go"
        assert connector.sent("another key") in (False, None)
        assert [to for to, _ in tool.arrived()] == [message.to for message in messages]

    @point(Point.MISCHIEF, "sends")
    def test_a_message_that_was_not_taken_is_its_own_receipt(self, tool: Harness, connector: Any) -> None:
        mischief = troublemaker(tool)
        mischief.once(Switch.PARTIAL)
        receipts = connector.send([tool.message(number) for number in range(3)])
        needs_switch(mischief, Switch.PARTIAL)
        _taken(receipt for receipt in receipts if receipt.error is None)
        assert [receipt.error is None for receipt in receipts].count(False) == 1
        assert len(tool.arrived()) == 2


def sending_error(connector: Any, messages: Sequence[Message]) -> ToolError | None:
    """What went wrong with the first message, whether it was raised or said in a receipt; None when it went out."""
    try:
        receipts: Sequence[Receipt] = connector.send(messages)
    except ToolError as error:
        return error
    return receipts[0].error


def _taken(receipts: Any) -> list[Receipt]:
    """The receipts, all of which must be good."""
    held: list[Receipt] = list(receipts)
    errors = [str(receipt.error) for receipt in held if receipt.error is not None]
    assert not errors, f"the tool did not take: {errors}"
    assert all(receipt.remote_id for receipt in held), "a good receipt names the message"
    return held
