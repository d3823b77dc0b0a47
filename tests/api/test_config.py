"""`concord.yaml`: put in force all or nothing, again without effect, and told with place and remedy when wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.assembly import Installation
from api.config import read_config
from api.settings import Settings
from core.decide.brake import Limits
from core.errors import ConfigError
from tests.api.conftest import MAPPING, Concord

GOOD = """\
connections:
  sheets:
    connector: csv
    settings: {folder: ./files}
    mapping: sheets.yaml
    streams:
      "*": {deletes_in: ask}
      contacts: {poll_every: 5}
  crm:
    connector: memory
    settings: {token: "${CRM_TOKEN}", path: crm.json}
    mapping: |
      contacts:
        as: contact
        fields: {email: {field: email}}
rules: |
  preference: [sheets, crm]
"""


@pytest.fixture
def file(tmp_path: Path, mapping: Path, sheets: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CRM_TOKEN", "open-sesame")
    path = tmp_path / "concord.yaml"
    path.write_text(GOOD, encoding="utf-8")
    return path


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_it_is_put_in_force_and_again_changes_nothing(concord: Concord, file: Path):
    first = concord("apply", str(file), "--json").json
    assert first["added"] == ["sheets", "crm"]
    assert first["also"] == ["rules"]
    again = concord("apply", str(file), "--json").json
    assert again["unchanged"] == ["sheets", "crm"]
    assert again["applied"] is False
    assert concord("sync", "--until-quiet", "--json").json["agreement"] == 1.0


def test_it_tells_what_changes(concord: Concord, file: Path, mapping: Path, tmp_path: Path):
    concord("apply", str(file))
    mapping.write_text(MAPPING.replace("    phone: {field: Phone}\n", ""), encoding="utf-8")
    change(file, "poll_every: 5", "poll_every: 7")
    change(file, "preference: [sheets, crm]", "preference: [crm, sheets]")
    dry = concord("apply", str(file), "--dry-run", "--json").json
    assert dry["changed"] == {"sheets": ["mapping", "streams"]}
    assert dry["also"] == ["rules"]
    assert concord("apply", str(file), "--dry-run", "--json").json == dry
    assert concord("apply", str(file), "--json").json["changed"] == dry["changed"]
    assert concord("apply", str(file), "--json").json["changed"] == {}


def test_limits_of_the_brake_are_put_in_force(concord: Concord, file: Path, data: Path):
    assert concord("apply", str(file)).code == 0
    change(file, "    settings: {folder", "    brake: {deletes: 0.05, changes: off, few: 3}\n    settings: {folder")
    assert concord("apply", str(file), "--json").json["changed"] == {"sheets": ["brake"]}
    assert concord("apply", str(file), "--json").json["changed"] == {}
    with Installation(Settings(data=data)) as installation:
        limits = {one.name: one.limits for one in installation.hub().connections.values()}
    assert limits == {"sheets": Limits(deletes=0.05, changes=None, few=3), "crm": Limits()}


def test_a_changed_secret_is_a_change_and_never_shown(concord: Concord, file: Path, monkeypatch: pytest.MonkeyPatch):
    concord("apply", str(file))
    monkeypatch.setenv("CRM_TOKEN", "another-word")
    ran = concord("apply", str(file), "--json")
    assert ran.json["changed"] == {"crm": ["settings"]}
    assert "another-word" not in ran.out


def test_a_connection_is_removed_and_its_words_stay(concord: Concord, file: Path):
    concord("apply", str(file))
    concord("sync", "--until-quiet")
    change(file, '    connector: csv\n    settings: {folder: ./files}\n    mapping: sheets.yaml\n    streams:\n'
                 '      "*": {deletes_in: ask}\n      contacts: {poll_every: 5}\n', "    remove: true\n")  # fmt: skip
    change(file, "[sheets, crm]", "[crm]")
    assert concord("apply", str(file), "--json").json["removed"] == ["sheets"]
    state = concord("status", "--json").json
    assert [one["name"] for one in state["connections"]] == ["crm"]
    assert state["records"] == {"contact": 2}
    assert concord("apply", str(file), "--json").json["removed"] == []


def test_all_or_nothing(concord: Concord, file: Path, data: Path, mapping: Path):
    mapping.write_text(MAPPING.replace("phone:", "fone:"), encoding="utf-8")
    ran = concord("apply", str(file))
    assert ran.code == 2
    assert "sheets.yaml:7:5" in ran.err
    assert concord("status", "--json").json["connections"] == []


@pytest.mark.parametrize(
    ("old", "new", "place", "words"),
    [
        ("connector: csv", "connector: cvs", "3:16", "Did you mean `csv`"),
        ("    mapping: sheets.yaml", "    maping: sheets.yaml", "5:5", "Did you mean `mapping`"),
        ("folder: ./files", "foldr: ./files", "4:16", "Did you mean `folder`"),
        ("deletes_in: ask", "deletes_in: aks", "7:25", "Did you mean `ask`"),
        ("poll_every: 5", "poll_every: 5s", "8:30", "without a unit"),
        ('"${CRM_TOKEN}"', "swordfish", "11:23", "${TOKEN}"),
        ("${CRM_TOKEN}", "${NO_SUCH_THING}", "11:23", "export NO_SUCH_THING"),
        ("mapping: sheets.yaml", "mapping: nowhere.yaml", "5:14", "cannot be read"),
        ("rules: |", "rulez: |", "16:1", "Did you mean `rules`"),
        ("    mapping: sheets.yaml", "    brake: {deletez: 0.1}", "5:13", "Did you mean `deletes`"),
        ("    mapping: sheets.yaml", "    brake: {deletes: 10}", "5:22", "Write 0.1 for a tenth"),
        ("    mapping: sheets.yaml", "    brake: {consent: true}", "5:22", "a share from 0 to 1, or off"),
        ("    mapping: sheets.yaml", "    brake: {few: 2.5}", "5:18", "a whole number of records"),
        ("    mapping: sheets.yaml", "    brake: off", "5:12", "`brake` is not a map"),
        ("connections:", "connections: [", "", "YAML"),
    ],
)
def test_a_mistake_is_told_with_place_and_remedy(
    concord: Concord, file: Path, data: Path, old: str, new: str, place: str, words: str
):
    change(file, old, new)
    ran = concord("apply", str(file))
    assert ran.code == 2
    assert f"concord.yaml:{place}" in ran.err
    assert words in ran.err
    assert "swordfish" not in ran.err
    assert not data.exists()


def test_rules_may_name_only_connections_there_are(concord: Concord, file: Path):
    change(file, "preference: [sheets, crm]", "preference: [sheets, crn]")
    ran = concord("apply", str(file))
    assert ran.code == 2
    assert "crn" in ran.err
    assert concord("status", "--json").json["connections"] == []


def test_own_fields_may_be_used_by_the_mapping_of_the_same_file(concord: Concord, file: Path, mapping: Path):
    mapping.write_text(MAPPING + "    shoe_size: {field: Shoe, steps: [text_number]}\n", encoding="utf-8")
    fields = "custom_fields: |\n  contact:\n    - {name: shoe_size, type: number, doc: Shoe size., example: 42}\n"
    file.write_text(file.read_text(encoding="utf-8") + fields, encoding="utf-8")
    ran = concord("apply", str(file), "--json")
    assert ran.code == 0, ran.out
    assert ran.json["also"] == ["rules", "custom fields"]


def test_a_file_that_is_not_there(tmp_path: Path):
    with pytest.raises(ConfigError, match="cannot be read"):
        read_config(tmp_path / "nothing.yaml", {})
