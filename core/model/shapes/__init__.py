"""The canonical shapes: one file a kind, and how an installation adds fields of its own.

The order of kinds is the order of work: what others refer to goes first, so that references resolve at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from core.model.shape import Field, Shape
from core.model.shapes.activity import ACTIVITY
from core.model.shapes.company import COMPANY
from core.model.shapes.contact import CONTACT
from core.model.shapes.custom import custom_fields
from core.model.shapes.deal import DEAL
from core.model.shapes.document import DOCUMENT
from core.model.shapes.owner import OWNER
from core.model.shapes.payment import PAYMENT
from core.model.shapes.ticket import TICKET
from core.model.shapes.topics import Topic, fields_of

__all__ = ["KIND_ORDER", "KNOWN_BY_EMAIL", "SHAPES", "Topic", "load_custom_fields", "shapes_with"]

SHAPES: Mapping[str, Shape] = MappingProxyType(
    {shape.kind: shape for shape in (OWNER, COMPANY, CONTACT, DEAL, TICKET, ACTIVITY, DOCUMENT, PAYMENT)}
)
"""Kind → shape, in `KIND_ORDER`."""

KIND_ORDER: tuple[str, ...] = tuple(SHAPES)
"""Owners before companies, companies before contacts, contacts before deals and all that hangs on them."""

KNOWN_BY_EMAIL: tuple[str, ...] = (OWNER.kind, CONTACT.kind)
"""The kinds of people: an email address is enough to say which record is meant."""


def load_custom_fields(text: str, file: str) -> dict[str, list[Field]]:
    """Read an installation's own fields from YAML, by kind; `ConfigError` names file, line and column."""
    return custom_fields(text, file, SHAPES)


def shapes_with(custom: Mapping[str, Iterable[Field]], topics: Iterable[Topic] = ()) -> Mapping[str, Shape]:
    """Shapes with an installation's own fields and topics; `ValueError` for a taken name, `KeyError` for no kind."""
    extended = {kind: SHAPES[kind].extended(fields) for kind, fields in custom.items()}
    if about := fields_of(topics):
        extended[CONTACT.kind] = extended.get(CONTACT.kind, CONTACT).extended(about)
    return MappingProxyType({**SHAPES, **extended})
