"""Spelling laws: what is written is read again, whatever it is; what was not written keeps its bytes."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.csv.connector import build
from connectors.csv.rewrite import rewrite
from connectors.csv.sheet import open_sheet
from connectors.csv.style import Style, guard, respell, spell_row, tokens, unguard
from core.ports import Context, Edit, Verb

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
AWKWARD = st.text("'=+-@\t\r\n\",;|\\ a1.é\ufeff", max_size=8)
CELL = TEXT | AWKWARD
STYLES = st.builds(
    Style,
    codec=st.sampled_from(["utf-8", "utf-16-le", "utf-16-be"]),
    delimiter=st.sampled_from(",;\t|"),
    quote=st.sampled_from("\"'"),
    line_end=st.sampled_from(["\r\n", "\n", "\r"]),
    quote_all=st.booleans(),
)


@given(CELL)
@example("'=1")
@example("''-2")
@example("-12.5")
@example("\t")
def test_the_guard_comes_off_as_it_went_on(text: str) -> None:
    assert unguard(guard(text)) == text


@given(CELL)
def test_nothing_that_a_sheet_program_would_run_stands_bare(text: str) -> None:
    guarded = guard(text)
    try:
        float(text.replace(",", "."))
    except ValueError:
        assert not guarded.startswith(("=", "+", "-", "@", "\t", "\r")) or text.count(",") + text.count(".") > 1


def test_phones_are_guarded_and_negative_numbers_are_not() -> None:
    assert [guard(text) for text in ("+442079460000", "-12.5", "-1+1", "=1", "Ann", "@x", "-1\n")] == [
        "'+442079460000", "-12.5", "'-1+1", "'=1", "Ann", "'@x", "'-1\n",
    ]  # fmt: skip


@given(st.lists(CELL, min_size=1, max_size=5), STYLES)
def test_a_row_is_cut_into_the_cells_it_was_made_of(cells: list[str], style: Style) -> None:
    raw = spell_row(cells, style)
    (read,) = csv.reader(io.StringIO(raw, newline=""), delimiter=style.delimiter, quotechar=style.quote, strict=True)
    assert [unguard(cell) for cell in read] == cells
    assert style.delimiter.join(tokens(raw, style)) + style.line_end == raw
    assert respell(raw, style, {}, len(cells)) == raw


@given(st.lists(st.tuples(CELL, CELL), max_size=8), STYLES, st.booleans())
def test_any_table_that_is_written_is_read_the_same(table: list[tuple[str, str]], style: Style, marked: bool) -> None:
    mark = {"utf-8": b"\xef\xbb\xbf", "utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}[style.codec]
    style = style._replace(bom=mark if marked or style.codec != "utf-8" else b"")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "t.csv")
        path.write_bytes(style.bom + spell_row(["id", "a", "b"], style).encode(style.codec))
        edits = [
            Edit(Verb.CREATE, "t", f"k{number}", fields={"id": f"r{number}", "a": a, "b": b})
            for number, (a, b) in enumerate(table)
        ]
        options = {
            "id": "id", "encoding": style.codec, "delimiter": style.delimiter, "quote": style.quote,
        }  # fmt: skip
        connector = build(Context("t", {"folder": folder, "write": "in_place"}, lambda: 0, {"t": options}))
        receipts = connector.write("t", edits)
        assert [receipt.error for receipt in receipts] == [None] * len(table)
        page = connector.read("t", None)
        connector.close()
        assert [(one.fields["a"], one.fields["b"]) for one in page.records] == table
        assert [one.version for one in page.records] == [receipt.version for receipt in receipts]
        assert not page.problems
        assert path.read_bytes().startswith(style.bom)


@given(st.binary(max_size=200))
@example(b'id,a\n1,"x\n2,y\n')
@example(b"id\n1\r2")
@example(b'id,a\n"1"x,2\n3,4')
def test_a_rewrite_without_a_change_keeps_any_file_to_the_byte(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path, copy = Path(folder, "a.csv"), Path(folder, "b.csv")
        path.write_bytes(b"id,a\n" + content)
        sheet = open_sheet(path, "a.csv", Style(line_end="\n"))
        rewrite(sheet, copy, lambda _: {})
        assert copy.read_bytes() == path.read_bytes()
        rows = list(sheet.rows())
        assert sum(row.end - row.start for row in rows) <= len(content)
        assert [row.line for row in rows] == sorted({row.line for row in rows})


def test_a_new_column_goes_behind_the_others_and_bad_rows_stay(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"id,a\n1,x\n\n2,y,z\n3,w")
    rewrite(open_sheet(path, "a.csv", Style()), path, lambda _: {}, [{"id": "4", "b": "v"}], columns=["b"])
    assert path.read_bytes() == b"id,a,b\n1,x,\n\n2,y,z\n3,w,\r\n4,,v\r\n"


@pytest.mark.parametrize("header", ["id,,id,id", " id ,'=x,id"])
def test_columns_have_names_and_no_name_stands_twice(tmp_path: Path, header: str) -> None:
    (tmp_path / "a.csv").write_text(header + "\n")
    names = open_sheet(tmp_path / "a.csv", "a.csv", Style()).columns
    assert names in [("id", "column 2", "id (2)", "id (3)"), ("id", "=x", "id (2)")]
