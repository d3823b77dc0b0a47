"""A sheet as it stands now: the rows of the source with what the hub has written over them.

The one rule: a cell holds the hub's text as long as the source still holds what it held when the hub wrote;
once a person changes the cell there, the source's word stands. `draw` puts the view on disk, beside the
source or in its place, and `Notes` carries it over restarts. Which edits become which overlays is decided in
`draft`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import xxhash

from connectors.csv.notes import Notes, Overlay
from connectors.csv.rewrite import Rewritten, rewrite
from connectors.csv.sheet import Fingerprint, Row, Sheet
from connectors.csv.style import plain_number
from core.ports import Remote

Cells = Mapping[str, str]
"""Column → text."""


def version_of(cells: Cells) -> str:
    """An opaque version that changes with any cell; columns that are empty do not count."""
    spelled = "\x1f".join(f"{name}\x1e{text}" for name, text in sorted(cells.items()) if text)
    return xxhash.xxh3_64_hexdigest(spelled.encode("utf-8", "surrogatepass"))


def id_of(cells: Cells, columns: tuple[str, ...]) -> str | None:
    """The id that a row's cells give: the one cell, or several joined by ` | `; None where all are blank."""
    parts = [cells.get(name, "").strip() for name in columns]
    if not any(parts):
        return None
    if len(parts) == 1:
        return parts[0]
    return " | ".join(part.replace("\\", "\\\\").replace("|", "\\|") for part in parts)


def merge(source: Cells | None, overlay: Overlay) -> tuple[dict[str, str] | None, Overlay | None]:
    """A row as it stands now (None: it is not there) and what is left of the overlay."""
    if overlay.gone is not None:
        if source is not None and version_of(source) == overlay.gone:
            return None, overlay
        return (dict(source), None) if source is not None else (None, None)
    if overlay.made:
        if source is not None:
            return dict(source), None
        return {name: text for name, (_, text) in overlay.cells.items()}, overlay
    if source is None:
        return None, None
    live = {name: pair for name, pair in overlay.cells.items() if source.get(name, "") == pair[0]}
    cells = {**source, **{name: text for name, (_, text) in live.items()}}
    return cells, overlay._replace(cells=live) if live else None


class Line(NamedTuple):
    """One row as it stands now. `cells` None: taken out by the hub. `row` None: the hub added it."""

    id: str
    home: str
    cells: dict[str, str] | None
    source: dict[str, str] | None
    row: Row | None = None
    before: Overlay | None = None
    after: Overlay | None = None
    """What the hub wrote over it, and what is left of that."""


@dataclass(frozen=True, slots=True)
class View:
    """A sheet with the hub's overlays. `ids` are the columns that tell its rows apart.

    `plain` says that there were no overlays when the view was made, which spares the look-ups.
    """

    sheet: Sheet
    notes: Notes
    ids: tuple[str, ...]
    columns: tuple[str, ...]
    """Those of the source, then those that the hub added."""
    decimal: str | None
    plain: bool

    @classmethod
    def of(cls, sheet: Sheet, notes: Notes, ids: tuple[str, ...], decimal: str | None = None) -> View:
        """The view as of now."""
        added = (name for name in notes.columns(sheet.name) if name not in sheet.columns)
        plain = not any(notes.overlays(sheet.name, limit=1))
        return cls(sheet, notes, ids, (*sheet.columns, *added), decimal, plain)

    @property
    def file(self) -> str:
        """The name under which the notes know the sheet."""
        return self.sheet.name

    def line(self, row: Row) -> Line | None:
        """A row of the source as it stands now; None where it has no id, or cannot be understood."""
        if row.broken:
            return None
        source = dict(zip(self.sheet.columns, row.cells, strict=True))
        home = id_of(source, self.ids)
        if home is None or (row.bad and any(self.sheet.columns[at] in self.ids for at in row.bad)):
            return None
        overlay = self.overlay_of(home)
        if overlay is None:
            return Line(home, home, source, source, row)
        cells, left = merge(source, overlay)
        now = home if cells is None else id_of(cells, self.ids) or home
        return Line(now, home, cells, source, row, overlay, left)

    def settle(self, line: Line) -> None:
        """Forget what the source has taken over or overruled of what the hub wrote over a row."""
        if line.before is not None and line.after != line.before:
            self.notes.drop(self.file, line.before.home)
            if line.after:
                self.notes.keep(self.file, line.after._replace(id=line.id))

    def remote(self, line: Line) -> Remote:
        """A row as the hub is shown it; cells that hold no text are left out and told."""
        columns, row = self.sheet.columns, line.row
        bad = {columns[at] for at in row.bad} if row and row.bad else ()
        text = dict.fromkeys(self.columns, "") | (line.cells or {})
        kept = {name: cell for name, cell in text.items() if name not in bad}
        shown = {name: self._shown(name, cell) for name, cell in kept.items()} if self.decimal else kept
        problem = row.problem if row else None
        return Remote(line.id, shown, version_of(kept), problem=problem, partial=bool(bad))

    def _shown(self, name: str, cell: str) -> str:
        return cell if name in self.ids else plain_number(cell, self.decimal)

    def overlay_of(self, home: str) -> Overlay | None:
        """What the hub wrote over a row of the source; also a row it added that a person took over into the source."""
        if self.plain:
            return None
        overlay = self.notes.overlay(self.file, home)
        if overlay is None:
            now = self.notes.overlay_now(self.file, home)
            overlay = now if now and now.made else None
        return overlay

    def added(self, *, after: str = "", limit: int = -1) -> Iterator[Line]:
        """The rows that the hub added and the source does not have (see `settle`), by their first ids."""
        for overlay in self.notes.overlays(self.file, after=after, limit=limit):
            if overlay.made:
                cells, _ = merge(None, overlay)
                yield Line(overlay.id, overlay.home, cells, None)

    def find(self, wanted: Collection[str]) -> dict[str, Line]:
        """The rows with these ids as they stand now, the first where an id stands twice. Reads the file once."""
        found: dict[str, Line] = {}
        if not wanted:
            return found
        with closing(self.sheet.rows()) as rows:
            for row in rows:
                line = self.line(row)
                if line and line.id in wanted and line.cells is not None:
                    found.setdefault(line.id, line)
        for line in self.added():
            if line.id in wanted:
                found.setdefault(line.id, line)
        return found

    def forget_missing(self, seen: Callable[[str], bool]) -> None:
        """Forget what was written over rows that a person has taken out of the source since."""
        for overlay in self.notes.overlays(self.file):
            if not overlay.made and not seen(overlay.home):
                self.notes.drop(self.file, overlay.home)


def draw(
    view: View, target: Path, before: Callable[[Fingerprint], bool] = lambda _: True, watch: int | None = None
) -> Rewritten:
    """Put the view on disk, whole or not at all; see `rewrite` for `before` and `watch`."""
    taken_over: set[str] = set()

    def change(row: Row) -> Mapping[str, str] | None:
        line = view.line(row)
        if line is None or line.source is None:
            return {}
        if (own := view.overlay_of(line.home)) and own.made:
            taken_over.add(own.home)
        if line.cells is None:
            return None
        return {name: text for name, text in line.cells.items() if line.source.get(name, "") != text}

    added = (line.cells or {} for line in view.added() if line.home not in taken_over)
    return rewrite(view.sheet, target, change, added, columns=view.columns, before=before, watch=watch)


def set_aside(target: Path, known: Collection[str | None]) -> Path | None:
    """Move a sheet that a person changed out of the way, since the hub is about to replace it; None if none did."""
    if not target.exists():
        return None
    digest = Fingerprint.of(target).digest
    if digest in known:
        return None
    aside = target.with_name(f"{target.stem}.by-hand-{digest[:8]}{target.suffix}")
    target.replace(aside)
    return aside
