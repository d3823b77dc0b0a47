"""A folder of spreadsheets as a tool: each stream is a file, each row a record, and its cells are the fields.

Here stand the protocols: which file a stream is, pages and cursors, where the sheet is written. What a row is
after the hub wrote to it is told in `view`, what edits do in `draft`, bytes and quotes in `sheet` and
`style`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path

from connectors.csv.draft import Draft, fills_ids, generated_id
from connectors.csv.folder import Folder
from connectors.csv.rewrite import FileMoved
from connectors.csv.sheet import Fingerprint
from connectors.csv.view import Line, View, draw, set_aside
from connectors.csv.walk import Place, Seen, Walk
from core.errors import (
    ConfigError,
    CursorExpired,
    Forbidden,
    ToolError,
    Unavailable,
    Unknown,
    Unsupported,
)
from core.ports import (
    Checkup,
    Context,
    Cursor,
    Description,
    Edit,
    FieldInfo,
    Finding,
    Page,
    Receipt,
    Remote,
)

PAGE = 1_000
"""Rows a page; the manifest says the same."""
TRIES = 3
"""How often a sheet is drawn again when a person saves it meanwhile."""


def build(context: Context) -> SheetFolder:
    """A connector for one folder."""
    return SheetFolder(context)


class SheetFolder:
    """The folder. All public methods may be called from any thread; one runs at a time."""

    def __init__(self, context: Context) -> None:
        self.folder = Folder(Path(str(context.settings["folder"])).expanduser(), context.streams)
        self.in_place = context.settings.get("write") == "in_place"
        self._notes = self.folder.notes
        self._lock = threading.RLock()
        self._walks: dict[str, Walk] = {}
        self._own: dict[tuple[int, int], tuple[Fingerprint, int | None, int | None]] = {}
        """File before one of our own writes in place → file after it, and where the walk's place has gone."""

    # Checks.

    def check(self) -> Checkup:
        """Look at the folder and at each file that a mapping names."""
        with self._lock:
            if not self.folder.path.is_dir():
                raise Unavailable(f"There is no folder {self.folder.path}; a share may not be mounted")
            findings = [self._look_at(stream) for stream in self.folder.streams]
            if not os.access(self.folder.path, os.W_OK):
                findings.append(
                    Finding(
                        not self.folder.streams,
                        "The folder is read-only.",
                        "Allow writing, or map `direction: in`.",
                    )
                )
            return Checkup(str(self.folder.path), tuple(findings) or (Finding(True, self._files_here()),))

    def _look_at(self, stream: str) -> Finding:
        try:
            with self.folder.errors(stream):
                view = self.folder.view(stream)
                if self._notes.drawn(view.file)[2]:
                    self._draw(stream)
        except ToolError as error:
            return Finding(False, str(error), error.remedy)
        except ConfigError as error:
            return Finding(False, str(error), error.remedy)
        return Finding(True, f"{view.file}: {len(view.columns)} columns, told apart by {', '.join(view.ids)}")

    def _files_here(self) -> str:
        names = sorted(path.name for path in self.folder.path.glob("*.csv"))
        return f"The folder has {', '.join(names) if names else 'no .csv file yet'}."

    def describe(self, stream: str) -> Description:
        """The columns of the file; others can be added."""
        with self._lock, self.folder.errors(stream):
            view = self.folder.view(stream)
            must = view.ids if len(view.ids) == 1 and not fills_ids(view.ids) else ()
            fields = tuple(FieldInfo(name, label=name, required=name in must) for name in view.columns)
            return Description(stream, fields, open=view.sheet.style.header)

    def close(self) -> None:
        """Let go of the notes and of walks begun."""
        with self._lock:
            self._notes.close()
            for walk in self._walks.values():
                walk.seen.close()
            self._walks.clear()

    # Reads.

    def read(self, stream: str, cursor: Cursor | None) -> Page:
        """The next page; a changed file is shown whole, an unchanged one is only looked at from outside."""
        with self._lock, self.folder.errors(stream):
            told, path = self.folder.told(stream), self.folder.file(stream)
            place = Place.of(cursor)
            if place and place.mark == told.mark:
                place = self._followed(place)
                same = place.file.fits(path.stat())
                if place.walking:
                    if not same:
                        raise CursorExpired(f"{told.file} changed while it was read", stream=stream)
                    return self._page(stream, place)
                file = place.file if same and place.file.settled else Fingerprint.of(path)
                if file.digest == place.file.digest:
                    return self._own_writes(stream, place._replace(file=file))
            seq = self._notes.last_written(told.file)
            return self._page(stream, Place(Fingerprint.of(path), told.mark, walking=True, seq=seq))

    def _own_writes(self, stream: str, place: Place) -> Page:
        """What the hub itself wrote to a file that nobody else changed; mostly nothing."""
        written = self._notes.written(self.folder.told(stream).file, place.seq, PAGE)
        if not written:
            return Page([], place.cursor())
        records = self.fetch(stream, list(dict.fromkeys(one for _, one in written)))
        return Page(records, place._replace(seq=written[-1][0]).cursor(), more=len(written) == PAGE)

    def fetch(self, stream: str, ids: Sequence[str]) -> Sequence[Remote]:
        """These rows as they are now; one pass over the file."""
        with self._lock, self.folder.errors(stream):
            view = self.folder.view(stream)
            found = view.find(set(ids))
            return [view.remote(found[one]) if one in found else self._missing(view, one) for one in ids]

    def _missing(self, view: View, one: str) -> Remote:
        return Remote(one, {}, deleted=True, moved_to=self._notes.moved_to(view.file, one))

    def _followed(self, place: Place) -> Place:
        """The place in the file as our own writes in place have left it since."""
        while own := self._own.get((place.file.size, place.file.mtime_ns)):
            file, before, now = own
            if not place.walking:
                place = place._replace(file=file)
            elif place.after is None and place.at == before and now is not None:
                place = place._replace(file=file, at=now)
            else:
                break
        return place

    def _page(self, stream: str, place: Place) -> Page:
        view = self.folder.view(stream)
        walk = self._walk(stream, view, place)
        lines: list[Line] = []
        problems: list[str] = []
        at, line, unread = place.at or view.sheet.body, place.line or view.sheet.body_line, place.unread
        taken = 0
        if place.after is None:
            with closing(view.sheet.rows(at, line)) as rows:
                for row in islice(rows, PAGE):
                    taken, at, line = taken + 1, row.end, row.line + row.lines
                    found, problem, hidden = walk.take(view, row)
                    lines += [found] if found else []
                    problems += [problem] if problem else []
                    unread += hidden
        if not place.file.fits(view.sheet.path.stat()):
            raise CursorExpired(f"{view.file} changed while it was read", stream=stream)
        for one in lines:
            view.settle(one)
        place = place._replace(at=at, line=line, unread=unread)
        walk.at = at
        if taken == PAGE:
            return self._shown(view, lines, problems, place, more=True)
        added = list(view.added(after=place.after or "", limit=PAGE))
        lines += [one for one in added if not walk.seen.has(one.id)]
        if len(added) == PAGE:
            return self._shown(view, lines, problems, place._replace(after=added[-1].home), more=True)
        return self._last(stream, view, lines, problems, place)

    def _shown(self, view: View, lines: Sequence[Line], problems: Sequence[str], place: Place, *, more: bool) -> Page:
        records = [view.remote(line) for line in lines if line.cells is not None]
        return Page(records, place.cursor(), more=more, problems=problems)

    def _last(self, stream: str, view: View, lines: Sequence[Line], problems: list[str], place: Place) -> Page:
        """The end of a walk: moved ids are told, and only a walk that understood every row calls itself complete."""
        seen = self._walks.pop(stream).seen
        moved = [
            Remote(old, {}, deleted=True, moved_to=new)
            for old, new in self._notes.moves(view.file)
            if not seen.has(old) and (seen.has(new) or self._notes.overlay_now(view.file, new))
        ]
        if place.unread:
            problems.append(
                f"{view.file}: {place.unread} rows could not be told apart,"
                " so no row is taken for deleted until they are mended"
            )
        else:
            view.forget_missing(seen.has_home)
        seen.close()
        page = self._shown(view, lines, problems, place, more=False)
        drawn, _, due = self._notes.drawn(view.file)
        if due or drawn:
            with suppress(OSError, ToolError):  # `check` tells about it, and the next write tries again
                self._draw(stream)
                place = self._followed(place._replace(walking=False))
        done = Place(place.file, place.mark, seq=place.seq)
        return page._replace(records=[*page.records, *moved], next=done.cursor(), complete=not place.unread)

    def _walk(self, stream: str, view: View, place: Place) -> Walk:
        """The walk that stands at this place; after a restart, what it has seen is gathered again."""
        walk = self._walks.get(stream)
        if walk and walk.mark == place.mark and place.at is not None and walk.at == place.at:
            return walk
        if walk:
            walk.seen.close()
        walk = self._walks[stream] = Walk(place.mark, Seen())
        if place.at is not None:
            with closing(view.sheet.rows()) as rows:
                for row in rows:
                    if row.start >= place.at:
                        break
                    walk.take(view, row)
        return walk

    # Writes.

    def write(self, stream: str, edits: Sequence[Edit]) -> Sequence[Receipt]:
        """Note all edits at once, then draw the sheet; a repeat after a kill finds what was noted."""
        with self._lock, self.folder.errors(stream):
            view = self.folder.view(stream)
            self._must_be_writable(view)
            draft = Draft(view)
            receipts = draft.take(edits)
            if draft.touched:
                draft.keep()
                try:
                    self._draw(stream)
                except OSError as error:
                    raise Unknown(
                        f"The edits are noted, but {view.file} could not be written: {error.strerror}",
                        stream=stream,
                    ) from error
            return [self._still_in_yours(view.file, *pair) for pair in zip(edits, receipts, strict=True)]

    def _still_in_yours(self, file: str, edit: Edit, receipt: Receipt) -> Receipt:
        """Who must be deleted for good is out of the copy; a file that is not ours to change still has them."""
        if not edit.for_good or self.in_place or receipt.error is not None:
            return receipt
        return Receipt(error=Unsupported(f"The hub does not change {file}: delete the row there."))

    def find(self, stream: str, key: str) -> Remote | None:
        """The row that the create with this key made, under whatever id it has now."""
        with self._lock, self.folder.errors(stream):
            view = self.folder.view(stream)
            made = self._notes.made_by(view.file, key) or (generated_id(key) if fills_ids(view.ids) else "")
            made = self._notes.moved_to(view.file, made) or made
            line = view.find({made}).get(made)
            return view.remote(line) if line else None

    def _must_be_writable(self, view: View) -> None:
        if not os.access(self.folder.path, os.W_OK):
            raise Forbidden(
                f"The folder {self.folder.path} is read-only",
                remedy="Allow the hub to write there, or map `direction: in`.",
            )
        lock = view.sheet.path.with_name(f".~lock.{view.sheet.path.name}#")
        if self.in_place and lock.exists():
            raise Unavailable(
                f"{view.file} is open in a spreadsheet program",
                remedy="Close the file there; the hub tries again by itself.",
            )

    def _draw(self, stream: str) -> None:
        """Bring the sheet on disk in step with the notes: beside the source, or in its place."""
        for _ in range(TRIES):
            with suppress(FileMoved):
                return self._draw_in_place(stream) if self.in_place else self._draw_beside(stream)
        return None  # noted as due: drawn at the next write or reading

    def _draw_beside(self, stream: str) -> None:
        view, file = self.folder.view(stream), self.folder.told(stream).file
        target = self.folder.path / "out" / file
        drawn, drawing, _ = self._notes.drawn(view.file)

        def before(new: Fingerprint) -> bool:
            self._notes.note_drawn(view.file, drawn, new.digest, due=True)
            set_aside(target, (drawn, drawing, new.digest))
            return True

        digest = draw(view, target, before).fingerprint.digest
        self._notes.note_drawn(view.file, digest, None, due=False)

    def _draw_in_place(self, stream: str) -> None:
        view = self.folder.view(stream)
        stat = view.sheet.path.stat()
        walk = self._walks.get(stream)
        target = view.sheet.path.resolve()
        known = (stat.st_size, stat.st_mtime_ns)

        def before(_: Fingerprint) -> bool:
            now = view.sheet.path.stat()
            return (now.st_size, now.st_mtime_ns) == known

        place = walk.at if walk else None
        new = draw(view, target, before, watch=place)
        self._notes.clear(view.file)
        self._notes.note_drawn(view.file, None, None, due=False)
        if len(self._own) > 256:
            self._own.clear()
        self._own[known] = (new.fingerprint, place, new.watched)
        if walk and new.watched is not None:
            walk.at = new.watched
