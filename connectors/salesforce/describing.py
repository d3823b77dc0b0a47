"""What an object looks like: Salesforce's describe as our description, and what a query of it asks for.

`Shapes` keeps what was described, because a poll should cost one call. It looks again when a stream is described
or walked anew, and when Salesforce does not know a field any more.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from connectors._kit.payload import Payload
from connectors.salesforce.client import Client
from connectors.salesforce.consents import PEOPLE, fields_of
from connectors.salesforce.soql import LONGEST, length, select
from connectors.salesforce.words import (
    CONSENTS,
    CONTACTS,
    KEY_FIELD,
    NOISE,
    PARTY,
    PREFERENCES,
    ROLE,
    STAMP,
    TYPES,
    UNREADABLE,
)
from core.errors import Gone, SchemaChanged
from core.ports import Description, FieldInfo

ALWAYS = (
    "Id", STAMP, "IsDeleted", "MasterRecordId", "IsConverted", "ConvertedContactId",
)  # fmt: skip
"""Asked for wherever they are, whatever the mapping names: what a record is, and where it went."""


class Key(NamedTuple):
    """The field for our idempotency key on one object, as far as it is there."""

    name: str
    visible: bool = False
    finds: bool = False
    """It is an external id, so that records can be upserted by it."""
    unique: bool = False
    writable: bool = False

    @property
    def promises(self) -> bool:
        """Whether a create that is repeated by it makes no second record."""
        return self.visible and self.finds and self.unique and self.writable


class Shape(NamedTuple):
    """One object as it is now: its description, the fields a query asks for, what may be done."""

    description: Description
    select: tuple[str, ...]
    types: Mapping[str, str]
    """Field → Salesforce's type."""
    key: Key
    queryable: bool
    createable: bool
    updateable: bool
    deletable: bool
    logged: bool
    """Salesforce keeps a log of its deletions."""
    record_types: Mapping[str, str]
    """Id → name, the master type left out."""
    consents: tuple[str, ...] = ()
    """Names of the consents of people that are to be read, without `consents.`; none where nobody reads them."""

    @property
    def name(self) -> str:
        """The object's name."""
        return self.description.stream

    @property
    def plain(self) -> tuple[str, ...]:
        """The fields a query asks for, without what we make of other objects."""
        return tuple(name for name in self.select if name != CONTACTS)


class Shapes:
    """The objects of one connection, described when first needed. Thread-safe."""

    def __init__(
        self,
        client: Client,
        options: Mapping[str, Mapping[str, Any]],
        key_field: str = KEY_FIELD,
        reads: Mapping[str, frozenset[str]] | None = None,
    ) -> None:
        """`reads` names the fields of each object that the mapping reads."""
        self.key_field = key_field
        self._client = client
        self._options = options
        self._reads = reads or {}
        self._known: dict[str, Shape] = {}
        self._consents: tuple[FieldInfo, ...] = ()
        self._lock = threading.Lock()

    def of(self, stream: str) -> Shape:
        """The object as it was described last; anew while it lacks a field of the mapping, which may come back."""
        known = self._known.get(stream)
        if known is None or not self._reads.get(stream, frozenset()) - {CONSENTS} <= set(known.select):
            return self.anew(stream)
        return known

    def anew(self, stream: str, *, everything: bool = False) -> Shape:
        """The object described now, with `everything` also what nobody reads and other objects keep.

        `SchemaChanged` when the user has no such object.
        """
        try:
            described = self._client.describe(stream)
        except Gone as error:
            raise SchemaChanged(
                f"Salesforce has no object {stream}, or the user may not see it.",
                remedy="Check the name, and that a permission set of the user lets it read the object.",
                stream=stream,
            ) from error
        only = _only(self._options.get(stream, {}))
        shape = shape_of(described, key_field=self.key_field, only=(*only, PARTY) if only else ())
        watched = CONSENTS in self._reads.get(stream, ())
        if stream in PEOPLE and PARTY in shape.types and (everything or watched):
            shape = self._with_consents(shape)
        with self._lock:
            self._known[stream] = shape
        return shape

    def _with_consents(self, shape: Shape) -> Shape:
        """A shape of people in an org that keeps consents by contact point."""
        self._consents = self._consents or fields_of(self._client)
        about = replace(shape.description, fields=(*shape.description.fields, *self._consents))
        read = self._consents if CONSENTS in self._reads.get(shape.name, ()) else ()
        return shape._replace(description=about, consents=tuple(one.name.partition(".")[2] for one in read))

    def changed(self, stream: str) -> bool:
        """Look again after a field was not known; whether a query would now ask for other fields."""
        before = self._known.get(stream)
        return before is None or self.anew(stream).select != before.select


def shape_of(described: Payload, *, key_field: str = KEY_FIELD, only: Sequence[str] = ()) -> Shape:
    """The shape in a describe answer; `only` narrows the fields to those, beside what is always asked for."""
    stream = described.text("name")
    fields = [field for field in described.each("fields") if not field.flag("deprecatedAndHidden", False)]
    shown = [field for field in fields if _is_shown(stream, field)]
    infos = tuple(_info(field) for field in shown)
    roles = _contacts(described)
    wanted = {*only, *ALWAYS, key_field} if only else None
    names = (info.name for info in (*infos, *roles))
    return Shape(
        Description(stream, (*infos, *roles)),
        tuple(name for name in names if wanted is None or name in wanted),
        {field.text("name"): field.text("type") for field in shown},
        next((_key(field) for field in fields if field.text("name") == key_field), Key(key_field)),
        described.flag("queryable", True),
        described.flag("createable", False),
        described.flag("updateable", False),
        described.flag("deletable", False),
        described.flag("deletable", False) and described.flag("replicateable", True),
        {
            one.text("recordTypeId"): one.text("name")
            for one in described.each("recordTypeInfos", [])
            if not one.flag("master", False)
        },
    )


def too_long(shape: Shape) -> SchemaChanged | None:
    """Why an object cannot be read as it is: so many fields that no address holds them."""
    if length(select(shape.select, shape.name)) <= LONGEST * 3 // 4:
        return None
    return SchemaChanged(
        f"{shape.name} has {len(shape.select)} fields, more than one query can ask for.",
        remedy=f"Name those the mapping uses: `options: {{fields: 'Name, Email'}}` beside `as:` of {shape.name}.",
        stream=shape.name,
    )


def _only(options: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(filter(None, (name.strip() for name in str(options.get("fields") or "").split(","))))


def _is_shown(stream: str, field: Payload) -> bool:
    name = field.text("name")
    switches = stream == "User" and name.startswith(PREFERENCES)
    return field.text("type") not in UNREADABLE and name not in NOISE and not switches


def _info(field: Payload) -> FieldInfo:
    createable, updateable = field.flag("createable", False), field.flag("updateable", False)
    type_ = field.text("type")
    return FieldInfo(
        field.text("name"),
        TYPES.get(type_, "text"),
        field.text("label", ""),
        read_only=not createable and not updateable,
        required=createable and not field.flag("nillable", True) and not field.flag("defaultedOnCreate", False),
        choices=_choices(field),
        custom=field.flag("custom", False),
        max_length=(field.whole("length", 0) or None) if type_ not in ("reference", "id") else None,
        create_only=createable and not updateable,
        refers_to=_refers_to(field.many("referenceTo", [])),
    )


def _choices(field: Payload) -> tuple[str, ...]:
    return tuple(one.text("value") for one in field.each("picklistValues", []) if one.flag("active", True))


def _refers_to(names: Sequence[Any]) -> str | None:
    """The stream a reference points to; None where it may be several (an owner is a user, or else a queue)."""
    kinds = [str(name) for name in names if name != "Group"]
    return kinds[0] if len(kinds) == 1 else None


def _key(field: Payload) -> Key:
    return Key(
        field.text("name"),
        visible=True,
        finds=field.flag("externalId", False),
        unique=field.flag("unique", False),
        writable=field.flag("createable", False),
    )


def _contacts(described: Payload) -> tuple[FieldInfo, ...]:
    """`ContactIds`, where the object has roles that the user may see."""
    children = described.each("childRelationships", [])
    if described.text("name") != "Opportunity" or not any(one.text("childSObject", "") == ROLE for one in children):
        return ()
    return (FieldInfo(CONTACTS, "tags", "Contacts (by contact roles)", refers_to="Contact"),)
