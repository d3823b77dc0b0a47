"""What a step is: a pair of functions between the tool's form and ours, with its doc, parameters and examples.

A step is declared once; the checker, the JSON Schema, the reference page and the tests of its examples follow from
the declaration. A step is pure: the same value gives the same result, and it raises `ValueError` with one plain
sentence where a value cannot be turned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from core.model.plain import quoted as told
from core.model.types import Locale
from core.model.values import Json

__all__ = [
    "REQUIRED",
    "SAME",
    "Arguments",
    "Example",
    "Form",
    "Pair",
    "Parameter",
    "Step",
    "Turn",
    "same",
    "surviving",
    "text_of",
    "told",
]

Turn = Callable[[Json], Json]
"""Turns one value that is not blank."""

Form = Literal["text", "number", "flag", "list", "map", "any"]
"""What a value looks like between steps."""

Arguments = Mapping[str, Json]
"""Parameter name → what the mapping line gives for it, defaults filled in."""

REQUIRED: Final = object()
"""The default of a parameter that must be given."""

SAME: Final = object()
"""Said of an example whose way back gives exactly the value it began with."""


class Pair(NamedTuple):
    """Both ways of a step. A way that is None does not exist; blanks become `blank_in` and `blank_out`."""

    inward: Turn | None
    outward: Turn | None
    blank_in: Json = None
    blank_out: Json = None


class Parameter(NamedTuple):
    """One argument of a step. `words` is a map of text to text, `texts` a list of text."""

    name: str
    type: Literal["text", "number", "texts", "words", "value"]
    doc: str
    default: Json = REQUIRED

    @property
    def required(self) -> bool:
        """Whether the mapping line must give it."""
        return self.default is REQUIRED


class Example(NamedTuple):
    """What a step does: `remote` becomes `canonical`; the way back gives `back`, the same value when not said."""

    remote: Json
    canonical: Json
    arguments: Arguments = MappingProxyType({})
    back: Json = SAME


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the palette. `build` makes the pair from the arguments and the installation's locale.

    `loses` says in a few words what does not survive the way out and in again; blank where everything does.
    """

    name: str
    doc: str
    remote: Form
    canonical: Form
    build: Callable[[Arguments, Locale], Pair]
    examples: tuple[Example, ...]
    parameters: tuple[Parameter, ...] = ()
    ways: Literal["both", "in", "one"] = "both"
    """`in`: there is no way back. `one`: either way, but not both in one line."""
    loses: str = ""
    takes_blank: bool = field(default=False)
    """The step gives something for a blank value too."""

    def __post_init__(self) -> None:
        if not self.examples:
            raise ValueError(f"the step {self.name} needs an example")

    def pair(
        self,
        arguments: Arguments,
        locale: Locale = Locale(),  # noqa: B008 - frozen, so sharing one is safe
    ) -> Pair:
        """Both ways with these arguments; raises `ValueError` where an argument makes no sense."""
        defaults = {p.name: p.default for p in self.parameters if not p.required}
        return self.build({**defaults, **arguments}, locale)


def same(value: Json) -> Json:
    """The way of a step that changes nothing in this direction."""
    return value


def text_of(value: Json) -> str:
    """A value that should be text; numbers are written out, anything else is refused with `ValueError`."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise ValueError(f"{told(value)} is not text")


def surviving(outward: Turn, inward: Turn) -> Turn:
    """A way out that refuses what could not be read back, e.g. 1912 as `12`, instead of writing another value."""

    def careful(value: Json) -> Json:
        written = outward(value)
        if inward(written) != value:
            raise ValueError(f"{told(value)} cannot be written so that it is read back the same ({told(written)})")
        return written

    return careful
