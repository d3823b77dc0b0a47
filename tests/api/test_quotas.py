"""The tools' limits as people see them: status, page and alerts; and refusals go out while all else waits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from api import alerting
from api.snapshot import snapshot
from connectors._kit.accounts import Meter
from connectors._kit.allowance import terms
from connectors._kit.limits import Learnt
from core.decide.alerting import Alerting
from core.errors import USED_UP, Throttled
from core.flow.hub import Connection, Hub
from core.flow.outward.booking import Delivered
from core.flow.outward.outbound import deliver_refusals
from core.model.instant import iso
from tests.support import Lab


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with Lab(tmp_path / "data") as made:
        made.tool("crm")
        yield made


@pytest.fixture
def metered(lab: Lab) -> Meter:
    return lab.installation.accounts.meter("crm", "crm 1", terms(100, 10, daily=1000))


def troubles(lab: Lab) -> list[str]:
    state = snapshot(lab.installation)
    return [one.says for one in alerting.troubles_of(state, Alerting()) if one.kind == "quota"]


def test_before_anything_was_called_nothing_is_known(lab: Lab) -> None:
    assert snapshot(lab.installation)["connections"][0]["calls"] is None


def test_the_status_shows_what_is_used_left_and_reserved(lab: Lab, metered: Meter) -> None:
    metered.learn(Learnt(600, 3600, allowed=1000), metered.take())
    metered.answered(True)
    calls = snapshot(lab.installation)["connections"][0]["calls"]
    told = {name: calls[name] for name in ("allowed", "left", "used", "reserve", "used_up_until", "refused_at")}
    assert told == {
        "allowed": 1000,
        "left": 600,
        "used": 400,
        "reserve": 100,
        "used_up_until": None,
        "refused_at": None,
    }
    assert calls["resets_at"]
    assert troubles(lab) == []


def test_a_refusal_is_shown_with_its_time(lab: Lab, metered: Meter) -> None:
    metered.refused(60)
    calls = snapshot(lab.installation)["connections"][0]["calls"]
    assert calls["refusals"] == 1
    assert calls["refused_at"][:16] == iso(lab.clock())[:16]
    assert calls["quiet_until"]


def test_a_quota_that_is_nearly_used_is_a_trouble_and_one_that_is_used_up_another(lab: Lab, metered: Meter) -> None:
    metered.learn(Learnt(150, 3600, allowed=1000), metered.take())
    metered.answered(True)
    assert troubles(lab) == ["850 of 900 calls of the day to crm are used"]
    metered.learn(Learnt(100, 3600, allowed=1000), metered.take())
    with pytest.raises(Throttled):
        metered.take()
    (says,) = troubles(lab)
    assert "used up" in says
    (trouble,) = [one for one in snapshot(lab.installation)["troubles"] if one["connection"] == "crm"]
    assert "go on at" in trouble["what"]
    assert "reserve" in trouble["remedy"]
    lab.wait(3700)
    metered.take()
    metered.answered(True)
    assert troubles(lab) == []


def test_another_process_sees_it_and_a_restart_takes_it_up(lab: Lab, metered: Meter) -> None:
    metered.learn(Learnt(600, 3600, allowed=1000), metered.take())
    metered.answered(True)
    lab.restart()
    assert snapshot(lab.installation)["connections"][0]["calls"]["left"] == 600
    again = lab.installation.accounts.meter("crm", "crm 1", terms(100, 10, daily=1000))
    assert again.left == (600, 1000)


def test_refusals_go_out_while_the_days_calls_are_used_up(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """What reads is refused for the day; what narrows a consent is written all the same."""
    told: list[str] = []
    lab.turn("crm")

    def used_up(*_: object, **__: object) -> None:
        raise Throttled("The tool's calls of the day are used up.", wait=3600, code=USED_UP)

    def refuse(hub: Hub, connection: Connection) -> Delivered:
        told.append(connection.name)
        return deliver_refusals(hub, connection)

    monkeypatch.setattr("core.flow.sync.pull", used_up)
    monkeypatch.setattr("core.flow.sync.deliver_refusals", refuse)
    done = lab.turn("crm")
    assert isinstance(done.error, Throttled)
    assert told == ["crm"]
