"""A walk through a file: the place in it, as the cursor carries it, and what has been seen on the way.

The ids already shown are kept in a temporary database on disk, so that a second row with the same id is
noticed however long the file is, without holding them in memory.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from connectors.csv.sheet import Fingerprint, Row
from connectors.csv.view import Line, View
from core.errors import CursorExpired
from core.model.values import Json
from core.ports import Cursor


class Place(NamedTuple):
    """Where a walk stands. Not `walking`: the file with this fingerprint has been shown whole.

    `at` and `line` are the next row's; `after` is the last row shown of those the hub added; `unread` counts
    rows that could not be told apart. `seq` is the hub's own latest write when the walk began.
    """

    file: Fingerprint
    mark: str
    walking: bool = False
    at: int | None = None
    line: int | None = None
    unread: int = 0
    after: str | None = None
    seq: int = 0

    @classmethod
    def of(cls, cursor: Cursor | None) -> Place | None:
        """Read a cursor; `CursorExpired` for one of another make."""
        if not cursor:
            return None
        try:
            return cls(Fingerprint(*cursor["file"]), **_rest(cursor))
        except (KeyError, TypeError, ValueError) as error:
            raise CursorExpired("The cursor is not one of this connector's") from error

    def cursor(self) -> dict[str, Json]:
        """The form in which the hub keeps the place."""
        said = self._asdict() | {"file": list(self.file)}
        return {name: value for name, value in said.items() if value is not None}


def _rest(cursor: Mapping[str, Json]) -> dict[str, Any]:
    return {name: value for name, value in cursor.items() if name != "file"}


class Seen:
    """Ids met so far and the lines they stand on; private, on disk, gone when closed."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._database.execute("pragma cache_size = -2000")
        self._database.execute("create table ids (id text primary key, line integer) without rowid")
        self._database.execute("create table homes (id text primary key) without rowid")
        self._database.execute("begin")

    def add(self, one: str, line: int) -> int | None:
        """Remember an id; gives the line on which it stood before, if it did."""
        added = self._database.execute("insert or ignore into ids values (?, ?)", (one, line)).rowcount
        if added:
            return None
        found = self._database.execute("select line from ids where id = ?", (one,)).fetchone()
        return int(found[0])

    def add_home(self, home: str) -> None:
        """Remember the id that a row has in the source, where it is another one now."""
        self._database.execute("insert or ignore into homes values (?)", (home,))

    def has(self, one: str) -> bool:
        """Whether an id was met."""
        return bool(self._database.execute("select 1 from ids where id = ?", (one,)).fetchone())

    def has_home(self, home: str) -> bool:
        """Whether a row of the source with this id was met."""
        query = "select 1 from ids where id = ? union all select 1 from homes where id = ?"
        return bool(self._database.execute(query, (home, home)).fetchone())

    def close(self) -> None:
        """Throw it away."""
        self._database.close()


@dataclass
class Walk:
    """One walk in progress."""

    mark: str
    seen: Seen
    at: int | None = None
    """The place in the file behind the last row taken."""

    def take(self, view: View, row: Row) -> tuple[Line | None, str | None, bool]:
        """What a row says: the line to show, a problem to tell, and whether a record may hide behind the problem."""
        line = view.line(row)
        if line is None:
            return None, row.problem or f"{view.file} line {row.line}: {_ids(view)} is blank", True
        if line.cells is None:
            self.seen.add_home(line.home)
            return line, None, False
        earlier = self.seen.add(line.id, row.line)
        if earlier is not None:
            return None, f"{view.file} line {row.line}: line {earlier} has the same {_ids(view)}", False
        if line.home != line.id:
            self.seen.add_home(line.home)
        return line, None, False


def _ids(view: View) -> str:
    return " and ".join(view.ids)
