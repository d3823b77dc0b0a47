"""Notices and the channels they come through: opened, stopped, over by themselves; known by a token."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connectors.google_calendar.channels import LIFE, opened, stopped
from connectors.google_calendar.test_google_calendar import HOOK, STREAM, TOKEN, Trial, order
from core.errors import Refused, Unknown
from core.model.instant import HOUR, SECOND
from core.ports import Notice, Secrets, Subscription


def heard(trial: Trial) -> list[Notice]:
    return [notice for request in trial.box.take_events() for notice in trial.connector.receive(request)]


def test_an_open_channel_tells_that_there_is_news_and_not_which(trial: Trial) -> None:
    client = trial.connector.client
    channel = opened(client, order())
    assert channel.ends_at is not None
    assert channel.ends_at - client.clock() > LIFE - HOUR
    assert heard(trial) == [], "the first notice only says that the channel is open"
    trial.meeting()
    (notice,) = heard(trial)
    assert (notice.kind, notice.stream, notice.remote) == ("changed", STREAM, None)
    trial.meeting(2)
    assert [one.event_id for one in heard(trial)] == [f"{channel.id}-3"]


def test_a_renewed_channel_leaves_no_gap(trial: Trial) -> None:
    first = trial.connector.subscribe(order("1"))
    second = trial.connector.renew(first, order("2"))
    assert set(trial.box.calendar.watches) == {"1", "2"}
    trial.connector.unsubscribe(first)
    assert set(trial.box.calendar.watches) == {second.id}


def test_a_channel_ends_by_itself_and_stopping_it_then_is_no_error(trial: Trial) -> None:
    client = trial.connector.client
    channel = opened(client, order(), life=HOUR)
    trial.time.sleep(HOUR // SECOND + 1)
    trial.box.take_events()
    trial.meeting()
    assert trial.box.events == []
    stopped(client, channel)
    stopped(client, channel)
    assert trial.box.calendar.watches == {}


def test_an_address_that_is_not_https_is_refused_in_googles_words(trial: Trial) -> None:
    with pytest.raises(Refused, match="HTTPS"):
        opened(trial.connector.client, order(address="http://hub.example.com/hooks/diary"))


def test_a_channel_that_nobody_knows_is_stopped_with_what_its_successor_tells(trial: Trial) -> None:
    trial.mischief.once("lost_answer")
    with pytest.raises(Unknown):
        trial.connector.subscribe(order("lost"))
    trial.connector.unsubscribe(Subscription("lost", HOOK))
    assert set(trial.box.calendar.watches) == {"lost"}, "nothing is known of it yet"
    again = trial.connector.subscribe(order("again"))
    trial.connector.unsubscribe(Subscription("lost", HOOK, kept=again.kept))
    assert set(trial.box.calendar.watches) == {"again"}


def test_when_it_ends_is_told_by_our_clock(trial: Trial) -> None:
    trial.box.skew = 90 * SECOND
    trial.connector.check()
    channel = trial.connector.subscribe(order())
    assert channel.ends_at is not None
    assert abs(channel.ends_at - trial.time() - LIFE) < 5 * SECOND


def test_any_of_the_tokens_is_good(trial: Trial) -> None:
    opened(trial.connector.client, order())
    trial.box.take_events()
    trial.meeting()
    (request,) = trial.box.take_events()
    other = trial.another(channel_token="another")
    with pytest.raises(Refused):
        other.receive(replace(request, secrets=[Secrets("a third")]))
    assert other.receive(replace(request, secrets=[Secrets("a third"), Secrets(TOKEN)]))


@pytest.mark.parametrize("token", ["", "another", "ä", TOKEN + " and more"])
def test_without_its_token_a_notice_is_refused(trial: Trial, token: str) -> None:
    opened(trial.connector.client, order())
    (request,) = trial.box.take_events()
    with pytest.raises(Refused):
        trial.connector.receive(replace(request, headers={**request.headers, "x-goog-channel-token": token}))


def test_without_a_token_of_ours_nothing_is_trusted(trial: Trial) -> None:
    opened(trial.connector.client, order())
    (request,) = trial.box.take_events()
    with pytest.raises(Refused, match="no channel's token"):
        trial.another(channel_token="").receive(request)


def test_a_calendar_that_is_gone_is_looked_at_too(trial: Trial) -> None:
    opened(trial.connector.client, order())
    (watch,) = trial.box.calendar.watches.values()
    (notice,) = trial.connector.receive(trial.box.notice(trial.box.calendar, watch, "not_exists"))
    assert (notice.kind, notice.stream) == ("changed", STREAM)
