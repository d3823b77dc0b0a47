"""`concord erase`, `erasures` and `export`: asked, carried out, certified, and not undone by a restored backup."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from core.flow.erasure.certificate import holds
from tests.api.conftest import Concord, write_sheet

ADA, BEN = "ada@shop.example", "ben@shop.example"


@pytest.fixture
def known(concord: Concord, sheets: Path, mapping: Path) -> Concord:
    """A hub that knows two people from a sheet, which it may change."""
    settings = ("--set", f"folder={sheets}", "--set", "write=in_place", "--mapping", str(mapping), "--yes")
    assert concord("connect", "csv", "sheets", *settings).code == 0
    write_sheet(sheets, [f"{ADA},Adelheid,020 7946 0011", f"{BEN},Ben,020 7946 0012"])
    concord("sync", "--until-quiet")
    return concord


def sheet(sheets: Path) -> str:
    """What all the sheets hold."""
    return "".join(file.read_text(encoding="utf-8") for file in sorted(sheets.rglob("*.csv")))


def test_a_plan_changes_nothing_and_nobody_is_erased_unasked(known: Concord, sheets: Path):
    told = known("erase", "contact", ADA, "--dry-run", "--json").json
    assert told["erasure"] is None
    assert [(one["connection"], one["becomes"]) for one in told["tools"]] == [("sheets", "waiting")]
    assert "to be deleted" in known("erase", "contact", ADA, "--dry-run").out
    refused = known("erase", "contact", ADA, "--json")
    assert refused.code == 2
    assert "agreed" in refused.out + refused.err
    assert ADA in sheet(sheets)
    assert "Nobody was ever erased" in known("erasures").out


def test_from_the_request_to_the_certificate(known: Concord, sheets: Path, tmp_path: Path):
    told = known("erase", "contact", ADA, "--yes", "--reference", "2026-17", "--json").json
    known("sync", "--until-quiet")
    assert ADA not in sheet(sheets)
    assert BEN in sheet(sheets)
    listed = known("erasures", "--json").json["erasures"]
    assert [(one["erasure"], one["reference"], one["open"]) for one in listed] == [(told["erasure"], "2026-17", 0)]
    certificate = known("erasures", str(told["erasure"]), "--certificate").json
    assert holds(certificate)
    assert [one["answer"] for one in certificate["tools"]] == ["erased"]
    assert "deleted for good" in known("erasures", str(told["erasure"])).out
    (database,) = tmp_path.rglob("concord.db")
    for file in database.parent.iterdir():
        held = file.read_bytes().lower() if file.is_file() else b""
        assert b"adelheid" not in held, file
        assert ADA.encode() not in held, file
    assert known("why", "contact", ADA).code == 1


def test_an_older_copy_of_the_database_brings_nobody_back(known: Concord, sheets: Path, tmp_path: Path):
    (database,) = tmp_path.rglob("concord.db")
    copy = tmp_path / "copy.db"
    shutil.copy(database, copy)
    known("erase", "contact", ADA, "--yes")
    known("sync", "--until-quiet")
    for more in ("-wal", "-shm"):
        database.with_name(database.name + more).unlink(missing_ok=True)
    shutil.copy(copy, database)
    known("sync", "--until-quiet")
    assert ADA not in sheet(sheets)
    assert known("why", "contact", ADA).code == 1
    assert len(known("erasures", "--json").json["erasures"]) == 1
    write_sheet(sheets, [f"{ADA},Adelheid,020 7946 0011", f"{BEN},Ben,020 7946 0012"])
    known("sync", "--until-quiet")
    assert known("why", "contact", ADA).code == 1
    (review,) = known("reviews", "--json").json
    assert review["what"] == "returned"


def test_a_list_that_cannot_be_read_stops_everything(known: Concord, tmp_path: Path):
    known("erase", "contact", ADA, "--yes")
    (listed,) = tmp_path.rglob("erased.jsonl")
    listed.write_text(listed.read_text() + "?\n")
    broken = known("sync")
    assert broken.code == 1
    assert "may come back" in broken.err


def test_a_file_that_is_not_ours_to_change_is_left_to_a_person(connected: Concord, sheets: Path):
    write_sheet(sheets, [f"{ADA},Adelheid,020 7946 0011", f"{BEN},Ben,020 7946 0012"])
    connected("sync", "--until-quiet")
    connected("erase", "contact", ADA, "--yes")
    connected("sync", "--until-quiet")
    assert ADA in (sheets / "contacts.csv").read_text()
    assert ADA not in (sheets / "out" / "contacts.csv").read_text()
    (review,) = connected("reviews", "--json").json
    assert review["what"] == "by_hand"
    assert "delete the row there" in str(review)
    connected("sync", "--until-quiet")
    assert connected("erasures", "--json").json["erasures"][0]["open"] == 1
    write_sheet(sheets, [f"{BEN},Ben,020 7946 0012"])
    assert connected("answer", str(review["id"]), "done").code == 0
    assert connected("erasures", "--json").json["erasures"][0]["open"] == 0
    connected("sync", "--until-quiet")
    assert not connected("reviews", "--json").json


def test_an_access_request_is_one_document(known: Concord):
    told = known("export", "contact", ADA).json
    assert told["values"]["email"]["value"] == ADA
    assert told["tools"][0]["connection"] == "sheets"
    assert known("export", "contact", "nobody@shop.example").code == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("erase", "contact", "nobody@shop.example", "--yes"), "No contact is found"),
        (("erase", "person", ADA, "--yes"), "There is no kind"),
        (("erasures", "9"), "There is no erasure 9"),
        (("erasures", "--certificate"), "Of which erasure"),
    ],
)
def test_what_cannot_be_meant_is_told(known: Concord, words: tuple[str, ...], told: str):
    found = known(*words)
    assert found.code == 2
    assert told in found.err


def test_the_data_map_names_every_personal_field_and_no_other(known: Concord):
    told = known("datamap", "--json").json
    assert {one["field"]: one["remote"] for one in told} == {
        "email": ["Email"], "first_name": ["First Name"], "phone": ["Phone"],
    }  # fmt: skip
    assert {(one["way"], one["records"], one["connection"]) for one in told} == {("read and written", 2, "sheets")}
    assert all(one["since"] for one in told)
    assert "First Name" in known("datamap").out


def test_what_was_kept_for_long_enough_is_listed_and_erased_when_somebody_says_so(
    known: Concord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    assert "Nothing says" in known("retention").out
    (database,) = tmp_path.rglob("concord.db")
    config = tmp_path / "concord.yaml"
    config.write_text("retention:\n  contact: {keep: 36 months, then: erase}\n  deal: {keep: 2 years}\n")
    assert known("apply", str(config), "--yes").code == 0
    assert "Nothing is due" in known("retention").out
    with closing(sqlite3.connect(database)) as raw:
        raw.execute("UPDATE record SET updated_at = 1500000000000000 WHERE id = 1")
        raw.commit()
    told = known("retention", "--json").json
    assert [(one["kind"], one["keep"], one["due"]) for one in told["kinds"]] == [
        ("contact", "36 months", [1]), ("deal", "2 years", []),
    ]  # fmt: skip
    refused = known("retention", "--erase", "--json")
    assert refused.code == 2
    assert known("retention", "--erase", "--yes", "--json").json["erased"] == 1
    assert not known("retention", "--json").json["kinds"][0]["due"]
    assert [one["reference"] for one in known("erasures", "--json").json["erasures"]] == ["retention"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("contakt: {keep: 1 year}", "There is no kind"),
        ("contact: {keep: for ever}", "how long it is kept"),
        ("contact: {}", "how long it is kept"),
        ("contact: {keep: 1 year, since: email}", "no moment"),
        ("contact: {keep: 1 year, then: shred}", "nothing that can be done"),
        ("contact: {keep: 1 year, than: erase}", "not a word"),
        ("contact: 3", "has no rule"),
    ],
)
def test_a_schedule_that_makes_no_sense_is_told_with_its_place(known: Concord, tmp_path: Path, line: str, words: str):
    config = tmp_path / "concord.yaml"
    config.write_text(f"retention:\n  {line}\n")
    found = known("apply", str(config), "--yes")
    assert found.code == 2
    assert words in found.err
    assert "concord.yaml:2:" in found.err


def test_how_long_the_log_is_kept_is_said_applied_and_shown(known: Concord, tmp_path: Path):
    file = tmp_path / "concord.yaml"
    file.write_text("keep: {webhooks: 9 days, history: forever}\n", encoding="utf-8")
    assert "keep" in known("plan", str(file)).out
    assert known("apply", str(file), "--yes").code == 0
    told = {one["what"]: one for one in known("retention", "--json").json["log"]}
    assert {name: one["keep"] for name, one in told.items()} == {
        "history": "forever", "deliveries": "13 months", "runs": "13 months", "plans": "90 days", "webhooks": "9 days",
    }  # fmt: skip
    assert told["history"]["rows"] > 0
    assert told["history"]["goes_before"] is None
    assert told["runs"]["old"] == 0
    assert "9 days" in known("retention").out
    file.write_text("keep: {histroy: 9 days}\n", encoding="utf-8")
    wrong = known("apply", str(file), "--yes")
    assert wrong.code == 2
    assert "concord.yaml:1:8" in wrong.err
