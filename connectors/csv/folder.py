"""The folder as the streams see it: which file is whose, how it is spelled, and what can be wrong with it.

Options come from the mapping, everything else is found out from the file whenever it has changed.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from connectors.csv.notes import Notes
from connectors.csv.sheet import open_sheet
from connectors.csv.sniff import columns_of, style_of
from connectors.csv.style import Style
from connectors.csv.view import View
from core.errors import ConfigError, Forbidden, SchemaChanged, Unavailable


class Told(NamedTuple):
    """What a mapping says of a stream: its file, the columns of its id, and how the file is spelled."""

    file: str
    ids: tuple[str, ...]
    spelling: Mapping[str, Any]
    mark: str
    """Changes with any option, so that a stream is read anew when its mapping reads it differently."""

    @classmethod
    def of(cls, stream: str, options: Mapping[str, Any]) -> Told:
        """Read the options of a stream; `ConfigError` for a file outside the folder."""
        file = str(options.get("file") or f"{stream}.csv")
        path = PurePosixPath(file)
        if path.is_absolute() or ".." in path.parts:
            raise ConfigError(f"stream {stream}: {file!r} is not inside the folder of the connection")
        ids = options.get("id")
        named = (ids,) if isinstance(ids, str) else tuple(map(str, ids or ()))
        mark = hashlib.blake2s(json.dumps(dict(options), sort_keys=True, default=str).encode(), digest_size=6)
        return cls(file, named, options, mark.hexdigest())


class Folder:
    """One folder with its notes. What it raises is of `core.errors`, inside `errors`."""

    def __init__(self, path: Path, streams: Mapping[str, Mapping[str, Any]]) -> None:
        self.path = path
        self.notes = Notes(path)
        self.streams = {name: Told.of(name, options) for name, options in streams.items()}
        self._styles: dict[str, tuple[tuple[int, int], Style]] = {}

    def told(self, stream: str) -> Told:
        """What the mapping says of a stream; without a word from it, the file is named like the stream."""
        return self.streams.get(stream) or Told.of(stream, {})

    def file(self, stream: str) -> Path:
        """The file of a stream; a missing or empty one is an error, never an empty listing."""
        told = self.told(stream)
        path = self.path / told.file
        if not path.is_file():
            if not self.path.is_dir():
                raise Unavailable(f"There is no folder {self.path}; a share may not be mounted")
            raise SchemaChanged(
                f"There is no file {told.file} in {self.path}",
                remedy="Put the file back, or name another one in the mapping's `options: file:`.",
                stream=stream,
            )
        if not path.stat().st_size:
            raise SchemaChanged(
                f"{told.file} is empty, not even a header line stands in it",
                remedy="It may have been saved half: save it again, or restore it.",
                stream=stream,
            )
        return path

    def view(self, stream: str) -> View:
        """The sheet as it stands now; `SchemaChanged` or `ConfigError` where its rows cannot be told apart."""
        told, path = self.told(stream), self.file(stream)
        sheet = open_sheet(path, told.file, self._style(told, path))
        ids = told.ids or (("id",) if "id" in sheet.columns else ())
        if not ids:
            unique = [column.name for column in columns_of(path, sheet.style) if column.unique]
            raise ConfigError(
                f"stream {stream}: the mapping does not say which column tells the rows of {told.file} apart",
                remedy="Add `options: {id: …}`; "
                + (f"these would do: {', '.join(unique)}." if unique else "no single column would do."),
            )
        missing = [name for name in ids if name not in sheet.columns]
        if missing:
            raise SchemaChanged(
                f"{told.file} has no column {missing[0]!r}, which tells its rows apart",
                remedy=f"The file has: {', '.join(sheet.columns)}. Mend its header or the mapping's `options: id:`.",
                stream=stream,
            )
        decimal = told.spelling.get("decimal")
        return View.of(sheet, self.notes, ids, str(decimal) if decimal else None)

    def _style(self, told: Told, path: Path) -> Style:
        stat = path.stat()
        known = self._styles.get(told.file)
        if known is None or known[0] != (stat.st_size, stat.st_mtime_ns):
            known = ((stat.st_size, stat.st_mtime_ns), style_of(path, told.spelling))
            self._styles[told.file] = known
        return known[1]

    @contextmanager
    def errors(self, stream: str) -> Iterator[None]:
        """What the file system and the notes complain of, in the hub's words."""
        try:
            yield
        except PermissionError as error:
            raise Forbidden(
                f"{error.filename or self.path} may not be read or written",
                remedy="Grant the hub's user access.",
            ) from error
        except OSError as error:
            raise Unavailable(f"{error.filename or self.path}: {error.strerror or error}", stream=stream) from error
        except sqlite3.Error as error:
            raise Unavailable(f"The notes in {self.path} cannot be used: {error}", stream=stream) from error
