"""An edit in Mailchimp's own form: attributes, merge fields, tags and the wanted status, each apart.

They are apart because Mailchimp takes them apart: tags by a call of their own, and a status only where the person's
consent is meant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors._kit.payload import nested
from connectors.mailchimp.describing import Merge
from connectors.mailchimp.words import ADDRESS_PARTS, ATTRIBUTES, EMAIL, STATUS, TAGS, WRITTEN
from core.errors import Refused, SchemaChanged, ToolError
from core.model.values import Json
from core.ports import Edit, Fields

_READ_ONLY = frozenset(one.name for one in ATTRIBUTES if one.read_only)
_EMPTY: Mapping[str, Json] = {"vip": False, "email_type": "html"}
"""What stands for a cleared attribute, where blank text does not."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an edit wants."""

    attributes: dict[str, Json]
    merges: dict[str, Json]
    status: Json = None
    tags: list[str] | None = None
    """All tags the member is to have; None: as they are."""

    @property
    def address(self) -> str:
        """The email address, as far as it is to be written."""
        return str(self.attributes.get(EMAIL) or "").strip()

    def body(self, **more: Json) -> dict[str, Json]:
        """What a call that makes or changes a member takes; nothing where nothing is wanted."""
        merges = {"merge_fields": self.merges} if self.merges else {}
        return {**self.attributes, **merges, **{name: value for name, value in more.items() if value is not None}}


def prepared(edit: Edit, merges: Mapping[str, Merge]) -> Wanted | ToolError:
    """An edit taken apart, or what is wrong with it."""
    fields = nested(edit.fields)
    tags = fields.pop(TAGS, None) if TAGS in fields else _UNSAID
    status = fields.pop(STATUS, None)
    attributes: dict[str, Json] = {}
    merged: dict[str, Json] = {}
    for name, value in fields.items():
        if name in WRITTEN:
            attributes[name] = _attribute(name, value)
        elif name in _READ_ONLY:
            return Refused("Mailchimp keeps this field by itself.", field=name)
        elif name not in merges:
            return SchemaChanged("The audience has no such merge field.", field=name)
        else:
            merged[name] = _merge(merges[name], value, edit.held)
    if attributes.get(EMAIL) == "":
        return Refused("Mailchimp takes no email address away.", field=EMAIL)
    return Wanted(attributes, merged, status, None if tags is _UNSAID else _names(tags))


_UNSAID: Any = object()


def _attribute(name: str, value: Json) -> Json:
    if name == "interests":
        return {id_: bool(on) for id_, on in (value or {}).items()}
    return _EMPTY.get(name, "") if value is None else value


def _merge(merge: Merge, value: Json, held: Fields) -> Json:
    """A merge field's value: blank text clears, and an address goes whole."""
    if merge.type == "address" and isinstance(value, dict):
        before = held.get(merge.tag)
        parts = {**(before if isinstance(before, dict) else {}), **value}
        whole = {part: parts.get(part) or "" for part in ADDRESS_PARTS}
        return whole if any(word for part, word in whole.items() if part != "country") else ""
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, bool) or (merge.type != "number" and not isinstance(value, str | dict)):
        return str(value).lower() if isinstance(value, bool) else str(value)
    return value


def _names(tags: Json) -> list[str]:
    listed = tags if isinstance(tags, list) else [] if tags is None else [tags]
    return sorted({str(one).strip() for one in listed} - {""})
