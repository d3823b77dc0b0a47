"""What a viewer does not see: values of people's fields, and what may be one of theirs within a sentence."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from api import reviews
from api.console.desk import masked
from api.console.people import Role

if TYPE_CHECKING:
    from api.console.desk import Desk
    from api.console.people import Visitor
    from api.listing import Veil
    from core.model.shape import Shape

_POINTS = ("email", "phone", "address")
_ADDRESS = re.compile(r"[^\s@<>()\"',;:]+@[^\s@<>()\"',;:]+")
_QUOTED = re.compile(r"(['\"])((?:(?!\1).)+)\1")
_NUMBER = re.compile(r"(?<![\w-])(?<!\d:)(?!\d{4}-\d\d-\d\d)\+?\d(?:[ ()./-]?\d){6,}")


def sees_people(visitor: Visitor) -> bool:
    """Whether personal data is shown to somebody whole."""
    return visitor.may(Role.OPERATOR)


def is_personal(shape: Shape | None, name: str) -> bool:
    """Whether a field tells of a person: declared so, a way to reach them, what they are called, or not known."""
    one = shape.fields.get(name) if shape is not None else None
    return shape is None or one is None or one.personal or one.type in _POINTS or name in shape.title


def veil_for(desk: Desk, visitor: Visitor) -> Veil:
    """How values are shown to somebody."""
    shapes = desk.installation.hub().shapes

    def veil(kind: str, name: str, value: Any) -> Any:
        return masked(value) if is_personal(shapes.get(kind), name) else value

    return (lambda _kind, _name, value: value) if sees_people(visitor) else veil


def sentence_for(visitor: Visitor, text: str) -> str:
    """A sentence as somebody may read it."""
    return text if sees_people(visitor) else hushed(text)


def hushed(text: str) -> str:
    """A sentence in which addresses, numbers, and what stands between quotes are masked."""
    without = _ADDRESS.sub(lambda found: str(masked(found[0])), text)
    without = _QUOTED.sub(lambda found: f"{found[1]}{masked(found[2])}{found[1]}", without)
    return _NUMBER.sub(lambda found: str(masked("".join(found[0].split()))), without)


HUSHED = reviews.Veil(masked, hushed)


def veil_of(visitor: Visitor) -> reviews.Veil:
    """What hides, in what is told of reviews, letters and runs, what somebody may not see."""
    return reviews.OPEN if sees_people(visitor) else HUSHED
