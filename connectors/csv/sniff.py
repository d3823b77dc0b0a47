"""Finds out how a file is spelled: encoding, delimiter, header, dates, decimals and which column tells rows apart.

`style_of` is what the connector reads with; `sniff` is the same told as mapping options, with what the values
look like. Guesses are only for what the mapping's `options:` do not say; `propose` writes them down once and
for all.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import charset_normalizer

from connectors.csv.sheet import open_sheet
from connectors.csv.style import Style, line_end_of, tokens
from core.errors import ConfigError, SchemaChanged

SAMPLE_BYTES: Final = 1 << 16
SAMPLE_ROWS: Final = 2_000
DELIMITERS: Final = (",", ";", "\t", "|")
NAMED_DELIMITERS: Final = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_NOT_WINDOWS: Final = b"\x81\x8d\x8f\x90\x9d"
_EIGHT_BIT: Final = ["cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "latin_1"]

_DATE: Final = re.compile(r"(\d{1,4})[-./ ](\d{1,2})[-./ ](\d{1,4})(?:[ T].*)?\Z")
_POINT: Final = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)\.\d+\Z")
_COMMA: Final = re.compile(r"[-+]?(?:\d{1,3}(?:[. ]\d{3})+|\d+),\d+\Z")
_NUMBER: Final = re.compile(r"[-+]?[\d., ]*\d\Z")


def style_of(path: Path, options: Mapping[str, Any] | None = None) -> Style:
    """How a file is spelled, by its mapping's options and otherwise by its content.

    Raises `SchemaChanged` for a file without a byte in it, `ConfigError` for options that make no sense.
    """
    options = options or {}
    with path.open("rb") as file:
        sample = file.read(SAMPLE_BYTES)
    if not sample:
        raise SchemaChanged(
            f"{path.name} is empty, not even a header line stands in it",
            remedy="It may have been saved half: save it again, or restore it.",
            file=path.name,
        )
    codec, bom = encoding_of(path, sample, options.get("encoding"))
    skip = int(options.get("skip") or 0)
    text = sample[len(bom) :].decode(codec, "replace")
    lines = io.StringIO(text, newline="").readlines()[skip:]
    quote = str(options.get("quote") or '"')
    named = options.get("delimiter")
    delimiter = NAMED_DELIMITERS.get(str(named), str(named)) if named else _delimiter_of(lines, quote)
    if len(delimiter) != 1 or len(quote) != 1:
        raise ConfigError(f"{path.name}: delimiter and quote are one character each (or: tab)")
    header = bool(options.get("header", True))
    style = Style(codec, bom, delimiter, quote, _line_end(lines), header, skip)
    return style._replace(quote_all=_all_quoted(lines[:3], style))


def encoding_of(path: Path, sample: bytes, named: object = None) -> tuple[str, bytes]:
    """The codec and byte order mark of a file; a mark that is there always counts.

    Text that is valid UTF-8, or has more valid letters beyond ASCII than stray bytes, is UTF-8: one bad byte
    in a large file must not turn every name in it into another one.
    """
    for bom, codec in _BOMS:
        if sample.startswith(bom):
            return codec, bom
    if named:
        return _plain_codec(str(named), path.name), b""
    nulls = sample[:4096].count(0)
    if nulls > len(sample[:4096]) // 4:
        return ("utf-16-le" if sample[1:2] == b"\0" else "utf-16-be"), b""
    letters, strays, around = _weigh_utf8(path)
    if letters >= strays:
        return "utf-8", b""
    return _eight_bit(around), b""


def _eight_bit(around: bytes) -> str:
    """The likeliest one-byte encoding; Windows-1252 unless another makes clearly less of a mess."""
    guesses = charset_normalizer.from_bytes(around, cp_isolation=_EIGHT_BIT)
    best = guesses.best()
    if best is None:
        return "cp1252"
    western = [guess for guess in guesses if {"cp1252", "latin_1"} & set(guess.could_be_from_charset)]
    if not any(guess.chaos <= best.chaos for guess in western):
        return best.encoding
    # Windows' set is Latin-1 plus quotes, dashes and the euro; what both have is the same.
    return "iso8859-1" if any(byte in _NOT_WINDOWS for byte in around) else "cp1252"


def _plain_codec(name: str, file: str) -> str:
    try:
        codec = codecs.lookup(name).name
    except LookupError as error:
        raise ConfigError(f"{file}: {name!r} is not an encoding; utf-8 and cp1252 are common ones") from error
    return {"utf-8-sig": "utf-8", "utf-16": "utf-16-le", "ascii": "utf-8"}.get(codec, codec)


def _weigh_utf8(path: Path) -> tuple[int, int, bytes]:
    """Letters beyond ASCII, bytes that are not UTF-8, and some text around the first of these; in blocks."""
    decode = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode
    letters = strays = 0
    around = b""
    with path.open("rb") as file:
        while block := file.read(SAMPLE_BYTES):
            text = decode(block)
            if text.isascii():
                continue
            here = len(re.findall("[\udc80-\udcff]", text))
            letters += len(re.findall("[^\x00-\x7f\udc80-\udcff]", text))
            strays += here
            if here and len(around) < SAMPLE_BYTES:
                around += block
    strays += len(decode(b"", final=True))
    return letters, strays, around


def _delimiter_of(lines: Sequence[str], quote: str) -> str:
    """The delimiter that gives most lines of the sample the header's number of cells, and at least two."""

    def fit(delimiter: str) -> tuple[int, int]:
        widths = [len(row) for row in csv.reader(islice(lines, 50), delimiter=delimiter, quotechar=quote) if row]
        if not widths or widths[0] < 2:
            return (0, 0)
        return (sum(1 for width in widths if width == widths[0]), widths[0])

    return max(DELIMITERS, key=fit)


def _line_end(lines: Sequence[str]) -> str:
    ends = Counter(end for end in map(line_end_of, lines[:50]) if end)
    return ends.most_common(1)[0][0] if ends else "\r\n"


def _all_quoted(lines: Sequence[str], style: Style) -> bool:
    cells = [token for line in lines for token in tokens(line, style) if line.strip()]
    return bool(cells) and all(cell.startswith(style.quote) for cell in cells)


class Column(NamedTuple):
    """What the sampled values of a column look like."""

    name: str
    values: tuple[str, ...]
    unique: bool
    """No blank and no repeated value in the rows looked at."""

    def share(self, pattern: re.Pattern[str]) -> float:
        """The share of the values that match a pattern."""
        return sum(1 for value in self.values if pattern.match(value)) / len(self.values) if self.values else 0.0


def columns_of(path: Path, style: Style) -> list[Column]:
    """The columns of a file with their non-blank values in the first rows."""
    sheet = open_sheet(path, path.name, style)
    with closing(sheet.rows()) as rows:
        good = [row.cells for row in islice(rows, SAMPLE_ROWS) if not row.problem]
    columns = []
    for place, name in enumerate(sheet.columns):
        values = tuple(cells[place].strip() for cells in good if cells[place].strip())
        unique = bool(good) and len(values) == len(good) and len(set(values)) == len(values)
        columns.append(Column(name, values, unique))
    return columns


def date_order(values: Iterable[str]) -> str | None:
    """`iso`, `day-first`, `month-first`, `ambiguous` (both readings fit every value), or None for no dates."""
    parts = [match.groups() for value in values if (match := _DATE.match(value))]
    if not parts:
        return None
    if all(len(first) == 4 for first, _, _ in parts):
        return "iso"
    if any(len(first) < 3 and int(first) > 12 for first, _, _ in parts):
        return "day-first"
    return "month-first" if any(int(second) > 12 for _, second, _ in parts) else "ambiguous"


def looks_like_dates(column: Column) -> bool:
    """Whether nearly all values of a column read as dates."""
    return column.share(_DATE) > 0.9


def looks_like_numbers(column: Column) -> bool:
    """Whether nearly all values of a column read as numbers."""
    return column.share(_NUMBER) > 0.9


def sniff(path: Path, options: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The mapping options that fit a file, what is already said in `options` kept.

    `encoding`, `delimiter`, `quote`, `header`, `dates` (iso, day-first, month-first, ambiguous; absent
    without dates), `decimal` (point, comma), `id` (the first candidate) and `candidates` (every unique, non-
    blank column).
    """
    style = style_of(path, {"header": _has_header(path, options), **(options or {})})
    columns = columns_of(path, style)
    dated = [value for column in columns if looks_like_dates(column) for value in column.values]
    numbers = [value for column in columns if looks_like_numbers(column) for value in column.values]
    found: dict[str, Any] = {
        "encoding": {codecs.BOM_UTF8: "utf-8-sig"}.get(style.bom, "utf-16" if style.bom else style.codec),
        "delimiter": "tab" if style.delimiter == "\t" else style.delimiter,
        "quote": style.quote,
        "header": style.header,
        "decimal": _decimal(numbers, style.delimiter),
    }
    if order := date_order(dated):
        found["dates"] = order
    found["candidates"] = [column.name for column in columns if column.unique]
    if best := best_id(columns):
        found["id"] = best
    return {**found, **(options or {})}


def _has_header(path: Path, options: Mapping[str, Any] | None) -> bool:
    """Whether the first row names columns: no cell of it is an address, a number or a date."""
    names = open_sheet(path, path.name, style_of(path, {**(options or {}), "header": True})).columns
    return not any("@" in name or _NUMBER.match(name) or _DATE.match(name) for name in names)


def best_id(columns: Sequence[Column]) -> str | None:
    """The likeliest id: a unique column named id, else one ending in id, else an email, else the first unique one."""
    unique = [column.name for column in columns if column.unique]

    def rank(name: str) -> int:
        plain = re.sub(r"[^a-z]", "", name.lower())
        return 0 if plain == "id" else 1 if plain.endswith(("id", "key", "uuid")) else 2 if "mail" in plain else 3

    return min(unique, key=rank, default=None)


def _decimal(numbers: Sequence[str], delimiter: str) -> str:
    """Decimal comma or point; without any fraction seen, the comma goes with the semicolon as delimiter."""
    commas = sum(1 for number in numbers if _COMMA.match(number))
    points = sum(1 for number in numbers if _POINT.match(number))
    if commas == points:
        return "comma" if delimiter == ";" else "point"
    return "comma" if commas > points else "point"
