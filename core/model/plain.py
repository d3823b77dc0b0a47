"""Normal forms of plain values: text, names, choices, flags, sets, addresses, references and JSON.

Each function takes any JSON value and gives its normal form, None for blank, or raises `ValueError` with one
sentence that quotes the value. `core.model.types` says which type uses which; this module knows no types.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import orjson

from core.model.values import Json, is_blank

Normal = Callable[[Json], Json]
"""Gives the normal form of a value; raises `ValueError` for a wrong one."""

ADDRESS_PARTS = ("street", "city", "region", "postal_code", "country")
_PLACE = {part: place for place, part in enumerate(ADDRESS_PARTS)}
LARGEST = 2**63 - 1
"""The largest whole number that every store and serialiser takes."""

_YES = frozenset({"true", "yes", "1", "on"})
_NO = frozenset({"false", "no", "0", "off"})

# Control characters say nothing and some stores refuse them. Tabs and line ends stay.
_CONTROLS = {code: None for code in (*range(32), *range(127, 160)) if code not in (9, 10, 13)}
# Half of a pair, left by a tool that cut a text inside an emoji; it cannot be encoded.
_HALVES: dict[int, str | None] = dict.fromkeys(range(0xD800, 0xE000), "\ufffd")
_FOR_TEXT: dict[int, str | None] = {**_CONTROLS, **_HALVES}
# In names also marks without width or that turn the reading order: they hide in copied names and break
# equality.
_UNSEEN = (0xFEFF, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2060, 0x206A))
_FOR_NAMES: dict[int, str | None] = {
    **{code: None for code in _CONTROLS if not chr(code).isspace()},
    **_HALVES,
    **dict.fromkeys(_UNSEEN),
}


def quoted(value: Json) -> str:
    """The value as a message shows it: in quotes and at most 40 characters of it."""
    text = value if isinstance(value, str) else str(value)
    return repr(text if len(text) <= 40 else text[:39] + "…")


def not_a(value: Json, what: str) -> ValueError:
    """The error for a value that is not `what`, to be raised."""
    return ValueError(f"{quoted(value)} is not {what}")


def as_text(value: Json, what: str) -> str:
    """The text of a text or number; `what` names the type in the message for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and abs(value) <= LARGEST:
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        return str(int(value)) if value.is_integer() and abs(value) <= LARGEST else str(value)
    raise not_a(value, what)


def text(value: Json) -> str | None:
    r"""Text in NFC without control characters, trimmed, lines ended by `\n`."""
    if value is None:
        return None
    words = as_text(value, "text")
    if not (words.isascii() and words.isprintable()):
        words = words.translate(_FOR_TEXT).replace("\r\n", "\n").replace("\r", "\n")
        words = unicodedata.normalize("NFC", words)
    return words.strip() or None


def name(value: Json) -> str | None:
    """Text on one line with single spaces. Upper and lower case are the bearer's business and stay."""
    if value is None:
        return None
    words = as_text(value, "a name")
    if not (words.isascii() and words.isprintable()):
        words = unicodedata.normalize("NFC", words.translate(_FOR_NAMES))
    return " ".join(words.split()) or None


def choice(choices: tuple[str, ...]) -> Normal:
    """One of `choices`, found whatever its case and whether spaces, hyphens or underscores part its words.

    Without choices, any text stands.
    """
    exact = frozenset(choices)
    alike = {_alike(word): word for word in choices}
    known = ", ".join(choices[:8]) + (", …" if len(choices) > 8 else "")

    def normal(value: Json) -> str | None:
        word = name(value)
        if word is None or word in exact or not exact:
            return word
        if found := alike.get(_alike(word)):
            return found
        raise not_a(value, f"one of {known}")

    return normal


def flag(value: Json) -> bool | None:
    """True or false, also as yes/no, on/off, 1/0."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float | str):
        word = str(int(value)) if value in (0, 1) else str(value).strip().lower()
        if not word:
            return None
        if word in _YES:
            return True
        if word in _NO:
            return False
    raise ValueError(f"{quoted(value)} is neither true nor false")


def distinct(element: Normal, separators: str) -> Normal:
    """A sorted list of distinct values, from a list or from one text with the elements between separators."""
    split = re.compile(f"[{re.escape(separators)}]").split

    @lru_cache(maxsize=4096)
    def remembered(words: tuple[str, ...]) -> tuple[Json, ...]:
        return tuple(sorted({found for word in words if (found := element(word)) is not None}))

    def normal(value: Json) -> list[Json] | None:
        if value is None:
            return None
        if value.__class__ is list and all(one.__class__ is str for one in value):
            # The same few sets of words recur in thousands of records.
            return list(remembered(tuple(value))) or None
        if isinstance(value, str):
            value = split(value)
        elif not isinstance(value, list | tuple):
            value = [value]
        return sorted({found for part in value if (found := element(part)) is not None}) or None

    return normal


def address(value: Json) -> dict[str, str] | None:
    """A postal address by its parts; blank parts are left out."""
    if value.__class__ is dict and value and _plain_parts(value):
        return value
    if is_blank(value):
        return None
    if not isinstance(value, dict):
        raise not_a(value, f"an address with parts ({', '.join(ADDRESS_PARTS)})")
    if unknown := [part for part in value if part not in ADDRESS_PARTS]:
        raise not_a(unknown[0], f"a part of an address ({', '.join(ADDRESS_PARTS)})")
    kept = {}
    for part in ADDRESS_PARTS:
        words = value.get(part)
        if words is not None and (words := text(words) if part == "street" else name(words)) is not None:
            kept[part] = words
    if len(kept.get("country", "")) == 2:
        kept["country"] = kept["country"].upper()
    return kept or None


def _plain_parts(value: dict[str, Json]) -> bool:
    """Whether an address is in normal form at a glance: known parts in their order, plain words in each."""
    place = -1
    for part in value:
        here = _PLACE.get(part, -1)
        if here <= place:
            return False
        place = here
    try:
        joined = "|".join(value.values())
    except TypeError:
        return False
    return (
        joined.isascii()
        and joined.isprintable()
        and not (" |" in joined or "| " in joined or "||" in joined or "  " in joined)
        and joined[:1] not in ("", " ", "|")
        and joined[-1:] not in (" ", "|")
        and (len(country := value.get("country", "")) != 2 or country.isupper())
    )


def ref(value: Json) -> int | dict[str, str] | None:
    """A record's id in the hub, or, while it is not bound, where it is found: `{"in", "stream", "id"}`."""
    if is_blank(value):
        return None
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= LARGEST:
        return value
    if isinstance(value, dict) and value.keys() == {"in", "stream", "id"}:
        place = {part: name(value[part]) for part in ("in", "stream", "id")}
        if None not in place.values():
            return {part: words for part, words in place.items() if words is not None}
    raise not_a(value, "a reference to a record")


def refs(value: Json) -> list[Json] | None:
    """Several references, each once, in the order of their JSON text, like the elements of every set."""
    if value is None:
        return None
    found = [one for part in (value if isinstance(value, list | tuple) else [value]) if (one := ref(part))]
    distinct_ones = {orjson.dumps(one, option=orjson.OPT_SORT_KEYS): one for one in found}
    return [distinct_ones[words] for words in sorted(distinct_ones)] or None


def json(value: Json) -> Json:
    """Anything that is JSON, as it is."""
    if is_blank(value):
        return None
    try:
        sound = _is_json(value)
    except RecursionError:
        sound = False
    if not sound:
        raise not_a(value, "plain JSON")
    return value


def _alike(word: str) -> str:
    return re.sub(r"[\s_\-]+", "_", word).casefold()


def _is_json(value: Any) -> bool:
    match value:
        case None | bool():
            return True
        case int():
            return -LARGEST <= value <= LARGEST
        case float():
            return math.isfinite(value)
        case str():
            return "\0" not in value and not any("\ud800" <= sign <= "\udfff" for sign in value)
        case list():
            return all(map(_is_json, value))
        case dict():
            return all(isinstance(key, str) and _is_json(key) for key in value) and all(map(_is_json, value.values()))
    return False
