"""Values as people type them, at a command or in a form."""

from __future__ import annotations

import orjson

from core.decide.why import text
from core.model.shape import Field
from core.model.values import Json, is_blank

_AS_JSON = ("json", "address", "ref", "money", "number")


def typed(given: str, one: Field | None = None) -> Json:
    """What was typed, as JSON where it is that, else as words; None for nothing.

    Of a field that is known to hold words, words are taken as they are: a phone number is no number.
    """
    if is_blank(given.strip()):
        return None
    if one is not None and one.type not in _AS_JSON:
        return given
    try:
        return orjson.loads(given)
    except orjson.JSONDecodeError:
        return given


def as_typed(one: Field, value: Json) -> str:
    """A value as it stands in a field of a form, so that `typed` reads it back."""
    if is_blank(value):
        return ""
    if one.type == "tags" and isinstance(value, list):
        return "; ".join(str(part) for part in value)
    if one.type == "flag":
        return "yes" if value else "no"
    return text(value)
