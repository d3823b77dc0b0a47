"""What the connector must remember between runs, in one small database beside the sheets.

For each file: which create made which row (so that a repeat is harmless), which id moved to which, and, where
the hub writes beside the source, what it wrote over each row and what stood there then. A write is noted
here, durably, before any file is replaced; after a power cut or a kill the sheets are made right from these
notes.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

FILE_NAME = ".concord.sqlite3"

MADE = "\x01"
"""Stands before the first id of a row that the hub added; no row of the source has such a home."""

_TABLES = """
create table if not exists creates (file text, key text, id text, primary key (file, key)) without rowid;
create table if not exists moves (file text, old text, new text, primary key (file, old)) without rowid;
create table if not exists overlays (
    file text, home text, id text, made integer, gone text, cells text, primary key (file, home)) without
    rowid;
create index if not exists overlay_ids on overlays (file, id); create table if not exists columns (file text,
place integer, name text, primary key (file, place)) without rowid; create table if not exists written (seq
integer primary key autoincrement, file text, id text); create table if not exists sheets (file text primary
key, drawn text, drawing text, due integer) without rowid;
"""


class Overlay(NamedTuple):
    """What the hub has written over one row of the source.

    `home` is the row's id in the source, `id` the one it has now. `cells` maps a column to what stood in the
    source when the hub wrote, and the hub's text. `made`: the hub added the row, and `home` is `MADE` and its
    first id.
    `gone`: the hub took the row out, when its version was this.
    """

    home: str
    id: str
    cells: dict[str, tuple[str, str]]
    made: bool = False
    gone: str | None = None


class Notes:
    """The notes of one folder. Nothing is created on disk before there is something to remember."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._database: sqlite3.Connection | None = None
        self._on_disk = False

    def open(self, *, to_write: bool = False) -> sqlite3.Connection:
        """The database; only in memory as long as there is no file and none is needed."""
        if self._database is None or (to_write and not self._on_disk):
            self.close()
            self._on_disk = to_write or self._path.exists()
            if self._on_disk:
                self._path.touch(mode=0o600)
            place = str(self._path) if self._on_disk else ":memory:"
            self._database = sqlite3.connect(place, isolation_level=None, check_same_thread=False)
            self._database.execute("pragma synchronous = full")
            self._database.executescript(_TABLES)
        return self._database

    def close(self) -> None:
        """Let go of the file."""
        if self._database is not None:
            self._database.close()
        self._database, self._on_disk = None, False

    def __enter__(self) -> Notes:
        self.open(to_write=True).execute("begin immediate")
        return self

    def __exit__(self, failed: type[BaseException] | None, *_: object) -> None:
        self.open().execute("rollback" if failed else "commit")

    # Creates and moves.

    def made_by(self, file: str, key: str) -> str | None:
        """The id of the row which a create with this key made or was about to make."""
        found = self.open().execute("select id from creates where file = ? and key = ?", (file, key)).fetchone()
        return found[0] if found else None

    def note_create(self, file: str, key: str, made: str) -> None:
        """Remember, before the row is written, which row a create makes."""
        self.open().execute("insert or replace into creates values (?, ?, ?)", (file, key, made))

    def moved_to(self, file: str, old: str) -> str | None:
        """The id that the row with the id `old` has now."""
        found = self.open().execute("select new from moves where file = ? and old = ?", (file, old)).fetchone()
        return found[0] if found else None

    def moves(self, file: str) -> list[tuple[str, str]]:
        """All moved ids: old and new."""
        return self.open().execute("select old, new from moves where file = ?", (file,)).fetchall()

    def note_move(self, file: str, old: str, new: str) -> None:
        """Remember that a row's id changed by the hub's own hand; earlier moves to `old` lead on to `new`."""
        run = self.open().execute
        run("update moves set new = ? where file = ? and new = ?", (new, file, old))
        run("delete from moves where file = ? and old = ?", (file, new))
        run("insert or replace into moves values (?, ?, ?)", (file, old, new))

    def drop_move(self, file: str, old: str) -> None:
        """Forget a move: another row has the id now."""
        self.open().execute("delete from moves where file = ? and old = ?", (file, old))

    # What the hub wrote, in order.

    def note_written(self, file: str, one: str) -> None:
        """Remember that the hub wrote to a row, so that the next poll shows it."""
        self.open().execute("insert into written (file, id) values (?, ?)", (file, one))

    def last_written(self, file: str) -> int:
        """The number of the latest write; 0 for none."""
        found = self.open().execute("select max(seq) from written where file = ?", (file,)).fetchone()
        return found[0] or 0

    def written(self, file: str, after: int, limit: int) -> list[tuple[int, str]]:
        """Number and id of the writes since a number; those before it are forgotten."""
        run = self.open().execute
        run("delete from written where file = ? and seq <= ?", (file, after))
        query = "select seq, id from written where file = ? and seq > ? order by seq limit ?"
        return run(query, (file, after, limit)).fetchall()

    # Overlays.

    def overlay(self, file: str, home: str) -> Overlay | None:
        """What was written over the row with this id in the source."""
        return self._one("home", file, home)

    def overlay_now(self, file: str, now: str) -> Overlay | None:
        """What was written over the row that has this id now."""
        return self._one("id", file, now)

    def _one(self, by: str, file: str, value: str) -> Overlay | None:
        query = {
            "home": "select home, id, made, gone, cells from overlays where file = ? and home = ?",
            "id": "select home, id, made, gone, cells from overlays where file = ? and id = ?",
        }[by]
        found = self.open().execute(query, (file, value)).fetchone()
        return _overlay(found) if found else None

    def overlays(self, file: str, *, after: str = "", limit: int = -1) -> Iterator[Overlay]:
        """All overlays of a file in the order of their homes."""
        query = "select home, id, made, gone, cells from overlays where file = ? and home > ? order by home limit ?"
        for found in self.open().execute(query, (file, after, limit)).fetchall():
            yield _overlay(found)

    def keep(self, file: str, overlay: Overlay) -> None:
        """Remember an overlay."""
        self.open().execute(
            "insert or replace into overlays values (?, ?, ?, ?, ?, ?)",
            (file, overlay.home, overlay.id, overlay.made, overlay.gone, json.dumps(overlay.cells)),
        )

    def clear(self, file: str) -> None:
        """Forget all overlays and added columns of a file: the file itself has them now."""
        with self:
            self.open().execute("delete from overlays where file = ?", (file,))
            self.open().execute("delete from columns where file = ?", (file,))

    def drop(self, file: str, home: str) -> None:
        """Forget an overlay: the source has taken it over, or overruled it."""
        self.open().execute("delete from overlays where file = ? and home = ?", (file, home))

    def drop_added(self, file: str, now: str) -> None:
        """Forget a row that the hub added and that has this id now: the source has it."""
        self.open().execute("delete from overlays where file = ? and id = ? and made", (file, now))

    # The sheet beside.

    def columns(self, file: str) -> list[str]:
        """Columns that the hub added, in order."""
        query = "select name from columns where file = ? order by place"
        return [name for (name,) in self.open().execute(query, (file,))]

    def add_column(self, file: str, name: str) -> None:
        """Remember a column that the hub added."""
        self.open().execute("insert into columns values (?, ?, ?)", (file, len(self.columns(file)), name))

    def drawn(self, file: str) -> tuple[str | None, str | None, bool]:
        """Digests of the sheet beside as last drawn and as being drawn, and whether it is due to be drawn anew."""
        found = self.open().execute("select drawn, drawing, due from sheets where file = ?", (file,)).fetchone()
        return (found[0], found[1], bool(found[2])) if found else (None, None, False)

    def note_drawn(self, file: str, drawn: str | None, drawing: str | None, *, due: bool) -> None:
        """Remember where the drawing of the sheet beside stands."""
        self.open().execute("insert or replace into sheets values (?, ?, ?, ?)", (file, drawn, drawing, int(due)))


def _overlay(found: tuple[str, str, int, str | None, str]) -> Overlay:
    home, now, made, gone, cells = found
    read = {name: (base, text) for name, (base, text) in json.loads(cells).items()}
    return Overlay(home, now, read, bool(made), gone)
