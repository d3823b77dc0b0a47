"""How many lines a text has, as YAML counts them, whose places problems name."""

from __future__ import annotations

import re

_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")


def lines(text: str) -> int:
    """One more than its line breaks; a carriage return alone is one, as it is for editors."""
    return len(_BREAK.findall(text)) + 1
