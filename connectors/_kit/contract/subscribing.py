"""The contract about subscriptions: made, heard, renewed, mended and taken away by call, and never two in the end."""

# ruff: noqa: S101 -- assertions are what this module is for
from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from connectors._kit.contract.base import Tests, point
from connectors._kit.contract.harness import Harness
from connectors._kit.contract.words import needs_switch, shown_anywhere, troublemaker
from connectors._kit.mischief import Switch
from connectors._kit.quality import Point
from core.errors import Refused, Unknown
from core.ports import Notice, Order, Secrets, Subscribes, Subscription

_HOME, _ELSEWHERE = "https://hub.example.org/hooks/contract", "https://elsewhere.example.org/hooks/contract"


class SubscribingTests(Tests):
    """`Subscribes`: each call alone, and the trips that the hub makes of them."""

    @pytest.fixture
    def subscriber(self, tool: Harness, connector: Any) -> Iterator[Subscribes]:
        """A connection to a tool that calls nobody of ours yet."""
        assert not _ours(tool)
        return connector  # type: ignore[no-any-return]

    @point(Point.WEBHOOKS, "subscribes")
    def test_one_that_is_made_is_there_with_its_secrets(self, tool: Harness, subscriber: Any) -> None:
        made = subscriber.subscribe(_order(1))
        assert _ours(tool) == [_HOME]
        assert (made.address, made.fault) == (_HOME, "")
        secrets = [one for one in (made.secrets.chosen, made.secrets.told) if one]
        assert secrets, "its notices are known by something"
        assert not [one for one in secrets if shown_anywhere(made, one) or shown_anywhere(_order(1), one)]

    @point(Point.WEBHOOKS, "subscribes")
    def test_what_it_tells_is_believed_by_its_own_secrets_alone(self, tool: Harness, subscriber: Any) -> None:
        made = subscriber.subscribe(_order(1))
        assert _heard(tool, subscriber, [made.secrets]), "a change is told, and believed"
        _change(tool)
        for request in _told(tool, _HOME):
            with pytest.raises(Refused):
                subscriber.receive(request)
            other = Secrets("another" if made.secrets.chosen else "", "another" if made.secrets.told else "")
            with pytest.raises(Refused):
                subscriber.receive(replace(request, secrets=[other]))

    @point(Point.WEBHOOKS, "subscribes")
    def test_it_is_listed_without_its_secrets_where_the_tool_lists(self, tool: Harness, subscriber: Any) -> None:
        made, listed = subscriber.subscribe(_order(1)), _listed(tool, subscriber)
        (found,) = [one for one in listed if one.address == _HOME]
        assert (found.id, found.fault) == (made.id, "")
        assert found.secrets == Secrets()

    @point(Point.WEBHOOKS, "subscribes")
    def test_a_renewed_one_is_heard_and_so_is_the_old_one_until_it_goes(self, tool: Harness, subscriber: Any) -> None:
        old = subscriber.subscribe(_order(1))
        made = subscriber.renew(old, _order(2))
        assert _heard(tool, subscriber, [made.secrets, old.secrets])
        if made.id != old.id:
            subscriber.unsubscribe(old)
        assert _ours(tool) == [_HOME]
        assert _heard(tool, subscriber, [made.secrets])
        if old.ends_at is not None:
            assert made.ends_at is not None
            assert made.ends_at > old.ends_at, "it has a new term"

    @point(Point.WEBHOOKS, "subscribes")
    def test_one_that_is_wanted_elsewhere_is_there_alone(self, tool: Harness, subscriber: Any) -> None:
        old = subscriber.subscribe(_order(1))
        made = subscriber.renew(old, _order(2, _ELSEWHERE))
        if made.id != old.id:
            subscriber.unsubscribe(old)
        assert (made.address, _ours(tool)) == (_ELSEWHERE, [_ELSEWHERE])
        assert _heard(tool, subscriber, [made.secrets], _ELSEWHERE)

    @point(Point.WEBHOOKS, "subscribes")
    def test_one_that_the_tool_switched_off_is_seen_and_mended(self, tool: Harness, subscriber: Any) -> None:
        old = subscriber.subscribe(_order(1))
        if not tool.switch_off():
            pytest.skip(f"{tool.connector} switches nothing off, or does not tell")
        (found,) = [one for one in _listed(tool, subscriber) if one.address == _HOME]
        assert found.fault, "the list says what is wrong with it"
        made = subscriber.renew(replace(found, kept=old.kept, secrets=old.secrets), _order(2))
        if made.id != old.id:
            subscriber.unsubscribe(old)
        assert made.fault == ""
        assert _heard(tool, subscriber, [made.secrets])

    @point(Point.WEBHOOKS, "subscribes")
    def test_one_that_is_gone_can_be_renewed_and_taken_away_again(self, tool: Harness, subscriber: Any) -> None:
        old = subscriber.subscribe(_order(1))
        subscriber.unsubscribe(old)
        subscriber.unsubscribe(old)
        assert _ours(tool) == []
        made = subscriber.renew(old, _order(2))
        assert _ours(tool) == [_HOME]
        assert _heard(tool, subscriber, [made.secrets])
        subscriber.unsubscribe(made)
        assert _ours(tool) == []

    @point(Point.WEBHOOKS, "subscribes")
    def test_a_lost_answer_leaves_one_and_not_two(self, tool: Harness, subscriber: Any) -> None:
        mischief = troublemaker(tool)
        mischief.once(Switch.LOST_ANSWER)
        try:
            subscriber.subscribe(_order(1))
        except Unknown:
            pass
        else:
            needs_switch(mischief, Switch.LOST_ANSWER)
        listed = subscriber.subscriptions()
        if listed is None:
            made = subscriber.subscribe(_order(2))
            subscriber.unsubscribe(Subscription(_order(1).key, _HOME, kept=made.kept))
        else:
            (lost,) = [one for one in listed if one.address == _HOME]
            made = subscriber.renew(lost, _order(2))
            if made.id != lost.id:
                subscriber.unsubscribe(lost)
        assert _ours(tool) == [_HOME]
        assert _heard(tool, subscriber, [made.secrets])


def _order(number: int, address: str = _HOME) -> Order:
    return Order(address, f"{number:032x}", f"a-secret-of-the-hub-that-is-long-enough-{number:03}")


def _ours(tool: Harness) -> list[str]:
    return [one for one in tool.called() if one in (_HOME, _ELSEWHERE)]


def _listed(tool: Harness, subscriber: Subscribes) -> list[Subscription]:
    listed = subscriber.subscriptions()
    if listed is None:
        pytest.skip(f"{tool.connector} lists no subscriptions")
    return list(listed)


def _change(tool: Harness) -> None:
    """A person does something that the tool tells."""
    tool.sent()
    stream = next(iter(tool.harness_streams))
    tool.edit(stream, tool.create(stream, tool.sample(stream, 1 + tool.count(stream))), tool.change(stream, 1))


def _told(tool: Harness, address: str) -> list[Any]:
    return [one for one in tool.sent() if one.url.partition("?")[0] == address and one.method == "POST"]


def _heard(tool: Harness, subscriber: Any, secrets: Iterable[Secrets], address: str = _HOME) -> list[Notice]:
    """The notices of a person's change, as they are believed."""
    _change(tool)
    known = list(secrets)
    return [notice for one in _told(tool, address) for notice in subscriber.receive(replace(one, secrets=known))]
