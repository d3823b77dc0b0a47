"""CSV as Bulk 2.0 writes and reads it: its delimiters, its line ends, its spelling of values."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from connectors.salesforce.sandbox_schema import Field
from core.model.values import Json

DELIMITERS = {"COMMA": ",", "SEMICOLON": ";", "TAB": "\t", "PIPE": "|", "CARET": "^", "BACKQUOTE": "`"}
LINE_ENDS = {"LF": "\n", "CRLF": "\r\n"}
NULL = "#N/A"
"""Clears a field; an empty cell leaves it as it is."""


def written(rows: Iterable[Sequence[str]], delimiter: str, line_end: str) -> bytes:
    """Rows as a file; every cell is quoted."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=DELIMITERS[delimiter], lineterminator=LINE_ENDS[line_end],
               quoting=csv.QUOTE_ALL).writerows(rows)  # fmt: skip
    return text.getvalue().encode()


def read(data: bytes, delimiter: str) -> tuple[list[str], list[dict[str, str]]]:
    """The columns of a file, and its rows by column."""
    text = io.StringIO(data.decode("utf-8-sig"), newline="")
    reader = csv.DictReader(text, delimiter=DELIMITERS[delimiter])
    return list(reader.fieldnames or []), [{name: value or "" for name, value in row.items() if name} for row in reader]


def cell(field: Field, value: Json) -> str:
    """A value as a cell: moments end in `Z` here, where JSON says `+0000`; nothing is nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if field.type == "datetime":
        return str(value).replace("+0000", "Z")
    return str(value)


def fields_of(row: Mapping[str, str]) -> dict[str, Json]:
    """What a row of an upload asks for; `Account.Key__c` names a parent by its external id."""
    fields: dict[str, Json] = {}
    for name, text in row.items():
        if text == "":
            continue
        value = None if text == NULL else text
        parent, dot, key = name.partition(".")
        fields[parent] = {key: value} if dot else value
    return fields
