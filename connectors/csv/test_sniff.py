"""What is found out about a file, and the mapping proposed from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connectors.csv.propose import propose_mapping
from connectors.csv.sniff import date_order, sniff
from core.errors import ConfigError
from core.mapping import load
from core.model.shapes import SHAPES

PAYLOADS = Path(__file__).parent / "payloads"
GERMAN = "Kunde-Nr;Größe;Wert\n1;groß;1.234,50\n2;süß;12,00\n3;öde;3,99\n"


def found(tmp_path: Path, content: str | bytes, **options: Any) -> dict[str, Any]:
    path = tmp_path / "a.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return sniff(path, options)


@pytest.mark.parametrize(
    ("codec", "said"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-16-be", "utf-16-be"),
        ("cp1252", "cp1252"),
        ("latin-1", "cp1252"),
    ],
)
def test_encodings_are_told_apart(tmp_path: Path, codec: str, said: str) -> None:
    assert found(tmp_path, GERMAN.encode(codec))["encoding"] == said


def test_another_alphabet_is_guessed_from_its_letters(tmp_path: Path) -> None:
    text = "Имя;Город\n" + "Анна Петрова;Москва, улица Ленина\n" * 5
    assert found(tmp_path, text.encode("cp1251"))["encoding"] == "cp1251"


def test_one_bad_byte_does_not_change_the_reading_of_all_others(tmp_path: Path) -> None:
    assert found(tmp_path, GERMAN.encode() + b"4;\xff;1\n")["encoding"] == "utf-8"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_told_apart_by_even_rows(tmp_path: Path, delimiter: str) -> None:
    rows = [["Name", "Says", "Mail"], ["Ann", '"a,b;c|d"', "ann@x.org"], ["Bob", '"1, 2; 3"', "bob@x.org"]]
    text = "\n".join(delimiter.join(row) for row in rows)
    assert found(tmp_path, text)["delimiter"] == ("tab" if delimiter == "\t" else delimiter)


def test_decimals_ids_and_headers_are_found(tmp_path: Path) -> None:
    said = found(tmp_path, GERMAN)
    assert (said["decimal"], said["id"], said["header"]) == ("comma", "Kunde-Nr", True)
    assert said["candidates"] == ["Kunde-Nr", "Größe", "Wert"]
    assert found(tmp_path, "ann@x.org,Ann,3\nbob@x.org,Bob,4\n")["header"] is False
    assert found(tmp_path, "Email,City\na@x.org,Ayr\na@x.org,\n").get("id") is None


@pytest.mark.parametrize(
    ("values", "order"),
    [
        (["20-10-16", "01-03-17"], "day-first"),
        (["03/25/2026", "01/02/2026"], "month-first"),
        (["2026-11-21"], "iso"),
        (["01/02/2026", "03/04/2026"], "ambiguous"),
        (["none"], None),
    ],
)
def test_the_order_of_a_date_is_known_or_said_to_be_open(values: list[str], order: str | None) -> None:
    assert date_order(values) == order


def test_what_is_said_is_kept_and_nonsense_refused(tmp_path: Path) -> None:
    assert found(tmp_path, "a;b\n1;2\n", delimiter=",")["delimiter"] == ","
    with pytest.raises(ConfigError, match="not an encoding"):
        found(tmp_path, "a;b\n", encoding="klingon")
    with pytest.raises(ConfigError, match="one character"):
        found(tmp_path, "a;b\n", delimiter=";;")


def test_the_sales_pipeline_is_proposed_line_by_line() -> None:
    text = propose_mapping(PAYLOADS / "crm-sales", SHAPES)
    mapping = load(text, file="proposed.yaml")
    assert {name: stream.kind for name, stream in mapping.streams.items()} == {
        "sales_teams": "owner", "accounts": "company", "sales_pipeline": "deal",
    }  # fmt: skip
    assert "parent: {field: subsidiary_of, ref: company}" in text
    assert 'close_date: {field: close_date, steps: [{date: "%d-%m-%y"}]}' in text
    assert "id: opportunity_id" in text
    assert "# Not mapped: opportunity_id" in text


def test_headers_in_other_languages_and_odd_names_are_matched(tmp_path: Path) -> None:
    (tmp_path / "Kontakte.csv").write_text(
        "E-Mail;Vorname;Nachname;Telefon-Nr.;Firma;PLZ;Ort;Aktiv: ja\n"
        "ann@x.org;Ann;Shore;+44 20 7946 0018;Söhne;10115;Berlin;ja\n",
        encoding="cp1252",
    )
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "odd.csv").write_text("x,y\n1,2\n")
    text = propose_mapping(tmp_path, SHAPES)
    lines = load(text, file="proposed.yaml").streams["Kontakte"].lines
    assert {line.field: line.remote for line in lines if line.remote} == {
        "first_name": "Vorname", "last_name": "Nachname", "email": "E-Mail", "phone": "Telefon-Nr.",
        "company_name": "Firma",
    }  # fmt: skip
    assert "address: {field: {city: Ort, postal_code: PLZ}}" in text
    assert "# Not mapped: Aktiv: ja" in text
    assert "# odd.csv: nothing tells what it holds" in text
    assert "# empty.csv: empty.csv is empty" in text


def test_an_open_date_is_proposed_with_a_warning_unless_settled(tmp_path: Path) -> None:
    (tmp_path / "deals.csv").write_text("Deal ID,Name,Close Date\n1,A,01/02/2026\n2,B,03/04/2026\n")
    open_ = propose_mapping(tmp_path, SHAPES)
    assert "# Close Date can be read day first or month first: check this pattern" in open_
    settled = propose_mapping(tmp_path, SHAPES, {"dates": "month-first"})
    assert 'steps: [{date: "%m/%d/%Y"}]' in settled
    assert "can be read" not in settled
