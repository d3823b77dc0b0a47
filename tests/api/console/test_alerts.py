"""The page of alerts: what stands, who was told, one put off by an operator, and a trial by an admin."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from pydantic import SecretStr

from api import alerting
from tests.api.console.conftest import Browser
from tests.api.test_alerting import Hook, goes_on, rests, told_by
from tests.support import Lab


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def resting(lab: Lab) -> Lab:
    """A hub whose only connection rests, for some minutes."""
    lab.tool("crm")
    rests(lab)
    look(lab)
    look(lab, 3)
    return lab


def look(lab: Lab, minutes: int = 0) -> None:
    lab.wait(60 * minutes)
    alerting.look(lab.installation)


def test_who_has_no_way_to_hear_is_told_what_to_do(lab: Lab, admin: Browser):
    said = admin.read("alerts")
    assert "Nothing is wrong." in said
    assert "Nobody hears of anything yet." in said
    assert 'href="/console/settings/alerts"' in admin.open("alerts").text
    refused = admin.post("alerts/trial")
    assert refused.status_code == 400
    assert "Nobody is told of anything." in refused.text


def test_what_stands_says_since_when_who_was_told_and_when_again(lab: Lab, hook: Hook, admin: Browser):
    told_by(lab, alert_slack=SecretStr(hook.address))
    lab.tool("crm")
    rests(lab)
    look(lab)
    assert "Not told yet. Told first at" in admin.read("alerts")
    look(lab, 3)
    said = admin.read("alerts")
    assert "crm rests: signed out" in said
    assert " by slack. Told again at" in said
    assert "secret" not in admin.open("alerts").text
    goes_on(lab)
    look(lab)
    look(lab, 3)
    said = admin.read("alerts")
    assert "Nothing is wrong." in said
    assert said.index("Over lately") < said.index("crm rests: signed out") < said.index("Ways to hear")


def test_an_operator_puts_one_off_and_says_why(resting: Lab, someone: Callable[[str], Browser]):
    operator, viewer = someone("operator"), someone("viewer")
    form = {"kind": "connection", "where": "crm", "until": "3d", "why": "Priya signs in on Monday"}
    assert viewer.post("alerts/quiet", **form).status_code == 403
    for wrong in ({"why": ""}, {"until": "soon"}, {"until": "2001-01-01 10:00"}, {"kind": "lag"}):
        assert operator.post("alerts/quiet", **(form | wrong)).status_code == 400
    assert operator.post("alerts/quiet", **form).status_code == 303
    said = operator.read("alerts")
    assert "Put off by Operator until" in said
    assert "Priya signs in on Monday" in said
    look(resting, 5 * 60)
    assert "Put off" in operator.read("alerts")
    assert operator.post("alerts/quiet", kind="connection", where="crm", act="end").status_code == 303
    assert "Put off by" not in operator.read("alerts")
    trail = someone("admin").read("trail")
    assert "put an alert off" in trail
    assert "tell an alert again" in trail


def test_an_admin_sees_what_each_way_answers_a_trial(
    resting: Lab, hook: Hook, admin: Browser, someone: Callable[[str], Browser]
):
    told_by(resting, alert_slack=SecretStr(hook.address), alert_webhook=SecretStr(hook.address))
    assert someone("operator").post("alerts/trial").status_code == 403
    done = admin.post("alerts/trial")
    page = done.headers["location"].removeprefix("/console/")
    assert "Slack: answered 200" in admin.read(page)
    assert "This is a test" in hook.bodies[0]["text"]
    hook.status = 404
    admin.post("alerts/trial")
    said = admin.read(page)
    assert "Slack: The hook answered 404." in said
    assert "Webhook: The hook answered 404." in said
