"""Notices and the channels they come through: opened, renewed before they end, stopped; known by a token."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connectors.google_calendar.channels import LIFE, Channel, opened, renewed, stopped
from connectors.google_calendar.test_google_calendar import HOOK, STREAM, TOKEN, Trial
from core.errors import Refused, Unknown
from core.model.instant import DAY, HOUR, SECOND
from core.ports import Notice


def heard(trial: Trial) -> list[Notice]:
    return [notice for request in trial.box.take_events() for notice in trial.connector.receive(request)]


def test_an_open_channel_tells_that_there_is_news_and_not_which(trial: Trial) -> None:
    client = trial.connector.client
    channel = opened(client, HOOK, token=TOKEN)
    assert channel.ends_at - client.clock() > LIFE - HOUR
    assert heard(trial) == [], "the first notice only says that the channel is open"
    trial.meeting()
    (notice,) = heard(trial)
    assert (notice.kind, notice.stream, notice.remote) == ("changed", STREAM, None)
    trial.meeting(2)
    assert [one.event_id for one in heard(trial)] == [f"{channel.id}-3"]


def test_a_renewed_channel_leaves_no_gap_and_no_old_one(trial: Trial) -> None:
    client = trial.connector.client
    first = opened(client, HOOK, token=TOKEN)
    assert not first.is_due(client.clock())
    assert first.is_due(client.clock() + LIFE - DAY // 2)
    second = renewed(client, Channel(**first.to_json()), HOOK, token=TOKEN)
    assert set(trial.box.calendar.watches) == {second.id}
    posts = [one.route for one in trial.box.journal if one.call.method == "POST"][-2:]
    assert posts == ["/calendar/v3/calendars/{calendar_id}/events/watch", "/calendar/v3/channels/stop"]


def test_a_channel_ends_by_itself_and_stopping_it_then_is_no_error(trial: Trial) -> None:
    client = trial.connector.client
    channel = opened(client, HOOK, token=TOKEN, life=HOUR)
    trial.time.sleep(HOUR // SECOND + 1)
    trial.box.take_events()
    trial.meeting()
    assert trial.box.events == []
    stopped(client, channel)
    stopped(client, channel)
    assert trial.box.calendar.watches == {}


def test_an_address_that_is_not_https_is_refused_in_googles_words(trial: Trial) -> None:
    with pytest.raises(Refused, match="HTTPS"):
        opened(trial.connector.client, "http://hub.example.com/hooks/diary", token=TOKEN)


def test_a_lost_answer_leaves_a_channel_that_nobody_knows(trial: Trial) -> None:
    trial.mischief.once("lost_answer")
    with pytest.raises(Unknown):
        opened(trial.connector.client, HOOK, token=TOKEN)
    assert len(trial.box.calendar.watches) == 1
    again = opened(trial.connector.client, HOOK, token=TOKEN)
    assert again.id in trial.box.calendar.watches


@pytest.mark.parametrize("token", ["", "another", "ä", TOKEN + " and more"])
def test_without_its_token_a_notice_is_refused(trial: Trial, token: str) -> None:
    opened(trial.connector.client, HOOK, token=TOKEN)
    (request,) = trial.box.take_events()
    with pytest.raises(Refused):
        trial.connector.receive(replace(request, headers={**request.headers, "x-goog-channel-token": token}))


def test_without_a_token_of_ours_nothing_is_trusted(trial: Trial) -> None:
    opened(trial.connector.client, HOOK, token=TOKEN)
    (request,) = trial.box.take_events()
    with pytest.raises(Refused, match="channel_token"):
        trial.another(channel_token="").receive(request)


def test_a_calendar_that_is_gone_is_looked_at_too(trial: Trial) -> None:
    opened(trial.connector.client, HOOK, token=TOKEN)
    (watch,) = trial.box.calendar.watches.values()
    (notice,) = trial.connector.receive(trial.box.notice(trial.box.calendar, watch, "not_exists"))
    assert (notice.kind, notice.stream) == ("changed", STREAM)
