"""`concord pause`, `resume`, `resync` and maintenance windows, as a person meets them."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.alerting import troubles_of
from core.decide.alerting import Alerting
from tests.api.conftest import Concord, write_sheet

ADA, BEN = "ada@shop.example", "ben@shop.example"


@pytest.fixture
def known(concord: Concord, sheets: Path, mapping: Path) -> Concord:
    """A hub that knows two people from a sheet."""
    settings = ("--set", f"folder={sheets}", "--mapping", str(mapping), "--yes")
    assert concord("connect", "csv", "sheets", *settings).code == 0
    write_sheet(sheets, [f"{ADA},Adelheid,020 7946 0011", f"{BEN},Ben,020 7946 0012"])
    assert concord("sync", "--until-quiet").code == 0
    return concord


def stream_of(known: Concord) -> str:
    return str(known("status", "--json").json["connections"][0]["streams"][0]["name"])


def test_paused_it_says_so_and_whose_word_ends_it(known: Concord, sheets: Path):
    assert known("pause", "sheets", "--note", "stocktaking").code == 0
    state = known("status", "--json").json
    assert state["connections"][0]["state"] == "paused"
    assert "stocktaking" in known("status").out
    assert "concord resume sheets" in known("status").out
    # Whoever paused it needs no alert.
    assert [one.kind for one in troubles_of(state, Alerting())] == []
    write_sheet(sheets, [f"{ADA},Ada,020 7946 0011", f"{BEN},Ben,020 7946 0012"])
    known("sync")
    assert "Adelheid" in known("why", "contact", ADA).out
    assert known("resume", "sheets").code == 0
    known("sync", "--until-quiet")
    assert "Ada" in known("why", "contact", ADA, "first_name").out


def test_one_stream_alone(known: Concord, sheets: Path):
    name = f"sheets/{stream_of(known)}"
    assert known("pause", name).code == 0
    stream = known("status", "--json").json["connections"][0]["streams"][0]
    assert (stream["pause"]["code"], stream["pause"]["side"]) == ("paused", "whole")
    write_sheet(sheets, [f"{ADA},Ada,020 7946 0011", f"{BEN},Ben,020 7946 0012"])
    known("sync", "--until-quiet")
    assert "Adelheid" in known("why", "contact", ADA).out
    assert known("resume", name).code == 0
    known("sync", "--until-quiet")
    assert "Ada" in known("why", "contact", ADA, "first_name").out


@pytest.mark.parametrize("command", ["pause", "resume", "resync"])
def test_what_there_is_not_is_told_with_what_there_is(known: Concord, command: str):
    assert known(command, "sheet").code == 2
    wrong = known(command, "sheets/nothing")
    assert wrong.code == 2
    assert stream_of(known) in wrong.err


def test_read_again(known: Concord):
    assert known("resync", "sheets", "--json").json["streams"] >= 1
    assert known("sync", "--until-quiet").code == 0
    told = known("resync", "--record", ADA, "--json").json
    assert list(told["read"]) == ["sheets"]
    assert told["elsewhere"] is False
    assert "was read again" in known("resync", "--record", str(told["record"])).out
    assert known("resync").code == 2
    assert known("resync", "sheets", "--record", ADA).code == 2
    assert known("resync", "--record", "nobody@shop.example").code == 2


def test_a_window_is_checked_planned_applied_shown_and_taken_back(known: Concord, tmp_path: Path):
    file = tmp_path / "concord.yaml"
    file.write_text('maintenance:\n  sheet: {from: "00:00", to: "24:00"}\n', encoding="utf-8")
    wrong = known("apply", str(file), "--yes")
    assert wrong.code == 2
    assert "concord.yaml:2:3" in wrong.err
    assert "sheets" in wrong.err
    file.write_text('maintenance:\n  sheets: {from: "00:00", to: "24:00", hold: reads and writes}\n', encoding="utf-8")
    assert "maintenance" in known("plan", str(file)).out
    done = known("apply", str(file), "--yes", "--json")
    assert done.code == 0
    held = known("status", "--json").json["connections"][0]["hold"]
    assert held["what"] == "reads and writes"
    assert f"held until {held['until'][:10]}" in known("status").out
    state = known("status", "--json").json
    state["connections"][0] |= {"lag_seconds": 90_000.0, "outbox": 100_000, "agreement": 0.5}
    assert list(troubles_of(state, Alerting())) == []
    assert known("undo", str(done.json["done"]["run"]), "--yes").code == 0
    assert known("status", "--json").json["connections"][0]["hold"] is None
