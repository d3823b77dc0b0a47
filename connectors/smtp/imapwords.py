"""Words on an IMAP line: what we say, quoted as it wants it, and what its answers hold. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from core.model.instant import Instant, instant

_UID = re.compile(rb"\bUID (\d+)")
_DATE = re.compile(rb'\bINTERNALDATE "([^"]+)"')
_NO_LITERAL = re.compile(rb'\bBODY\[[^\]]*\](?:<\d+>)? (?:NIL|"((?:[^"\\]|\\.)*)")')
_BODY = re.compile(rb"\bBODY\[[^\]]*\](?:<\d+>)? \{\d+\}$")


class Mail(NamedTuple):
    """One mail, or the part of it that was asked for."""

    uid: int
    at: Instant
    """When it arrived, by the server's clock."""
    raw: bytes


def text(words: str) -> str:
    """A quoted string. Control signs become spaces: they have no place in one."""
    plain = "".join(letter if letter.isprintable() else " " for letter in words)
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def spans(uids: Iterable[int]) -> str:
    """A set of numbers, runs of them as `from:to`."""
    runs: list[list[int]] = []
    for uid in sorted(set(uids)):
        if runs and runs[-1][1] == uid - 1:
            runs[-1][1] = uid
        else:
            runs.append([uid, uid])
    return ",".join(str(first) if first == last else f"{first}:{last}" for first, last in runs)


def utf7(name: str) -> str:
    """A mailbox's name in modified UTF-7 (RFC 3501, 5.1.3), in which IMAP wants it."""

    def shifted(found: re.Match[str]) -> str:
        return (
            "&-" if found[0] == "&" else "&" + found[0].encode("utf-7").decode()[1:].rstrip("-").replace("/", ",") + "-"
        )

    return re.sub(r"&|[^ -~]+", shifted, name)


def plain_name(name: str) -> str:
    """A mailbox's name as people write it."""

    def shifted(found: re.Match[str]) -> str:
        return ("+" + found[1].replace(",", "/") + "-").encode().decode("utf-7", "replace") if found[1] else "&"

    return re.sub(r"&([A-Za-z0-9+,]*)-", shifted, name)


def listed_name(line: object) -> str:
    """The name in an answer to LIST, as IMAP has it."""
    plain = line.decode("utf-8", "replace") if isinstance(line, bytes) else str(line)
    found = re.search(r'(?:"[^"]*"|NIL) (?:"((?:[^"\\]|\\.)*)"|(\S+))$', plain)
    name = (found[1] or found[2] or "") if found else plain
    return re.sub(r"\\(.)", r"\1", name)


def mails_in(data: Iterable[Any]) -> Iterable[Mail]:
    """The mails in an answer to FETCH: pieces of text, and literals behind the text that announces them."""
    head, body = b"", b""
    for piece in data:
        if isinstance(piece, tuple):
            head += piece[0]
            body = piece[1] if _BODY.search(piece[0]) else body
            continue
        head += piece or b""
        uid, at = _UID.search(head), _DATE.search(head)
        if uid and at:
            spelt = _NO_LITERAL.search(head)
            yield Mail(int(uid[1]), _instant(at[1]), spelt[1] or b"" if spelt else body)
        head, body = b"", b""


def _instant(stamp: bytes) -> Instant:
    try:
        return instant(datetime.strptime(stamp.decode().strip(), "%d-%b-%Y %H:%M:%S %z"))
    except ValueError:
        return instant(datetime(1970, 1, 1, tzinfo=UTC))


def number_in(data: Sequence[Any]) -> int | None:
    """The number in an answer; None where there is none."""
    told = data[0] if data else None
    return int(told) if told and bytes(told).isdigit() else None


def reply_of(data: Sequence[Any]) -> object:
    """What the server said, of an answer's data or of an error that the library made of it."""
    return data[-1] if data else ""
