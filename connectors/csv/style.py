"""How one spreadsheet file is spelled: cells as text and back, without losing how the file spelled them.

The smallest things of this connector: the style of a file, the guard against formulas, quoting, and cutting
the raw text of a row into its cells. Nothing here opens a file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from core.errors import Refused

LONGEST_CELL = 131_072
"""Characters; a longer cell is nearly always a quote that was never closed, and a sheet program would cut it."""

_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
_GUARDED = re.compile(r"''*[=+\-@\t\r\n]")
_NEGATIVE_NUMBER = re.compile(r"-\d+(?:[.,]\d+)*\Z")

_WITH_COMMA = re.compile(r"-?(?:\d{1,3}(?:\.\d{3})+(?:,\d+)?|\d+,\d+)\Z")
_GROUPED = re.compile(r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?\Z")
_FRACTION = re.compile(r"-?\d+\.\d+\Z")


class Style(NamedTuple):
    """The spelling of a file. `codec` names no byte order mark; that is `bom`, kept as it was found."""

    codec: str = "utf-8"
    bom: bytes = b""
    delimiter: str = ","
    quote: str = '"'
    line_end: str = "\r\n"
    header: bool = True
    skip: int = 0
    quote_all: bool = False

    @property
    def errors(self) -> str:
        """How bytes that are not text are carried through untouched."""
        return "surrogatepass" if self.codec.startswith("utf-16") else "surrogateescape"

    def size(self, text: str) -> int:
        """How many bytes a text takes in the file."""
        if text.isascii() and not self.codec.startswith("utf-16"):
            return len(text)
        return len(text.encode(self.codec, self.errors))


def guard(text: str) -> str:
    """Keep a sheet program from taking a cell for a formula: a leading apostrophe, except before -12.5.

    What is guarded already is guarded once more, so that `unguard` gives back exactly what was meant.
    """
    if _FORMULA.match(text) and not _NEGATIVE_NUMBER.match(text):
        return "'" + text
    return text


def unguard(text: str) -> str:
    """Take the guard's apostrophe off again."""
    return text[1:] if _GUARDED.match(text) else text


def plain_number(text: str, decimal: str | None) -> str:
    """A number written with a decimal comma (or, with `point`, with commas between thousands) as programs write it.

    Other text, and all text where the mapping names no `decimal`, is given back as it is.
    """
    if decimal == "comma" and _WITH_COMMA.match(text):
        return text.replace(".", "").replace(",", ".")
    if decimal == "point" and _GROUPED.match(text):
        return text.replace(",", "")
    return text


def with_decimals(text: str, decimal: str | None) -> str:
    """The way back: 1234.5 as 1234,5 where the file keeps decimal commas."""
    return text.replace(".", ",") if decimal == "comma" and _FRACTION.match(text) else text


def spell(text: str, style: Style, *, quoted: bool = False, alone: bool = False) -> str:
    """One cell as it stands in the file: guarded, and quoted where it was, must be, or the whole file is.

    `alone` is for the only column of a file, where an empty cell would read as a blank row.
    """
    text = guard(text)
    must = style.delimiter in text or style.quote in text or "\r" in text or "\n" in text
    if quoted or style.quote_all or must or (alone and not text):
        return style.quote + text.replace(style.quote, style.quote * 2) + style.quote
    return text


def line_end_of(raw: str) -> str:
    """The line end a raw row carries; empty for a last row without one."""
    return next((end for end in ("\r\n", "\n", "\r") if raw.endswith(end)), "")


def tokens(raw: str, style: Style) -> list[str]:
    """The cells of a raw row exactly as they are spelled, quotes included, the line end left off."""
    body = raw[: len(raw) - len(line_end_of(raw))]
    cell = _cell_pattern(style.delimiter, style.quote)
    found, at = [], 0
    while True:
        match = cell.match(body, at)
        token = match[0] if match else ""
        found.append(token)
        at += len(token)
        if at >= len(body):
            return found
        at += 1


@lru_cache(maxsize=64)
def _cell_pattern(delimiter: str, quote: str) -> re.Pattern[str]:
    d, q = re.escape(delimiter), re.escape(quote)
    return re.compile(rf"{q}[^{q}]*(?:{q}{q}[^{q}]*)*{q}|[^{d}]*")


def respell(raw: str, style: Style, changes: Mapping[int, str], width: int) -> str:
    """A raw row with some cells changed and widened to `width` cells; every other cell keeps its spelling."""
    cells = tokens(raw, style)
    cells += [spell("", style)] * (width - len(cells))
    for place, text in changes.items():
        cells[place] = spell(text, style, quoted=cells[place].startswith(style.quote), alone=width == 1)
    return style.delimiter.join(cells) + line_end_of(raw)


def spell_row(cells: Sequence[str], style: Style) -> str:
    """A new row in the file's style."""
    alone = len(cells) == 1
    return style.delimiter.join(spell(cell, style, alone=alone) for cell in cells) + style.line_end


def refuse_unwritable(cell: str, column: str, file: str, style: Style) -> None:
    """Raise `Refused` for text the file cannot hold: a NUL, too long, or a letter its encoding does not have."""
    if "\0" in cell or len(cell) > LONGEST_CELL - 2:
        raise Refused(
            f"{file} cannot hold the value for {column!r}: it has a NUL character or is longer than"
            f" {LONGEST_CELL:,} characters",
            field=column,
        )
    try:
        cell.encode(style.codec)
    except UnicodeEncodeError as error:
        raise Refused(
            f"{file} is kept in {style.codec}, which has no {cell[error.start]!r} (for {column!r})",
            remedy="Save the file as UTF-8; the hub then writes the row by itself.",
            field=column,
        ) from error
