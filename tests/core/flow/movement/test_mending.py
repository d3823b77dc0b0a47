"""What does not fit together is mended on a person's word: the stage moves in the tool, or its owner gets one task."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import ConfigError
from core.flow.movement.mending import mend, unreal
from core.flow.undo.undoing import undo
from tests.core.decide.movement.policies import iso_at
from tests.core.flow.movement.test_following import MAPPING, RULED
from tests.support import Lab, emptied


@pytest.fixture(params=["sqlite", "postgresql"])
def lab(request: pytest.FixtureRequest, tmp_path: Path, free_streams: None) -> Iterator[Lab]:
    url = None if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    with Lab(tmp_path, database_url=url, start=iso_at("2026-05-01 10:00"), tick=0) as made:
        made.dressed = lambda hub: replace(hub, movement=RULED)
        made.tool("crm", mapping=MAPPING)
        yield made
    if url is not None:
        emptied(url)


def deal(lab: Lab, **fields: str) -> tuple[str, int]:
    id_ = lab.tools["crm"].create("deals", {"name": "Patio", **fields})
    lab.settle()
    (record,) = lab.records("deal")
    return id_, record.id


def test_a_claim_that_nothing_shows_goes_back_to_what_is_shown_and_can_be_undone(lab: Lab) -> None:
    id_, record = deal(lab, stage="Booked", status="open")
    (finding,) = unreal(lab.hub, record)
    assert dict(finding.move) == {"stage": "New"}
    run = mend(lab.hub, record, "claim")
    lab.settle()
    assert lab.tools["crm"].all("deals")[id_]["stage"] == "New"
    assert unreal(lab.hub, record) == []
    assert run is not None
    lab.wait(60)
    undo(lab.hub, run)
    lab.settle()
    assert lab.tools["crm"].all("deals")[id_]["stage"] == "Booked"


def test_a_task_is_given_instead_and_once(lab: Lab) -> None:
    owner = lab.tools["crm"].create("owners", {"name": "Priya", "email": "priya@shop.example", "active": True})
    _, record = deal(lab, stage="Booked", status="open", owner_id=owner)
    assert mend(lab.hub, record, "claim", by_task=True) is not None
    assert mend(lab.hub, record, "claim", by_task=True) is None
    lab.settle()
    (task,) = lab.tools["crm"].all("activities").values()
    assert (task["subject"], task["owner_id"]) == ("Is it Booked? Nothing shows it", owner)


def test_what_is_closed_is_not_opened_by_a_click_but_asked_about(lab: Lab) -> None:
    _, record = deal(lab, stage="Done", status="won")
    (finding,) = unreal(lab.hub, record)
    assert dict(finding.move) == {}
    assert mend(lab.hub, record, "claim") is not None
    lab.settle()
    assert [one["subject"] for one in lab.tools["crm"].all("activities").values()] == ["Is it Won? Nothing shows it"]


def test_what_was_mended_meanwhile_or_never_was_is_said(lab: Lab) -> None:
    _, record = deal(lab, stage="New", status="open")
    with pytest.raises(ConfigError, match="left to mend"):
        mend(lab.hub, record, "claim")
    with pytest.raises(ConfigError, match="no open record 4711"):
        mend(lab.hub, 4711, "claim")
