"""What a connector declares to be tried by hostile histories: how people type in its tool, beside its stand-in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class People:
    """The stream of contacts in which people work, and the tool's names for what they type.

    `fields` is canonical field → the tool's; `email` tells people apart and is never changed. The default
    mapping must map them all, both ways. `always` is what a record cannot do without.
    """

    stream: str
    fields: Mapping[str, str]
    always: Mapping[str, Any] = field(default_factory=dict)
    lines: tuple[str, ...] = ()
    """Canonical fields whose lines the default mapping shows in a comment, and which are tried all the same."""
    exempt: Mapping[str, str] = field(default_factory=dict)
    """Step or trouble → why it cannot be tried on this tool."""

    def mapping(self, text: str) -> str:
        """The default mapping as it is tried; `ValueError` where a line of `lines` is in none of its comments."""
        for name in self.lines:
            if f"# {name}: " not in text:
                raise ValueError(f"the mapping shows no line {name} in a comment")
            text = text.replace(f"# {name}: ", f"{name}: ", 1)
        return text

    @property
    def editable(self) -> tuple[str, ...]:
        """The canonical fields that people change."""
        return tuple(name for name in self.fields if name != "email")

    def typed(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Canonical values under the tool's own names."""
        return {self.fields[name]: value for name, value in values.items() if name in self.fields}
