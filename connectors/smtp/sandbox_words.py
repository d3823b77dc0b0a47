"""Words on an IMAP line: atoms, quoted strings, literals and lists (RFC 3501, section 9); names in modified UTF-7."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from io import BufferedIOBase
from typing import Any

Words = list[Any]
"""Texts, and lists of them for what stands in brackets."""

_LITERAL = re.compile(rb"\{(\d+)\}\r?\n\Z")
# An atom may hold sections, `BODY[HEADER.FIELDS (TO)]<0.99>`, in which there are spaces.
_WORD = re.compile(r'\s*(?:(\()|(\))|"((?:[^"\\]|\\.)*)"|\x00(\d+)\x00|((?:[^\s()"\[\x00]|\[[^\]]*\])+))')


def read_words(line: BufferedIOBase, say: Callable[[str], None]) -> Words:
    """The next command, its literals asked for one by one; empty where the line has ended."""
    text, literals = "", []
    while True:
        raw = line.readline(65_536)
        if not raw:
            return []
        literal = _LITERAL.search(raw)
        text += (raw[: literal.start()] if literal else raw).decode("utf-8", "replace")
        if literal is None:
            break
        literals.append(_literal(line, int(literal[1]), say))
        text += f"\x00{len(literals) - 1}\x00"
    return _words(text.strip(), literals)


def _literal(line: BufferedIOBase, size: int, say: Callable[[str], None]) -> str:
    say(f"+ Ready for {size} bytes")
    return line.read(size).decode("utf-8", "replace")


def _words(text: str, literals: list[str]) -> Words:
    stack: list[Words] = [[]]
    place = 0
    while place < len(text):
        found = _WORD.match(text, place)
        if found is None:
            return [*stack[0][:1], "BROKEN"]
        place = found.end()
        opens, closes, in_quotes, literal, atom = found.groups()
        if opens:
            stack.append([])
        elif closes:
            if len(stack) == 1:
                return [*stack[0][:1], "BROKEN"]
            done = stack.pop()
            stack[-1].append(done)
        elif literal is not None:
            stack[-1].append(literals[int(literal)])
        else:
            stack[-1].append(re.sub(r"\\(.)", r"\1", in_quotes) if in_quotes is not None else atom)
    return stack[0] if len(stack) == 1 else [*stack[0][:1], "BROKEN"]


def quoted(text: str) -> str:
    """A quoted string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def utf7(name: str) -> str:
    """A mailbox's name as it goes over the line (RFC 3501, section 5.1.3)."""
    return re.sub(r"&|[^ -~]+", lambda found: "&-" if found[0] == "&" else _shifted(found[0]), name)


def _shifted(text: str) -> str:
    return "&" + base64.b64encode(text.encode("utf-16-be")).decode().rstrip("=").replace("/", ",") + "-"


def utf7_read(name: str) -> str:
    """A mailbox's name as people write it."""

    def plain(found: re.Match[str]) -> str:
        inner = found[1].replace(",", "/")
        return base64.b64decode(inner + "=" * (-len(inner) % 4)).decode("utf-16-be") if inner else "&"

    return re.sub(r"&([A-Za-z0-9+,]*)-", plain, name)
