"""`plan` and `apply` as an admin types them: what they say, what they ask, and how they end."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors._kit.clock import VirtualTime
from connectors._kit.mischief import spellings
from connectors.memory.connector import use
from connectors.memory.tool import Tool
from tests.api.conftest import Concord

CONFIG = """\
connections:
  sheets:
    connector: csv
    settings: {folder: ./files}
    mapping: sheets.yaml
  crm:
    connector: memory
    settings: {world: shop}
    mapping: |
      contacts:
        as: contact
        fields:
          email: {field: email}
          first_name: {field: first_name}
"""
PHONE = "          phone: {field: phone}\n"


@pytest.fixture
def file(tmp_path: Path, sheets: Path, mapping: Path) -> Path:
    """A configuration of a spreadsheet and a CRM."""
    path = tmp_path / "concord.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


@pytest.fixture
def crm() -> Tool:
    """The CRM itself."""
    return use(Tool("shop", clock=VirtualTime()))


@pytest.fixture
def agreed(concord: Concord, file: Path, crm: Tool) -> Concord:
    """Both in agreement."""
    assert concord("apply", str(file)).code == 0
    assert concord("sync", "--until-quiet", "--json").json["agreement"] == 1.0
    assert len(crm.all("contacts")) == 2
    return concord


def test_a_first_configuration_needs_no_word(concord: Concord, file: Path):
    planned = concord("plan", str(file))
    assert planned.code == 0
    assert "+ sheets" in planned.out
    assert "taken to be empty" in planned.out
    assert concord("status", "--json").json["connections"] == []
    assert concord("apply", str(file)).code == 0


def test_a_plan_shows_what_would_be_written_and_changes_nothing(agreed: Concord, file: Path, crm: Tool):
    file.write_text(CONFIG + PHONE, encoding="utf-8")
    planned = agreed("plan", str(file))
    assert planned.code == 0
    assert "crm updates: phone 2" in planned.out
    assert "+442079460011" in planned.out
    told = agreed("plan", str(file), "--json").json
    assert told["connections"]["crm"]["updates"] == 2
    assert told["connections"]["crm"]["fields"] == {"phone": 2}
    assert not any("phone" in held for held in crm.all("contacts").values())
    assert agreed("plan", "--json").json["writes"] == 0


def test_nothing_is_written_that_nobody_agreed_to(agreed: Concord, file: Path, crm: Tool):
    file.write_text(CONFIG + PHONE, encoding="utf-8")
    refused = agreed("apply", str(file))
    assert refused.code == 2
    assert "2 records" in refused.err
    assert "--yes" in refused.err
    assert agreed("apply", str(file), "--dry-run").code == 0
    assert not any("phone" in held for held in crm.all("contacts").values())


def test_with_a_word_it_is_carried_out_and_can_be_undone(agreed: Concord, file: Path, crm: Tool):
    file.write_text(CONFIG + PHONE, encoding="utf-8")
    done = agreed("apply", str(file), "--yes", "--canary", "1", "--json").json
    assert (done["done"]["planned"], done["done"]["done"], done["done"]["undone"]) == (2, 2, [])
    assert {held["phone"] for held in crm.all("contacts").values()} == {"+442079460011", "+442079460012"}
    run = done["done"]["run"]
    looked = agreed("undo", str(run), "--dry-run")
    assert looked.code == 0
    assert "crm updates: phone 2" in looked.out
    back = agreed("undo", str(run), "--yes", "--json").json
    assert back["undone"] == run
    assert not any(held.get("phone") for held in crm.all("contacts").values())
    again = agreed("undo", str(back["done"]["run"]), "--yes")
    assert again.code == 0
    assert len([held for held in crm.all("contacts").values() if held.get("phone")]) == 2


def test_a_canary_that_stops_ends_with_1(agreed: Concord, file: Path, crm: Tool):
    crm.habits.validator = lambda _stream, fields: "No phones here." if "phone" in fields else None
    file.write_text(CONFIG + PHONE, encoding="utf-8")
    ran = agreed("apply", str(file), "--yes", "--canary", "1")
    assert ran.code == 1
    assert "crm: stopped." in ran.out
    (review,) = [one for one in agreed("reviews", "--json").json if one["what"] == "brake"]
    crm.habits.validator = None
    assert agreed("answer", str(review["id"]), "release").code == 0
    agreed("replay")
    agreed("sync", "--until-quiet")
    assert len([held for held in crm.all("contacts").values() if held.get("phone")]) == 2


def test_a_plan_of_a_broken_file_says_where(agreed: Concord, file: Path):
    file.write_text(CONFIG.replace("first_name: {field", "fist_name: {field"), encoding="utf-8")
    ran = agreed("plan", str(file))
    assert ran.code == 2
    assert "fist_name" in ran.err


def test_another_mapping_by_connect_is_planned_too(agreed: Concord, crm: Tool, tmp_path: Path):
    path = tmp_path / "crm.yaml"
    path.write_text("contacts:\n  as: contact\n  fields:\n    email: {field: email}\n    phone: {field: phone}\n",
                    encoding="utf-8")  # fmt: skip
    refused = agreed("connect", "memory", "crm", "--mapping", str(path))
    assert refused.code == 2
    assert "nobody has agreed" in refused.err
    assert agreed("connect", "memory", "crm", "--mapping", str(path), "--yes").code == 0
    assert len([held for held in crm.all("contacts").values() if held.get("phone")]) == 2


def test_a_hub_that_runs_elsewhere_carries_it_out(agreed: Concord, file: Path, crm: Tool, data: Path):
    import fcntl

    file.write_text(CONFIG + PHONE, encoding="utf-8")
    with (data / "engine.lock").open("a+", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = agreed("apply", str(file), "--yes", "--json").json["done"]
    assert done["left_to"]
    assert done["done"] == 0
    agreed("sync", "--until-quiet")
    assert len([held for held in crm.all("contacts").values() if held.get("phone")]) == 2


def test_what_a_canary_stopped_is_taken_back_by_its_run(agreed: Concord, file: Path, crm: Tool):
    crm.habits.spellings.update(spellings("phone: truncate 6"))
    file.write_text(CONFIG + PHONE, encoding="utf-8")
    done = agreed("apply", str(file), "--yes", "--canary", "1", "--json").json["done"]
    assert (done["done"], done["halted"]) == (1, ["crm"])
    (review,) = [one for one in agreed("reviews", "--json").json if one["what"] == "brake"]
    refused = agreed("answer", str(review["id"]), "reject")
    assert f"concord undo {done['run']}" in refused.err
    assert agreed("undo", str(done["run"]), "--yes").code == 0
    assert not any(held.get("phone") for held in crm.all("contacts").values())
    assert agreed("reviews", "--json").json == []
    assert agreed("sync", "--until-quiet", "--json").json["writes"] == 0
