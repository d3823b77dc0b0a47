"""`movement` in `concord.yaml`: told with place and remedy when wrong, planned, put in force, undone; `check FILE`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from api.assembly import Installation
from api.settings import Settings
from core.decide.movement.policy import Policy
from core.model.instant import DAY
from tests.api.conftest import Concord

READY = Path(__file__).parents[2] / "mappings" / "movement"
FILE = """\
connections:
  amber: {connector: memory, settings: {path: amber.json}, mapping: people.yaml, streams: {"*": {creates: false}}}
"""
MAPPING = "contacts:\n  as: contact\n  fields: {email: {field: email}, first_name: {field: first_name}}\n"
INLINE = """\
movement:
  escalate_to: anna@shop.example
  ladders: {usual: [{after: 1h, do: escalate}]}
  ladder: usual
  stages:
    contact:
      Second: {when: {lifecycle_stage: lead}, means: They asked., journey: captured, oldest: 2d}
      First: {when: {lifecycle_stage: customer}, means: They bought., journey: retained, open: no}
"""


@pytest.fixture
def file(tmp_path: Path, data: Path) -> Path:
    (tmp_path / "people.yaml").write_text(MAPPING, encoding="utf-8")
    path = tmp_path / "concord.yaml"
    path.write_text(FILE, encoding="utf-8")
    return path


def in_force(data: Path) -> Policy:
    with Installation(Settings(data=data)) as installation:
        return installation.hub().movement


def test_without_one_nothing_is_asked(concord: Concord, file: Path, data: Path):
    assert concord("apply", str(file)).code == 0
    policy = in_force(data)
    assert policy == Policy()
    assert policy.stages == ()


@pytest.mark.parametrize(
    ("old", "new", "place", "words"),
    [
        ("escalate_to: anna@shop.example", "escalate_to: Anna", "4:16", "no email address"),
        ("lifecycle_stage: lead", "lifecycle_stag: lead", "9:23", "Did you mean `lifecycle_stage`"),
        ("ladder: usual", "ladder: usul", "6:11", "Did you mean `usual`"),
        ("journey: captured", "journey: capturd", "9:76", "Did you mean `captured`"),
        ("  ladder: usual", "  lader: usual", "6:3", "Did you mean `ladder`"),
    ],
)
def test_mistakes_are_told_with_their_place_in_the_file(
    concord: Concord, file: Path, data: Path, old: str, new: str, place: str, words: str
):
    file.write_text(FILE + INLINE.replace(old, new, 1), encoding="utf-8")
    ran = concord("apply", str(file))
    assert ran.code != 0
    assert f"concord.yaml:{place}" in ran.err, ran.err
    assert words in ran.err
    assert in_force(data) == Policy()


def test_a_file_of_its_own_is_told_by_its_own_lines(concord: Concord, file: Path, tmp_path: Path):
    file.write_text(FILE + "movement: movement.yaml\n", encoding="utf-8")
    (tmp_path / "movement.yaml").write_text("answered_within: 7d\ntime_zone: Europe/Londn\n", encoding="utf-8")
    ran = concord("apply", str(file))
    assert ran.code != 0
    assert "movement.yaml:2:12" in ran.err
    assert "Europe/London" in ran.err


def test_it_is_planned_put_in_force_and_undone_and_writes_nothing(concord: Concord, file: Path, data: Path):
    assert concord("apply", str(file)).code == 0
    file.write_text(FILE + INLINE, encoding="utf-8")
    planned = concord("plan", str(file), "--json").json
    assert (planned["change"]["also"], planned["writes"]) == (["movement"], 0)
    assert in_force(data) == Policy()
    done = concord("apply", str(file), "--json").json
    policy = in_force(data)
    # The order of the file decides, and is kept.
    assert [one.name for one in policy.stages] == ["Second", "First"]
    assert policy.stages[0].oldest == 2 * DAY
    assert policy.mark
    assert concord("plan", str(file), "--json").json["change"]["also"] == []
    undone = concord("undo", str(done["done"]["run"]), "--yes", "--json")
    assert undone.code == 0, undone.err
    assert in_force(data) == Policy()


def test_one_that_is_ready_is_put_in_force_as_it_is(concord: Concord, file: Path, tmp_path: Path, data: Path):
    shutil.copy(READY / "b2b-sales.yaml", tmp_path / "movement.yaml")
    file.write_text(FILE + "movement: ./movement.yaml\n", encoding="utf-8")
    ran = concord("apply", str(file))
    assert ran.code == 0, ran.err
    assert "warning" not in ran.out
    assert {one.kind for one in in_force(data).stages} == {"contact", "deal", "ticket"}


def test_a_doubt_is_told_and_stands_in_nobodys_way(concord: Concord, file: Path, data: Path):
    file.write_text(FILE + INLINE.replace("  escalate_to: anna@shop.example\n", ""), encoding="utf-8")
    ran = concord("apply", str(file))
    assert ran.code == 0, ran.err
    assert "concord.yaml:4:3: warning:" in ran.out
    assert in_force(data).ladder == "usual"


def test_a_field_of_ones_own_can_be_asked_and_is_missed_when_it_goes(concord: Concord, file: Path, data: Path):
    own = "custom_fields: |\n  contact:\n    - {name: size, type: number, doc: Square metres., example: 40}\n"
    asked = INLINE.replace("{lifecycle_stage: lead}", "{lifecycle_stage: lead, size: {above: 20}}")
    file.write_text(FILE + own + asked, encoding="utf-8")
    ran = concord("apply", str(file))
    assert ran.code == 0, ran.err
    file.write_text(FILE + "custom_fields: |\n  contact: []\n", encoding="utf-8")
    ran = concord("apply", str(file))
    assert ran.code != 0
    assert "`size` is no field of contact" in ran.err
    assert in_force(data).stages[0].when.fields == {"lifecycle_stage", "size"}


@pytest.mark.parametrize("name", ["local-service", "b2b-sales"])
def test_check_takes_the_file_of_a_policy(concord: Concord, data: Path, name: str):
    ran = concord("check", str(READY / f"{name}.yaml"))
    assert ran.code == 0, ran.err
    assert "is fine" in ran.out
    assert not data.exists()


def test_check_tells_mistakes_and_doubts_of_a_file(concord: Concord, file: Path, tmp_path: Path):
    text = "ladders: {usual: [{after: soon, do: remind}]}\n"
    (tmp_path / "movement.yaml").write_text(text, encoding="utf-8")
    ran = concord("check", "movement.yaml")
    assert ran.code == 2
    assert "movement.yaml:1:27" in ran.out
    assert "30min, 4h or 2d" in ran.out
    told = concord("check", "movement.yaml", "--json")
    assert told.code == 2
    assert told.json["ok"] is False
    assert [one["severity"] for one in told.json["files"]["movement.yaml"]] == ["error", "warning"]
    assert concord("check", "none.yaml").code == 2
