"""Content lines of vCard and iCalendar: splitting, unfolding, escaping and writing them, with the original text kept.

Cards and calendar objects are edited line by line, so each line remembers its text exactly as it stood, folds and
line end included; a line that no edit touches is written back byte for byte. Parser libraries (vobject,
icalendar) build a tree and write it anew: they sort properties, fold differently, upper-case names and lose
what they do not know, and what comes back re-spelt is an edit nobody made. Nothing here knows what a property
means.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from quopri import decodestring

# Only these end a line; `str.splitlines` also splits at U+2028 and the like, which may stand inside a value.
_PHYSICAL = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")
_FOLD = re.compile(r"(?:\r\n|\r|\n)[ \t]")
_LINE = re.compile(r'(?:([\w-]+)\.)?([\w-]+)((?:;[^;:"]*(?:"[^"]*"[^;:"]*)*)*):(.*)\Z', re.DOTALL)
_TOKEN = re.compile(r';([^;:"]*(?:"[^"]*"[^;:"]*)*)')
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_LONGEST = 75
"""Octets in a physical line before it is folded (RFC 5545 §3.1, RFC 6350 §3.2)."""


@dataclass(frozen=True, slots=True)
class Line:
    """One content line. `raw` is its text as it stands; `name` is upper case, blank for no property."""

    raw: str
    name: str = ""
    group: str = ""
    tokens: tuple[str, ...] = ()
    """The parameters as they are spelt: `TYPE=work,pref`, `PREF=1`, or bare words (vCard 2.1)."""
    value: str = ""
    """Unfolded, QUOTED-PRINTABLE decoded, backslashes still in place."""
    head: str = ""
    """Group and name as they are spelt."""

    def has(self, parameter: str, value: str) -> bool:
        """Whether a parameter holds a value, e.g. `has("VALUE", "uri")`."""
        wanted = f"{parameter}={value}".upper()
        return any(token.upper().replace('"', "") == wanted for token in self.tokens)

    def says(self, word: str) -> bool:
        """Whether a bare word stands among the parameters (vCard 2.1)."""
        return any(token.upper() == word for token in self.tokens)

    def parameter(self, name: str) -> str:
        """The value of a parameter, without its quotes; blank when it is not there."""
        named = (token.partition("=") for token in self.tokens)
        return next((text.strip('"') for own, _, text in named if own.upper() == name), "")

    def without(self, *parameters: str) -> tuple[str, ...]:
        """Its parameters but for the named ones."""
        return tuple(token for token in self.tokens if token.partition("=")[0].upper() not in parameters)

    def rewritten(self, value: str, version: str, tokens: Iterable[str] | None = None) -> Line:
        """This line with another (escaped) value or other parameters, folded, with the line end it had."""
        chosen = self.tokens if tokens is None else tuple(tokens)
        return write(self.head, chosen, value, version, end=line_end(self.raw))


def split(text: str) -> list[Line]:
    """All content lines of a text, in order. Joining their `raw` gives the text back exactly."""
    lines: list[Line] = []
    pieces: list[str] = []
    soft = False
    for physical in _PHYSICAL.findall(text):
        if pieces and not (soft or physical[0] in " \t"):
            lines.append(_parsed("".join(pieces)))
            pieces = []
        pieces.append(physical)
        soft = physical.rstrip("\r\n").endswith("=") and "QUOTED-PRINTABLE" in pieces[0].upper()
    if pieces:
        lines.append(_parsed("".join(pieces)))
    return lines


def write(head: str, tokens: Sequence[str], value: str, version: str, *, end: str) -> Line:
    """A new line: `head` is the name with its group, `value` already escaped."""
    tokens = [token for token in tokens if not _tells_encoding(token)]
    if version == "2.1" and not value.isascii():
        # vCard 2.1 reads bare bytes as ASCII; QUOTED-PRINTABLE is its way to say anything else.
        tokens += ["CHARSET=UTF-8", "ENCODING=QUOTED-PRINTABLE"]
        encoded = "".join(chr(byte) if _plain(byte) else f"={byte:02X}" for byte in value.encode())
        return _parsed(";".join([head, *tokens]) + ":" + encoded + end)
    return _parsed(_folded(";".join([head, *tokens]) + ":" + value, end) + end)


def line_end(text: str) -> str:
    """The line end a text uses first; CRLF, which the standard asks for, when it has none."""
    found = re.search("\r\n|\r|\n", text)
    return found.group() if found else "\r\n"


def escape(text: str) -> str:
    """Text as it stands inside a value."""
    text = text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\\n")


def unescape(value: str) -> str:
    """A value as plain text, trimmed."""
    if "\\" in value:
        value = _ESCAPED.sub(lambda found: "\n" if found[1] in "nN" else found[1], value)
    return value.strip()


def parts(value: str, separator: str) -> list[str]:
    """A value cut at every separator that is not escaped; the parts are still escaped."""
    if "\\" not in value:
        return value.split(separator)
    found, start, place = [], 0, 0
    while place < len(value):
        if value[place] == "\\":
            place += 1
        elif value[place] == separator:
            found.append(value[start:place])
            start = place + 1
        place += 1
    return [*found, value[start:]]


def joined(lines: Iterable[Line]) -> str:
    """The text of these lines; what `split` took apart."""
    return "".join(line.raw for line in lines)


def _parsed(raw: str) -> Line:
    quoted_printable = "QUOTED-PRINTABLE" in raw.upper()
    text = raw.rstrip("\r\n").removeprefix("\ufeff")
    text = re.sub("=(?:\r\n|\r|\n)", "", text) if quoted_printable else text
    found = _LINE.match(_FOLD.sub("", text) if "\n" in text or "\r" in text else text)
    if found is None:
        return Line(raw)
    group, name, parameters, value = found.groups()
    head = f"{group}.{name}" if group else name
    tokens = tuple(_TOKEN.findall(parameters)) if parameters else ()
    line = Line(raw, name.upper(), (group or "").lower(), tokens, value, head)
    return replace(line, value=_decoded(line)) if quoted_printable and tokens else line


def _decoded(line: Line) -> str:
    if not (line.has("ENCODING", "QUOTED-PRINTABLE") or line.says("QUOTED-PRINTABLE")):
        return line.value
    charset = next((token.partition("=")[2] for token in line.tokens if token.upper().startswith("CHARSET=")), "")
    try:
        text = decodestring(line.value.encode(errors="replace")).decode(charset or "utf-8", errors="replace")
    except LookupError:
        text = decodestring(line.value.encode(errors="replace")).decode("utf-8", errors="replace")
    return text.replace("\r\n", "\\n").replace("\n", "\\n")


def _folded(text: str, end: str) -> str:
    if len(text) * 4 <= _LONGEST or len(text.encode()) <= _LONGEST:
        return text
    rows, row, room = [], "", _LONGEST
    for character in text:
        size = len(character.encode())
        if size > room:
            rows.append(row)
            row, room = "", _LONGEST - 1
        row += character
        room -= size
    return f"{end} ".join([*rows, row])


def _tells_encoding(token: str) -> bool:
    return token.upper().startswith(("CHARSET=", "ENCODING=")) or token.upper() == "QUOTED-PRINTABLE"


def _plain(byte: int) -> bool:
    return 32 <= byte < 127 and byte != ord("=")
