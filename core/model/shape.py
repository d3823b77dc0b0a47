"""Fields and shapes: the declaration of one canonical attribute, and of all attributes of one kind of record.

Everything that must know the model reads it from these declarations: the mapping check, the rules, the
console's forms, erasure, the printed reference. The declarations themselves stand in `core.model.shapes`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from core.model.locale import DEFAULT, Locale
from core.model.types import TYPES, Column, Normal, column, normaliser
from core.model.values import Json, Values, is_blank

RULES = ("latest", "fill", "most_complete", "union", "max", "min", "strictest", "ask")
"""The rules a field may have by itself; `core.decide.rules` says what they do. The others name a connection
or a person, so they exist only in an installation's rules."""


@dataclass(frozen=True, slots=True)
class Field:
    """One canonical attribute, declared once. `example` is in normal form; `type` is one of `TYPES`."""

    name: str
    type: str
    doc: str
    example: Json
    personal: bool = False
    """Whether it is personal data: exported on request, removed by erasure."""
    rule: str = "latest"
    of: str | None = None
    """The kind that a `ref` points to; the type of a set's elements (`email`, `phone`), or None for words."""
    choices: tuple[str, ...] = ()
    many: bool = False
    """Whether a `ref` is a list of them."""
    beside: str | None = None
    """The single field whose losing claims this set keeps; the two are always claimed together."""

    @property
    def is_set(self) -> bool:
        """Whether a value is a list of elements that sources add and take out one by one."""
        return self.many or TYPES[self.type].is_set

    def normaliser(self, locale: Locale = DEFAULT) -> Normal:
        """How a value of this field finds its normal form; see `core.model.types.normaliser`."""
        return normaliser(self.type, locale, self.choices, of=self._element, many=self.many)

    def column(self, locale: Locale = DEFAULT) -> Column:
        """The same for many values at once; see `core.model.types.column`."""
        return column(self.type, locale, self.choices, of=self._element, many=self.many)

    @property
    def _element(self) -> str | None:
        return self.of if self.type == "tags" else None


@dataclass(frozen=True, slots=True)
class Shape:
    """All fields of one kind."""

    kind: str
    doc: str
    fields: Mapping[str, Field]
    title: tuple[str, ...]
    """Fields that name a record for people, joined by spaces."""
    consents: tuple[str, ...] = field(init=False)
    """Fields that say whether a person may be written to: those of which the strictest word stands."""
    refs: tuple[str, ...] = field(init=False)
    """Fields that refer to records."""

    def __post_init__(self) -> None:
        names = tuple(name for name, one in self.fields.items() if one.rule == "strictest")
        object.__setattr__(self, "consents", names)
        object.__setattr__(self, "refs", tuple(name for name, one in self.fields.items() if one.type == "ref"))

    @classmethod
    def of(cls, kind: str, doc: str, fields: Iterable[Field], *, title: tuple[str, ...]) -> Shape:
        """A shape from its fields, in their order."""
        return cls(kind, doc, MappingProxyType({field.name: field for field in fields}), title)

    def extended(self, custom: Iterable[Field]) -> Shape:
        """This shape with an installation's own fields behind; `ValueError` when a name is taken."""
        added = list(custom)
        names = [field.name for field in added]
        for name in names:
            if name in self.fields or names.count(name) > 1:
                raise ValueError(f"{self.kind} has a field named {name!r} already")
        return replace(self, fields=MappingProxyType({**self.fields, **{one.name: one for one in added}}))

    def name_of(self, values: Values) -> str:
        """What people call a record: its title, else the first thing known about it in words, else ''."""
        titled = [str(values[name]) for name in self.title if not is_blank(values.get(name))]
        if titled:
            return " ".join(titled)
        worded = (values.get(name) for name, field in self.fields.items() if field.type in _WORDED)
        return next((str(value) for value in worded if not is_blank(value)), "")


_WORDED = frozenset(("name", "text", "email", "phone", "domain"))
