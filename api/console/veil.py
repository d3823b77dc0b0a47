"""What a viewer does not see: values of people's fields, and what may be one of theirs within a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from api import reviews
from api.console.people import Role
from api.masking import HUSHED, hushed, is_personal, masked

if TYPE_CHECKING:
    from api.console.desk import Desk
    from api.console.people import Visitor
    from api.listing import Veil


def sees_people(visitor: Visitor) -> bool:
    """Whether personal data is shown to somebody whole."""
    return visitor.may(Role.OPERATOR)


def veil_for(desk: Desk, visitor: Visitor) -> Veil:
    """How values are shown to somebody."""
    shapes = desk.installation.hub().shapes

    def veil(kind: str, name: str, value: Any) -> Any:
        return masked(value) if is_personal(shapes.get(kind), name) else value

    return (lambda _kind, _name, value: value) if sees_people(visitor) else veil


def sentence_for(visitor: Visitor, text: str) -> str:
    """A sentence as somebody may read it."""
    return text if sees_people(visitor) else hushed(text)


def veil_of(visitor: Visitor) -> reviews.Veil:
    """What hides, in what is told of reviews, letters and runs, what somebody may not see."""
    return reviews.OPEN if sees_people(visitor) else HUSHED
