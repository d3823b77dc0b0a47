"""Signing in and looking around: by key and by token, with the audiences named where the choice is still open."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.mailchimp.connector import build
from connectors.mailchimp.test_mailchimp import HOOK, Trial
from core.errors import ConfigError, SignedOut
from core.ports import Context


@pytest.fixture
def trial() -> Iterator[Trial]:
    made = Trial()
    yield made
    made.close()


def said(trial: Trial, **settings: object) -> str:
    return " ".join(f"{one.what} {one.remedy}" for one in trial.connect(**settings).check().findings)


def test_the_audiences_are_listed_where_none_is_chosen_or_a_wrong_one(trial: Trial) -> None:
    trial.box.add_audience("Wholesale", "bbbbbbbbbb")
    for audience in ("", "cccccccccc"):
        checkup = trial.connect(audience=audience).check()
        assert not checkup.ok
        (missing,) = [one for one in checkup.findings if not one.ok]
        assert "Newsletter: a1b2c3d4e5; Wholesale: bbbbbbbbbb" in missing.what
        assert "audience" in missing.remedy
    checkup = trial.connector.check()
    assert checkup.ok
    assert checkup.account == "Bluebird Supplies: Newsletter"


def test_what_would_surprise_somebody_is_said_before(trial: Trial) -> None:
    audience = trial.box.audience
    audience.add_merge("COMPANY", "Company", "text", required=True)
    audience.add_merge("FAX", "Fax", "phone", options={"phone_format": "US"})
    audience.marketing_permissions = True
    told = said(trial)
    assert "Mailchimp refuses whoever has no COMPANY" in told
    assert "FAX takes numbers of the USA only" in told
    assert "marketing permissions" in told
    assert "confirmation mail" in told
    assert "refuses whoever" not in said(trial, skip_required=True)
    assert "subscribed at once" in said(trial, grant="subscribed")


def test_webhooks_are_looked_at(trial: Trial) -> None:
    assert "our own writes" not in said(trial)
    trial.box.subscribe(HOOK, api=True)
    assert "our own writes included" in said(trial)


def test_a_key_names_its_data_centre() -> None:
    def base(**settings: str) -> str:
        connector = build(Context("none", settings, clock=lambda: 0))
        url = connector._client.http.base_url
        connector.close()
        return url

    assert base(api_key="0123-us19") == "https://us19.api.mailchimp.com/3.0/"
    for key in ("0123", "0123-", "0123-evil.example/x", "us19"):
        with pytest.raises(ConfigError, match="data centre"):
            base(api_key=key)
    with pytest.raises(ConfigError, match="access token"):
        base()


def test_a_token_is_asked_where_its_account_is_and_only_once(trial: Trial) -> None:
    settings = {"api_key": "", "url": "", "access_token": trial.box.token, "login_url": trial.box.url}
    connector = trial.connect(**settings)
    for _ in range(2):
        assert connector.check().ok
    (asked,) = trial.box.calls("GET", "/oauth2/metadata")
    assert asked.call.headers["authorization"] == f"OAuth {trial.box.token}"
    with pytest.raises(SignedOut):
        trial.connect(**{**settings, "access_token": "another-token"}).check()


def test_a_key_of_another_data_centre_is_signed_out(trial: Trial) -> None:
    with pytest.raises(SignedOut, match="data cent"):
        trial.connect(api_key="0123456789abcdef-us7").check()
