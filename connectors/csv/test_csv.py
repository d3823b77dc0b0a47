"""The folder of spreadsheets keeps the contract, both ways of writing; and what only a sheet can get wrong."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from connectors._kit.contract import ContractSuite, Harness
from connectors._kit.hostile.people import People
from connectors.csv.by_hand import walk
from connectors.csv.connector import PAGE, build
from core.mapping import load, translator
from core.model.shapes import SHAPES
from core.ports import Context

ROOT = Path(__file__).resolve().parents[2]
PAYLOADS = Path(__file__).parent / "payloads"


# The contract.


def _columns(stream: str) -> list[str]:
    """The columns that the default mapping names."""
    mapping = load((ROOT / "mappings/csv.yaml").read_text(encoding="utf-8"), file="csv.yaml")
    return list(dict.fromkeys(name for line in mapping.streams[stream].lines for name in (*line.reads, *line.writes)))


IDS = {"owners": "Email", "companies": "Name", "contacts": "Email", "deals": "Deal ID"}


class SheetHarness(Harness):
    """A folder with the files of the default mapping; the person works with Python's own csv module."""

    connector = "csv"
    several_pages = PAGE + 1
    write = "in_place"
    people = People(
        "contacts",
        {"email": "Email", "first_name": "First Name", "last_name": "Last Name", "job_title": "Job Title"},
    )

    def start(self) -> None:
        for stream, id_ in IDS.items():
            names = dict.fromkeys([id_, *_columns(stream)])
            self._file(stream).write_text(",".join(names) + "\r\n", encoding="utf-8", newline="")

    def take_down(self) -> None:
        self.folder.rename(self.folder.with_name(f"{self.folder.name}-away"))

    def settings(self) -> dict[str, Any]:
        return {"folder": str(self.folder), "write": self.write}

    def options(self) -> Mapping[str, Mapping[str, Any]]:
        return {stream: {"file": f"{stream}.csv", "id": id_} for stream, id_ in IDS.items()}

    def sample(self, stream: str, number: int) -> dict[str, Any]:
        one = {"Phone": f"+44207946{number:04}", "Notes": f'Called, wants\n{number} "quick" answers'}
        own = {
            "owners": {"Email": f"o{number}@example.org", "Name": f"Owner {number}", "Phone": one["Phone"]},
            "companies": {"Name": f"Shore & Söhne {number}", **one},
            "contacts": {"Email": f"c{number}@example.org", "First Name": "Ann", **one},
            "deals": {"Deal ID": f"D{number}", "Deal Name": "=1+1", "Notes": one["Notes"]},
        }
        return own[stream]

    def change(self, stream: str, number: int) -> dict[str, Any]:
        return {"Name" if stream == "owners" else "Notes": f"changed {number}"}

    def clearable(self, stream: str) -> str:
        return "Name" if stream == "owners" else "Notes"

    def refused(self, stream: str) -> dict[str, Any]:
        return {IDS[stream]: "x", "Name" if stream == "owners" else "Notes": "a\0b"}

    def create(self, stream: str, fields: dict[str, Any]) -> str:
        names = next(csv.reader(io.StringIO(self._text(stream), newline="")))
        with self._file(stream).open("a", encoding="utf-8", newline="") as file:
            csv.DictWriter(file, names, restval="").writerow(fields)
        return str(fields[IDS[stream]])

    def edit(self, stream: str, id_: str, fields: dict[str, Any]) -> None:
        self._save(stream, [row | fields if row[IDS[stream]] == id_ else row for row in self._rows(stream)])

    def delete(self, stream: str, id_: str) -> None:
        self._save(stream, [row for row in self._rows(stream) if row[IDS[stream]] != id_])

    def show(self, stream: str, id_: str) -> dict[str, Any] | None:
        rows = (row for row in self._rows(stream, seen=True) if row[IDS[stream]] == id_)
        return next(({name: _unguarded(cell) for name, cell in row.items()} for row in rows), None)

    def count(self, stream: str) -> int:
        return len(self._rows(stream, seen=True))

    def _file(self, stream: str) -> Path:
        return self.folder / f"{stream}.csv"

    def _text(self, stream: str, *, seen: bool = False) -> str:
        out = self.folder / "out" / f"{stream}.csv"
        path = out if seen and self._out_is_newer(stream, out) else self._file(stream)
        return path.read_bytes().decode("utf-8")

    def _out_is_newer(self, stream: str, out: Path) -> bool:
        return out.exists() and out.stat().st_mtime_ns >= self._file(stream).stat().st_mtime_ns

    def _rows(self, stream: str, *, seen: bool = False) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self._text(stream, seen=seen), newline="")))

    def _save(self, stream: str, rows: list[dict[str, str]]) -> None:
        names = next(csv.reader(io.StringIO(self._text(stream), newline="")))
        with self._file(stream).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(rows)


def _unguarded(cell: str) -> str:
    return cell[1:] if cell.startswith(("'+", "'=")) else cell


class BesideHarness(SheetHarness):
    """The same, where the hub writes beside the source."""

    write = "beside"


class TestInPlace(ContractSuite):
    harness = SheetHarness


class TestBeside(ContractSuite):
    harness = BesideHarness


# The sales pipeline.


def crm_sales() -> Path:
    shared = Path(os.environ.get("CONCORD_SHARED") or ROOT.parent / "shared") / "data" / "crm-sales"
    if not shared.is_dir():
        pytest.skip(f"the sales pipeline is not in {shared}; CONCORD_SHARED names the folder above `data`")
    return shared


def translated(folder: Path) -> dict[str, list[Any]]:
    text = (ROOT / "mappings/examples/crm-sales.yaml").read_text(encoding="utf-8")
    mapping = load(text, file="crm-sales.yaml")
    streams = {name: stream.options for name, stream in mapping.streams.items()}
    connector = build(Context("sales", {"folder": str(folder)}, lambda: 0, streams))
    read = {}
    for name, stream in mapping.streams.items():
        pages = walk(connector, stream=name)
        assert pages[-1].complete
        assert not [problem for page in pages for problem in page.problems]
        turn = translator(stream, shapes=SHAPES)
        read[name] = [one for page in pages for one in turn.read([remote.fields for remote in page.records])]
    connector.close()
    return read


def test_a_few_rows_of_the_sales_pipeline_are_mended_on_the_way_in() -> None:
    read = translated(PAYLOADS / "crm-sales")
    bioholding = next(one.values for one in read["companies"] if one.values["name"] == "Bioholding")
    assert bioholding["country"] == "PH"
    assert bioholding["annual_revenue"] == {"amount": "587340000.00", "currency": "USD"}
    bluth = next(one.values for one in read["companies"] if one.values["name"] == "Bluth Company")
    assert (bluth["industry"], bluth["parent"], bluth["founded_year"]) == ("technology", "Acme Corporation", 1993)
    isdom = read["deals"][1].values
    assert isdom == {
        "name": "GTX Pro for Isdom", "company": "Isdom", "owner": "Darcel Schlecht", "product": "GTX Pro",
        "stage": "Won", "status": "won", "engaged_on": "2016-10-25", "close_date": "2017-03-11",
        "amount": {"amount": "4514.00", "currency": "USD"},
    }  # fmt: skip
    homeless = [one for one in read["deals"] if "company" not in one.values]
    assert len(homeless) == 1
    assert homeless[0].values["name"] == "MG Special"
    assert read["owners"][0].values == {"name": "Anna Snelling", "team": "Dustin Brinkmann", "office": "Central"}


def test_the_whole_sales_pipeline_comes_in() -> None:
    read = translated(crm_sales())
    assert {name: len(found) for name, found in read.items()} == {"owners": 35, "companies": 85, "deals": 8800}
    homeless = [one for one in read["deals"] if "company" not in one.values]
    assert len(homeless) == 1425
    assert all("company" in one.said for one in homeless), "the sheet says that there is none"
    assert not [one.problems for found in read.values() for one in found if one.problems]
    assert sum(1 for one in read["deals"] if one.values["status"] == "open") == 2089
    assert sum(1 for one in read["companies"] if one.values["country"] == "PH") == 1
