"""`concord audit`: the scorecard, the records behind it, and what it says where no policy is in force."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.assembly import Text
from api.cli import main
from api.scorecard import listed, scorecard
from core.errors import ConfigError
from core.store.scores import Asked
from tests.support import EVERYTHING, Lab

POLICY = """
time_zone: Europe/London
escalate_to: boss@shop.example
ladders:
  usual:
    - {after: 1h, do: remind}
ladder: usual
stages:
  contact:
    Captured:
      when: {lifecycle_stage: lead}
      means: They asked for something.
      journey: captured
      evidence: asked
      first: {say: "Call {name}", within: 15min, type: call}
follow_through: {remind: act}
"""


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with Lab(tmp_path) as made:
        made.installation.change(texts={"movement": Text(POLICY, "movement.yaml")})
        crm = made.tool("crm", mapping=EVERYTHING)
        owner = crm.create("owners", {"name": "Priya Nair", "email": "priya@shop.example", "active": True})
        for number, source in enumerate(("web", "web", "phone")):
            lead = {"email": f"lead{number}@shore.example", "first_name": f"Lead{number}", "stage": "lead"}
            mine = {"owner_id": owner} if number else {}
            crm.create("contacts", {**lead, "source": source, "asked": "A quote" if number < 2 else None, **mine})
        made.settle()
        yield made


def test_the_scorecard_counts_by_group_and_as_a_whole(lab: Lab) -> None:
    found = scorecard(lab.installation, "source")
    assert {one["group"]: (one["open"], one["owner"]) for one in found["groups"]} == {"web": (2, 1), "phone": (1, 1)}
    whole = found["whole"]
    assert (whole["open"], whole["owner"], whole["action"], whole["recovery"], whole["protected"]) == (3, 2, 0, 3, 0)
    assert (whole["waiting"], whole["unreal"]) == (3, 1)


def test_it_counts_by_owner_and_by_tool(lab: Lab) -> None:
    by_owner = scorecard(lab.installation, "owner")["groups"]
    assert {one["group"]: one["open"] for one in by_owner} == {"Priya Nair": 2, "none": 1}
    assert [(one["group"], one["open"]) for one in scorecard(lab.installation, "tool")["groups"]] == [("crm", 3)]


def test_the_records_behind_a_number_say_what_is_missing_and_who_acts(lab: Lab) -> None:
    (one,) = listed(lab.installation, Asked(missing=0))
    assert (one["title"], one["missing"]["owner"]["who"]) == ("Lead0", "admin")
    (claim,) = listed(lab.installation, Asked(only="unreal"))
    assert (claim["title"], claim["unreal"][0]["what"]) == ("Lead2", "claim")
    assert len(list(listed(lab.installation, Asked(), limit=2))) == 2


def run(lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    monkeypatch.setenv("CONCORD_DATA", str(lab.settings.data))
    lab.installation.close()
    with pytest.raises(SystemExit) as left:
        main(["audit", *words])
    said = capsys.readouterr()
    return int(left.value.code or 0), said.out + said.err


def test_the_command_prints_tables_csv_and_json(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = run(lab, monkeypatch, capsys)
    assert code == 0
    assert "Captured" in told
    code, told = run(lab, monkeypatch, capsys, "--json")
    assert json.loads(told)["whole"]["open"] == 3
    code, told = run(lab, monkeypatch, capsys, "--csv", "--owner", "priya@shop.example")
    rows: list[dict[str, Any]] = list(csv.DictReader(io.StringIO(told)))
    assert [row["title"] for row in rows] == ["Lead1", "Lead2"]
    assert {row["action"] for row in rows} == {"no next step is set down"}
    code, told = run(lab, monkeypatch, capsys, "--missing", "owner")
    assert "Give it an owner" in told


def test_bad_words_are_told_with_what_to_do(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = run(lab, monkeypatch, capsys, "--owner", "nobody@shop.example")
    assert code == 2
    assert "Give the address they sign in with" in told
    assert run(lab, monkeypatch, capsys, "--csv", "--json")[0] == 2


def test_without_a_policy_it_says_how_to_get_one(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab, pytest.raises(ConfigError, match="No movement policy"):
        scorecard(lab.installation)


def test_a_title_that_a_spreadsheet_would_carry_out_is_made_harmless(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    crm = lab.tools["crm"]
    crm.create("contacts", {"email": "evil@shore.example", "first_name": "=cmd|calc", "stage": "lead"})
    lab.settle()
    _, told = run(lab, monkeypatch, capsys, "--records", "--csv")
    assert "'=cmd|calc" in told
