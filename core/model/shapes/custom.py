"""An installation's own fields, read from YAML with the same declaration as the built-in ones.

    contact:
      - {name: shoe_size, type: number, doc: Shoe size (EU)., example: 42, personal: true}

Every mistake is told with file, line and column, and nothing is taken over from a file that has one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields as attributes_of
from typing import Any, NoReturn

from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from core.errors import ConfigError
from core.model.shape import RULES, Field, Shape
from core.model.types import TYPES
from core.model.yaml_reader import yaml_reader

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_NEEDED = ("name", "type", "doc", "example")
_KNOWN = tuple(attribute.name for attribute in attributes_of(Field) if attribute.name != "beside")
_SET_ELEMENTS = ("email", "phone", "domain")
_CUSTOM_RULES = tuple(rule for rule in RULES if rule != "strictest")  # consent is a law and not for declaring

_Fail = Callable[[str | None, str], NoReturn]
"""Raises for an attribute, at its place (None: at the field's), with what is wrong."""


def custom_fields(text: str, file: str, shapes: Mapping[str, Shape]) -> dict[str, list[Field]]:
    """The fields by kind. Raises `ConfigError` with `FILE:LINE:COLUMN:` before what is wrong."""
    declared = _parse(text, file)
    if declared is None:
        return {}
    if not isinstance(declared, CommentedMap):
        _fail(file, (0, 0), "expected kinds with their fields, such as `contact:` and a list below it")
    found: dict[str, list[Field]] = {}
    for kind, listed in declared.items():
        if kind not in shapes:
            _fail(file, declared.lc.key(kind), f"there is no kind {kind!r}; there are {', '.join(shapes)}")
        if not isinstance(listed, CommentedSeq):
            _fail(file, declared.lc.value(kind), f"expected a list of fields of {kind}")
        found[kind] = _of_kind(shapes[kind], listed, shapes.keys(), file)
    return found


def _parse(text: str, file: str) -> Any:
    try:
        return yaml_reader("rt", pure=True).load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        _fail(file, (mark.line, mark.column) if mark else (0, 0), f"not valid YAML: {error.problem}")
    except YAMLError as error:
        raise ConfigError(f"{file}: not valid YAML: {error}") from error


def _of_kind(shape: Shape, listed: CommentedSeq, kinds: Collection[str], file: str) -> list[Field]:
    found: dict[str, Field] = {}
    for place, declared in enumerate(listed):
        if not isinstance(declared, CommentedMap):
            _fail(file, listed.lc.item(place), "expected a field with name, type, doc and example")
        field = _field(declared, kinds, _failing(declared, file))
        if field.name in shape.fields or field.name in found:
            _fail(file, declared.lc.value("name"), f"{shape.kind} has a field named {field.name!r} already")
        found[field.name] = field
    return list(found.values())


def _field(declared: CommentedMap, kinds: Collection[str], fail: _Fail) -> Field:
    for word in declared:
        if word not in _KNOWN:
            fail(word, f"a field has no {word!r}; it has {', '.join(_KNOWN)}")
    for word in _NEEDED:
        if declared.get(word) in (None, ""):
            fail(None, f"the field has no {word}")
    for word in ("name", "type", "doc", "rule", "of"):
        if word in declared and not isinstance(declared[word], str):
            fail(word, f"{word} must be text")
    for word in ("personal", "many"):
        if not isinstance(declared.get(word, False), bool):
            fail(word, f"{word} must be true or false")
    if not isinstance(declared.get("choices", []), list):
        fail("choices", "choices must be a list")
    field = Field(
        name=declared["name"],
        type=declared["type"],
        doc=declared["doc"],
        example=None,
        personal=declared.get("personal", False),
        rule=declared.get("rule") or ("union" if declared["type"] == "tags" or declared.get("many") else "latest"),
        of=declared.get("of"),
        choices=tuple(str(choice) for choice in declared.get("choices", [])),
        many=declared.get("many", False),
    )
    _check(field, kinds, fail)
    return _with_example(field, declared["example"], fail)


def _check(field: Field, kinds: Collection[str], fail: _Fail) -> None:
    """Fail unless the parts of a declaration go together."""
    if not _NAME.fullmatch(field.name):
        fail("name", f"{field.name!r} is no name: small letters, digits and underscores, a letter first")
    if field.type not in TYPES:
        fail("type", f"there is no type {field.type!r}; there are {', '.join(TYPES)}")
    if field.rule not in _CUSTOM_RULES:
        fail("rule", f"{field.rule!r} cannot be a field's own rule; choose from {', '.join(_CUSTOM_RULES)}")
    if field.rule == "union" and not field.is_set:
        fail("rule", f"union is for sets; {field.type} is a single value")
    if field.many and field.type != "ref":
        fail("many", "only a ref can be many; use tags for a set of words")
    if (field.type == "choice") != bool(field.choices):
        fail("choices" if field.choices else None, "choices belong to the type choice, and it needs them")
    if field.type == "ref" and field.of is None:
        fail(None, "a ref needs `of`, the kind it points to")
    if field.type == "ref" and field.of not in kinds:
        fail("of", f"there is no kind {field.of!r}; there are {', '.join(kinds)}")
    if field.type == "tags" and field.of not in (None, *_SET_ELEMENTS):
        fail("of", f"the elements of tags are words, or one of {', '.join(_SET_ELEMENTS)}")
    if field.of is not None and field.type not in ("ref", "tags"):
        fail("of", "`of` is for ref and tags")


def _with_example(field: Field, example: Any, fail: _Fail) -> Field:
    try:
        normal = field.normaliser()(_plain(example))
    except ValueError as error:
        fail("example", f"the example does not fit the type: {error}")
    return Field(**{**{part.name: getattr(field, part.name) for part in attributes_of(Field)}, "example": normal})


def _plain(value: Any) -> Any:
    """A YAML value without the marks of where it stood."""
    match value:
        case dict():
            return {str(key): _plain(part) for key, part in value.items()}
        case list():
            return [_plain(part) for part in value]
        case bool():
            return value
        case int():
            return int(value)
        case float():
            return float(value)
        case str():
            return str(value)
    return value


def _failing(declared: CommentedMap, file: str) -> _Fail:
    def fail(word: str | None, what: str) -> NoReturn:
        own_place = (declared.lc.line, declared.lc.col)
        _fail(file, declared.lc.key(word) if word in declared else own_place, what)

    return fail


def _fail(file: str, place: tuple[int, int], what: str) -> NoReturn:
    line, column = place
    raise ConfigError(
        f"{file}:{line + 1}:{column + 1}: {what}",
        remedy="Mend the declaration of custom fields; nothing was changed.",
    )
