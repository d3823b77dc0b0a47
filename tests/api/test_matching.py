"""`match` in `concord.yaml`: told with place and remedy when wrong, planned, put in force and undone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.api.conftest import Concord

FILE = """\
connections:
  amber: {connector: memory, settings: {path: amber.json}, mapping: people.yaml, streams: {"*": {creates: false}}}
"""
MAPPING = "contacts:\n  as: contact\n  fields: {email: {field: email}, first_name: {field: first_name}}\n"


@pytest.fixture
def file(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "people.yaml").write_text(MAPPING, encoding="utf-8")
    path = tmp_path / "concord.yaml"
    path.write_text(FILE, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("said", "place", "word"),
    [
        ("match: {cap: none}", "3:14", "cap"),
        ("match: {emials: []}", "3:9", "emails"),
        ("match: {emails: lab}", "3:17", "list of texts"),
        ("match:\n  tiers: {company: {named: sometimes}}", "4:28", "join"),
        ("match:\n  tiers: {deal: {named: ask}}", "4:11", "contact"),
        ("match: [cap]", "3:8", "match"),
    ],
)
def test_mistakes_are_told_with_their_place(concord: Concord, file: Path, said: str, place: str, word: str):
    file.write_text(FILE + said + "\n", encoding="utf-8")
    ran = concord("apply", str(file))
    assert ran.code != 0
    assert f"concord.yaml:{place}" in ran.err
    assert word in ran.err


def test_a_file_of_its_own_is_checked_by_its_own_lines(concord: Concord, file: Path, tmp_path: Path):
    file.write_text(FILE + "match: match.yaml\n", encoding="utf-8")
    (tmp_path / "match.yaml").write_text("emails: [lab@*]\ncap: 0\n", encoding="utf-8")
    ran = concord("apply", str(file))
    assert "match.yaml:2:6" in ran.err
    (tmp_path / "match.yaml").write_text("emails: [lab@*]\ncap: 5\n", encoding="utf-8")
    assert concord("apply", str(file), "--json").json["also"] == ["match"]
    assert concord("apply", str(file), "--json").json["also"] == []


def test_it_is_planned_put_in_force_and_undone(concord: Concord, file: Path):
    assert concord("apply", str(file)).code == 0
    file.write_text(FILE + "match: {emails: [lab@*], tiers: {contact: {weak: ask}}}\n", encoding="utf-8")
    planned = concord("plan", str(file), "--json").json
    assert planned["change"]["also"] == ["match"]
    assert planned["matched"]["joined"] == 0
    done = concord("apply", str(file), "--json").json
    again = concord("plan", str(file), "--json").json
    assert again["change"]["also"] == []
    undone = concord("undo", str(done["done"]["run"]), "--yes", "--json")
    assert undone.code == 0, undone.err
    assert concord("plan", str(file), "--json").json["change"]["also"] == ["match"]
