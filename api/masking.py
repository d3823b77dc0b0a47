"""What is hidden from who may not see people: values of their fields, and what may be one of theirs in a sentence.

Pages, the API and webhooks hide by these; who sees whole is theirs to know.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from api import reviews

if TYPE_CHECKING:
    from core.model.shape import Shape

_DOTS = "•"
_POINTS = ("email", "phone", "address")
_ADDRESS = re.compile(r"[^\s@<>()\"',;:]+@[^\s@<>()\"',;:]+")
_QUOTED = re.compile(r"(['\"])((?:(?!\1).)+)\1")
_NUMBER = re.compile(r"(?<![\w-])(?<!\d:)(?!\d{4}-\d\d-\d\d)\+?\d(?:[ ()./-]?\d){6,}")


def is_personal(shape: Shape | None, name: str) -> bool:
    """Whether a field tells of a person: declared so, a way to reach them, what they are called, or not known."""
    one = shape.fields.get(name) if shape is not None else None
    return shape is None or one is None or one.personal or one.type in _POINTS or name in shape.title


def masked(value: Any) -> Any:
    """Something personal, so that it is known again by who knows it, and by nobody else."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, list | tuple):
        return [masked(one) for one in value]
    if isinstance(value, Mapping):
        return {name: masked(one) for name, one in value.items()}
    text = str(value)
    if "@" in text:
        name, _, domain = text.partition("@")
        return f"{name[:1]}{_DOTS * 3}@{domain[:1]}{_DOTS * 3}"
    return " ".join(f"{word[:1]}{_DOTS * 3}" for word in text.split()) or text


def hushed(text: str) -> str:
    """A sentence in which addresses, numbers, and what stands between quotes are masked."""
    without = _ADDRESS.sub(lambda found: str(masked(found[0])), text)
    without = _QUOTED.sub(lambda found: f"{found[1]}{masked(found[2])}{found[1]}", without)
    return _NUMBER.sub(lambda found: str(masked("".join(found[0].split()))), without)


HUSHED = reviews.Veil(masked, hushed)
