"""The contract about webhooks: verified over the raw bytes, pure, and never surprised by an event."""

# ruff: noqa: S101 -- assertions are what this module is for
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from connectors._kit.contract.base import Tests, add, point
from connectors._kit.contract.harness import Harness
from connectors._kit.quality import Point
from core.errors import Garbled, Refused
from core.model.instant import SECOND


class ReceivingTests(Tests):
    """`receive`."""

    @point(Point.WEBHOOKS, "webhook")
    def test_a_signed_event_becomes_a_notice(self, tool: Harness, connector: Any) -> None:
        stream = next(iter(tool.harness_streams))
        (id_,) = add(tool, stream, 1)
        notices = connector.receive(tool.webhook(stream, id_))
        if not tool.notices_name_records:
            assert [(one.kind, one.stream, one.remote) for one in notices] == [("changed", stream, None)]
            assert notices[0].event_id
            return
        named = [notice for notice in notices if notice.remote is not None and _leads(connector, notice, id_)]
        assert named, "the notice names the record, or an id from which a direct read leads to it"
        assert named[0].stream == stream
        assert named[0].event_id

    @point(Point.WEBHOOKS, "webhook")
    def test_the_same_event_has_the_same_id(self, tool: Harness, connector: Any) -> None:
        request = self._event(tool)
        first, again = connector.receive(request), connector.receive(request)
        assert [notice.event_id for notice in first] == [notice.event_id for notice in again]

    @point(Point.WEBHOOKS, "webhook")
    def test_a_changed_body_is_refused(self, tool: Harness, connector: Any) -> None:
        request = self._event(tool)
        with pytest.raises(Refused):
            connector.receive(replace(request, body=request.body + b" "))

    @point(Point.WEBHOOKS, "webhook")
    def test_an_unsigned_event_is_refused(self, tool: Harness, connector: Any) -> None:
        request = self._event(tool)
        with pytest.raises(Refused):
            connector.receive(replace(request, headers={"content-type": "application/json"}))

    @point(Point.WEBHOOKS, "webhook")
    def test_an_old_event_is_refused(self, tool: Harness, connector: Any) -> None:
        request, webhook = self._event(tool), tool.manifest.webhook
        if webhook is None or not webhook.max_age:
            pytest.skip(f"{tool.connector} signs no time")
        late = request.received_at + int((webhook.max_age + 60) * SECOND)
        with pytest.raises(Refused):
            connector.receive(replace(request, received_at=late))

    @point(Point.WEBHOOKS, "webhook")
    def test_an_unknown_event_is_shown_not_lost(self, tool: Harness, connector: Any) -> None:
        notices = connector.receive(tool.unknown_webhook())
        assert [notice.kind for notice in notices] == ["unknown"]
        assert notices[0].note

    @point(Point.WEBHOOKS, "webhook")
    def test_nonsense_is_an_error_of_ours(self, tool: Harness, connector: Any) -> None:
        request = self._event(tool)
        nonsense = {b"", b"{", b"[]", b"null", b'{"a": 1}', b"\xff\xfe"} - {request.body}
        for body in sorted(nonsense):
            with pytest.raises((Refused, Garbled)):
                connector.receive(replace(request, body=body))

    def _event(self, tool: Harness) -> Any:
        stream = next(iter(tool.harness_streams))
        return tool.webhook(stream, tool.create(stream, tool.sample(stream, 1)))


def _leads(connector: Any, notice: Any, id_: str) -> bool:
    """Whether a notice is about this record, perhaps under another of its names."""
    if notice.remote.id == id_:
        return True
    found = {remote.id: remote for remote in connector.fetch(notice.stream, [notice.remote.id])}
    return id_ in found and found[notice.remote.id].moved_to == id_
