"""`concord check NAME --fix`: what is missing in a tool is named, made if somebody agrees, and looked at again."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import pytest
import typer

from connectors._kit.clock import VirtualTime
from connectors.memory.connector import MemoryConnector
from connectors.memory.tool import Tool
from connectors.memory.worlds import use
from core.ports import Checkup, Finding
from tests.api.conftest import Concord


@pytest.fixture
def crm(concord: Concord) -> Tool:
    """A connected tool in which two things are missing."""
    tool = use(Tool("crm", clock=VirtualTime()))
    ran = concord("connect", "memory", "crm", "--set", "world=crm", "--yes")
    assert ran.code == 0, ran.err
    tool.missing.update({"key_field", "consent_field"})
    return tool


def prepared(tool: Tool) -> int:
    return tool.calls["prepare"]


def test_what_can_be_made_says_how(concord: Concord, crm: Tool):
    ran = concord("check", "crm")
    assert ran.code == 1
    assert ran.out.count("Concord can make this: concord check crm --fix") == 2
    findings = concord("check", "crm", "--json").json["connections"][0]["findings"]
    assert [one["fix"] for one in findings] == ["", "consent_field", "key_field", ""]
    assert prepared(crm) == 0


def test_a_check_that_is_fine_offers_nothing(concord: Concord, crm: Tool):
    crm.missing.clear()
    ran = concord("check", "crm")
    assert (ran.code, "--fix" in ran.out) == (0, False)


def test_it_lists_makes_and_looks_again(concord: Concord, crm: Tool):
    ran = concord("check", "crm", "--fix", "--yes")
    assert ran.code == 0
    before, _, after = ran.out.partition("crm (memory)")
    assert "Missing in crm" in before
    assert "+ has no field for our keys" in before
    assert "+ has no field for consent" in before
    assert "✗" not in after
    assert (crm.missing, prepared(crm)) == (set(), 2)
    again = concord("check", "crm", "--fix", "--yes")
    assert (again.code, prepared(crm)) == (0, 2)
    assert "nothing to be made" in again.out


def test_it_tells_the_same_as_json(concord: Concord, crm: Tool):
    told = concord("check", "crm", "--fix", "--yes", "--json").json
    assert told["ok"] is True
    assert [(one["fix"], one["error"]) for one in told["made"]["crm"]] == [("consent_field", None), ("key_field", None)]
    assert told["made"]["crm"][1]["findings"][0] == {
        "ok": True, "what": "has field for our keys", "remedy": "", "fix": "",
    }  # fmt: skip
    assert all(one["ok"] for one in told["connections"][0]["findings"])
    assert "made" not in concord("check", "crm", "--json").json


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_nothing_is_made_unless_somebody_agrees(concord: Concord, crm: Tool, words: list[str]):
    ran = concord("check", "crm", "--fix", *words)
    assert ran.code == 2
    assert "--yes" in ran.out + ran.err
    assert (len(crm.missing), prepared(crm)) == (2, 0)


@pytest.mark.parametrize("agrees", [True, False])
def test_at_a_terminal_it_asks(concord: Concord, crm: Tool, monkeypatch: pytest.MonkeyPatch, agrees: bool):
    asked: list[str] = []

    def confirm(question: str, **_: object) -> bool:
        asked.append(question)
        return agrees

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(typer, "confirm", confirm)
    ran = concord("check", "crm", "--fix")
    assert asked == ["Make this in the tool?"]
    assert (ran.code, prepared(crm)) == ((0, 2) if agrees else (2, 0))


def test_what_several_findings_miss_is_made_once(concord: Concord, crm: Tool, monkeypatch: pytest.MonkeyPatch):
    def checked(self: MemoryConnector) -> Checkup:
        missing = "key_field" in self.tool.missing
        whats = [f"{stream} has no field for our keys" for stream in ("contacts", "deals")] if missing else []
        return Checkup("crm", tuple(Finding(False, what, "add it", "key_field") for what in whats))

    monkeypatch.setattr(MemoryConnector, "check", checked)
    ran = concord("check", "crm", "--fix", "--yes")
    assert ran.code == 0, ran.out
    assert "contacts has no field" in ran.out
    assert "deals has no field" in ran.out
    assert prepared(crm) == 1


def test_who_may_not_make_it_is_told_so(concord: Concord, crm: Tool):
    crm.forbidden.add("setup")
    ran = concord("check", "crm", "--fix", "--yes")
    assert ran.code == 1
    assert "could not be made: The account may not use setup." in ran.out
    assert "Ask the tool's admin" in ran.out
    assert len(crm.missing) == 2
    assert prepared(crm) == 1, "what would be refused again is not tried again"
    (made,) = concord("check", "crm", "--fix", "--yes", "--json").json["made"]["crm"]
    assert made["error"]["code"] == "forbidden"


def test_a_connector_that_makes_nothing_says_so(connected: Concord):
    ran = connected("check", "sheets", "--fix", "--yes")
    assert ran.code == 1
    assert "makes nothing" in ran.err
    assert "concord check sheets" in ran.err
    assert connected("check", "sheets", "--fix", "--yes", "--json").json["error"]["code"] == "unsupported"


def test_a_tool_that_is_down_is_not_asked_to_make_anything(concord: Concord, crm: Tool):
    crm.down = True
    ran = concord("check", "crm", "--fix", "--yes")
    assert ran.code == 1
    assert "does not answer" in ran.out
    assert prepared(crm) == 0


def test_it_needs_to_know_which_tool(concord: Concord, crm: Tool):
    ran = concord("check", "--fix", "--yes")
    assert ran.code == 2
    assert "concord check NAME --fix" in ran.err
    assert len(crm.missing) == 2


def test_connecting_offers_it_too(concord: Concord, crm: Tool):
    words: Sequence[str] = ("connect", "memory", "crm", "--set", "world=crm", "--yes")
    assert "concord check crm --fix" in concord(*words).out
