"""Looking around: scopes, the calendar and its role, and what an admin can do about each."""

from __future__ import annotations

import pytest

from connectors._kit.oauth import KeptTokens, Tokens
from connectors.google_calendar.sandbox_base import LISTS, WRITES
from connectors.google_calendar.test_google_calendar import STREAM, Trial, new
from connectors.google_calendar.trouble import NOT_ENABLED
from core.errors import ConfigError, Forbidden, SignedOut, Unsupported

CREW = "crew@group.calendar.google.com"


def told(trial: Trial, **more: str) -> str:
    return "\n".join(f"{one.what} {one.remedy}" for one in trial.another(**more).check().findings)


def test_the_accounts_own_calendar_is_named_by_its_real_id(trial: Trial) -> None:
    checkup = trial.connector.check()
    assert checkup.ok
    assert checkup.account == trial.box.user
    assert f"Put {trial.box.user} into `calendar`" in told(trial)
    assert "Put" not in told(trial, calendar=trial.box.user)


def test_another_calendar_by_its_id(trial: Trial) -> None:
    trial.box.add_calendar(CREW, "Crew", role="writer")
    checkup = trial.another(calendar=CREW).check()
    assert checkup.ok
    assert checkup.account == f"Crew, of {trial.box.user}"


def test_a_calendar_that_is_not_in_the_list_is_answered_with_those_that_are(trial: Trial) -> None:
    for number in range(130):
        trial.box.add_calendar(f"c{number}@group.calendar.google.com", f"Calendar {number}")
    checkup = trial.another(calendar="lost@group.calendar.google.com").check()
    assert not checkup.ok
    assert f"{trial.box.user} (Anna)" in checkup.findings[-1].what


@pytest.mark.parametrize("role", ["reader", "freeBusyReader"])
def test_a_calendar_for_reading_only_says_who_can_change_that(trial: Trial, role: str) -> None:
    trial.box.add_calendar(CREW, "Crew", role=role)
    checkup = trial.another(calendar=CREW).check()
    (bad,) = [one for one in checkup.findings if not one.ok]
    assert "Make changes to events" in bad.remedy
    with pytest.raises(Forbidden):
        raise trial.another(calendar=CREW).write(STREAM, [new()])[0].error or AssertionError


@pytest.mark.parametrize(("missing", "kept"), [(WRITES, LISTS), (LISTS, WRITES)])
def test_a_scope_that_was_not_agreed_to_is_named_with_its_remedy(trial: Trial, missing: str, kept: str) -> None:
    trial.box.scopes = {kept}
    checkup = trial.another().check()
    (bad,) = [one for one in checkup.findings if not one.ok]
    assert missing in bad.what
    assert "Sign in anew" in bad.remedy


def test_a_wider_scope_holds_the_narrower(trial: Trial) -> None:
    trial.box.scopes = {"https://www.googleapis.com/auth/calendar", WRITES, LISTS}
    checkup = trial.another().check()
    assert checkup.ok


def test_an_api_that_nobody_switched_on_says_where_to(trial: Trial) -> None:
    trial.box.enabled = False
    with pytest.raises(Forbidden) as caught:
        trial.connector.check()
    assert caught.value.error_code == NOT_ENABLED
    assert "Enable" in caught.value.remedy


def test_a_refresh_token_that_was_taken_back_asks_to_sign_in(trial: Trial) -> None:
    trial.box.refresh_token = "1//another"
    with pytest.raises(SignedOut) as caught:
        trial.connector.read(STREAM, None)
    assert "invalid_grant" in caught.value.message
    assert "concord connect" in caught.value.remedy


def test_a_token_is_renewed_ahead_of_its_end_and_after_a_401(trial: Trial) -> None:
    trial.walk()
    trial.time.sleep(3500)
    trial.walk()
    trial.box.sign_out()
    trial.walk()
    assert len(trial.box.calls("POST", "/token")) == 3


def test_a_refresh_token_that_was_replaced_is_kept_before_use() -> None:
    saved: dict[str, str] = {}
    kept = KeptTokens("first", saved.__setitem__)
    assert kept.swap(0, Tokens("access", refresh="second"))
    assert saved == {"refresh_token": "second"}


def test_a_connection_without_a_sign_in_says_what_it_lacks(trial: Trial) -> None:
    with pytest.raises(ConfigError, match="refresh_token"):
        trial.another(refresh_token="")


def test_mails_are_spoken_of(trial: Trial) -> None:
    assert "Guests get no mail" in told(trial)
    assert "send_updates: all" in told(trial, send_updates="all")


def test_another_stream_is_not_there(trial: Trial) -> None:
    with pytest.raises(Unsupported):
        trial.connector.describe("tasks")
