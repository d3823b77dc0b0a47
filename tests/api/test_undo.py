"""`concord undo`: says what would change and what stays, asks, and takes a run back by its number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import Concord, write_sheet

ADA, BEN = "ada@shop.example,Ada,020 7946 0011", "ben@shop.example,Ben,020 7946 0012"


@pytest.fixture
def imported(connected: Concord, sheets: Path) -> int:
    """The number of the run that took in a bad spreadsheet."""
    connected("sync", "--until-quiet")
    write_sheet(sheets, [ADA.replace("Ada", "#REF!"), BEN])
    connected("sync", "--until-quiet")
    runs = connected("status", "--json").json["runs"]
    return int(next(one["id"] for one in runs if one["what"] == "pull"))


def name_of(concord: Concord, email: str = "ada@shop.example") -> Any:
    (record,) = concord("why", "contact", email, "--json").json["records"]
    return next(one["value"] for one in record["fields"] if one["field"] == "first_name")


def test_it_says_what_would_change_and_changes_nothing(connected: Concord, imported: int):
    told = connected("undo", str(imported), "--dry-run", "--json").json
    assert (told["run"], told["what"], told["records"], told["undone_by"]) == (imported, "pull", 1, None)
    assert told["kept"] == told["left"] == []
    plain = connected("undo", str(imported), "--dry-run")
    assert "Nothing was changed." in plain.out
    assert name_of(connected) == "#REF!"


def test_it_takes_the_run_back_and_the_undo_too(connected: Concord, imported: int):
    told = connected("undo", str(imported), "--yes", "--json").json
    assert name_of(connected) == "Ada"
    log = connected("log", "--run", str(told["undone_by"]), "--json").json["entries"]
    assert [one["what"] for one in log] == ["undone"]
    back = connected("undo", str(told["undone_by"]), "--yes")
    assert back.code == 0
    assert f"Run {told['undone_by']} is undone" in back.out
    assert name_of(connected) == "#REF!"


def test_what_was_changed_since_is_listed(connected: Concord, imported: int):
    connected("edit", "contact", "ada@shop.example", "first_name", "Adele")
    (kept,) = connected("undo", str(imported), "--dry-run", "--json").json["kept"]
    assert (kept["field"], kept["value"], kept["by"]) == ("first_name", "Adele", "hub")
    assert "Adele" in connected("undo", str(imported), "--yes").out
    assert name_of(connected) == "Adele"


def test_without_a_word_of_agreement_nothing_is_changed(connected: Concord, imported: int):
    refused = connected("undo", str(imported))
    assert refused.code == 2
    assert f"concord undo {imported} --dry-run" in refused.err
    assert name_of(connected) == "#REF!"


@pytest.mark.parametrize(("number", "words"), [("999", "There is no run 999"), ("{imported}", "undone already")])
def test_what_cannot_be_undone_is_told_plainly(connected: Concord, imported: int, number: str, words: str):
    connected("undo", str(imported), "--yes")
    refused = connected("undo", number.format(imported=imported), "--yes", "--json")
    assert refused.code == 2
    assert words in refused.json["error"]["message"]
    assert refused.json["error"]["remedy"]


def test_help_takes_json(concord: Concord):
    assert "--json" in concord("undo", "--help").out
