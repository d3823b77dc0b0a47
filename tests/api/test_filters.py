"""Filters in `concord.yaml`: told with place and remedy when wrong, put in force, and seen by who asks why."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.api.conftest import Concord

PEOPLE = """\
contacts:
  as: contact
  options: {id: Email}
  fields: {email: {field: Email}, first_name: {field: First}, last_name: {field: Last}, job_title: {field: Title}}
"""
ROWS = "Email,First,Last,Title\nann@shore.example,Ann,Shore,Baker\nbob@quay.example,Bob,Quay,Cook\n"
GOOD = """\
connections:
  sheets:
    connector: csv
    settings: {folder: ./files}
    mapping: people.yaml
    streams:
      contacts:
        only_in: {last_name: {known: true}}
  crm:
    connector: memory
    settings: {path: crm.json}
    mapping: |
      contacts:
        as: contact
        fields: {email: {field: email}, first_name: {field: first_name}, tags: {field: tags}}
    streams:
      contacts:
        only_out: {job_title: {not: [Cook, Clerk]}}
        leaves: unlink
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "contacts.csv").write_text(ROWS, encoding="utf-8")
    (tmp_path / "people.yaml").write_text(PEOPLE, encoding="utf-8")
    path = tmp_path / "concord.yaml"
    path.write_text(GOOD, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("old", "new", "place", "words"),
    [
        ("last_name: {known: true}", "lastname: {known: true}", "8:19", "Did you mean `last_name`"),
        ("last_name: {known: true}", "last_name: {knwon: true}", "8:31", "Did you mean `known`"),
        ("last_name: {known: true}", "last_name: {known: perhaps}", "8:38", "true or false"),
        ("last_name: {known: true}", "tags: {has: vip}", "8:19", "reads nothing into `tags`"),
        ("{last_name: {known: true}}", "everybody", "8:18", "{tags: {has: newsletter}}"),
        ("{last_name: {known: true}}", "{}", "8:18", "Name a field"),
        ("only_out: {job_title: {not: [Cook, Clerk]}}", "only_out: {lifecycle_stage: lead}\n        only_ot: {}",
         "19:9", "Did you mean `only_out`"),
        ("{not: [Cook, Clerk]}", "{within: 3 days}", "18:32", "needs a clock"),
        ("job_title: {not: [Cook, Clerk]}", "tags: newsletter", "18:26", "{has: newsletter}"),
        ("leaves: unlink", "leaves: unlnk", "19:17", "Did you mean `unlink`"),
        ("leaves: unlink", "leaves_in: archive", "19:20", "keep or unlink"),
        ("      contacts:\n        only_out", "      contcts:\n        only_out", "18:9", "Did you mean `contacts`"),
        ("        only_in", "        leaves_in: 3\n        only_in", "8:20", "keep or unlink"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_place_and_remedy(
    concord: Concord, file: Path, data: Path, old: str, new: str, place: str, words: str
):
    assert GOOD.count(old) == 1
    file.write_text(GOOD.replace(old, new), encoding="utf-8")
    ran = concord("apply", str(file))
    assert ran.code == 2
    assert f"concord.yaml:{place}" in ran.err
    assert words in ran.err


def test_who_is_left_out_is_told_and_counted(concord: Concord, file: Path):
    assert concord("apply", str(file)).code == 0
    concord("sync", "--until-quiet")
    (ann,) = concord("why", "contact", "ann@shore.example", "--json").json["records"]
    (bob,) = concord("why", "contact", "bob@quay.example", "--json").json["records"]
    assert ann["left_out"] == []
    assert [one["connection"] for one in ann["held_by"]] == ["sheets", "crm"]
    (out,) = bob["left_out"]
    assert (out["connection"], out["stream"], out["remote_id"]) == ("crm", "contacts", None)
    sentence = "not sent to crm: its filter only takes job_title other than Cook or Clerk"
    assert out["sentence"] == sentence
    assert f"– {sentence}." in concord("why", "contact", "bob@quay.example").out
    state = concord("status", "--json").json
    crm = next(one for one in state["connections"] if one["name"] == "crm")
    assert [(one["records"], one["missing"], one["left_out"]) for one in crm["kinds"]] == [(1, 0, 1)]
    assert state["agreement"] == 1.0
    assert "left out by a filter" in " ".join(concord("status").out.split())


def test_a_changed_filter_is_put_in_force(concord: Concord, file: Path, tmp_path: Path):
    rows = "Email,First,Last,Title\nann@shore.example,Ann,Shore,Baker\neve@dune.example,Eve,,Baker\n"
    (tmp_path / "files" / "contacts.csv").write_text(rows, encoding="utf-8")
    concord("apply", str(file))
    concord("sync", "--until-quiet")
    assert concord("status", "--json").json["records"] == {"contact": 1}
    ran = concord("why", "contact", "eve@dune.example", "--json")
    assert ran.code == 1
    (outside,) = ran.json["kept_out"]
    assert outside["sentence"] == "kept out of the hub by sheets: its filter only lets in last_name known"
    assert "Kept out of the hub by filters: 1." in concord("status").out
    file.write_text(GOOD.replace("{last_name: {known: true}}", "{first_name: {known: true}}"), encoding="utf-8")
    applied = concord("apply", str(file), "--yes", "--json").json
    assert applied["changed"] == {"sheets": ["streams"]}
    # The plan knew that Eve would come in and go on.
    assert (applied["plan"]["writes"], applied["plan"]["new_records"]) == (1, {"contact": 1})
    concord("sync", "--until-quiet")
    assert concord("status", "--json").json["records"] == {"contact": 2}
    assert concord("apply", str(file), "--json").json["changed"] == {}
