"""The objects and fields of an org: how a table of words becomes describable types."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from core.model.values import Json

TEXTS = frozenset(
    {"string", "textarea", "email", "phone", "url", "picklist", "multipicklist", "combobox", "encryptedstring"}
)
NUMBERS = frozenset({"currency", "double", "percent", "int"})
COMPOUND = frozenset({"address"})


@dataclass
class Field:
    """One field as describe tells it."""

    name: str
    type: str
    length: int = 0
    required: bool = False
    createable: bool = True
    updateable: bool = True
    refers: tuple[str, ...] = ()
    children: str = ""
    """What the parent calls the rows that point at it by this field."""
    picklist: tuple[str, ...] = ()
    restricted: bool = False
    default: Json = None
    external_id: bool = False
    unique: bool = False
    case_sensitive: bool = False
    calculated: bool = False
    lookup: bool = False
    """It may be used to find a row although it is no external id."""
    custom: bool = False

    @property
    def relationship(self) -> str | None:
        """How a query reaches the row this points at: `Owner` of `OwnerId`, `Thing__r` of `Thing__c`."""
        if self.type != "reference":
            return None
        return f"{self.name[:-1]}r" if self.custom else self.name.removesuffix("Id")

    @property
    def label(self) -> str:
        """What people call it."""
        words = self.name.removesuffix("__c").replace("_", " ")
        words = re.sub(r"Id$", " ID", words) if self.type == "reference" else words
        return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", words)

    @property
    def filterable(self) -> bool:
        """Long texts and compounds cannot be asked for in WHERE and ORDER BY."""
        return self.type not in COMPOUND and not (self.type == "textarea" and self.length > 255)

    @property
    def finds(self) -> bool:
        """Whether a row may be addressed by it."""
        return self.external_id or self.lookup or self.type == "id"

    @property
    def indexed(self) -> bool:
        """Whether rows are kept by its value."""
        return self.external_id or self.unique or bool(self.children) or (self.lookup and self.type != "id")

    def key(self, value: Json) -> str:
        """By which a value is compared for being the same."""
        text = str(value)
        return text if self.case_sensitive or self.type in ("id", "reference") else text.casefold()


@dataclass
class SObject:
    """One object: its name, the prefix of its ids, its fields in order."""

    name: str
    prefix: str
    fields: dict[str, Field] = field(default_factory=dict)
    deletable: bool = True
    createable: bool = True
    updateable: bool = True
    custom: bool = False
    tooling: bool = False
    """Only the tooling interface shows it."""
    undeletable: bool = True
    """Its deleted rows stay in the recycle bin."""
    _lower: dict[str, Field] = field(default_factory=dict)

    def add(self, one: Field) -> None:
        """One more field, or another in its place."""
        self.fields[one.name] = one
        self._lower[one.name.lower()] = one

    def drop(self, name: str) -> None:
        """A field less."""
        del self._lower[name.lower()]
        del self.fields[name]

    def field(self, name: str) -> Field | None:
        """The field of this name in any case."""
        return self._lower.get(name.lower())

    def reaching(self, relationship: str) -> Field | None:
        """The field by which a relationship of this name goes up."""
        wanted = relationship.lower()
        return next((one for one in self.fields.values() if (one.relationship or "").lower() == wanted), None)


SYSTEM = """
Id id 18 readonly
IsDeleted boolean readonly =false
CreatedDate datetime readonly
CreatedById reference readonly ->User
LastModifiedDate datetime readonly
LastModifiedById reference readonly ->User
SystemModstamp datetime readonly
"""


def read_field(line: str) -> Field:
    """A field from its line: `name type [length] [required] [readonly] [createonly] [->Parent/Children] [=default]`."""
    name, kind, *words = re.findall(r"\[[^\]]*\]|\S+", line)
    made = Field(name, kind, custom=name.endswith("__c"))
    for word in words:
        _say(made, word)
    if made.type == "reference":
        made.length = 18
    if made.type in ("picklist", "combobox") and not made.length:
        made.length = 255
    return made


def _say(made: Field, word: str) -> None:
    if word.isdigit():
        made.length = int(word)
    elif word.startswith("->"):
        parents, _, made.children = word[2:].partition("/")
        made.refers = tuple(parents.split("|"))
    elif word.startswith("["):
        made.picklist = tuple(word[1:-1].split("|"))
    elif word.startswith("="):
        made.default = {"true": True, "false": False}.get(word[1:], word[1:].replace("_", " "))
    elif word in ("readonly", "calculated"):
        made.createable = made.updateable = False
        made.calculated = word == "calculated"
    elif word == "createonly":
        made.updateable = False
    else:
        setattr(made, {"caseful": "case_sensitive"}.get(word, word), True)


def read_object(name: str, prefix: str, lines: str, *, leave: Iterable[str] = (), **habits: Any) -> SObject:
    """An object from its table of fields; `leave` names system fields that it has not."""
    made = SObject(name, prefix, **habits)
    left = set(leave)
    for line in filter(None, map(str.strip, f"{SYSTEM}{lines}".splitlines())):
        one = read_field(line)
        if one.name not in left:
            made.add(one)
    return made
