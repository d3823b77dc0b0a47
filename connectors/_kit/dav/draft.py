"""A text of content lines being edited: lines are replaced one by one, and all others stay byte for byte.

What a property means and which lines are the record's own is known to the connector that derives from `Draft`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from connectors._kit.dav.contentline import Line, escape, joined, line_end, parts, split, unescape, write
from connectors._kit.dav.dialect import MemberError
from core.model.values import Json

_UNWRITABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML, and so WebDAV, cannot carry."""


class Draft:
    """A text, its lines and the edits of them. `version` is that of vCard or iCalendar."""

    version = "2.0"

    def __init__(self, text: str) -> None:
        self.lines = split(text)
        self.end = line_end(text)

    @property
    def text(self) -> str:
        """The text as it now stands."""
        return joined(self.lines)

    def own(self) -> list[Line]:
        """The record's own lines, in order; new ones are put after the last."""
        raise NotImplementedError

    def named(self, name: str) -> list[Line]:
        """The record's own lines of this name, in order."""
        return [line for line in self.own() if line.name == name]

    def swap(self, line: Line, value: str, tokens: Iterable[str] | None = None) -> None:
        """Write one line anew."""
        self.lines[self.place_of(line)] = line.rewritten(value, self.version, tokens)

    def add(self, name: str, value: str, tokens: Sequence[str] = ()) -> None:
        """A new line after the last of its name, else after the record's last line."""
        after = (self.named(name) or self.own())[-1]
        self.lines.insert(self.place_of(after) + 1, write(name, tokens, value, self.version, end=self.end))

    def place_of(self, line: Line) -> int:
        """Where a line stands; equal lines are told apart."""
        return next(place for place, known in enumerate(self.lines) if known is line)

    def remove(self, gone: Iterable[Line]) -> None:
        """Take lines out."""
        gone = list(gone)
        self.lines = [line for line in self.lines if not any(line is one for one in gone)]

    def put_categories(self, wanted: list[str], held: Sequence[Line]) -> None:
        """Words are taken out of the lines that hold them; new ones join the last line."""
        present = {unescape(word) for line in held for word in parts(line.value, ",")}
        missing = [word for word in wanted if word not in present]
        for line in held:
            words = parts(line.value, ",")
            kept = [word for word in words if unescape(word) in {"", *wanted}]
            kept += [escape(word) for word in missing] if line is held[-1] else []
            if not any(word.strip() for word in kept):
                self.remove([line])
            elif kept != words:
                self.swap(line, ",".join(kept))
        if missing and not held:
            self.add("CATEGORIES", ",".join(map(escape, missing)))


def plain(name: str, value: Json) -> str:
    """One text for a field, blank for none; `MemberError` for what cannot stand in a line."""
    if isinstance(value, dict | list):
        raise MemberError(f"'{name}' takes one text, not {'an object' if isinstance(value, dict) else 'a list'}")
    text = "" if value is None else str(value)
    if _UNWRITABLE.search(text):
        raise MemberError(f"'{name}' holds a control character, which cannot be kept there")
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def listed(name: str, value: Json) -> list[str]:
    """Several texts for a field, each once."""
    if value is not None and not isinstance(value, list):
        raise MemberError(f"'{name}' takes a list of texts")
    return [text for text in dict.fromkeys(plain(name, item) for item in value or []) if text]
