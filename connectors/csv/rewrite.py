"""Writes a sheet anew, whole or not at all: rows that do not change keep every byte.

The new file is complete and on disk before it takes the place of the old one, so a crash leaves one or the other.
What changes is decided elsewhere (`view`, `draft`); how a cell is spelled, in `style`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

from connectors.csv.sheet import Fingerprint, Row, Sheet, scan
from connectors.csv.style import Style, line_end_of, respell, spell, spell_row
from core.errors import ConcordError


class FileMoved(Exception):
    """Somebody saved the file while it was being written anew; nothing was replaced."""


class Rewritten(NamedTuple):
    """The file after a rewrite; `watched` is where the watched place of the old file is now."""

    fingerprint: Fingerprint
    watched: int | None


Change = Callable[[Row], Mapping[str, str] | None]
"""Gives a row's changed cells by column (empty: leave every byte), or None to take the row out."""


def rewrite(
    sheet: Sheet,
    target: Path,
    change: Change,
    added: Iterable[Mapping[str, str]] = (),
    *,
    columns: Sequence[str] = (),
    before: Callable[[Fingerprint], bool] = lambda _: True,
    watch: int | None = None,
) -> Rewritten:
    """Write the sheet anew to `target` (its own path or another), whole or not at all.

    Rows without changes keep every byte. `columns` are appended to the header where it lacks them. The new
    file is complete on disk before it takes the place of the old one; just `before`, somebody may look at
    what it will be, and `FileMoved` is raised if they say no. `watch` is a place in the old file to find
    again in the new one.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.concord-new")
    try:
        temporary.touch(mode=0o600)
        with temporary.open("wb") as out:
            watched = _write_rows(sheet, _Sink(out, sheet.style), change, added, columns, watch)
            out.flush()
            os.fsync(out.fileno())
        shutil.copymode(sheet.path, temporary)
        fingerprint = Fingerprint.of(temporary)
        if not before(fingerprint):
            raise FileMoved
        temporary.replace(target)
    except (OSError, FileMoved, ConcordError):
        temporary.unlink(missing_ok=True)
        raise
    _keep_folder(target.parent)
    return Rewritten(fingerprint, watched)


class _Sink:
    """The new file: text in, bytes out, and whether its last row was ended."""

    def __init__(self, out: BinaryIO, style: Style) -> None:
        self.out, self.style, self.at, self.ended = out, style, 0, True

    def put(self, raw: str) -> None:
        block = raw.encode(self.style.codec, self.style.errors)
        self.out.write(block)
        self.at += len(block)
        self.ended = raw.endswith(("\n", "\r"))

    def end_row(self) -> None:
        if not self.ended:
            self.put(self.style.line_end)


def _write_rows(
    sheet: Sheet,
    sink: _Sink,
    change: Change,
    added: Iterable[Mapping[str, str]],
    columns: Sequence[str],
    watch: int | None,
) -> int | None:
    names = [*sheet.columns, *(name for name in columns if name not in sheet.columns)]
    places = {name: place for place, name in enumerate(names)}
    wider = len(names) > len(sheet.columns)
    _write_head(sheet, sink, names)
    watched = None
    for row in scan(sheet.path, sheet.style, sheet.body, sheet.body_line, sheet.name):
        if row.start == watch:
            watched = sink.at
        checked = sheet.checked(row)
        changes = {} if row.blank or checked.broken else change(checked)
        if changes is None:
            continue
        if changes or (wider and not row.blank and not checked.broken):
            new = {places[name]: text for name, text in changes.items()}
            sink.put(respell(row.raw, sheet.style, new, len(names)))
        else:
            sink.put(row.raw)
    if watch is not None and watched is None:
        watched = sink.at
    for cells in added:
        sink.end_row()
        sink.put(spell_row([cells.get(name, "") for name in names], sheet.style))
    return watched


def _write_head(sheet: Sheet, sink: _Sink, names: Sequence[str]) -> None:
    """The byte order mark, the lines before the header, and the header, longer where columns were added."""
    sink.out.write(sheet.style.bom)
    sink.at += len(sheet.style.bom)
    with sheet.path.open("rb") as file:
        file.seek(sink.at)
        head = file.read(sheet.body - sink.at).decode(sheet.style.codec, sheet.style.errors)
    if len(names) > len(sheet.columns):
        added = [spell(name, sheet.style) for name in names[len(sheet.columns) :]]
        end = line_end_of(head)
        head = sheet.style.delimiter.join([head[: len(head) - len(end)], *added]) + end
    if head:
        sink.put(head)


def _keep_folder(folder: Path) -> None:
    """Make the new name durable; where a folder cannot be synced (some systems), the rename stands anyway."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
