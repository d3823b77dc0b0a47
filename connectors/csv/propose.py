"""Proposes a mapping for a folder of spreadsheets, as YAML with comments for a person to read and mend.

Headers are matched with canonical fields by name, by a few synonyms, and by what the values look like. What
cannot be told (a date that may be read two ways, a word outside a choice) is said in a comment instead of
guessed.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

from connectors.csv import words
from connectors.csv.sniff import Column, best_id, columns_of, date_order, sniff, style_of
from core.errors import ToolError
from core.model.shape import Field, Shape
from core.model.shapes import KIND_ORDER

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+\Z")
_PHONE = re.compile(r"\+?[\d ()./-]{7,20}\Z")
_PLAIN = re.compile(r"[A-Za-z_][\w .()-]*(?<! )\Z")
_NOT_PLAIN = {"yes", "no", "true", "false", "on", "off", "null", "y", "n", "~"}
_DATE = re.compile(r"\d{1,4}([-./ ])\d{1,2}[-./ ](\d{1,4})\Z")


def propose_mapping(folder: Path, shapes: Mapping[str, Shape], options: Mapping[str, Any] | None = None) -> str:
    """A mapping for the files of a folder. `options` (such as `dates`) overrule what is found in every file."""
    tables, silent = [], []
    for path in sorted(folder.glob("*.csv")):
        try:
            tables.append(_Table.of(path, shapes, options or {}))
        except ToolError as error:
            silent.append(f"# {path.name}: {error.message}")
    known = [table for table in tables if table.kind in shapes]
    known.sort(key=lambda table: (KIND_ORDER.index(table.kind or ""), table.path.name))
    silent += [f"# {table.path.name}: nothing tells what it holds" for table in tables if not table.kind]
    parts = [
        "# Proposed from the files' headers and values. Check each line, and run `concord check`.",
        *silent,
        "version: 1",
    ]
    for table in known:
        parts += ["", *_stream(table, shapes[table.kind or ""], known)]
    return "\n".join(parts) + "\n"


@dataclass
class _Table:
    path: Path
    kind: str | None
    options: dict[str, Any]
    columns: list[Column]
    ids: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, path: Path, shapes: Mapping[str, Shape], options: Mapping[str, Any]) -> _Table:
        found = sniff(path, options)
        columns = columns_of(path, style_of(path, found))
        return cls(path, _kind(path.stem, columns, shapes), found, columns, _ids(columns))


def _kind(stem: str, columns: Sequence[Column], shapes: Mapping[str, Shape]) -> str | None:
    """By the file's name, or by the kind that knows most of its headers (three at least)."""
    for kind, names in words.KINDS.items():
        if kind in shapes and plain(stem) in names.split():
            return kind
    headers = {plain(column.name) for column in columns}

    def known(kind: str) -> int:
        return sum(1 for name in shapes[kind].fields if headers & {plain(name), *_synonyms(kind, name)})

    best = max(shapes, key=known)
    return best if known(best) >= 3 else None


def _ids(columns: Sequence[Column]) -> list[str]:
    """The column, or the first two columns together, that tell the rows apart."""
    if one := best_id(columns):
        return [one]
    rows = max((len(column.values) for column in columns), default=0)
    full = [column for column in columns if len(column.values) == rows][:6]
    for pair in combinations(full, 2):
        if len(set(zip(pair[0].values, pair[1].values, strict=True))) == rows:
            return [column.name for column in pair]
    return []


def plain(name: str) -> str:
    """A header without capitals, accents, spaces and signs."""
    spelled = name.casefold().replace("ä", "ae").replace("ö", "oe").replace("ü", "ue").replace("ß", "ss")
    letters = unicodedata.normalize("NFKD", spelled)
    return "".join(letter for letter in letters if letter.isalnum())


def _synonyms(kind: str, name: str) -> list[str]:
    return (words.FIELDS.get(f"{kind}.{name}") or words.FIELDS.get(name, "")).split()


# One stream.


def _stream(table: _Table, shape: Shape, tables: Sequence[_Table]) -> list[str]:
    lines = [f"{_quoted(table.path.stem)}:", f"  as: {shape.kind}", "  options:"]
    lines += [f"    {name}: {value}" for name, value in _options(table)]
    if not table.ids:
        lines.append("    # No column tells the rows apart: say which ones do, e.g. id: [Name, City]")
    lines.append("  fields:")
    matched, left = _matched(table, shape, tables)
    for name, column in matched.items():
        line, remark = _line(table, shape.fields[name], column, tables)
        if remark:
            lines.append(f"    # {remark}")
        if line:
            lines.append(f"    {name}: {line}")
    if address := _address(shape, left):
        parts = ", ".join(f"{part}: {_quoted(name)}" for part, name in address)
        lines.append(f"    address: {{field: {{{parts}}}}}")
        left = [column for column in left if column.name not in dict(address).values()]
    if left:
        lines.append(f"    # Not mapped: {', '.join(column.name for column in left)}")
    return lines


def _options(table: _Table) -> list[tuple[str, str]]:
    found = table.options
    said = [("file", _quoted(table.path.name))]
    if table.ids:
        names = [_quoted(name) for name in table.ids]
        said.append(("id", names[0] if len(names) == 1 else f"[{', '.join(names)}]"))
    said += [("encoding", found["encoding"]), ("delimiter", json.dumps(found["delimiter"]))]
    said += [("header", "false")] if not found["header"] else []
    said += [("decimal", "comma")] if found["decimal"] == "comma" else []
    if found.get("dates") in {"day-first", "month-first", "iso"}:
        said.append(("dates", found["dates"]))
    return said


Fits = Callable[[Field, Column], bool]


def _matched(table: _Table, shape: Shape, tables: Sequence[_Table]) -> tuple[dict[str, Column], list[Column]]:
    """Field → column, and the columns left: by the field's own name, as a known reference, by a synonym, by look."""

    def refers(one: Field, column: Column) -> bool:
        return one.type == "ref" and by_synonym(one, column) and bool(_ref(one, column, tables)[0])

    def by_synonym(one: Field, column: Column) -> bool:
        return plain(column.name) in _synonyms(shape.kind, one.name)

    left, matched = list(table.columns), {}
    ways: tuple[Fits, ...] = (refers, _by_name, by_synonym, _by_look)
    for fits in ways:
        for name, one in shape.fields.items():
            if name in matched or one.type == "address":
                continue
            column = next((column for column in left if fits(one, column)), None)
            if column and (one.type != "ref" or fits is refers or _unclaimed(shape, column)):
                matched[name] = column
                left.remove(column)
    return {name: matched[name] for name in shape.fields if name in matched}, left


def _unclaimed(shape: Shape, column: Column) -> bool:
    """Whether no plain field would take a column whose values are nobody's ids."""
    return not any(
        one.type not in {"ref", "address"} and plain(column.name) in [plain(name), *_synonyms(shape.kind, name)]
        for name, one in shape.fields.items()
    )


def _by_name(one: Field, column: Column) -> bool:
    return plain(one.name) == plain(column.name)


def _by_look(one: Field, column: Column) -> bool:
    if one.name == "email":
        return column.share(_EMAIL) > 0.9
    named = any(word in plain(column.name) for word in ("phone", "tel", "mobil"))
    return one.name == "phone" and named and column.share(_PHONE) > 0.9


def _address(shape: Shape, left: Sequence[Column]) -> list[tuple[str, str]]:
    if "address" not in shape.fields:
        return []
    found = []
    for part, names in words.ADDRESS.items():
        if column := next((column for column in left if plain(column.name) in names.split()), None):
            found.append((part, column.name))
    return found


# One line.


def _line(table: _Table, one: Field, column: Column, tables: Sequence[_Table]) -> tuple[str | None, str]:
    """The right side of a line, and a remark for the person who checks it."""
    name = _quoted(column.name)
    if one.type == "ref":
        return _ref(one, column, tables)
    if one.type in {"date", "instant"}:
        return _date(table, one, column)
    if one.type == "number":
        return f"{{field: {name}, steps: [text_number]}}", ""
    if one.type == "money":
        return _money(table, name)
    if one.type == "tags":
        separator = ";" if any(";" in value for value in column.values) else ","
        return f'{{field: {name}, steps: [{{list: "{separator}"}}]}}', ""
    if one.type == "flag":
        return _flag(name, column)
    if one.choices and (strange := sorted(set(column.values) - set(one.choices))):
        shown = ", ".join(strange[:5])
        return None, f"{one.name} could be {column.name}, with a vocabulary for: {shown}"
    return f"{{field: {name}}}", ""


def _ref(one: Field, column: Column, tables: Sequence[_Table]) -> tuple[str | None, str]:
    """A reference, where a file of that kind has these ids."""
    for table in tables:
        if table.kind == one.of and len(table.ids) == 1:
            ids = next(set(other.values) for other in table.columns if other.name == table.ids[0])
            met = sum(1 for value in column.values if value in ids)
            if column.values and met >= len(column.values) / 2:
                steps = ", steps: [list]" if one.many else ""
                return f"{{field: {_quoted(column.name)}{steps}, ref: {one.of}}}", ""
    return None, f"{one.name} could be {column.name}, but no file has its values as ids"


def _date(table: _Table, one: Field, column: Column) -> tuple[str | None, str]:
    name = _quoted(column.name)
    order = table.options.get("dates") if date_order(column.values) != "iso" else "iso"
    found = (match.groups() for value in column.values if (match := _DATE.match(value)))
    spellings = {(separator, len(year)) for separator, year in found}
    if order in {"iso", None} or one.type == "instant" or len(spellings) > 1:
        return f"{{field: {name}}}", ""
    separator, year = next(iter(spellings), ("/", 4))
    signs = ["%m", "%d"] if order == "month-first" else ["%d", "%m"]
    pattern = separator.join([*signs, "%Y" if year == 4 else "%y"])
    remark = f"{column.name} can be read day first or month first: check this pattern" if order == "ambiguous" else ""
    return f'{{field: {name}, steps: [{{date: "{pattern}"}}]}}', remark


def _money(table: _Table, name: str) -> tuple[str | None, str]:
    for column in table.columns:
        if plain(column.name) in words.CURRENCY.split():
            return f"{{field: {{amount: {name}, currency: {_quoted(column.name)}}}}}", ""
    return f"{{field: {name}, steps: [money]}}", "In the installation's currency; another one is {money: USD}"


def _flag(name: str, column: Column) -> tuple[str | None, str]:
    said = {value.casefold() for value in column.values}
    for pair in words.YES_NO:
        if said <= set(pair):
            spelled = [next((v for v in column.values if v.casefold() == word), word) for word in pair]
            return f"{{field: {name}, steps: [{{yes_no: {json.dumps(spelled, ensure_ascii=False)}}}]}}", ""
    return None, f"{column.name} is neither yes nor no in every row"


def _quoted(name: str) -> str:
    if _PLAIN.match(name) and name.casefold() not in _NOT_PLAIN and name.isascii():
        return name
    return json.dumps(name, ensure_ascii=False)
