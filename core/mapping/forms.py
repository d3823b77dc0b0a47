"""Do the forms of values fit along a line: the tool's field, each step, the canonical type, and back?

A form is rougher than a type: text, number, flag, list, map. A number and its text pass for one another, because
every step and type reads both. What fits here may still be a wrong value; what does not fit here never works.
"""

from __future__ import annotations

from typing import NamedTuple

from core.mapping.language import Line
from core.mapping.problem import Place
from core.mapping.steps import Form
from core.mapping.tool import RemoteField
from core.model.shape import Field

_TEXTS = ("text", "email", "phone", "name", "url", "domain", "choice", "date", "instant", "ref")
_FORM_OF: dict[str, Form] = {
    **dict.fromkeys(_TEXTS, "text"),
    "number": "number",
    "flag": "flag",
    "tags": "list",
    "address": "map",
    "money": "map",
    "json": "any",
}
_READS: dict[str, tuple[Form, ...]] = {
    "money": ("map", "number", "text"),
    "tags": ("list", "text"),
    "flag": ("flag", "text", "number"),
}
"""Types that read more forms than the one they are kept in."""


class Misfit(NamedTuple):
    """Two neighbours on a line that do not fit."""

    place: Place
    what: str
    expected: str
    remedy: str


def misfit(line: Line, field: Field, remote: RemoteField | None) -> Misfit | None:
    """The first place where a line's forms do not fit, inwards before outwards; None where all fit."""
    found = _inward(line, field, remote) if line.direction != "out" else None
    return found or (_outward(line, field, remote) if line.direction != "in" else None)


def _inward(line: Line, field: Field, remote: RemoteField | None) -> Misfit | None:
    form, giver = _start(line, remote), "The tool's field"
    for use in line.steps:
        if not _fit(form, use.step.remote):
            return Misfit(
                use.place,
                f"{giver} gives {_told(form)}, and the step `{use.name}` reads {_told(use.step.remote)}.",
                _told(use.step.remote),
                f"Put a step before `{use.name}` that gives {_told(use.step.remote)}.",
            )
        form, giver = _after(form, use.step.remote, use.step.canonical), f"The step `{use.name}`"
    reads = _reads(field)
    if not any(_fit(form, reading) for reading in reads):
        return Misfit(
            line.at("field"),
            f"{giver} gives {_told(form)}, and `{field.name}` is of the type {field.type}.",
            " or ".join(_told(reading) for reading in reads),
            _remedy(form, field),
        )
    return None


def _outward(line: Line, field: Field, remote: RemoteField | None) -> Misfit | None:
    if line.compute:
        return None
    form: Form = _own_form(field)
    for use in reversed(line.steps):
        if not _fit(form, use.step.canonical):
            return Misfit(
                use.place,
                f"On the way out the step `{use.name}` reads {_told(use.step.canonical)} and gets {_told(form)}.",
                _told(use.step.canonical),
                f"Put a step behind `{use.name}`, or leave it out.",
            )
        form = _after(form, use.step.canonical, use.step.remote)
    wanted = _start(line, remote)
    wordy = wanted == "number" and form == "text" and not line.steps and not line.vocabulary
    if not _fit(form, wanted) or wordy:
        return Misfit(
            line.at("field"),
            f"`{field.name}` is of the type {field.type} and goes out as {_told(form)}; the tool's field takes "
            f"{_told(wanted)}.",
            _told(wanted),
            _remedy(wanted, field),
        )
    return None


def _start(line: Line, remote: RemoteField | None) -> Form:
    if line.parts:
        return "map"
    if line.compute or remote is None or remote.type == "money":
        return "any"
    return _FORM_OF.get(remote.type, "any")


def _own_form(field: Field) -> Form:
    return "list" if field.many else _FORM_OF.get(field.type, "any")


def _reads(field: Field) -> tuple[Form, ...]:
    return ("list", "text") if field.many else _READS.get(field.type, (_own_form(field),))


def _fit(given: Form, wanted: Form) -> bool:
    return given == wanted or "any" in (given, wanted) or {given, wanted} == {"text", "number"}


def _after(form: Form, taken: Form, given: Form) -> Form:
    """What follows a step; one that takes and gives anything leaves the form as it is."""
    return form if taken == given == "any" else given


def _told(form: Form) -> str:
    return {
        "text": "text",
        "number": "a number",
        "flag": "true or false",
        "list": "a list",
        "map": "a map of parts",
        "any": "anything",
    }[form]


def _remedy(remote: Form, field: Field) -> str:
    own = _own_form(field)
    if field.type == "money":
        return "Add `steps: [{money: EUR}]`, or name both fields: `field: {amount: …, currency: …}`."
    if field.type == "address":
        return "Name the tool's fields by part: `field: {street: …, city: …}`."
    if own == "list" and remote == "text":
        return "Add `steps: [list]`."
    if own == "text" and remote == "list":
        return "Add `steps: [only]`, or `steps: [joined]`."
    if own == "flag" and remote == "text":
        return "Add `steps: [{yes_no: [Yes, No]}]`."
    if own == "text" and remote == "number":
        return "Add `steps: [number_text]`, or map another field."
    if own == "text" and remote == "flag":
        return "For consent add `steps: [opt_out_flag]`; otherwise a vocabulary with `true` and `false`."
    return "Add a step between the two, or map another field."
