"""Edits against a view: which rows would change and how, decided in full before anything is kept or drawn.

Each edit gets its receipt; one that cannot be done leaves no trace. `keep` turns the outcome into overlays.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from connectors.csv.notes import MADE, Overlay
from connectors.csv.style import refuse_unwritable, with_decimals
from connectors.csv.view import Line, View, id_of, version_of
from core.errors import Exists, Gone, Refused, Stale, ToolError
from core.model.values import Json
from core.ports import Edit, Fields, Receipt, Verb

_ID_COLUMN = re.compile(r"(?i:(?:^|[\W_])(?:id|key|no|nr|number|uuid|guid|code|ref)\W*$)|[a-z]I[Dd]$")
"""Headers of columns that only tell rows apart: id, Deal ID, customer_no, contactId."""


@dataclass
class Draft:
    """The rows that a batch of edits touches, as they would be."""

    view: View
    rows: dict[str, Line] = field(default_factory=dict)
    """Rows looked up or made, by the id they have now."""
    looked: set[str] = field(default_factory=set)
    touched: dict[str, Line] = field(default_factory=dict)
    """Rows to keep, by their first id."""
    creates: list[tuple[str, str]] = field(default_factory=list)
    moves: list[tuple[str, str]] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)

    def take(self, edits: Sequence[Edit]) -> list[Receipt]:
        """Decide every edit, in order."""
        self._look({self._aim(edit) for edit in edits} - {""})
        return [self._receipt(edit) for edit in edits]

    def keep(self) -> None:
        """Note the outcome, in one transaction."""
        notes, file = self.view.notes, self.view.file
        with notes:
            for key, made in self.creates:
                notes.note_create(file, key, made)
                notes.drop_move(file, made)
            for old, new in self.moves:
                notes.note_move(file, old, new)
                notes.note_written(file, old)
            for name in self.columns:
                notes.add_column(file, name)
            for line in self.touched.values():
                notes.note_written(file, line.id)
                if line.source is not None:
                    notes.drop_added(file, line.home)
                overlay = overlay_for(line)
                if overlay:
                    notes.keep(file, overlay)
                else:
                    notes.drop(file, line.home)
            drawn, drawing, _ = notes.drawn(file)
            notes.note_drawn(file, drawn, drawing, due=True)

    def _receipt(self, edit: Edit) -> Receipt:
        try:
            if edit.verb is Verb.CREATE:
                return self._create(edit)
            return self._delete(edit) if edit.verb is Verb.DELETE else self._update(edit)
        except ToolError as error:
            return Receipt(error=error)

    # One method a verb.

    def _create(self, edit: Edit) -> Receipt:
        cells, columns = self._cells(edit.fields)
        aim = self._aim(edit)
        if not aim:
            raise Refused(
                f"a new row in {self.view.file} needs one of: {', '.join(self.view.ids)}",
                remedy="Give the record a value for it, or identify rows by an id column, which the hub can fill.",
            )
        if line := self._row(aim):
            if dict(self.creates).get(edit.key) == aim or self.view.notes.made_by(self.view.file, edit.key) == aim:
                return self._shown(line)
            raise Exists(f"{self.view.file} has a row with this id", remote_id=line.id)
        if id_of(cells, self.view.ids) is None:
            cells[self.view.ids[0]] = aim
        self._grow(columns)
        self.creates.append((edit.key, aim))
        return self._shown(self._put(Line(aim, MADE + aim, cells, None)))

    def _update(self, edit: Edit) -> Receipt:
        line = self._existing(edit)
        changes, columns = self._cells(edit.fields)
        cells = {**(line.cells or {}), **changes}
        now = id_of(cells, self.view.ids)
        if now is None:
            raise Refused(f"{self._place(line)}: the cells that identify the row cannot be cleared")
        if now != line.id:
            if self._row(now):
                raise Refused(f"{self._place(line)}: another row has the id which this one would get")
            self.moves.append((line.id, now))
            self.rows.pop(line.id)
        self._grow(columns)
        return self._shown(self._put(line._replace(id=now, cells=cells)))

    def _delete(self, edit: Edit) -> Receipt:
        line = self._existing(edit)
        self.rows.pop(line.id)
        self.touched[line.home] = line._replace(cells=None)
        return Receipt(remote_id=line.id)

    # Help for these.

    def _existing(self, edit: Edit) -> Line:
        aim = edit.remote_id or ""
        line = self._row(aim)
        if line is None:
            moved = self.view.notes.moved_to(self.view.file, aim)
            raise Gone(f"{self.view.file} has no row with this id", moved_to=moved, id=aim)
        if edit.version is not None and edit.version != self.view.remote(line).version:
            raise Stale(f"{self._place(line)} changed since it was read", id=aim)
        return line

    def _aim(self, edit: Edit) -> str:
        """The id an edit is about; for a create the one its cells give, or one derived from its key."""
        if edit.verb is not Verb.CREATE:
            return edit.remote_id or ""
        cells = {name: str(value) for name, value in flat(edit.fields).items() if isinstance(value, (str, int))}
        given = id_of(cells, self.view.ids)
        return given or (generated_id(edit.key) if fills_ids(self.view.ids) else "")

    def _look(self, ids: set[str]) -> None:
        fresh = ids - self.looked
        self.rows.update(self.view.find(fresh))
        self.looked |= fresh

    def _row(self, aim: str) -> Line | None:
        if aim not in self.looked:
            self._look({aim})
        return self.rows.get(aim)

    def _put(self, line: Line) -> Line:
        self.rows[line.id] = self.touched[line.home] = line
        self.looked.add(line.id)
        return line

    def _cells(self, fields: Fields) -> tuple[dict[str, str], list[str]]:
        """The text of each field, and the columns that would have to be added. Raises `Refused`."""
        known = {*self.view.columns, *self.columns}
        cells, columns = {}, []
        for name, value in flat(fields).items():
            text = text_of(value, name, self.view.file)
            if name not in self.view.ids:
                text = with_decimals(text, self.view.decimal)
            refuse_unwritable(text, name, self.view.file, self.view.sheet.style)
            if name in known:
                cells[name] = text
            elif text:
                cells[name] = text
                columns.append(name)
        if columns and not self.view.sheet.style.header:
            raise Refused(f"{self.view.file} has no header line, so no column {columns[0]!r} can be added")
        return cells, columns

    def _grow(self, columns: list[str]) -> None:
        self.columns += [name for name in columns if name not in self.columns]

    def _shown(self, line: Line) -> Receipt:
        cells = dict.fromkeys((*self.view.columns, *self.columns), "") | (line.cells or {})
        shown = self.view.remote(line._replace(cells=cells))
        return Receipt(shown.id, shown.version, fields=shown.fields, whole=not shown.partial)

    def _place(self, line: Line) -> str:
        return f"{self.view.file} line {line.row.line}" if line.row else self.view.file


def overlay_for(line: Line) -> Overlay | None:
    """What must be remembered so that the row stands as in `line`; None where nothing must."""
    if line.source is None:
        if line.cells is None:
            return None
        return Overlay(line.home, line.id, {name: ("", text) for name, text in line.cells.items()}, made=True)
    if line.cells is None:
        return Overlay(line.home, line.id, {}, gone=version_of(line.source))
    written = {
        name: (line.source.get(name, ""), text)
        for name, text in line.cells.items()
        if line.source.get(name, "") != text
    }
    return Overlay(line.home, line.id, written) if written else None


def fills_ids(ids: tuple[str, ...]) -> bool:
    """Whether the hub may make up ids: in a column that is there for that, and never in an email or a name."""
    return len(ids) == 1 and bool(_ID_COLUMN.search(ids[0]))


def generated_id(key: str) -> str:
    """The id for a new row that brings none: derived from the edit's key, so that a repeat gives the same."""
    return "c" + hashlib.blake2s(key.encode(), digest_size=8).hexdigest()


def flat(fields: Fields, prefix: str = "") -> dict[str, Json]:
    """Fields by column name; a nested value is a column whose name has a dot."""
    found: dict[str, Json] = {}
    for name, value in fields.items():
        if isinstance(value, dict) and value:
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


def text_of(value: Json, column: str, file: str) -> str:
    """A value as cell text; None is an empty cell. Raises `Refused` for what is no single value."""
    if value is None or value == {}:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return str(value)
    raise Refused(
        f"{file}: a cell holds one text, and {column!r} was given a list",
        remedy="Add a step to the mapping line that joins the values.",
        field=column,
    )
