"""The JSON Schema (2020-12) of movement policies, so that editors complete and underline while an admin types.

It follows from the words of the file and the shapes. It knows less than `core.decide.movement.reading`, which has the
last word: names that refer and stages that nothing reaches are seen only there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from core.decide.movement.policy import ANY, EVIDENCE, JOURNEY, OTHER, To
from core.decide.movement.words import (
    ACKNOWLEDGEMENT,
    BY,
    DAYS,
    EVERY_DAY,
    FIRST,
    FIRST_TYPES,
    HAND_OFF,
    HAND_OFF_KINDS,
    MODES,
    OUTSIDE,
    RULE,
    RUNG,
    RUNG_STEPS,
    SECTIONS,
    STAGE,
    STAGE_KINDS,
    STEPS,
    TOUCH,
    TOUCH_KINDS,
    Words,
)
from core.mapping.comparing import WORDS
from core.model.shape import Shape

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string", "minLength": 1}
_NAME: Schema = {"type": ["string", "number"]}
_LENGTH: Schema = {"type": "string", "pattern": r"^\s*[0-9]*[1-9][0-9]*\s*(min|h|d)\s*$"}
_ADDRESS: Schema = {"type": "string", "pattern": "^[^@ ]+@[^@ ]+$"}
_YES_OR_NO: Schema = {"enum": [True, False, "yes", "no"]}
_FROM_TO: Schema = {"type": "string", "pattern": r"^(closed|[0-9]{1,2}:[0-9]{2}\s*(-|to)\s*[0-9]{1,2}:[0-9]{2})$"}
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}(\s+to\s+[0-9]{4}-[0-9]{2}-[0-9]{2})?"
_DATES: Schema = {"type": "string", "pattern": f"^{_DAY}$"}
_HOLIDAY: Schema = {"type": "string", "pattern": f"^([0-9]{{2}}-[0-9]{{2}}|{_DAY})$"}
_LINK = re.compile(r" \(\[.*?\)\)|`")


def schema(shapes: Mapping[str, Shape]) -> Schema:
    """The schema for movement policies over these shapes, as plain JSON."""
    kinds = sorted({*STAGE_KINDS, *HAND_OFF_KINDS, *TOUCH_KINDS})
    words = _words(shapes[kind] for kind in kinds)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Concord movement policy",
        "description": "What is asked of open records: an owner, a next action, its timing, and a recovery.",
        **_map(SECTIONS, _sections()),
        "$defs": {
            "length": _LENGTH,
            "address": _ADDRESS,
            "first": _map(FIRST, {"say": _TEXT, "within": _ref("length"), "type": {"enum": list(FIRST_TYPES)}},
                          ["say", "within"]),
            "rung": _rung(),
            **{f"stage_{kind}": _stage(kind) for kind in STAGE_KINDS},
            "hand_off": _of_kind(HAND_OFF, {"quiet": _ref("length"), "first": _ref("first"), "ladder": _NAME},
                                 HAND_OFF_KINDS, ["of", "when", "first"]),
            "rule": _rule(),
            "acknowledgement": _of_kind(ACKNOWLEDGEMENT, {"within": _ref("length"), **_letter()}, STAGE_KINDS,
                                        ["of", "subject", "question", "next"]),
            "touch": _of_kind(TOUCH, {"after": _ref("length"), "first": _ref("first")}, TOUCH_KINDS, list(TOUCH)),
            **{f"when_{kind}": _when(shapes[kind], words) for kind in kinds},
            "asked": {"type": "object", "minProperties": 1, "propertyNames": {"enum": list(WORDS)}},
            "wanted": _wanted({"not": {"type": "object"}}),
            **{name: _wanted({"enum": [*choices, None]}) for choices, name in words.items()},
        },
    }  # fmt: skip


def _sections() -> Schema:
    days = "|".join(f"[{one[0].upper()}{one[0]}]{one[1:]}" for one in DAYS)
    return {
        "time_zone": _TEXT,
        "hours": {
            "type": "object",
            "minProperties": 1,
            "patternProperties": {f"^(({days})( to ({days}))?|{EVERY_DAY})$": _one_or_several(_FROM_TO)},
            "additionalProperties": False,
        },
        "holidays": {"anyOf": [_several(_HOLIDAY), _named(_one_or_several(_HOLIDAY))]},
        "escalate_to": _ref("address"),
        "answered_within": _ref("length"),
        "ladders": _named({"type": "array", "minItems": 1, "items": _ref("rung")}),
        "ladder": _NAME,
        "stages": {
            "type": "object",
            "properties": {kind: _named(_ref(f"stage_{kind}")) for kind in STAGE_KINDS},
            "patternProperties": {f"^{kind} in .+$": _named(_ref(f"stage_{kind}")) for kind in STAGE_KINDS[1:]},
            "additionalProperties": False,
        },
        "hand_offs": _named(_ref("hand_off")),
        "ownership": _named(_ref("rule")),
        "absences": _named(_one_or_several(_DATES)) | {"propertyNames": _ADDRESS},
        "acknowledgements": _named(_ref("acknowledgement")),
        "mail": _NAME,
        "reactivation": _named(_ref("touch")),
        "after_sale": _named(_ref("touch")),
        "follow_through": _map(STEPS, {step: {"enum": list(MODES)} for step in STEPS}),
    }


def _stage(kind: str) -> Schema:
    needed = ["when", "means", "journey"] if kind == "contact" else ["means", "journey"]
    return _map(STAGE, {
        "when": _ref(f"when_{kind}"),
        "means": _TEXT,
        "journey": {"enum": list(JOURNEY)},
        "evidence": _one_or_several({"enum": list(EVIDENCE)}),
        "evidence_from": {"enum": [ANY, OTHER]},
        "exit": _TEXT,
        "first": _ref("first"),
        "oldest": _ref("length"),
        "ladder": _NAME,
        "open": _YES_OR_NO,
    }, needed)  # fmt: skip


def _rung() -> Schema:
    to = {"anyOf": [{"enum": list(To)}, _ref("address")]}
    said = {"after": _ref("length"), "do": {"enum": list(RUNG_STEPS)}, "to": to, "say": _TEXT}
    return _map(RUNG, said, ["after", "do"])


def _letter() -> Schema:
    return dict.fromkeys(("topic", "subject", "question", "next", "text"), _TEXT)


def _rule() -> Schema:
    shares = {"type": "object", "additionalProperties": {"type": "integer", "minimum": 1}, "propertyNames": _ADDRESS}
    said = {
        "arrives": {"enum": [OUTSIDE]},
        "quiet": _ref("length"),
        "same_as": {"enum": ["company", "contact"]},
        "team": _NAME,
        "to": {"anyOf": [_ref("address"), _several(_ref("address")), shares]},
        "by": _one_or_several({"enum": list(BY)}),
    }
    rule = _of_kind(RULE, said, STAGE_KINDS, ["of"])
    rule["properties"]["of"] = {"description": RULE["of"], **_one_or_several({"enum": list(STAGE_KINDS)})}
    return rule


def _of_kind(words: Words, said: Schema, kinds: Iterable[str], needed: list[str]) -> Schema:
    """A part that says of which kind it is, and whose `when` asks that kind's fields."""
    each = [
        {
            "if": {"required": ["of"], "properties": {"of": {"const": kind}}},
            "then": {"properties": {"when": _ref(f"when_{kind}")}},
        }
        for kind in kinds
    ]
    whole = {"of": {"enum": list(kinds)}, "when": {"type": "object", "minProperties": 1}, **said}
    return {**_map(words, whole, needed), "allOf": each}


def _words(shapes: Iterable[Shape]) -> dict[tuple[str, ...], str]:
    """Choices → the name of their definition; fields that have the same words share it."""
    found: dict[tuple[str, ...], str] = {}
    for shape in shapes:
        for one in shape.fields.values():
            if one.choices:
                found.setdefault(one.choices, f"wanted_{shape.kind}_{one.name.replace('.', '_')}")
    return found


def _when(shape: Shape, words: Mapping[tuple[str, ...], str]) -> Schema:
    """A filter. Parts of addresses and an installation's own fields are known to the hub alone."""
    found = {
        one.name: {"description": f"{one.doc} ({one.type})", **_ref(words.get(one.choices, "wanted"))}
        for one in shape.fields.values()
    }
    return {"description": shape.doc, "type": "object", "minProperties": 1, "properties": found}


def _wanted(value: Schema) -> Schema:
    """What may be asked of a field: a value, several of which any will do, or words of comparing."""
    return {"anyOf": [*_one_or_several(value)["anyOf"], _ref("asked")]}


def _map(words: Words | Mapping[Any, str], said: Schema, needed: Iterable[str] = ()) -> Schema:
    """An object with these words and no others, each with what it says."""
    properties = {str(word): {"description": _LINK.sub("", words[word]), **said[word]} for word in words}
    whole: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**whole, "required": list(needed)} if needed else whole


def _named(value: Schema) -> Schema:
    """An object whose keys are the admin's own names."""
    return {"type": ["object", "null"], "additionalProperties": value}


def _several(value: Schema) -> Schema:
    return {"type": "array", "minItems": 1, "items": value}


def _one_or_several(value: Schema) -> Schema:
    return {"anyOf": [value, _several(value)]}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}
