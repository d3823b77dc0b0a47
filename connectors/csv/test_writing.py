"""Writing a sheet: only what changed, beside or in place, with people saving and machines dying meanwhile."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from connectors.csv.by_hand import CONTACTS, Desk, create, delete, made, rows, update, walk
from core.errors import Exists, Forbidden, Gone, Refused, Stale, ToolError, Unavailable

ROOT = Path(__file__).resolve().parents[2]


def test_only_the_named_cells_change_and_every_other_byte_stays(folder: Desk) -> None:
    text = 'x\r\nEmail;"Name";Älter\r\n"ann@x.org";Ann;"+44"\r\n\r\nbob@x.org;"Bob";=1\r\ncy@x.org;Cy;'
    folder.write(text.encode("cp1252"))
    connector = folder.connect("in_place", skip=1, encoding="cp1252")
    (receipt,) = connector.write("contacts", [update("bob@x.org", Name="B;ö")])
    assert receipt.error is None
    assert folder.file.read_bytes() == text.replace('"Bob"', '"B;ö"').encode("cp1252")
    connector.write("contacts", [create(Email="di@x.org", Name="=cmd()")])
    assert folder.file.read_bytes().decode("cp1252").endswith("cy@x.org;Cy;\r\ndi@x.org;'=cmd();\r\n")


@pytest.mark.parametrize("bom", ["utf-8-sig", "utf-16"])
def test_byte_order_marks_stay(folder: Desk, bom: str) -> None:
    folder.write(CONTACTS.encode(bom))
    folder.connect("in_place").write("contacts", [update("ann@x.org", Name="Änn")])
    assert folder.file.read_bytes() == CONTACTS.replace("Ann", "Änn").encode(bom)


def test_what_the_encoding_cannot_hold_is_refused_alone(folder: Desk) -> None:
    connector = folder.connect("in_place", encoding="cp1252")
    receipts = connector.write("contacts", [update("ann@x.org", Name="Łucja"), update("bob@x.org", Name="Rob")])
    assert isinstance(receipts[0].error, Refused)
    assert "'Ł'" in str(receipts[0].error)
    assert "UTF-8" in receipts[0].error.remedy
    assert (receipts[1].fields or {})["Name"] == "Rob"


def test_beside_leaves_the_source_alone_and_shows_what_was_written(folder: Desk) -> None:
    connector = folder.connect()
    cursor = walk(connector)[-1].next
    edits = [update("ann@x.org", Phone="+4430"), delete("bob@x.org"), create(Email="di@x.org", City="Ayr")]
    assert [receipt.error for receipt in connector.write("contacts", edits)] == [None] * 3
    assert folder.file.read_bytes().decode() == CONTACTS
    assert folder.out.read_bytes().decode() == (
        "Email,Name,Phone,City\r\nann@x.org,Ann,'+4430,\r\ncy@x.org,Cy,0,\r\ndi@x.org,,,Ayr\r\n"
    )
    news = rows(walk(folder.connect(), cursor))
    assert news["ann@x.org"].fields["Phone"] == "+4430"
    assert news["bob@x.org"].deleted
    assert list(rows(walk(folder.connect()))) == ["ann@x.org", "cy@x.org", "di@x.org"]


def test_beside_a_persons_edit_stands_and_the_hubs_other_cells_stay(folder: Desk) -> None:
    connector = folder.connect()
    connector.write("contacts", [update("ann@x.org", Phone="1", Name="Anna"), delete("cy@x.org")])
    folder.write(CONTACTS.replace("Ann,", "Annie,").replace("Cy,0", "Cy,7"))
    seen = rows(walk(connector))
    assert seen["ann@x.org"].fields == {"Email": "ann@x.org", "Name": "Annie", "Phone": "1"}
    assert seen["cy@x.org"].fields["Phone"] == "7", "who edits a row the hub took out keeps it"
    assert "Annie,1" in folder.out.read_text()
    folder.write(CONTACTS)
    assert rows(walk(connector))["ann@x.org"].fields["Name"] == "Ann", "a person may also go back"


def test_beside_the_out_sheet_may_be_copied_over_the_source(folder: Desk) -> None:
    connector = folder.connect()
    connector.write("contacts", [update("ann@x.org", Email="ann@y.org"), create(Email="di@x.org")])
    before = rows(walk(connector))
    shutil.copy(folder.out, folder.file)
    after = rows(walk(connector))
    assert {id_: remote.fields for id_, remote in after.items() if not remote.deleted} == {
        id_: remote.fields for id_, remote in before.items() if not remote.deleted
    }
    folder.write(folder.file.read_bytes().decode().replace("di@x.org,,\r\n", ""))
    assert "di@x.org" not in rows(walk(connector)), "a row taken over by a person is theirs to delete"


def test_beside_a_sheet_that_a_person_changed_is_set_aside(folder: Desk) -> None:
    connector = folder.connect()
    connector.write("contacts", [update("ann@x.org", Name="1")])
    connector.write("contacts", [update("ann@x.org", Name="2")])
    assert len(list(folder.out.parent.iterdir())) == 1
    folder.out.write_text("mine")
    connector.write("contacts", [update("ann@x.org", Name="3")])
    (aside,) = folder.out.parent.glob("contacts.by-hand-*.csv")
    assert aside.read_text() == "mine"


@pytest.mark.parametrize("write", ["beside", "in_place"])
def test_a_changed_id_is_told_as_moved_and_keeps_the_row(folder: Desk, write: str) -> None:
    connector = folder.connect(write)
    cursor = walk(connector)[-1].next
    (receipt,) = connector.write("contacts", [update("ann@x.org", Email="ann@y.org")])
    assert (receipt.remote_id, (receipt.fields or {})["Name"]) == ("ann@y.org", "Ann")
    for place in (cursor, None):
        seen = rows(walk(folder.connect(write), place))
        assert (seen["ann@x.org"].deleted, seen["ann@x.org"].moved_to) == (True, "ann@y.org")
        assert seen["ann@y.org"].fields["Phone"] == "+4420"
    (late,) = connector.write("contacts", [update("ann@x.org", Name="x")])
    assert isinstance(late.error, Gone)
    assert late.error.moved_to == "ann@y.org"
    (taken,) = connector.write("contacts", [update("ann@y.org", Email="bob@x.org")])
    assert isinstance(taken.error, Refused)
    (again,) = connector.write("contacts", [create("k9", Email="ann@x.org", Name="Another Ann")])
    assert again.error is None
    assert rows(walk(connector))["ann@x.org"].fields["Name"] == "Another Ann"


@pytest.mark.parametrize("write", ["beside", "in_place"])
def test_a_deleted_row_may_be_made_again(folder: Desk, write: str) -> None:
    connector = folder.connect(write)
    for _ in range(2):
        edits = [delete("ann@x.org"), create("k", Email="ann@x.org", Name="New")]
        assert [receipt.error for receipt in connector.write("contacts", edits)] == [None, None]
    assert rows(walk(connector))["ann@x.org"].fields == {"Email": "ann@x.org", "Name": "New", "Phone": ""}


def test_a_create_that_meets_a_row_names_it_and_a_repeat_is_the_same_row(folder: Desk) -> None:
    connector = folder.connect("in_place")
    (met,) = connector.write("contacts", [create(Email="ann@x.org")])
    assert isinstance(met.error, Exists)
    assert met.error.remote_id == "ann@x.org"
    first, second = connector.write("contacts", [create(Email="di@x.org"), create(Email="di@x.org")])
    assert first == second
    assert made(folder.connect(), "k").id == "di@x.org"
    assert folder.file.read_text().count("di@x.org") == 1


def test_a_row_without_an_id_gets_one_from_the_key(folder: Desk) -> None:
    folder.write("id,Name\n1,Ann\n")
    connector = folder.connect("in_place", id="id")
    (first,), (second,) = (connector.write("contacts", [create("key-7", Name="Di")]) for _ in range(2))
    assert first.remote_id == second.remote_id
    (folder.path / ".concord.sqlite3").unlink()
    assert made(folder.connect("in_place", id="id"), "key-7").fields["Name"] == "Di"


def test_several_columns_may_tell_rows_apart(folder: Desk) -> None:
    folder.write("First,Last,City\nAnn,Shore,Ayr\nAnn,Bay,Ayr\nA|b,,\n")
    connector = folder.connect("in_place", id=["First", "Last"])
    assert list(rows(walk(connector))) == ["Ann | Shore", "Ann | Bay", "A\\|b | "]
    ok, bad = connector.write("contacts", [create(First="Di", Last="Moor"), create("k2", City="Ayr")])
    assert ok.remote_id == "Di | Moor"
    assert isinstance(bad.error, Refused)


def test_an_id_is_never_made_up_in_a_column_that_says_something(folder: Desk) -> None:
    connector = folder.connect()
    (receipt,) = connector.write("contacts", [create(Name="Nobody")])
    assert isinstance(receipt.error, Refused)
    assert [field.name for field in connector.describe("contacts").fields if field.required] == ["Email"]


def test_decimal_commas_are_shown_as_points_and_written_back_as_commas(folder: Desk) -> None:
    folder.write("Email;Amount\nann@x.org;1.234,50\nbob@x.org;12\n")
    connector = folder.connect("in_place", decimal="comma")
    seen = rows(walk(connector))
    assert seen["ann@x.org"].fields["Amount"] == "1234.50"
    version = seen["bob@x.org"].version
    (receipt,) = connector.write("contacts", [update("bob@x.org", version, Amount=-12.5)])
    assert receipt.fields is not None
    assert receipt.fields["Amount"] == "-12.5"
    assert folder.file.read_text() == "Email;Amount\nann@x.org;1.234,50\nbob@x.org;-12,5\n"


def test_in_place_waits_while_a_spreadsheet_program_has_the_file_open(folder: Desk) -> None:
    lock = folder.path / ".~lock.contacts.csv#"
    lock.touch()
    connector = folder.connect("in_place")
    with pytest.raises(Unavailable, match="open in a spreadsheet program"):
        connector.write("contacts", [update("ann@x.org", Name="x")])
    lock.unlink()
    assert connector.write("contacts", [update("ann@x.org", Name="x")])[0].error is None


def test_a_save_by_a_person_while_we_write_is_merged_row_by_row(folder: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    connector = folder.connect("in_place")
    (ann,) = connector.fetch("contacts", ["ann@x.org"])
    real = os.fsync
    saves = [CONTACTS.replace("Bob", "Robert")]

    def save_meanwhile(handle: int) -> None:
        real(handle)
        if saves and b"Anna" in (folder.path / ".contacts.csv.concord-new").read_bytes():
            folder.write(saves.pop())

    with monkeypatch.context() as patch:
        patch.setattr("connectors.csv.rewrite.os.fsync", save_meanwhile)
        (receipt,) = connector.write("contacts", [update("ann@x.org", ann.version, Name="Anna")])
    assert receipt.error is None
    assert not saves
    assert folder.file.read_bytes().decode() == CONTACTS.replace("Ann,", "Anna,").replace("Bob", "Robert")
    (late,) = connector.write("contacts", [update("ann@x.org", ann.version, Name="Late")])
    assert isinstance(late.error, Stale)


KILLED = """
import os, signal, sys
from pathlib import Path
from connectors.csv.connector import build
from core.ports import Context, Edit, Verb

folder, write, moment = sys.argv[1:]
replace = Path.replace

def killed(self, target):
    if moment == "after":
        replace(self, target)
    os.kill(os.getpid(), signal.SIGKILL)

Path.replace = killed
streams = {"contacts": {"file": "contacts.csv", "id": "Email"}}
connector = build(Context("test", {"folder": folder, "write": write}, lambda: 0, streams))
connector.write("contacts", [
    Edit(Verb.CREATE, "contacts", "k", fields={"Email": "di@x.org", "Name": "Di"}),
    Edit(Verb.UPDATE, "contacts", "u", "ann@x.org", {"Name": "Anna"}),
    Edit(Verb.DELETE, "contacts", "d", "bob@x.org"),
])
"""


@pytest.mark.parametrize("write", ["beside", "in_place"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_kill_around_the_rename_loses_nothing_and_doubles_nothing(folder: Desk, write: str, moment: str) -> None:
    command = [sys.executable, "-c", KILLED, str(folder.path), write, moment]
    assert subprocess.run(command, cwd=ROOT, check=False, timeout=60).returncode == -signal.SIGKILL
    whole = "Email,Name,Phone\r\nann@x.org,Anna,+4420\r\ncy@x.org,Cy,0\r\ndi@x.org,Di,\r\n"
    target = folder.file if write == "in_place" else folder.out
    if moment == "before":
        assert folder.file.read_bytes().decode() == CONTACTS
        assert write == "in_place" or not folder.out.exists()
    else:
        assert target.read_bytes().decode() == whole
    connector = folder.connect(write)
    assert made(connector, "k").id == "di@x.org"
    repeat = connector.write("contacts", [create("k", Email="di@x.org", Name="Di"), delete("bob@x.org")])
    assert repeat[0].remote_id == "di@x.org"
    assert isinstance(repeat[1].error, Gone)
    assert list(rows(walk(connector))) == ["ann@x.org", "cy@x.org", "di@x.org"]
    assert target.read_bytes().decode() == whole
    assert not [path for path in target.parent.iterdir() if path.name.endswith(".concord-new")]
    assert not list(folder.path.glob("out/*by-hand*"))


def test_check_says_what_is_wrong_and_how_to_mend_it(folder: Desk) -> None:
    assert folder.connect().check().ok
    folder.write("Mail\nx\n")
    checkup = folder.connect().check()
    assert not checkup.ok
    assert checkup.findings[0].remedy


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_read_and_not_written(folder: Desk) -> None:
    folder.path.chmod(0o500)
    try:
        connector = folder.connect()
        assert len(rows(walk(connector))) == 3
        with pytest.raises(Forbidden):
            connector.write("contacts", [update("ann@x.org", Name="x")])
    finally:
        folder.path.chmod(0o700)


def test_every_trouble_of_the_disk_is_an_error_of_the_hub(folder: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    connector = folder.connect("in_place")
    monkeypatch.setattr("connectors.csv.rewrite.os.fsync", full)
    with pytest.raises(ToolError, match="No space left"):
        connector.write("contacts", [update("ann@x.org", Name="x")])
    assert folder.file.read_bytes().decode() == CONTACTS
    monkeypatch.undo()
    assert connector.check().ok
    assert "ann@x.org,x," in folder.file.read_text()
