"""Reading a sheet: bad rows, cursors, changes at the wrong moment, long files."""

from __future__ import annotations

import os
import shutil
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from connectors.csv.by_hand import CONTACTS, Desk, create, delete, rows, update, walk
from connectors.csv.connector import PAGE
from core.errors import ConfigError, CursorExpired, Garbled, SchemaChanged, Unavailable
from core.ports import Page

PAYLOADS = Path(__file__).parent / "payloads"


def test_bad_rows_are_told_with_their_lines_and_the_rest_is_read(folder: Desk) -> None:
    folder.write((PAYLOADS / "contacts.bad-rows.csv").read_bytes())
    (page,) = walk(folder.connect(encoding="utf-8"))
    assert list(rows([page])) == ["ann@x.org", "multi@x.org", "bytes@x.org", "zoe@x.org"]
    assert [problem.split(": ")[0] for problem in page.problems[:-1]] == [
        "contacts.csv line 3",
        "contacts.csv line 6",
        "contacts.csv line 8",
        "contacts.csv line 9",
        "contacts.csv line 10",
    ]
    assert "4 cells, where the header has 3" in page.problems[0]
    assert "line 2 has the same Email" in page.problems[2]
    broken = rows([page])["bytes@x.org"]
    assert broken.partial
    assert "contacts.csv line 7: Name" in str(broken.problem)
    assert set(broken.fields) == {"Email", "Phone"}
    assert rows([page])["multi@x.org"].fields["Name"] == "Two\nlines"


def test_rows_that_cannot_be_told_apart_let_no_row_pass_for_deleted(folder: Desk) -> None:
    folder.write(CONTACTS + "one,cell,too,many\r\n")
    (page,) = walk(folder.connect())
    assert not page.complete
    assert "no row is taken for deleted" in page.problems[-1]


def test_blank_rows_are_left_out_and_a_header_alone_is_a_complete_listing(folder: Desk) -> None:
    folder.write("Email,Name\n\n,\nann@x.org,Ann\n\n")
    (page,) = walk(folder.connect())
    assert (list(rows([page])), page.problems, page.complete) == (["ann@x.org"], [], True)
    folder.write("Email,Name\n")
    (page,) = walk(folder.connect())
    assert (list(page.records), page.complete) == ([], True)


def test_a_missing_or_empty_file_is_an_error_and_never_a_listing(folder: Desk) -> None:
    connector = folder.connect()
    folder.write(b"")
    with pytest.raises(SchemaChanged, match="is empty"):
        connector.read("contacts", None)
    folder.file.unlink()
    with pytest.raises(SchemaChanged, match="There is no file"):
        connector.read("contacts", None)
    shutil.rmtree(folder.path)
    with pytest.raises(Unavailable, match="not be mounted"):
        connector.read("contacts", None)


def test_a_file_cut_inside_a_letter_is_garbled(folder: Desk) -> None:
    folder.write("Email,Name\nann@x.org,Ann".encode("utf-16") + b"\x41")
    with pytest.raises(Garbled, match="saved half"):
        walk(folder.connect())


def test_a_lost_id_column_names_those_there_are(folder: Desk) -> None:
    folder.write("Mail,Name\nann@x.org,Ann\n")
    with pytest.raises(SchemaChanged, match="no column 'Email'") as caught:
        folder.connect().read("contacts", None)
    assert "Mail, Name" in caught.value.remedy
    with pytest.raises(ConfigError, match="does not say which column") as caught_too:
        folder.connect(id=None).read("contacts", None)
    assert "Mail" in caught_too.value.remedy


def test_a_file_outside_the_folder_is_refused(folder: Desk) -> None:
    with pytest.raises(ConfigError, match="not inside the folder"):
        folder.connect(file="../secrets.csv")


def test_an_unchanged_file_is_not_opened(folder: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    os.utime(folder.file, (1_700_000_000, 1_700_000_000))
    connector = folder.connect()
    (page,) = walk(connector)

    def opened(*_: Any, **__: Any) -> None:
        raise AssertionError("the file was opened")

    monkeypatch.setattr(Path, "open", opened)
    assert connector.read("contacts", page.next) == Page([], page.next)


def test_a_touched_file_is_no_news_and_a_changed_one_is_listed_whole(folder: Desk) -> None:
    connector = folder.connect()
    cursor = walk(connector)[-1].next
    os.utime(folder.file, (1_700_000_000, 1_700_000_000))
    (page,) = walk(connector, cursor)
    assert not page.records
    folder.write(CONTACTS.replace("Bob", "Rob"))
    (page,) = walk(connector, page.next)
    assert (page.complete, rows([page])["bob@x.org"].fields["Name"]) == (True, "Rob")


def test_a_change_of_the_same_size_within_a_tick_of_the_clock_is_seen(folder: Desk) -> None:
    connector = folder.connect()
    cursor = walk(connector)[-1].next
    stat = folder.file.stat()
    folder.write(CONTACTS.replace("Bob", "Rob"))
    os.utime(folder.file, ns=(stat.st_mtime_ns, stat.st_mtime_ns))
    assert rows(walk(connector, cursor))["bob@x.org"].fields["Name"] == "Rob"


def test_other_options_read_the_stream_anew(folder: Desk) -> None:
    cursor = walk(folder.connect())[-1].next
    (page,) = walk(folder.connect(id="Name"), cursor)
    assert list(rows([page])) == ["Ann", "Bob", "Cy"]


def many(count: int) -> str:
    return "Email,Name,Phone\n" + "".join(f"p{n}@x.org,Person {n},\n" for n in range(count))


def test_a_change_during_a_walk_expires_the_cursor(folder: Desk) -> None:
    folder.write(many(PAGE + 5))
    connector = folder.connect()
    first = connector.read("contacts", None)
    assert first.more
    folder.write(many(PAGE + 6))
    with pytest.raises(CursorExpired):
        connector.read("contacts", first.next)


def test_a_second_row_with_the_same_id_is_noticed_pages_later_and_after_a_restart(folder: Desk) -> None:
    folder.write(many(PAGE) + "p0@x.org,Again,\n")
    first = folder.connect().read("contacts", None)
    (last,) = walk(folder.connect(), first.next)
    assert not last.records
    assert "line 2 has the same Email" in last.problems[0]


def test_our_own_write_in_place_does_not_break_a_walk(folder: Desk) -> None:
    folder.write(many(2 * PAGE))
    connector = folder.connect("in_place")
    first = connector.read("contacts", None)
    connector.write("contacts", [update("p1@x.org", Name="A much longer name"), delete("p2@x.org")])
    connector.write("contacts", [create(Email="new@x.org"), update("p1500@x.org", Name="Later")])
    rest = rows(walk(connector, first.next))
    assert len(rest) == PAGE + 1
    assert rest["p1500@x.org"].fields["Name"] == "Later"
    assert "new@x.org" in rest


@pytest.mark.slow
def test_a_hundred_thousand_rows_are_read_in_constant_memory(folder: Desk) -> None:
    with folder.file.open("w", encoding="utf-8") as file:
        file.write("Email,Name,Notes\n")
        for n in range(100_000):
            file.write(f'person{n}@example.org,Person {n},"Said ""yes"" to offer {n}"\n')
    connector = folder.connect()
    cursor, count = None, 0
    tracemalloc.start()
    try:
        while True:
            page = connector.read("contacts", cursor)
            count, cursor = count + len(page.records), page.next
            if not page.more:
                break
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (count, page.complete) == (100_000, True)
    assert peak < 8_000_000, f"{peak:,} bytes for a file of {folder.file.stat().st_size:,}"


def test_a_row_whose_id_a_person_changed_is_another_row(folder: Desk) -> None:
    """Nothing in a sheet tells that it was the same one; only the hub's own change of an id is told as a move."""
    folder.write("Email,Name\nann@x.org,Ann\n")
    connector = folder.connect()
    (page,) = walk(connector)
    folder.write("Email,Name\nann@new.org,Ann\n")
    (page,) = walk(connector, page.next)
    assert (list(rows([page])), page.complete) == (["ann@new.org"], True)
    (gone,) = connector.fetch("contacts", ["ann@x.org"])
    assert (gone.deleted, gone.moved_to) == (True, None)
