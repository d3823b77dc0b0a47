"""One spreadsheet file: read row by row with its places, with its place, and never held as a whole.

Memory does not grow with the file: rows are streamed, and a row knows its line, its place in bytes and its
raw text. What a row means (ids, edits, what the hub wrote before) is the affair of `connector` and `draft`.
"""

from __future__ import annotations

import csv
import io
import os
import re
import time
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import xxhash

from connectors.csv.style import LONGEST_CELL, Style, unguard
from core.errors import Garbled, SchemaChanged

_BLOCK = 1 << 18
_REST = 3_000_000_000
_NOT_TEXT = re.compile("[\0\ud800-\udfff]")


class Fingerprint(NamedTuple):
    """What a file held: its size and time tell cheaply that nothing changed, its digest tells for sure."""

    size: int
    mtime_ns: int
    digest: str
    settled: bool = True
    """Whether the file was at rest when it was read. Clocks of file systems tick slowly (some ms, FAT 2 s), so that
    a further save right after might not show in its time; such a file is read once more before it is trusted.
    """

    def fits(self, stat: os.stat_result) -> bool:
        """Whether the file has not been touched since."""
        return (self.size, self.mtime_ns) == (stat.st_size, stat.st_mtime_ns)

    @classmethod
    def of(cls, path: Path) -> Fingerprint:
        """Read the whole file once, in blocks. `stat` is taken first, so a change meanwhile shows later."""
        stat, hasher = path.stat(), xxhash.xxh3_128()
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                hasher.update(block)
        settled = time.time_ns() - stat.st_mtime_ns > _REST
        return cls(stat.st_size, stat.st_mtime_ns, hasher.hexdigest(), settled)


class Row(NamedTuple):
    """One row: its first line (1-based), its place in bytes, its raw text, and its cells or why it has none."""

    line: int
    start: int
    end: int
    lines: int
    raw: str
    cells: list[str]
    problem: str | None = None
    bad: tuple[int, ...] = ()
    """Places of cells that hold no text; with a problem and none of these, no cell of the row can be trusted."""

    @property
    def broken(self) -> bool:
        """Whether the row as a whole cannot be understood."""
        return self.problem is not None and not self.bad

    @property
    def blank(self) -> bool:
        """Whether nothing at all stands in the row."""
        return self.problem is None and not any(cell.strip() for cell in self.cells)


Rows = Generator[Row, None, None]
"""Rows as they are read; closing it closes the file."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file with its style and columns. The header row begins at byte `head`, the rows at `body`, `body_line`."""

    name: str
    path: Path
    style: Style
    columns: tuple[str, ...]
    head: int
    body: int
    body_line: int

    def rows(self, start: int | None = None, line: int | None = None) -> Rows:
        """The rows from a place (a row's `end`) on, blank ones left out; a bad one carries its problem.

        Raises `Garbled` where the file ends in the middle of a character, as a half-saved one does.
        """
        start, line = (self.body, self.body_line) if start is None or line is None else (start, line)
        for row in scan(self.path, self.style, start, line, self.name):
            if not row.blank:
                yield self.checked(row)

    def checked(self, row: Row) -> Row:
        """The row with its cells as they are meant, or with its problem and place."""
        place = f"{self.name} line {row.line}: "
        if row.problem:
            return row._replace(problem=place + row.problem)
        width, cells = len(self.columns), row.cells
        if len(cells) != width and (len(cells) < width or any(cell.strip() for cell in cells[width:])):
            return row._replace(problem=f"{place}{len(cells)} cells, where the header has {width}")
        if "'" in row.raw:
            cells = [unguard(cell) for cell in cells]
        cells = cells[:width]
        if row.raw.isascii() and "\0" not in row.raw:
            return row._replace(cells=cells)
        bad = tuple(at for at, cell in enumerate(cells) if _NOT_TEXT.search(cell))
        if not bad:
            return row._replace(cells=cells)
        names = ", ".join(self.columns[at] for at in bad)
        return row._replace(
            cells=cells,
            bad=bad,
            problem=f"{place}{names}: a NUL or a byte that is not {self.style.codec} text",
        )


def open_sheet(path: Path, name: str, style: Style) -> Sheet:
    """Read the header of a file. Raises `SchemaChanged` where there is none."""
    start, line = _skip_lines(path, style)
    with closing(scan(path, style, start, line, name)) as rows:
        first = next((row for row in rows if not row.blank), None)
    if first is None or first.problem:
        raise SchemaChanged(
            f"{name} has no header line" + (f": {first.problem}" if first and first.problem else ""),
            remedy="Give the file a first line that names its columns.",
            file=name,
        )
    if style.header:
        columns, body, body_line = _distinct(first.cells), first.end, first.line + first.lines
    else:
        columns, body, body_line = _numbered(len(first.cells)), first.start, first.line
    return Sheet(name, path, style, columns, first.start, body, body_line)


def _skip_lines(path: Path, style: Style) -> tuple[int, int]:
    """Byte and line after the lines that stand before the header."""
    start = len(style.bom)
    with path.open("rb") as file:
        file.seek(start)
        text = io.TextIOWrapper(file, encoding=style.codec, errors=style.errors, newline="")
        for _ in range(style.skip):
            start += style.size(text.readline())
        text.detach()
    return start, 1 + style.skip


def scan(path: Path, style: Style, start: int, line: int, name: str) -> Rows:
    """All rows of a file from a place on as they stand, blank ones too, cells still guarded."""
    with path.open("rb") as file:
        file.seek(start)
        text = io.TextIOWrapper(file, encoding=style.codec, errors=style.errors, newline="")
        lines = _Lines(text)
        reader = csv.reader(lines, delimiter=style.delimiter, quotechar=style.quote, strict=True)
        try:
            while True:
                problem, cells = None, []
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    problem = f"the quotes or cells cannot be told apart ({error})"
                    lines.keep_first()
                raw = lines.take()
                end = start + style.size(raw)
                yield Row(line, start, end, lines.taken, raw, cells, problem)
                start, line = end, line + lines.taken
        except UnicodeDecodeError as error:
            raise Garbled(
                f"{name} ends in the middle of a character; it may have been saved half", file=name
            ) from error
        finally:
            text.detach()


class _Lines:
    """The lines of a file, remembering those of the row being read and able to give them out again.

    An unclosed quote swallows what follows it; giving back all but its first line loses that line alone.
    """

    def __init__(self, text: io.TextIOWrapper) -> None:
        self.text = text
        self.held: list[str] = []
        self.again: list[str] = []
        self.taken = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self.again.pop() if self.again else self.text.readline(LONGEST_CELL * 8)
        if not line:
            raise StopIteration
        self.held.append(line)
        return line

    def keep_first(self) -> None:
        self.again += reversed(self.held[1:])
        del self.held[1:]

    def take(self) -> str:
        raw = self.held[0] if len(self.held) == 1 else "".join(self.held)
        self.taken = len(self.held)
        self.held.clear()
        return raw


def _numbered(width: int) -> tuple[str, ...]:
    return tuple(f"column {place}" for place in range(1, width + 1))


def _distinct(header: Sequence[str]) -> tuple[str, ...]:
    """Column names: trimmed, an empty one numbered, a repeated one followed by (2) and so on."""
    names: list[str] = []
    for place, cell in enumerate(header, 1):
        name = plain = unguard(cell).strip() or f"column {place}"
        count = 1
        while name in names:
            count += 1
            name = f"{plain} ({count})"
        names.append(name)
    return tuple(names)
