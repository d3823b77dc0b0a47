"""The commands on a small spreadsheet: what they do, what `--json` prints, and how little `--help` imports."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from api.assembly import now
from api.cli.building import try_connector
from connectors._kit import quality
from connectors.memory.connector import use
from connectors.memory.tool import Tool
from tests.api.conftest import Concord, write_sheet

COMMANDS: tuple[list[str], ...] = (
    [], ["up"], ["demo"], ["sync"], ["status"], ["problems"], ["log"], ["why"], ["connect"], ["check"], ["apply"],
    ["plan"], ["undo"], ["merge"], ["duplicates"], ["reviews"], ["answer"], ["assign"], ["edit"],
    ["replay"], ["resume"], ["remote", "status"],
    ["remote", "plan"], ["remote", "apply"],
    ["connector"], ["connector", "new"], ["connector", "list"], ["connector", "test"],
)  # fmt: skip
# Not pydantic: the command-line library itself uses it.
HEAVY = (
    "sqlalchemy",
    "fastapi",
    "httpx",
    "pydantic_settings",
    "ruamel",
    "cryptography",
    "phonenumbers",
    "jinja2",
    "uvicorn",
)


def test_help_imports_nothing_heavy():
    code = f"""
import json, sys
from api.cli import main
for words in {list(map(list, COMMANDS))!r}:
    try:
        main([*words, "--help"])
    except SystemExit as ended:
        assert not ended.code, words
print("\\n" + json.dumps(sorted(name for name in sys.modules if name.partition(".")[0] in {HEAVY!r})))
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(ended.stdout.splitlines()[-1]) == []


def test_every_command_says_what_it_does_and_takes_json(concord: Concord):
    for words in COMMANDS:
        ran = concord(*words, "--help")
        assert ran.code == 0
        assert words in ([], ["connector"]) or "--json" in ran.out, words


def test_a_command_leaves_the_garbage_collector_as_it_was(concord: Concord):
    assert gc.isenabled()
    concord("status", "--json")
    assert gc.isenabled()


def test_sync_brings_into_agreement_and_then_writes_nothing(connected: Concord):
    first = connected("sync", "--until-quiet", "--json").json
    assert first["agreement"] == 1.0
    assert first["quiet"] is True
    assert first["connections"]["sheets"]["in"]["created"] == 2
    again = connected("sync", "--json").json
    assert again["writes"] == 0
    assert again["connections"]["sheets"]["in"] == {}


def test_status_tells_connections_agreement_and_runs(connected: Concord):
    connected("sync", "--until-quiet")
    state = connected("status", "--json").json
    assert state["agreement"] == 1.0
    assert [one["name"] for one in state["connections"]] == ["sheets"]
    assert state["connections"][0]["streams"][0]["phase"] == "poll"
    assert state["troubles"] == []
    assert state["runs"][0]["counts"]["created"] == 2
    plain = connected("status")
    assert "100 %" in plain.out


def test_an_edit_is_told_by_why_and_by_the_log(connected: Concord, sheets: Path):
    connected("sync", "--until-quiet")
    write_sheet(sheets, ["ada@shop.example,Augusta,020 7946 0011", "ben@shop.example,Ben,020 7946 0012"])
    connected("sync")
    record = connected("why", "contact", "ada@shop.example", "first_name", "--json").json["records"][0]
    assert record["values"]["first_name"] == "Augusta"
    assert record["fields"][0]["source"] == "sheets"
    assert record["fields"][0]["rule"] == "latest"
    assert "Augusta" in connected("why", "contact", "ada@shop.example").out
    entries = connected("log", "--email", "ada@shop.example", "--json").json["entries"]
    assert [one["what"] for one in entries] == ["heard", "seen"]
    decided = entries[0]["decided"]["first_name"]
    assert (decided["before"], decided["after"], decided["outcome"]) == ("Ada", "Augusta", "stands")
    assert connected("log", "--record", str(record["id"]), "--json").json["entries"] == entries
    assert connected("log", "--run", str(entries[0]["run"]), "--json").json["entries"] == entries[:1]
    assert connected("log", "--since", "1d", "--limit", "1", "--json").json["entries"] == entries[:1]
    assert connected("log", "--code", "refused", "--json").json["entries"] == []


def test_why_of_nobody(connected: Concord):
    connected("sync")
    assert connected("why", "contact", "zoe@shop.example").code == 1
    assert connected("why", "contact", "zoe@shop.example", "--json").json == {"records": [], "kept_out": []}


def test_two_tools_agree_and_what_went_out_is_in_the_log(connected: Concord):
    ran = connected("connect", "memory", "crm", "--set", "path=crm.json", "--yes", "--json")
    assert ran.code == 0, ran.out
    done = connected("sync", "--until-quiet", "--json").json
    assert done["agreement"] == 1.0
    assert done["connections"]["crm"]["out"]["created"] == 2
    out = connected("log", "--connection", "crm", "--json").json["entries"]
    assert {one["outcome"] for one in out if one["direction"] == "out"} == {"done"}
    assert connected("sync", "--json").json["writes"] == 0


def test_a_refused_record_is_a_dead_letter_with_words_and_remedy_until_it_is_replayed(connected: Concord, sheets: Path):
    connected("connect", "memory", "crm", "--set", "path=crm.json", "--set", "refuse=Ben", "--yes")
    synced = connected("sync", "--until-quiet", "--json")
    found = connected("problems", "crm", "--json").json
    assert found["counts"]["dead_letters"] == 1, synced.out
    assert found["dead_letters"][0]["remedy"]
    state = connected("status", "--json").json
    assert any("concord replay crm" in one["remedy"] for one in state["troubles"])
    assert len(connected("log", "--code", found["dead_letters"][0]["code"], "--json").json["entries"]) == 1
    assert connected("replay", "crm", "--json").json == {"replayed": {"crm": 1}}
    assert connected("problems", "crm", "--json").json["counts"]["dead_letters"] == 0


def test_check_holds_the_mapping_against_the_file_and_its_rows(connected: Concord, sheets: Path):
    connected("sync")
    fine = connected("check", "--json").json
    assert fine["ok"] is True
    assert fine["connections"][0]["samples"] == 2
    (sheets / "contacts.csv").unlink()
    broken = connected("check", "sheets")
    assert broken.code == 1
    assert "✗" in broken.out


def test_a_mapping_is_proposed_and_kept_for_editing(concord: Concord, sheets: Path, data: Path):
    asked = concord("connect", "csv", "sheets", "--set", f"folder={sheets}")
    assert asked.code == 2
    assert "--yes" in asked.err
    ran = concord("connect", "csv", "sheets", "--set", f"folder={sheets}", "--yes")
    assert ran.code == 0
    kept = data / "mappings" / "sheets.yaml"
    assert "first_name: {field: First Name}" in kept.read_text(encoding="utf-8")
    assert str(kept) in ran.out


@pytest.mark.parametrize("said", ["folder", "dir=/tmp", "write=sideways"])
def test_a_setting_that_is_none(concord: Concord, said: str):
    assert concord("connect", "csv", "sheets", "--set", said, "--yes").code == 2


def test_connecting_again_keeps_what_was_given(connected: Concord, sheets: Path, mapping: Path):
    mapping.write_text(mapping.read_text(encoding="utf-8") + "    job_title: {field: Job}\n", encoding="utf-8")
    ran = connected("connect", "csv", "sheets", "--mapping", str(mapping), "--yes", "--json")
    assert ran.code == 0, ran.out
    assert connected("check", "--json").json["connections"][0]["account"] == str(sheets)


def test_the_connectors_are_listed(concord: Concord):
    found = {one["name"]: one for one in concord("connector", "list", "--json").json["connectors"]}
    assert {"csv", "carddav", "memory"} <= found.keys()
    assert "csv" in concord("connector", "list").out


def test_a_paused_stream_is_told_by_sync_and_status_and_ended_by_resume(connected: Concord, sheets: Path):
    connected("sync", "--until-quiet")
    (sheet,) = sheets.glob("*.csv")
    held = sheet.read_bytes()
    sheet.write_bytes(b"")
    ran = connected("sync", "--json")
    assert ran.code == 1
    (paused,) = ran.json["connections"]["sheets"]["paused"].values()
    assert (paused["code"], paused["acts"]) == ("schema_changed", "admin")
    assert ran.json["connections"]["sheets"]["error"] is None
    state = connected("status", "--json").json
    (pause,) = [one["pause"] for one in state["connections"][0]["streams"] if one["pause"]]
    assert (pause["side"], pause["remedy"]) == ("whole", paused["remedy"])
    (trouble,) = state["troubles"]
    assert "paused" in trouble["what"]
    assert "concord sync sheets" in trouble["remedy"]
    sheet.write_bytes(held)
    assert connected("resume", "sheets").code == 0
    assert connected("status", "--json").json["troubles"] == []
    assert connected("sync", "--json").json["agreement"] == 1.0


def test_resuming_what_is_not_paused_does_no_harm(connected: Concord):
    assert connected("resume", "sheets", "--json").json == {"resumed": "sheets"}


def test_the_same_on_postgresql(
    concord: Concord, sheets: Path, mapping: Path, monkeypatch: pytest.MonkeyPatch, postgres_url: str
):
    monkeypatch.setenv("CONCORD_DATABASE_URL", postgres_url)
    ran = concord("connect", "csv", "sheets", "--set", f"folder={sheets}", "--mapping", str(mapping), "--yes")
    assert ran.code == 0, ran.err
    concord("connect", "memory", "crm", "--yes")
    write_sheet(sheets, ["ada@shop.example,Ada,ask Jo", "ben@shop.example,Ben,020 7946 0012"])
    assert concord("sync", "--until-quiet", "--json").json["connections"]["crm"]["out"]["created"] == 2
    assert concord("sync", "--json").json["writes"] == 0
    assert concord("status", "--json").json["problems"] == 1
    assert concord("problems", "--json").json["counts"]["records"] == 1
    assert len(concord("why", "contact", "ben@shop.example", "--json").json["records"]) == 1
    entries = concord("log", "--connection", "crm", "--since", "1h", "--json").json["entries"]
    assert [one["outcome"] for one in entries] == ["done", "done"]
    assert concord("check", "--json").code == 0


def test_a_connectors_contract_tells_each_point_and_the_tier(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    points = [point for level in quality.TIERS[:2] for point in quality.POINTS[level]]
    results = [quality.Result(f"test_{point}", point, "passed") for point in points]
    lost = quality.Result("test_merges", "merges", "failed", "lost one")
    monkeypatch.setattr(quality, "run_contract", lambda name: quality.Report(name, (*results, lost), "sound", {}))
    with pytest.raises(typer.Exit) as ended:
        try_connector("acme")
    assert ended.value.exit_code == 1
    shown = capsys.readouterr().out
    assert "✓ creates_once" in shown
    assert "✗ merges" in shown
    assert "tier: trusted (claimed: sound)" in shown
    with pytest.raises(typer.Exit):
        try_connector("acme", as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert (told["tier"], told["passed"]) == ("trusted", False)
    assert told["failed"] == [{"test": "test_merges", "why": "lost one"}]


def test_near_misses_of_echoes_are_counted_and_shown(connected: Concord):
    tool = use(Tool("respelling", clock=now))
    assert connected("connect", "memory", "crm", "--set", "world=respelling", "--yes").code == 0
    connected("sync", "--until-quiet")
    id_ = next(iter(tool.all("contacts")))
    tool.edit("contacts", id_, {"phone": "+44 20 7946 0011"})
    connected("sync", "--until-quiet")
    state = connected("status", "--json").json
    assert {one["name"]: one["near_misses"] for one in state["connections"]}["crm"] == 1
    assert "known to be no edit: crm 1" in connected("status").out
