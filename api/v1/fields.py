"""Fields of a kind as inputs of a form, in the words of the editors of Zapier and Make."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from api.v1.reading import Told

if TYPE_CHECKING:
    from core.model.shape import Field as ModelField

_ZAPIER = {"number": "number", "flag": "boolean", "instant": "datetime", "ref": "integer", "text": "text"}
_MAKE = {"number": "number", "flag": "boolean", "instant": "date", "ref": "uinteger", "email": "email", "url": "url"}


class Option(Told):
    """A value that may be chosen."""

    label: str
    value: str


class ZapierField(Told):
    """An input of Zapier's editor."""

    key: str
    label: str
    type: str = Field(description="string, text, integer, number, boolean or datetime.")
    required: bool
    many: bool = Field(alias="list")
    choices: list[str] = Field(description="Empty where any value is taken.")
    help_text: str


class MakeField(Told):
    """A parameter of Make's editor."""

    name: str
    label: str
    type: str = Field(description="text, number, uinteger, boolean, date, email, url, select, array or any.")
    required: bool
    multiple: bool
    options: list[Option]
    help: str


FieldsOut = list[ZapierField | MakeField]


def of_zapier(one: ModelField) -> ZapierField:
    """A field as Zapier asks for it."""
    type_ = _ZAPIER.get(one.type, "string")
    return ZapierField(
        key=one.name, label=label_of(one), type=type_, required=False, list=one.type == "tags" or one.many,
        choices=list(one.choices), help_text=one.doc,
    )  # fmt: skip


def of_make(one: ModelField) -> MakeField:
    """A field as Make asks for it."""
    several = one.type == "tags" or one.many
    type_ = "select" if one.choices else "array" if several else _MAKE.get(one.type, "text")
    type_ = "any" if one.type in ("json", "address", "money") else type_
    return MakeField(
        name=one.name, label=label_of(one), type=type_, required=False, multiple=several,
        options=[Option(label=each, value=each) for each in one.choices], help=one.doc,
    )  # fmt: skip


def label_of(one: ModelField) -> str:
    """Its name as people read it."""
    return one.name.replace("_", " ").replace(".", " ")
